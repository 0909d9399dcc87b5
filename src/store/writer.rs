//! The one writer: a thread that takes all jobs that wait, runs them in one transaction, makes it durable with
//! one flush, and only then lets each of them answer.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError};

use redb::Database;
use tracing::error;

use super::writing::Writing;
use super::{Shared, StoreError};

/// A request's part of a transaction: runs inside of it and gives what to do once its fate is known.
pub(super) type Job = Box<dyn FnOnce(&mut Writing<'_>) -> Result<Finish, Undo> + Send>;

/// What waits for the writer.
pub(super) enum Work {
    /// Shares a transaction with its neighbours.
    Shared(Job),
    /// Has a transaction of its own, so that it can be given up after it has written.
    Alone(Job),
}

/// Told whether the transaction is durable.
pub(super) type Finish = Box<dyn FnOnce(Result<(), &StoreError>) + Send>;

/// A job that failed for want of storage takes the whole transaction down, since part of it may be written.
pub(super) struct Undo {
    pub(super) error: StoreError,
    pub(super) finish: Finish,
}

/// At most this many jobs share one transaction; a bound on how long the first one waits.
const MOST_JOBS: usize = 256;

pub(super) fn start(shared: Arc<Shared>) -> std::io::Result<Sender<Work>> {
    let (sender, receiver) = channel();
    std::thread::Builder::new().name("kaspid-writer".to_owned()).spawn(move || run(&shared, &receiver))?;
    Ok(sender)
}

/// Ends when every [`super::Store`] is gone.
fn run(shared: &Shared, work: &Receiver<Work>) {
    let mut next = None;
    while let Some(first) = next.take().or_else(|| work.recv().ok()) {
        let (batch, kept) = batch(first, work);
        next = kept;
        let mut finishes = Vec::with_capacity(batch.len());
        let result = commit(shared, batch, &mut finishes);
        if let Err(error) = &result {
            // The journal is where an operator looks when the disk is full.
            error!(%error, requests = finishes.len(), "state could not be stored");
            shared.reopen();
        }
        for finish in finishes {
            finish(result.as_ref().map(|_| ()));
        }
    }
}

/// What goes into one transaction, and what was taken from the queue besides.
fn batch(first: Work, work: &Receiver<Work>) -> (Vec<Job>, Option<Work>) {
    let mut batch = match first {
        Work::Alone(job) => return (vec![job], None),
        Work::Shared(job) => vec![job],
    };
    while batch.len() < MOST_JOBS {
        match work.try_recv() {
            Ok(Work::Shared(job)) => batch.push(job),
            Ok(alone @ Work::Alone(_)) => return (batch, Some(alone)),
            Err(_) => break,
        }
    }
    (batch, None)
}

fn commit(shared: &Shared, batch: Vec<Job>, finishes: &mut Vec<Finish>) -> Result<(), StoreError> {
    let guard = shared.database.read().unwrap_or_else(PoisonError::into_inner);
    let result = match guard.as_ref() {
        Some(database) => transact(database, batch, finishes),
        // The dropped jobs' callers see their channel close, which is a storage failure too.
        None => Err(StoreError::Closed),
    };
    drop(guard);
    result
}

fn transact(database: &Database, batch: Vec<Job>, finishes: &mut Vec<Finish>) -> Result<(), StoreError> {
    let tx = database.begin_write()?;
    let mut writing = Writing::begin(&tx)?;
    for job in batch {
        match job(&mut writing) {
            Ok(finish) => finishes.push(finish),
            Err(Undo { error, finish }) => {
                finishes.push(finish);
                return Err(error);
            }
        }
    }
    let wanted = writing.is_wanted();
    drop(writing);
    // Jobs that only looked or refused cost no flush.
    if wanted { Ok(tx.commit()?) } else { Ok(tx.abort()?) }
}
