//! A key per intention (architecture §6.2): whatever a till repeats, at whatever moment, happens once.

use serde_json::{Value, json};

use crate::support::behaviour::Till;
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::fresh_key;
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::BIN;

const CREATE: &str = "/r3/v01/remote/create";

fn remote(amount: u64) -> Value {
    json!({"kind": "remote", "amount_tiyn": amount, "phone_number": "77015211545"})
}

fn creates(till: &Till) -> usize {
    till.bank.seen_at("POST", CREATE, "").len()
}

/// Without a key nothing is sent.
#[test]
fn a_create_without_a_key_is_refused() {
    let till = Till::open(Dialect::Bank, "");
    let body = remote(10_000).to_string();
    till.daemon.door.send("POST", "/v1/payments", &[], Some(&body)).problem("key_required");
    assert_eq!(creates(&till), 0);
}

/// The key's limits are 1 to 128 printable characters.
#[test]
fn a_key_out_of_bounds_is_refused() {
    let till = Till::open(Dialect::Bank, "");
    for key in ["k".repeat(129), "кассир".to_owned()] {
        till.daemon.door.post_with_key(&key, "/v1/payments", &remote(10_000)).problem("invalid_request");
    }
    assert_eq!(creates(&till), 0);
    till.daemon.door.post_with_key(&"k".repeat(128), "/v1/payments", &remote(10_000)).expect(201);
}

/// Same key and same request: the first payment, once at the bank; also after a power cut.
#[test]
fn a_repeated_request_is_the_first_one() {
    let till = Till::open(Dialect::Bank, "");
    let key = fresh_key();
    let first = till.daemon.door.post_with_key(&key, "/v1/payments", &remote(10_000)).expect(201);
    assert_eq!(first["request_key"], key);
    let again = till.daemon.door.post_with_key(&key, "/v1/payments", &remote(10_000)).expect(200);
    assert_eq!(again["id"], first["id"]);
    let till = till.crash();
    let after = till.daemon.door.post_with_key(&key, "/v1/payments", &remote(10_000)).expect(200);
    assert_eq!(after["id"], first["id"]);
    assert_eq!(creates(&till), 1);
}

/// Same key, other request: refused, naming what differs and the first payment.
#[test]
fn a_key_used_for_something_else_conflicts() {
    let till = Till::open(Dialect::Bank, "");
    let key = fresh_key();
    let first = till.daemon.door.post_with_key(&key, "/v1/payments", &remote(10_000)).expect(201);
    let problem = till.daemon.door.post_with_key(&key, "/v1/payments", &remote(10_001)).problem("key_conflict");
    assert!(problem["detail"].as_str().unwrap().contains("amount_tiyn"), "{problem}");
    assert_eq!(problem["payment"], first["id"]);
    // What the caller wrote is compared, not what it resolves to.
    let mut explicit = remote(10_000);
    explicit["organization_bin"] = BIN.into();
    till.daemon.door.post_with_key(&key, "/v1/payments", &explicit).problem("key_conflict");
    // One intention across create, cancel and refund.
    let id = first["id"].as_str().unwrap();
    let cancel = format!("/v1/payments/{id}/cancel");
    till.daemon.door.post_with_key(&key, &cancel, &json!({})).problem("key_conflict");
    assert_eq!(creates(&till), 1);
    assert!(till.bank.seen_at("POST", "/r3/v01/remote/cancel", "").is_empty());
}

