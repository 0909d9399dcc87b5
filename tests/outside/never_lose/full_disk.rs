//! A disk that takes nothing any more (architecture §6.3): before the bank is asked nothing is sent; after it has answered
//! the till is told what it said, and the daemon owes it to the log until there is room.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::http::fresh_key;
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::BIN;

fn invoice() -> Value {
    json!({"kind": "remote", "amount_tiyn": 10_000, "phone_number": "77015211545"})
}

/// A daemon whose files can be kept from growing, so that every write of the state fails at once.
struct Till {
    daemon: Daemon,
    bank: Sandbox,
    home: Home,
}

impl Till {
    fn open() -> Option<Self> {
        if Command::new("prlimit").arg("--version").output().is_err() {
            eprintln!("SKIPPED: prlimit is not here, the disk is never full");
            return None;
        }
        let bank = Sandbox::start(Dialect::Bank);
        let home = Home::new(&bank, "");
        let mut command = home.command();
        // The signal that comes with the limit would end the daemon; a full disk sends none.
        let mut ignoring = Command::new("sh");
        ignoring.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(command.get_program()).args(command.get_args());
        ignoring.stderr(File::options().append(true).create(true).open(home.path().join("stderr")).unwrap());
        command = ignoring;
        let daemon = Daemon::spawn(&home, command);
        daemon.until("READY=1").unwrap_or_else(|| panic!("{}", home.stderr()));
        daemon.door.enrol(BIN);
        Some(Self { daemon, bank, home })
    }

    fn limit(&self, bytes: &str) {
        let limit = format!("--fsize={bytes}:unlimited");
        let done = Command::new("prlimit").args(["--pid", &self.daemon.pid().to_string(), &limit]).status();
        assert!(done.unwrap().success());
    }

    fn fill(&self) {
        self.limit("16384");
    }

    fn free(&self) {
        self.limit("unlimited");
    }

