//! The end of the log: what a proof, a backup and the journal name it by.

use redb::{ReadOnlyTable, ReadableTable};

use super::StoreError;
use super::event::{self, LogPlace, Sha};
use super::reading::Reading;

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
