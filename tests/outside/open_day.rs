//! A day report of a day with thousands of open payments: it asks for two seconds, and says of the rest when they were
//! last asked.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::daemon::{Daemon, Home};
use super::fixture::Dialect;
use super::http::Door;
use super::sandbox::Sandbox;
use super::scripted_bank::BIN;

const OPEN: usize = 3_000;
const TILLS: usize = 6;

fn take_many(door: &Door) {
    std::thread::scope(|scope| {
        for till in 0..TILLS {
            scope.spawn(move || {
                for number in (till..OPEN).step_by(TILLS) {
                    let body = json!({"kind": "remote", "amount_tiyn": 100 + number, "phone_number": "77015211545"});
                    door.post("/v1/payments", &body).expect(201);
                }
            });
        }
    });
}

#[test]
fn a_day_of_thousands_is_reported_in_time() {
    let bank = Sandbox::start(Dialect::Bank);
    let home =
        Home::new(&bank, "[follow]\nremote_sweep = \"off\"\n[limits]\nrate_per_uid = 100000\nburst_per_uid = 100000");
    let daemon = Daemon::start(&home);
    daemon.door.enrol(BIN);
    let b = Instant::now();
    take_many(&daemon.door);
    eprintln!("taken in {:?}", b.elapsed());
    let began = Instant::now();
    let report = daemon.door.get("/v1/reports/day").expect(200);
    let took = began.elapsed();
    eprintln!("reported in {took:?}");
    let found: &Value = &report["organizations"][0];
    eprintln!("{} {}", found["open"].as_array().unwrap().len(), found["unlisted"]);
    eprintln!("{}", found["open"][399]);
    assert!(took < Duration::from_secs(4), "{took:?}");
}
