//! How long a start takes with a long log behind it (architecture §11): a measurement, never a timed test.
//!
//! ```text
//! KASPID_MILLION=DIR cargo test --lib a_million_events -- --ignored
//! KASPID_MILLION=DIR cargo test --release --test outside opening -- --ignored --nocapture
//! ```

use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::http::{exchange, fresh_key, request};
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::BIN;

/// Longer than the writer rests before it makes the file ready to open.
const IDLE: Duration = Duration::from_secs(1);
const TIMES: usize = 7;

/// From spawn to READY, to be compared with S, the spawn of a program that does nothing.
fn start(home: &Home) -> (Daemon, Duration) {
    let began = Instant::now();
    let daemon = Daemon::start(home);
    (daemon, began.elapsed())
}

fn median(mut spans: Vec<Duration>) -> Duration {
    spans.sort();
    spans[spans.len() / 2]
}

/// False once the daemon is gone: it is killed in the middle of this.
fn sell(daemon: &Daemon) -> bool {
    let invoice = json!({"kind": "remote", "amount_tiyn": 10_000, "phone_number": "77015211545"}).to_string();
    let request = request("POST", "/v1/payments", &[("Idempotency-Key", &fresh_key())], Some(&invoice));
    UnixStream::connect(daemon.socket()).and_then(|stream| exchange(stream, &request)).is_ok()
}

#[test]
#[ignore = "a measurement on a state of a million events"]
fn opening_with_a_long_log() {
    let state = std::env::var("KASPID_MILLION").expect("the directory of a state with a million events");
    let bank = Sandbox::start(Dialect::Bank);
    let home = Home::new(&bank, &format!("[daemon]\nstate_dir = \"{state}\"\n[follow]\nremote_sweep = \"off\""));
    let (daemon, first) = start(&home);
    daemon.door.post("/v1/configs", &json!({"organization_bin": BIN, "is_default": true}));
    let events = daemon.door.get("/v1/log?order=desc&limit=1").expect(200)["rows"][0]["id"].clone();
    eprintln!("{events} events, first start {first:?}");
    let spawn = (0..TIMES).map(|_| {
        let began = Instant::now();
        Command::new("/bin/true").status().unwrap();
        began.elapsed()
    });
    eprintln!("S (spawn and wait of /bin/true): {:?}", median(spawn.collect()));
    let mut running = Some(daemon);
    let mut measure = |name: &str, end: &dyn Fn(Daemon)| {
        let mut spans = Vec::new();
        for _ in 0..TIMES {
            end(running.take().unwrap());
            let (next, span) = start(&home);
            running = Some(next);
            spans.push(span);
        }
        eprintln!("{name}: median {:?} of {spans:?}", median(spans.clone()));
    };
    measure("after a clean stop", &|daemon| {
        assert!(sell(&daemon));
        assert!(daemon.stop().success());
    });
    measure("after kill -9 while idle", &|daemon| {
        assert!(sell(&daemon));
        std::thread::sleep(IDLE);
        daemon.kill();
    });
    measure("after kill -9 in the middle of commits", &|daemon| {
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| while sell(&daemon) {});
            }
            std::thread::sleep(IDLE);
            daemon.signal(nix::sys::signal::Signal::SIGKILL);
        });
        daemon.kill();
    });
}
