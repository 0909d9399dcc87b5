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
        let (config, json) = (self.config.clone(), session.json);
        let mut bench = match Workbench::open(session, config, self.answers.as_deref(), self.undo) {
            Ok(bench) => bench,
            Err((session, error)) => {
                session.out.say(&format!("kaspictl: nothing was done: {error}"));
                return denied_to(session, &error);
            }
        };
        let done = match self.undo {
            true => undo::run(&mut bench).await,
            false => all(&mut bench).await,
        };
        let (exit, error) = match done {
            Ok(exit) => (exit, None),
            Err(error) => {
                bench.session.out.say(&format!("kaspictl: setup stops here: {error}"));
                let exit = denied_to(bench.session, &error);
                if !self.undo {
                    bench.session.out.say("What is done stays. When that is put right, go on with the same command.");
                }
                (exit, Some(error.to_string()))
            }
        };
        if json {
            let document = SetupDocument { format: 1, steps: &bench.ended, error, exit: exit as u8 };
            let text = serde_json::to_string(&document).unwrap_or_default();
            bench.session.out.data(&format!("{text}\n"));
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
    let customer = match bench.answers.is_sandbox() {
        true => "; the customer of the sandbox is kaspi-sandbox pay QRPAYMENTID",
        false => "",
    };
    bench.session.out.say(&format!(
        "\nEverything is set up. A sale: kaspictl pay 150 --phone PHONE --wait{customer}\nHow it stands:"
    ));
    Ok(match bench.typed(&["kaspictl", "doctor"]) {
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
