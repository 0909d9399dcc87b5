//! Nobody but the daemon sees the key or a token (promise 2), and nobody's phone or name stays anywhere.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::behaviour::{Till, paid};
use crate::support::daemon::Daemon;
use crate::support::fixture::{Answer, Dialect};
use crate::support::scripted_bank::{BIN, TOKEN};

/// A renewed token, as secret as the first.
const NEW_TOKEN: &str = "0f9a7c3e-5d21-4b6f-8a57-3c1e9d2b4a60";
/// As the till writes it and as its digits go to the bank.
const PHONES: [&str; 2] = ["77015211545", "7015211545"];
const PAYER: &str = "Qwertina Z.";
const ONE_AFTER_ANOTHER: &str = "[payments]\none_per_invoice = false";

/// One of everything, including what goes wrong; returns every answer but the payer's.
fn busy_run(till: &Till) -> Vec<String> {
    let door = &till.daemon.door;
    let mut said = Vec::new();
    let mut note = |answer: crate::support::http::Answer| {
        let text = format!("{:?}\n{}", answer.headers, answer.text());
        said.push(text);
        answer
    };
    let bank_says = |method, path, body: &str| till.bank.answer(method, path, Answer::json(body));
    bank_says("GET", "/r3/v01/remote/client-info", &format!(r#"{{"Data":{{"ClientName":"{PAYER}"}},"StatusCode":0}}"#));
    let remote =
        json!({"kind": "remote", "amount_tiyn": 20_000, "phone_number": "+7 701 521 15 45", "comment": "Order"});
    let created = note(door.post("/v1/payments", &remote)).expect(201);
    let id = created["id"].as_str().unwrap();
    door.get(&format!("/v1/payers/{}", PHONES[0])).expect(200);
    till.bank.answer("GET", "/r3/v01/payment/status/*", paid(Dialect::Bank));
    note(door.get(&format!("/v1/payments/{id}?wait=30s"))).expect(200);
    note(door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 5_000}))).expect(200);

    // What goes wrong: a bank that repeats our secrets in its errors, a lost answer, a renewed token, a wrong request.
    let echo = format!(r#"{{"StatusCode":990000028,"Message":"token {TOKEN} phone {}"}}"#, PHONES[0]);
    bank_says("POST", "/r3/v01/remote/create", &echo);
    note(door.post("/v1/payments", &remote));
    till.bank.answer("POST", "/r3/v01/remote/create", Answer::page(500, &format!("{TOKEN} {}", PHONES[0])));
    note(door.post("/v1/payments", &remote));
    bank_says(
        "POST",
        "/r3/v01/device/register",
        &format!(r#"{{"Data":{{"DeviceToken":"{NEW_TOKEN}"}},"StatusCode":0}}"#),
    );
    note(door.post(&format!("/v1/configs/{BIN}/register"), &json!({})));
    note(door.post("/v1/payments", &json!({"kind": "remote", "amount_tiyn": "x", "phone_number": PHONES[0]})));
    note(door.post("/v1/configs", &json!({"organization_bin": BIN, "device_token": NEW_TOKEN, "x": TOKEN})));

    for target in [
        "/v1/health",
        "/v1/configs",
        "/v1/payments",
        "/v1/log?limit=1000",
        "/v1/log/export?format=csv",
        "/v1/log/export?format=jsonl",
        "/v1/events?after=0",
        "/v1/identity",
        "/v1/doctor",
        "/metrics",
    ] {
        note(door.get(target));
    }
    said
}

/// The middle of a PEM file: any line of it would give the key away.
fn key_lines(path: &Path) -> Vec<String> {
    let pem = std::fs::read_to_string(path).unwrap();
    pem.lines().filter(|line| !line.starts_with("-----") && !line.is_empty()).map(str::to_owned).collect()
}

/// Every file of the state directory but those that may have secrets.
fn files(folder: &Path, may_have: fn(&str) -> bool, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => files(&path, may_have, found),
            false if path.file_name().and_then(|name| name.to_str()).is_some_and(may_have) => {}
            false => {
                let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
                found.push((path.display().to_string(), text));
            }
        }
    }
}

