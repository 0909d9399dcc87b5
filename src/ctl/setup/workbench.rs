//! What every step of setup works with: the session, the answers, the record of what was done, and the daemon.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use super::answers::Answers;
use super::error::SetupError;
use super::record::{self, SetupRecord};
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
    /// No other setup works beside this one as long as it is held.
    _lock: File,
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
                let answers = match file {
                    Some(file) => Answers::read(file)?,
                    None if person.is_none() && !undo => return Err(SetupError::NobodyAnswers),
                    None => Answers::default(),
                };
                let lock = locked(config.parent().unwrap_or(Path::new("/")))?;
                let record = SetupRecord::open(config.with_file_name("setup.json"))?;
                // Whoever may not write beside it is told before anything is asked.
                record.save()?;
                Ok((config, record, answers, lock))
            });
        match opened {
            Ok((config, record, answers, lock)) => {
                Ok(Self { session, config, answers, record, person, ended: Vec::new(), _lock: lock })
            }
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

    /// Whether a file of setup's own is to be written. One that somebody else has put there, or has changed, is not touched.
    pub(super) fn differs(&self, path: &Path, text: &[u8]) -> Result<bool, SetupError> {
        if path.is_symlink() {
            return Err(SetupError::NotHere(format!(
                "{} is a link: remove it, setup writes a file there",
                path.display()
            )));
        }
        match record::read(path)? {
            Some(held) if held == text => Ok(false),
            Some(held) if !self.record.written(path).contains(&record::sha256(&held)) => {
                Err(SetupError::NotHere(format!(
                    "{} was written or changed by somebody else, and setup would replace it: put those lines into another \
                     file, and remove it",
                    path.display()
                )))
            }
            _ => Ok(true),
        }
    }

    /// Writes a file of setup's own, which can be taken back. False where it was so before.
    pub(super) fn put(&mut self, path: &Path, text: &[u8], mode: u32) -> Result<bool, SetupError> {
        let is_new = self.differs(path, text)?;
        // One that somebody has put there, of the same text, is theirs.
        if is_new {
            self.record.note_file(path, text)?;
            self.session.out.say(&format!("writes {}", path.display()));
            record::write(path, text, mode)?;
        }
        Ok(is_new)
    }

    /// Takes back a file of setup's own. False where it holds something else by now, which stays.
    pub(super) fn take_back(&mut self, path: &Path) -> Result<bool, SetupError> {
        let is_ours = match record::read(path) {
            Ok(None) => return Ok(true),
            Ok(Some(held)) => self.record.written(path).contains(&record::sha256(&held)),
            Err(_) => false,
        };
        if is_ours && !path.is_symlink() {
            self.session.out.say(&format!("removes {}", path.display()));
            record::remove(path)?;
            return Ok(true);
        }
        Ok(false)
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

/// Two setups would bill for two trials, and each forget what the other one did.
fn locked(folder: &Path) -> Result<File, SetupError> {
    let failed = |source| SetupError::File { path: folder.to_owned(), source };
    let lock = File::open(folder).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(SetupError::NotHere("another setup works here: wait until it has ended".to_owned()))
        }
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}
