//! The till of examples/till in a real browser, on a real daemon: what the cashier reads is what has happened.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::shop::Shop;

const ENTER: &str = "\u{e007}";

/// The till's program in a folder of its own; killed and waited for when dropped.
struct Till {
    child: Child,
    address: String,
}

impl Till {
    #[track_caller]
    fn start(shop: &Shop, folder: &Path) -> Self {
        Self::start_at(shop.place("socket"), folder)
    }

    #[track_caller]
    fn start_at(socket: &str, folder: &Path) -> Self {
        let mut child = Command::new("python3")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/till/till.py"))
            .current_dir(folder)
            .env("KASPID_SOCKET", socket)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().to_owned() }
    }

    /// The address of a page of it, for who has been let in.
    fn page(&self, path: &str) -> String {
        let (base, _) = self.address.split_once('?').unwrap();
        format!("{base}{path}")
    }

    /// Types a sale; the browser is at its page then.
    #[track_caller]
    fn sells(&self, browser: &Browser, amount: &str, phone: &str) {
        browser.go(&self.address);
        browser.keys("[name=phone]", phone);
        browser.keys("[name=amount]", &format!("{amount}{ENTER}"));
    }
}

impl Drop for Till {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait().map(drop));
    }
}

#[track_caller]
fn without_barriers(browser: &Browser, name: &str) {
    browser.picture(name);
    assert_eq!(browser.barriers(), Vec::<String>::new(), "{name}");
}

/// The newest payment of the shop.
fn newest(shop: &Shop) -> Value {
    shop.door.get("/v1/payments").expect(200)["payments"][0].clone()
}

fn number(payment: &Value) -> String {
    payment["qr_payment_id"].as_str().unwrap().to_owned()
}

/// Promise: a QR is shown that a camera reads, a payment is seen as paid by itself, and a part goes back when the cashier has said
/// yes.
#[test]
fn a_sale_is_shown_paid_and_paid_back() {
    let Some(browser) = Browser::open(700, 900) else { return };
    let (shop, folder) = (Shop::open(), tempfile::tempdir().unwrap());
    let till = Till::start(&shop, folder.path());
    browser.go(&till.address);
    browser.shows("Sales");
    without_barriers(&browser, "till-empty");
    till.sells(&browser, "1200", "");
    browser.shows("WAITING FOR THE CUSTOMER");
    browser.until("return document.querySelector('img').complete", "the QR is not there");
    without_barriers(&browser, "till-qr");
    let payment = newest(&shop);
    if let Some(seen) = browser.decoded("till-qr") {
        assert_eq!(seen, payment["qr_token"].as_str().unwrap());
    }
    shop.control("POST", &format!("/payments/{}/pay", number(&payment)));
    browser.shows("PAID");
    browser.run("window.confirm = () => false");
    browser.keys("[name=amount]", &format!("50{ENTER}"));
    assert_eq!(newest(&shop)["refunded_tiyn"], 0, "the cashier has said no");
    browser.run("window.confirm = () => true");
    browser.keys("form button", ENTER);
    browser.shows("Paid back: 50.00 ₸");
    without_barriers(&browser, "till-paid-back");
    till.sells(&browser, "90", "8 701 521 15 45");
    browser.shows("WAITING");
    browser.keys("form button", ENTER);
    browser.shows("NOT PAID: cancelled");
    without_barriers(&browser, "till-cancelled");
    assert_eq!(shop.control("GET", "/effects")["total"]["refunded_tiyn"], 5_000);
}

/// Promise: where nobody knows, the cashier reads so and what not to do; neither a reload nor a new start of the till bills again;
/// and what a person has found out is seen.
#[test]
fn an_unknown_sale_is_not_billed_again() {
    let Some(browser) = Browser::open(700, 700) else { return };
    let (shop, folder) = (Shop::open(), tempfile::tempdir().unwrap());
    let mut till = Till::start(&shop, folder.path());
    shop.tells("POST", "/faults", &json!({"call": "remote_create", "fault": "drop_after"}));
    till.sells(&browser, "777", "77015211545");
    browser.shows("UNKNOWN");
    browser.shows("Do not hand the goods over and do not bill again.");
    without_barriers(&browser, "till-unknown");
    browser.go(&till.page("sales/1"));
    browser.shows("UNKNOWN");
    drop(till);
    till = Till::start(&shop, folder.path());
    browser.go(&till.address);
    browser.go(&till.page("language/ru"));
    browser.go(&till.page("sales/1"));
    browser.shows("НЕИЗВЕСТНО");
    browser.shows("позовите старшего");
    without_barriers(&browser, "till-unknown-ru");
    assert_eq!(shop.control("GET", "/effects")["total"]["invoices"], 1);
    // The same phone and amount again is asked about before a second bill.
    till.sells(&browser, "777", "77015211545");
    browser.shows("Всё равно выставить ещё один счёт");
    assert_eq!(shop.control("GET", "/effects")["total"]["invoices"], 1);
    browser.go(&till.page("sales/1"));
    let bank = shop.control("GET", "/payments")["payments"][0]["id"].clone();
    shop.control("POST", &format!("/payments/{bank}/pay"));
    let found = json!({"attach": bank.to_string(), "reason": "seen on the phone"});
    let id = newest(&shop)["id"].as_str().unwrap().to_owned();
    let answer = shop.door.post(&format!("/v1/payments/{id}/resolve"), &found);
    assert_eq!(answer.status, 200, "{}", answer.text());
    browser.shows("ОПЛАЧЕНО");
}

