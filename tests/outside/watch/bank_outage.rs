//! "Could not ask" changes nothing but is visible (architecture §6): what keeps the till from the bank stands in health and
//! `kaspictl status` with since when, why and what to do, and is gone with the next success.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::behaviour::behave;
use crate::support::daemon::{BankPlace, Daemon, Home};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::{exchange, request};
use crate::support::prometheus::Page;
use crate::support::relay::Relay;
use crate::support::scripted_bank::{BIN, ScriptedBank, TOKEN};

/// Longer than the daemon takes to try again by itself a few times.
const PATIENCE: Duration = Duration::from_secs(45);
const POINTS: &str = "/r3/v01/partner/tradepoints/*";
/// So that a call to a bank that is away ends soon.
const QUICK: &str = "[kaspi]\ntimeout = \"1s\"";

fn bank() -> ScriptedBank {
    let bank = ScriptedBank::start();
    behave(&bank, Dialect::Bank);
    bank
}

/// The problem with this code, if it stands in health.
#[track_caller]
fn problem(daemon: &Daemon, code: &str) -> Option<Value> {
    let health = daemon.door.get("/v1/health").expect(200);
    let found = health["problems"].as_array().unwrap().iter().find(|problem| problem["code"] == code).cloned();
    assert_eq!(health["status"], if health["problems"] == json!([]) { "ok" } else { "degraded" });
    found
}

