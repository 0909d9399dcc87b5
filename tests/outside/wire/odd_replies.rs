//! Replies that no manual has: whatever a server writes where a date, a timer, a name or a status belongs, a payment
//! keeps its day, its end and its size.

use kaspid::moment::Moment;
use serde_json::{Value, json};

use crate::support::behaviour::{Till, paid};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::Door;
use crate::support::scripted_bank::BIN;

const STATUS: &str = "/r3/v01/payment/status/*";
const DETAILS: &str = "/r3/v01/payment/details";

#[track_caller]
fn take(door: &Door, kind: &str) -> Value {
    let body = json!({"kind": kind, "amount_tiyn": 20_000, "phone_number": "77015211545"});
    door.post("/v1/payments", &body).expect(201)
}

#[track_caller]
fn look(door: &Door, payment: &Value) -> Value {
    door.get(&format!("/v1/payments/{}", payment["id"].as_str().unwrap())).expect(200)
}

/// The least and the greatest date of .NET stand for none. A payment dated so would be in no report.
#[test]
fn a_date_that_is_none_loses_no_payment_of_the_day() {
    let till = Till::open(Dialect::Bank, "[payments]\none_per_invoice = false");
    let door = &till.daemon.door;
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    for date in ["0001-01-01T00:00:00", "9999-12-31T23:59:59.9999999", "1900-01-01T00:00:00+05:00", "", "soon"] {
        let body = format!(
            r#"{{"Data":{{"QrPaymentId":{{asked_id}},"TotalAmount":200.00,"AvailableReturnAmount":200.00,"TransactionDate":"{date}"}},"StatusCode":0}}"#
        );
        till.bank.answer("GET", DETAILS, Answer::json(body));
        let payment = look(door, &take(door, "remote"));
        assert_eq!((&payment["state"], &payment["paid_at_source"]), (&json!("paid"), &json!("seen")), "{date}");
    }
    let report = door.get("/v1/reports/range?from=yesterday&to=today").expect(200);
    assert_eq!(report["organizations"][0]["taken_tiyn"], 100_000, "{report}");
}

/// A life that nobody can mean is none: the code then lives as one without timers does.
#[test]
fn an_absurd_life_is_none() {
    let till = Till::open(Dialect::Bank, "[payments]\none_per_invoice = false\nlink_life = \"7m\"");
    let door = &till.daemon.door;
    let date = |text: &str| format!(r#""ExpireDate":"{text}","#);
    let timers = |text: &str| format!(r#""PaymentBehaviorOptions":{text},"#);
    for odd in [
        date("9000-01-01T00:00:00Z"),
        date("0001-01-01T00:00:00"),
        date("2020-01-01T00:00:00+06:00"),
        timers("[]"),
        timers("7"),
        timers(r#"{"StatusPollingInterval":-5,"LinkActivationWaitTimeout":99999999999999999999}"#),
        timers(r#"{"StatusPollingInterval":0,"LinkActivationWaitTimeout":0,"PaymentConfirmationTimeout":"x"}"#),
    ] {
        let body = format!(
            r#"{{"Data":{{"PaymentLink":"https://pay.kaspi.kz/pay/9",{odd}"PaymentId":{{next_id}}}},"StatusCode":0}}"#
        );
        let dated = Answer { headers: vec!["Date: Wed, 25 Nov 2026 04:00:00 GMT".to_owned()], ..Answer::json(body) };
        till.bank.answer("POST", "/r3/v01/qr/create-link", dated);
        let payment = take(door, "link");
        let at = |field: &str| payment[field].as_str().unwrap().parse::<Moment>().unwrap();
        let life = at("expires_at").since(at("created_at")).as_secs();
        assert!((419..=440).contains(&life), "{life} s for {odd}");
    }
}

/// A page of text, or one that moves a terminal's cursor, is no status, and none of it is kept; an unknown word is.
#[test]
fn a_status_is_a_word() {
    for dialect in [Dialect::Bank, Dialect::Guide] {
        let till = Till::open(dialect, "[payments]\none_per_invoice = false\n[follow]\nremote_sweep = \"off\"");
        let door = &till.daemon.door;
        for (text, kept) in [
            ("x".repeat(300_000).as_str(), None),
            ("\\u001b[2JProcessed", None),
            ("", None),
            ("ОжиданиеPaymentConfirmation", Some("ОжиданиеPaymentConfirmation")),
        ] {
            let body = match dialect {
                Dialect::Bank => format!(r#"{{"Data":{{"Status":"{text}"}},"StatusCode":0}}"#),
                Dialect::Guide => format!(r#"{{"status":true,"data":{{"status":"{text}"}}}}"#),
            };
            till.bank.answer("GET", STATUS, Answer::json(body));
            let seen = look(door, &take(door, "remote"));
            assert_eq!((&seen["state"], &seen["kaspi_status"]), (&json!("waiting"), &json!(kept)));
        }
    }
}

/// A name is one line of a bounded length, however the bank writes it.
#[test]
fn a_trade_points_name_is_a_line() {
    let till = Till::bare(Dialect::Bank, "");
    let name = format!("Main\\nOffice {}", "ы".repeat(100_000));
    let body = format!(r#"{{"Data":[{{"TradePointId":104039,"TradePointName":"{name}"}}],"StatusCode":0}}"#);
    till.bank.answer("GET", "/r3/v01/partner/tradepoints/*", Answer::json(body));
    let config = till.daemon.door.enrol(BIN);
    let name = config["trade_point_name"].as_str().unwrap();
    assert!(name.starts_with("Main Office ыыы") && name.chars().count() == 255, "{name}");
}

/// What no cursor, limit or wait can be is refused in words, and a cursor at the end is none of it.
#[test]
fn odd_cursors_are_refused_in_words() {
    let till = Till::open(Dialect::Bank, "");
    let door = &till.daemon.door;
    let head = door.get("/v1/events?after=0&limit=1000").expect(200)["next"].as_u64().unwrap();
    let end = door.get(&format!("/v1/events?after={head}&wait=0s")).expect(200);
    assert_eq!(end, json!({"events": [], "next": head}));
    for query in [
        "after=-1",
        "after=x",
        "after=18446744073709551615",
        "after=18446744073709551616",
        "wait=x",
        "wait=601s",
        "wait=-1s",
        "limit=0",
        "limit=1001",
        "cursor=1",
        "after=0&after=1",
    ] {
        for route in ["events", "log"] {
            let wait = if query.contains("wait") { "" } else { "&wait=0s" };
            let answer = door.get(&format!("/v1/{route}?{query}{wait}"));
            assert_eq!(answer.problem("invalid_request")["status"], 400, "{route} {query}");
        }
    }
    let beyond = door.get(&format!("/v1/events?after={}", head + 1)).problem("invalid_request");
    assert!(beyond["detail"].as_str().unwrap().contains(&head.to_string()), "{beyond}");
    for query in ["date=2026-2-30", "date=tomorrow", "date=2099-01-01", "bin=1", "date=0000-00-00", "day=today"] {
        door.get(&format!("/v1/reports/day?{query}")).problem("invalid_request");
    }
    for query in ["", "from=today&to=yesterday", "from=2020-01-01", "from=-9999-01-01&to=-9999-01-02", "from=x"] {
        door.get(&format!("/v1/reports/range?{query}")).problem("invalid_request");
    }
}
