//! The sandbox's phone in a real browser: what the customer does there happens, and nobody else's page does anything.

use serde_json::{Value, json};

use crate::support::browser::{self, Browser};
use crate::support::shop::Shop;

const ENTER: &str = "\u{e007}";
const SECOND_BIN: &str = "210440028324";

/// An invoice; its Kaspi number and ours.
#[track_caller]
fn billed(shop: &Shop, tiyn: u64, comment: &str) -> (String, String) {
    let sale = json!({"kind": "remote", "amount_tiyn": tiyn, "phone_number": "77015211545", "comment": comment});
    numbers(&shop.door.post("/v1/payments", &sale).expect(201))
}

fn numbers(payment: &Value) -> (String, String) {
    let text = |name: &str| payment[name].as_str().unwrap().to_owned();
    (text("qr_payment_id"), text("id"))
}

/// Waits until a till hears this of its payment.
#[track_caller]
fn hears(shop: &Shop, id: &str, state: &str) {
    let payment = shop.door.get(&format!("/v1/payments/{id}?wait=30s")).expect(200);
    assert_eq!(payment["state"], state, "{payment}");
}

#[track_caller]
fn without_barriers(browser: &Browser, name: &str) {
    browser.picture(name);
    assert_eq!(browser.barriers(), Vec::<String>::new(), "{name}");
}

/// Promise: an invoice comes to the phone by itself and is paid, declined or left to expire there, by the keyboard alone; what
/// the till wrote stands there as it was written, and is no markup.
#[test]
fn a_customer_answers_an_invoice() {
    let Some(browser) = Browser::open(1200, 1700) else { return };
    let shop = Shop::open();
    browser.go(shop.place("phone_url"));
    browser.shows("Nothing waits.");
    without_barriers(&browser, "phone-empty");
    let hostile = "<img src=x onerror=document.title='taken'>";
    let (number, id) = billed(&shop, 15_050, hostile);
    browser.shows("150.50 ₸");
    browser.shows(hostile);
    without_barriers(&browser, "phone-waits");
    browser.keys(&format!("#pay-{number}"), ENTER);
    browser.shows(&format!("Done: payment {number}, paid"));
    hears(&shop, &id, "paid");
    browser.shows("99,999,849.50 ₸");
    for (act, state) in [("decline", "declined"), ("expire", "expired")] {
        let (number, id) = billed(&shop, 9_000, "Roses");
        browser.keys(&format!("#{act}-{number}"), ENTER);
        browser.shows(&format!("Done: payment {number}, {state}"));
        let payment = shop.door.get(&format!("/v1/payments/{id}?wait=30s")).expect(200);
        assert!(["declined", "expired"].contains(&payment["state"].as_str().unwrap()), "{payment}");
    }
    assert_eq!(browser.run("return document.title"), "Kaspi sandbox: the phone and the bank");
    without_barriers(&browser, "phone-past");
}

