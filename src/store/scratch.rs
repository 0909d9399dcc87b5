//! The projections once more, from the events alone, by the same code that wrote the stored ones, in a file of their own.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{Builder, Database, ReadableDatabase};

use super::event::{self, Change};
use super::events::PAGE;
use super::file::CACHE_BYTES;
use super::reading::Reading;
use super::tables::{NAMES, ReadTables, WriteTables};
use super::{StoreError, migration};
use crate::operation::Difference;

/// Made and unlinked in one go; a leftover of a crash between the two is made anew.
const SCRATCH: &str = "rebuild.tmp";

/// The tables that came or changed with layouts 4 and 5, and are made from the events.
const LISTS: [&str; 5] = ["payment_event", "payment_open", "key", "payment_state", "zone"];

/// A rebuild under way. Its tables live in an unlinked file beside the state and not in memory: a till's log of
/// years would not fit into what the daemon may take of the machine.
pub(super) struct Rebuild {
    database: Database,
    /// The last event taken in.
    seq: u64,
}

impl Rebuild {
    /// Beside the state, or in memory where that is.
    pub(super) fn begin(state: Option<&Path>) -> Result<Self, StoreError> {
        let database = match state {
            Some(path) => scratch(&path.with_file_name(SCRATCH)),
            None => Builder::new().create_with_backend(InMemoryBackend::new()).map_err(Into::into),
        };
        let database =
            database.map_err(|error| StoreError::Io(format!("no room for a rebuild beside the state: {error}")))?;
        Ok(Self { database, seq: 0 })
    }

    /// Takes in the next events; true when there are no more.
    pub(super) fn page(&mut self, reading: &Reading) -> Result<bool, StoreError> {
        let events = reading.tables.event()?;
        let tx = self.database.begin_write()?;
        let mut tables = WriteTables::open(&tx)?;
        let mut read = 0;
        for entry in events.range_owned(self.seq + 1..)?.take(usize::try_from(PAGE).unwrap_or(usize::MAX)) {
            let (seq, stored) = entry?;
            let (seq, stored) = (seq.value(), stored.value());
            let event = event::read(stored)?;
            // The end of a call, and one that is sent again before that, look at its beginning; nothing else looks at an
            // event.
            match &event.change {
                Change::CreateIntended { .. } | Change::CancelIntended { .. } | Change::RefundIntended { .. } => {
                    tables.event.write()?.insert(seq, stored)?;
                    tables.project(seq, &event)?;
                }
                Change::Ended { intent, .. } => {
                    tables.project(seq, &event)?;
                    tables.event.write()?.remove(intent)?;
                }
                _ => drop(tables.project(seq, &event)?),
            }
            (self.seq, read) = (seq, read + 1);
        }
        drop(tables);
        tx.commit()?;
        Ok(read < PAGE)
    }

    /// What an older layout did not have.
    fn lists_into(&self, state: &Database) -> Result<(), StoreError> {
        let known: Vec<&str> = NAMES.iter().copied().filter(|name| !LISTS.contains(name)).collect();
        ReadTables(self.database.begin_read()?).copy_into(state, &known, &|| Ok(()))
    }

    pub(super) fn differences(
        &self,
        reading: &Reading,
        step: &dyn Fn() -> Result<(), StoreError>,
    ) -> Result<Vec<Difference>, StoreError> {
        reading.tables.differences(&ReadTables(self.database.begin_read()?), step)
    }
}

/// Fills the tables that the layout before did not have, where a migration has left them empty. Killed on the way, the
/// next start begins anew.
pub(super) fn fill_lists(database: &Database, state: Option<&Path>) -> Result<(), StoreError> {
    let reading = Reading::new(database.begin_read()?, None);
    if reading.meta(migration::UNLISTED)?.is_none() {
        return Ok(());
    }
    let mut rebuild = Rebuild::begin(state)?;
    while !rebuild.page(&reading)? {}
    rebuild.lists_into(database)?;
    let tx = database.begin_write()?;
    WriteTables::open(&tx)?.meta.write()?.remove(migration::UNLISTED)?;
    Ok(tx.commit()?)
}

/// The only holder of an unlinked file.
fn scratch(path: &Path) -> Result<Database, Box<dyn std::error::Error>> {
    let file: File = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
    std::fs::remove_file(path)?;
    Ok(Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(FileBackend::new(file)?)?)
}
