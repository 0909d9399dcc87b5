//! All state, in one redb file: configs, device tokens, payments, and the audit log they are projections of.
//!
//! Reads see the last durable commit and wait for nothing. Writes go to one thread that groups them
//! ([`writer`]); [`Store::write`] returns when the flush that holds its change is done. An unreadable or newer
//! file is an error at start and is never replaced by an empty one.

mod codec;
mod config;
mod event;
mod key;
mod log;
mod payment;
mod project;
mod reading;
mod tables;
mod triple;
mod writer;
mod writing;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError, RwLock};

use redb::{Builder, Database, DatabaseError, ReadableDatabase};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

pub(crate) use config::ConfigRow;
pub(crate) use event::{Change, Closed, Ending, Event, ImportedRow, Note, Outcome};
pub(crate) use key::{Field, KeyRow, Wrote};
pub(crate) use log::Chain;
pub(crate) use payment::{PaymentRow, RefundRow, Seen};
pub(crate) use reading::Reading;
pub use triple::Triple;
pub(crate) use writing::Writing;

use crate::operation::{Code, Failure};
use writer::{Job, Undo, Work};

/// The name of the file in the state directory.
const FILE: &str = "kaspid.redb";

/// Pages kept in memory. Small on purpose: the daemon shares the till's machine.
const CACHE_BYTES: usize = 4 << 20;

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another daemon has the file.
    #[error("{0} is in use: another kaspid runs on this state directory; stop it first (systemctl stop kaspid)")]
    InUse(PathBuf),
    /// The file cannot be opened.
    #[error(
        "cannot open {path}: {why}. It is left as it is; put a backup in its place or ask for help with a copy of it"
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What redb or the system says.
        why: String,
    },
    /// Written by a newer program.
    #[error("the state was written by a newer kaspid (layout {0}); install that version again")]
    Newer(u8),
    /// A stored value does not read back.
    #[error("the state is damaged: {0}")]
    Codec(String),
    /// The disk or the file failed.
    #[error("{0}")]
    Io(String),
    /// The file could not be opened again after a failure.
    #[error("the state file is closed after a failure and could not be opened again yet")]
    Closed,
}

macro_rules! storage_errors {
    ($($error:ty),*) => { $(impl From<$error> for StoreError {
        fn from(error: $error) -> Self { Self::Io(error.to_string()) }
    })* };
}
storage_errors!(redb::StorageError, redb::TableError, redb::TransactionError, redb::CommitError);

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        Failure::new(Code::StorageFailed, error.to_string())
    }
}

/// Why a job gave up: a refusal leaves the transaction to the others, a storage failure takes it down.
pub(crate) enum Refused {
    /// In words for the caller; the job has written nothing.
    Failure(Box<Failure>),
    /// The disk or the file failed.
    Storage(StoreError),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}

struct Shared {
    path: PathBuf,
    /// `None` after a failure until the file could be opened again. Held for reading while a transaction runs.
    database: RwLock<Option<Database>>,
}

/// All state; a cheap handle.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    work: Sender<Work>,
    secret: Arc<Zeroizing<Vec<u8>>>,
}

impl Store {
    /// Opens the state in `dir`, making a new one only where there is no file.
    ///
    /// # Errors
    /// [`StoreError`]: in use, unreadable, newer.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        if !path.try_exists().map_err(|error| unreadable(&path, &error))? {
            create(dir, &path)?;
        }
        let database = open(&path)?;
        let secret = secret(&database)?;
        let shared = Arc::new(Shared { path, database: RwLock::new(Some(database)) });
        let work = writer::start(shared.clone()).map_err(|error| StoreError::Io(error.to_string()))?;
        Ok(Self { shared, work, secret: Arc::new(secret) })
    }

    /// Runs `job` in a write transaction and returns once it is durable.
    ///
    /// # Errors
    /// What the job refuses with, or `storage_failed`: then nothing of it was written.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writing<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Failure> {
        let (job, receiver) = boxed(job, false);
        self.done(Work::Shared(job), receiver).await
    }

    /// The same in a transaction of its own, of which a refusal keeps nothing: for jobs too large to check all
    /// before they write. Everybody else's writes wait for it.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub(crate) async fn write_alone<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writing<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Failure> {
        let (job, receiver) = boxed(job, true);
        self.done(Work::Alone(job), receiver).await
    }

    async fn done<T>(&self, work: Work, receiver: oneshot::Receiver<Result<T, Failure>>) -> Result<T, Failure> {
        let stopped = || Failure::from(&StoreError::Closed);
        self.work.send(work).map_err(|_| stopped())?;
        receiver.await.map_err(|_| stopped())?
    }

    /// Runs `look` on one consistent view of the last durable commit.
    ///
    /// # Errors
    /// What `look` refuses with, or `storage_failed`.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Reading) -> Result<T, Refused>) -> Result<T, Failure> {
        let guard = self.shared.database.read().unwrap_or_else(PoisonError::into_inner);
        let read = || {
            let database = guard.as_ref().ok_or(StoreError::Closed)?;
            look(&Reading::new(database.begin_read().map_err(StoreError::from)?))
        };
        read().map_err(|refused| match refused {
            Refused::Failure(failure) => *failure,
            Refused::Storage(error) => Failure::from(&error),
        })
    }

    /// A keyed hash, by which a phone or a request can be compared and not read.
    pub(crate) fn hash(&self, text: &str) -> [u8; 8] {
        let digest = Sha256::new().chain_update(self.secret.as_slice()).chain_update(text).finalize();
        digest.first_chunk().copied().unwrap_or_default()
    }
}

