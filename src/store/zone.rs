//! What stands in a stretch of the log, so that a question about one organisation, a day or a kind of row skips the
//! stretches that have none of it. A zone says what its events may have, never what they have not: whoever reads looks at
//! each row of a zone that fits.
//!
//! Zones come in two lengths, a block and a chapter of blocks. The last block is written with each event; a chapter takes in
//! a block when the next one begins, so the chapter of the last event says nothing yet.

use redb::ReadableTable;
use serde::{Deserialize, Serialize};

use super::after::{BegunCall, What};
use super::event::{CallOutcome, Change, Event};
use super::payment::PaymentRow;
use super::refund::RefundState;
use super::tables::WriteTables;
use super::{StoreError, codec};
use crate::domain::{Evidence, LogStatus, OperationType};
use crate::id::OrganizationBin;
use crate::moment::Moment;
use crate::operation::LogQuery;

/// Events of a block.
pub(super) const BLOCK: u64 = 64;

/// Blocks of a chapter: ten million events are 2 500 chapters.
pub(super) const CHAPTER: u64 = 64;

/// The two lengths, as keys have them.
pub(super) const BLOCKS: u8 = 0;
pub(super) const CHAPTERS: u8 = 1;

/// The block of an event.
pub(super) fn block_of(seq: u64) -> u64 {
    seq / BLOCK
}

/// What the rows of a stretch may have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogZone {
    /// The first and the last minute since 1970; none where no event has a row. Whole minutes, so that a busy block soon
    /// says all that it ever will, and its page is not written with each event.
    between: Option<(i64, i64)>,
    /// Two bits for each BIN.
    bins: u128,
    operations: u64,
    /// What their rows say now or may say once. A call under way is not among them.
    statuses: u8,
}

/// What is asked of a log.
#[derive(Clone, Debug, Default)]
pub(super) struct Sought {
    pub(super) from: Option<Moment>,
    pub(super) to: Option<Moment>,
    pub(super) bin: Option<OrganizationBin>,
    pub(super) operation: Option<OperationType>,
    pub(super) status: Option<LogStatus>,
}

impl Sought {
    /// Whether every row is sought.
    pub(super) fn is_anything(&self) -> bool {
        let Self { from, to, bin, operation, status } = self;
        from.is_none() && to.is_none() && bin.is_none() && operation.is_none() && status.is_none()
    }
}

impl From<&LogQuery> for Sought {
    fn from(query: &LogQuery) -> Self {
        let LogQuery { from, to, bin, operation, status, .. } = query;
        Self { from: *from, to: *to, bin: bin.clone(), operation: *operation, status: *status }
    }
}

impl LogZone {
    fn merge(&mut self, other: &Self) {
        self.between = match (self.between, other.between) {
            (Some((first, last)), Some((from, to))) => Some((first.min(from), last.max(to))),
            (one, another) => one.or(another),
        };
        self.bins |= other.bins;
        self.operations |= other.operations;
        self.statuses |= other.statuses;
    }

    /// Whether a row in it may be what is sought; calls under way aside.
    pub(super) fn may_have(&self, sought: &Sought) -> bool {
        let Some((first, last)) = self.between else { return false };
        let bin = sought.bin.as_ref().map_or(0, bits_of_bin);
        // A bound within a minute may have its rows in that minute.
        sought.from.is_none_or(|from| last >= minute(from))
            && sought.to.is_none_or(|to| first <= minute(to))
            && self.bins & bin == bin
            && sought.operation.is_none_or(|operation| self.operations & bit_of(operation) != 0)
            && sought.status.is_none_or(|status| self.statuses & bit_of_status(status) != 0)
    }
}

fn minute(at: Moment) -> i64 {
    at.millis().div_euclid(60_000)
}

fn bits_of_bin(bin: &OrganizationBin) -> u128 {
    // FNV-1a: the same on every machine and in every version.
    let hash = bin
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (1 << (hash % 128)) | (1 << ((hash >> 32) % 128))
}

fn bit_of(operation: OperationType) -> u64 {
    1 << (operation as u32 % 64)
}

fn bit_of_status(status: LogStatus) -> u8 {
    1 << (status as u8 % 8)
}

/// Whatever may come of it.
const ANY_STATUS: u8 = u8::MAX;

/// What a row shows that never changes, and its status where that does not either; a call's comes with its end.
fn of_row(at: Moment, operation: OperationType, bin: Option<&OrganizationBin>, status: Option<LogStatus>) -> LogZone {
    LogZone {
        between: Some((minute(at), minute(at))),
        bins: bin.map_or(0, bits_of_bin),
        operations: bit_of(operation),
        statuses: status.map_or(0, bit_of_status),
    }
}

