//! Following the log: every operation once, when it has ended, over restarts, with `audit` alone.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::doors::rights::{as_nobody, open_to_all};
use crate::support::behaviour::{Till, paid};
use crate::support::fixture::Dialect;
use crate::support::http::Door;
use crate::support::scripted_bank::BIN;

const CREATE: &str = "/r3/v01/remote/create";

/// A running `kaspictl log follow --json`; killed and waited for when dropped.
struct Tail {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tail {
    fn behind(till: &Till, after: u64) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kaspictl"))
            .args(["log", "follow", "--json", "--after", &after.to_string()])
            .env("KASPID_SOCKET", till.daemon.socket())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next row.
    #[track_caller]
    fn row(&mut self) -> Value {
        let line = self.lines.next().expect("it ended").unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    #[track_caller]
    fn interrupt(&mut self) -> ExitStatus {
        kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGINT).unwrap();
        self.child.wait().unwrap()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn bill(door: &Door, tiyn: u64) -> Value {
    let body = json!({"kind": "remote", "amount_tiyn": tiyn, "phone_number": "77015211545"});
    door.post("/v1/payments", &body).expect(201)
}

/// Where the log ends.
#[track_caller]
fn end(door: &Door) -> u64 {
    door.get("/v1/log?wait=0s").expect(200)["next"].as_u64().unwrap()
}

/// Every row of the log behind `after`, as the list has them.
fn listed(door: &Door, after: u64) -> Vec<Value> {
    door.get(&format!("/v1/log?after={after}&limit=1000")).expect(200)["rows"].as_array().unwrap().clone()
}

/// Over a daemon that is killed and one that is stopped no row is lost or doubled, and each is as the list has it in
/// the end. Ctrl-C ends with 0.
#[test]
fn a_tail_survives_restarts_without_losing_or_doubling_a_row() {
    let mut till = Till::open(Dialect::Bank, "[payments]\none_per_invoice = false");
    let begun = end(&till.daemon.door);
    let mut tail = Tail::behind(&till, begun);
    let mut rows = Vec::new();
    bill(&till.daemon.door, 100);
    rows.push(tail.row());
    till = till.crash();
    bill(&till.daemon.door, 200);
    let payment = bill(&till.daemon.door, 300);
    rows.extend([tail.row(), tail.row()]);
    let Till { daemon, home, bank } = till;
    assert!(daemon.stop().success());
    let till = Till { daemon: crate::support::daemon::Daemon::start(&home), home, bank };
    till.bank.answer("GET", "/r3/v01/payment/status/*", paid(Dialect::Bank));
    let id = payment["id"].as_str().unwrap();
    till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
    let listed = listed(&till.daemon.door, begun);
    while rows.len() < listed.len() {
        rows.push(tail.row());
    }
    assert_eq!(tail.interrupt().code(), Some(0));
    assert!(tail.lines.next().is_none(), "more rows than the log has");
    rows.sort_by_key(|row| row["id"].as_u64());
    assert_eq!(rows, listed);
    assert!(rows.iter().any(|row| row["operation_type"] == "status"), "{rows:?}");
}

/// A row of a call under way is not given before its end, and then once and whole; other rows do not wait for it.
#[test]
fn a_row_comes_when_its_operation_has_ended() {
    let till = Till::open(Dialect::Bank, "[payments]\none_per_invoice = false");
    let door = &till.daemon.door;
    let begun = end(door);
    till.bank.hold();
    let page = std::thread::scope(|scope| {
        let call = scope.spawn(|| bill(door, 100));
        till.bank.wait_for("POST", CREATE, 1);
        assert_eq!(listed(door, begun)[0]["status"], "pending");
        let change = json!({"description": "Main till"}).to_string();
        door.send("PATCH", &format!("/v1/configs/{BIN}"), &[], Some(&change)).expect(200);
        let page = door.get(&format!("/v1/log?after={begun}&wait=30s")).expect(200);
        till.bank.release();
        call.join().unwrap();
        page
    });
    let types = |page: &Value| -> Vec<String> {
        let rows = page["rows"].as_array().unwrap().iter();
        rows.map(|row| format!("{} {}", row["operation_type"].as_str().unwrap(), row["status"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(types(&page), ["config success"]);
    let next = page["next"].as_u64().unwrap();
    let page = door.get(&format!("/v1/log?after={next}&wait=30s")).expect(200);
    assert_eq!(types(&page), ["create success"]);
    let next = page["next"].as_u64().unwrap();
    let page = door.get(&format!("/v1/log?after={next}&wait=0s")).expect(200);
    assert_eq!((types(&page).len(), page["next"].as_u64()), (0, Some(next)));
    door.get("/v1/log?wait=1s&order=desc").problem("invalid_request");
    door.get("/v1/log?wait=11m").problem("invalid_request");
    door.get("/v1/log?wait=1s&after=999999").problem("invalid_request");
}

/// A reader that goes away ends it quietly.
#[test]
fn a_closed_pipe_ends_a_tail_quietly() {
    let till = Till::open(Dialect::Bank, "[payments]\none_per_invoice = false");
    let begun = end(&till.daemon.door);
    let mut child = Command::new(env!("CARGO_BIN_EXE_kaspictl"))
        .args(["log", "follow", "--after", &begun.to_string()])
        .env("KASPID_SOCKET", till.daemon.socket())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    bill(&till.daemon.door, 100);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("create"));
    drop(lines);
    bill(&till.daemon.door, 200);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!said.contains("Broken pipe") && !said.contains("panicked"), "{said}");
}

/// `audit` is enough to follow the log, and it is filtered by what the caller sees.
#[test]
fn audit_is_enough_to_follow() {
    let name = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(65534)).unwrap().map(|user| user.name);
    let Some(name) = name else {
        eprintln!("SKIPPED: user 65534 has no name here");
        return;
    };
    let rule = format!(
        "[access]\naudit = [\"root\", \"{name}\"]\n[[access.shop]]\nwho = \"{name}\"\nbins = [\"210440028324\"]"
    );
    let Some(till) = open_to_all(&rule) else { return };
    let door = &till.daemon.door;
    let begun = end(door);
    assert_eq!(as_nobody(&till, "GET", "/v1/events", None).0, 403);
    bill(door, 100);
    door.post("/v1/configs", &json!({"organization_bin": "210440028324"})).expect(201);
    let (mut rows, mut after) = (Vec::new(), begun);
    while after < end(door) {
        let (status, page) = as_nobody(&till, "GET", &format!("/v1/log?after={after}&wait=10s"), None);
        assert_eq!(status, 200, "{page}");
        rows.extend(page["rows"].as_array().unwrap().clone());
        after = page["next"].as_u64().unwrap();
    }
    assert!(!rows.is_empty() && rows.iter().all(|row| row["organization_bin"] == "210440028324"), "{rows:?}");
}

/// While somebody waits at a terminal, a line says how the payment stands and is gone in the end; without a terminal
/// there is nothing of it.
#[test]
fn a_wait_shows_a_line_to_people_only() {
    let till = Till::open(Dialect::Bank, "");
    let id = bill(&till.daemon.door, 100)["id"].as_str().unwrap().to_owned();
    let program = env!("CARGO_BIN_EXE_kaspictl");
    let wait = ["payment", "wait", &id, "--timeout", "3s"];
    let quiet = Command::new(program).args(wait).env("KASPID_SOCKET", till.daemon.socket()).output().unwrap();
    assert_eq!(quiet.status.code(), Some(5));
    assert!(!quiet.stderr.contains(&0x1b), "{}", String::from_utf8_lossy(&quiet.stderr));
    let line = format!("{program} {} 2>&1 >/dev/null", wait.join(" "));
    let mut shown = Command::new("script");
    shown.args(["-qefc", &line, "/dev/null"]).stdin(Stdio::null());
    let Ok(shown) = Command::output(shown.env("KASPID_SOCKET", till.daemon.socket())) else {
        eprintln!("SKIPPED: script is not here");
        return;
    };
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    let drawn: Vec<&str> = text.split("\r\u{1b}[K").collect();
    let lines = drawn.iter().filter(|line| line.contains("s of the wait are left")).count();
    assert!((3..=5).contains(&lines), "{text:?}");
    assert!(text.contains("waiting (RemotePaymentCreated)"), "{text:?}");
    assert!(!drawn.last().unwrap().contains("are left"), "not gone: {text:?}");
}
