//! `kaspi-sandbox serve`: a bank and a daemon with two organisations, as a developer has them on a desk.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::http::{Door, exchange, request};

/// Killed and waited for when dropped.
pub(crate) struct Shop {
    child: Child,
    /// What it has said of itself.
    pub(crate) said: Value,
    pub(crate) door: Door,
    _home: tempfile::TempDir,
}

impl Shop {
    #[track_caller]
    pub(crate) fn open() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_kaspi-sandbox"))
            .args(["serve", "--dir", "shop"])
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        Self { child, door: Door::at(&home.path().join("shop/kaspid.sock")), said, _home: home }
    }

    /// Something that it has said, such as `phone_url`.
    #[track_caller]
    pub(crate) fn place(&self, name: &str) -> &str {
        self.said[name].as_str().unwrap()
    }

    /// Asks the bank's control interface.
    #[track_caller]
    pub(crate) fn control(&self, method: &str, target: &str) -> Value {
        self.tells(method, target, &Value::Null)
    }

    /// The same with a body.
    #[track_caller]
    pub(crate) fn tells(&self, method: &str, target: &str, body: &Value) -> Value {
        let stream = TcpStream::connect(self.place("control_url").trim_start_matches("http://")).unwrap();
        let body = Some(body.to_string()).filter(|_| !body.is_null());
        exchange(stream, &request(method, target, &[], body.as_deref())).unwrap().expect(200)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(self.child.id().cast_signed()),
            nix::sys::signal::Signal::SIGTERM,
        );
        let _ = self.child.wait();
    }
}
