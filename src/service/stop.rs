//! The end of a run, told to all who wait. They hear of it in the order in which they began to wait.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::failure::{Code, Failure};

/// A handle on it.
pub(super) type Stopping = std::sync::Arc<Stop>;

/// Begins once and never ends.
#[derive(Default)]
pub(super) struct Stop {
    has_begun: AtomicBool,
    told: Notify,
}

impl Stop {
    pub(super) fn begin(&self) {
        self.has_begun.store(true, Ordering::Release);
        self.told.notify_waiters();
    }

    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Acquire)
    }

    /// Refuses once the daemon is stopping: a call that waited for its turn is not begun any more.
    ///
    /// # Errors
    /// `shutting_down`.
    pub(super) fn still_running(&self) -> Result<(), Failure> {
        if self.has_begun() {
            return Err(Failure::new(
                Code::ShuttingDown,
                "the daemon is stopping and begins no more calls that move money",
            ));
        }
        Ok(())
    }

    /// Ends a long search once the daemon is stopping.
    ///
    /// # Errors
    /// `shutting_down`.
    pub(super) fn may_search_on(&self) -> Result<(), Failure> {
        match self.has_begun() {
            true => Err(Failure::new(Code::ShuttingDown, "the daemon is stopping and goes on with no search")),
            false => Ok(()),
        }
    }

    /// Ready once it has begun.
    pub(super) async fn begun(&self) {
        // Made before the look: what begins in between is not missed.
        let told = pin!(self.told.notified());
        if !self.has_begun() {
            told.await;
        }
    }
}
