//! All state, in one redb file: configs, device tokens, payments, and the audit log they are projections of.
//!
//! Reads see the last durable commit and wait for nothing. Writes go to one thread that groups them
//! ([`writer`]); [`Store::write`] returns when the flush that holds its change is done. An unreadable or newer
//! file is an error at start and is never replaced by an empty one.

mod account;
mod alarm;
mod after;
mod another;
mod attempts;
mod beside;
mod book;
mod codec;
mod compare;
mod config;
mod copy;
mod counterparty;
mod device;
mod doubt;
mod effect;
mod envelope;
mod error;
mod event;
mod file;
mod frozen;
mod journal_heads;
mod hear;
mod key;
mod known;
mod layout;
mod log;
mod migration;
mod feed;
mod ownership;
mod payment;
mod project;
mod reading;
mod rebuild;
mod refund;
mod replay;
mod report;
mod restore;
mod row;
mod snapshot;
mod tables;
mod tail;
mod tally;
mod token;
mod triple;
mod underway;
mod writer;
mod writing;
#[cfg(test)]
pub(crate) mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use redb::{Database, ReadableDatabase};
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot, watch};
use zeroize::Zeroizing;

pub(crate) use account::{Stale, Untrue};
pub(crate) use alarm::{Alarm, Alarms};
pub(crate) use another::{AttemptObstacle, Wanted};
pub(crate) use attempts::Attempts;
pub(crate) use config::{ConfigRow, DIALECT_CHANGED, NOT_REGISTERED, TRADE_POINT_MISSING};
pub use counterparty::Counterparty;
pub(crate) use device::OfAnother;
pub(crate) use doubt::{DetailsRead, Doubt};
pub(crate) use envelope::{Header as BackupHeader, check as check_backup, seal as seal_backup};
pub(crate) use error::Refused;
pub use error::StoreError;
pub(crate) use event::{CallOutcome, Change, Closed, Ending, Event, FirstRefusal, ImportedRow, Note};
use file::{create, forget, secret, unreadable};
use hear::Hearer;
use journal_heads::JournalHeads;
pub(crate) use key::{Field, KeyRow, Wrote};
pub(crate) use log::Chain;
pub(crate) use payment::{PROCESSED, PaymentRow, Seen};
pub(crate) use reading::Reading;
pub(crate) use refund::{RefundRow, RefundState};
pub(crate) use report::{Fact, Window};
pub(crate) use restore::{RestoreError, Restored, restore};
use tally::StoreMeters;
pub(crate) use tally::{Counters, PaymentTransition, RefundTransition};
pub use triple::{NumberAt, Triple};
pub(crate) use underway::Underway;
pub(crate) use writing::Writing;

use crate::failure::Failure;
use writer::{Driver, Job, Message};

/// The name of the file in the state directory.
const FILE: &str = "kaspid.redb";

/// Pages kept in memory. Small on purpose: the daemon shares the till's machine.
const CACHE_BYTES: usize = 4 << 20;

/// Opens the file, again after a failure.
type Opener = Box<dyn Fn() -> Result<Database, StoreError> + Send + Sync>;

struct StoreState {
    open: Opener,
    /// Where it is, if it is a file.
    path: Option<PathBuf>,
    /// `None` after a failure until the file could be opened again. Held for reading while a transaction runs.
    database: RwLock<Option<Database>>,
    /// The number of the last durable event, for those who wait for news.
    head: watch::Sender<u64>,
    /// The file is about to be opened again: long reads give way, since opening waits for them.
    reopening: AtomicBool,
    meters: StoreMeters,
    /// Told of every durable change of payments, by the writer.
    hearer: Hearer,
}

