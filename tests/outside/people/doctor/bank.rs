//! What is wrong on the way to the bank: the first step that fails is named, those behind it are not looked at.

use std::net::TcpListener;

use serde_json::json;

use super::{Said, Till, doctor};
use crate::support::daemon::{BankPlace, Daemon, Home};
use crate::support::fixture::{Answer, Dialect};
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::{BIN, ScriptedBank};

/// A daemon without organisations, whose bank is changed under it.
struct Bare {
    daemon: Daemon,
    home: Home,
}

impl Bare {
    fn start(bank: impl Into<BankPlace>) -> Self {
        let home = Home::new(bank, "");
        Self { daemon: Daemon::start(&home), home }
    }

    /// What doctor says after a reload with this in the configuration.
    #[track_caller]
    fn with(&self, more: &str) -> Said {
        self.home.change(more);
        self.daemon.door.post("/v1/reload", &json!({})).expect(200);
        doctor(&self.home.socket(), &self.home.config())
    }

    /// The same after a restart: a reload takes no key and certificate that the bank refuses.
    fn restarted_with(&mut self, more: &str) -> Said {
        self.daemon.signal(nix::sys::signal::Signal::SIGTERM);
        self.daemon.until("ENDED");
        self.home.change(more);
        self.daemon = Daemon::start(&self.home);
        doctor(&self.home.socket(), &self.home.config())
    }
}

/// From the name to the handshake.
#[test]
fn the_first_step_that_fails_is_the_cause() {
    let bank = Sandbox::start_with(Dialect::Bank, &["--identities"]);
    let bare = Bare::start(&bank);
    let url = |url: &str| format!("[kaspi]\nurl = \"{url}\"");

    let said = bare.with(&url("https://no-such-host.invalid"));
    said.blames("dns", "no address for no-such-host.invalid", "getent ahosts no-such-host.invalid");
    said.skips(&["tcp", "tls", "api", "clock"]);

    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = closed.local_addr().unwrap();
    // Accepted by the kernel, and nobody ever answers.
    let said = bare.with(&url(&format!("https://{address}")));
    said.blames("tls", "no handshake: nothing came within 3 s", "openssl s_client -connect 127.0.0.1:");
    said.skips(&["api", "clock"]);
    drop(closed);
    let said = bare.with(&url(&format!("https://{address}")));
    said.blames("tcp", "nobody listens there", "curl ");
    said.skips(&["tls", "api", "clock"]);

    let ca = |path: std::path::PathBuf| format!("{}\nca_file = \"{}\"", url(&bank.place.url), path.display());
    let said = bare.with(&ca(bank.file("stranger-ca.crt")));
    said.blames("tls", "name the bank's CA in [kaspi] ca_file", "openssl s_client -connect ");
    said.skips(&["api", "clock"]);
    let said = bare.with(&ca(bank.place.ca_file.clone()));
    assert_eq!(said.failed(), Vec::<&str>::new());
}

/// A certificate for another name: the scripted bank's is for 127.0.0.1.
#[test]
fn a_server_with_another_name_is_not_the_bank() {
    let bank = ScriptedBank::start();
    std::fs::set_permissions(&bank.key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let bare = Bare::start(&bank);
    let said = bare.with(&format!("[kaspi]\nurl = \"{}\"", bank.url.replace("127.0.0.1", "localhost")));
    said.blames("tls", "another host's certificate, not one for localhost", "openssl s_client -connect localhost:");
    said.skips(&["api", "clock"]);
}

/// The bank judges our certificate only after a TLS 1.3 handshake is done: it is blamed all the same, once.
#[test]
fn a_certificate_that_the_bank_refuses_is_the_cause() {
    let bank = Sandbox::start_with(Dialect::Bank, &["--identities"]);
    let mut bare = Bare::start(&bank);
    let files = |name: &str| {
        let file = |end: &str| bank.file(&format!("{name}.{end}")).display().to_string();
        format!("[identity]\ncertificate_file = \"{}\"\nkey_file = \"{}\"", file("cer"), file("key"))
    };
    let said = bare.restarted_with(&files("expired"));
    said.blames("certificate", "days ago), and the bank refuses it", "kaspictl identity show");
    said.skips(&["api", "clock"]);
    let said = bare.restarted_with(&files("stranger"));
    said.blames("certificate", "the bank refuses it, though it ends", "kaspictl identity show");
    said.skips(&["api", "clock"]);
    let said = bare.with(&files("client"));
    assert_eq!((said.failed(), said.check("certificate")["status"].as_str()), (vec![], Some("ok")));
}

/// The way is open and the answer is not one.
#[test]
fn a_bank_that_does_not_answer_well_is_seen() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.fault(&json!({"call": "ping", "fault": "refuse", "code": -10000, "times": 0}));
    let said = till.doctor();
    said.blames("certificate", "the bank refuses it", "kaspictl identity show");
    said.skips(&["api"]);
    till.bank.control("DELETE", "/faults", None);

    till.bank.fault(&json!({"call": "ping", "fault": "error_5xx", "code": 502, "times": 0}));
    till.doctor().blames("api", "HTTP 502", "kaspictl doctor");
    till.bank.control("DELETE", "/faults", None);

    till.bank.fault(&json!({"call": "ping", "fault": "delay", "ms": 60_000, "times": 0}));
    let said = till.doctor();
    said.blames("api", "does not answer: nothing came within 3 s", "kaspictl doctor");
    said.skips(&["clock"]);
    till.bank.control("DELETE", "/faults", None);

    till.bank.control("POST", "/clock", Some(&json!({"advance": "10m"})));
    let said = till.doctor();
    said.blames("clock", "10 min behind the bank's", "timedatectl set-ntp true");
}

/// The guide's dialect has no ping: a trade-point read stands for it, and the bank's own words stay out.
#[test]
fn in_the_guides_dialect_the_trade_points_are_asked_for() {
    let bank = ScriptedBank::start();
    std::fs::set_permissions(&bank.key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    crate::support::behaviour::behave(&bank, Dialect::Guide);
    let home = Home::new(&bank, "");
    let daemon = Daemon::start(&home);
    daemon.door.enrol(BIN);
    let said = doctor(&home.socket(), &home.config());
    assert_eq!((said.failed(), said.check("api")["found"].as_str().unwrap().contains("trade points")), (vec![], true));
    assert!(bank.seen().iter().all(|seen| !seen.path().contains("ping")));
    let no = r#"{"status":false,"error":"secret words of Aigerim"}"#;
    bank.answer("GET", "/r3/v01/partner/tradepoints/*", Answer::json(no));
    let said = doctor(&home.socket(), &home.config());
    said.blames("api", "does not list trade points", &format!("kaspictl bin verify {BIN}"));
    assert!(!format!("{:?}", said.checks).contains("Aigerim"));
}
