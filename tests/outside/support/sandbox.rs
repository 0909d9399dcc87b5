//! The real `kaspi-sandbox` in a directory of its own; killed and waited for when dropped.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::daemon::BankPlace;
use crate::support::fixture::Dialect;
use crate::support::http::{Answer, exchange, request};

/// A running sandbox without a daemon of its own.
pub(crate) struct Sandbox {
    child: Child,
    pub(crate) place: BankPlace,
    control: String,
    files: tempfile::TempDir,
    dialect: Dialect,
}

/// Starts one, and reads what it says of itself.
fn serve(files: &Path, dialect: Dialect, more: &[&str]) -> (Child, Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_kaspi-sandbox"))
        .args(["serve", "--bank-only", "--dialect", dialect.word()])
        .args(more)
        .arg("--dir")
        .arg(files)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(files.join("stderr")).unwrap())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said = serde_json::from_str(&line).unwrap_or_else(|e| {
        let why = std::fs::read_to_string(files.join("stderr")).unwrap_or_default();
        panic!("kaspi-sandbox said {line:?}: {e}\n{why}")
    });
    (child, said)
}

impl Sandbox {
    /// Starts it; it is ready when it has said where it is.
    pub(crate) fn start(dialect: Dialect) -> Self {
        Self::start_with(dialect, &[])
    }

    /// Its clock runs this many times as fast.
    pub(crate) fn start_at_speed(dialect: Dialect, speed: u32) -> Self {
        Self::start_with(dialect, &["--speed", &speed.to_string()])
    }

    /// The same with more arguments.
    pub(crate) fn start_with(dialect: Dialect, more: &[&str]) -> Self {
        let files = tempfile::tempdir().unwrap();
        let (child, said) = serve(files.path(), dialect, more);
        let text = |key: &str| said[key].as_str().unwrap_or_else(|| panic!("no {key} in {said}")).to_owned();
        let place = BankPlace {
            url: text("url"),
            ca_file: text("ca_file").into(),
            certificate_file: text("certificate_file").into(),
            key_file: text("key_file").into(),
        };
        Self { child, place, control: text("control_url"), files, dialect }
    }

    /// Another one takes its place, in the same directory and on the same ports.
    pub(crate) fn start_again(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
        let port = |url: &str| url.rsplit(':').next().unwrap().to_owned();
        let (bank, control) = (port(&self.place.url), port(&self.control));
        let more = ["--port", &bank, "--control-port", &control];
        self.child = serve(self.files.path(), self.dialect, &more).0;
    }

    /// A file of its directory.
    pub(crate) fn file(&self, name: &str) -> std::path::PathBuf {
        self.files.path().join(name)
    }

    /// Asks the control interface.
    #[track_caller]
    pub(crate) fn control(&self, method: &str, target: &str, body: Option<&Value>) -> Value {
        let answer = self.try_control(method, target, body);
        assert!(answer.status < 300, "{method} {target}: {} {}", answer.status, answer.text());
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    #[track_caller]
    pub(crate) fn try_control(&self, method: &str, target: &str, body: Option<&Value>) -> Answer {
        let authority = self.control.trim_start_matches("http://").trim_end_matches('/');
        let (host, base) = authority.split_once('/').map_or((authority, String::new()), |(h, b)| (h, format!("/{b}")));
        let stream = TcpStream::connect(host).unwrap();
        let body = body.map(Value::to_string);
        exchange(stream, &request(method, &format!("{base}{target}"), &[], body.as_deref())).unwrap()
    }

    /// The customer pays.
    #[track_caller]
    pub(crate) fn pay(&self, qr_payment_id: &str) {
        self.control("POST", &format!("/payments/{qr_payment_id}/pay"), None);
    }

    /// What really happened at the bank for one organisation, counted.
    #[track_caller]
    pub(crate) fn effect(&self, bin: &str, what: &str) -> u64 {
        let effects = self.control("GET", "/effects", None);
        assert!(effects["total"][what].is_u64(), "no {what} in {effects}");
        // An organisation that nothing has happened to does not stand there.
        effects["by_bin"][bin][what].as_u64().unwrap_or(0)
    }

    /// Orders a fault.
    #[track_caller]
    pub(crate) fn fault(&self, fault: &Value) {
        self.control("POST", "/faults", Some(fault));
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
