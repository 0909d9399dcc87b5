//! Ways in which money, keys and states went wrong in a review (architecture §5, §6); each test names the promise.

use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::doors::rights::{as_nobody, open_to_all};
use crate::support::behaviour::{Till, behave, paid};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::fresh_key;
use crate::support::scripted_bank::{BIN, ScriptedBank};

const CREATE: &str = "/r3/v01/remote/create";
const RETURN: &str = "/r3/v01/payment/return";
const DETAILS: &str = "/r3/v01/payment/details";
const STATUS: &str = "/r3/v01/payment/status/*";
/// Short enough to see a refund in doubt settled.
const QUICK: &str = "[kaspi]\ntimeout = \"2s\"\n[payments]\nrefund_settle = \"4s\"";

fn remote(amount: u64) -> Value {
    json!({"kind": "remote", "amount_tiyn": amount, "phone_number": "77015211545"})
}

fn balance(tenge: &str) -> Answer {
    Answer::json(format!(
        r#"{{"Data":{{"QrPaymentId":{{asked_id}},"TotalAmount":200.00,"AvailableReturnAmount":{tenge},"TransactionDate":"2026-11-24T17:01:02.345+05:00"}},"StatusCode":0}}"#
    ))
}

fn lost() -> Answer {
    Answer::page(502, "Bad Gateway")
}

