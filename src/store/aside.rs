//! Where walks are made: on threads of their own, a few at a time, so that whoever asks for a year of the log holds up
//! nobody's payment.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::OwnedSemaphorePermit;

use super::walk::Walk;
use super::{Refused, Store};
use crate::failure::{Code, Failure};

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

impl Store {
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

    /// The same at once, for tests.
    #[cfg(test)]
    pub(crate) fn walk_here<T>(&self, look: impl FnOnce(&Walk<'_>) -> Result<T, Refused>) -> Result<T, Failure> {
        self.read(|reading| look(&Walk::along(reading)))
    }
}
