//! The one writer: takes all jobs that wait, runs them in one transaction, makes it durable with one flush, and only
//! then lets each of them answer. It has a thread of its own, since a flush blocks.
//!
//! Where a commit fails, the file is opened anew: an fsync is never tried twice on one handle. What the failed
//! transaction was to record of the world outside is owed: kept here and written first, in the next transaction
//! that becomes durable. What it was to begin was refused; if it is in the file all the same, it is ended there.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use redb::Database;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep, timeout};
use tracing::{error, info, warn};

use super::StoreError;
use super::event::Sha;
use super::journal_heads::JournalHeads;
use super::secrets::Secrets;
use super::state::StoreState;
use super::tally::Transition;
use super::writing::Writing;
use crate::chance::select;
use crate::failpoint::fail_point;
use crate::id::PaymentId;
use crate::moment::since_boot;
use crate::notice;

/// What the writer is asked.
pub(super) enum Message {
    /// A part of the next transaction.
    Job(Job),
    /// A transaction of its own, so that it can be given up after it has written.
    Alone(Job),
    /// Whether it is alive: answered in turn, whatever the state of the disk.
    Ping(oneshot::Sender<()>),
    /// The end: answered when the file is closed, with nothing left to repair.
    Close(SyncSender<()>),
}

/// A job's work inside of a transaction.
type Run = Box<dyn FnMut(&mut Writing<'_>) -> Result<(), StoreError> + Send>;

/// What a job does once the fate of its transaction is known.
type Finish = Box<dyn FnMut(Result<(), &StoreError>) + Send>;

/// A request's part of a transaction.
pub(super) struct Job {
    /// Runs inside of it. An error is a failure of storage and takes the whole transaction down, since part of the
    /// job may be written. Run again only if it is owed.
    pub(super) run: Run,
    /// Told after each attempt whether it is durable.
    pub(super) finish: Finish,
    /// It records something that has happened outside, and must not be lost while this process lives.
    pub(super) is_owed: bool,
}

/// At most this many jobs share one transaction; a bound on how long the first one waits.
const MOST_JOBS: usize = 256;

/// With fewer money calls under way nobody waits for another: a till with a few customers gains nothing by it.
const CROWD: usize = 8;

/// The longest a job waits for others to share its flush with. Far below what a person at a till notices, and
/// only in a crowd.
const TOGETHER: Duration = Duration::from_millis(40);

/// How long after the last commit the one is made from which the file opens at once after a crash. It costs a
/// second flush, so it is made when nobody waits.
const IDLE: Duration = Duration::from_millis(250);

/// Between two attempts to write what is owed while nothing else is to be written.
const RETRY: Duration = Duration::from_secs(1);

/// Lets the writer work, until its work is done.
pub(super) type Driver = fn(Pin<Box<dyn Future<Output = ()> + Send>>) -> std::io::Result<()>;

/// A writer, and where it is asked. Its work ends when every [`super::Store`] is gone.
pub(super) fn writer(
    shared: Arc<StoreState>,
    underway: Arc<AtomicUsize>,
    heads: JournalHeads,
) -> (UnboundedSender<Message>, impl Future<Output = ()> + Send + 'static) {
    let (sender, receiver) = unbounded_channel();
    let writer = Writer { shared, underway, owed: Vec::new(), doubt: None, is_unrepaired: true, crowd: 0, heads };
    (sender, writer.run(receiver))
}

/// Lets a writer work on a thread of its own, with timers of its own.
pub(super) fn on_a_thread(work: Pin<Box<dyn Future<Output = ()> + Send>>) -> std::io::Result<()> {
    let timers = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    std::thread::Builder::new().name("kaspid-writer".to_owned()).spawn(move || timers.block_on(work))?;
    Ok(())
}

/// What comes next, or does not.
enum WriterWake {
    Message(Message),
    /// Nobody has asked for a while.
    Quiet,
    /// Nobody is left who could ask.
    End,
}

struct Writer {
    shared: Arc<StoreState>,
    /// Money calls that have begun and not ended: each is yet to write.
    underway: Arc<AtomicUsize>,
    /// Jobs of failed transactions that must be written.
    owed: Vec<Job>,
    /// The last event known to be durable when a commit failed: what is behind it may or may not be in the file.
    doubt: Option<u64>,
    /// A commit was made since the file could last be opened without a repair.
    is_unrepaired: bool,
    /// How many calls were under way lately.
    crowd: usize,
    /// What the journal knows of the chain.
    heads: JournalHeads,
}

impl Writer {
    async fn run(mut self, mut messages: UnboundedReceiver<Message>) {
        loop {
            match self.next(&mut messages).await {
                WriterWake::Message(Message::Job(first)) => {
                    let (batch, other) = self.gather(first, &mut messages).await;
                    self.write(batch);
                    if other.is_some_and(|other| self.other(other)) {
                        return;
                    }
                }
                WriterWake::Message(other) => {
                    if self.other(other) {
                        return;
                    }
                }
                WriterWake::Quiet => self.rest(),
                WriterWake::End => return self.close(),
            }
        }
    }

    async fn next(&mut self, messages: &mut UnboundedReceiver<Message>) -> WriterWake {
        let next = match (self.is_in_debt(), self.is_unrepaired) {
            (true, _) => timeout(RETRY, messages.recv()).await,
            (false, true) => timeout(IDLE, messages.recv()).await,
            (false, false) => Ok(messages.recv().await),
        };
        match next {
            Ok(Some(message)) => WriterWake::Message(message),
            Ok(None) => WriterWake::End,
            Err(_) => WriterWake::Quiet,
        }
    }

    fn is_in_debt(&self) -> bool {
        self.doubt.is_some() || !self.owed.is_empty()
    }

    /// The jobs that wait, and in a crowd those that are on their way, as long as they come soon.
    async fn gather(&mut self, first: Job, messages: &mut UnboundedReceiver<Message>) -> (Vec<Job>, Option<Message>) {
        let mut batch = vec![first];
        let mut until = pin!(sleep(TOGETHER));
        while batch.len() < MOST_JOBS {
            let message = match messages.try_recv() {
                Ok(message) => message,
                Err(_) => {
                    self.crowd = self.crowd.max(self.underway.load(Ordering::Relaxed));
                    if self.crowd < CROWD || batch.len() * 4 >= self.crowd * 3 {
                        break;
                    }
                    let Some(message) = timely(messages, until.as_mut()).await else {
                        // Fewer than thought, or they are waiting for a slow bank.
                        self.crowd = self.underway.load(Ordering::Relaxed);
                        break;
                    };
                    message
                }
            };
            match message {
                Message::Job(job) => batch.push(job),
                other => return (batch, Some(other)),
            }
        }
        (batch, None)
    }

    /// True at the end.
    fn other(&mut self, message: Message) -> bool {
        match message {
            Message::Job(job) => self.write(vec![job]),
            Message::Alone(job) => self.write_alone(job),
            // Who asked may have stopped waiting.
            Message::Ping(answer) => drop(answer.send(())),
            Message::Close(closed) => {
                self.close();
                let _ = closed.send(());
                return true;
            }
        }
        false
    }

    /// What is owed is not put at risk by a job that may give its transaction up: it is written before.
    fn write_alone(&mut self, mut job: Job) {
        if self.is_in_debt() {
            self.write(Vec::new());
        }
        if self.is_in_debt() {
            return (job.finish)(Err(&StoreError::Closed));
        }
        self.write(vec![job]);
    }

    /// Nobody has asked for a while.
    fn rest(&mut self) {
        if self.is_in_debt() {
            return self.write(Vec::new());
        }
        if let Err(error) = self.make_ready_to_open() {
            warn!("the state could not be made ready to open at once after a crash: {error}");
            self.shared.reopen();
        }
        self.is_unrepaired = false;
    }

    fn make_ready_to_open(&self) -> Result<(), StoreError> {
        let guard = self.shared.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = guard.as_ref().ok_or(StoreError::Closed)?;
        let mut tx = database.begin_write()?;
        tx.set_quick_repair(true);
        fail_point!("writer.resting");
        tx.commit()?;
        fail_point!("writer.rested");
        Ok(())
    }

    /// redb leaves a file that it closes itself ready to open.
    fn close(&mut self) {
        if self.is_in_debt() {
            self.write(Vec::new());
        }
        *self.shared.database.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// One transaction: what is owed first, then the batch.
    fn write(&mut self, batch: Vec<Job>) {
        let batch = self.unless_displaced(batch);
        let mut jobs = std::mem::take(&mut self.owed);
        let owed = jobs.len();
        jobs.extend(batch);
        if jobs.is_empty() && self.doubt.is_none() {
            return;
        }
        let mut attempt = Attempt::default();
        let result = self.commit(&mut jobs, &mut attempt);
        match &result {
            Ok(()) => {
                self.is_unrepaired |= attempt.is_dirty;
                self.shared.hearer.tell(&attempt.touched);
                if attempt.is_dirty {
                    let (seq, sha) = attempt.head;
                    self.shared.head.send_replace(seq);
                    self.shared.meters.commits.observe(attempt.took);
                    self.shared.meters.count(&attempt.transitions, seq);
                    self.heads.committed(seq, &sha);
                }
                if self.doubt.take().is_some() || owed > 0 {
                    info!(
                        message_id = notice::STORED_AGAIN.id,
                        "the state can be stored again, with {owed} outcomes that were kept in memory"
                    );
                }
            }
            Err(error) => {
                // The journal is where an operator looks when the disk is full.
                error!(
                    message_id = notice::UNSTORED.id,
                    "the state could not be stored, {} requests fail and {owed} outcomes are kept in memory: {error}",
                    jobs.len().saturating_sub(owed)
                );
                self.shared.meters.failures.add();
                let unstored = Some((since_boot(), error.to_string()));
                *self.shared.unstored.lock().unwrap_or_else(PoisonError::into_inner) = unstored;
                self.doubt = self.doubt.or(attempt.before);
                self.shared.reopen();
            }
        }
        for job in &mut jobs {
            (job.finish)(result.as_ref().copied());
        }
        if result.is_err() {
            if let Some(index) = attempt.incurable {
                jobs.remove(index);
            }
            jobs.retain(|job| job.is_owed);
            self.owed = jobs;
        }
    }

    /// The jobs that may run. A file that has lost its name keeps what has happened outside, for whoever saves it, and
    /// begins nothing: the next start would not know of it.
    fn unless_displaced(&self, batch: Vec<Job>) -> Vec<Job> {
        let Some(displaced) = self.shared.displaced() else { return batch };
        error!(message_id = notice::DISPLACED.id, "{} requests are not begun: {displaced}", batch.len());
        let (kept, refused): (Vec<Job>, Vec<Job>) = batch.into_iter().partition(|job| job.is_owed);
        for mut job in refused {
            (job.finish)(Err(&displaced));
        }
        kept
    }

    fn commit(&self, jobs: &mut [Job], attempt: &mut Attempt) -> Result<(), StoreError> {
        let guard = self.shared.database.read().unwrap_or_else(PoisonError::into_inner);
        let database = guard.as_ref().ok_or(StoreError::Closed)?;
        transact(database, &self.shared.secrets, self.doubt, jobs, attempt)
    }
}

/// The next message, if it comes before `end`.
async fn timely(messages: &mut UnboundedReceiver<Message>, end: Pin<&mut Sleep>) -> Option<Message> {
    select! {
        message = messages.recv() => message,
        () = end => None,
    }
}

/// How far a transaction came.
#[derive(Default)]
struct Attempt {
    /// The last event before it.
    before: Option<u64>,
    /// The last event in it, and its hash.
    head: (u64, Sha),
    /// Anything was written.
    is_dirty: bool,
    /// What it makes of payments.
    transitions: Vec<Transition>,
    /// The payments that it changes.
    touched: Vec<PaymentId>,
    /// How long its commit took, with its flush.
    took: Duration,
    /// The job that no disk can cure: kept, it would stop every other call for good.
    incurable: Option<usize>,
}

fn transact(
    database: &Database,
    secrets: &Arc<Secrets>,
    doubt: Option<u64>,
    jobs: &mut [Job],
    attempt: &mut Attempt,
) -> Result<(), StoreError> {
    let tx = database.begin_write()?;
    let mut writing = Writing::begin(&tx, Some(secrets.clone()))?;
    attempt.before = Some(writing.head().0);
    if let Some(durable) = doubt {
        writing.end_refused(durable)?;
    }
    for (index, job) in jobs.iter_mut().enumerate() {
        if let Err(error) = (job.run)(&mut writing) {
            attempt.incurable = matches!(error, StoreError::Codec(_) | StoreError::Newer(_)).then_some(index);
            return Err(error);
        }
    }
    (attempt.head, attempt.is_dirty) = (writing.head(), writing.is_wanted());
    (attempt.transitions, attempt.touched) = (writing.take_transitions(), writing.take_touched());
    drop(writing);
    // Jobs that only looked or refused cost no flush.
    if !attempt.is_dirty {
        return Ok(tx.abort()?);
    }
    fail_point!("writer.commit");
    let began = Instant::now();
    tx.commit()?;
    attempt.took = began.elapsed();
    fail_point!("writer.committed");
    Ok(())
}
