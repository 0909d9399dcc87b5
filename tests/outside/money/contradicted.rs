//! A bank that says of a paid payment that it is not paid: it is heard, nothing leaves `paid`, no money goes back
//! meanwhile, and the problem ends by the bank's next word or by a person's.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::behaviour::{Till, behave, paid};
use crate::support::clock::Clock;
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::Door;
use crate::support::scripted_bank::{BIN, ScriptedBank};

const STATUS: &str = "/r3/v01/payment/status/";
const QUIET: &str = "[payments]\none_per_invoice = false\n[follow]\nremote_sweep = \"off\"";

fn says(bank: &ScriptedBank, dialect: Dialect, qr: &str, word: &str) {
    let body = match dialect {
        Dialect::Bank => format!(r#"{{"Data":{{"Status":"{word}"}},"StatusCode":0}}"#),
        Dialect::Guide => format!(r#"{{"status":true,"data":{{"status":"{word}"}}}}"#),
    };
    bank.answer("GET", &format!("{STATUS}{qr}"), Answer::json(body));
}

/// A payment that the customer has paid: its id and its number.
#[track_caller]
fn take_paid(door: &Door, bank: &ScriptedBank, dialect: Dialect) -> (String, String) {
    let body = json!({"kind": "remote", "amount_tiyn": 20_000, "phone_number": "77015211545"});
    let made = door.post("/v1/payments", &body).expect(201);
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    let (id, qr) = (text("id"), text("qr_payment_id"));
    bank.answer("GET", &format!("{STATUS}{qr}"), paid(dialect));
    assert_eq!(door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "paid");
    (id, qr)
}

fn refund(door: &Door, id: &str) -> crate::support::http::Answer {
    door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 1_000}))
}

fn resolve(door: &Door, id: &str, paid: bool) -> crate::support::http::Answer {
    door.post(&format!("/v1/payments/{id}/resolve"), &json!({"paid": paid, "reason": "looked in the app"}))
}

fn problems(door: &Door) -> Vec<Value> {
    let health = door.get("/v1/health").expect(200);
    let found = health["problems"].as_array().unwrap().iter();
    found.filter(|found| found["code"] == "payment_contradicted").cloned().collect()
}

