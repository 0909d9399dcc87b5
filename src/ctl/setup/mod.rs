//! `kaspictl setup`: from an installed package to a shop that takes money. It asks, or reads a file of answers, and types the
//! commands that a person would type, showing each: what it does has no way of its own to the key, to money or to the log.
//!
//! Data stands above and steps below.

mod error;
mod answers;
mod record;
mod terminal;
mod typed;
mod workbench;
mod bank;
mod identity;
mod organizations;
mod access;
mod trial;
mod undo;

use std::path::PathBuf;

use serde::Serialize;

use super::exit::Exit;
use super::session::Session;
use crate::operation::ConfigQuery;
use answers::Answers;
use error::SetupError;
use workbench::{StepEnd, StepResult, Workbench};

/// The command.
pub(super) struct Setup {
    pub(super) answers: Option<PathBuf>,
    pub(super) undo: bool,
    pub(super) config: PathBuf,
}

/// What `--json` prints.
#[derive(Serialize)]
struct SetupDocument<'a> {
    /// Raised when a field changes its meaning.
    format: u8,
    steps: &'a [StepResult],
    /// Why it went no further.
    error: Option<String>,
    exit: u8,
}

impl Setup {
    pub(super) async fn run(&self, session: &mut Session<'_>) -> Exit {
        let json = session.json;
        let (session, ended, done) =
            match Workbench::open(session, self.config.clone(), self.answers.as_deref(), self.undo) {
                Err((session, error)) => (session, Vec::new(), Err(error)),
                Ok(mut bench) => {
                    let done = match self.undo {
                        true => undo::run(&mut bench).await,
                        false => all(&mut bench).await,
                    };
                    let tidied = bench.record.tidy();
                    (bench.session, bench.ended, done.and_then(|exit| tidied.map(|()| exit)))
                }
            };
        let (exit, error) = match done {
            Ok(exit) => (exit, None),
            Err(error) => {
                session.out.say(&format!("kaspictl: setup stops here: {error}"));
                session
                    .out
                    .say("When that is put right, the same command goes on: what is done already is not done again.");
                (denied_to(session, &error), Some(error.to_string()))
            }
        };
        if json {
            let document = SetupDocument { format: 1, steps: &ended, error, exit: exit as u8 };
            let text = serde_json::to_string(&document).unwrap_or_default();
            session.out.data(&format!("{text}\n"));
        }
        exit
    }
}

/// The exit code; whoever is not root is told what to do.
fn denied_to(session: &mut Session<'_>, error: &SetupError) -> Exit {
    let exit = error.exit();
    if exit == Exit::Denied {
        session
            .out
            .say("what to do: setup writes settings and asks as an admin, so run it as root: sudo kaspictl setup");
    }
    exit
}

async fn all(bench: &mut Workbench<'_, '_>) -> Result<Exit, SetupError> {
    earlier_answers(bench)?;
    // Before another bank is asked: at that one, the payment of a trial would be somebody else's.
    trial::settle(bench).await?;
    let bank = bank::run(bench).await?;
    bench.end("bank", bank)?;
    let identity = identity::run(bench).await?;
    bench.end("identity", identity)?;
    if identity == StepEnd::Waiting {
        return Ok(Exit::Waiting);
    }
    let organizations = organizations::run(bench).await?;
    bench.end("organizations", organizations)?;
    let access = access::run(bench)?;
    bench.end("access", access)?;
    let trial = trial::run(bench).await?;
    bench.end("trial", trial)?;
    let takes = bench.ask(ConfigQuery { shop_id: None }).await?.configs.iter().any(|config| config.is_active);
    bench.session.out.say(match (takes, bench.answers.is_sandbox()) {
        (false, _) => "\nSet up, but for an organisation that takes money: kaspictl bin add BIN",
        (true, false) => "\nEverything is set up. A sale: kaspictl pay 150 --phone PHONE --wait",
        (true, true) => {
            "\nEverything is set up. A sale: kaspictl pay 150 --phone PHONE --wait; its customer: kaspi-sandbox pay QRPAYMENTID"
        }
    });
    bench.session.out.say("How it stands:");
    let config = bench.config.display().to_string();
    Ok(match bench.typed(&["kaspictl", "doctor", "--config", &config]) {
        Ok(()) => Exit::Done,
        Err(_) => Exit::Refused,
    })
}

/// What was answered to an earlier call is not asked again.
fn earlier_answers(bench: &mut Workbench<'_, '_>) -> Result<(), SetupError> {
    let path = bench.answers_file();
    let Some(person) = bench.person.as_ref().filter(|_| path.exists()) else { return Ok(()) };
    let out = &mut *bench.session.out;
    out.say(&format!("Setup was begun before; what was answered stands in {}.", path.display()));
    if person.yes(out, "Go on with these answers", true)? {
        bench.answers = Answers::read(&path)?;
    }
    Ok(())
}
