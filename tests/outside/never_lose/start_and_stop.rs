//! How the daemon starts, reloads, stops and comes back.

use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::behaviour::{Till, paid};
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::http::Door;
use crate::support::scripted_bank::ScriptedBank;

fn remote() -> serde_json::Value {
    json!({"kind": "remote", "amount_tiyn": 10_000, "phone_number": "77015211545"})
}

/// Two daemons on one state would each forget what the other knows: the second is refused in words, the first goes on.
#[test]
fn a_second_daemon_is_refused() {
    let till = Till::open(Dialect::Bank, "");
    let second = till.home.command().stderr(Stdio::piped()).output().unwrap();
    assert!(!second.status.success());
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains(&till.home.state().display().to_string()), "does not name the state directory: {said}");
    till.daemon.door.get("/v1/health").expect(200);
    till.daemon.door.post("/v1/payments", &remote()).expect(201);
}

/// SIGTERM: a running money call is heard out and answered, then the daemon ends well.
#[test]
fn a_stop_hears_running_calls_out() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.hold();
    let door = till.daemon.door.clone();
    let running = std::thread::spawn(move || door.post("/v1/payments", &remote()));
    till.bank.wait_for("POST", "/r3/v01/remote/create", 1);
    till.daemon.signal(Signal::SIGTERM);
    till.daemon.until("STOPPING=1").expect("ended while a call was running");
    till.bank.release();
    let payment = running.join().unwrap().expect(201);
    let Till { daemon, home, bank } = till;
    assert!(daemon.ended().success(), "{}", home.stderr());

    let daemon = Daemon::start(&home);
    let found = daemon.door.get(&format!("/v1/payments/{}", payment["id"].as_str().unwrap())).expect(200);
    assert_eq!(found["qr_payment_id"], payment["qr_payment_id"]);
    drop(bank);
}

/// Killed between intent and outcome: the payment is `unknown`, found by its key, and never sent again.
#[test]
fn a_crash_in_the_middle_is_may_have_happened() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.hold();
    let mut stream = till.daemon.door.connect();
    let body = remote().to_string();
    let bytes = crate::support::http::request("POST", "/v1/payments", &[("Idempotency-Key", "crash-1")], Some(&body));
    std::io::Write::write_all(&mut stream, &bytes).unwrap();
    till.bank.wait_for("POST", "/r3/v01/remote/create", 1);
    let till = till.crash();
    till.bank.release();
    let found = till.daemon.door.get("/v1/payments?key=crash-1").expect(200);
    assert_eq!(found["payments"][0]["state"], "unknown", "{found}");
    let health = till.daemon.door.get("/v1/health").expect(200);
    assert_eq!((&health["status"], &health["payments"]["unknown"]), (&json!("degraded"), &json!(1)));
    assert_eq!(till.bank.seen_at("POST", "/r3/v01/remote/create", "").len(), 1);
}

/// A payment is followed across restarts (promise 1: never forgotten).
#[test]
fn a_restart_keeps_payments_and_follows_them() {
    let till = Till::open(Dialect::Bank, "");
    let qr = json!({"kind": "qr", "amount_tiyn": 20_000});
    let payment = till.daemon.door.post("/v1/payments", &qr).expect(201);
    let till = till.crash();
    let target = format!("/v1/payments/{}", payment["id"].as_str().unwrap());
    till.bank.answer("GET", "/r3/v01/payment/status/*", paid(Dialect::Bank));
    let after = till.daemon.door.get(&format!("{target}?wait=30s")).expect(200);
    assert_eq!((&after["state"], &after["organization_bin"]), (&json!("paid"), &payment["organization_bin"]));
    assert_eq!(till.daemon.door.get("/v1/log/verify").expect(200)["ok"], true);
}

/// SIGHUP reads the configuration again; a file that is wrong changes nothing.
#[test]
fn a_hangup_reloads_and_a_wrong_file_does_not() {
    let till = Till::open(Dialect::Bank, "");
    till.home.change("[payments]\nmax_amount_tiyn = 9_999");
    let told = |line: &str| line.starts_with("RELOADING=1") || (line.starts_with("STATUS=") && line.contains("reload"));
    till.daemon.signal(Signal::SIGHUP);
    till.daemon.until_one(told).expect("ended at SIGHUP");
    // Answered after a reload is done, so what follows sees the new limit.
    till.daemon.door.post("/v1/reload", &json!({})).expect(200);
    till.daemon.door.post("/v1/payments", &remote()).problem("invalid_request");

    till.home.change("[payments]\nmax_amuont_tiyn = 1");
    let refused = till.daemon.door.post("/v1/reload", &json!({}));
    assert!(refused.status >= 400 && refused.text().contains("max_amuont_tiyn"), "{}", refused.text());
    till.daemon.signal(Signal::SIGHUP);
    till.daemon.until_one(told).expect("ended at a wrong file");
    till.daemon.door.get("/v1/version").expect(200);
    till.daemon.door.post("/v1/payments", &remote()).problem("invalid_request");
}