/// What a decoder of another house reads from the picture that a till shows; `None`, and a word about it, where there is none.
fn seen_by_a_camera(shop: &Shop, id: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("qr.png");
    let answer = shop.door.get(&format!("/v1/payments/{id}/qr.png"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    std::fs::write(&picture, &answer.body).unwrap();
    browser::seen_by_a_camera(&picture)
}

/// Promise: what a QR or a link says is pasted, scanned and confirmed, as a camera would.
#[test]
fn a_customer_scans() {
    let Some(browser) = Browser::open(420, 1100) else { return };
    let shop = Shop::open();
    browser.go(shop.place("phone_url"));
    for (kind, field) in [("qr", "qr_token"), ("link", "link")] {
        let payment = shop.door.post("/v1/payments", &json!({"kind": kind, "amount_tiyn": 120_000})).expect(201);
        let (number, id) = numbers(&payment);
        let text = payment[field].as_str().unwrap();
        assert_eq!(seen_by_a_camera(&shop, &id).unwrap_or(text.to_owned()), text);
        browser.keys("#link", &format!("{text}{ENTER}"));
        browser.shows(&format!("Done: payment {number}, opened"));
        browser.keys(&format!("#pay-{number}"), ENTER);
        hears(&shop, &id, "paid");
    }
    browser.keys("#link", &format!("https://pay.kaspi.kz/pay/0{ENTER}"));
    browser.shows("No payment of this bank has this link or QR.");
    without_barriers(&browser, "phone-narrow");
}

/// Promise: the bank's side of trouble is a click: a lost answer, a trade point and tokens that are switched off, money that
/// goes back past the till, a payment that comes late.
#[test]
fn the_back_office_makes_trouble() {
    let Some(browser) = Browser::open(1200, 2200) else { return };
    let shop = Shop::open();
    browser.go(shop.place("phone_url"));
    let (number, _) = billed(&shop, 15_050, "Roses");
    browser.keys(&format!("#expire-{number}"), ENTER);
    browser.keys(&format!("#late-{number}"), ENTER);
    browser.shows(&format!("Done: payment {number}, paid"));
    browser.keys("#back [name=payment]", &number);
    browser.keys("#back [name=amount]", &format!("50,5{ENTER}"));
    browser.shows("returned 50.50 ₸");
    browser.keys("#fault [name=times]", ENTER);
    browser.shows("remote_create: the effect, and no answer × 1");
    without_barriers(&browser, "phone-trouble");
    let sale = json!({"kind": "remote", "amount_tiyn": 777, "phone_number": "77015211545"});
    shop.door.post("/v1/payments", &sale).problem("outcome_unknown");
    browser.shows("None on order.");
    browser.keys(&format!("#active-{SECOND_BIN}-104040"), ENTER);
    browser.shows("switched off");
    let there = json!({"kind": "qr", "amount_tiyn": 777, "organization_bin": SECOND_BIN});
    shop.door.post("/v1/payments", &there).problem("trade_point_inactive");
    browser.keys(&format!("#disable-{SECOND_BIN}"), ENTER);
    browser.shows("0 work, 1 do not");
    assert_eq!(shop.control("GET", "/effects")["total"]["refunded_elsewhere_tiyn"], 5_050);
}

/// Promise: the page speaks Russian, Kazakh and English, and what has the focus keeps it while the page changes under it.
#[test]
fn a_page_in_three_languages() {
    let Some(browser) = Browser::open(1200, 1700) else { return };
    let shop = Shop::open();
    let (number, _) = billed(&shop, 15_050, "Розы");
    browser.go(shop.place("phone_url"));
    for (language, pay) in [("ru", "Оплатить"), ("kk", "Төлеу"), ("en", "Pay")] {
        let choose = format!(
            "const list = document.querySelector('#language'); list.value = '{language}'; \
             list.dispatchEvent(new Event('change'))"
        );
        browser.run(&choose);
        browser.shows(pay);
        assert_eq!(browser.run("return document.documentElement.lang"), language);
        without_barriers(&browser, &format!("phone-{language}"));
    }
    browser.run(&format!("document.querySelector('#decline-{number}').focus()"));
    billed(&shop, 100, "another");
    browser.shows("A new invoice: 1.00 ₸");
    assert_eq!(browser.run("return document.activeElement.id"), format!("decline-{number}"));
    // Where the payment goes, the focus goes to no other payment's button: a second Enter would act there.
    browser.keys(&format!("#decline-{number}"), ENTER);
    browser.shows(&format!("Done: payment {number}, declined"));
    browser.until("return document.activeElement.id === 'phone-title'", "the focus is on something else");
}

/// Promise: a page of somebody else in the same browser neither pays nor reads, and an address without the sandbox's key says
/// where the right one is.
#[test]
fn other_pages_do_nothing() {
    let Some(browser) = Browser::open(800, 600) else { return };
    let shop = Shop::open();
    let (number, _) = billed(&shop, 15_050, "Roses");
    let control = shop.place("control_url");
    browser.go("about:blank");
    for more in ["mode: 'no-cors'", "mode: 'cors'", "headers: {'X-Sandbox-Token': 'guessed'}"] {
        let script = format!(
            "return fetch('{control}/payments/{number}/pay', {{method: 'POST', {more}}})\
             .then(answer => answer.type + answer.status, () => 'refused')"
        );
        let got = browser.run(&script);
        assert!(got == "refused" || got == "opaque0", "{got}");
    }
    let read = format!("return fetch('{control}/payments').then(answer => answer.text(), () => 'refused')");
    assert_eq!(browser.run(&read), "refused");
    browser.go(&format!("{control}/phone"));
    browser.shows("Open the address that kaspi-sandbox serve has printed");
    assert_eq!(shop.control("GET", &format!("/payments/{number}"))["status"], "RemotePaymentCreated");
}
