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
mod news;
mod payment;
mod project;
mod reading;
mod tables;
mod triple;
mod writer;
mod writing;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use redb::{Builder, Database, DatabaseError, ReadableDatabase};
use sha2::{Digest, Sha256};
use tokio::sync::{oneshot, watch};
use zeroize::Zeroizing;

pub(crate) use config::{ConfigRow, DIALECT_CHANGED};
pub(crate) use event::{Change, Closed, Ending, Event, Note, Outcome};
pub(crate) use key::{Field, KeyRow, Wrote};
pub(crate) use log::Chain;
pub(crate) use payment::{PaymentRow, RefundRow, Seen};
pub(crate) use reading::Reading;
pub use triple::Triple;
pub(crate) use writing::Writing;

use crate::operation::{Code, Failure};
use writer::{Job, Message};

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

/// Opens the file, again after a failure.
type Opener = Box<dyn Fn() -> Result<Database, StoreError> + Send + Sync>;

struct Shared {
    open: Opener,
    /// Where it is, if it is a file.
    path: Option<PathBuf>,
    /// `None` after a failure until the file could be opened again. Held for reading while a transaction runs.
    database: RwLock<Option<Database>>,
    /// The number of the last durable event, for those who wait for news.
    head: watch::Sender<u64>,
}

/// All state; a cheap handle.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    jobs: Sender<Message>,
    /// Money calls that have begun and not ended; see [`Store::underway`].
    underway: Arc<AtomicUsize>,
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
        let file = path.clone();
        Self::opened_by(Box::new(move || open(&path)), Some(file))
    }

    fn opened_by(open: Opener, path: Option<PathBuf>) -> Result<Self, StoreError> {
        let database = open()?;
        let secret = Arc::new(secret(&database)?);
        let shared =
            Arc::new(Shared { open, path, database: RwLock::new(Some(database)), head: watch::Sender::new(0) });
        let underway = Arc::<AtomicUsize>::default();
        let jobs = writer::start(shared.clone(), underway.clone());
        Ok(Self { shared, jobs: jobs.map_err(|error| StoreError::Io(error.to_string()))?, underway, secret })
    }

    /// Counts a call that is to write soon, for as long as the guard lives: in a crowd the writer lets such calls
    /// share a flush.
    pub(crate) fn underway(&self) -> Underway {
        self.underway.fetch_add(1, Ordering::Relaxed);
        Underway(self.underway.clone())
    }

    /// Closes the file for good, with nothing left to repair; whatever asks later gets `storage_failed`.
    pub fn close(&self) {
        let (sender, closed) = sync_channel(1);
        if self.jobs.send(Message::Close(sender)).is_ok() {
            // An error means that the thread has ended, which closes the file too.
            let _ = closed.recv();
        }
    }

    /// Whether the writer is alive: a round trip through its queue.
    pub(crate) async fn answers(&self) -> bool {
        let (sender, receiver) = oneshot::channel();
        self.jobs.send(Message::Ping(sender)).is_ok() && receiver.await.is_ok()
    }

    /// Runs `job` in a write transaction and returns once it is durable.
    ///
    /// # Errors
    /// What the job refuses with, or `storage_failed`: then nothing of it was written.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writing<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Failure> {
        let mut job = Some(job);
        let run = move |writing: &mut Writing<'_>| match job.take() {
            Some(job) => job(writing),
            None => Err(StoreError::Closed.into()),
        };
        self.submit(run, || {}, false).await
    }

    /// The same for what has already happened outside and must not be lost: if it cannot be made durable now, the
    /// caller is told so, and `job` is run again, before any other, until it is. `then` runs once it is durable.
    ///
    /// # Errors
    /// `storage_failed`: not durable yet.
    pub(crate) async fn keep<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut Writing<'_>) -> Result<T, Refused> + Send + 'static,
        then: impl FnOnce() + Send + 'static,
    ) -> Result<T, Failure> {
        self.submit(job, then, true).await
    }

    async fn submit<T: Send + 'static>(
        &self,
        mut job: impl FnMut(&mut Writing<'_>) -> Result<T, Refused> + Send + 'static,
        then: impl FnOnce() + Send + 'static,
        is_owed: bool,
    ) -> Result<T, Failure> {
        let (sender, receiver) = oneshot::channel();
        // What the job came to in its last run.
        let result = Arc::new(Mutex::new(None));
        let written = result.clone();
        let run = move |writing: &mut Writing<'_>| {
            let (value, error) = match job(writing) {
                Ok(value) => (Some(Ok(value)), Ok(())),
                Err(Refused::Failure(failure)) => (Some(Err(*failure)), Ok(())),
                Err(Refused::Storage(error)) => (None, Err(error)),
            };
            *result.lock().unwrap_or_else(PoisonError::into_inner) = value;
            error
        };
        let (mut sender, mut then) = (Some(sender), Some(then));
        let finish = move |durable: Result<(), &StoreError>| {
            let answer = match (durable, written.lock().unwrap_or_else(PoisonError::into_inner).take()) {
                (_, Some(Err(refusal))) => Err(refusal),
                (Ok(()), Some(Ok(value))) => Ok(value),
                (Ok(()), None) => Err(Failure::from(&StoreError::Closed)),
                (Err(error), _) => Err(Failure::from(error)),
            };
            if answer.is_ok()
                && let Some(then) = then.take()
            {
                then();
            }
            // The caller is told of the first attempt, and may have stopped waiting.
            if let Some(sender) = sender.take() {
                let _ = sender.send(answer);
            }
        };
        let stopped = || Failure::from(&StoreError::Closed);
        self.jobs
            .send(Message::Job(Job { run: Box::new(run), finish: Box::new(finish), is_owed }))
            .map_err(|_| stopped())?;
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

    /// Ready when an event has become durable since the receiver last looked.
    pub(crate) fn news(&self) -> watch::Receiver<u64> {
        self.shared.head.subscribe()
    }

    /// A keyed hash, by which a phone or a request can be compared and not read.
    pub(crate) fn hash(&self, text: &str) -> [u8; 8] {
        let digest = Sha256::new().chain_update(self.secret.as_slice()).chain_update(text).finalize();
        digest.first_chunk().copied().unwrap_or_default()
    }
}

