//! The daemon has the only copy of the key (promise 2): it makes one or takes one in, whatever form openssl or Windows has
//! given it, and never uses one that does not work in place of one that does.

mod elsewhere;
mod expiry;
mod first_day;
mod forms;
mod gaps;
mod kills;
mod mistakes;
mod prompt;
mod rotation;
mod source;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::sandbox::Sandbox;

const BIN: &str = "891027350515";
const PASSPHRASE: &str = "құпия-сөз-1";

/// A bank, a daemon that keeps its own key, and a folder in which openssl works.
struct Shop {
    bank: Sandbox,
    home: Home,
    files: tempfile::TempDir,
}

impl Shop {
    fn new(more: &str) -> Self {
        let bank = Sandbox::start_with(Dialect::Bank, &["--identities"]);
        let home = Home::without_identity(&bank, more);
        let files = tempfile::tempdir().unwrap();
        std::fs::write(files.path().join("pass.txt"), format!("{PASSPHRASE}\n")).unwrap();
        Self { bank, home, files }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Runs openssl in the folder.
    #[track_caller]
    fn openssl(&self, arguments: &str) -> Output {
        let done = Command::new("openssl").args(arguments.split(' ')).current_dir(self.files.path()).output().unwrap();
        assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
        done
    }

    /// `NAME.key` by openssl and `NAME.crt` by the bank.
    fn make(&self, name: &str, kind: &str) {
        match kind {
            "rsa" => self.openssl(&format!("genrsa -out {name}.key 2048")),
            _ => self.openssl(&format!("ecparam -name prime256v1 -genkey -noout -out {name}.key")),
        };
        self.openssl(&format!("req -new -key {name}.key -subj /CN={name}/O=Cvety -out {name}.csr"));
        let request = std::fs::read_to_string(self.file(&format!("{name}.csr"))).unwrap();
        std::fs::write(self.file(&format!("{name}.crt")), self.sign(&request)).unwrap();
    }

    /// The bank's answer to a request.
    #[track_caller]
    fn sign(&self, request: &str) -> String {
        let signed = self.bank.control("POST", "/certificates", Some(&json!({"csr_pem": request})));
        signed["certificate_pem"].as_str().unwrap().to_owned()
    }

    /// Runs kaspictl in the folder, with `stdin`.
    fn ctl_with(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kaspictl"))
            .args(arguments)
            .env("KASPID_SOCKET", self.home.socket())
            .current_dir(self.files.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may not read any.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs kaspictl, which must end with this code; what it has said on both.
    #[track_caller]
    fn ctl(&self, arguments: &str, exit: i32) -> String {
        let words: Vec<&str> = arguments.split(' ').collect();
        let done = self.ctl_with(&words, "");
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert_eq!(done.status.code(), Some(exit), "kaspictl {arguments}: {said}");
        said
    }
}

/// Who the daemon is to the bank.
#[track_caller]
fn subject(daemon: &Daemon) -> String {
    let identity = daemon.door.get("/v1/identity").expect(200);
    identity["subject"].as_str().unwrap().to_owned()
}

/// A sale that goes to the bank and back.
#[track_caller]
fn sells(daemon: &Daemon) {
    let sale = json!({"kind": "remote", "amount_tiyn": 10_000, "phone_number": "77015211545"});
    let made = daemon.door.post("/v1/payments", &sale).expect(201);
    assert_eq!(made["state"], "waiting", "{made}");
}

/// The first check of this name.
#[track_caller]
fn check(diagnosis: &Value, name: &str) -> Value {
    let checks = diagnosis["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("{name}: {diagnosis}")).clone()
}

/// The rows of the log about the identity, oldest first.
fn rows(daemon: &Daemon) -> Vec<Value> {
    let page = daemon.door.get("/v1/log?operation=identity&limit=1000").expect(200);
    page["rows"].as_array().unwrap().clone()
}
