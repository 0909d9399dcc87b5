//! A bank that is slow, and tills that are not: whoever asks, a payment is looked at as often as the bank wants, and
//! what the bank says is heard.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::behaviour::{Till, behave, paid};
use crate::support::clock::Clock;
use crate::support::daemon::Home;
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::Door;
use crate::support::scripted_bank::{BIN, ScriptedBank, TOKEN};

const STATUS: &str = "/r3/v01/payment/status/";
const DETAILS: &str = "/r3/v01/payment/details";
const REGISTER: &str = "/r3/v01/device/register";

/// Nothing looks by itself at an invoice.
const QUIET: &str = "[payments]\none_per_invoice = false\n[follow]\nremote_sweep = \"off\"";

/// A payment's id, and its number at the bank.
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
    let list = door.get("/v1/payments").expect(200);
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

fn asked(bank: &ScriptedBank, qr: &str) -> Vec<Instant> {
    bank.seen_at("GET", &format!("{STATUS}{qr}"), qr).into_iter().map(|seen| seen.at).collect()
}

/// A till that never waits as long as the bank takes still hears that it was paid: the look goes on without it.
#[test]
fn a_look_outlives_a_short_wait() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    let (id, qr) = take(door, "remote");
    till.bank.answer("GET", &format!("{STATUS}{qr}"), paid(Dialect::Bank));
    till.bank.hold_at(STATUS);
    for wait in ["0s", "200ms", "0s", "200ms"] {
        assert_eq!(door.get(&format!("/v1/payments/{id}?wait={wait}")).expect(200)["state"], "waiting");
    }
    till.bank.release();
    soon("the answer is heard", Duration::from_secs(10), || known(door, &id)["state"] == "paid");
    assert_eq!(asked(&till.bank, &qr).len(), 1);
}

/// Ten tills ask for one payment at a bank that does not answer: all are told what is known when the one look ends,
/// not one after the other.
#[test]
fn a_look_that_fails_is_shared_too() {
    let till = Till::open(Dialect::Bank, &format!("{QUIET}\n[kaspi]\ntimeout = \"4s\""));
    let door = &till.daemon.door;
    // A link's interval is a second: when the look ends nothing is fresh.
    let (id, qr) = take(door, "link");
    let before = asked(&till.bank, &qr).len();
    till.bank.hold_at(STATUS);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| assert_eq!(door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "waiting"));
        }
    });
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let looks = asked(&till.bank, &qr).len() - before;
    assert!((1..=4).contains(&looks), "{looks} looks");
    till.bank.release();
}

/// The bank's interval is from ask to ask, however long a look had to wait for its turn: after a restart many are due
/// at once, and none of them misses its next turn for it.
#[test]
fn no_turn_is_missed_for_a_late_one() {
    let till = Till::open(Dialect::Bank, "[payments]\none_per_invoice = false\n[follow]\nrate = 4");
    let link = r#"{"Data":{"PaymentLink":"https://pay.kaspi.kz/pay/9","PaymentId":{next_id},"PaymentBehaviorOptions":{"StatusPollingInterval":4,"LinkActivationWaitTimeout":180,"PaymentConfirmationTimeout":65}},"StatusCode":0}"#;
    till.bank.answer("POST", "/r3/v01/qr/create-link", Answer::json(link));
    for _ in 0..8 {
        let (_, qr) = take(&till.daemon.door, "link");
        till.bank.answer("GET", &format!("{STATUS}{qr}"), paid(Dialect::Bank));
    }
    let (_, last) = take(&till.daemon.door, "link");
    let till = till.crash();
    let before = asked(&till.bank, &last).len();
    // The first time behind eight others, the second time behind nobody.
    soon("it was asked about twice", Duration::from_secs(30), || asked(&till.bank, &last).len() >= before + 2);
    let times = asked(&till.bank, &last);
    let gap = times[before + 1] - times[before];
    assert!((Duration::from_millis(3_500)..Duration::from_secs(7)).contains(&gap), "{gap:?}");
}

