//! All state, in one redb file: configs, device tokens, payments, and the audit log they are projections of.
//!
//! Reads see the last durable commit and wait for nothing. Writes go to one thread that groups them
//! ([`writer`]); [`Store::write`] returns when the flush that holds its change is done. An unreadable or newer
//! file is an error at start and is never replaced by an empty one.

mod codec;
mod compare;
mod config;
mod envelope;
mod event;
mod heads;
mod key;
mod log;
mod payment;
mod project;
mod reading;
mod rebuild;
mod restore;
mod snapshot;
mod tables;
mod triple;
mod writer;
mod writing;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError, RwLock};

use redb::{Builder, Database, DatabaseError, ReadableDatabase};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

pub(crate) use config::ConfigRow;
pub(crate) use envelope::{Header as BackupHeader, check as check_backup, seal as seal_backup};
pub(crate) use event::{Change, Closed, Ending, Event, Note, Outcome};
use heads::Heads;
pub(crate) use key::{Field, KeyRow, Wrote};
pub(crate) use log::Chain;
pub(crate) use payment::{PaymentRow, RefundRow, Seen};
pub(crate) use reading::Reading;
pub(crate) use restore::{RestoreError, Restored, restore};
pub use triple::Triple;
pub(crate) use writing::Writing;

use crate::operation::{Code, Failure};
use writer::{Job, Undo};

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
    /// The file is about to be opened again: long reads give way, since opening waits for them.
    reopening: AtomicBool,
}

/// All state; a cheap handle.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    jobs: Sender<Job>,
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
        let head = Reading::new(database.begin_read()?).head()?;
        heads::tell(head.place.seq, &head.hex());
        let shared =
            Arc::new(Shared { path, database: RwLock::new(Some(database)), reopening: AtomicBool::new(false) });
        let jobs = writer::start(shared.clone(), Heads::told(head.place.seq))
            .map_err(|error| StoreError::Io(error.to_string()))?;
        Ok(Self { shared, jobs, secret: Arc::new(secret) })
    }

    /// Runs `job` in a write transaction and returns once it is durable.
    ///
    /// # Errors
    /// What the job refuses with, or `storage_failed`: then nothing of it was written.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writing<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Failure> {
        let (sender, receiver) = oneshot::channel();
        let boxed: Job = Box::new(move |writing| match job(writing) {
            Ok(value) => Ok(Box::new(|durable: Result<(), &StoreError>| {
                let _ = sender.send(durable.map(|()| value).map_err(Failure::from));
            })),
            Err(Refused::Failure(failure)) => Ok(Box::new(|_: Result<(), &StoreError>| {
                let _ = sender.send(Err(*failure));
            })),
            Err(Refused::Storage(error)) => {
                let failure = Failure::from(&error);
                let finish = Box::new(|_: Result<(), &StoreError>| {
                    let _ = sender.send(Err(failure));
                });
                Err(Undo { error, finish })
            }
        });
        let stopped = || Failure::from(&StoreError::Closed);
        self.jobs.send(boxed).map_err(|_| stopped())?;
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

    /// Asked by long reads between two rows.
    fn may_read_on(&self) -> Result<(), StoreError> {
        if self.shared.reopening.load(Ordering::Relaxed) { Err(StoreError::Closed) } else { Ok(()) }
    }

    /// Tells the journal where the log ends.
    ///
    /// # Errors
    /// `storage_failed`.
    pub(crate) fn tell_head(&self) -> Result<(), Failure> {
        let head = self.read(|reading| Ok(reading.head()?))?;
        heads::tell(head.place.seq, &head.hex());
        Ok(())
    }

    /// Closes the file, so that the next start need not repair it; everything after fails as after a storage failure.
    pub(crate) fn close(&self) {
        self.shared.reopening.store(true, Ordering::Relaxed);
        *self.shared.database.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The state directory.
    pub(crate) fn dir(&self) -> &Path {
        self.shared.path.parent().unwrap_or(Path::new("."))
    }

    /// Bytes of the state file.
    pub(crate) fn size(&self) -> std::io::Result<u64> {
        Ok(self.shared.path.metadata()?.len())
    }

    /// A keyed hash, by which a phone or a request can be compared and not read.
    pub(crate) fn hash(&self, text: &str) -> [u8; 8] {
        let digest = Sha256::new().chain_update(self.secret.as_slice()).chain_update(text).finalize();
        digest.first_chunk().copied().unwrap_or_default()
    }
}

impl Shared {
    /// After a failure the handle is not to be trusted: an fsync is never tried twice on the same one.
    fn reopen(&self) {
        self.reopening.store(true, Ordering::Relaxed);
        let mut guard = self.database.write().unwrap_or_else(PoisonError::into_inner);
        self.reopening.store(false, Ordering::Relaxed);
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
    // What redb cannot read it may still write to while it tries: it sees the file unchangeable first. A file that
    // was not closed is told apart from one that is broken by opening it only.
    match Builder::new().set_cache_size(CACHE_BYTES).open_read_only(path) {
        Ok(_) | Err(DatabaseError::RepairAborted) => {}
        Err(DatabaseError::DatabaseAlreadyOpen) => return Err(StoreError::InUse(path.to_owned())),
        Err(error) => return Err(unreadable(path, &error)),
    }
    match Builder::new().set_cache_size(CACHE_BYTES).open(path) {
        Ok(database) => layout(&database).map(|()| database),
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
        writing.put_meta(LAYOUT.0, &[LAYOUT.1])?;
        drop(writing);
        tx.commit()?;
        drop(database);
        std::fs::rename(&new, path)?;
        Ok(File::open(dir)?.sync_all()?)
    };
    make().map_err(|error| unreadable(&new, &error))
}

/// The `meta` entry that numbers the set of tables, and the one this program has. A program with a newer set raises
/// it and migrates what is older, after a backup; this one has nothing older to migrate.
const LAYOUT: (&str, u8) = ("layout", 1);

/// Refuses what another program has laid out.
fn layout(database: &Database) -> Result<(), StoreError> {
    match Reading::new(database.begin_read()?).meta(LAYOUT.0)?.as_deref() {
        Some([number]) if *number == LAYOUT.1 => Ok(()),
        Some([number]) if *number > LAYOUT.1 => Err(StoreError::Newer(*number)),
        _ => Err(StoreError::Codec("it does not say which layout it has".to_owned())),
    }
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
