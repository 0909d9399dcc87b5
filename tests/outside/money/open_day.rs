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

const OTHER: &str = "210440028324";
const FEW: usize = 3;
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

/// The part of the organisation with many, and how long the report took.
fn report(door: &Door) -> (Value, Duration) {
    let began = Instant::now();
    let report = door.get("/v1/reports/day").expect(200);
    (part(&report, BIN).clone(), began.elapsed())
}

#[track_caller]
fn part<'r>(report: &'r Value, bin: &str) -> &'r Value {
    let all = report["organizations"].as_array().unwrap();
    all.iter().find(|found| found["organization_bin"] == bin).unwrap_or_else(|| panic!("no {bin} in {report}"))
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
    the_few_of_another_are_listed(&daemon);
}

/// Promise: the thousands of one organisation hide no payment of another, and each is told how many of its own there are,
/// how many of them stand in the list, and about how many Kaspi was not asked; for people with the command that lists them.
fn the_few_of_another_are_listed(daemon: &Daemon) {
    let door = &daemon.door;
    door.enrol(OTHER);
    for number in 0..FEW {
        let body = json!({"kind": "remote", "amount_tiyn": 100 + number, "phone_number": "77015211545", "organization_bin": OTHER});
        door.post("/v1/payments", &body).expect(201);
    }
    let report = door.get("/v1/reports/day").expect(200);
    let (many, few) = (part(&report, BIN), part(&report, OTHER));
    assert_eq!((lines(few).len(), &few["unlisted"]), (FEW, &json!(0)), "{few}");
    assert_eq!(few["lists"]["open"]["all"], FEW, "{few}");
    let open = &many["lists"]["open"];
    assert_eq!((&open["all"], &open["unlisted"]), (&json!(OPEN), &json!(OPEN - lines(many).len())), "{open}");
    assert!(open["not_asked"].as_u64().unwrap() > (OPEN / 2) as u64, "{open}");
    let shown = std::process::Command::new(env!("CARGO_BIN_EXE_kaspictl"))
        .arg("report")
        .env("KASPID_SOCKET", daemon.socket())
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let rest = format!("of {OPEN} open are not shown: kaspictl payment list --state waiting --bin {BIN} --since ");
    assert!(shown.contains(&rest) && !shown.contains(&format!("waiting --bin {OTHER}")), "{rest}");
    let asked = format!("of {OPEN}: there was no time");
    assert!(shown.contains(&asked) || shown.contains(&format!("of {OPEN}: Kaspi did not answer")), "{asked}");
}
