//! The README, as a stranger reads it: what it says to type is typed, and ends as it says.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::support::http::Door;

/// A process that ends with the test.
struct Runs(Child);

impl Drop for Runs {
    fn drop(&mut self) {
        let _ = self.0.kill().and_then(|()| self.0.wait());
    }
}

/// The first block of shell lines behind a heading.
#[track_caller]
fn block<'t>(text: &'t str, heading: &str) -> &'t str {
    let (_, behind) = text.split_once(heading).unwrap_or_else(|| panic!("no {heading:?}"));
    let (_, block) = behind.split_once("```sh\n").unwrap();
    block.split_once("\n```").unwrap().0
}

/// Promise: one command, one curl and one customer, as the README has them, are a payment that is paid.
#[test]
fn a_payment_in_a_minute() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let home = tempfile::tempdir().unwrap();
    let typed = |program: &str| {
        let line = text
            .lines()
            .find(|line| line.trim().starts_with(&format!("cargo run --release --bin kaspi-sandbox -- {program}")));
        let words = line.unwrap().split_once(" -- ").unwrap().1;
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspi-sandbox"));
        command.args(words.split_whitespace()).current_dir(home.path());
        command
    };
    let mut serve = Runs(typed("serve").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(serve.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let curl = Command::new("sh")
        .args(["-ec", block(&text, "## A payment in a minute")])
        .current_dir(home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let door = Door::at(&home.path().join("shop/kaspid.sock"));
    let mut after = 0;
    loop {
        let page = door.get(&format!("/v1/events?after={after}&wait=30s")).expect(200);
        let events = page["events"].as_array().unwrap();
        assert!(!events.is_empty(), "nobody was billed");
        if events.iter().any(|event| event["type"] == "payment.waiting") {
            break;
        }
        after = page["next"].as_u64().unwrap();
    }
    assert!(typed("pay").output().unwrap().status.success());
    let answer = String::from_utf8(curl.wait_with_output().unwrap().stdout).unwrap();
    assert!(answer.contains("\"state\":\"paid\""), "{answer}");
}
