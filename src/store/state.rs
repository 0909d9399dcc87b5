//! The open file and what goes with it, shared by every handle and the writer.

use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redb::{Database, ReadableDatabase};
use tokio::sync::{Mutex, Semaphore, watch};

use super::StoreError;
use super::events::last_event;
use super::file::forget;
use super::hear::Hearer;
use super::place::Place;
use super::reading::Reading;
use super::secrets::Secrets;
use super::tally::StoreMeters;

/// Walks at one time, of all callers together: no more than a small till has processors, so that the calls of tills,
/// which wake up for moments only, always find one. Whoever walks for long does so in pieces and takes a place for each,
/// so that they take turns. A backup and a rebuild, which are one read each and one at a time, take none.
pub(super) const PLACES: usize = 2;

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
    /// The places of those that go along many rows.
    pub(super) walks: Arc<Semaphore>,
    /// Held by who counts what stands, and by those who wait for that.
    pub(super) counting: Mutex<()>,
    /// Device and number of the file that is open, by which it is known.
    pub(super) inode: Option<(u64, u64)>,
    /// What opens tokens and keys hashes.
    pub(super) secrets: Arc<Secrets>,
    /// When something could not be stored the last time, by the clock since boot, and why.
    pub(super) unstored: std::sync::Mutex<Option<(Duration, String)>>,
    /// Told of every durable change of payments, by the writer.
    pub(super) hearer: Hearer,
}

/// By what a file is known, whatever its name.
pub(super) fn inode(place: &Place) -> io::Result<(u64, u64)> {
    let found = std::fs::metadata(&place.file)?;
    Ok((found.dev(), found.ino()))
}

impl StoreState {
    /// Whether the open file has lost its name to another, or to nobody.
    pub(super) fn displaced(&self) -> Option<StoreError> {
        let (place, known) = (self.place.as_ref()?, self.inode?);
        let is_gone = match inode(place) {
            Ok(found) => found != known,
            // Nobody took a name away that cannot be looked at just now.
            Err(error) => error.kind() == ErrorKind::NotFound,
        };
        is_gone.then(|| StoreError::Displaced(place.file.clone()))
    }

    /// After a failure the handle is not to be trusted: an fsync is never tried twice on the same one.
    pub(super) fn reopen(&self) {
        self.reopening.store(true, Ordering::Relaxed);
        let mut guard = self.database.write().unwrap_or_else(PoisonError::into_inner);
        self.reopening.store(false, Ordering::Relaxed);
        *guard = None;
        // Another file, or none, has the name: what that knows is not what was answered.
        if let Some(displaced) = self.displaced() {
            return tracing::error!("the state could not be opened again: {displaced}");
        }
        if let Some(place) = &self.place {
            forget(&place.file);
        }
        match (self.open)() {
            Ok(database) => {
                self.meters.census().opened(end_of(&database).ok());
                *guard = Some(database);
            }
            Err(error) => tracing::error!("the state could not be opened again: {error}"),
        }
    }
}

/// The last event of a file.
fn end_of(database: &Database) -> Result<u64, StoreError> {
    last_event(&Reading::new(database.begin_read()?, None))
}
