//! A bank that does not know this machine's address, and what stands in the way of it, turn people away in many ways. What
//! the wire does not tell is not guessed: nothing of it is called a fault of our certificate, of a CA or of a host's name.

use serde_json::{Value, json};

use super::doctor;
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Answer;
use crate::support::raw_server::{RawServer, Turns};
use crate::support::scripted_bank::{BIN, ScriptedBank};

/// Words that would blame what is in order.
const WRONG: [&str; 5] =
    ["refuses our certificate", "refuses the certificate", "ca_file", "another host", "kaspictl identity show"];

#[track_caller]
fn blames_nobody(said: &str) {
    for wrong in WRONG {
        assert!(!said.contains(wrong), "{wrong}: {said}");
    }
}

/// Its name, the step of doctor, doctor's words, and those of a call that failed.
const WAYS: [(Turns, &str, &str, &str); 7] = [
    (Turns::Away, "tcp", "nobody listens there, or a firewall turns the connection away", "Connection refused"),
    (Turns::Silent, "tls", "does not know this machine's address", "allows this machine's address"),
    (Turns::Closing, "tls", "ended the handshake without a word", "does not know this machine's address"),
    (Turns::ClosingAfterHello, "tls", "ended the handshake without a word", "does not know this machine's address"),
    (Turns::Resetting, "tls", "ended the handshake without a word", "does not know this machine's address"),
    (Turns::Page, "tls", "speaks no TLS", "a page of its own"),
    (Turns::Failure, "tls", "this machine's address away", "this machine's address away"),
];

/// Promise: whoever is turned away before there is a connection is told that the address may not be known, by doctor, by the
/// call that failed, by an exchange of the key and by status alike; and nothing moved.
#[test]
fn who_is_turned_away_before_a_connection_is_told_so() {
    let bank = ScriptedBank::start();
    std::fs::set_permissions(&bank.key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    for (how, step, found, detail) in WAYS {
        let server = RawServer::start(how);
        let home = Home::new(&bank, &format!("[kaspi]\nurl = \"https://{}\"\ntimeout = \"3s\"", server.address));
        let daemon = Daemon::start(&home);
        let problem = daemon.door.post("/v1/configs", &json!({"organization_bin": BIN})).problem("kaspi_unavailable");
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{how:?}: {problem}");
        assert_eq!(problem["money"], "not_moved", "{problem}");
        let said = doctor(daemon.socket(), &home.config());
        said.blames(step, found, if step == "tcp" { "curl -v" } else { "openssl s_client -connect 127.0.0.1:" });
        blames_nobody(&format!("{problem}{:?}", said.check(step)));
        let health = daemon.door.get("/v1/health").expect(200);
        let told: Vec<&Value> = health["problems"].as_array().unwrap().iter().collect();
        assert!(told.iter().any(|problem| problem["code"] == "kaspi_unreachable"), "{how:?}: {health}");
        blames_nobody(&health["problems"].to_string());
    }
}

/// Promise: a page of a firewall in place of an answer is called that, and not a refusal of the bank.
#[test]
fn a_page_of_a_firewall_is_no_word_of_the_bank() {
    let bank = ScriptedBank::start();
    std::fs::set_permissions(&bank.key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let home = Home::new(&bank, "");
    let daemon = Daemon::start(&home);
    for http in [401, 403, 407] {
        bank.answer("GET", "/r3/v01/*", Answer::page(http, "Request blocked"));
        let problem = daemon.door.post("/v1/configs", &json!({"organization_bin": BIN})).problem("kaspi_unavailable");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(&format!("HTTP {http}")) && detail.contains("a firewall or proxy on the way"),
            "{problem}"
        );
        let health = daemon.door.get("/v1/health").expect(200)["problems"].to_string();
        assert!(health.contains("does not know this machine's address"), "{health}");
        let said = doctor(daemon.socket(), &home.config());
        assert!(
            said.check("api")["found"].as_str().unwrap().contains("a firewall or proxy"),
            "{:?}",
            said.check("api")
        );
        blames_nobody(&format!("{problem}{health}{:?}", said.check("api")));
        assert_eq!(said.check("certificate")["status"], "ok");
    }
}
