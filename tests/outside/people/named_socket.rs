//! Whoever says with `--socket` where the daemon is, is told no command that would ask another one: what is printed can be
//! typed as it stands (architecture §8).

use std::process::{Command, Output};

use crate::support::behaviour::Till;
use crate::support::fixture::{Answer, Dialect};

/// As typed in a terminal, with no socket in the environment.
fn typed(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kaspictl")).args(words).env_remove("KASPID_SOCKET").output().unwrap()
}

fn text(output: &Output) -> String {
    [output.stdout.as_slice(), &output.stderr].map(String::from_utf8_lossy).concat()
}

/// The same with lines that were broken made whole.
fn words(output: &Output) -> String {
    text(output).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The commands in what was printed: the words behind each `kaspictl`.
fn commands(text: &str) -> Vec<&str> {
    let parts = text.split("kaspictl ").skip(1);
    parts.filter(|command| command.starts_with("--socket") || command.starts_with(|c: char| c.is_lowercase())).collect()
}

/// Promise: every command that is printed asks the daemon that was asked, whether kaspictl or the daemon wrote it; as it
/// stands it can be typed. Programs get what the daemon said.
#[test]
fn printed_commands_ask_the_daemon_that_was_asked() {
    let till = Till::open(Dialect::Bank, "[payments]\none_per_invoice = false\n[follow]\nremote_sweep = \"off\"");
    let socket = till.daemon.socket().display().to_string();
    let run = |words: &[&str]| typed(&[&["--socket", &socket], words].concat());
    let made = run(&["pay", "150", "--phone", "77015211545"]);
    till.bank.answer("POST", "/r3/v01/remote/create", Answer::page(502, "Bad Gateway"));
    let lost = run(&["pay", "150", "--phone", "77015211545"]);
    let begin = format!("--socket {socket} ");
    let mut seen = 0;
    for output in [
        &made,
        &lost,
        &run(&["status"]),
        &run(&["report"]),
        &run(&["payment", "list", "--bin", "210440028324"]),
        &run(&["payment", "show", "12799999999"]),
        &run(&["bin", "default", "210440028324"]),
        &run(&["identity", "install", "/nonexistent"]),
        &run(&["doctor"]),
    ] {
        let said = words(output);
        for command in commands(&said) {
            assert!(command.starts_with(&begin), "kaspictl {command}\nin:\n{said}");
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
    // As it stands: the wait for the customer, and the repetition of what may not happen twice.
    let said = text(&made);
    let line = said.lines().find_map(|line| line.strip_prefix("to wait for the customer: kaspictl ")).unwrap();
    let waited = typed(&[&line.split(' ').collect::<Vec<_>>()[..], &["--timeout", "0s"]].concat());
    assert_eq!(waited.status.code(), Some(5), "{}", text(&waited));
    let said = text(&run(&["status", "--json"]));
    assert!(!said.contains("--socket"), "{said}");
    let door = till.daemon.door.get("/v1/health").expect(200);
    assert!(door["problems"].to_string().contains("kaspictl payment resolve"), "{door}");
}

/// Promise: without a daemon doctor names the next command with the configuration and the socket it was given.
#[test]
fn doctor_names_itself_as_it_was_typed() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("kaspid.toml");
    std::fs::write(&config, "[daemon]\nsocket = 7\n").unwrap();
    let (socket, config) = (folder.path().join("s").display().to_string(), config.display().to_string());
    let said = words(&typed(&["doctor", "--socket", &socket, "--config", &config]));
    let again = format!("then: kaspictl --socket {socket} doctor --config {config}");
    assert!(said.contains(&again), "{again}\nin:\n{said}");
    let unsaid = words(&typed(&["doctor", "--config", &config]));
    assert!(unsaid.contains(&format!("then: kaspictl doctor --config {config}")), "{unsaid}");
}
