//! What a statement tells of some days: each payment and each refund once, in the order of time, with who asked for it.
//!
//! A payment stands where a report counts it, so that lines and report have the same sums; one that is counted nowhere stands
//! where it was made.

use std::time::Duration;

use redb::ReadOnlyTable;

use super::book::{BookEntry, Item};
use super::event::Change;
use super::events::event_at;
use super::payment::{self, PaymentRow, number};
use super::reading::{Reading, id_of};
use super::refund::RefundRow;
use super::report::Window;
use super::walk::Walk;
use super::{Refused, StoreError};
use crate::domain::{Actor, LogStatus};
use crate::id::PaymentId;
use crate::moment::Moment;
use crate::money::Total;

/// How far a clock that was set back may have put ids and times out of step.
const SLACK: Duration = Duration::from_secs(48 * 3600);

/// A line of a statement.
pub(crate) struct StatementEntry<'r> {
    pub(crate) at: Moment,
    pub(crate) payment: &'r PaymentRow,
    pub(crate) item: StatementItem<'r>,
    /// The money that moved; none where none did, or nobody knows. Below zero where it went back.
    pub(crate) amount: Option<Total>,
    /// Who asked for it; none for the daemon, and for what an earlier system did.
    pub(crate) actor: Option<Actor>,
}

/// What a line is about.
pub(crate) enum StatementItem<'r> {
    /// The payment itself.
    Payment,
    /// A refund through us, whatever became of it.
    Refund(&'r RefundRow),
    /// Money that went back otherwise.
    Elsewhere,
}

/// Whether the reader sees a payment.
pub(crate) type IsSeen<'s> = dyn Fn(&PaymentRow) -> bool + 's;

/// Asked before each of many rows whether to go on.
type Step<'s> = dyn Fn() -> Result<(), StoreError> + 's;

/// Takes each line.
type Tell<'t> = dyn FnMut(&StatementEntry<'_>) -> Result<(), Refused> + 't;

/// Tells every line of the window of payments that are `seen`.
pub(crate) fn statement(
    walk: &Walk<'_>,
    window: Window,
    (seen, step): (&IsSeen<'_>, &Step<'_>),
    tell: &mut Tell<'_>,
) -> Result<(), Refused> {
    let payments = walk.tables.payment()?;
    let mut uncounted = uncounted(walk, window, (seen, step))?.into_iter().peekable();
    let mut tell_uncounted = |until: Moment, tell: &mut Tell<'_>| {
        while let Some((_, id)) = uncounted.next_if(|(at, _)| *at <= until) {
            let row = row(&payments, id)?;
            let actor = asked_by(walk, row.id, None)?;
            tell(&StatementEntry {
                at: row.created_at,
                payment: &row,
                item: StatementItem::Payment,
                amount: None,
                actor,
            })?;
        }
        Ok::<(), Refused>(())
    };
    let (begin, end) = (window.begin.millis(), window.end.millis());
    for entry in walk.tables.booked()?.range_owned((begin, 0, 0, 0)..(end, 0, 0, 0))? {
        step()?;
        let (key, tiyn) = entry?;
        let id = id_of(key.value().1);
        let Some(entry) = BookEntry::read(key.value()) else {
            return Err(StoreError::Codec(format!("payment {id} is booked and cannot be read")).into());
        };
        let row = row(&payments, id)?;
        if !seen(&row) {
            continue;
        }
        tell_uncounted(entry.at, tell)?;
        if let Some(told) = booked(walk, &row, entry, Total::from_tiyn(tiyn.value()))? {
            tell(&told)?;
        }
    }
    tell_uncounted(window.end, tell)
}

fn row(payments: &ReadOnlyTable<u128, &'static [u8]>, id: PaymentId) -> Result<PaymentRow, StoreError> {
    payment::by_id(payments, id)?.ok_or_else(|| StoreError::Codec(format!("payment {id} is listed and not stored")))
}

/// What an entry of the book tells, as a report counts it.
fn booked<'r>(
    walk: &Walk<'_>,
    row: &'r PaymentRow,
    BookEntry { at, item }: BookEntry,
    elsewhere: Total,
) -> Result<Option<StatementEntry<'r>>, StoreError> {
    let counts = row.is_counted();
    let (item, of, amount) = match item {
        Item::Paid if counts => (StatementItem::Payment, None, Total::ZERO.with(row.amount)),
        Item::Refund(place) => {
            let refund = usize::try_from(place).ok().and_then(|place| row.refunds.get(place));
            let Some(refund) = refund else { return Ok(None) };
            let happened = counts && refund.status() == LogStatus::Success;
            let went_back = Total::ZERO.with(refund.amount).and_then(|sum| Total::ZERO.minus(sum));
            (StatementItem::Refund(refund), Some(refund.id), went_back.filter(|_| happened))
        }
        Item::Elsewhere(_) if counts => (StatementItem::Elsewhere, None, Total::ZERO.minus(elsewhere)),
        // Stands on another day, or among those that are counted nowhere.
        Item::Paid | Item::FoundLate | Item::Elsewhere(_) => return Ok(None),
    };
    let actor = match item {
        StatementItem::Elsewhere => None,
        StatementItem::Payment | StatementItem::Refund(_) => asked_by(walk, row.id, of)?,
    };
    Ok(Some(StatementEntry { at, payment: row, item, amount, actor }))
}

/// The payments made in the window whose money is counted on no day, by when they were made.
fn uncounted(
    walk: &Walk<'_>,
    window: Window,
    (seen, step): (&IsSeen<'_>, &Step<'_>),
) -> Result<Vec<(Moment, PaymentId)>, StoreError> {
    let (payments, mut found) = (walk.tables.payment()?, Vec::new());
    // Ids sort by the time of the intent.
    let (first, last) = (first_id(window.begin.before(SLACK)), first_id(window.end.after(SLACK)));
    for entry in payments.range_owned(first..last)? {
        step()?;
        let id = id_of(entry?.0.value());
        let row = row(&payments, id)?;
        if window.holds(row.created_at) && !row.is_counted() && seen(&row) {
            found.push((row.created_at, id));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The first number that an id of this moment can have: its time stands before all else (RFC 9562, version 7).
fn first_id(moment: Moment) -> u128 {
    u128::from(u64::try_from(moment.millis()).unwrap_or(0)) << 80
}

/// Who asked for a payment, or for a refund of it.
fn asked_by(reading: &Reading, payment: PaymentId, refund: Option<PaymentId>) -> Result<Option<Actor>, StoreError> {
    let id = number(payment);
    for entry in reading.tables.payment_event()?.range_owned((id, 0)..=(id, u64::MAX))? {
        let Some(event) = event_at(reading, entry?.0.value().1)? else { continue };
        let is_it = match (&event.change, refund) {
            (Change::CreateIntended { .. } | Change::Adopted { .. }, None) => true,
            (Change::RefundIntended { refund: begun, .. }, Some(refund)) => begun.id == refund,
            _ => false,
        };
        if is_it {
            return Ok(event.actor);
        }
    }
    Ok(None)
}
