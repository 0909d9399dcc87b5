//! What happened in some days, for reports: read from the book, which has each fact at its one moment, and from the
//! lists of what is open.

use redb::{Key, ReadOnlyTable};

use super::book::{BookEntry, Item, counted_at};
use super::lists::oldest_open;
use super::payment::{self, PaymentRow};
use super::reading::{Reading, id_of};
use super::refund::RefundRow;
use super::walk::Walk;
use super::{Refused, StoreError};
use crate::domain::{LogStatus, State};
use crate::id::PaymentId;
use crate::moment::Moment;
use crate::money::Total;

/// From the first instant of a day to the one behind the last day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) begin: Moment,
    pub(crate) end: Moment,
}

impl Window {
    pub(crate) fn holds(self, moment: Moment) -> bool {
        (self.begin..self.end).contains(&moment)
    }
}

/// Something a report tells. Each is told once, with the moment at which it is counted.
pub(crate) enum Fact<'r> {
    /// Paid then.
    Paid(&'r PaymentRow, Moment),
    /// Found in the window to have been paid late, and counted on another day.
    FoundLate(&'r PaymentRow),
    /// A refund through us, asked for then, which happened.
    PaidBack(&'r PaymentRow, &'r RefundRow),
    /// The same, and nobody knows whether it happened.
    InDoubt(&'r PaymentRow, &'r RefundRow),
    /// So much went back otherwise, as was seen then; below zero where it is now known that less did.
    PaidBackElsewhere(&'r PaymentRow, Total, Moment),
    /// Made in the window, and open, unknown, given up or disputed.
    Unfinished(&'r PaymentRow),
}

impl Fact<'_> {
    /// Of which payment.
    pub(crate) fn payment(&self) -> &PaymentRow {
        match self {
            Self::Paid(row, _)
            | Self::FoundLate(row)
            | Self::PaidBack(row, _)
            | Self::InDoubt(row, _)
            | Self::PaidBackElsewhere(row, ..)
            | Self::Unfinished(row) => row,
        }
    }
}

/// Takes each fact.
pub(crate) type Tell<'t> = dyn FnMut(Fact<'_>) -> Result<(), Refused> + 't;

/// Tells every fact of the window. `step` is asked before each of many rows whether to go on.
pub(crate) fn facts(
    reading: &Walk<'_>,
    window: Window,
    step: &dyn Fn() -> Result<(), StoreError>,
    tell: &mut Tell<'_>,
) -> Result<(), Refused> {
    unfinished(reading, window, tell)?;
    let payments = reading.tables.payment()?;
    let (begin, end) = (window.begin.millis(), window.end.millis());
    for entry in reading.tables.booked()?.range_owned((begin, 0, 0, 0)..(end, 0, 0, 0))? {
        step()?;
        let (key, tiyn) = entry?;
        let id = id_of(key.value().1);
        let (Some(entry), Some(row)) = (BookEntry::read(key.value()), payment::by_id(&payments, id)?) else {
            return Err(StoreError::Codec(format!("payment {id} is booked and cannot be read")).into());
        };
        if let Some(fact) = fact(&row, entry, tiyn.value(), window) {
            tell(fact)?;
        }
    }
    Ok(())
}

/// Whether anything is booked at or behind this moment.
pub(crate) fn is_booked_since(reading: &Reading, moment: Moment) -> Result<bool, StoreError> {
    let mut behind = reading.tables.booked()?.range_owned((moment.millis(), 0, 0, 0)..)?;
    Ok(behind.next().transpose()?.is_some())
}

/// Open payments, those that were given up, and those that stand in no sum though Kaspi calls them paid.
fn unfinished(reading: &Reading, window: Window, tell: &mut Tell<'_>) -> Result<(), Refused> {
    let mut tell_of = |row: PaymentRow| match window.holds(row.created_at) {
        true => tell(Fact::Unfinished(&row)),
        false => Ok(()),
    };
    for row in rows_of(reading, reading.tables.payment_attention()?, |id| id)? {
        let is_told = |row: &PaymentRow| row.state == State::Abandoned || (row.is_disputed() && !row.is_open());
        row?.filter(is_told).map_or(Ok(()), &mut tell_of)?;
    }
    for row in rows_of(reading, reading.tables.payment_open()?, |(_, id)| id)? {
        row?.map_or(Ok(()), &mut tell_of)?;
    }
    Ok(())
}

/// The payments that an index lists, one after the other.
fn rows_of<K: Key + 'static>(
    reading: &Reading,
    index: ReadOnlyTable<K, ()>,
    id: impl for<'k> Fn(K::SelfType<'k>) -> u128,
) -> Result<impl Iterator<Item = Result<Option<PaymentRow>, StoreError>>, StoreError> {
    let payments = reading.tables.payment()?;
    let entries = index.range_owned::<K::SelfType<'_>>(..)?;
    Ok(entries.map(move |entry| payment::by_id(&payments, id_of(id(entry?.0.value())))))
}

/// The ids of the payments made in the window that wait for the customer and are `wanted`, oldest first.
pub(crate) fn waiting_of(
    reading: &Walk<'_>,
    window: Window,
    wanted: impl Fn(&PaymentRow) -> bool,
) -> Result<Vec<PaymentId>, StoreError> {
    let (payments, mut found) = (reading.tables.payment()?, Vec::new());
    for id in oldest_open(reading)? {
        let row = payment::by_id(&payments, id_of(id?));
        let row = row?.filter(|row| row.state == State::Waiting && window.holds(row.created_at) && wanted(row));
        found.extend(row.map(|row| row.id));
    }
    Ok(found)
}

fn is_counted_in(window: Window, row: &PaymentRow) -> bool {
    row.is_counted() && counted_at(row).is_some_and(|at| window.holds(at))
}

/// What an entry tells of its payment as it is now. Nothing, where its money is not to be counted, or its refund
/// did not happen.
fn fact(row: &PaymentRow, BookEntry { at, item }: BookEntry, tiyn: i64, window: Window) -> Option<Fact<'_>> {
    let counts = row.is_counted();
    match item {
        Item::Paid => counts.then_some(Fact::Paid(row, at)),
        Item::FoundLate => (!is_counted_in(window, row)).then_some(Fact::FoundLate(row)),
        Item::Refund(place) => {
            let refund = row.refunds.get(usize::try_from(place).ok()?)?;
            match refund.status() {
                LogStatus::Success => counts.then_some(Fact::PaidBack(row, refund)),
                LogStatus::Pending => Some(Fact::InDoubt(row, refund)),
                LogStatus::Failed => None,
            }
        }
        Item::Elsewhere(_) => counts.then_some(Fact::PaidBackElsewhere(row, Total::from_tiyn(tiyn), at)),
    }
}
