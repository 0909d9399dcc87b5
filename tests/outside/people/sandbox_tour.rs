//! The main job as a new user meets it: `kaspi-sandbox` without arguments, and `kaspi-sandbox serve`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::sandbox::Sandbox;

const BINS: [&str; 2] = ["891027350515", "210440028324"];
const PHONE: &str = "77015211545";
/// The guide's tokens, which the sandbox gives in the guide's dialect.
const TOKENS: [&str; 2] = ["577b4b39-1e7e-43d2-83c3-a0116118ef16", "688c5d4a-2f8f-54e3-94d4-b1227229g27"];

fn sandbox(arguments: &[&str], temporary: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspi-sandbox"));
    command.args(arguments).env("TMPDIR", temporary).stdin(Stdio::null());
    command
}

fn tour(arguments: &[&str]) -> Output {
    let temporary = tempfile::tempdir().expect("a directory");
    let output = sandbox(arguments, temporary.path()).output().expect("kaspi-sandbox runs");
    let left: Vec<_> = temporary.path().read_dir().expect("the directory is there").collect();
    assert!(left.is_empty(), "the tour left {left:?}");
    output
}

/// Anything that looks like a UUID: the tour shows no id of ours, so it could only be a token.
fn uuids(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    words.filter(|word| word.len() == 36 && word.matches('-').count() == 4).collect()
}

fn assert_shows_the_main_job(output: &Output, chapters: &[&str]) {
    // An amount is written with spaces that do not break.
    let out = String::from_utf8_lossy(&output.stdout).replace('\u{a0}', " ");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    assert_eq!(err, "", "a tour that ends well says nothing on stderr");
    for chapter in chapters {
        assert_eq!(out.matches(&format!("speaks the {chapter} dialect\n")).count(), 1, "{out}");
    }
    let each = |text: &str| assert_eq!(out.matches(text).count(), chapters.len(), "{text:?} in\n{out}");
    each("PAID: 150.50 ₸ to 891027350515 (Main BIN)");
    each("PAID: 2 500.00 ₸ to 210440028324 (Second BIN)");
    each("PAID BACK: 50.50 ₸ from 891027350515 (Main BIN); 100.00 ₸ is left.");
    each("CANCELLED: 700.00 ₸ to 210440028324 (Second BIN)");
    each("(bin_not_allowed)");
    each("The log is as it was written.");
    each("891027350515 (Main BIN): 1 invoice, 1 payment, 1 refund\n");
    each("210440028324 (Second BIN): 1 invoice, 1 link, 1 payment, 1 cancel\n");
    for secret in [PHONE, "PRIVATE KEY", TOKENS[0], TOKENS[1]] {
        assert!(!out.contains(secret), "{secret:?} in\n{out}");
    }
    assert_eq!(uuids(&out), [""; 0], "{out}");
}

#[test]
fn without_arguments_the_tour_shows_both_dialects() {
    assert_shows_the_main_job(&tour(&[]), &["bank", "guide"]);
}

#[test]
fn one_dialect_is_shown_alone() {
    for dialect in ["bank", "guide"] {
        assert_shows_the_main_job(&tour(&["tour", "--dialect", dialect]), &[dialect]);
    }
}

#[test]
fn a_tour_that_cannot_start_says_why() {
    let output = sandbox(&["tour"], Path::new("/nowhere")).output().expect("kaspi-sandbox runs");
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.starts_with("kaspi-sandbox: cannot write /nowhere/"), "{err}");
}

/// `kaspi-sandbox serve`; killed and waited for on drop.
struct Serve {
    child: Child,
    line: Value,
}

impl Serve {
    fn start(arguments: &[&str], temporary: &Path) -> Self {
        let mut command = sandbox(&[&["serve"], arguments].concat(), temporary);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("kaspi-sandbox starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout is a pipe")).read_line(&mut line).expect("a line");
        let line = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"));
        Self { child, line }
    }

    fn text(&self, name: &str) -> &str {
        self.line[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.line))
    }

    fn socket(&self) -> PathBuf {
        self.text("socket").into()
    }

    fn connect(&self) -> UnixStream {
        UnixStream::connect(self.socket()).expect("the daemon listens")
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        http(self.connect(), method, path, body)
    }

    fn customer(&self, path: &str) -> Value {
        let address = self.text("control_url").trim_start_matches("http://");
        http(TcpStream::connect(address).expect("the control interface listens"), "POST", path, &Value::Null)
    }

    fn tell(&mut self, signal: Signal) -> ExitStatus {
        let pid = i32::try_from(self.child.id()).expect("a pid");
        kill(Pid::from_raw(pid), signal).expect("it runs");
        self.child.wait().expect("it ends")
    }

    fn daemon_runs(&self) -> bool {
        Path::new("/proc").join(self.line["daemon_pid"].to_string()).exists()
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request, as `curl --unix-socket` sends it.
fn http(mut stream: impl Read + Write, method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: kaspid\r\nConnection: close\r\nIdempotency-Key: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        path.replace('/', "-"),
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("the request is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("there is an answer");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no body in {answer:?}"));
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {answer:?}"))
}

