//! When money moved, by time: what a report reads. Each payment that was paid, each refund and each fall that was
//! not ours has its one place in time here, whatever its clock says of that time, so that a report reads exactly its
//! days and days add up to their range.

use super::payment::{PaymentRow, number};
use crate::domain::State;
use crate::id::PaymentId;
use crate::moment::Moment;

/// What is booked at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// The payment was paid.
    Paid,
    /// It was found then to have been paid late.
    FoundLate,
    /// A refund through us was asked for, whatever became of it: the place among those of the payment.
    Refund(u64),
    /// So much more or less is known to have gone back otherwise, since this event.
    Elsewhere(u64),
}

/// A place in time of something that a payment tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BookEntry {
    pub(super) at: Moment,
    pub(super) item: Item,
}

/// The key of an entry in its table: the moment, the payment, and what it is.
pub(super) type BookKey = (i64, u128, u8, u64);

impl BookEntry {
    pub(super) fn key(self, payment: PaymentId) -> BookKey {
        let (item, which) = match self.item {
            Item::Paid => (0, 0),
            Item::FoundLate => (1, 0),
            Item::Refund(place) => (2, place),
            Item::Elsewhere(event) => (3, event),
        };
        (self.at.millis(), number(payment), item, which)
    }

    /// The entry of a key; none if no entry has such a key.
    pub(super) fn read((at, _, item, which): BookKey) -> Option<Self> {
        let item = match item {
            0 => Item::Paid,
            1 => Item::FoundLate,
            2 => Item::Refund(which),
            3 => Item::Elsewhere(which),
            _ => return None,
        };
        Some(Self { at: Moment::from_millis(at), item })
    }
}

/// When it is counted as paid. Of one whose refund an earlier system has logged nobody knows when it was paid:
/// it is counted when it was made.
pub(super) fn counted_at(row: &PaymentRow) -> Option<Moment> {
    (row.state == State::Paid).then(|| row.paid_at.unwrap_or(row.created_at))
}

/// What its row alone tells.
fn entries(row: &PaymentRow) -> Vec<BookEntry> {
    let paid = counted_at(row).map(|at| BookEntry { at, item: Item::Paid });
    let refunds = (0..).zip(&row.refunds).map(|(place, refund)| BookEntry { at: refund.at, item: Item::Refund(place) });
    paid.into_iter().chain(refunds).collect()
}

/// What event `seq` of this moment takes out of the book and what it books, each with the tiyn that only an entry of
/// [`Item::Elsewhere`] has.
pub(super) fn booked(
    (seq, at): (u64, Moment),
    before: Option<&PaymentRow>,
    after: &PaymentRow,
) -> (Vec<BookEntry>, Vec<(BookEntry, i64)>) {
    let (old, new) = (before.map(entries).unwrap_or_default(), entries(after));
    let gone = old.iter().filter(|entry| !new.contains(entry)).copied().collect();
    let mut more: Vec<_> = new.into_iter().filter(|entry| !old.contains(entry)).map(|entry| (entry, 0)).collect();
    let was_paid = before.is_some_and(|row| row.state == State::Paid);
    if before.is_some() && !was_paid && after.state == State::Paid && after.late {
        more.push((BookEntry { at, item: Item::FoundLate }, 0));
    }
    match elsewhere(after) - before.map_or(0, elsewhere) {
        0 => {}
        tiyn => more.push((BookEntry { at, item: Item::Elsewhere(seq) }, tiyn)),
    }
    (gone, more)
}

fn elsewhere(row: &PaymentRow) -> i64 {
    i64::try_from(row.refunded_elsewhere.tiyn()).unwrap_or(i64::MAX)
}