fn success() -> Answer {
    Answer::json(r#"{"Data":{"ReturnOperationId":{next_id}},"StatusCode":0}"#)
}

/// Our id of a remote payment of 200 tenge that the customer has paid.
fn paid_remote(till: &Till) -> String {
    let payment = till.daemon.door.post("/v1/payments", &remote(20_000)).expect(201);
    let id = payment["id"].as_str().unwrap().to_owned();
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    assert_eq!(till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "paid");
    id
}

fn unknown_remote(till: &Till) -> String {
    till.bank.answer("POST", CREATE, lost());
    let problem = till.daemon.door.post("/v1/payments", &remote(20_000)).problem("outcome_unknown");
    behave(&till.bank, Dialect::Bank);
    problem["payment"].as_str().unwrap().to_owned()
}

fn returns(till: &Till) -> usize {
    till.bank.seen_at("POST", RETURN, "").len()
}

/// architecture §6.5: `failed` means that the balance was unchanged *at the end*. A reading from the beginning proves nothing.
#[test]
fn a_refund_is_not_called_failed_by_an_old_reading() {
    let till = Till::open(Dialect::Bank, QUICK);
    let id = paid_remote(&till);
    till.bank.answer("POST", RETURN, lost());
    till.bank.answers("GET", DETAILS, [balance("200.00"), balance("200.00"), lost()]);
    let target = format!("/v1/payments/{id}/refunds");
    let answer = till.daemon.door.post(&target, &json!({"amount_tiyn": 3_000}));
    answer.problem("outcome_unknown");
    let payment = till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
    assert_eq!(payment["refunds"][0]["status"], "pending");
}

/// architecture §6.5: a refund called failed is watched: when the balance falls by it, its key answers so instead of calling
/// again; also after a repetition that the bank refused.
#[test]
fn a_refused_repetition_does_not_free_the_key_of_a_failed_refund() {
    let till = Till::open(Dialect::Bank, QUICK);
    let id = paid_remote(&till);
    till.bank.answers("POST", RETURN, [lost(), Answer::json(r#"{"StatusCode":990000018}"#), success()]);
    let (key, target, body) = (fresh_key(), format!("/v1/payments/{id}/refunds"), json!({"amount_tiyn": 3_000}));
    till.daemon.door.post_with_key(&key, &target, &body).problem("kaspi_unavailable");
    till.daemon.door.post_with_key(&key, &target, &body).problem("trade_point_inactive");
    till.bank.answer("GET", DETAILS, balance("170.00"));
    let payment = till.daemon.door.post_with_key(&key, &target, &body).expect(200);
    assert_eq!((returns(&till), &payment["refunded_tiyn"]), (2, &json!(3_000)));
}

/// The same, where another refund stands between the failed one and its repetition: paid back twice.
#[test]
fn another_refund_does_not_hide_that_a_failed_one_happened() {
    let till = Till::open(Dialect::Bank, QUICK);
    let id = paid_remote(&till);
    till.bank.answers("POST", RETURN, [lost(), success()]);
    let (key, target, body) = (fresh_key(), format!("/v1/payments/{id}/refunds"), json!({"amount_tiyn": 3_000}));
    till.daemon.door.post_with_key(&key, &target, &body).problem("kaspi_unavailable");
    till.daemon.door.post(&target, &json!({"amount_tiyn": 2_000})).expect(200);
    till.bank.answer("GET", DETAILS, balance("150.00"));
    let payment = till.daemon.door.post_with_key(&key, &target, &body).expect(200);
    assert_eq!((returns(&till), &payment["refunded_tiyn"]), (2, &json!(5_000)), "{payment}");
}

/// And the other way round: the fall of another refund is not taken for the failed one's.
#[test]
fn another_refund_is_not_taken_for_a_failed_one() {
    let till = Till::open(Dialect::Bank, QUICK);
    let id = paid_remote(&till);
    till.bank.answers("POST", RETURN, [lost(), success()]);
    let (key, target, body) = (fresh_key(), format!("/v1/payments/{id}/refunds"), json!({"amount_tiyn": 3_000}));
    till.daemon.door.post_with_key(&key, &target, &body).problem("kaspi_unavailable");
    till.daemon.door.post(&target, &body).problem("refund_open");
    let on_purpose = json!({"amount_tiyn": 3_000, "repeat_refund": true});
    till.daemon.door.post(&target, &on_purpose).expect(200);
    // The 30.00 that the bank shows are either's, as far as anybody here can tell: its key pays once a person has looked.
    till.bank.answer("GET", DETAILS, balance("170.00"));
    let problem = till.daemon.door.post_with_key(&key, &target, &body).problem("outcome_unknown");
    let payment = till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
    assert_eq!((returns(&till), &payment["refunded_tiyn"]), (2, &json!(3_000)), "{problem}");
    let word = json!({"refund": payment["refunds"][0]["id"], "happened": false, "reason": "only one in the app"});
    till.daemon.door.post(&format!("/v1/payments/{id}/resolve"), &word).expect(200);
    till.daemon.door.post_with_key(&key, &target, &body).expect(200);
    assert_eq!(returns(&till), 3, "the key says success and nothing was paid back for it");
}

/// A fall seen by a later refund's reading is the failed refund's, not `refunded_elsewhere`.
#[test]
fn a_failed_refund_that_landed_is_not_elsewhere() {
    let till = Till::open(Dialect::Bank, QUICK);
    let id = paid_remote(&till);
    till.bank.answers("POST", RETURN, [lost(), Answer::json(r#"{"StatusCode":990000018}"#)]);
    let target = format!("/v1/payments/{id}/refunds");
    till.daemon.door.post(&target, &json!({"amount_tiyn": 3_000})).problem("kaspi_unavailable");
    till.bank.answer("GET", DETAILS, balance("170.00"));
    till.daemon.door.post(&target, &json!({"amount_tiyn": 1_000})).problem("trade_point_inactive");
    let payment = till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
    assert_eq!(
        (&payment["refunded_tiyn"], &payment["refunded_elsewhere_tiyn"], &payment["refunds"][0]["status"]),
        (&json!(3_000), &json!(0), &json!("success"))
    );
}

/// An unknown payment is replaced once: a second replacement beside the first would be a second bill.
#[test]
fn an_unknown_payment_is_superseded_once() {
    let till = Till::open(Dialect::Bank, "");
    let old = unknown_remote(&till);
    let mut body = remote(20_000);
    body["supersedes"] = old.into();
    body["reason"] = "the phone shows nothing".into();
    till.bank.hold();
    std::thread::scope(|scope| {
        let (told, answered) = mpsc::channel();
        let (till, body) = (&till, &body);
        scope.spawn(move || till.daemon.door.post("/v1/payments", body));
        till.bank.wait_for("POST", CREATE, 2);
        scope.spawn(move || told.send(till.daemon.door.post("/v1/payments", body)));
        // Refused at once, or at the bank by now.
        let _ = answered.recv_timeout(Duration::from_secs(3));
        till.bank.release();
    });
    assert_eq!(till.bank.seen_at("POST", CREATE, "").len(), 2);
}

/// architecture §5: `paid` from `abandoned` is announced with `late: true`.
#[test]
fn an_abandoned_payment_that_was_paid_is_late() {
    let till = Till::open(Dialect::Bank, "");
    let id = unknown_remote(&till);
    let target = format!("/v1/payments/{id}/resolve");
    till.daemon.door.post(&target, &json!({"abandon": true, "reason": "gone"})).expect(200);
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    let payment = till.daemon.door.post(&target, &json!({"attach": "12737009999", "reason": "found"})).expect(200);
    assert_eq!((&payment["state"], &payment["late"]), (&json!("paid"), &json!(true)));
}

/// architecture §6.5: an unknown payment given up stays in problems for 24 h: it may have been paid.
#[test]
fn an_abandoned_payment_stays_in_problems() {
    let till = Till::open(Dialect::Bank, "");
    let id = unknown_remote(&till);
    let target = format!("/v1/payments/{id}/resolve");
    till.daemon.door.post(&target, &json!({"abandon": true, "reason": "gone"})).expect(200);
    let health = till.daemon.door.get("/v1/health").expect(200);
    assert!(health["problems"].as_array().unwrap().iter().any(|problem| problem["payment"] == id), "{health}");
}

/// architecture §6.6: only what Kaspi cannot tell is a person's to close: not an invoice that it calls outstanding.
#[test]
fn a_live_invoice_is_not_called_paid_by_a_person() {
    let till = Till::open(Dialect::Bank, "");
    let payment = till.daemon.door.post("/v1/payments", &remote(20_000)).expect(201);
    let target = format!("/v1/payments/{}/resolve", payment["id"].as_str().unwrap());
    let answer = till.daemon.door.post(&target, &json!({"paid": true, "reason": "he says so"}));
    assert_ne!(answer.status, 200, "{}", answer.text());
}

/// architecture §4: with a changed url no money call before a trade-point read has settled the dialect.
#[test]
fn a_refund_does_not_go_to_a_bank_nobody_has_met() {
    let till = Till::open(Dialect::Bank, "");
    let id = paid_remote(&till);
    let other = ScriptedBank::start();
    behave(&other, Dialect::Bank);
    other.answer("GET", "/r3/v01/partner/tradepoints/*", lost());
    let path = |path: &std::path::Path| path.display().to_string();
    till.home.change(&format!(
        "[kaspi]\nurl = \"{}\"\nca_file = \"{}\"\n[identity]\ncertificate_file = \"{}\"\nkey_file = \"{}\"",
        other.url,
        path(&other.ca_file),
        path(&other.certificate_file),
        path(&other.key_file)
    ));
    till.daemon.door.post("/v1/reload", &json!({})).expect(200);
    till.daemon.door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 3_000}));
    assert!(other.seen_at("POST", RETURN, "").is_empty());
}

/// Only `paid` follows a final state: a bank that is slow to notice its own cancel does not reopen the payment.
#[test]
fn a_cancelled_payment_does_not_wait_again() {
    let till = Till::open(Dialect::Bank, "");
    let payment = till.daemon.door.post("/v1/payments", &remote(20_000)).expect(201);
    let id = payment["id"].as_str().unwrap();
    let cancelled = till.daemon.door.post(&format!("/v1/payments/{id}/cancel"), &json!({})).expect(200);
    assert_eq!(cancelled["state"], "cancelled");
    assert_eq!(till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "cancelled");
}

/// architecture §4: an Amount of status v02 that differs from ours is a problem shown.
#[test]
fn another_amount_is_a_problem() {
    let till = Till::open(Dialect::Bank, "[kaspi]\nstatus_version = \"v02\"");
    let payment = till.daemon.door.post("/v1/payments", &remote(20_000)).expect(201);
    let id = payment["id"].as_str().unwrap();
    let status = Answer::json(r#"{"Data":{"Status":"Processed","Amount":2.00},"StatusCode":0}"#);
    till.bank.answer("GET", "/r3/v02/payment/status/*", status);
    let seen = till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
    assert_eq!((&seen["state"], &seen["amount_tiyn"]), (&json!("paid"), &json!(20_000)));
    let health = till.daemon.door.get("/v1/health").expect(200);
    assert!(health["problems"].as_array().unwrap().iter().any(|problem| problem["payment"] == id), "{health}");
}

/// An adopted invoice that Kaspi calls `Wait` is still an invoice to the caller who says so, and can be cancelled.
#[test]
fn an_adopted_invoice_can_be_cancelled() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.answer("GET", STATUS, Answer::json(r#"{"Data":{"Status":"Wait"},"StatusCode":0}"#));
    till.bank.answer("GET", DETAILS, Answer::json(r#"{"StatusCode":-1601}"#));
    let body = json!({"qr_payment_id": "12737009999", "organization_bin": BIN, "amount_tiyn": 20_000});
    let payment = till.daemon.door.post("/v1/payments/adopt", &body).expect(201);
    let id = payment["id"].as_str().unwrap();
    till.daemon.door.post(&format!("/v1/payments/{id}/cancel"), &json!({})).expect(200);
}

/// `[[access.shop]]` narrows an admin too: nothing is enrolled, moved or made default in another shop.
#[test]
fn a_narrowed_admin_enrols_in_his_shops_only() {
    let Some(name) = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(65534)).unwrap().map(|user| user.name)
    else {
        eprintln!("SKIPPED: user 65534 has no name here");
        return;
    };
    let config = format!("[access]\nadmin = [\"root\", \"{name}\"]\n[[access.shop]]\nwho = \"{name}\"\nshops = [9]");
    let Some(till) = open_to_all(&config) else { return };
    let body = json!({"organization_bin": "210440028324", "shop_id": 8, "is_default": true});
    let (status, answer) = as_nobody(&till, "POST", "/v1/configs", Some(&body));
    assert!(status >= 400, "{answer}");
    assert_eq!(till.daemon.door.get(&format!("/v1/configs/{BIN}")).expect(200)["is_default"], true);
    assert_eq!(till.daemon.door.get("/v1/configs/210440028324").status, 404);
}

/// What is outside of a caller's shops and BINs is not counted for him either.
#[test]
fn health_counts_only_what_the_caller_sees() {
    let Some(name) = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(65534)).unwrap().map(|user| user.name)
    else {
        eprintln!("SKIPPED: user 65534 has no name here");
        return;
    };
    let config = format!("[access]\nobserve = [\"root\", \"{name}\"]\n[[access.shop]]\nwho = \"{name}\"\nshops = [9]");
    let Some(till) = open_to_all(&config) else { return };
    till.daemon.door.post("/v1/payments", &remote(20_000)).expect(201);
    let (status, health) = as_nobody(&till, "GET", "/v1/health", None);
    assert_eq!((status, &health["payments"]["open"]), (200, &json!(0)));
}