/// A call under way; see [`Store::underway`].
pub(crate) struct Underway(Arc<AtomicUsize>);

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shared {
    /// After a failure the handle is not to be trusted: an fsync is never tried twice on the same one.
    fn reopen(&self) {
        let mut guard = self.database.write().unwrap_or_else(PoisonError::into_inner);
        *guard = None;
        if let Some(path) = &self.path {
            forget(path);
        }
        match (self.open)() {
            Ok(database) => *guard = Some(database),
            Err(error) => tracing::error!(%error, "state could not be opened again"),
        }
    }
}

/// After a failed fsync Linux shows the lost pages from memory as if they were on the disk: what is read from now on
/// is what the disk has.
fn forget(path: &Path) {
    use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
    let forgotten = File::open(path).map(|file| posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED));
    if !matches!(forgotten, Ok(Ok(()))) {
        tracing::warn!(?forgotten, "what the system remembers of the state could not be dropped");
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
        furnish(&database)?;
        drop(database);
        std::fs::rename(&new, path)?;
        Ok(File::open(dir)?.sync_all()?)
    };
    make().map_err(|error| unreadable(&new, &error))
}

/// Makes every table, and the secret.
fn furnish(database: &Database) -> Result<(), StoreError> {
    let tx = database.begin_write()?;
    let mut writing = Writing::begin(&tx)?;
    writing.put_meta(SECRET, &[*uuid::Uuid::new_v4().as_bytes(), *uuid::Uuid::new_v4().as_bytes()].concat())?;
    drop(writing);
    Ok(tx.commit()?)
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
