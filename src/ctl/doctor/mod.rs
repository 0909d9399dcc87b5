//! `kaspictl doctor`: what needs no daemon is looked at here, the rest by the daemon, which alone has the key and the
//! way to the bank.

mod local;
mod systemd;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::exit::Exit;
use super::session::Session;
use super::text;
use crate::client::{Client, ClientError, Outcome};
use crate::ctl::args::CONFIG;
use crate::operation::{Check, CheckStatus, Diagnose, Diagnosis};
use crate::service::{Looker, check_files};
use local::SocketFile;
use systemd::Units;

/// The daemon's own steps take 13 s at most.
const PATIENCE: Duration = Duration::from_secs(15);

/// What cannot be right keeps the daemon from starting.
const NEEDED_TO_START: [&str; 4] = ["config", "identity", "owner", "trust"];

/// The command.
pub(super) struct Doctor {
    /// Judged where no daemon answers.
    pub(super) config: Option<PathBuf>,
}

/// Everything that was found.
pub(super) struct Findings {
    pub(super) checks: Vec<Check>,
    /// What the daemon said, if it did.
    pub(super) daemon: Option<Diagnosis>,
    /// The configuration that was judged.
    pub(super) config_file: PathBuf,
}

/// What `--json` prints.
#[derive(Serialize)]
struct DoctorDocument<'a> {
    /// Raised when a field changes its meaning.
    format: u8,
    status: CheckStatus,
    kaspictl: &'static str,
    kaspid: Option<&'a str>,
    checks: &'a [Check],
}

impl Doctor {
    pub(super) async fn run(&self, session: &mut Session<'_>) -> Exit {
        session.out.progress("looking; the daemon asks the bank, 15 s at most ...");
        let findings = examine(&session.socket, self.config.as_deref()).await;
        session.out.progress("");
        match session.json {
            true => session.out.data(&document(&findings)),
            false => {
                let again = session.out.shown("kaspictl doctor");
                let page = session.reader.local(&page(&as_typed(&findings.checks, session), &again));
                session.out.show(&page);
            }
        }
        match status(&findings.checks) {
            CheckStatus::Failed => Exit::Refused,
            CheckStatus::Ok | CheckStatus::Warning | CheckStatus::Skipped => Exit::Done,
        }
    }
}

/// Looks at everything.
pub(super) async fn examine(socket: &Path, config: Option<&Path>) -> Findings {
    let units = Units::look();
    let answer = ask(socket).await;
    let mut checks = vec![local::user(socket, &answer)];
    let mut of_units = units.checks();
    let file = SocketFile::look(socket);
    match answer {
        Ok(Ok(diagnosis)) => {
            checks.extend(of_units);
            checks.extend([file.check(), local::answered(&diagnosis)]);
            checks.extend(diagnosis.checks.iter().cloned());
            let config_file = diagnosis.config_file.clone().into();
            Findings { checks, daemon: Some(diagnosis), config_file }
        }
        answer => {
            let config_file = config.unwrap_or(Path::new(CONFIG)).to_owned();
            let files = check_files(&config_file, Looker::Person).checks;
            let needed = |check: &&Check| check.has_failed() && NEEDED_TO_START.contains(&check.check.as_str());
            let in_files = files.iter().find(needed);
            if in_files.is_some() {
                // The unit fails because of it.
                of_units
                    .iter_mut()
                    .filter(|check| check.has_failed())
                    .for_each(|check| check.status = CheckStatus::Skipped);
            }
            let cause = in_files.or_else(|| of_units.iter().find(|check| check.has_failed()));
            let socket_and_daemon = local::unanswered(file, &answer, cause, &units.start_command(&config_file));
            checks.extend(of_units.iter().cloned());
            checks.extend(socket_and_daemon);
            checks.extend(files);
            let rest = "only the running daemon has the key and the way to the bank";
            checks.push(Check::skipped("bank", rest));
            Findings { checks, daemon: None, config_file }
        }
    }
}

/// What the daemon says, or why it says nothing.
async fn ask(socket: &Path) -> Result<Outcome<Diagnosis>, ClientError> {
    Client::connect(socket, "kaspictl").await?.call(None, Some(PATIENCE), Diagnose).await
}

/// The worst that was found.
fn status(checks: &[Check]) -> CheckStatus {
    let any = |status| checks.iter().any(|check| check.status == status);
    match (any(CheckStatus::Failed), any(CheckStatus::Warning)) {
        (true, _) => CheckStatus::Failed,
        (false, true) => CheckStatus::Warning,
        (false, false) => CheckStatus::Ok,
    }
}

/// Numbers, texts and lists: always JSON.
fn document(findings: &Findings) -> String {
    let document = DoctorDocument {
        format: 1,
        status: status(&findings.checks),
        kaspictl: env!("CARGO_PKG_VERSION"),
        kaspid: findings.daemon.as_ref().map(|daemon| daemon.version.as_str()),
        checks: &findings.checks,
    };
    serde_json::to_string(&document).map(|text| text + "\n").unwrap_or_default()
}

/// The commands as the caller types them, before lines are broken.
fn as_typed(checks: &[Check], session: &Session<'_>) -> Vec<Check> {
    let shown = |text: &String| session.out.shown(text).into_owned();
    let as_typed = |check: &Check| Check {
        found: shown(&check.found),
        command: check.command.as_ref().map(shown),
        ..check.clone()
    };
    checks.iter().map(as_typed).collect()
}

/// The same for people.
fn page(checks: &[Check], again: &str) -> String {
    let mut page = String::new();
    let mut rest = checks;
    while let Some(first) = rest.first() {
        let heading = heading(&first.check);
        let length = rest.iter().take_while(|check| self::heading(&check.check) == heading).count();
        let (these, others) = rest.split_at(length);
        page.push_str(&format!("{heading}\n{}\n", text::checks(these)));
        rest = others;
    }
    page + &summary(checks, again)
}

fn heading(check: &str) -> &'static str {
    match check {
        "user" | "systemd" | "drop_ins" | "socket" | "daemon" => "This machine",
        "config" | "access" | "callers" | "identity" | "trust" | "owner" | "permissions" | "disk" | "time_zone"
        | "in_force" => "Configuration and files",
        "dns" | "tcp" | "tls" | "certificate" | "api" | "clock" | "bank" => "The way to Kaspi",
        _ => "The shop",
    }
}

/// `again`: the command, as the caller types it.
fn summary(checks: &[Check], again: &str) -> String {
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let (failed, warnings) = (count(CheckStatus::Failed), count(CheckStatus::Warning));
    let next = match (failed, warnings) {
        (0, 0) => "Everything is in order.".to_owned(),
        (0, _) => "Nothing failed.".to_owned(),
        (1, _) => text::sentence_with("Do what stands below the FAILED line, then:", again),
        _ => text::sentence_with("Begin with the first FAILED line, then:", again),
    };
    let (ok, skipped) = (count(CheckStatus::Ok), count(CheckStatus::Skipped));
    format!("{failed} failed, {warnings} to look at, {ok} ok, {skipped} not looked at.\n{next}\n")
}