/// What the end of a call makes of the row that began it. What a later look or a person may correct may become anything.
fn of_end(call: &BegunCall, outcome: &CallOutcome, payment: &PaymentRow) -> u8 {
    let is_settled = match call.what {
        What::Create | What::Cancel => outcome.status != LogStatus::Pending,
        What::Refund(id) => {
            let is_answered = |state| state == RefundState::Success(Evidence::Answer);
            payment.refund(id).is_some_and(|refund| is_answered(refund.state) && !refund.is_claimed)
        }
    };
    if is_settled { bit_of_status(outcome.status) } else { ANY_STATUS }
}

/// What the row of an event shows; none where it begins none. `call` is the one that is sent again.
fn of_event(event: &Event, call: Option<&BegunCall>, payment: Option<&PaymentRow>) -> Option<LogZone> {
    let done = Some(LogStatus::Success);
    let about = |operation, status| payment.map(|row| of_row(event.at, operation, Some(&row.organization_bin), status));
    match &event.change {
        Change::Ended { .. } | Change::Device { .. } => None,
        Change::Noted(note) | Change::Config { note, .. } | Change::Identity { note, .. } => {
            Some(of_row(event.at, note.operation, note.organization_bin.as_ref(), Some(note.status)))
        }
        Change::CreateIntended { payment, .. } => about(What::Create.operation(payment.kind), None),
        Change::CancelIntended { .. } => about(OperationType::Cancel, None),
        Change::RefundIntended { .. } => about(OperationType::Refund, None),
        Change::SentAgain { .. } => {
            let operation = call?.what.operation(payment?.kind);
            about(operation, Some(LogStatus::Failed))
        }
        Change::Seen { .. } => about(OperationType::Status, done),
        Change::Adopted { .. } => about(OperationType::Adopt, done),
        Change::Resolved { .. } => about(OperationType::Resolve, done),
        Change::Restored(_) | Change::RestoreAcknowledged { .. } => {
            Some(of_row(event.at, OperationType::Restored, None, done))
        }
        Change::Imported { row, .. } => {
            Some(of_row(row.created_at, row.operation, row.organization_bin.as_ref(), Some(row.status)))
        }
    }
}

impl WriteTables<'_> {
    /// Takes an event into the zones.
    pub(super) fn zone(
        &mut self,
        seq: u64,
        event: &Event,
        (call, payment): (Option<&BegunCall>, Option<&PaymentRow>),
    ) -> Result<(), StoreError> {
        if let (Change::Ended { intent, outcome }, Some(call), Some(payment)) = (&event.change, call, payment) {
            let (block, ended) =
                (block_of(*intent), LogZone { statuses: of_end(call, outcome, payment), ..LogZone::default() });
            self.widen(block, &ended)?;
            // A chapter may have taken the block in already.
            return if block == block_of(seq) { Ok(()) } else { self.widen_chapter(block / CHAPTER, &ended) };
        }
        let Some(zone) = of_event(event, call, payment) else { return Ok(()) };
        self.widen(block_of(seq), &zone)
    }

    /// A block may have more from now on.
    fn widen(&mut self, block: u64, more: &LogZone) -> Result<(), StoreError> {
        let stored = self.zone_at(BLOCKS, block)?;
        let mut zone = stored.clone().unwrap_or_default();
        zone.merge(more);
        if stored.as_ref() == Some(&zone) {
            return Ok(());
        }
        self.zone.write()?.insert((BLOCKS, block), codec::encode(&zone)?.as_slice())?;
        if stored.is_none() { self.close_block_before(block) } else { Ok(()) }
    }

    /// The block before a new one is complete, but for how its calls end.
    fn close_block_before(&mut self, block: u64) -> Result<(), StoreError> {
        let before = self.zone.read()?.range((BLOCKS, 0)..(BLOCKS, block))?.next_back().transpose()?;
        let Some(before) = before.map(|(key, _)| key.value().1) else { return Ok(()) };
        let zone = self.zone_at(BLOCKS, before)?.unwrap_or_default();
        self.widen_chapter(before / CHAPTER, &zone)
    }

    fn widen_chapter(&mut self, chapter: u64, more: &LogZone) -> Result<(), StoreError> {
        let stored = self.zone_at(CHAPTERS, chapter)?;
        let mut zone = stored.clone().unwrap_or_default();
        zone.merge(more);
        if stored.as_ref() != Some(&zone) {
            self.zone.write()?.insert((CHAPTERS, chapter), codec::encode(&zone)?.as_slice())?;
        }
        Ok(())
    }

    fn zone_at(&self, length: u8, number: u64) -> Result<Option<LogZone>, StoreError> {
        self.zone.read()?.get((length, number))?.map(|stored| codec::decode(stored.value())).transpose()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// One of which every part says something.
    pub(in crate::store) fn sample() -> LogZone {
        let bin = "891027350515".parse().unwrap();
        let at = Moment::from_millis(1_795_000_000_000);
        of_row(at, OperationType::Refund, Some(&bin), Some(LogStatus::Failed))
    }
}
