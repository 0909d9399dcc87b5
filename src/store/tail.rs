//! The log for those who follow it: each row when its operation has ended, and again when more is known of it.

use super::StoreError;
use super::after::BegunCall;
use super::event::{self, Change};
use super::events::{ended_by, event_at};
use super::known::known;
use super::log::fits;
use super::payment::{PaymentRow, number};
use super::reading::Reading;
use super::refund::RefundRow;
use super::replay::{Replay, ReplayStep};
use super::row::row_of;
use super::walk::{PIECE, Walk};
use crate::id::{OrganizationBin, ShopId};
use crate::operation::{LogQuery, LogRow};

/// The rows whose operations ended behind event `after`, or of which more became known there, in that order, that
/// fit the query and `visible`; and the last event that was looked at. At most `limit`, unless a single event
/// tells of more.
pub(crate) fn log_tail(
    reading: &Walk<'_>,
    query: &LogQuery,
    (after, limit): (u64, usize),
    visible: impl Fn(Option<ShopId>, Option<&OrganizationBin>) -> bool,
) -> Result<(Vec<LogRow>, u64), StoreError> {
    let (mut rows, mut next, mut replay) = (Vec::new(), after, Replay::new(reading));
    let is_asked = |row: &LogRow| {
        let of_payment = query.payment.is_none() || row.payment_id == query.payment;
        of_payment && fits(row, query) && visible(row.shop_id, row.organization_bin.as_ref())
    };
    let events = reading.tables.event()?.range_owned(after.saturating_add(1)..)?;
    for entry in events.take(usize::try_from(PIECE).unwrap_or(usize::MAX)) {
        let (seq, stored) = entry?;
        let event = event::read(stored.value())?;
        let step = replay.step(seq.value(), &event)?;
        let mut told = Vec::new();
        for begun in told_by(reading, seq.value(), &event.change, step.as_ref())? {
            told.extend(row_of(reading, begun)?.filter(is_asked));
        }
        if !rows.is_empty() && rows.len() + told.len() > limit {
            break;
        }
        next = seq.value();
        rows.extend(told);
    }
    Ok((rows, next))
}

/// The events whose rows event `seq` tells of: the call that it ends or what it is itself, and every earlier call
/// of which more is known by it.
fn told_by(reading: &Reading, seq: u64, change: &Change, step: Option<&ReplayStep>) -> Result<Vec<u64>, StoreError> {
    let mut begun = match change {
        // Its row comes with its end.
        Change::CreateIntended { .. } | Change::CancelIntended { .. } | Change::RefundIntended { .. } => Vec::new(),
        Change::Ended { intent, .. } => vec![*intent],
        _ => vec![seq],
    };
    let Some(ReplayStep { before: Some(before), after, .. }) = step else { return Ok(begun) };
    if !tells_of_calls(before, after) {
        return Ok(begun);
    }
    let id = number(after.id);
    for entry in reading.tables.payment_event()?.range_owned((id, 0)..(id, seq))? {
        let earlier = entry?.0.value().1;
        if !begun.contains(&earlier) && is_known_otherwise(reading, earlier, seq, before, after)? {
            begun.push(earlier);
        }
    }
    Ok(begun)
}

/// Whether event `earlier` began a call that had ended before `seq`, and of which this payment tells something
/// else than that one.
fn is_known_otherwise(
    reading: &Reading,
    earlier: u64,
    seq: u64,
    before: &PaymentRow,
    after: &PaymentRow,
) -> Result<bool, StoreError> {
    let begun = event_at(reading, earlier)?.and_then(|event| BegunCall::begun(&event.change));
    let ended = ended_by(reading, (after.id, earlier))?.filter(|(ended, _)| *ended < seq);
    let (Some(call), Some((_, outcome))) = (begun, ended) else { return Ok(false) };
    Ok(known(&call, Some(&outcome), Some(before)) != known(&call, Some(&outcome), Some(after)))
}

/// Whether a payment has changed in what its calls are known by; most events are spared the look at them.
fn tells_of_calls(before: &PaymentRow, after: &PaymentRow) -> bool {
    let status = |row: &PaymentRow| row.refunds.iter().map(RefundRow::status).collect::<Vec<_>>();
    (before.state, &before.qr_payment_id) != (after.state, &after.qr_payment_id) || status(before) != status(after)
}