/// Waits until health has or has not a problem with this code; the daemon tells nobody, so it is asked.
#[track_caller]
fn until(daemon: &Daemon, code: &str, there: bool) -> Option<Value> {
    let began = Instant::now();
    loop {
        let found = problem(daemon, code);
        if found.is_some() == there {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{code} {}: {found:?}", if there { "does not come" } else { "stays" });
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn verify(daemon: &Daemon) -> crate::support::http::Answer {
    daemon.door.post(&format!("/v1/configs/{BIN}/verify"), &json!({}))
}

fn trouble(daemon: &Daemon, kind: &str) -> f64 {
    Page::of(&daemon.door.get("/metrics")).value(&format!("kaspid_bank_trouble{{kind=\"{kind}\"}}"))
}

/// The way to the bank is cut: said by the next call, with since when and a command; gone with the next success.
#[test]
fn a_bank_that_is_away_is_a_problem_until_it_is_back() {
    let bank = bank();
    let mut relay = Relay::to(&bank);
    let home = Home::new(relay.place(&bank), QUICK);
    let daemon = Daemon::start(&home);
    daemon.door.enrol(BIN);
    assert_eq!((problem(&daemon, "kaspi_unreachable"), trouble(&daemon, "unreachable")), (None, 0.0));
    let answered =
        |daemon: &Daemon| Page::of(&daemon.door.get("/metrics")).value("kaspid_bank_last_answer_timestamp_seconds");
    let heard = answered(&daemon);

    relay.cut();
    verify(&daemon).problem("kaspi_unavailable");
    let first = problem(&daemon, "kaspi_unreachable").expect("the bank is away");
    verify(&daemon).problem("kaspi_unavailable");
    let second = problem(&daemon, "kaspi_unreachable").unwrap();
    let since = |problem: &Value| problem["detail"].as_str().unwrap().split("; last").next().unwrap().to_owned();
    assert_eq!(since(&first), since(&second), "since when does not move");
    assert_ne!(first["detail"], second["detail"], "the last try does");
    for problem in [&first, &second] {
        let (detail, remedy) = (problem["detail"].as_str().unwrap(), problem["remedy"].as_str().unwrap());
        assert!(detail.contains("refused") && remedy.contains(&format!("kaspictl bin verify {BIN}")), "{problem}");
        assert!(!detail.contains(TOKEN) && !detail.contains("/r3/"), "{detail}");
    }
    let status = Command::new(env!("CARGO_BIN_EXE_kaspictl"))
        .arg("status")
        .env("KASPID_SOCKET", daemon.socket())
        .output()
        .unwrap();
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("Kaspi cannot be reached since") && status.contains("kaspictl bin verify"), "{status}");
    assert_eq!((trouble(&daemon, "unreachable"), answered(&daemon)), (1.0, heard));

    relay.open();
    verify(&daemon).expect(200);
    assert_eq!((problem(&daemon, "kaspi_unreachable"), trouble(&daemon, "unreachable")), (None, 0.0));
    assert!(answered(&daemon) > heard);
}

/// Nobody needs to lose a sale to find out: the connection that is kept ready tells, and tells when the bank is back.
#[test]
fn a_bank_that_is_away_is_noticed_without_a_call() {
    let bank = bank();
    let mut relay = Relay::to(&bank);
    let home = Home::new(relay.place(&bank), "[kaspi]\nidle = \"4s\"");
    let daemon = Daemon::start(&home);
    daemon.door.enrol(BIN);
    let calls = bank.seen().len();
    relay.cut();
    until(&daemon, "kaspi_unreachable", true);
    relay.open();
    until(&daemon, "kaspi_unreachable", false);
    assert_eq!(bank.seen().len(), calls, "nothing was asked");
}

/// A certificate of another authority: named as such before the first call, with what to look at; gone once the right
/// one is in place.
#[test]
fn a_refused_certificate_is_named() {
    let (bank, other) = (bank(), ScriptedBank::start());
    let place = BankPlace {
        certificate_file: other.certificate_file.clone(),
        key_file: other.key_file.clone(),
        ..BankPlace::from(&bank)
    };
    let home = Home::new(place, "");
    let daemon = Daemon::start(&home);
    let found = until(&daemon, "certificate_refused", true).unwrap();
    assert!(found["remedy"].as_str().unwrap().contains("kaspictl identity show"), "{found}");
    daemon.door.post("/v1/configs", &json!({"organization_bin": BIN})).problem("certificate_refused");
    assert!(problem(&daemon, "certificate_refused").is_some() && problem(&daemon, "kaspi_unreachable").is_none());
    assert_eq!(trouble(&daemon, "certificate_refused"), 1.0);

    let path = |path: &std::path::Path| path.display().to_string();
    let (certificate, key) = (path(&bank.certificate_file), path(&bank.key_file));
    home.change(&format!("[identity]\ncertificate_file = \"{certificate}\"\nkey_file = \"{key}\""));
    daemon.door.post("/v1/reload", &json!({})).expect(200);
    daemon.door.enrol(BIN);
    assert_eq!((problem(&daemon, "certificate_refused"), trouble(&daemon, "certificate_refused")), (None, 0.0));

    // The bank's own word for it, behind a proxy that ends TLS.
    bank.answer("GET", POINTS, Answer::json(r#"{"StatusCode":-10000,"Message":"No client certificate"}"#));
    verify(&daemon).problem("certificate_refused");
    assert!(problem(&daemon, "certificate_refused").is_some());
}

/// A bank that answers pages instead of envelopes is not called unreachable.
#[test]
fn a_bank_without_answers_is_told_apart() {
    let bank = bank();
    let home = Home::new(&bank, "");
    let daemon = Daemon::start(&home);
    daemon.door.enrol(BIN);
    bank.answer("GET", POINTS, Answer::page(502, "Bad Gateway"));
    verify(&daemon).problem("kaspi_unavailable");
    let found = problem(&daemon, "kaspi_no_answer").expect("no usable answer");
    assert!(found["detail"].as_str().unwrap().contains("HTTP 502"), "{found}");
    // A refusal is an answer: the bank is there.
    bank.answer("GET", POINTS, Answer::json(r#"{"StatusCode":990000018,"Message":"Trade point is off"}"#));
    verify(&daemon).problem("trade_point_inactive");
    assert_eq!(problem(&daemon, "kaspi_no_answer"), None);
    // That this organisation could not be looked up is a problem of its own.
    let found = problem(&daemon, "verify_failed").expect("the look failed");
    assert_eq!(found["config_id"], 1);
    assert!(found["remedy"].as_str().unwrap().contains(&format!("kaspictl bin verify {BIN}")), "{found}");
    behave(&bank, Dialect::Bank);
    verify(&daemon).expect(200);
    assert_eq!(daemon.door.get("/v1/health").expect(200)["problems"], json!([]));
}

/// A trade point that should have been looked up long ago and could not be: named, counted, and gone with the look.
#[test]
fn an_overdue_look_is_a_problem() {
    let bank = bank();
    bank.answer("GET", POINTS, Answer::page(502, "Bad Gateway"));
    let home = Home::new(&bank, "");
    let daemon = Daemon::start(&home);
    let file = format!(
        "shop_id,organization_bin,trade_point_id,device_token,created_at,updated_at,last_verified_at\n8,{BIN},104039,{TOKEN},2025-01-01 10:00:00,2025-01-01 10:00:00,2025-01-02 10:00:00\n"
    );
    let head = String::from_utf8(request("POST", "/v1/import/configs", &[("Content-Type", "text/csv")], None)).unwrap();
    let head = head.replacen("\r\n\r\n", &format!("\r\nContent-Length: {}\r\n\r\n", file.len()), 1);
    exchange(daemon.door.connect(), format!("{head}{file}").as_bytes()).unwrap().expect(200);
    let found = until(&daemon, "verify_overdue", true).unwrap();
    assert_eq!(found["config_id"], 1);
    let detail = found["detail"].as_str().unwrap();
    assert!(detail.contains("2025-01-02") && detail.contains("HTTP 502"), "{detail}");
    let overdue = || Page::of(&daemon.door.get("/metrics")).value("kaspid_configs_verify_overdue");
    assert_eq!(overdue(), 1.0);
    behave(&bank, Dialect::Bank);
    verify(&daemon).expect(200);
    assert_eq!((problem(&daemon, "verify_overdue"), overdue()), (None, 0.0));
}
