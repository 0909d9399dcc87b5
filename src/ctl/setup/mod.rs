//! `kaspictl setup`: from an installed package to a shop that takes money. It asks, or reads a file of answers, and types the
//! commands that a person would type, showing each: what it does has no way of its own to the key, to money or to the log.
//!
//! Data stands above and steps below.

mod answers;
mod record;
mod terminal;
mod typed;
mod daemon;
mod bank;
mod identity;
mod organizations;
mod access;
mod trial;
mod undo;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::exit::{self, Exit};
use super::session::Session;
use crate::client::ClientError;
use crate::failure::Failure;
use answers::Answers;
use record::{Deed, Held, Record};
use terminal::Terminal;

/// The command.
pub(super) struct Setup {
    pub(super) answers: Option<PathBuf>,
    pub(super) undo: bool,
    pub(super) config: PathBuf,
}

/// Why it went no further. All that was done stays done, and the next call goes on behind it.
#[derive(Debug, thiserror::Error)]
enum SetupError {
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{}: {why}", .path.display())]
    Answers { path: PathBuf, why: String },
    #[error("{0} is not answered: write it into the file, or run kaspictl setup at a terminal")]
    Unanswered(&'static str),
    #[error(
        "there is no terminal to ask at: kaspictl setup --answers FILE; what stands in one tells kaspictl help setup"
    )]
    NobodyAnswers,
    #[error("{command}: {why}")]
    Command { command: String, why: String },
    #[error("{0}")]
    NotHere(String),
    #[error("{}; {}", .0.detail, .0.remedy())]
    Refused(Box<Failure>),
    #[error(transparent)]
    NoAnswer(#[from] ClientError),
}

impl SetupError {
    fn exit(&self) -> Exit {
        match self {
            Self::File { source, .. } if source.kind() == ErrorKind::PermissionDenied => Exit::Denied,
            Self::Unanswered(_) | Self::NobodyAnswers | Self::Answers { .. } => Exit::Usage,
            Self::Refused(failure) => exit::of_failure(failure),
            Self::NoAnswer(error) => exit::of_client(error, false),
            _ => Exit::Refused,
        }
    }
}

/// How a step ended.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Ended {
    /// Done by this call.
    Done,
    /// It was so before.
    Already,
    /// Nobody wanted it.
    Skipped,
    /// Something of the bank's is waited for; nothing behind it can be done.
    Waiting,
}

/// A step and its end, for programs.
#[derive(Serialize)]
struct StepEnded {
    step: &'static str,
    ended: Ended,
}

/// What `--json` prints.
#[derive(Serialize)]
struct SetupDocument<'a> {
    /// Raised when a field changes its meaning.
    format: u8,
    steps: &'a [StepEnded],
    /// Why it went no further.
    error: Option<String>,
    exit: u8,
}

/// What every step works with.
struct Steps<'s, 'o> {
    session: &'s mut Session<'o>,
    /// The configuration beside which all files of setup are.
    config: PathBuf,
    answers: Answers,
    record: Record,
    /// Who is asked what the answers leave open.
    person: Option<Terminal>,
    ended: Vec<StepEnded>,
}

