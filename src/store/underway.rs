//! Calls that are to write soon, counted, so that in a crowd they share a flush.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A call under way; see [`Store::underway`](super::Store::underway).
pub(crate) struct Underway(Arc<AtomicUsize>);

impl Underway {
    /// One more, until it is dropped.
    pub(super) fn begin(calls: &Arc<AtomicUsize>) -> Self {
        calls.fetch_add(1, Ordering::Relaxed);
        Self(calls.clone())
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
