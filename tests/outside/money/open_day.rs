//! A day report of a day with thousands of open payments: it asks for two seconds, and says of the rest when they were
//! last asked about.

use std::time::{Duration, Instant};

use kaspid::moment::Moment;
use serde_json::{Value, json};

use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::http::Door;
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::BIN;

const OPEN: usize = 2_000;
const TILLS: usize = 6;
const CONFIG: &str = "[follow]\nremote_sweep = \"off\"\n[limits]\nrate_per_uid = 100000\nburst_per_uid = 100000";

fn take_many(door: &Door) {
    let take = |till: usize| {
        for number in (till..OPEN).step_by(TILLS) {
            let body = json!({"kind": "remote", "amount_tiyn": 100 + number, "phone_number": "77015211545"});
            door.post("/v1/payments", &body).expect(201);
        }
    };
    std::thread::scope(|scope| (0..TILLS).for_each(|till| drop(scope.spawn(move || take(till)))));
}

/// The part of the one organisation, and how long the report took.
fn report(door: &Door) -> (Value, Duration) {
    let began = Instant::now();
    let report = door.get("/v1/reports/day").expect(200);
    (report["organizations"][0].clone(), began.elapsed())
}

fn lines(found: &Value) -> &[Value] {
    found["open"].as_array().unwrap()
}

#[test]
fn a_day_of_thousands_is_reported_in_time() {
    let bank = Sandbox::start(Dialect::Bank);
    let home = Home::new(&bank, CONFIG);
    let daemon = Daemon::start(&home);
    daemon.door.enrol(BIN);
    take_many(&daemon.door);
    let before = Moment::now();
    let (first, took) = report(&daemon.door);
    eprintln!("{OPEN} open payments, reported in {took:?}");
    assert!(took < Duration::from_secs(4), "{took:?}");
    assert_eq!(lines(&first).len() as u64 + first["unlisted"].as_u64().unwrap(), OPEN as u64);
    // Who was asked about says so, and who was not says that, too.
    let is_asked = |line: &&Value| line["not_asked"].is_null();
    let asked: Vec<&Value> = lines(&first).iter().filter(is_asked).collect();
    assert!((10..=200).contains(&asked.len()), "{} were asked about", asked.len());
    for line in &asked {
        let at: Moment = line["last_asked"].as_str().unwrap_or_else(|| panic!("{line}")).parse().unwrap();
        assert!(at >= before, "{line}");
    }
    // One that was on its way may have come in behind the report's time.
    let no_time = |line: &&Value| line["not_asked"].as_str().is_some_and(|why| why.contains("no time"));
    let rest: Vec<&Value> = lines(&first).iter().filter(no_time).collect();
    assert!(!rest.is_empty() && rest.iter().all(|line| line["last_asked"].is_null()), "{}", rest.len());
    // The next report goes on where the first one stopped, and says of the others when they were asked about.
    let (second, took) = report(&daemon.door);
    assert!(took < Duration::from_secs(4), "{took:?}");
    let known = lines(&second).iter().filter(|line| line["last_asked"].is_string()).count();
    assert!(known > asked.len(), "{known} of {}", asked.len());
    let of_before = |line: &&Value| line["not_asked"].is_string() && line["last_asked"].is_string();
    assert!(lines(&second).iter().filter(of_before).count() > 0, "{}", lines(&second)[0]);
}
