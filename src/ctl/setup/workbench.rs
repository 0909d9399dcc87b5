//! What every step of setup works with: the session, the answers, the record of what was done, and the daemon.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::answers::Answers;
use super::error::SetupError;
use super::record::{self, Deed, FileBytes, SetupRecord};
use super::terminal::Terminal;
use crate::client::{Client, Outcome};
use crate::ctl::session::Session;
use crate::operation::{HealthQuery, Request};

/// A question to the bank behind it included.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a step ended.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StepEnd {
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
pub(super) struct StepResult {
    pub(super) step: &'static str,
    pub(super) ended: StepEnd,
}

/// What every step works with.
pub(super) struct Workbench<'s, 'o> {
    pub(super) session: &'s mut Session<'o>,
    /// The configuration beside which all files of setup are.
    pub(super) config: PathBuf,
    pub(super) answers: Answers,
    pub(super) record: SetupRecord,
    /// Who is asked what the answers leave open.
    pub(super) person: Option<Terminal>,
    pub(super) ended: Vec<StepResult>,
}

impl<'s, 'o> Workbench<'s, 'o> {
    pub(super) fn open(
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
                let record = SetupRecord::open(config.with_file_name("setup.json"))?;
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

    /// Keeps what was answered so far, and how a step ended.
    pub(super) fn end(&mut self, step: &'static str, ended: StepEnd) -> Result<(), SetupError> {
        self.ended.push(StepResult { step, ended });
        if self.person.is_none() {
            return Ok(());
        }
        record::write(&self.answers_file(), self.answers.written().as_bytes(), 0o600)
    }

    pub(super) fn answers_file(&self) -> PathBuf {
        self.config.with_file_name("setup-answers.toml")
    }

    /// Says what a step is about.
    pub(super) fn head(&mut self, text: &str) {
        self.session.out.say(&format!("\n== {text}"));
    }

    /// Writes a file that can be taken back. False where it was so before.
    pub(super) fn put(&mut self, path: &Path, held: &FileBytes, mode: u32) -> Result<bool, SetupError> {
        let before = FileBytes::of(path)?;
        if before.as_ref() == Some(held) {
            return Ok(false);
        }
        self.record.note(Deed::File { path: path.to_owned(), before })?;
        self.session.out.say(&format!("writes {}", path.display()));
        record::write(path, held.bytes(), mode)?;
        Ok(true)
    }

    /// A file as it was before setup.
    pub(super) fn put_back(&mut self, path: &Path, before: Option<&FileBytes>) -> Result<(), SetupError> {
        match before {
            Some(held) => {
                self.session.out.say(&format!("puts back {}", path.display()));
                record::write(path, held.bytes(), 0o644)
            }
            None => {
                self.session.out.say(&format!("removes {}", path.display()));
                record::remove(path)
            }
        }
    }

    /// Asks; what the daemon refuses is told apart from no answer.
    pub(super) async fn told<R: Request>(&self, request: R) -> Result<Outcome<R::Reply>, SetupError> {
        let client = Client::connect(&self.session.socket, "kaspictl").await?;
        Ok(client.call(None, Some(PATIENCE), request).await?)
    }

    /// Asks; a refusal ends setup.
    pub(super) async fn ask<R: Request>(&self, request: R) -> Result<R::Reply, SetupError> {
        self.told(request).await?.map_err(|failure| SetupError::Refused(Box::new(failure)))
    }

    /// Whether one answers. Where systemd listens, the question starts it.
    pub(super) async fn is_up(&self) -> bool {
        self.told(HealthQuery).await.is_ok()
    }
}
