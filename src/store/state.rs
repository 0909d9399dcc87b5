//! The open file and what goes with it, shared by every handle and the writer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use redb::Database;
use tokio::sync::watch;

use super::StoreError;
use super::file::forget;
use super::hear::Hearer;
use super::place::Place;
use super::secrets::Secrets;
use super::tally::StoreMeters;

/// Opens the file, again after a failure.
pub(super) type Opener = Box<dyn Fn() -> Result<Database, StoreError> + Send + Sync>;

/// What the handles and the writer share.
pub(super) struct StoreState {
    pub(super) open: Opener,
    /// Where it is, if it is a file.
    pub(super) place: Option<Place>,
    /// `None` after a failure until the file could be opened again. Held for reading while a transaction runs.
    pub(super) database: RwLock<Option<Database>>,
    /// The number of the last durable event, for those who wait for news.
    pub(super) head: watch::Sender<u64>,
    /// The file is about to be opened again: long reads give way, since opening waits for them.
    pub(super) reopening: AtomicBool,
    pub(super) meters: StoreMeters,
    /// What opens tokens and keys hashes.
    pub(super) secrets: Arc<Secrets>,
    /// Told of every durable change of payments, by the writer.
    pub(super) hearer: Hearer,
}

impl StoreState {
    /// After a failure the handle is not to be trusted: an fsync is never tried twice on the same one.
    pub(super) fn reopen(&self) {
        self.reopening.store(true, Ordering::Relaxed);
        let mut guard = self.database.write().unwrap_or_else(PoisonError::into_inner);
        self.reopening.store(false, Ordering::Relaxed);
        *guard = None;
        if let Some(place) = &self.place {
            forget(&place.file);
        }
        match (self.open)() {
            Ok(database) => *guard = Some(database),
            Err(error) => tracing::error!(%error, "state could not be opened again"),
        }
    }
}