/// A wrong configuration is refused with the key and the nearest right one, by start and by check alike.
#[test]
fn a_wrong_configuration_is_named() {
    let bank = ScriptedBank::start();
    let home = Home::new(&bank, "[kaspi]\ntimeuot = \"5s\"");
    let check = Command::new(env!("CARGO_BIN_EXE_kaspid"));
    for mut command in [with_check(check, &home), home.command()] {
        let output = command.stderr(Stdio::piped()).output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("timeuot") && said.contains("timeout"), "{said}");
    }
}

fn with_check(mut command: Command, home: &Home) -> Command {
    command.args(["check", "--config"]).arg(home.config());
    command
}

/// Every key that the shipped configuration shows is one the daemon knows.
#[test]
fn the_shipped_configuration_is_true() {
    let shipped = include_str!("../../../packaging/kaspid.toml");
    let folder = tempfile::tempdir().unwrap();
    let check = |text: &str| {
        let path = folder.path().join("kaspid.toml");
        std::fs::write(&path, text).unwrap();
        Command::new(env!("CARGO_BIN_EXE_kaspid")).args(["check", "--config"]).arg(path).output().unwrap()
    };
    let plain = check(shipped);
    assert!(plain.status.success(), "{}", String::from_utf8_lossy(&plain.stderr));

    // With every key uncommented, but for files that are not here.
    let absent = |line: &&str| {
        !["ca_file", "certificate_file", "key_file", "passphrase_file", "[identity]"]
            .iter()
            .any(|k| line.starts_with(k))
    };
    let lines = shipped.lines().map(|line| shown(line).unwrap_or(line)).filter(absent);
    let all = check(&lines.collect::<Vec<_>>().join("\n"));
    assert!(all.status.success(), "{}", String::from_utf8_lossy(&all.stderr));
}

/// The setting that a commented line of the shipped configuration shows.
fn shown(line: &str) -> Option<&str> {
    line.strip_prefix("# ").filter(|rest| rest.starts_with('[') || rest.contains(" = "))
}

/// systemd holds the socket: the daemon takes the one it is given and leaves its file alone.
#[test]
fn a_socket_from_systemd_is_taken() {
    if Command::new("systemd-socket-activate").arg("--version").output().is_err() {
        eprintln!("SKIPPED: systemd-socket-activate is not here");
        return;
    }
    let bank = ScriptedBank::start();
    let home = Home::new(&bank, "");
    let given = home.path().join("given.sock");
    let mut command = Command::new("systemd-socket-activate");
    command.arg("-l").arg(&given).args(["-E", "NOTIFY_SOCKET"]).arg(env!("CARGO_BIN_EXE_kaspid"));
    command.arg("--config").arg(home.config()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut activate = Daemon::spawn(&home, command);
    // It says when it listens; the first connection makes it become the daemon.
    activate.wait_for_stderr("Listening on");
    Door::at(&given).get("/v1/version").expect(200);
    assert!(!home.socket().exists(), "made a socket of its own");
    assert!(activate.stop().success());
    assert!(given.exists(), "removed systemd's socket");
}

/// Promise: a socket that a drop-in has added is not left to accept and never answer: the start is refused with what to write.
#[test]
fn two_sockets_from_systemd_are_refused_in_words() {
    if Command::new("systemd-socket-activate").arg("--version").output().is_err() {
        eprintln!("SKIPPED: systemd-socket-activate is not here");
        return;
    }
    let bank = ScriptedBank::start();
    let home = Home::new(&bank, "");
    let sockets = ["one.sock", "two.sock"].map(|name| home.path().join(name));
    let mut command = Command::new("systemd-socket-activate");
    command.arg("-l").arg(&sockets[0]).arg("-l").arg(&sockets[1]).arg(env!("CARGO_BIN_EXE_kaspid"));
    command.arg("--config").arg(home.config()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(home.log());
    let activate = Daemon::spawn(&home, command);
    let until = Instant::now() + Duration::from_secs(10);
    let _client = loop {
        match UnixStream::connect(&sockets[0]) {
            Ok(client) => break client,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(!activate.ended().success());
    assert!(home.stderr().contains("systemd passes 2 sockets and kaspid serves one"), "{}", home.stderr());
}
