//! Events: a change is announced once, whoever was first to see it.

use serde_json::{Value, json};

use crate::support::behaviour::{Till, paid};
use crate::support::fixture::{Answer, Dialect};

const STATUS: &str = "/r3/v01/payment/status/*";

fn words(till: &Till) -> Vec<String> {
    let page = till.daemon.door.get("/v1/events?after=0&limit=1000").expect(200);
    let of_payments = |event: &&Value| event["payment"].is_object();
    let events = page["events"].as_array().unwrap().iter().filter(of_payments);
    events.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
}

fn invoice(till: &Till) -> String {
    let body = json!({"kind": "remote", "amount_tiyn": 20_000, "phone_number": "77015211545"});
    till.daemon.door.post("/v1/payments", &body).expect(201)["id"].as_str().unwrap().to_owned()
}

/// The answer to a cancel is lost, and the status read that settles the doubt says that it happened: it did so once.
#[test]
fn a_cancel_that_a_status_read_has_settled_is_announced_once() {
    let till = Till::open(Dialect::Bank, "");
    let id = invoice(&till);
    till.bank.answer("POST", "/r3/v01/remote/cancel", Answer::json(""));
    let cancelled = r#"{"Data":{"Status":"RemotePaymentCanceled"},"StatusCode":0}"#;
    till.bank.answer("GET", STATUS, Answer::json(cancelled));
    let told = till.daemon.door.post(&format!("/v1/payments/{id}/cancel"), &json!({})).expect(200);
    assert_eq!(told["state"], "cancelled");
    assert_eq!(words(&till), ["payment.created", "payment.waiting", "payment.cancelled"]);
}

/// An admin has seen that a payment was paid late: that is no second payment.
#[test]
fn an_acknowledged_late_payment_is_announced_once() {
    let till = Till::open(Dialect::Bank, "");
    let id = invoice(&till);
    let declined = r#"{"Data":{"Status":"Error"},"StatusCode":0}"#;
    till.bank.answer("GET", STATUS, Answer::json(declined));
    let target = format!("/v1/payments/{id}");
    assert_eq!(till.daemon.door.get(&target).expect(200)["state"], "declined");
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    // The next GET that asks: a read younger than three seconds is answered from memory.
    while till.daemon.door.get(&target).expect(200)["state"] != "paid" {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let seen = json!({"paid": true, "reason": "the customer was called"});
    let told = till.daemon.door.post(&format!("{target}/resolve"), &seen).expect(200);
    assert_eq!(told["late"], true);
    assert_eq!(words(&till), ["payment.created", "payment.waiting", "payment.declined", "payment.paid"]);
}
