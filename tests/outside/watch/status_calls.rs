//! One meaning of "asked": a look is a status call that was answered. Nothing else puts the next one off, and a payment
//! that cannot be asked about, or not even read, holds no other up.

use std::time::{Duration, Instant};

use redb::ReadableTable;
use serde_json::{Value, json};

use crate::support::behaviour::{Till, paid};
use crate::support::clock::Clock;
use crate::support::daemon::Daemon;
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::{Door, fresh_key};
use crate::support::scripted_bank::{BIN, ScriptedBank};

const STATUS: &str = "/r3/v01/payment/status/";
const LINK: &str = "/r3/v01/qr/create-link";
/// Nothing looks by itself at an invoice.
const QUIET: &str = "[payments]\none_per_invoice = false\n[follow]\nremote_sweep = \"off\"";

/// The answer to a create-link: its number and the interval of its status.
fn link(number: u64, seconds: u32) -> Answer {
    Answer::json(format!(
        r#"{{"Data":{{"PaymentLink":"https://pay.kaspi.kz/pay/9","PaymentId":{number},"PaymentBehaviorOptions":{{"StatusPollingInterval":{seconds},"LinkActivationWaitTimeout":180,"PaymentConfirmationTimeout":65}}}},"StatusCode":0}}"#
    ))
}

#[track_caller]
fn take(door: &Door, kind: &str) -> (String, String) {
    let body = json!({"kind": kind, "amount_tiyn": 20_000, "phone_number": "77015211545"});
    let made = door.post("/v1/payments", &body).expect(201);
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    (text("id"), text("qr_payment_id"))
}

/// What is known of a payment, without a look.
#[track_caller]
fn known(door: &Door, id: &str) -> Value {
    let list = door.get("/v1/payments?limit=1000").expect(200);
    list["payments"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap().clone()
}

#[track_caller]
fn soon(what: &str, within: Duration, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn asked(bank: &ScriptedBank, qr: &str) -> usize {
    bank.seen_at("GET", &format!("{STATUS}{qr}"), qr).len()
}

fn problems(door: &Door) -> Vec<(String, Value)> {
    let health = door.get("/v1/health").expect(200);
    let problems = health["problems"].as_array().unwrap().iter();
    problems.map(|found| (found["code"].as_str().unwrap().to_owned(), found["payment"].clone())).collect()
}

/// A till that waits by sending its create again, with a shorter wait than the bank's interval: the bank is asked all
/// the same, and the till hears that it was paid.
#[test]
fn a_repeated_create_puts_no_look_off() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    till.bank.answer("POST", LINK, link(700_000_001, 5));
    for kind in ["link", "remote"] {
        let key = fresh_key();
        let body = json!({"kind": kind, "amount_tiyn": 20_000, "phone_number": "77015211545", "wait": "100ms"});
        let send = || door.post_with_key(&key, "/v1/payments", &body);
        let first = send().expect(201);
        let qr = first["qr_payment_id"].as_str().unwrap();
        till.bank.answer("GET", &format!("{STATUS}{qr}"), paid(Dialect::Bank));
        let began = Instant::now();
        // Every three seconds, as the finding has it, in time for four intervals of the bank.
        while send().expect(200)["state"] != "paid" {
            assert!(began.elapsed() < Duration::from_secs(20), "{kind}: {} asks", asked(&till.bank, qr));
            std::thread::sleep(Duration::from_secs(3));
        }
    }
}

/// A look that failed is no read: whoever moves money right after it asks again. It is not repeated hot for those who
/// wait.
#[test]
fn a_failed_look_is_no_read() {
    let clock = Clock::new(1);
    let till = Till::by_clock(&clock, Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    let (id, qr) = take(door, "remote");
    let path = format!("{STATUS}{qr}");
    till.bank.answer("GET", &path, paid(Dialect::Bank));
    assert_eq!(door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "paid");
    // A read that is older than the interval counts no more.
    clock.pass(Duration::from_secs(4));
    let refund = || door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 100}));
    till.bank.answer("GET", &path, Answer::page(502, "Bad Gateway"));
    let problem = refund().problem("kaspi_unavailable");
    assert_eq!((&problem["money"], &problem["retryable"]), (&json!("not_moved"), &json!(true)), "{problem}");
    till.bank.answer("GET", &path, paid(Dialect::Bank));
    assert_eq!(refund().expect(200)["refunded_tiyn"], 100);

    let (other, qr) = take(door, "remote");
    let path = format!("{STATUS}{qr}");
    till.bank.answer("GET", &path, Answer::page(502, "Bad Gateway"));
    door.get(&format!("/v1/payments/{other}?wait=9s")).expect(200);
    // At once, after 3 and after 8 seconds, as for an answered look.
    let count = asked(&till.bank, &qr);
    assert!((2..=4).contains(&count), "{count} asks in 9 s");
    let report = door.get("/v1/reports/day").expect(200);
    let line = &report["organizations"][0]["open"][0];
    assert_eq!((&line["id"], &line["last_asked"]), (&json!(other), &Value::Null), "{line}");
}