/// Promise: what is no amount bills nobody, a refusal says that nobody was billed, and a form of another page does nothing.
#[test]
fn what_is_wrong_bills_nobody() {
    let Some(browser) = Browser::open(700, 700) else { return };
    let (shop, folder) = (Shop::open(), tempfile::tempdir().unwrap());
    let till = Till::start(&shop, folder.path());
    for wrong in ["15 000", "1e3", "-5", "0", "1.234"] {
        till.sells(&browser, wrong, "77015211545");
        browser.shows("An amount is written 150 or 150.50");
    }
    till.sells(&browser, "100", "7701521154");
    browser.shows("NOT DONE, nobody was billed");
    without_barriers(&browser, "till-refused");
    let forged = format!(
        "return fetch('{}', {{method: 'POST', mode: 'no-cors', headers: {{'Content-Type': 'application/x-www-form-urlencoded'}}, \
         body: 'amount=5&phone=77015211545'}}).then(() => true, () => true)",
        till.page("sales")
    );
    browser.go("about:blank");
    browser.run(&forged);
    assert_eq!(shop.control("GET", "/effects")["total"]["invoices"], 0);
}

/// Promise: a form that is sent twice is one sale; a sale for which kaspid was never asked can be given up; a refund without an
/// answer is repeated as it was, and no other is made beside it; who has not opened the till's address reads and does nothing.
#[test]
fn nothing_is_done_twice() {
    let Some(browser) = Browser::open(700, 700) else { return };
    let (shop, folder) = (Shop::open(), tempfile::tempdir().unwrap());
    let till = Till::start(&shop, folder.path());
    browser.go(&till.address);
    browser.keys("[name=phone]", "77015211545");
    browser.run("document.querySelector('[name=amount]').value = '777'");
    let twice = "const form = document.querySelector('form'); const send = () => fetch(form.action, {method: 'POST', \
                 body: new URLSearchParams(new FormData(form))}); return Promise.all([send(), send()]).then(() => true)";
    browser.run(twice);
    browser.go(&till.page("sales/1"));
    browser.shows("WAITING");
    assert_eq!(shop.control("GET", "/effects")["total"]["invoices"], 1);
    browser.go(&till.page("sales/2"));
    browser.shows("404");
    shop.control("POST", &format!("/payments/{}/pay", number(&newest(&shop))));
    browser.go(&till.page("sales/1"));
    browser.shows("PAID");
    // The answer to a refund of 10 is lost, and the cashier types 55: only the 10 can be repeated.
    shop.tells("POST", "/faults", &json!({"call": "refund", "fault": "delay", "ms": 8_000}));
    browser.run("window.confirm = () => true");
    browser.keys("[name=amount]", &format!("10{ENTER}"));
    browser.shows("A refund is not finished");
    let other = "const form = document.querySelector('form'); const body = new URLSearchParams(new FormData(form)); \
                 body.delete('again'); body.set('amount', '55'); \
                 return fetch(form.action, {method: 'POST', body}).then(() => true)";
    browser.run(other);
    browser.until(
        "location.reload(); return document.body.innerText.includes('10.00 ₸: paid back')",
        "the refund is not seen",
    );
    assert_eq!(shop.control("GET", "/effects")["total"]["refunded_tiyn"], 1_000);
    let base = till.page("");
    let stranger = Command::new("curl").args(["-s", "-o", "/dev/null", "-w", "%{http_code}", &base]).output().unwrap();
    assert_eq!(String::from_utf8(stranger.stdout).unwrap(), "403");
    use std::os::unix::fs::PermissionsExt;
    let mode = folder.path().join("till.db").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "phones stand in it");
}

/// Promise: while kaspid is away a sale waits and says so; nobody is billed for one that was given up.
#[test]
fn a_sale_is_given_up_while_nobody_was_asked() {
    let Some(browser) = Browser::open(700, 700) else { return };
    let folder = tempfile::tempdir().unwrap();
    let till = Till::start_at(folder.path().join("kaspid.sock").to_str().unwrap(), folder.path());
    till.sells(&browser, "777", "77015211545");
    browser.shows("ASKING");
    browser.keys("form button", ENTER);
    browser.shows("NOT DONE, nobody was billed");
}