#[test]
fn a_busy_run_leaves_no_secret_anywhere() {
    let till = Till::open(Dialect::Bank, ONE_AFTER_ANOTHER);
    leaves_no_secret(till, |name| name == "kaspid.redb");
}

/// Promise: with a seal the database has none either, and neither has the journal when it tells all.
#[test]
fn a_busy_run_with_a_seal_leaves_none_in_the_database_either() {
    let Till { daemon, home, bank } = Till::bare(Dialect::Bank, ONE_AFTER_ANOTHER);
    assert!(daemon.stop().success());
    let credentials = home.path().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::write(credentials.join("kaspid.seal"), [7; 32]).unwrap();
    let mut command = home.command();
    command.env("CREDENTIALS_DIRECTORY", &credentials).env("KASPID_LOG", "trace");
    let daemon = Daemon::spawn(&home, command);
    assert!(daemon.until("READY=1").is_some(), "{}", home.stderr());
    daemon.door.enrol(BIN);
    leaves_no_secret(Till { daemon, home, bank }, |_| false);
}

/// Looks for every secret wherever a busy run may have left it; `may_have` names files that may.
fn leaves_no_secret(till: Till, may_have: fn(&str) -> bool) {
    let said = busy_run(&till);
    let mut places: Vec<(String, String)> =
        said.into_iter().enumerate().map(|(number, text)| (format!("answer {number}"), text)).collect();
    for place in ["cmdline", "environ"] {
        let bytes = std::fs::read(format!("/proc/{}/{place}", till.daemon.pid())).unwrap_or_default();
        places.push((place.to_owned(), String::from_utf8_lossy(&bytes).into_owned()));
    }
    let Till { daemon, home, bank } = till;
    assert!(daemon.stop().success());
    files(&home.state(), may_have, &mut places);
    places.push(("stderr".to_owned(), home.stderr()));

    let mut secrets = key_lines(&bank.key_file);
    secrets.extend([TOKEN, NEW_TOKEN, PHONES[0], PHONES[1], PAYER].map(str::to_owned));
    for (place, text) in &places {
        for secret in &secrets {
            // The place is named and the secret is not: this output is kept too.
            assert!(!text.contains(secret.as_str()), "a secret stands in {place}");
        }
    }
}

/// The database holds the tokens: nobody else may read it.
#[test]
fn the_state_is_closed_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let till = Till::open(Dialect::Bank, "");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&till.home.state()), 0o700);
    assert_eq!(mode(&till.home.state().join("kaspid.redb")), 0o600);
}

/// Promise: another process of the daemon's own user sees neither its memory nor its environment, and a crash leaves no
/// core file.
#[test]
fn the_memory_is_closed_to_the_same_user() {
    let uid = "54321";
    let may_be = Command::new("setpriv").args(["--reuid", uid, "--clear-groups", "true"]).status();
    if !may_be.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: needs root to be another user");
        return;
    }
    let Till { daemon, home, bank } = Till::bare(Dialect::Bank, "");
    assert!(daemon.stop().success());
    let dirs = [home.path(), bank.ca_file.parent().unwrap()];
    assert!(Command::new("chown").arg("-R").arg(uid).args(dirs).status().unwrap().success());
    // A place from which another user may run it.
    let program = home.path().join("kaspid");
    std::fs::copy(env!("CARGO_BIN_EXE_kaspid"), &program).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid", uid, "--clear-groups"]).arg(program).arg("--config").arg(home.config());
    // Its notices cannot come from another user; what it says can.
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut daemon = Daemon::spawn(&home, command);
    daemon.wait_for_stderr("is ready");
    for file in ["environ", "maps", "mem", "auxv"] {
        let path = format!("/proc/{}/{file}", daemon.pid());
        let read = Command::new("setpriv").args(["--reuid", uid, "--clear-groups", "head", "-c1", &path]).output();
        let read = read.unwrap();
        assert!(!read.status.success() && read.stdout.is_empty(), "{path} can be read");
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).unwrap();
    assert!(limits.lines().any(|line| line.starts_with("Max core file size") && line.contains(" 0 ")), "{limits}");
    assert!(daemon.stop().success());
}