/// All state; a cheap handle.
#[derive(Clone)]
pub struct Store {
    shared: Arc<StoreState>,
    jobs: mpsc::UnboundedSender<Message>,
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
        Self::opened_by(Box::new(move || migration::open(&path)), Some(file), writer::on_a_thread)
    }

    fn opened_by(open: Opener, path: Option<PathBuf>, drive: Driver) -> Result<Self, StoreError> {
        let database = open()?;
        let secret = Arc::new(secret(&database)?);
        let head = Reading::new(database.begin_read()?).head()?;
        journal_heads::tell(head.place.seq, &head.hex());
        let shared = Arc::new(StoreState {
            open,
            path,
            database: RwLock::new(Some(database)),
            head: watch::Sender::new(head.place.seq),
            reopening: AtomicBool::new(false),
            meters: StoreMeters::new(),
            hearer: Hearer::default(),
        });
        let underway = Arc::<AtomicUsize>::default();
        let (jobs, work) = writer::writer(shared.clone(), underway.clone(), JournalHeads::after(head.place.seq));
        drive(Box::pin(work)).map_err(|error| StoreError::Io(error.to_string()))?;
        Ok(Self { shared, jobs, underway, secret })
    }

    /// Closes the file for good, with nothing left to repair; whatever asks later gets `storage_failed`.
    pub fn close(&self) {
        // Long reads give way: closing waits for them.
        self.shared.reopening.store(true, Ordering::Relaxed);
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
        self.submit(run, false, Message::Job).await
    }

    /// The same for what has already happened outside and must not be lost: if it cannot be made durable now, the
    /// caller is told so, and `job` is run again, before any other, until it is.
    ///
    /// # Errors
    /// `storage_failed`: not durable yet.
    pub(crate) async fn keep<T: Send + 'static>(
        &self,
        job: impl FnMut(&mut Writing<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Failure> {
        self.submit(job, true, Message::Job).await
    }

    /// As [`Store::write`], in a transaction of its own, of which a refusal keeps nothing: for jobs too large to check
    /// all before they write. Everybody else's writes wait for it.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub(crate) async fn write_alone<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Writing<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Failure> {
        let mut job = Some(job);
        let run = move |writing: &mut Writing<'_>| {
            let done = job.take().map_or_else(|| Err(StoreError::Closed.into()), |job| job(writing));
            if matches!(done, Err(Refused::Failure(_))) {
                writing.give_up();
            }
            done
        };
        self.submit(run, false, Message::Alone).await
    }

    async fn submit<T: Send + 'static>(
        &self,
        mut job: impl FnMut(&mut Writing<'_>) -> Result<T, Refused> + Send + 'static,
        is_owed: bool,
        message: fn(Job) -> Message,
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
        let mut sender = Some(sender);
        let finish = move |durable: Result<(), &StoreError>| {
            let answer = match (durable, written.lock().unwrap_or_else(PoisonError::into_inner).take()) {
                (_, Some(Err(refusal))) => Err(refusal),
                (Ok(()), Some(Ok(value))) => Ok(value),
                (Ok(()), None) => Err(Failure::from(&StoreError::Closed)),
                (Err(error), _) => Err(Failure::from(error)),
            };
            // The caller is told of the first attempt, and may have stopped waiting.
            if let Some(sender) = sender.take() {
                let _ = sender.send(answer);
            }
        };
        let stopped = || Failure::from(&StoreError::Closed);
        self.jobs
            .send(message(Job { run: Box::new(run), finish: Box::new(finish), is_owed }))
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
    pub(crate) fn new_events(&self) -> watch::Receiver<u64> {
        self.shared.head.subscribe()
    }

    /// Asked by long reads between two rows.
    pub(crate) fn may_read_on(&self) -> Result<(), StoreError> {
        if self.shared.reopening.load(Ordering::Relaxed) { Err(StoreError::Closed) } else { Ok(()) }
    }

    /// Tells the journal where the log ends.
    ///
    /// # Errors
    /// `storage_failed`.
    pub(crate) fn journal_head(&self) -> Result<(), Failure> {
        let head = self.read(|reading| Ok(reading.head()?))?;
        journal_heads::tell(head.place.seq, &head.hex());
        Ok(())
    }

    /// The state directory.
    pub(crate) fn dir(&self) -> &Path {
        self.shared.path.as_deref().and_then(Path::parent).unwrap_or(Path::new("."))
    }

    /// Bytes of the state file.
    pub(crate) fn size(&self) -> std::io::Result<u64> {
        match &self.shared.path {
            Some(path) => Ok(path.metadata()?.len()),
            None => Ok(0),
        }
    }

    /// A keyed hash, by which a phone or a request can be compared and not read.
    pub(crate) fn hash(&self, text: &str) -> [u8; 8] {
        let digest = Sha256::new().chain_update(self.secret.as_slice()).chain_update(text).finalize();
        digest.first_chunk().copied().unwrap_or_default()
    }
}

impl StoreState {
    /// After a failure the handle is not to be trusted: an fsync is never tried twice on the same one.
    fn reopen(&self) {
        self.reopening.store(true, Ordering::Relaxed);
        let mut guard = self.database.write().unwrap_or_else(PoisonError::into_inner);
        self.reopening.store(false, Ordering::Relaxed);
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
