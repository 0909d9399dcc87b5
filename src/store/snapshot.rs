//! A consistent copy of the state while the daemon goes on writing.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use redb::backends::FileBackend;
use redb::{Builder, Database, ReadOnlyTable, ReadableTable};

use super::event::{self, LogPlace, Sha};
use super::file::CACHE_BYTES;
use super::reading::Reading;
use super::{Refused, Store, StoreError};
use crate::failure::Failure;

/// The end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The last event and its time.
    pub(crate) place: LogPlace,
    /// Its hash.
    pub(crate) sha: Sha,
}

impl Head {
    /// The hash as people keep it.
    pub(crate) fn hex(&self) -> String {
        event::hex(&self.sha)
    }
}

impl Head {
    /// The end of the log in this table.
    pub(super) fn of(events: &ReadOnlyTable<u64, &'static [u8]>) -> Result<Self, StoreError> {
        let Some((seq, stored)) = ReadableTable::last(events)? else {
            return Ok(Self { place: LogPlace { seq: 0, at: None }, sha: event::GENESIS });
        };
        let sha = event::split(stored.value())?.0;
        // An event that cannot be read has a place all the same.
        let at = event::read(stored.value()).ok().map(|event| event.at);
        Ok(Self { place: LogPlace { seq: seq.value(), at }, sha })
    }
}

impl Reading {
    /// The end of the log.
    pub(crate) fn head(&self) -> Result<Head, StoreError> {
        Head::of(&self.tables.event()?)
    }
}

impl Store {
    /// Copies the last durable commit into a fresh file of mode 0600 at `path`. Blocks on the disk and never on a
    /// socket; the writer goes on, and if it must open the state again the copy gives way.
    pub(crate) fn snapshot(&self, path: &Path) -> Result<Head, Failure> {
        let store = self.clone();
        self.read(|reading| {
            let to = fresh(path).map_err(|error| StoreError::Io(format!("{}: {error}", path.display())))?;
            reading.tables.copy_into(&to, &|| store.may_read_on())?;
            reading.head().map_err(Refused::from)
        })
    }
}

fn fresh(path: &Path) -> Result<Database, Box<dyn std::error::Error>> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    Ok(Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(FileBackend::new(file)?)?)
}
