//! A payment is of the bank it was made with: what is numbered by one address is neither asked about nor cancelled nor
//! refunded at another, where the same number may be a stranger's; a person is told, and it goes on by itself once its
//! bank is named again.

use serde_json::{Value, json};

use crate::support::behaviour::{Till, behave, paid};
use crate::support::daemon::BankPlace;
use crate::support::fixture::{Answer, Dialect};
use crate::support::relay::Relay;
use crate::support::scripted_bank::{BIN, ScriptedBank};

const STATUS: &str = "/r3/v01/payment/status/*";

fn remote(amount: u64) -> Value {
    json!({"kind": "remote", "amount_tiyn": amount, "phone_number": "77015211545"})
}

/// Makes another bank the one of `[kaspi] url`, as an admin does, with more keys of that section.
#[track_caller]
pub(crate) fn turn_to(till: &Till, place: &BankPlace, more: &str) {
    till.home.change(&format!(
        "[kaspi]\nurl = {:?}\nca_file = {:?}\n{more}\n[identity]\ncertificate_file = {:?}\nkey_file = {:?}",
        place.url, place.ca_file, place.certificate_file, place.key_file
    ));
    till.daemon.door.post("/v1/reload", &json!({})).expect(200);
    till.daemon.door.post(&format!("/v1/configs/{BIN}/verify"), &json!({})).expect(200);
}

fn problems(till: &Till, code: &str) -> Vec<Value> {
    let health = till.daemon.door.get("/v1/health").expect(200);
    health["problems"].as_array().unwrap().iter().filter(|found| found["code"] == code).cloned().collect()
}

fn get(till: &Till, id: &Value) -> Value {
    till.daemon.door.get(&format!("/v1/payments/{}", id.as_str().unwrap())).expect(200)
}

fn resolve(till: &Till, id: &Value, how: &Value) -> crate::support::http::Answer {
    till.daemon.door.post(&format!("/v1/payments/{}/resolve", id.as_str().unwrap()), how)
}

/// The requests at a bank that say a word of some payment.
fn about_payments(bank: &ScriptedBank) -> Vec<String> {
    let named = |path: &&str| path.contains("/payment/") || path.contains("/cancel");
    bank.seen().iter().map(crate::support::scripted_bank::Seen::path).filter(named).map(str::to_owned).collect()
}

