//! A till with thousands of open payments and a long log answers as quickly as one that has just begun: what watches it
//! counts and does not walk, and whoever walks holds up nobody.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::never_lose::files_in_and_out::{import, log};
use crate::support::behaviour::Till;
use crate::support::daemon::Daemon;
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::{Door, request};
use crate::support::memory::resident;
use crate::support::scripted_bank::BIN;

/// Nobody asks by himself, and nobody is held back.
const CONFIG: &str = "[follow]\nremote_sweep = \"off\"\n[limits]\nrate_per_uid = 100000\nburst_per_uid = 100000";

/// The day report is to be answered within two seconds for five thousand; a debug build on a busy machine has some more.
const REPORTED: Duration = Duration::from_secs(5);

/// A debug build and a busy machine; a walk along what is there takes longer.
const QUICKLY: Duration = Duration::from_millis(500);

/// How many are open: `KASPID_OPEN=120000` for a measurement.
fn many() -> usize {
    std::env::var("KASPID_OPEN").map_or(5_000, |number| number.parse().unwrap())
}

/// Invoices of today, as an earlier system has written them down.
fn take_in_many(till: &Till) {
    let at = jiff::Timestamp::now();
    let mut file = String::from("operation_type,external_id,organization_bin,amount,status,created_at\n");
    for number in 0..many() {
        file += &format!("create,{},{BIN},{},success,{at}\n", 700_000_000 + number, 100 + number);
    }
    import(&till.daemon, "log", "text/csv", &file).expect(200);
}

/// The longest of some answers.
fn longest(door: &Door, target: &str) -> Duration {
    let asked = (0..5).map(|_| {
        let began = Instant::now();
        assert_eq!(door.get(target).status, 200, "{target}");
        began.elapsed()
    });
    asked.max().unwrap()
}

/// Payments in the follower's plan.
fn followed(door: &Door) -> u64 {
    let text = door.get("/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix("kaspid_follow_queue "));
    line.unwrap().parse().unwrap()
}

fn is_reported(door: &Door) -> Value {
    let began = Instant::now();
    let report = door.get("/v1/reports/day").expect(200);
    assert!(began.elapsed() < REPORTED * u32::try_from(many().div_ceil(5_000)).unwrap(), "{:?}", began.elapsed());
    eprintln!("{} open payments reported in {:?}", many(), began.elapsed());
    report["organizations"][0].clone()
}

#[test]
fn thousands_of_open_payments_hold_nobody_up() {
    let till = Till::open(Dialect::Bank, CONFIG);
    let empty = resident(&till.daemon).now;
    take_in_many(&till);
    let door = &till.daemon.door;
    let number = u64::try_from(many()).unwrap();
    assert_eq!(door.get("/v1/health").expect(200)["payments"]["open"], number);
    for target in ["/v1/health", "/metrics", "/v1/payments?limit=1"] {
        let took = longest(door, target);
        eprintln!("{target} with {number} open payments: {took:?}");
        assert!(took < QUICKLY || std::env::var_os("KASPID_OPEN").is_some(), "{target}: {took:?}");
    }
    let text = door.get("/metrics").text();
    assert!(text.contains(&format!("kind=\"remote\",state=\"waiting\"}} {number}")), "{text}");
    let report = is_reported(door);
    assert_eq!(report["open"].as_array().unwrap().len() as u64 + report["unlisted"].as_u64().unwrap(), number);

    // A bank that answers nobody keeps no report.
    till.bank.hold();
    assert!(is_reported(door)["open"].as_array().unwrap().iter().any(|line| line["not_asked"].is_string()));
    till.bank.release();

    // What is paid meanwhile is counted; after a restart it is all counted again, and followed.
    till.bank.answer("GET", "/r3/v01/payment/status/700000000", crate::support::behaviour::paid(Dialect::Bank));
    let details =
        r#"{"Data":{"QrPaymentId":700000000,"TotalAmount":1.00,"AvailableReturnAmount":1.00},"StatusCode":0}"#;
    till.bank.answer("GET", "/r3/v01/payment/details", Answer::json(details));
    let begun = Instant::now();
    while door.get("/v1/payments/700000000").expect(200)["state"] != "paid" {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(door.get("/v1/health").expect(200)["payments"]["open"], number - 1);
    let Till { daemon, home, bank } = till;
    daemon.stop();
    let began = Instant::now();
    let daemon = Daemon::start(&home);
    assert_eq!(daemon.door.get("/v1/health").expect(200)["payments"]["open"], number - 1);
    eprintln!("started with {number} open payments in {:?}", began.elapsed());
    let until = Instant::now() + Duration::from_secs(60);
    while followed(&daemon.door) + 20 < number {
        assert!(Instant::now() < until, "{} of {number} are followed", followed(&daemon.door));
        std::thread::sleep(Duration::from_millis(100));
    }
    let held = resident(&daemon);
    eprintln!(
        "resident KiB: {empty} with none, {} with {number} open after a restart, at most {}",
        held.now, held.peak
    );
    drop(bank);
}

/// Fifty people look through the log for what is not there; a till does not notice, and those who go away are not
/// searched for any more.
#[test]
fn a_search_of_the_log_holds_up_no_till() {
    let till = Till::open(Dialect::Bank, CONFIG);
    import(&till.daemon, "log", "text/csv", &log(20_000)).expect(200);
    let door = &till.daemon.door;
    let ask = || {
        let mut stream = door.connect();
        let target = "/v1/log?operation=refund&status=failed&order=asc";
        stream.write_all(&request("GET", target, &[], None)).unwrap();
        stream
    };
    let searches: Vec<_> = (0..50).map(|_| ask()).collect();
    let mut took: Vec<Duration> = Vec::new();
    for number in 0..20 {
        let began = Instant::now();
        let body = json!({"kind": "remote", "amount_tiyn": 100 + number, "phone_number": "77015211545"});
        door.post("/v1/payments", &body).expect(201);
        took.push(began.elapsed());
    }
    took.sort();
    eprintln!("a create beside fifty searches: {:?}, at most {:?}", took[10], took[19]);
    assert!(took[10] < QUICKLY && took[19] < 4 * QUICKLY, "{took:?}");
    drop(searches);
    let until = Instant::now() + Duration::from_secs(10);
    while busy(&till.daemon, Duration::from_millis(500)) > 0.2 {
        assert!(Instant::now() < until, "searches go on for nobody");
    }
    // One that somebody waits for comes to its end.
    assert_eq!(
        door.get("/v1/log?operation=refund&status=failed&order=asc").expect(200),
        json!({"rows": [], "next": null})
    );
}

/// Processors that the daemon is busy on.
fn busy(daemon: &Daemon, span: Duration) -> f64 {
    let ticks = || -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
    };
    let before = ticks();
    std::thread::sleep(span);
    (ticks() - before) / 100.0 / span.as_secs_f64()
}