/// How often a payment was told to be contradicted, and paid.
fn told(door: &Door, id: &str) -> (usize, usize) {
    let events = door.get("/v1/events?after=0&limit=1000").expect(200);
    let events = events["events"].as_array().unwrap().iter();
    let words: Vec<&str> =
        events.filter(|event| event["payment"]["id"] == id).map(|event| event["type"].as_str().unwrap()).collect();
    let count = |word: &str| words.iter().filter(|found| **found == word).count();
    (count("payment.contradicted"), count("payment.paid"))
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(40);
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Nobody asks for it: the late looks find it out within a minute, and find out in the end that it was nothing. It stays
/// paid, and counts.
#[test]
fn the_late_looks_hear_it_and_hear_its_end() {
    let clock = Clock::new(60);
    let bank = ScriptedBank::start();
    behave(&bank, Dialect::Bank);
    let home = Home::new(&bank, "[kaspi]\ntimeout = \"2m\"\n[payments]\nrefund_settle = \"4m\"");
    let daemon = clock.start(&home);
    let door = &daemon.door;
    door.enrol(BIN);
    let (id, qr) = take_paid(door, &bank, Dialect::Bank);
    says(&bank, Dialect::Bank, &qr, "Error");
    until("the event", || told(door, &id) == (1, 1));
    let found = problems(door);
    assert_eq!((found.len(), &found[0]["payment"]), (1, &json!(id)));
    assert!(found[0]["remedy"].as_str().unwrap().contains("--paid yes"), "{}", found[0]);
    let payment = door.get(&format!("/v1/payments/{id}")).expect(200);
    assert_eq!((&payment["state"], &payment["kaspi_status"]), (&json!("paid"), &json!("Error")));
    let date = payment["paid_at"].as_str().unwrap().get(..10).unwrap().to_owned();
    let day = door.get(&format!("/v1/reports/day?date={date}")).expect(200);
    assert_eq!(day["organizations"][0]["taken_tiyn"], 20_000, "{day}");

    bank.answer("GET", &format!("{STATUS}{qr}"), paid(Dialect::Bank));
    until("the end of the problem", || problems(door).is_empty());
    assert_eq!(told(door, &id), (1, 1), "that it is paid is told once");
    refund(door, &id).expect(200);
    // A daemon that was off in the meantime asks when it is back.
    says(&bank, Dialect::Bank, &qr, "Error");
    daemon.kill();
    clock.pass(Duration::from_secs(2 * 3600));
    let daemon = clock.start(&home);
    until("the event after the restart", || told(&daemon.door, &id).0 == 2);
}

/// A refund asks first, in both dialects: nothing is sent for a payment that the bank calls not paid. A person's word
/// that the money is there ends that, whatever the bank goes on to say; that it is not there changes no state.
#[test]
fn a_refund_asks_first_and_a_person_ends_it() {
    for dialect in [Dialect::Bank, Dialect::Guide] {
        let clock = Clock::new(1);
        let till = Till::by_clock(&clock, dialect, QUIET);
        let (door, bank) = (&till.daemon.door, &till.bank);
        let (id, qr) = take_paid(door, bank, dialect);
        says(bank, dialect, &qr, "Error");
        // A read that is older than the interval counts no more.
        clock.pass(Duration::from_secs(4));
        let returns = || bank.seen().iter().filter(|seen| seen.path().contains("/payment/re")).count();
        let problem = refund(door, &id).problem("not_refundable");
        assert_eq!((&problem["money"], returns()), (&json!("not_moved"), 0), "{problem}");
        assert!(problem["remedy"].as_str().unwrap().contains("--paid yes"), "{problem}");
        assert_eq!((told(door, &id), problems(door).len()), ((1, 1), 1));
        refund(door, &id).problem("not_refundable");

        resolve(door, &id, false).problem("invalid_request");
        assert_eq!(resolve(door, &id, true).expect(200)["state"], "paid");
        assert!(problems(door).is_empty());
        resolve(door, &id, true).problem("invalid_request");
        clock.pass(Duration::from_secs(4));
        assert_eq!(refund(door, &id).expect(200)["refunded_tiyn"], 1_000);
        assert_eq!((told(door, &id), problems(door).len()), ((1, 1), 0), "the same word is no news");
        // Another one is.
        says(bank, dialect, &qr, "RemotePaymentCanceled");
        clock.pass(Duration::from_secs(16));
        refund(door, &id).problem("not_refundable");
        assert_eq!(told(door, &id).0, 2);
    }
}

/// A word that nobody knows says nothing, as of every other payment; nor does a bank that does not find it.
#[test]
fn an_unknown_word_contradicts_nothing() {
    let clock = Clock::new(1);
    let till = Till::by_clock(&clock, Dialect::Bank, QUIET);
    let (door, bank) = (&till.daemon.door, &till.bank);
    for answer in [r#"{"Data":{"Status":"Returned"},"StatusCode":0}"#, r#"{"StatusCode":-1601}"#] {
        let (id, qr) = take_paid(door, bank, Dialect::Bank);
        bank.answer("GET", &format!("{STATUS}{qr}"), Answer::json(answer));
        clock.pass(Duration::from_secs(4));
        assert_eq!(refund(door, &id).expect(200)["refunded_tiyn"], 1_000, "{answer}");
        assert_eq!((told(door, &id), problems(door).len()), ((0, 1), 0), "{answer}");
    }
}

/// What is wrong outlives a restart, and a GET asks whether it still is.
#[test]
fn it_stands_until_it_ends() {
    let clock = Clock::new(1);
    let till = Till::by_clock(&clock, Dialect::Bank, QUIET);
    let (id, qr) = take_paid(&till.daemon.door, &till.bank, Dialect::Bank);
    says(&till.bank, Dialect::Bank, &qr, "Error");
    clock.pass(Duration::from_secs(4));
    refund(&till.daemon.door, &id).problem("not_refundable");
    let Till { daemon, home, bank } = till.crash();
    assert_eq!(problems(&daemon.door).len(), 1);
    daemon.kill();
    bank.answer("GET", &format!("{STATUS}{qr}"), paid(Dialect::Bank));
    let daemon = Daemon::start(&home);
    daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
    assert!(problems(&daemon.door).is_empty());
}