/// A bank that calls every number paid: at a stranger's, ours would be.
fn stranger() -> ScriptedBank {
    let bank = ScriptedBank::start();
    behave(&bank, Dialect::Bank);
    bank.answer("GET", STATUS, paid(Dialect::Bank));
    // Numbers of its own: one that we know already would be no new payment.
    bank.answer(
        "POST",
        "/r3/v01/remote/create",
        Answer::json(r#"{"Data":{"QrPaymentId":99{next_id}},"StatusCode":0}"#),
    );
    bank
}

/// Promise: a stranger's `Processed` makes nothing of ours paid. Invoice, link and a paid payment of the old bank: no
/// status, no balance, no cancel and no refund of them reaches the new one; each open one is a problem that names it
/// and its bank; new payments are taken at the new bank.
#[test]
fn a_payment_of_another_bank_is_left_alone() {
    let till = Till::open(Dialect::Bank, "");
    let settled = till.daemon.door.post("/v1/payments", &remote(20_000)).expect(201);
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    assert_eq!(get(&till, &settled["id"])["state"], "paid");
    behave(&till.bank, Dialect::Bank);
    let invoice = till.daemon.door.post("/v1/payments", &remote(10_000)).expect(201);
    let link = till.daemon.door.post("/v1/payments", &json!({"kind": "link", "amount_tiyn": 10_000})).expect(201);
    let other = stranger();
    turn_to(&till, &BankPlace::from(&other), "");
    for payment in [&invoice, &link] {
        let id = payment["id"].as_str().unwrap();
        let waited = till.daemon.door.get(&format!("/v1/payments/{id}?wait=6s")).expect(200);
        assert_eq!(waited["state"], "waiting", "{waited}");
    }
    let target = |payment: &Value, call: &str| format!("/v1/payments/{}/{call}", payment["id"].as_str().unwrap());
    let cancel = till.daemon.door.post(&target(&invoice, "cancel"), &json!({})).problem("other_bank");
    let refund = till.daemon.door.post(&target(&settled, "refunds"), &json!({})).problem("other_bank");
    for failure in [cancel, refund] {
        assert_eq!(
            (&failure["status"], &failure["money"], &failure["retryable"]),
            (&json!(409), &json!("not_moved"), &json!(false))
        );
        let remedy = failure["remedy"].as_str().unwrap();
        assert!(remedy.contains("formerly") && remedy.contains(&till.bank.url), "{failure}");
    }
    assert_eq!(about_payments(&other), Vec::<String>::new());
    let mut told: Vec<_> = problems(&till, "payment_other_bank").iter().map(|found| found["payment"].clone()).collect();
    let mut open = [invoice["id"].clone(), link["id"].clone()];
    told.sort_by_key(Value::to_string);
    open.sort_by_key(Value::to_string);
    assert_eq!(told, open);
    let new = till.daemon.door.post("/v1/payments", &remote(20_000)).expect(201);
    assert_eq!(get(&till, &new["id"])["state"], "paid");
    let before = about_payments(&other).len();
    let till = till.crash();
    // Found when the follower has gone through what it follows.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while problems(&till, "payment_other_bank").len() != 2 {
        assert!(std::time::Instant::now() < until, "not found after a restart");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(about_payments(&other).len(), before);
    let report = till.daemon.door.get("/v1/reports/day").expect(200);
    assert_eq!(report["organizations"][0]["open"].as_array().unwrap().len(), 2, "{report}");
}

/// Promise: nor is a refund forgotten that was not seen to happen, and that nobody looks for at another bank.
#[test]
fn a_watched_refund_at_a_former_bank_is_told() {
    let till = Till::open(Dialect::Bank, "[kaspi]\ntimeout = \"2s\"\n[payments]\nrefund_settle = \"4s\"");
    let payment = till.daemon.door.post("/v1/payments", &remote(20_000)).expect(201);
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    assert_eq!(get(&till, &payment["id"])["state"], "paid");
    let balance =
        r#"{"Data":{"QrPaymentId":{asked_id},"TotalAmount":200.00,"AvailableReturnAmount":200.00},"StatusCode":0}"#;
    till.bank.answer("GET", "/r3/v01/payment/details", Answer::json(balance));
    till.bank.answer("POST", "/r3/v01/payment/return", Answer::page(502, "Bad Gateway"));
    let target = format!("/v1/payments/{}/refunds", payment["id"].as_str().unwrap());
    let lost = till.daemon.door.post(&target, &json!({"amount_tiyn": 3_000})).problem("kaspi_unavailable");
    assert_eq!((problems(&till, "payment_other_bank"), &lost["retryable"]), (vec![], &json!(false)), "{lost}");
    let other = stranger();
    turn_to(&till, &BankPlace::from(&other), "");
    let told = problems(&till, "payment_other_bank");
    assert_eq!((told.len(), &told[0]["payment"]), (1, &payment["id"]), "{told:?}");
    let refund = get(&till, &payment["id"])["refunds"][0]["id"].clone();
    assert!(
        told[0]["remedy"].as_str().unwrap().contains(&format!("--refund {}", refund.as_str().unwrap())),
        "{told:?}"
    );
    let word = json!({"refund": refund, "happened": false, "reason": "looked in the app"});
    resolve(&till, &payment["id"], &word).expect(200);
    assert_eq!(problems(&till, "payment_other_bank"), Vec::<Value>::new());
}

/// Promise: when the url comes back, they go on by themselves, whoever asks, and the problem is over.
#[test]
fn it_goes_on_when_its_bank_is_back() {
    let till = Till::open(Dialect::Bank, "");
    let invoice = till.daemon.door.post("/v1/payments", &remote(20_000)).expect(201);
    let other = stranger();
    turn_to(&till, &BankPlace::from(&other), "");
    assert_eq!(problems(&till, "payment_other_bank").len(), 1);
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    let asked = till.bank.seen_at("GET", &status_of(&invoice), "").len();
    turn_to(&till, &BankPlace::from(&till.bank), "");
    till.bank.wait_for("GET", &status_of(&invoice), asked + 1);
    let waited =
        till.daemon.door.get(&format!("/v1/payments/{}?wait=10s", invoice["id"].as_str().unwrap())).expect(200);
    assert_eq!((&waited["state"], problems(&till, "payment_other_bank")), (&json!("paid"), Vec::new()));
    assert_eq!(about_payments(&other), Vec::<String>::new());
}

fn status_of(payment: &Value) -> String {
    format!("/r3/v01/payment/status/{}", payment["qr_payment_id"].as_str().unwrap())
}

/// Promise: `formerly` is a person's word that it is the same bank at another address: its payments are asked about,
/// refunded and cancelled there, and so they are after a restart.
#[test]
fn formerly_says_that_it_is_the_same_bank() {
    let mut till = Till::open(Dialect::Bank, "");
    let paid_before = till.daemon.door.post("/v1/payments", &remote(20_000)).expect(201);
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    assert_eq!(get(&till, &paid_before["id"])["state"], "paid");
    behave(&till.bank, Dialect::Bank);
    let invoice = till.daemon.door.post("/v1/payments", &remote(10_000)).expect(201);
    let moved = Relay::to(&till.bank);
    turn_to(&till, &moved.place(&till.bank), "");
    let cancel = format!("/v1/payments/{}/cancel", invoice["id"].as_str().unwrap());
    till.daemon.door.post(&cancel, &json!({})).problem("other_bank");
    // However it is written.
    let url = till.bank.url.to_uppercase().replace("HTTPS", "https");
    turn_to(&till, &moved.place(&till.bank), &format!("formerly = [\"{url}/\"]"));
    assert_eq!(problems(&till, "payment_other_bank"), Vec::<Value>::new());
    till = till.crash();
    assert_eq!(till.daemon.door.post(&cancel, &json!({})).expect(200)["state"], "cancelled");
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    let refunds = format!("/v1/payments/{}/refunds", paid_before["id"].as_str().unwrap());
    assert_eq!(till.daemon.door.post(&refunds, &json!({})).expect(200)["refunded_tiyn"], 20_000);
}

/// Promise: the same address written otherwise is the same bank, without `formerly`.
#[test]
fn another_way_of_writing_is_no_other_bank() {
    let till = Till::open(Dialect::Bank, "");
    let invoice = till.daemon.door.post("/v1/payments", &remote(10_000)).expect(201);
    let place = BankPlace { url: format!("{}/", till.bank.url), ..BankPlace::from(&till.bank) };
    turn_to(&till, &place, "");
    let cancel = format!("/v1/payments/{}/cancel", invoice["id"].as_str().unwrap());
    assert_eq!(till.daemon.door.post(&cancel, &json!({})).expect(200)["state"], "cancelled");
}

/// Promise: the problem ends by a person's word, whatever the payment is by then: a link whose time is over, and one
/// that was called over before, which may still have been paid late.
#[test]
fn a_person_ends_it() {
    let till = Till::open(Dialect::Bank, "");
    let short = r#"{"Data":{"PaymentLink":"https://pay.kaspi.kz/pay/1","PaymentId":{next_id},"PaymentBehaviorOptions":{"StatusPollingInterval":1,"LinkActivationWaitTimeout":1,"PaymentConfirmationTimeout":1}},"StatusCode":0}"#;
    till.bank.answer("POST", "/r3/v01/qr/create-link", Answer::json(short));
    let link = json!({"kind": "link", "amount_tiyn": 10_000});
    let over = till.daemon.door.post("/v1/payments", &link).expect(201);
    till.bank.answer("GET", STATUS, Answer::json(r#"{"Data":{"Status":"Error"},"StatusCode":0}"#));
    let ended = till.daemon.door.get(&format!("/v1/payments/{}?wait=20s", over["id"].as_str().unwrap())).expect(200);
    assert_ne!(ended["state"], "waiting");
    let (open, also) = (till.daemon.door.post("/v1/payments", &link), till.daemon.door.post("/v1/payments", &link));
    let (open, also) = (open.expect(201), also.expect(201));
    let other = stranger();
    turn_to(&till, &BankPlace::from(&other), "");
    assert_eq!(problems(&till, "payment_other_bank").len(), 3);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let word = |paid: bool| json!({"paid": paid, "reason": "looked in the Kaspi Pay app"});
    assert_eq!(resolve(&till, &over["id"], &word(false)).expect(200)["state"], ended["state"]);
    assert_eq!(resolve(&till, &open["id"], &word(true)).expect(200)["state"], "paid");
    assert_eq!(resolve(&till, &also["id"], &word(false)).expect(200)["state"], "declined");
    assert_eq!(till.daemon.door.get("/v1/health").expect(200)["problems"], json!([]));
    let till = till.crash();
    assert_eq!(problems(&till, "payment_other_bank"), Vec::<Value>::new());
}

/// Promise: what names no bank is refused where the configuration is checked, by the key.
#[test]
fn only_a_bank_is_taken_for_one() {
    let till = Till::bare(Dialect::Bank, "");
    for wrong in ["http://bank.example", "https://bank.example/r3", "bank.example"] {
        till.home.change(&format!("[kaspi]\nformerly = [\"{wrong}\"]"));
        let failure = till.daemon.door.post("/v1/reload", &json!({})).problem("invalid_request");
        assert!(failure["detail"].as_str().unwrap().contains("[kaspi] formerly"), "{failure}");
        let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_kaspid"));
        let said = check.args(["check", "--config"]).arg(till.home.config()).output().unwrap();
        assert!(!said.status.success() && String::from_utf8_lossy(&said.stderr).contains("formerly"), "{said:?}");
    }
}
