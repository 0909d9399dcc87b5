//! The handle by which everybody reads and writes.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use std::time::Duration;

use redb::{Database, ReadableDatabase};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

use super::file::{complete, create, unbroken};
use super::hear::Hearer;
use super::journal_heads::{self, JournalHeads};
use super::place::Place;
use super::reading::Reading;
use super::secrets::Secrets;
use super::state::{Opener, PLACES, StoreState};
use super::tally::StoreMeters;
use super::underway::Underway;
use super::walk::Walk;
use super::writer::{self, Driver, Job, Message};
use super::writing::Writing;
use super::{Refused, StoreError, migration, scratch, sealing, state};
use crate::failure::{Code, Failure};
use crate::id::PaymentId;
use crate::moment::{Moment, since_boot};
use crate::seal::{SealId, Seals};

/// All state; a cheap handle.
#[derive(Clone)]
pub struct Store {
    pub(super) shared: Arc<StoreState>,
    jobs: mpsc::UnboundedSender<Message>,
    /// Money calls that have begun and not ended; see [`Store::underway`].
    underway: Arc<AtomicUsize>,
}

impl Store {
    /// Opens the state in `dir`, making a new one only where there never was one.
    ///
    /// # Errors
    /// [`StoreError`]: in use, unreadable, newer, gone, sealed with what is not here.
    pub fn open(dir: &Path, seals: &Seals) -> Result<Self, StoreError> {
        let (place, exists) = Place::find(dir)?;
        if !exists {
            place.is_new()?;
            create(dir, &place.file, seals.current())?;
        }
        let (file, of_this_start) = (place.file.clone(), seals.clone());
        // In each opening: one after a failed flush would end the writer, too.
        let open = move || unbroken(&file, || sealing::settle(&file, migration::open(&file)?, &of_this_start));
        let path = place.file.clone();
        unbroken(&path, || Self::opened_by(Box::new(open), Some(place), seals, writer::on_a_thread))
    }

