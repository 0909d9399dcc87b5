//! `kaspictl bugreport`: one file for support. What can stand in it is what its types have fields for ([`bundle`]);
//! every text among them goes through [`redact`] as well.

mod bundle;
mod journal;
mod redact;
mod system;

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::doctor::{self, Findings};
use super::exit::Exit;
use super::save::{Existing, Output};
use super::session::Session;
use super::text;
use crate::client::Client;
use crate::config::Configuration;
use crate::domain::LogStatus;
use crate::moment::Moment;
use crate::operation::{ConfigQuery, Configs, Health, HealthQuery, LogQuery, LogRows, Order, Request};
use bundle::{About, Bundle, DoctorLine, FailedRow, HealthPart, OrganisationPart, Programs};
use redact::Redact;

/// Of one question to the daemon.
const PATIENCE: Duration = Duration::from_secs(10);

/// The latest failures that are view.
const FAILURES: u32 = 50;

/// The command.
pub(super) struct Bugreport {
    /// Where to.
    pub(super) file: Option<PathBuf>,
    /// Looked at where no daemon answers.
    pub(super) config: Option<PathBuf>,
}

/// What the daemon tells besides doctor; nothing where it does not answer, or this user may not ask.
#[derive(Default)]
struct DaemonView {
    health: Option<Health>,
    configs: Option<Configs>,
    failed: Option<LogRows>,
}

impl Bugreport {
    pub(super) async fn run(&self, session: &mut Session<'_>) -> Exit {
        session.out.progress("looking; the daemon asks the bank, 15 s at most ...");
        let findings = doctor::examine(&session.socket, self.config.as_deref()).await;
        let view = view(&session.socket).await;
        session.out.progress("");
        let bundle = bundle(&findings, &view, &session.socket);
        // Numbers, texts and lists: always JSON.
        let report = serde_json::to_string_pretty(&bundle).unwrap_or_default() + "\n";
        let file = self.file.clone().unwrap_or_else(default_name);
        if let Err(error) = Self::write(&file, &report, session) {
            let why = match error.kind() {
                ErrorKind::AlreadyExists => "there is such a file already, and it stays as it is".to_owned(),
                _ => error.to_string(),
            };
            session.out.say(&format!("kaspictl: nothing was written to {}: {why}", file.display()));
            return Exit::Refused;
        }
        if file.as_os_str() == "-" {
            // It stands there.
        } else if session.json {
            let said = serde_json::json!({ "file": file.display().to_string(), "bytes": report.len() });
            session.out.data(&format!("{said}\n"));
        } else {
            session.out.data(&format!("{}\n", file.display()));
        }
        session.out.say(&text::sentence(&format!("it holds: {}", bundle.about.holds)));
        session.out.say(&text::sentence(&format!("it leaves out: {}", bundle.about.leaves_out)));
        session.out.say("nothing was sent; read it before you send it");
        Exit::Done
    }

    /// A file that was not there before; not there after a failure either.
    fn write(file: &Path, report: &str, session: &mut Session<'_>) -> std::io::Result<()> {
        match Output::begin(Some(file), Existing::Kept)? {
            Output::Stdout => session.out.data(report),
            Output::Stream(mut stream) => stream.write_all(report.as_bytes())?,
            Output::File(mut unfinished) => {
                unfinished.write(report.as_bytes())?;
                unfinished.finish()?;
            }
        }
        Ok(())
    }
}

/// `kaspid-bugreport-20261125-080510.json`, by UTC.
fn default_name() -> PathBuf {
    let now = Moment::now().timestamp().map(|now| now.strftime("%Y%m%d-%H%M%S").to_string());
    format!("kaspid-bugreport-{}.json", now.unwrap_or_default()).into()
}

async fn view(socket: &Path) -> DaemonView {
    let Ok(client) = Client::connect(socket, "kaspictl").await else { return DaemonView::default() };
    let failures = LogQuery {
        status: Some(LogStatus::Failed),
        limit: Some(FAILURES),
        order: Some(Order::Desc),
        ..LogQuery::default()
    };
    // Who may not ask, or asks too much, gets a smaller report.
    DaemonView {
        health: answer(&client, HealthQuery).await,
        configs: answer(&client, ConfigQuery::default()).await,
        failed: answer(&client, failures).await,
    }
}

async fn answer<R: Request>(client: &Client, request: R) -> Option<R::Reply> {
    client.call(None, Some(PATIENCE), request).await.ok()?.ok()
}

fn bundle(findings: &Findings, view: &DaemonView, socket: &Path) -> Bundle {
    let configs = view.configs.as_ref().map_or(&[][..], |list| &list.configs);
    let redact = Redact::new(configs);
    let config = Configuration::load(&findings.config_file).ok();
    let daemon = findings.daemon.as_ref();
    let unit = daemon.map(|daemon| PathBuf::from(&daemon.state_dir));
    let state_dir = unit.or_else(|| config.as_ref().map(|config| config.daemon.state_dir.clone()));
    Bundle {
        format: 2,
        about: About::default(),
        made_at: Moment::now(),
        programs: Programs {
            kaspictl: env!("CARGO_PKG_VERSION"),
            kaspid: daemon.map(|daemon| daemon.version.clone()),
            protocol: crate::frame::PROTOCOL,
        },
        system: system::look(),
        doctor: findings.checks.iter().map(|check| DoctorLine::of(check, &redact)).collect(),
        settings: config.as_ref().map(Configuration::reported),
        health: view.health.as_ref().map(HealthPart::of),
        organisations: configs.iter().map(OrganisationPart::of).collect(),
        log_events: daemon.map(|daemon| daemon.log_events),
        log_head: daemon.map(|daemon| daemon.log_head.clone()),
        latest_failures: view.failed.as_ref().map(|page| page.rows.iter().map(FailedRow::of).collect()),
        files: system::files(&findings.config_file, config.as_ref(), state_dir.as_deref(), socket),
        journal: journal::latest(&redact),
    }
}