/// Who scanned a code in time may confirm after it is dead (wire §8): the bank is asked at its interval until
/// that time is over, too.
#[test]
fn a_scanned_code_is_followed_until_it_can_no_more_be_confirmed() {
    let clock = Clock::new(20);
    let bank = ScriptedBank::start();
    behave(&bank, Dialect::Bank);
    let qr = r#"{"Data":{"QrToken":"5123","QrPaymentId":{next_id},"QrPaymentBehaviorOptions":{"StatusPollingInterval":5,"QrCodeScanWaitTimeout":20,"PaymentConfirmationTimeout":65}},"StatusCode":0}"#;
    bank.answer("POST", "/r3/v01/qr/create", Answer::json(qr));
    bank.answer("GET", &format!("{STATUS}*"), Answer::json(r#"{"Data":{"Status":"Wait"},"StatusCode":0}"#));
    let home = Home::new(&bank, "[kaspi]\ntimeout = \"2m\"\n[payments]\nrefund_settle = \"4m\"");
    let daemon = clock.start(&home);
    daemon.door.enrol(BIN);
    let (id, number) = take(&daemon.door, "qr");
    let began = clock.elapsed();
    soon("the code is dead, and its customer has time", Duration::from_secs(20), || {
        clock.elapsed() > began + Duration::from_secs(45)
    });
    let before = asked(&bank, &number).len();
    soon("asked at its interval", Duration::from_secs(20), || asked(&bank, &number).len() >= before + 2);
    let late = clock.elapsed() - began;
    assert!(late < Duration::from_secs(85), "asked twice only {late:?} after the create");
    assert_eq!(known(&daemon.door, &id)["state"], "waiting");
}

/// Reports ask about open payments; many reports do not take the turns of tills that want to know whether they were
/// paid.
#[test]
fn reports_leave_turns_for_tills() {
    let till = Till::open(Dialect::Bank, &format!("{QUIET}\nrate = 1"));
    let door = &till.daemon.door;
    for _ in 0..12 {
        take(door, "remote");
    }
    let (id, qr) = take(door, "remote");
    till.bank.answer("GET", &format!("{STATUS}{qr}"), paid(Dialect::Bank));
    std::thread::scope(|scope| {
        let reports: Vec<_> = (0..12).map(|_| scope.spawn(|| door.get("/v1/reports/day").expect(200))).collect();
        for report in reports {
            report.join().unwrap();
        }
    });
    // A till asks twice at most: a look of a report may have been the moment before.
    soon("the till hears of it", Duration::from_secs(12), || {
        door.get(&format!("/v1/payments/{id}")).expect(200)["state"] == "paid"
    });
}

/// That a payment is paid is not held up by a device that has to be registered again to read the date of it.
#[test]
fn being_paid_does_not_wait_for_its_date() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    let (id, qr) = take(door, "remote");
    till.bank.answer("GET", &format!("{STATUS}{qr}"), paid(Dialect::Bank));
    till.bank.answer_for("GET", DETAILS, TOKEN, Answer::json(r#"{"StatusCode":-1501}"#));
    till.bank.hold_at(REGISTER);
    let began = Instant::now();
    let payment = door.get(&format!("/v1/payments/{id}")).expect(200);
    assert_eq!((&payment["state"], &payment["paid_at_source"]), (&json!("paid"), &json!("seen")));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    till.bank.release();
}

/// A reload's sweep holds for invoices that are open already: what was off is on, for them too.
#[test]
fn a_reload_sweeps_open_invoices() {
    let clock = Clock::new(20);
    let bank = ScriptedBank::start();
    behave(&bank, Dialect::Bank);
    let settings = "[kaspi]\ntimeout = \"2m\"\n[payments]\nrefund_settle = \"4m\"\n[follow]\nremote_sweep = ";
    let home = Home::new(&bank, &format!("{settings}\"off\""));
    let daemon = clock.start(&home);
    daemon.door.enrol(BIN);
    let (id, qr) = take(&daemon.door, "remote");
    bank.answer("GET", &format!("{STATUS}{qr}"), paid(Dialect::Bank));
    home.change(&format!("{settings}[\"10m\"]"));
    daemon.door.post("/v1/reload", &json!({})).expect(200);
    // Hours at most, of the day that it would be left alone for.
    soon("it is swept", Duration::from_secs(20), || {
        clock.pass(Duration::from_secs(60));
        known(&daemon.door, &id)["state"] == "paid"
    });
    let asks = asked(&bank, &qr).len();
    assert!((1..=2).contains(&asks), "{asks}: the sweep, and at most the look of a minute after it was paid");
}
