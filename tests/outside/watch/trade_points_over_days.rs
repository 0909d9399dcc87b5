//! Re-validation over days and over a fleet, in the real daemon with its clocks made fast: a day without the bank,
//! and a thousand organisations.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::behaviour::{Till, behave};
use crate::support::clock::Clock;
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::{exchange, request};
use crate::support::scripted_bank::{BIN, ScriptedBank, Seen};
use crate::watch::trade_points::text;

/// Organisations of the fleet.
const FLEET: usize = 1_000;
const POINTS: &str = "/r3/v01/partner/tradepoints/";
/// Time-outs that stay longer than a handshake on a busy machine, even when time is fast.
const PATIENT: &str = "[kaspi]\ntimeout = \"10h\"\n[payments]\nrefund_settle = \"20h\"";
/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A daemon whose clocks begin `hours` from now and run `speed` times as fast.
#[track_caller]
fn start_fast(home: &Home, hours: u64, speed: u32) -> Daemon {
    let clock = Clock::new(speed);
    clock.pass(Duration::from_secs(hours * 3600));
    clock.start(home)
}

fn looks(bank: &ScriptedBank) -> Vec<Seen> {
    bank.seen().into_iter().filter(|seen| seen.target.starts_with(POINTS)).collect()
}

/// Waits until the bank has seen this many looks.
#[track_caller]
fn wait_for_looks(bank: &ScriptedBank, count: usize) -> Vec<Seen> {
    let began = Instant::now();
    loop {
        let looks = looks(bank);
        if looks.len() >= count {
            return looks;
        }
        assert!(began.elapsed() < PATIENCE, "{} looks instead of {count}", looks.len());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A day without the bank: the looks that are tried are counted and few, nothing that is known changes, the log tells
/// it once, and the first look after the bank is back, at most a quarter of an hour later, finds all in order.
#[test]
fn a_day_without_the_bank_changes_nothing() {
    const SPEED: u32 = 20_000;
    let till = Till::open(Dialect::Bank, PATIENT);
    let config = |daemon: &Daemon| daemon.door.get(&format!("/v1/configs/{BIN}")).expect(200);
    let before = config(&till.daemon);
    let Till { daemon, home, bank } = till;
    assert!(daemon.stop().success());
    bank.answer("GET", "/r3/v01/partner/tradepoints/*", Answer::page(503, "Service Unavailable"));
    let enrolled = looks(&bank).len();

    // Seven hours later: overdue at start.
    let daemon = start_fast(&home, 7, SPEED);
    // The pauses of the first hour are 1, 2, 4 and 8 minutes, then a quarter of an hour each: 99 in a day.
    let tried = wait_for_looks(&bank, enrolled + 99);
    let took = tried[enrolled + 98].at.duration_since(tried[enrolled].at) * SPEED;
    assert!(took >= Duration::from_secs(23 * 3600), "a hundred looks within {took:?} of the daemon's time");
    drop(daemon);
    let daemon = Daemon::start(&home);
    assert_eq!(config(&daemon), before, "the day changed what is known");
    let log = daemon.door.get("/v1/log?operation=verify").expect(200);
    let rows = log["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["status"]), (1, &json!("failed")), "{log}");
    assert!(home.stderr().contains("its trade point could not be looked up"));
    drop(daemon);

    // The bank comes back while the daemon is in the longest of its pauses.
    let daemon = start_fast(&home, 31, SPEED);
    let failed = wait_for_looks(&bank, looks(&bank).len() + 10).len();
    behave(&bank, Dialect::Bank);
    let mut after = wait_for_looks(&bank, failed + 1);
    assert!(daemon.stop().success());
    after.extend(looks(&bank).split_off(after.len()));
    let span = after[failed].at.duration_since(after[failed - 1].at) * SPEED;
    assert!(after.len() <= failed + 2, "{} looks at one organisation", after.len() - failed);
    let daemon = Daemon::start(&home);
    let verified = config(&daemon);
    assert!(text(&verified, "last_verified_at") > text(&before, "last_verified_at"), "{span:?}: {verified}");
    assert_eq!(verified["standing"], "verified");
}

/// Nobody asks: after six hours the schedule looks by itself, finds the point gone, and suspends after a second look
/// ten minutes later.
#[test]
fn the_schedule_finds_a_removed_point_by_itself() {
    const SPEED: u32 = 8_000;
    let Till { daemon, home, bank } = Till::open(Dialect::Guide, PATIENT);
    assert!(daemon.stop().success());
    let empty = Answer::json(r#"{"status":true,"data":{"tradepoints":[]}}"#);
    bank.answer("GET", "/r3/v01/partner/tradepoints/*", empty);
    let (enrolled, started) = (looks(&bank), Instant::now());
    let daemon = start_fast(&home, 0, SPEED);
    let seen = wait_for_looks(&bank, enrolled.len() + 3);
    assert!(daemon.stop().success());
    let [.., first, second, third] = seen.as_slice() else { panic!("{seen:?}") };
    let spans = [first.at - started, second.at - first.at, third.at - second.at].map(|span| span * SPEED);
    let least = [355, 10, 10].map(|minutes| Duration::from_secs(minutes * 60));
    assert!(spans.iter().zip(least).all(|(span, least)| *span >= least), "{spans:?}");
    let daemon = Daemon::start(&home);
    let config = daemon.door.get(&format!("/v1/configs/{BIN}")).expect(200);
    assert_eq!((text(&config, "standing"), text(&config, "standing_reason")), ("suspended", "trade_point_missing"));
}

/// BINs of the fleet, with the right control digit.
fn bins() -> Vec<String> {
    let sum = |digits: &str, first: u32| -> u32 {
        digits.chars().zip(0..).map(|(digit, i)| digit.to_digit(10).unwrap() * ((first - 1 + i) % 11 + 1)).sum::<u32>()
            % 11
    };
    let valid = (0..).filter_map(|i| {
        let digits = format!("9501400{i:04}");
        let control = [sum(&digits, 1), sum(&digits, 3)].into_iter().find(|control| *control < 10)?;
        Some(format!("{digits}{control}"))
    });
    valid.take(FLEET).collect()
}

fn import(daemon: &Daemon, bins: &[String]) {
    let mut csv = "shop_id,organization_bin,trade_point_id,device_token,is_active,is_default\n".to_owned();
    for (i, bin) in bins.iter().enumerate() {
        writeln!(csv, "8,{bin},104039,token-of-{bin},true,{}", i == 0).unwrap();
    }
    let mut post = request("POST", "/v1/import/configs", &[], Some(&csv));
    let text = String::from_utf8(post).unwrap().replace("application/json", "text/csv");
    post = text.into_bytes();
    let imported = exchange(daemon.door.connect(), &post).unwrap().expect(200);
    assert_eq!(imported["imported"], FLEET);
}

/// The shortest time between two looks, in the daemon's time.
fn closest(looks: &[Seen], speed: u32) -> Duration {
    looks.windows(2).map(|pair| pair[1].at.duration_since(pair[0].at) * speed).min().unwrap()
}

fn configs(daemon: &Daemon) -> Vec<Value> {
    daemon.door.get("/v1/configs").expect(200)["configs"].as_array().unwrap().clone()
}

/// A fleet of a thousand organisations is imported, and settled one after the other, each once, at most four a second, while
/// tills take money; when all are overdue at a start, the same.
#[test]
fn a_fleet_is_verified_without_a_burst() {
    const SPEED: u32 = 40;
    let bank = ScriptedBank::start();
    behave(&bank, Dialect::Bank);
    let home = Home::new(&bank, PATIENT);
    let bins = bins();
    let daemon = start_fast(&home, 0, SPEED);
    import(&daemon, &bins);
    wait_for_looks(&bank, FLEET / 10);
    // Tills go on: a payment of an organisation that is settled already; and one that is asked for before its turn
    // goes before all others.
    let invoice = |bin: &str| json!({"kind": "remote", "amount_tiyn": 10_000, "phone_number": "77015211545", "organization_bin": bin});
    daemon.door.post("/v1/payments", &invoice(&bins[0])).expect(201);
    let last = &bins[FLEET - 1];
    daemon.door.post("/v1/payments", &invoice(last)).problem("bin_inactive");
    let asked = looks(&bank).len();
    let first = wait_for_looks(&bank, FLEET);
    let named: HashSet<_> = first.iter().map(|seen| seen.target.clone()).collect();
    assert_eq!((first.len(), named.len()), (FLEET, FLEET), "each is looked at once");
    let turn = first.iter().position(|seen| seen.target.ends_with(last.as_str())).unwrap();
    assert!(turn < asked + 3, "{last} was the {turn}th after {asked}");
    let spacing = Duration::from_millis(245);
    assert!(closest(&first, SPEED) >= spacing, "{:?} between two looks", closest(&first, SPEED));
    assert!(daemon.stop().success());
    let daemon = Daemon::start(&home);
    let settled = configs(&daemon);
    assert!(settled.iter().all(|config| config["standing"] == "verified" && config["dialect"] == "bank"));
    drop(daemon);

    // The clock was just set back for a moment, which is looked at too.
    let before_start = looks(&bank).len();
    let daemon = start_fast(&home, 9, SPEED);
    wait_for_looks(&bank, before_start + FLEET / 4);
    assert!(daemon.stop().success());
    let again = &looks(&bank)[before_start..];
    assert!(closest(again, SPEED) >= spacing, "{:?} between two looks", closest(again, SPEED));
    let named: HashSet<_> = again.iter().map(|seen| seen.target.clone()).collect();
    assert_eq!(named.len(), again.len(), "one was looked at twice");
    let daemon = Daemon::start(&home);
    let before: HashMap<_, _> = settled.iter().map(|config| (text(config, "organization_bin"), config)).collect();
    let renewed = configs(&daemon)
        .into_iter()
        .filter(|config| config["last_verified_at"] != before[text(config, "organization_bin")]["last_verified_at"]);
    assert!((again.len() - 1..=again.len()).contains(&renewed.count()));
}
