//! An amount is the same amount everywhere: integers of tiyn on the socket, decimal tenge in the bank's bytes,
//! integer kopecks in the guide's.

use serde_json::{Value, json};

use crate::support::behaviour::Till;
use crate::support::fixture::Dialect;

/// Among them amounts that a binary float, a truncation or a factor of 100 would spoil.
const AMOUNTS: [u64; 14] =
    [1, 29, 57, 99, 100, 101, 1_999, 10_000, 11_005, 15_050, 123_457, 1_999_999, 99_999_999, 100_000_000];
const CONFIG: &str = "[payments]\none_per_invoice = false";

/// The text of the last number behind `field`, as it stood in the bytes.
#[track_caller]
fn number_of<'a>(body: &'a str, field: &str) -> &'a str {
    let (_, rest) = body.split_once(&format!("\"{field}\":")).unwrap_or_else(|| panic!("no {field} in {body}"));
    rest.split([',', '}']).next().unwrap_or_default()
}

fn remote(amount: &Value) -> Value {
    json!({"kind": "remote", "amount_tiyn": amount, "phone_number": "77015211545"})
}

/// 100.00 tenge is 100 or 100.00 in the bank's dialect, never 10000, and at most two decimals without an exponent.
#[test]
fn the_bank_gets_exact_tenge() {
    let till = Till::open(Dialect::Bank, CONFIG);
    for amount in AMOUNTS {
        let payment = till.daemon.door.post("/v1/payments", &remote(&amount.into())).expect(201);
        assert_eq!(payment["amount_tiyn"], amount);
        let sent = till.bank.seen_at("POST", "/r3/v01/remote/create", "");
        let text = number_of(&sent.last().unwrap().body, "Amount");
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        assert!(part.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.'), "{amount} tiyn as {text}");
        let tiyn = whole.parse::<u64>().unwrap() * 100 + format!("{part:0<2}").parse::<u64>().unwrap();
        assert_eq!(tiyn, amount, "{amount} tiyn as {text}");
    }
}

/// 100.00 tenge is 10000 in the guide's dialect.
#[test]
fn the_guide_gets_integer_kopecks() {
    let till = Till::open(Dialect::Guide, CONFIG);
    for amount in AMOUNTS {
        till.daemon.door.post("/v1/payments", &remote(&amount.into())).expect(201);
        let sent = till.bank.seen_at("POST", "/r3/v01/remote/create/", "");
        assert_eq!(number_of(&sent.last().unwrap().body, "amount"), amount.to_string());
    }
}

/// What is no positive integer of tiyn within the limit is refused, and nothing is sent.
#[test]
fn what_is_no_amount_is_refused() {
    let till = Till::open(Dialect::Bank, CONFIG);
    let wrong = [
        json!(0),
        json!(-1),
        json!(1.5),
        json!(10_000.0),
        json!("10000"),
        json!(null),
        json!(true),
        json!([10_000]),
        json!(100_000_001),
        json!(u64::MAX),
    ];
    for amount in wrong {
        till.daemon.door.post("/v1/payments", &remote(&amount)).problem("invalid_request");
    }
    for raw in ["1e4", "10000e0", "00010000", "+10000", "1_0000", "18446744073709551616", "NaN"] {
        let body = format!(r#"{{"kind":"remote","amount_tiyn":{raw},"phone_number":"77015211545"}}"#);
        till.daemon.door.ask("POST /v1/payments", Some(&body)).problem("invalid_request");
    }
    assert!(till.bank.seen_at("POST", "/r3/v01/remote/create", "").is_empty());
}
