//! The end of a run, told to all who wait. They hear of it in the order in which they began to wait.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

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

    /// Ready once it has begun.
    pub(super) async fn begun(&self) {
        // Made before the look: what begins in between is not missed.
        let told = pin!(self.told.notified());
        if !self.has_begun() {
            told.await;
        }
    }
}