    /// The payment of a key, once the log has its outcome.
    fn settled(&self, key: &str) -> Value {
        let query = format!("/v1/payments?key={key}");
        for _ in 0..300 {
            let found = self.daemon.door.get(&query);
            if found.status == 200 && found.json()["payments"][0]["state"] != "creating" {
                return found.json()["payments"][0].clone();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("what was owed was not written:\n{}", self.home.stderr());
    }
}

/// Before the first byte: refused, nothing was sent, and the same request goes through when there is room.
#[test]
fn nothing_is_sent_that_cannot_be_stored() {
    let Some(till) = Till::open() else { return };
    let key = fresh_key();
    till.fill();
    for _ in 0..3 {
        let problem = till.daemon.door.post_with_key(&key, "/v1/payments", &invoice()).problem("storage_failed");
        assert_eq!((&problem["money"], &problem["retryable"]), (&json!("not_moved"), &json!(true)), "{problem}");
    }
    assert_eq!(till.bank.effect(BIN, "invoices"), 0);
    assert!(till.home.stderr().contains("state could not be stored"));
    till.free();
    till.daemon.door.post_with_key(&key, "/v1/payments", &invoice()).expect(201);
    assert_eq!(till.bank.effect(BIN, "invoices"), 1);
    assert_eq!(till.daemon.door.get("/v1/log/verify").expect(200)["ok"], true);
}

/// After the bank has answered: the till and the journal have its words, no new call begins, and the outcome is in
/// the log by itself as soon as there is room.
#[test]
fn what_the_bank_said_is_not_lost() {
    let Some(till) = Till::open() else { return };
    let key = fresh_key();
    till.bank.fault(&json!({"call": "remote_create", "fault": "delay", "ms": 1500}));
    let problem = std::thread::scope(|scope| {
        let asking = scope.spawn(|| till.daemon.door.post_with_key(&key, "/v1/payments", &invoice()));
        while till.bank.effect(BIN, "invoices") == 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        till.fill();
        asking.join().unwrap().problem("storage_failed")
    });
    let made = till.bank.control("GET", "/payments", None)["payments"][0]["id"].to_string();
    assert_eq!((&problem["money"], &problem["retryable"]), (&json!("unknown"), &json!(false)), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(&made), "not what the bank said: {problem}");
    let journal = till.home.stderr();
    assert!(journal.contains(&format!("created {made}")), "{journal}");
    let again = till.daemon.door.post_with_key(&key, "/v1/payments", &invoice()).problem("storage_failed");
    assert_eq!(again["money"], "unknown", "{again}");
    // No new call while nothing can be stored.
    let refused = till.daemon.door.post("/v1/payments", &invoice()).problem("storage_failed");
    assert_eq!(refused["money"], "not_moved");
    assert_eq!(till.bank.effect(BIN, "invoices"), 1);
    till.free();
    let payment = till.settled(&key);
    assert_eq!((&payment["state"], &payment["qr_payment_id"]), (&json!("waiting"), &json!(made)));
    assert_eq!(payment["id"], problem["payment"]);
    till.daemon.door.post_with_key(&key, "/v1/payments", &invoice()).expect(200);
    till.daemon.door.post("/v1/payments", &invoice()).expect(201);
    assert_eq!(till.bank.effect(BIN, "invoices"), 2);
    assert_eq!(till.daemon.door.get("/v1/log/verify").expect(200)["ok"], true);
    let rows = till.daemon.door.get("/v1/log?operation=create&status=success").expect(200);
    assert_eq!(rows["rows"].as_array().unwrap().len(), 2, "{rows}");
}

/// Promise: with a full disk nobody is told that a customer still has to pay who has paid: what Kaspi says new and cannot be kept
/// is an error that says so, status and metrics name the disk, and the payment is paid as soon as there is room.
#[test]
fn a_payment_that_cannot_be_kept_is_not_called_waiting() {
    let Some(till) = Till::open() else { return };
    let sale = till.daemon.door.post("/v1/payments", &invoice()).expect(201);
    let (id, qr) = (sale["id"].as_str().unwrap(), sale["qr_payment_id"].as_str().unwrap());
    till.fill();
    till.bank.pay(qr);
    for target in [format!("/v1/payments/{id}?wait=30s"), format!("/v1/payments/{id}")] {
        let problem = till.daemon.door.get(&target).problem("storage_failed");
        assert_eq!((&problem["money"], &problem["payment"]), (&json!("unknown"), &json!(id)), "{target}: {problem}");
    }
    let health = till.daemon.door.get("/v1/health").expect(200);
    assert!(health["problems"].as_array().unwrap().iter().any(|one| one["code"] == "storage_failed"), "{health}");
    till.free();
    // It is retryable: Kaspi is asked again an interval later.
    let seen = || till.daemon.door.get(&format!("/v1/payments/{id}?wait=30s"));
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    let mut last = seen();
    while last.status != 200 && std::time::Instant::now() < deadline {
        assert_eq!(last.problem("storage_failed")["retryable"], true);
        std::thread::sleep(Duration::from_millis(200));
        last = seen();
    }
    assert_eq!(last.expect(200)["state"], "paid");
}

/// The same of a refund: the money has moved, and the answer says so.
#[test]
fn a_refund_that_cannot_be_stored_has_moved_money() {
    let Some(till) = Till::open() else { return };
    let made = till.daemon.door.post("/v1/payments", &invoice()).expect(201);
    let id = made["id"].as_str().unwrap();
    till.bank.pay(made["qr_payment_id"].as_str().unwrap());
    let target = format!("/v1/payments/{id}/refunds");
    let (key, earlier) = (fresh_key(), fresh_key());
    till.daemon.door.post_with_key(&earlier, &target, &json!({"amount_tiyn": 1_000})).expect(200);
    // Another request under it fails and says nothing of what it has done.
    till.daemon.door.post_with_key(&earlier, &target, &json!({"amount_tiyn": 2_000})).problem("key_conflict");
    till.bank.fault(&json!({"call": "refund", "fault": "delay", "ms": 1500}));
    let problem = std::thread::scope(|scope| {
        let asking = scope.spawn(|| till.daemon.door.post_with_key(&key, &target, &json!({"amount_tiyn": 4_000})));
        while till.bank.effect(BIN, "refunds") < 2 {
            std::thread::sleep(Duration::from_millis(10));
        }
        till.fill();
        asking.join().unwrap().problem("storage_failed")
    });
    assert_eq!((&problem["money"], &problem["retryable"]), (&json!("moved"), &json!(false)), "{problem}");
    // Nor is one that succeeded before said to have moved nothing, whether the state can be read just then or not.
    for _ in 0..50 {
        let again = till.daemon.door.post_with_key(&earlier, &target, &json!({"amount_tiyn": 1_000}));
        assert!(again.status == 200 || again.problem("storage_failed")["money"] != "not_moved", "{again:?}");
    }
    till.free();
    let mut again = till.daemon.door.post_with_key(&key, &target, &json!({"amount_tiyn": 4_000}));
    for _ in 0..300 {
        if again.status == 200 {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        again = till.daemon.door.post_with_key(&key, &target, &json!({"amount_tiyn": 4_000}));
    }
    let payment = again.expect(200);
    assert_eq!((&payment["refunded_tiyn"], &payment["refunds"][1]["evidence"]), (&json!(5_000), &json!("answer")));
    assert_eq!(till.bank.effect(BIN, "refunds"), 2);
}

/// A file system of its own; unmounted when dropped.
pub(crate) struct Tmpfs(pub(crate) PathBuf);

impl Tmpfs {
    pub(crate) fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let options = format!("size={size},mode=700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output();
        let mounted = mounted.is_ok_and(|done| done.status.success());
        if !mounted {
            eprintln!("SKIPPED: may not mount a small file system");
            return None;
        }
        Some(Self(at.to_owned()))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A file system that is really full: sales stop without a trace at the bank, and go on when there is room.
#[test]
fn a_full_file_system_stops_sales_and_no_more() {
    let files = tempfile::tempdir().unwrap();
    let Some(state) = Tmpfs::mount(&files.path().join("state"), "8m") else { return };
    let bank = Sandbox::start(Dialect::Bank);
    let home = Home::new(&bank, &format!("[daemon]\nstate_dir = \"{}\"", state.0.display()));
    let daemon = Daemon::start(&home);
    daemon.door.enrol(BIN);
    let filler = state.0.join("filler");
    let mut full = File::create(&filler).unwrap();
    while full.write_all(&[0; 4096]).is_ok() {}
    drop(full);
    // What is left inside of the file itself may serve a few more.
    let mut sold = 0;
    let refused = loop {
        let answer = daemon.door.post("/v1/payments", &invoice());
        if answer.status != 201 {
            break answer.problem("storage_failed");
        }
        sold += 1;
        assert!(sold < 5_000, "never full");
    };
    let invoices = bank.effect(BIN, "invoices");
    // The intent was refused, or, with room for it alone, the outcome.
    let expected = if refused["money"] == "not_moved" { sold } else { sold + 1 };
    assert_eq!(invoices, expected, "{refused}");
    std::fs::remove_file(&filler).unwrap();
    daemon.door.post("/v1/payments", &invoice()).expect(201);
    assert_eq!(daemon.door.get("/v1/log/verify").expect(200)["ok"], true);
    let payments = daemon.door.get("/v1/payments?limit=1000&state=creating").expect(200);
    assert_eq!(payments["payments"], json!([]));
}
