//! The way of a money call: what its key, a cancel and a lost code say.

use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::support::behaviour::{Till, paid};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::fresh_key;

const STATUS: &str = "/r3/v01/payment/status/*";

fn remote() -> Value {
    json!({"kind": "remote", "amount_tiyn": 20_000, "phone_number": "77015211545"})
}

fn create(till: &Till, key: &str) -> String {
    till.daemon.door.post_with_key(key, "/v1/payments", &remote()).expect(201)["id"].as_str().unwrap().to_owned()
}

fn guide_says(till: &Till, answer: &str) {
    till.bank.answer("POST", "/r3/v01/remote/cancel/", Answer::json(answer));
}

/// The guide's bank answers a cancel with `Processed`: the customer has paid, and nobody is told that it was cancelled.
#[test]
fn a_cancel_of_a_paid_invoice_is_not_called_cancelled() {
    let till = Till::open(Dialect::Guide, "");
    let id = create(&till, &fresh_key());
    guide_says(&till, r#"{"status":true,"data":{"status":"Processed"}}"#);
    till.bank.answer("GET", STATUS, paid(Dialect::Guide));
    let problem = till.daemon.door.post(&format!("/v1/payments/{id}/cancel"), &json!({})).problem("not_cancellable");
    assert_eq!((&problem["money"], &problem["payment"]), (&json!("moved"), &json!(id)), "{problem}");
    assert_eq!(till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "paid");
}

/// And without a word of its own the status read decides, one way or the other; a status is never invented.
#[test]
fn a_cancel_without_a_status_asks_for_one() {
    let till = Till::open(Dialect::Guide, "");
    for (says, wanted) in [("Processed", 409), ("Wait", 503), ("RemotePaymentCanceled", 200)] {
        let id = create(&till, &fresh_key());
        guide_says(&till, r#"{"status":true}"#);
        let status = format!(r#"{{"status":true,"data":{{"status":"{says}"}}}}"#);
        till.bank.answer("GET", STATUS, Answer::json(status));
        let answer = till.daemon.door.post(&format!("/v1/payments/{id}/cancel"), &json!({}));
        assert_eq!(answer.status, wanted, "{says}: {}", answer.text());
        if wanted == 200 {
            assert_eq!(answer.json()["kaspi_status"], says);
        }
    }
}

/// A key that has paid says so whatever keeps its caller from an answer. Here a repetition waits for the first request
/// while the daemon stops.
#[test]
fn a_key_that_has_paid_says_so_while_the_daemon_stops() {
    let till = Till::open(Dialect::Bank, "");
    let id = create(&till, &fresh_key());
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
    let (key, target, body) = (fresh_key(), format!("/v1/payments/{id}/refunds"), json!({"amount_tiyn": 3_000}));
    let refund = || till.daemon.door.post_with_key(&key, &target, &body);
    till.bank.hold_at("/r3/v01/payment/return");
    std::thread::scope(|scope| {
        let first = scope.spawn(refund);
        till.bank.wait_for("POST", "/r3/v01/payment/return", 1);
        let second = scope.spawn(refund);
        // It has been read and waits: the daemon has answered somebody who came after it.
        std::thread::sleep(Duration::from_millis(300));
        till.daemon.door.get("/v1/version").expect(200);
        till.daemon.signal(Signal::SIGTERM);
        std::thread::sleep(Duration::from_millis(300));
        till.bank.release();
        first.join().unwrap().expect(200);
        let problem = second.join().unwrap().problem("shutting_down");
        assert_eq!((&problem["money"], &problem["request_key"]), (&json!("moved"), &json!(key)), "{problem}");
    });
}

/// A request that joins another with its key gets that one's answer and makes no call of its own, also where the first
/// is refused and the second would be taken.
#[test]
fn who_joins_a_key_in_flight_makes_no_call() {
    let till = Till::open(Dialect::Bank, "");
    let (create, key) = ("/r3/v01/remote/create", fresh_key());
    let refused = Answer::json(r#"{"StatusCode":990000028}"#);
    let taken = Answer::json(r#"{"Data":{"QrPaymentId":{next_id}},"StatusCode":0}"#);
    till.bank.answers("POST", create, [refused, taken]);
    till.bank.hold();
    std::thread::scope(|scope| {
        let ask = || till.daemon.door.post_with_key(&key, "/v1/payments", &remote());
        let first = scope.spawn(ask);
        till.bank.wait_for("POST", create, 1);
        let others: Vec<_> = (0..5).map(|_| scope.spawn(ask)).collect();
        std::thread::sleep(Duration::from_millis(500));
        till.bank.release();
        first.join().unwrap().problem("declined");
        for other in others {
            other.join().unwrap().problem("declined");
        }
    });
    assert_eq!(till.bank.seen_at("POST", create, "").len(), 1);
    // The key moved nothing: it is free for who asks now.
    till.daemon.door.post_with_key(&key, "/v1/payments", &remote()).expect(201);
}

/// A lost link that nobody saw: what the cashier reads and what the remedy says are the same advice.
#[test]
fn a_lost_code_is_taken_again_by_all_texts() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.answer("POST", "/r3/v01/qr/create-link", Answer::page(502, "Bad Gateway"));
    let body = json!({"kind": "link", "amount_tiyn": 20_000});
    let problem = till.daemon.door.post("/v1/payments", &body).problem("outcome_unknown");
    assert!(problem["remedy"].as_str().unwrap().contains("take the payment again"), "{problem}");
    let english = problem["cashier"]["en"].as_str().unwrap();
    assert!(english.contains("again") && !english.contains("Do not repeat"), "{problem}");
    assert!(!problem["cashier"]["ru"].as_str().unwrap().contains("Не повторяйте"), "{problem}");
    // An invoice may be on the customer's phone: there it stays.
    till.bank.answer("POST", "/r3/v01/remote/create", Answer::page(502, "Bad Gateway"));
    let problem = till.daemon.door.post("/v1/payments", &remote()).problem("outcome_unknown");
    assert!(problem["cashier"]["en"].as_str().unwrap().contains("Do not repeat"), "{problem}");
}
