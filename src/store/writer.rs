//! The one writer: a thread that takes all jobs that wait, runs them in one transaction, makes it durable with
//! one flush, and only then lets each of them answer.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, PoisonError};

use redb::Database;
use tracing::error;

use super::event::Sha;
use super::heads::Heads;
use super::writing::Writing;
use super::{Shared, StoreError};

/// A request's part of a transaction: runs inside of it and gives what to do once its fate is known.
pub(super) type Job = Box<dyn FnOnce(&mut Writing<'_>) -> Result<Finish, Undo> + Send>;

/// Told whether the transaction is durable.
pub(super) type Finish = Box<dyn FnOnce(Result<(), &StoreError>) + Send>;

/// A job that failed for want of storage takes the whole transaction down, since part of it may be written.
pub(super) struct Undo {
    pub(super) error: StoreError,
    pub(super) finish: Finish,
}

/// At most this many jobs share one transaction; a bound on how long the first one waits.
const MOST_JOBS: usize = 256;

pub(super) fn start(shared: Arc<Shared>, heads: Heads) -> std::io::Result<Sender<Job>> {
    let (sender, receiver) = channel();
    std::thread::Builder::new().name("kaspid-writer".to_owned()).spawn(move || run(&shared, &receiver, heads))?;
    Ok(sender)
}

/// Ends when every [`super::Store`] is gone.
fn run(shared: &Shared, jobs: &Receiver<Job>, mut heads: Heads) {
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(MOST_JOBS - 1));
        let mut finishes = Vec::with_capacity(batch.len());
        let result = commit(shared, batch, &mut finishes);
        match &result {
            Ok((seq, sha)) => heads.committed(*seq, sha),
            Err(error) => {
                // The journal is where an operator looks when the disk is full.
                error!(%error, requests = finishes.len(), "state could not be stored");
                shared.reopen();
            }
        }
        for finish in finishes {
            finish(result.as_ref().map(|_| ()));
        }
    }
}

/// Where the log ends now.
fn commit(shared: &Shared, batch: Vec<Job>, finishes: &mut Vec<Finish>) -> Result<(u64, Sha), StoreError> {
    let guard = shared.database.read().unwrap_or_else(PoisonError::into_inner);
    let result = match guard.as_ref() {
        Some(database) => transact(database, batch, finishes),
        // The dropped jobs' callers see their channel close, which is a storage failure too.
        None => Err(StoreError::Closed),
    };
    drop(guard);
    result
}

fn transact(database: &Database, batch: Vec<Job>, finishes: &mut Vec<Finish>) -> Result<(u64, Sha), StoreError> {
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
    let (dirty, head) = (writing.is_dirty(), writing.head());
    drop(writing);
    // Jobs that only looked or refused cost no flush.
    if dirty {
        tx.commit()?
    } else {
        tx.abort()?
    }
    Ok(head)
}