    pub(super) fn opened_by(
        open: Opener,
        place: Option<Place>,
        seals: &Seals,
        drive: Driver,
    ) -> Result<Self, StoreError> {
        let database = open()?;
        complete(&database)?;
        let secrets = Arc::new(sealing::secrets_of(&database, seals)?);
        mark_devices(&database, &secrets)?;
        scratch::fill_lists(&database, place.as_ref().map(|place| place.file.as_path()))?;
        let head = Reading::new(database.begin_read()?, None).head()?;
        journal_heads::tell(head.place.seq, &head.hex());
        let meters = StoreMeters::new();
        meters.census().opened(Some(head.place.seq));
        let inode = place.as_ref().and_then(|place| state::inode(place).ok());
        let shared = Arc::new(StoreState {
            open,
            place,
            database: RwLock::new(Some(database)),
            head: watch::Sender::new(head.place.seq),
            reopening: AtomicBool::new(false),
            meters,
            counting: tokio::sync::Mutex::default(),
            walks: Arc::new(Semaphore::new(PLACES)),
            inode,
            secrets,
            unstored: Mutex::default(),
            hearer: Hearer::default(),
        });
        let underway = Arc::<AtomicUsize>::default();
        let (jobs, work) = writer::writer(shared.clone(), underway.clone(), JournalHeads::after(head.place.seq));
        drive(Box::pin(work)).map_err(|error| StoreError::Io(error.to_string()))?;
        Ok(Self { shared, jobs, underway })
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

    /// Whether the open file has lost its name, in words.
    pub(crate) fn displaced(&self) -> Option<String> {
        self.shared.displaced().map(|displaced| displaced.to_string())
    }

    /// Why something could not be stored within this time, in words. On a full disk a small change may pass between two that
    /// do not.
    pub(crate) fn unstored(&self, within: Duration) -> Option<String> {
        let unstored = self.shared.unstored.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, why) = unstored.as_ref()?;
        (since_boot().saturating_sub(*at) < within).then(|| why.clone())
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
            let secrets = Some(self.shared.secrets.clone());
            look(&Reading::new(database.begin_read().map_err(StoreError::from)?, secrets))
        };
        read().map_err(|refused| match refused {
            Refused::Failure(failure) => *failure,
            Refused::Storage(error) => Failure::from(&error),
        })
    }

    /// Waits for a place and runs `work` where it holds up nobody who answers others.
    ///
    /// # Errors
    /// What `work` ends with.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Walker) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        // Never closed; without a place it would only be slower for others.
        let place = self.shared.walks.clone().acquire_owned().await.ok();
        let walker = Walker { store: self.clone(), _place: place };
        // A runtime of one thread has no other that could be held up, and a simulation no other thread.
        if !Handle::try_current().is_ok_and(|of| of.runtime_flavor() == RuntimeFlavor::MultiThread) {
            return work(&walker);
        }
        let done = tokio::task::spawn_blocking(move || work(&walker)).await;
        done.unwrap_or_else(|_| {
            Err(Failure::new(Code::StorageFailed, "the daemon failed inside of the operation; its journal says where"))
        })
    }

    /// One read along rows, in its turn and on another thread.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub(crate) async fn walk<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Walk<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Failure> {
        self.aside(|walker| walker.read(look)).await
    }

    /// A look along at most [`FEW`](super::FEW) rows, at once.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub(crate) fn glimpse<T>(&self, look: impl FnOnce(&Walk<'_>) -> Result<T, Refused>) -> Result<T, Failure> {
        self.read(|reading| look(&Walk::along(reading)))
    }

    /// The same at once, for tests.
    #[cfg(test)]
    pub(crate) fn walk_here<T>(&self, look: impl FnOnce(&Walk<'_>) -> Result<T, Refused>) -> Result<T, Failure> {
        self.read(|reading| look(&Walk::along(reading)))
    }

    /// Ready when an event has become durable since the receiver last looked.
    pub(crate) fn new_events(&self) -> watch::Receiver<u64> {
        self.shared.head.subscribe()
    }

    /// Asked by long reads between two rows.
    pub(crate) fn may_read_on(&self) -> Result<(), StoreError> {
        if self.shared.reopening.load(Ordering::Relaxed) { Err(StoreError::Closed) } else { Ok(()) }
    }

    /// The numbers of the store.
    pub(crate) fn meters(&self) -> &StoreMeters {
        &self.shared.meters
    }

    /// The number of the last durable event.
    pub(crate) fn head_seq(&self) -> u64 {
        *self.shared.head.borrow()
    }

    /// From now on `hear` is told of the payments that each commit has changed, once that is durable. It runs on the
    /// writer's thread and must not wait for anything. The first one stays.
    pub(crate) fn on_commit(&self, hear: impl Fn(&[PaymentId]) + Send + Sync + 'static) {
        self.shared.hearer.be(hear);
    }

    /// Counts a call that is to write soon, for as long as the guard lives: in a crowd the writer lets such calls
    /// share a flush.
    pub(crate) fn underway(&self) -> Underway {
        Underway::begin(&self.underway)
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
        self.shared.place.as_ref().map_or(Path::new("."), |place| &place.dir)
    }

    /// When the state file was made, where the file system tells.
    pub(crate) fn made_at(&self) -> Option<Moment> {
        let made = self.shared.place.as_ref()?.file.metadata().ok()?.created().ok()?;
        jiff::Timestamp::try_from(made).ok().map(Moment::from)
    }

    /// Bytes of the state file.
    pub(crate) fn size(&self) -> std::io::Result<u64> {
        match &self.shared.place {
            Some(place) => match place.file.metadata() {
                Ok(found) => Ok(found.len()),
                // It has lost its name, and is to be saved all the same.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
                Err(error) => Err(error),
            },
            None => Ok(0),
        }
    }

    /// A keyed hash, by which a phone or a request can be compared and not read.
    pub(crate) fn hash(&self, text: &str) -> [u8; 8] {
        self.shared.secrets.hash(text)
    }

    /// With which seal device tokens lie sealed, if they do.
    pub(crate) fn seal(&self) -> Option<SealId> {
        self.shared.secrets.seal_id()
    }
}

/// A place among those that walk, on a thread that nobody waits for.
pub(crate) struct Walker {
    pub(super) store: Store,
    _place: Option<OwnedSemaphorePermit>,
}

impl Walker {
    /// Runs `look` on one consistent view of the last durable commit.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Walk<'_>) -> Result<T, Refused>) -> Result<T, Failure> {
        self.store.read(|reading| look(&Walk::along(reading)))
    }
}

/// Tells the log the marks of tokens that a layout without marks has left, in one transaction with the end of that.
fn mark_devices(database: &Database, secrets: &Arc<Secrets>) -> Result<(), StoreError> {
    if Reading::new(database.begin_read()?, None).meta(migration::UNMARKED)?.is_none() {
        return Ok(());
    }
    let tx = database.begin_write()?;
    let mut writing = Writing::begin(&tx, Some(secrets.clone()))?;
    writing.mark_devices()?;
    writing.tables.meta.write()?.remove(migration::UNMARKED)?;
    drop(writing);
    Ok(tx.commit()?)
}
