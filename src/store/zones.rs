//! A walk along the log that skips the stretches which have nothing of what is sought.

use redb::ReadOnlyTable;

use super::events::last_event;
use super::reading::Reading;
use super::zone::{BLOCK, BLOCKS, CHAPTER, CHAPTERS, LogZone, Sought, block_of};
use super::{StoreError, codec};
use crate::domain::LogStatus;

/// The events that may begin a row that is sought, in one direction.
pub(super) struct LogWalk {
    zones: ReadOnlyTable<(u8, u64), &'static [u8]>,
    running: ReadOnlyTable<u64, ()>,
    sought: Sought,
    /// The first and the last event that are left; none at the end.
    left: Option<(u64, u64)>,
    newest_first: bool,
    /// The last block that has a row: its chapter is not complete.
    newest: u64,
    /// What was last found to fit.
    fits: Option<u64>,
}

impl LogWalk {
    /// From one event to another, both included.
    pub(super) fn along(
        reading: &Reading,
        (first, last): (u64, u64),
        newest_first: bool,
        sought: Sought,
    ) -> Result<Self, StoreError> {
        let (first, last) = (first.max(1), last.min(last_event(reading)?));
        let zones = reading.tables.zone()?;
        let newest = zones.range((BLOCKS, 0)..(CHAPTERS, 0))?.next_back().transpose()?;
        let newest = newest.map_or(0, |(key, _)| key.value().1);
        let left = (first <= last).then_some((first, last));
        Ok(Self { zones, running: reading.tables.running()?, sought, left, newest_first, newest, fits: None })
    }

    fn next_event(&mut self) -> Result<Option<u64>, StoreError> {
        while let Some((first, last)) = self.left {
            let seq = if self.newest_first { last } else { first };
            let block = block_of(seq);
            if self.fits != Some(block) {
                if let Some((from, to)) = self.without(block)? {
                    self.skip(from, to);
                    continue;
                }
                self.fits = Some(block);
            }
            self.skip(seq, seq);
            return Ok(Some(seq));
        }
        Ok(None)
    }

    /// The stretch around a block that has nothing of what is sought.
    fn without(&self, block: u64) -> Result<Option<(u64, u64)>, StoreError> {
        if self.sought.is_anything() {
            return Ok(None);
        }
        let chapter = block / CHAPTER;
        let is_complete = chapter < self.newest / CHAPTER;
        if is_complete && !self.may_have(CHAPTERS, chapter, CHAPTER * BLOCK)? {
            return Ok(Some(stretch(chapter, CHAPTER * BLOCK)));
        }
        Ok(if self.may_have(BLOCKS, block, BLOCK)? { None } else { Some(stretch(block, BLOCK)) })
    }

    fn may_have(&self, length: u8, number: u64, events: u64) -> Result<bool, StoreError> {
        let stored = self.zones.get((length, number))?;
        let zone: LogZone = stored.map(|stored| codec::decode(stored.value())).transpose()?.unwrap_or_default();
        if zone.may_have(&self.sought) {
            return Ok(true);
        }
        // A call under way is pending until its end says what it is.
        if self.sought.status != Some(LogStatus::Pending) {
            return Ok(false);
        }
        let (from, to) = stretch(number, events);
        Ok(self.running.range(from..=to)?.next().transpose()?.is_some())
    }

    /// What is left without these events, which are at its end.
    fn skip(&mut self, from: u64, to: u64) {
        let Some((first, last)) = self.left else { return };
        let (first, last) = match self.newest_first {
            true => (first, from.saturating_sub(1)),
            false => (to.saturating_add(1), last),
        };
        self.left = (first <= last).then_some((first, last));
    }
}

/// The first and the last event of a stretch.
fn stretch(number: u64, events: u64) -> (u64, u64) {
    let first = number.saturating_mul(events);
    (first, first.saturating_add(events - 1))
}

impl Iterator for LogWalk {
    type Item = Result<u64, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_event().transpose()
    }
}
