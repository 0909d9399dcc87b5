//! Locks by name: a second request with the same key waits for the first, a second look shares the first's answer.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

/// One async lock per name, made when first asked for and forgotten when nobody holds or awaits it.
pub(super) struct Locks<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>);

impl<K: Eq + Hash> Locks<K> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// Waits until nobody else holds `name`.
    pub(super) async fn lock(&self, name: K) -> OwnedMutexGuard<()> {
        self.named(name).lock_owned().await
    }

    /// Takes `name` if nobody holds it.
    pub(super) fn try_lock(&self, name: K) -> Option<OwnedMutexGuard<()>> {
        self.named(name).try_lock_owned().ok()
    }

    /// The std lock is held for a look-up and never across an await.
    fn named(&self, name: K) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A guard and a waiter each hold a clone: one owner left means nobody needs the lock.
        if locks.len() >= 1024 {
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        locks.entry(name).or_default().clone()
    }
}

/// One copy of the state or rebuild of it at a time: each writes about as much as the state has.
pub(super) type BulkWrites = Arc<tokio::sync::Mutex<()>>;