#[test]
fn what_serve_announces_takes_a_payment() {
    for dialect in ["bank", "guide"] {
        let temporary = tempfile::tempdir().expect("a directory");
        let serve = Serve::start(&["--dialect", dialect], temporary.path());
        assert_eq!(serve.text("dialect"), dialect);
        assert_eq!(serve.ask("GET", "/v1/health", &Value::Null)["status"], "ok");
        let configs = serve.ask("GET", "/v1/configs", &Value::Null);
        for (row, bin) in BINS.iter().enumerate() {
            let config = &configs["configs"][row];
            assert_eq!((&config["organization_bin"], &config["is_default"]), (&json!(bin), &json!(row == 0)));
        }
        let create =
            json!({"kind": "remote", "amount_tiyn": 15050, "phone_number": PHONE, "organization_bin": BINS[1]});
        let payment = serve.ask("POST", "/v1/payments", &create);
        assert_eq!((&payment["state"], &payment["organization_bin"]), (&json!("waiting"), &json!(BINS[1])));
        let number = payment["qr_payment_id"].as_str().expect("a number");
        assert_eq!(serve.customer(&format!("/payments/{number}/pay"))["organization_bin"], BINS[1]);
        let paid = serve.ask("GET", &format!("/v1/payments/{number}?wait=30s"), &Value::Null);
        assert_eq!(paid["state"], "paid", "{paid}");
    }
}

#[test]
fn a_signal_ends_both_processes_and_removes_their_files() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let temporary = tempfile::tempdir().expect("a directory");
        let mut serve = Serve::start(&[], temporary.path());
        assert!(serve.daemon_runs());
        assert!(serve.tell(signal).success());
        assert!(!serve.daemon_runs(), "the daemon outlived {signal}");
        assert_eq!(temporary.path().read_dir().expect("the directory is there").count(), 0);
    }
}

/// The daemon's connection ends, which it does only when the daemon does.
#[test]
fn a_killed_sandbox_takes_its_daemon_along() {
    let temporary = tempfile::tempdir().expect("a directory");
    let mut serve = Serve::start(&[], temporary.path());
    let mut connection = serve.connect();
    serve.tell(Signal::SIGKILL);
    // Reset where the daemon had not taken the connection in yet.
    let end = connection.read(&mut [0]);
    let is_reset = end.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
    assert!(is_reset || end.as_ref().is_ok_and(|length| *length == 0), "{end:?}");
}

#[test]
fn a_daemon_that_ends_is_noticed() {
    let temporary = tempfile::tempdir().expect("a directory");
    let mut serve = Serve::start(&[], temporary.path());
    let daemon = serve.line["daemon_pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).expect("a pid");
    kill(Pid::from_raw(daemon), Signal::SIGKILL).expect("the daemon runs");
    assert_eq!(serve.child.wait().expect("it ends").code(), Some(1));
}

#[test]
fn a_second_start_goes_on_in_the_same_directory() {
    for dialect in ["bank", "guide"] {
        let temporary = tempfile::tempdir().expect("a directory");
        let kept = temporary.path().join("shop");
        let kept = kept.to_str().expect("a text");
        let create = json!({"kind": "remote", "amount_tiyn": 15050, "phone_number": PHONE});
        let mut first = Serve::start(&["--dir", kept, "--dialect", dialect], temporary.path());
        let before = first.ask("POST", "/v1/payments", &create);
        let refused = sandbox(&["serve", "--dir", kept], temporary.path()).output().expect("kaspi-sandbox runs");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("another kaspi-sandbox"), "{refused:?}");
        // An organisation has moved to a trade point that the next bank would not know.
        let moved = if dialect == "bank" { "104050" } else { "770f9511-f30c-52e5-b827-557766552222" };
        first.customer(&format!("/trade-points/{}/{moved}", BINS[1]));
        let place = json!({"trade_point_id": moved});
        let config = first.ask("PATCH", &format!("/v1/configs/{}", BINS[1]), &place);
        assert_eq!(config["trade_point_id"], moved, "{config}");
        assert!(first.tell(Signal::SIGTERM).success());

        let other = if dialect == "bank" { "guide" } else { "bank" };
        let refused = sandbox(&["serve", "--dir", kept, "--dialect", other], temporary.path()).output();
        assert!(!refused.expect("kaspi-sandbox runs").status.success());

        let second = Serve::start(&["--dir", kept], temporary.path());
        assert_eq!(second.text("dialect"), dialect);
        let known = second.ask("GET", &format!("/v1/payments/{}", before["id"].as_str().expect("an id")), &Value::Null);
        assert_eq!(known["qr_payment_id"], before["qr_payment_id"]);
        let link = json!({"kind": "link", "amount_tiyn": 100, "organization_bin": BINS[1]});
        let after = second.ask("POST", "/v1/payments?", &link);
        assert_eq!(after["state"], "waiting", "{after}");
        assert_eq!(second.ask("GET", "/v1/health", &Value::Null)["configs"]["verified"], 2);
    }
}

#[test]
fn a_directory_with_too_long_a_name_is_refused_in_words() {
    let temporary = tempfile::tempdir().expect("a directory");
    let long = temporary.path().join("x".repeat(100));
    let output = sandbox(&["serve", "--dir", long.to_str().expect("a text")], temporary.path()).output();
    let err = String::from_utf8(output.expect("kaspi-sandbox runs").stderr).expect("a text");
    assert!(err.contains("choose a shorter --dir"), "{err}");
}

/// A bank alone that is started again gives no number twice: the daemon that stayed up would not know which is meant.
#[test]
fn a_bank_that_is_started_again_numbers_on() {
    let mut bank = Sandbox::start(Dialect::Bank);
    let home = Home::new(&bank, "");
    let daemon = Daemon::start(&home);
    daemon.door.enrol(BINS[0]);
    let link = json!({"kind": "link", "amount_tiyn": 100, "organization_bin": BINS[0]});
    let number = || daemon.door.post("/v1/payments", &link).expect(201)["qr_payment_id"].as_str().unwrap().to_owned();
    let first: u64 = number().parse().unwrap();
    bank.start_again();
    // New certificates, and devices that it has never seen.
    daemon.door.post("/v1/reload", &json!({})).expect(200);
    daemon.door.post(&format!("/v1/configs/{}/register", BINS[0]), &json!({})).expect(200);
    assert!(number().parse::<u64>().unwrap() > first);
}
