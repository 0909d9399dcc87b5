//! The events of the log by their numbers: what everything that reads the log begins with.

use redb::ReadableTable;

use super::error::{Refused, StoreError};
use super::event::{self, CallOutcome, Change, Event, GENESIS, ImportedRow, Sha};
use super::payment::number;
use super::reading::Reading;
use super::walk::Walk;
use crate::failure::Failure;
use crate::id::PaymentId;
use crate::moment::Moment;

/// Events read at a time by a walk along the whole log, so that no read transaction lives long.
pub(crate) const PAGE: u64 = 4096;

pub(super) fn event_at(reading: &Reading, seq: u64) -> Result<Option<Event>, StoreError> {
    let table = reading.tables.event()?;
    ReadableTable::get(&table, seq)?.map(|stored| event::read(stored.value())).transpose()
}

pub(crate) fn last_event(reading: &Reading) -> Result<u64, StoreError> {
    Ok(ReadableTable::last(&reading.tables.event()?)?.map_or(0, |(seq, _)| seq.value()))
}

/// The hash of an event.
#[cfg(test)]
pub(super) fn sha_at(reading: &Reading, seq: u64) -> Result<Option<Sha>, StoreError> {
    let table = reading.tables.event()?;
    let stored = ReadableTable::get(&table, seq)?;
    stored.map(|stored| Ok(event::split(stored.value())?.0)).transpose()
}

/// The last event and its hash.
pub(crate) fn log_head(reading: &Reading) -> Result<(u64, Sha), StoreError> {
    match ReadableTable::last(&reading.tables.event()?)? {
        None => Ok((0, GENESIS)),
        Some((seq, stored)) => Ok((seq.value(), event::split(stored.value())?.0)),
    }
}

/// Refuses a cursor beyond the end of the log: whoever has it has seen events that this log does not have.
pub(crate) fn check_cursor(reading: &Reading, after: Option<u64>) -> Result<(), Refused> {
    let head = last_event(reading).map_err(Refused::from)?;
    match after {
        Some(after) if after > head => Err(Failure::invalid(format!(
            "after={after} is beyond the end of the log, which is event {head}"
        ))
        .with_hint("Begin behind an event that is there. If a backup was put back, what was read before is not in this log: kaspictl log list --operation restored")
        .into()),
        _ => Ok(()),
    }
}

/// Tells of imported rows, each with whether it concerns a payment, from at most [`PAGE`] events behind `after`; gives the
/// last event that was looked at, or `None` at the end.
pub(crate) fn imported_rows(
    reading: &Walk<'_>,
    after: u64,
    mut tell: impl FnMut(ImportedRow, bool) -> Result<(), StoreError>,
) -> Result<Option<u64>, StoreError> {
    let mut last = None;
    let events = reading.tables.event()?.range_owned(after + 1..)?;
    for entry in events.take(usize::try_from(PAGE).unwrap_or(usize::MAX)) {
        let (seq, stored) = entry?;
        last = Some(seq.value());
        if let Change::Imported { row, payment, .. } = event::read(stored.value())?.change {
            tell(*row, payment.is_some())?;
        }
    }
    Ok(last)
}

/// The event that ended the call on a payment that event `begun` began, and how.
pub(super) fn ended_by(
    reading: &Reading,
    (payment, begun): (PaymentId, u64),
) -> Result<Option<(u64, CallOutcome)>, StoreError> {
    let events = reading.tables.payment_event()?;
    let ended = ReadableTable::get(&events, (number(payment), begun))?.map(|ended| ended.value());
    let Some(seq) = ended.filter(|ended| *ended != 0) else {
        return Ok(None);
    };
    match event_at(reading, seq)?.map(|event| event.change) {
        Some(Change::Ended { outcome, .. }) => Ok(Some((seq, outcome))),
        _ => Err(StoreError::Codec(format!("event {seq} does not end the call of event {begun}"))),
    }
}

/// When the last event was written.
pub(crate) fn last_moment(reading: &Reading) -> Result<Option<Moment>, StoreError> {
    Ok(event_at(reading, last_event(reading)?)?.map(|event| event.at))
}