/// A refused attempt moved nothing and leaves its key free for any request.
#[test]
fn a_refusal_leaves_the_key_free() {
    let till = Till::open(Dialect::Bank, "");
    let refusal = Answer::json(r#"{"StatusCode":990000028}"#);
    let success = Answer::json(r#"{"Data":{"QrPaymentId":{next_id}},"StatusCode":0}"#);
    till.bank.answers("POST", CREATE, [refusal, success]);
    let key = fresh_key();
    till.daemon.door.post_with_key(&key, "/v1/payments", &remote(10_000)).problem("declined");
    till.daemon.door.post_with_key(&key, "/v1/payments", &remote(20_000)).expect(201);
    assert_eq!(creates(&till), 2);
}

/// An attempt that may have billed somebody spends its key: repeating it asks the bank nothing.
#[test]
fn an_unknown_outcome_spends_the_key() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.answer("POST", CREATE, Answer::page(502, "Bad Gateway"));
    let key = fresh_key();
    let problem = till.daemon.door.post_with_key(&key, "/v1/payments", &remote(10_000)).problem("outcome_unknown");
    let again = till.daemon.door.post_with_key(&key, "/v1/payments", &remote(10_000)).json();
    let known = [&again["payment"], &again["id"]];
    assert!(known.contains(&&problem["payment"]), "another payment: {again}");
    let till = till.crash();
    till.daemon.door.post_with_key(&key, "/v1/payments", &remote(10_000));
    assert_eq!(creates(&till), 1);
}

/// Same key in flight: joins the wait, however many there are.
#[test]
fn requests_with_one_key_are_one() {
    let till = Till::open(Dialect::Bank, "");
    let key = fresh_key();
    till.bank.hold();
    let answers = std::thread::scope(|scope| {
        let ask = || till.daemon.door.post_with_key(&key, "/v1/payments", &remote(10_000));
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
        till.bank.wait_for("POST", CREATE, 1);
        till.bank.release();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    let ids: Vec<Value> = answers.iter().map(|answer| answer.json()["id"].clone()).collect();
    assert!(ids.iter().all(|id| id.is_string() && id == &ids[0]), "{ids:?}");
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(creates(&till), 1);
}

/// `one_per_invoice`: a till that lost its key does not bill the same sale twice.
#[test]
fn an_invoice_is_billed_once() {
    let till = Till::open(Dialect::Bank, "");
    let mut body = remote(10_000);
    body["invoice"] = "order-123".into();
    let first = till.daemon.door.post("/v1/payments", &body).expect(201);
    let problem = till.daemon.door.post("/v1/payments", &body).problem("invoice_open");
    assert_eq!((&problem["payment"], &problem["money"]), (&first["id"], &"not_moved".into()));
    assert_eq!(creates(&till), 1);
    body["repeat_invoice"] = true.into();
    till.daemon.door.post("/v1/payments", &body).expect(201);
    assert_eq!(creates(&till), 2);
}

/// What the till reads of an invoice that is paid: that it is paid, so that nobody takes the money another way.
#[test]
fn a_paid_invoice_is_called_paid() {
    let (daemon, bank, _home) = books("");
    let body = json!({"kind": "link", "amount_tiyn": 10_000, "organization_bin": BIN, "invoice": "order-123"});
    let first = daemon.door.post("/v1/payments", &body).expect(201);
    bank.pay(first["qr_payment_id"].as_str().unwrap());
    let paid = daemon.door.get(&format!("/v1/payments/{}?wait=30s", first["id"].as_str().unwrap())).expect(200);
    assert_eq!(paid["state"], "paid");
    let problem = daemon.door.post("/v1/payments", &body).problem("invoice_open");
    assert_eq!((&problem["payment"], &problem["money"]), (&first["id"], &json!("moved")));
    assert_eq!(problem["cashier"]["en"], "Already paid. Do not charge again.");
}

/// Neither an invoice whose answer was lost nor one that was given up may be called unpaid when somebody cancels it.
#[test]
fn a_cancel_of_what_may_be_paid_says_so() {
    let (daemon, bank, _home) = books("");
    bank.fault(&json!({"call": "remote_create", "fault": "drop_after"}));
    let lost = daemon.door.post("/v1/payments", &remote(10_000)).problem("outcome_unknown");
    let place = format!("/v1/payments/{}", lost["payment"].as_str().unwrap());
    let cancel = || daemon.door.post(&format!("{place}/cancel"), &json!({})).problem("not_cancellable");
    assert_eq!((&cancel()["money"], &cancel()["cashier"]), (&json!("unknown"), &lost["cashier"]));
    let given_up = json!({"abandon": true, "reason": "the customer left"});
    assert_eq!(daemon.door.post(&format!("{place}/resolve"), &given_up).expect(200)["state"], "abandoned");
    assert_eq!((&cancel()["money"], &cancel()["cashier"]), (&json!("unknown"), &lost["cashier"]));
}

/// A bank that bills and then hangs up: `unknown`, billed once however often the till repeats itself.
#[test]
fn a_lost_answer_is_not_asked_again() {
    let (daemon, bank, _home) = books("");
    bank.fault(&json!({"call": "remote_create", "fault": "drop_after"}));
    let key = fresh_key();
    let lost = daemon.door.post_with_key(&key, "/v1/payments", &remote(10_000)).problem("outcome_unknown");
    assert!(!lost["detail"].as_str().unwrap().contains("http"), "{}", lost["detail"]);
    for _ in 0..3 {
        daemon.door.post_with_key(&key, "/v1/payments", &remote(10_000));
    }
    assert_eq!(bank.effect(BIN, "invoices"), 1);
    assert_eq!(bank.effect(BIN, "asked_tiyn"), 10_000);
}

/// A refund whose answer was lost is settled by the balance, not by a second refund (architecture §6.5).
#[test]
fn a_lost_refund_is_settled_by_the_balance() {
    let (daemon, bank, _home) = books("[kaspi]\ntimeout = \"2s\"\n[payments]\nrefund_settle = \"10s\"");
    let id = paid_link(&daemon, &bank);
    bank.fault(&json!({"call": "refund", "fault": "drop_after"}));
    let target = format!("/v1/payments/{id}/refunds");
    let payment = daemon.door.post(&target, &json!({"amount_tiyn": 4_000})).expect(200);
    assert_eq!((&payment["refunded_tiyn"], &payment["refunded_elsewhere_tiyn"]), (&json!(4_000), &json!(0)));
    let refund = &payment["refunds"][0];
    assert_eq!((&refund["status"], &refund["evidence"]), (&json!("success"), &json!("balance")));
    assert_eq!(bank.effect(BIN, "refunds"), 1);
}

/// A daemon at a bank that keeps books, with the guide's first organisation.
fn books(more: &str) -> (Daemon, Sandbox, Home) {
    let bank = Sandbox::start(Dialect::Bank);
    let home = Home::new(&bank, more);
    let daemon = Daemon::start(&home);
    daemon.door.enrol(BIN);
    (daemon, bank, home)
}

/// Our id of a link over 100 tenge that the customer has paid.
fn paid_link(daemon: &Daemon, bank: &Sandbox) -> String {
    let link = daemon.door.post("/v1/payments", &json!({"kind": "link", "amount_tiyn": 10_000})).expect(201);
    let id = link["id"].as_str().unwrap().to_owned();
    bank.pay(link["qr_payment_id"].as_str().unwrap());
    assert_eq!(daemon.door.get(&format!("/v1/payments/{id}?wait=30s")).expect(200)["state"], "paid");
    id
}

/// Counted at a bank that keeps books: refunds with one key are one refund, refunds with many keys never exceed the
/// payment.
#[test]
fn refunds_happen_once_and_never_exceed() {
    let (daemon, bank, _home) = books("");
    let id = paid_link(&daemon, &bank);
    let target = format!("/v1/payments/{id}/refunds");
    let key = fresh_key();
    let one = |_| daemon.door.post_with_key(&key, &target, &json!({"amount_tiyn": 4_000}));
    side_by_side(one);
    assert_eq!(bank.effect(BIN, "refunds"), 1);
    assert_eq!(bank.effect(BIN, "refunded_tiyn"), 4_000);

    // Six thousand are left; eight tills ask for four thousand each.
    let answers = side_by_side(|_| daemon.door.post(&target, &json!({"amount_tiyn": 4_000})));
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert_eq!(bank.effect(BIN, "refunded_tiyn"), 8_000);
    let payment = daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
    assert_eq!(payment["refunded_tiyn"], 8_000);
}

fn side_by_side<T: Send>(call: impl Fn(usize) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let call = &call;
        let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || call(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
