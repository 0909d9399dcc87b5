//! Payments as of any event: the events of a payment applied one after the other, by the function that wrote its row.

use std::collections::HashMap;

use super::StoreError;
use super::after::{After, BegunCall, after};
use super::event::{Change, Event};
use super::events::event_at;
use super::payment::{PaymentRow, number};
use super::reading::Reading;
use crate::id::PaymentId;

/// Payments remembered along the way. One that was forgotten is made anew from its events.
const KEPT: usize = 1024;

/// A walk along the log that knows each payment it meets as of the event it has come to. Every event is given to it, in
/// their order: the cost of a page is its events, and for each payment on it those before.
pub(super) struct Replay<'r> {
    reading: &'r Reading,
    rows: HashMap<PaymentId, PaymentRow>,
}

/// A payment before and behind an event about it.
pub(super) struct ReplayStep {
    /// The call that the event ends.
    pub(super) ends: Option<BegunCall>,
    pub(super) before: Option<PaymentRow>,
    pub(super) after: PaymentRow,
}

impl<'r> Replay<'r> {
    pub(super) fn new(reading: &'r Reading) -> Self {
        Self { reading, rows: HashMap::new() }
    }

    /// What event `seq` makes of its payment; none if it changes none.
    pub(super) fn step(&mut self, seq: u64, event: &Event) -> Result<Option<ReplayStep>, StoreError> {
        if !event.changes_a_payment() {
            return Ok(None);
        }
        let ends = call_ended(self.reading, event)?;
        let Some(id) = event.payment(ends.as_ref()) else { return Ok(None) };
        let before = match self.rows.remove(&id) {
            Some(row) => Some(row),
            None => payment_before(self.reading, id, seq)?,
        };
        let After { row, stands } = after(before.clone(), event, ends.as_ref())?;
        if stands {
            self.keep(&row);
        }
        Ok(Some(ReplayStep { ends, before, after: row }))
    }

    fn keep(&mut self, row: &PaymentRow) {
        if self.rows.len() >= KEPT {
            self.rows.clear();
        }
        self.rows.insert(row.id, row.clone());
    }
}

/// The call that an event ends, if it ends one.
pub(super) fn call_ended(reading: &Reading, event: &Event) -> Result<Option<BegunCall>, StoreError> {
    let Change::Ended { intent, .. } = &event.change else { return Ok(None) };
    let begun = event_at(reading, *intent)?;
    let call = begun.and_then(|begun| BegunCall::begun(&begun.change));
    call.map(Some).ok_or_else(|| StoreError::Codec(format!("event {intent} began no call")))
}

/// A payment as of the event before `seq`.
fn payment_before(reading: &Reading, id: PaymentId, seq: u64) -> Result<Option<PaymentRow>, StoreError> {
    let mut row = None;
    for entry in reading.tables.payment_event()?.range_owned((number(id), 0)..(number(id), seq))? {
        let Some(event) = event_at(reading, entry?.0.value().1)? else { continue };
        let ends = call_ended(reading, &event)?;
        let After { row: after, stands } = after(row, &event, ends.as_ref())?;
        row = stands.then_some(after);
    }
    Ok(row)
}
