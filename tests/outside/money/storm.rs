//! Sales that are refused again and again: what is kept of them is bounded, and the first good one is made.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::behaviour::Till;
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::Answer as Answered;

const CREATE: &str = "/r3/v01/remote/create";
const REFUSED: &str = r#"{"StatusCode":990000028}"#;
const MADE: &str = r#"{"Data":{"QrPaymentId":{next_id}},"StatusCode":0}"#;

/// A till that repeats a sale all night, with no key of its own.
fn sell(till: &Till) -> Answered {
    till.daemon.door.post("/v1/payments", &json!({"kind": "remote", "amount_tiyn": 100, "phone_number": "77015211545"}))
}

/// The number of the newest event.
fn events(till: &Till) -> u64 {
    let newest = till.daemon.door.get("/v1/log?limit=1&order=desc").expect(200);
    newest["rows"][0]["id"].as_u64().unwrap()
}

/// Promise: a storm of refused sales does not fill the disk, what it is about is said, and it ends by itself.
#[test]
fn a_storm_of_refused_sales_is_written_down_in_part() {
    let till = Till::open(
        Dialect::Bank,
        "[payments]\none_per_invoice = false\n[limits]\nrate_per_uid = 100000\nburst_per_uid = 100000",
    );
    till.bank.answer("POST", CREATE, Answer::json(REFUSED));
    let refused = (0..3000).map(|_| sell(&till)).find(|answer| answer.status == 429).expect("it is never calmed");
    let problem = refused.problem("rate_limited");
    assert_eq!(problem["money"], "not_moved");
    let remedy = problem["remedy"].as_str().unwrap();
    assert!(remedy.contains("kaspictl log list --bin"), "{problem}");
    let asked = till.bank.seen_at("POST", CREATE, "").len();
    assert!((1000..1100).contains(&asked), "{asked} were made");
    // What is refused now is not written down, but for one a second.
    let (began, before) = (Instant::now(), events(&till));
    for _ in 0..200 {
        sell(&till);
    }
    let written = events(&till) - before;
    assert!(written <= 2 * (began.elapsed().as_secs() + 1), "{written} events of 200 sales in {:?}", began.elapsed());
    // The bank is well again: the next that is made opens the way for all.
    till.bank.answer("POST", CREATE, Answer::json(MADE));
    let began = Instant::now();
    while sell(&till).status != 201 {
        assert!(began.elapsed() < Duration::from_secs(5), "it does not end");
        std::thread::sleep(Duration::from_millis(100));
    }
    for _ in 0..20 {
        sell(&till).expect(201);
    }
}
