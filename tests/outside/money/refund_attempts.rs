//! Several calls to pay back of one payment: what one of them leaves open stands in the way of the others.

use serde_json::{Value, json};

use crate::support::behaviour::{Till, paid};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::fresh_key;

const RETURN: &str = "/r3/v01/payment/return";
const DETAILS: &str = "/r3/v01/payment/details";
const STATUS: &str = "/r3/v01/payment/status/*";
/// Short enough to see a lost refund called failed.
const QUICK: &str = "[kaspi]\ntimeout = \"1s\"\n[payments]\nrefund_settle = \"2s\"";

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

/// Where the refunds of a paid payment of 200 tenge are asked for, and where its doubts are ended.
fn paid_remote(till: &Till) -> (String, String) {
    let create = json!({"kind": "remote", "amount_tiyn": 20_000, "phone_number": "77015211545"});
    let payment = till.daemon.door.post("/v1/payments", &create).expect(201);
    let target = format!("/v1/payments/{}", payment["id"].as_str().unwrap());
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    assert_eq!(till.daemon.door.get(&target).expect(200)["state"], "paid");
    (format!("{target}/refunds"), format!("{target}/resolve"))
}

fn returns(till: &Till) -> usize {
    till.bank.seen_at("POST", RETURN, "").len()
}

fn refunds(till: &Till, target: &str) -> Vec<Value> {
    let payment = till.daemon.door.get(target.trim_end_matches("/refunds")).expect(200);
    payment["refunds"].as_array().unwrap().clone()
}

fn did_not_happen(refund: &Value) -> Value {
    json!({"refund": refund["id"], "happened": false, "reason": "not in the app"})
}

/// A key that has called twice is free for another request only when neither call has happened: a person's word on one
/// of them does not free it from the other, and the word on both does, in whatever order.
#[test]
fn a_key_is_free_when_none_of_its_attempts_may_have_happened() {
    let till = Till::open(Dialect::Bank, QUICK);
    let (target, resolve) = paid_remote(&till);
    till.bank.answers("POST", RETURN, [lost(), lost(), success(), lost(), lost(), success()]);
    for (order, left) in [([0, 1], "180.00"), ([1, 0], "160.00")] {
        let (key, body, other) = (fresh_key(), json!({"amount_tiyn": 3_000}), json!({"amount_tiyn": 2_000}));
        let before = refunds(&till, &target).len();
        for _ in 0..2 {
            till.daemon.door.post_with_key(&key, &target, &body).problem("kaspi_unavailable");
        }
        let attempts = refunds(&till, &target).split_off(before);
        till.daemon.door.post(&resolve, &did_not_happen(&attempts[order[0]])).expect(200);
        till.daemon.door.post_with_key(&key, &target, &other).problem("key_conflict");
        till.daemon.door.post(&resolve, &did_not_happen(&attempts[order[1]])).expect(200);
        till.daemon.door.post_with_key(&key, &target, &other).expect(200);
        till.bank.answer("GET", DETAILS, balance(left));
    }
    assert_eq!(returns(&till), 6);
}