/// A job that tells its outcome; `alone` lets a refusal give up what was written.
fn boxed<T: Send + 'static>(
    job: impl FnOnce(&mut Writing<'_>) -> Result<T, Refused> + Send + 'static,
    alone: bool,
) -> (Job, oneshot::Receiver<Result<T, Failure>>) {
    let (sender, receiver) = oneshot::channel();
    let job: Job = Box::new(move |writing| match job(writing) {
        Ok(value) => Ok(Box::new(|durable: Result<(), &StoreError>| {
            let _ = sender.send(durable.map(|()| value).map_err(Failure::from));
        })),
        Err(Refused::Failure(failure)) => {
            if alone {
                writing.give_up();
            }
            Ok(Box::new(|_: Result<(), &StoreError>| {
                let _ = sender.send(Err(*failure));
            }))
        }
        Err(Refused::Storage(error)) => {
            let failure = Failure::from(&error);
            let finish = Box::new(|_: Result<(), &StoreError>| {
                let _ = sender.send(Err(failure));
            });
            Err(Undo { error, finish })
        }
    });
    (job, receiver)
}

impl Shared {
    /// After a failure the handle is not to be trusted: an fsync is never tried twice on the same one.
    fn reopen(&self) {
        let mut guard = self.database.write().unwrap_or_else(PoisonError::into_inner);
        *guard = None;
        match open(&self.path) {
            Ok(database) => *guard = Some(database),
            Err(error) => tracing::error!(%error, "state could not be opened again"),
        }
    }
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unreadable { path: path.to_owned(), why: error.to_string() }
}

fn open(path: &Path) -> Result<Database, StoreError> {
    // redb takes an empty file for a new database; here it is one that lost its content.
    if path.metadata().map_err(|error| unreadable(path, &error))?.len() == 0 {
        return Err(unreadable(path, &"the file is empty"));
    }
    match Builder::new().set_cache_size(CACHE_BYTES).open(path) {
        Ok(database) => Ok(database),
        Err(DatabaseError::DatabaseAlreadyOpen) => Err(StoreError::InUse(path.to_owned())),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// Makes a new file under another name and moves it into place whole, so that a crash leaves none or all of it.
fn create(dir: &Path, path: &Path) -> Result<(), StoreError> {
    let new = dir.join(format!("{FILE}.new"));
    let make = || -> Result<(), Box<dyn std::error::Error>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        let database =
            Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(redb::backends::FileBackend::new(file)?)?;
        let tx = database.begin_write()?;
        let mut writing = Writing::begin(&tx)?;
        writing.put_meta(SECRET, &[*uuid::Uuid::new_v4().as_bytes(), *uuid::Uuid::new_v4().as_bytes()].concat())?;
        drop(writing);
        tx.commit()?;
        drop(database);
        std::fs::rename(&new, path)?;
        Ok(File::open(dir)?.sync_all()?)
    };
    make().map_err(|error| unreadable(&new, &error))
}

/// The `meta` entry of the secret behind [`Store::hash`].
const SECRET: &str = "secret";

fn secret(database: &Database) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let tx = database.begin_read()?;
    match Reading::new(tx).meta(SECRET)? {
        Some(secret) => Ok(Zeroizing::new(secret)),
        None => Err(StoreError::Codec("the hash secret is missing".to_owned())),
    }
}
