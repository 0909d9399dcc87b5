//! Calls that are to write soon, counted, so that in a crowd they share a flush.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Store;

/// A call under way; see [`Store::underway`].
pub(crate) struct Underway(Arc<AtomicUsize>);

impl Store {
    /// Counts a call that is to write soon, for as long as the guard lives: in a crowd the writer lets such calls
    /// share a flush.
    pub(crate) fn underway(&self) -> Underway {
        self.underway.fetch_add(1, Ordering::Relaxed);
        Underway(self.underway.clone())
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
