//! `kaspictl doctor` against broken set-ups: the cause fails, nothing else does, and it ends with a command.

mod bank;
mod blocked;
mod files;
mod old_tls;
mod shop;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::BIN;

/// The promise of its help.
const LONGEST: Duration = Duration::from_secs(15);

/// What doctor says.
pub(crate) struct Said {
    exit: Option<i32>,
    checks: Vec<Value>,
}

/// Asks doctor as the user who runs the tests.
#[track_caller]
pub(crate) fn doctor(socket: &Path, config: &Path) -> Said {
    ask(Command::new(env!("CARGO_BIN_EXE_kaspictl")), socket, config)
}

#[track_caller]
fn ask(mut kaspictl: Command, socket: &Path, config: &Path) -> Said {
    kaspictl.args(["doctor", "--json", "--socket"]).arg(socket).arg("--config").arg(config);
    let began = Instant::now();
    let output = kaspictl.current_dir("/").output().unwrap();
    assert!(began.elapsed() < LONGEST, "doctor took {:?}", began.elapsed());
    let text = String::from_utf8_lossy(&output.stdout);
    let document: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    assert_eq!(document["format"], 1);
    let said = Said { exit: output.status.code(), checks: document["checks"].as_array().unwrap().clone() };
    let worst = if said.failed().is_empty() { 0 } else { 1 };
    assert_eq!(said.exit, Some(worst), "{text}");
    assert_eq!(document["status"] == "failed", worst == 1, "{text}");
    for check in &said.checks {
        let needs = matches!(check["status"].as_str(), Some("failed" | "warning"));
        let command = check["command"].as_str().unwrap_or_default();
        assert!(!needs || !command.is_empty(), "no command: {check}");
        assert!(!command.contains('\n'), "more than one command: {check}");
    }
    said
}

impl Said {
    fn with(&self, status: &str) -> Vec<&str> {
        let these = self.checks.iter().filter(|check| check["status"] == status);
        these.map(|check| check["check"].as_str().unwrap()).collect()
    }

    pub(crate) fn failed(&self) -> Vec<&str> {
        self.with("failed")
    }

    #[track_caller]
    pub(crate) fn check(&self, word: &str) -> &Value {
        let found = self.checks.iter().find(|check| check["check"] == word);
        found.unwrap_or_else(|| panic!("no {word} in {:#?}", self.checks))
    }

    /// This check alone has failed, says this and ends with this command.
    #[track_caller]
    pub(crate) fn blames(&self, word: &str, says: &str, command: &str) {
        assert_eq!(self.failed(), [word], "{:#?}", self.checks);
        let failed = self.checks.iter().find(|check| check["status"] == "failed").unwrap();
        let (found, given) = (failed["found"].as_str().unwrap(), failed["command"].as_str().unwrap());
        assert!(found.contains(says), "{word} says {found:?} and not {says:?}");
        assert!(given.starts_with(command), "{word} ends with {given:?} and not {command:?}");
    }

    /// These were not looked at, because of what failed.
    #[track_caller]
    pub(crate) fn skips(&self, words: &[&str]) {
        for word in words {
            assert_eq!(self.check(word)["status"], "skipped", "{:#?}", self.checks);
        }
    }

    #[track_caller]
    pub(crate) fn is_in_order(&self) {
        assert_eq!((self.failed(), self.with("warning")), (vec![], vec![]), "{:#?}", self.checks);
    }
}

/// A bank, a daemon and the guide's first organisation, all in order.
struct Till {
    daemon: Daemon,
    home: Home,
    bank: Sandbox,
}

impl Till {
    #[track_caller]
    fn open(dialect: Dialect, more: &str) -> Self {
        let bank = Sandbox::start_with(dialect, &["--identities"]);
        let home = Home::new(&bank, more);
        let daemon = Daemon::start(&home);
        daemon.door.enrol(BIN);
        Self { daemon, home, bank }
    }

    #[track_caller]
    fn doctor(&self) -> Said {
        doctor(&self.home.socket(), &self.home.config())
    }

    /// The name that today's daily backup has: where there is one, the daemon makes no other.
    fn todays_backup(state: &Path) -> PathBuf {
        let almaty = jiff::tz::TimeZone::get("Asia/Almaty").unwrap();
        let today = jiff::Timestamp::now().to_zoned_datetime(almaty).strftime("%Y-%m-%d").to_string();
        state.join("backups").join(format!("kaspid-{today}.backup"))
    }
}

/// Doctor has nothing to say of what is in order, in either dialect, and moves nothing at the bank.
#[test]
fn what_is_in_order_is_called_so() {
    for dialect in [Dialect::Bank, Dialect::Guide] {
        let till = Till::open(dialect, "");
        let said = till.doctor();
        said.is_in_order();
        for word in ["config", "dns", "tcp", "tls", "certificate", "api", "clock", "bin", "payments", "backup", "log"] {
            assert_eq!(said.check(word)["status"], "ok", "{}", said.check(word));
        }
        assert_eq!(said.check("bin")["organization_bin"], BIN);
        let asked = till.bank.control("GET", "/requests", None).to_string();
        assert!(!asked.contains("create") && !asked.contains("refund") && !asked.contains("return"), "{asked}");
    }
}

/// People see the same: each failed check ends with its command, in a terminal of 80 columns.
#[test]
fn people_read_it_in_eighty_columns() {
    let till = Till::open(Dialect::Bank, "");
    std::fs::set_permissions(&till.bank.place.key_file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_kaspictl"))
        .args(["doctor", "--socket"])
        .arg(till.home.socket())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let mut lines = text.lines().skip_while(|line| !line.starts_with("FAILED   permissions"));
    let command = lines.find(|line| line.trim_start().starts_with("do: ")).unwrap();
    assert_eq!(command.trim(), format!("do: chmod 600 {}", till.bank.place.key_file.display()));
    let wide = |line: &&str| line.chars().count() > 80 && !line.contains("do: ") && line.split_whitespace().count() > 3;
    assert_eq!(text.lines().find(wide), None);
    assert!(text.contains("1 failed"), "{text}");
}
