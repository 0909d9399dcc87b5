//! A daemon that starts with a wrong clock ends nothing that the bank still calls outstanding: neither an invoice nor a
//! link, in neither dialect, whether or not the bank's answers tell the time. A clock that was wrong when the payment
//! was made does no harm either.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::behaviour::{behave, paid};
use crate::support::clock::{Clock, FastShop};
use crate::support::daemon::Home;
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::Door;
use crate::support::scripted_bank::{BIN, ScriptedBank};

const STATUS: &str = "/r3/v01/payment/status/";
const CANCEL: &str = "/r3/v01/remote/cancel";
const HOURS: i64 = 3600;
const SCAN: Duration = Duration::from_secs(4 * 3600);
const SPEED: u32 = 20;
const CONFIG: &str = "[kaspi]\ntimeout = \"2m\"\n[payments]\nrefund_settle = \"4m\"\nlink_life = \"4h\"";

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(40);
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn known(door: &Door, id: &str) -> Value {
    let list = door.get("/v1/payments?limit=1000").expect(200);
    list["payments"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap().clone()
}

fn take(door: &Door, kind: &str, invoice: &str) -> crate::support::http::Answer {
    let body = json!({"kind": kind, "amount_tiyn": 20_000, "phone_number": "77015211545", "invoice": invoice});
    door.post("/v1/payments", &body)
}

fn taken(door: &Door, kind: &str, invoice: &str) -> (String, String) {
    let made = take(door, kind, invoice).expect(201);
    let text = |field: &str| made[field].as_str().unwrap().to_owned();
    (text("id"), text("qr_payment_id"))
}

/// Stops the daemon, sets the wall clock and starts it again.
fn restart(shop: FastShop, seconds: i64) -> FastShop {
    let FastShop { daemon, home, clock, bank } = shop;
    daemon.kill();
    clock.set_wall(seconds);
    FastShop { daemon: clock.start(&home), home, clock, bank }
}

/// An invoice and a link, of which the bank has lost nothing: they wait, are in the way of another bill, are paid in
/// time, and an invoice is cancelled like any other.
#[track_caller]
fn nothing_has_ended(shop: &FastShop, payments: &[(String, String); 3]) {
    let door = &shop.daemon.door;
    for (id, qr) in payments {
        let before = shop.asked(qr);
        door.get(&format!("/v1/payments/{id}?wait=20s")).expect(200);
        until("a look", || shop.asked(qr) > before);
        assert_eq!(shop.state(id), "waiting");
    }
    take(door, "remote", "order-1").problem("invoice_open");
    let (link, link_qr) = &payments[1];
    shop.bank.pay(link_qr);
    let seen = door.get(&format!("/v1/payments/{link}?wait=2m")).expect(200);
    assert_eq!((&seen["state"], &seen["late"]), (&json!("paid"), &json!(false)), "{seen}");
    let cancelled = door.post(&format!("/v1/payments/{}/cancel", payments[2].0), &json!({})).expect(200);
    assert_eq!(cancelled["state"], "cancelled");
}

fn three(door: &Door) -> [(String, String); 3] {
    [taken(door, "remote", "order-1"), taken(door, "link", "order-2"), taken(door, "remote", "order-3")]
}

/// The start is 30 hours ahead. When the bank's day is over by the bank's own clock, an invoice that it never ends is
/// over here, too.
#[test]
fn a_start_with_the_clock_ahead_ends_nothing() {
    let shop = FastShop::open(SPEED, SCAN);
    let payments = three(&shop.daemon.door);
    let shop = restart(shop, 30 * HOURS);
    nothing_has_ended(&shop, &payments);
    let (id, qr) = &payments[0];
    shop.bank.fault(
        &json!({"call": "payment_status", "fault": "unknown_status", "text": "RemotePaymentCreated", "times": 0}),
    );
    for _ in 0..25 {
        shop.clock.pass(Duration::from_secs(3600));
        shop.bank.control("POST", "/clock", Some(&json!({"advance": "1h"})));
        std::thread::sleep(Duration::from_millis(50));
    }
    until("its end", || shop.state(id) == "expired");
    assert!(shop.asked(qr) < 40, "asked {} times", shop.asked(qr));
}

/// The clock was 30 hours behind when the payments were made, and is right at the next start.
#[test]
fn a_clock_that_was_behind_ends_nothing() {
    let shop = FastShop::open(SPEED, SCAN);
    shop.clock.set_wall(-30 * HOURS);
    let payments = three(&shop.daemon.door);
    let shop = restart(shop, 30 * HOURS);
    nothing_has_ended(&shop, &payments);
}

/// The start is 30 hours behind: nothing ends early, and nothing lives longer than another whole life.
#[test]
fn a_start_with_the_clock_behind_ends_nothing_late() {
    let shop = FastShop::open(SPEED, Duration::from_secs(300));
    let (id, _) = taken(&shop.daemon.door, "link", "order-1");
    let shop = restart(shop, -30 * HOURS);
    shop.bank
        .fault(&json!({"call": "payment_status", "fault": "unknown_status", "text": "QrTokenCreated", "times": 0}));
    assert_eq!(shop.state(&id), "waiting");
    let began = shop.clock.elapsed();
    until("its end", || shop.state(&id) == "expired");
    assert!(shop.clock.elapsed() - began < Duration::from_secs(480), "{:?}", shop.clock.elapsed() - began);
}

/// A bank whose answers tell no time, in both dialects: what it calls outstanding is over when this run has seen a whole
/// life pass, and not before.
#[test]
fn without_the_banks_time_a_whole_life_has_to_pass() {
    for dialect in [Dialect::Bank, Dialect::Guide] {
        let (clock, bank) = (Clock::new(SPEED), ScriptedBank::start());
        behave(&bank, dialect);
        let home = Home::new(&bank, CONFIG);
        let daemon = clock.start(&home);
        daemon.door.enrol(BIN);
        let (invoice, _) = taken(&daemon.door, "remote", "order-1");
        let (link, link_qr) = taken(&daemon.door, "link", "order-2");
        if dialect == Dialect::Bank {
            let created = Answer::json(r#"{"Data":{"Status":"QrTokenCreated"},"StatusCode":0}"#);
            bank.answer("GET", &format!("{STATUS}{link_qr}"), created);
        }
        daemon.kill();
        clock.set_wall(30 * HOURS);
        let daemon = clock.start(&home);
        for id in [&invoice, &link] {
            let count = || bank.seen().iter().filter(|seen| seen.path().contains(STATUS)).count();
            let before = count();
            daemon.door.get(&format!("/v1/payments/{id}?wait=20s")).expect(200);
            assert!(count() > before);
            assert_eq!(known(&daemon.door, id)["state"], "waiting", "{dialect:?}");
        }
        take(&daemon.door, "remote", "order-1").problem("invoice_open");
        for _ in 0..26 {
            clock.pass(Duration::from_secs(3600));
            std::thread::sleep(Duration::from_millis(50));
        }
        for id in [&invoice, &link] {
            until("its end", || {
                clock.pass(Duration::from_secs(600));
                known(&daemon.door, id)["state"] == "expired"
            });
        }
    }
}

/// An invoice that is called expired, as its day is over, and that the bank has all the same. A cancel asks first: what
/// is still outstanding is cancelled, what was paid is told, and without an answer nothing is said.
#[test]
fn a_cancel_of_an_expired_invoice_asks_first() {
    let (clock, bank) = (Clock::new(SPEED), ScriptedBank::start());
    behave(&bank, Dialect::Bank);
    let home = Home::new(&bank, CONFIG);
    let daemon = clock.start(&home);
    let door = &daemon.door;
    door.enrol(BIN);
    let payments: Vec<_> = (0..4).map(|number| taken(door, "remote", &format!("order-{number}"))).collect();
    for _ in 0..25 {
        clock.pass(Duration::from_secs(3600));
        std::thread::sleep(Duration::from_millis(50));
    }
    for (id, _) in &payments {
        until("its end", || known(door, id)["state"] == "expired");
    }
    let cancel = |id: &str| door.post(&format!("/v1/payments/{id}/cancel"), &json!({}));
    let sent = || bank.seen_at("POST", CANCEL, "").len();
    let [outstanding, sold, unasked, over] = [0, 1, 2, 3].map(|index: usize| &payments[index]);
    let status = |qr: &str, answer: Answer| bank.answer("GET", &format!("{STATUS}{qr}"), answer);

    assert_eq!(cancel(&outstanding.0).expect(200)["state"], "cancelled");
    assert_eq!(sent(), 1);
    status(&sold.1, paid(Dialect::Bank));
    let problem = cancel(&sold.0).problem("not_cancellable");
    assert_eq!((&problem["money"], sent()), (&json!("moved"), 1), "{problem}");
    assert_eq!(known(door, &sold.0)["state"], "paid");
    status(&unasked.1, Answer::page(502, "Bad Gateway"));
    let problem = cancel(&unasked.0).problem("kaspi_unavailable");
    assert_eq!((&problem["retryable"], sent()), (&json!(true), 1), "{problem}");
    status(&over.1, Answer::json(r#"{"Data":{"Status":"Error"},"StatusCode":0}"#));
    cancel(&over.0).problem("not_cancellable");
    assert_eq!(sent(), 1);
    let words: Vec<String> = {
        let events = door.get("/v1/events?after=0&limit=1000").expect(200);
        let events = events["events"].as_array().unwrap().iter();
        let of_one = events.filter(|event| event["payment"]["id"] == outstanding.0.as_str());
        of_one.map(|event| event["type"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(words.last().map(String::as_str), Some("payment.cancelled"), "{words:?}");
}