/// Two dozen payments whose status hangs: the others are followed as if they were not there.
#[test]
fn payments_that_hang_hold_no_others_up() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    till.bank.answers("POST", LINK, (0..24).map(|number| link(500_000_000 + number, 1)));
    till.bank.hold_at(&format!("{STATUS}5000000"));
    for _ in 0..24 {
        take(door, "link");
    }
    soon("the first hang", Duration::from_secs(10), || {
        till.bank.seen().iter().any(|seen| seen.path().contains(STATUS))
    });
    till.bank.answer("POST", LINK, link(700_000_000, 1));
    let (id, qr) = take(door, "link");
    till.bank.answer("GET", &format!("{STATUS}{qr}"), paid(Dialect::Bank));
    soon("the other is heard", Duration::from_secs(25), || known(door, &id)["state"] == "paid");
    // From now on those that hang have places of their own: one more is heard in its interval.
    till.bank.answer("POST", LINK, link(700_000_001, 1));
    let (id, qr) = take(door, "link");
    till.bank.answer("GET", &format!("{STATUS}{qr}"), paid(Dialect::Bank));
    soon("one more is heard", Duration::from_secs(6), || known(door, &id)["state"] == "paid");
    till.bank.release();
    // None of them was forgotten.
    let count = |qr: u64| asked(&till.bank, &qr.to_string());
    let before: Vec<usize> = (0..24).map(|number| count(500_000_000 + number)).collect();
    soon("all are asked about again", Duration::from_secs(60), || {
        (0..24).all(|number| count(500_000_000 + number) > before[usize::try_from(number).unwrap()])
    });
}

/// A payment whose stored row does not read back is passed over and stands in health; the others are followed, and the
/// daemon goes on.
#[test]
fn a_payment_that_cannot_be_read_ends_nothing() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    let (broken, _) = take(door, "link");
    let (id, qr) = take(door, "link");
    let Till { daemon, home, bank } = till;
    assert!(daemon.stop().success());
    spoil(&home.state().join("kaspid.redb"), &broken);
    bank.answer("GET", &format!("{STATUS}{qr}"), paid(Dialect::Bank));
    let daemon = Daemon::start(&home);
    soon("the other is asked about", Duration::from_secs(20), || asked(&bank, &qr) > 0);
    assert_eq!(daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "paid");
    let found = problems(&daemon.door);
    assert!(found.contains(&("payment_unreadable".to_owned(), json!(broken))), "{found:?}");
    // What is taken from now on is followed, too.
    let (next, qr) = take(&daemon.door, "link");
    bank.answer("GET", &format!("{STATUS}{qr}"), paid(Dialect::Bank));
    soon("the next is asked about", Duration::from_secs(20), || asked(&bank, &qr) > 0);
    assert_eq!(daemon.door.get(&format!("/v1/payments/{next}")).expect(200)["state"], "paid");
    let text = daemon.door.get("/metrics").text();
    assert!(text.contains("payment_unreadable"), "{text}");
    assert_eq!(daemon.door.get(&format!("/v1/configs/{BIN}")).expect(200)["is_active"], true);
}

/// Writes something into the row of a payment that is none.
fn spoil(file: &std::path::Path, id: &str) {
    const PAYMENT: redb::TableDefinition<'_, u128, &[u8]> = redb::TableDefinition::new("payment");
    let number = u128::from_str_radix(&id.replace('-', ""), 16).unwrap();
    let database = redb::Database::open(file).unwrap();
    let tx = database.begin_write().unwrap();
    {
        let mut payments = tx.open_table(PAYMENT).unwrap();
        let mut bytes = payments.get(number).unwrap().expect("it is stored").value().to_vec();
        bytes.truncate(20);
        payments.insert(number, bytes.as_slice()).unwrap();
    }
    tx.commit().unwrap();
}