impl Setup {
    pub(super) async fn run(&self, session: &mut Session<'_>) -> Exit {
        let (config, json) = (self.config.clone(), session.json);
        let mut steps = match Steps::open(session, config, self.answers.as_deref(), self.undo) {
            Ok(steps) => steps,
            Err((session, error)) => {
                session.out.say(&format!("kaspictl: nothing was done: {error}"));
                return denied_to(session, &error);
            }
        };
        let done = match self.undo {
            true => steps.undo().await,
            false => steps.all().await,
        };
        let (exit, error) = match done {
            Ok(exit) => (exit, None),
            Err(error) => {
                steps.session.out.say(&format!("kaspictl: setup stops here: {error}"));
                let exit = denied_to(steps.session, &error);
                if !self.undo {
                    steps.session.out.say("What is done stays. When that is put right, go on with the same command.");
                }
                (exit, Some(error.to_string()))
            }
        };
        if json {
            let document = SetupDocument { format: 1, steps: &steps.ended, error, exit: exit as u8 };
            let text = serde_json::to_string(&document).unwrap_or_default();
            steps.session.out.data(&format!("{text}\n"));
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

impl<'s, 'o> Steps<'s, 'o> {
    fn open(
        session: &'s mut Session<'o>,
        config: PathBuf,
        file: Option<&Path>,
        undo: bool,
    ) -> Result<Self, (&'s mut Session<'o>, SetupError)> {
        let person = Terminal::open().filter(|_| file.is_none());
        let opened = std::path::absolute(&config)
            .map_err(|source| SetupError::File { path: config.clone(), source })
            .and_then(|config| {
                // Whoever may not write beside it is told before anything is asked.
                let record = Record::open(config.with_file_name("setup.json"))?;
                record.save()?;
                let answers = match file {
                    Some(file) => Answers::read(file)?,
                    None if person.is_none() && !undo => return Err(SetupError::NobodyAnswers),
                    None => Answers::default(),
                };
                Ok((config, record, answers))
            });
        match opened {
            Ok((config, record, answers)) => Ok(Self { session, config, answers, record, person, ended: Vec::new() }),
            Err(error) => Err((session, error)),
        }
    }

    async fn all(&mut self) -> Result<Exit, SetupError> {
        self.earlier_answers()?;
        let bank = self.bank().await?;
        self.end("bank", bank)?;
        let identity = self.identity().await?;
        self.end("identity", identity)?;
        if identity == Ended::Waiting {
            return Ok(Exit::Waiting);
        }
        let organizations = self.organizations().await?;
        self.end("organizations", organizations)?;
        let access = self.access()?;
        self.end("access", access)?;
        let trial = self.trial().await?;
        self.end("trial", trial)?;
        let customer = match self.answers.is_sandbox() {
            true => "; the customer of the sandbox is kaspi-sandbox pay QRPAYMENTID",
            false => "",
        };
        self.session.out.say(&format!(
            "\nEverything is set up. A sale: kaspictl pay 150 --phone PHONE --wait{customer}\nHow it stands:"
        ));
        Ok(match self.session.typed(&["kaspictl", "doctor"]) {
            Ok(()) => Exit::Done,
            Err(_) => Exit::Refused,
        })
    }

    /// What was answered to an earlier call is not asked again.
    fn earlier_answers(&mut self) -> Result<(), SetupError> {
        let path = self.answers_file();
        let Some(person) = self.person.as_ref().filter(|_| path.exists()) else { return Ok(()) };
        let out = &mut *self.session.out;
        out.say(&format!("Setup was begun before; what was answered stands in {}.", path.display()));
        if person.yes(out, "Go on with these answers", true)? {
            self.answers = Answers::read(&path)?;
        }
        Ok(())
    }

    /// Keeps what was answered so far, and how a step ended.
    fn end(&mut self, step: &'static str, ended: Ended) -> Result<(), SetupError> {
        self.ended.push(StepEnded { step, ended });
        if self.person.is_none() {
            return Ok(());
        }
        record::write(&self.answers_file(), self.answers.written().as_bytes(), 0o600)
    }

    fn answers_file(&self) -> PathBuf {
        self.config.with_file_name("setup-answers.toml")
    }

    /// Says what a step is about.
    fn head(&mut self, text: &str) {
        self.session.out.say(&format!("\n== {text}"));
    }

    /// Writes a file that can be taken back. False where it was so before.
    fn put(&mut self, path: &Path, held: &Held, mode: u32) -> Result<bool, SetupError> {
        let before = Held::of(path)?;
        if before.as_ref() == Some(held) {
            return Ok(false);
        }
        self.record.note(Deed::File { path: path.to_owned(), before })?;
        self.session.out.say(&format!("writes {}", path.display()));
        record::write(path, held.bytes(), mode)?;
        Ok(true)
    }
}
