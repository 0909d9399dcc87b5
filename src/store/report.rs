//! What happened in some days, for reports: payments found by their ids, which sort by time, and events by their
//! place in the log, so that the cost is that of the days and not of the log.
//!
//! The index this relies on is the order of ids and events in time, which is as good as our clock. It may be off by
//! [`SKEW`], and by anything for fewer than [`RUN`] events at a time, as after a start without a battery.

use std::collections::HashSet;
use std::time::Duration;

use redb::ReadOnlyTable;

use super::event::{self, Change, Closed, Event};
use super::payment::{self, PaymentRow, RefundRow, Seen, number};
use super::reading::{Reading, id_of};
use super::{Refused, StoreError, codec};
use crate::id::PaymentId;
use crate::moment::Moment;
use crate::money::Amount;
use crate::operation::{LogStatus, State};

/// The longest life of a bill, a remote invoice's: so much later than it was made the bank may say it was paid.
const LIFE: Duration = Duration::from_secs(24 * 3600);

/// How far our clock may have been off. With one that is further off no certificate of the bank is valid.
const SKEW: Duration = Duration::from_secs(24 * 3600);

/// So many events in a row are outside of a window before the search for its ends is over.
const RUN: u64 = 500;

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

    /// The ids of payments that may have been paid in it by the bank's clock, or made in it.
    fn ids(self) -> (u128, u128) {
        // The first six bytes of an id are its milliseconds.
        let id = |at: Moment| u128::from(u64::try_from(at.millis()).unwrap_or(0)) << 80;
        (id(self.begin.before(LIFE).before(SKEW)), id(self.end.after(SKEW)))
    }
}

/// Something a report tells. Each is told once.
pub(crate) enum Fact<'r> {
    /// Paid in the window.
    Paid(&'r PaymentRow),
    /// Found in the window to have been paid late, and counted on another day.
    FoundLate(&'r PaymentRow),
    /// A refund through us, asked for in the window, which happened or of which nobody knows.
    PaidBack(&'r PaymentRow, &'r RefundRow),
    /// So much went back otherwise, as was seen then.
    PaidBackElsewhere(&'r PaymentRow, Amount, Moment),
    /// Made in the window, and open, unknown, given up or disputed.
    Unfinished(&'r PaymentRow),
}

impl Fact<'_> {
    /// Of which payment.
    pub(crate) fn payment(&self) -> &PaymentRow {
        match self {
            Self::Paid(row)
            | Self::FoundLate(row)
            | Self::PaidBack(row, _)
            | Self::PaidBackElsewhere(row, ..)
            | Self::Unfinished(row) => row,
        }
    }
}

/// Takes each fact.
pub(crate) type Tell<'t> = dyn FnMut(Fact<'_>) -> Result<(), Refused> + 't;

impl Reading {
    /// Tells every fact of the window. `step` is asked before each of many rows whether to go on.
    pub(crate) fn facts(
        &self,
        window: Window,
        step: &dyn Fn() -> Result<(), StoreError>,
        tell: &mut Tell<'_>,
    ) -> Result<(), Refused> {
        self.unfinished(window, tell)?;
        self.paid_by_id(window, step, tell)?;
        self.facts_by_event(window, step, tell)
    }

    /// Open payments, those that were given up, and those that stand in no sum though Kaspi calls them paid.
    fn unfinished(&self, window: Window, tell: &mut Tell<'_>) -> Result<(), Refused> {
        let mut tell_of = |row: PaymentRow| match window.holds(row.created_at) {
            true => tell(Fact::Unfinished(&row)),
            false => Ok(()),
        };
        for row in self.listed(self.tables.payment_attention()?)? {
            let is_told = |row: &PaymentRow| row.state == State::Abandoned || (row.is_disputed() && !row.is_open());
            row?.filter(is_told).map_or(Ok(()), &mut tell_of)?;
        }
        for row in self.listed(self.tables.payment_open()?)? {
            row?.map_or(Ok(()), &mut tell_of)?;
        }
        Ok(())
    }

    /// The payments that an index lists, one after the other.
    fn listed(
        &self,
        index: ReadOnlyTable<u128, ()>,
    ) -> Result<impl Iterator<Item = Result<Option<PaymentRow>, StoreError>>, StoreError> {
        let payments = self.tables.payment()?;
        let ids = index.range_owned::<u128>(..)?;
        Ok(ids.map(move |entry| payment::by_id(&payments, id_of(entry?.0.value()))))
    }

    fn paid_by_id(
        &self,
        window: Window,
        step: &dyn Fn() -> Result<(), StoreError>,
        tell: &mut Tell<'_>,
    ) -> Result<(), Refused> {
        let (first, last) = window.ids();
        for entry in self.tables.payment()?.range_owned(first..last)? {
            step()?;
            let row: PaymentRow = codec::decode(entry?.1.value())?;
            if is_paid_in(&row, window) {
                tell(Fact::Paid(&row))?;
            }
        }
        Ok(())
    }

    /// Refunds, and payments that were seen paid so long after they were made that their ids do not tell.
    fn facts_by_event(
        &self,
        window: Window,
        step: &dyn Fn() -> Result<(), StoreError>,
        tell: &mut Tell<'_>,
    ) -> Result<(), Refused> {
        let first = self.first_event_since(window.begin.before(SKEW))?;
        let (mut told, mut behind) = (HashSet::new(), 0);
        for entry in self.tables.event()?.range_owned(first..)? {
            step()?;
            let (seq, stored) = entry?;
            let event = event::read(stored.value())?;
            behind = match event.at {
                at if at > window.end.after(SKEW) => behind + 1,
                // A clock that is behind says nothing of where the window ends.
                at if at < window.begin.before(SKEW) => behind,
                _ => 0,
            };
            if behind == RUN {
                break;
            }
            self.fact(window, (seq.value(), &event), &mut told, tell)?;
        }
        Ok(())
    }

    fn fact(
        &self,
        window: Window,
        (seq, event): (u64, &Event),
        told: &mut HashSet<PaymentId>,
        tell: &mut Tell<'_>,
    ) -> Result<(), Refused> {
        match &event.change {
            Change::RefundIntended { payment, refund, .. } if window.holds(refund.at) => {
                let row = self.payment_of(*payment)?;
                match row.refund(refund.id) {
                    Some(refund) if refund.status != LogStatus::Failed => tell(Fact::PaidBack(&row, refund)),
                    _ => Ok(()),
                }
            }
            Change::Seen { payment, seen: Seen::RefundedElsewhere(sum) } if window.holds(event.at) => {
                let gone = self.elsewhere_before(*payment, seq)?;
                let more = sum.minus(gone).unwrap_or_default();
                tell(Fact::PaidBackElsewhere(&self.payment_of(*payment)?, more, event.at))
            }
            Change::Adopted { payment, .. } => {
                if window.holds(event.at) && !payment.refunded_elsewhere.is_zero() {
                    tell(Fact::PaidBackElsewhere(payment, payment.refunded_elsewhere, event.at))?;
                }
                self.seen_paid(window, payment.id, event, told, tell)
            }
            Change::Seen { payment, seen: Seen::Status { state: State::Paid, .. } }
            | Change::Resolved { payment, closed: Closed::Paid(true), .. } => {
                self.seen_paid(window, *payment, event, told, tell)
            }
            _ => Ok(()),
        }
    }

    /// A payment that an event calls paid: one whose id says nothing of it is counted here.
    fn seen_paid(
        &self,
        window: Window,
        id: PaymentId,
        event: &Event,
        told: &mut HashSet<PaymentId>,
        tell: &mut Tell<'_>,
    ) -> Result<(), Refused> {
        let row = self.payment_of(id)?;
        let (first, last) = window.ids();
        let by_id = (first..last).contains(&number(id));
        let is_counted = is_paid_in(&row, window);
        if is_counted && !by_id && told.insert(id) {
            return tell(Fact::Paid(&row));
        }
        // A person's word that it was seen finds nothing new.
        let found = matches!(event.change, Change::Seen { .. }) && window.holds(event.at);
        if found && row.late && !is_counted {
            return tell(Fact::FoundLate(&row));
        }
        Ok(())
    }

    /// What had gone back elsewhere of a payment before an event.
    fn elsewhere_before(&self, payment: PaymentId, seq: u64) -> Result<Amount, StoreError> {
        let id = number(payment);
        for entry in self.tables.payment_event()?.range_owned((id, 0)..(id, seq))?.rev() {
            match self.event(entry?.0.value().1)?.map(|event| event.change) {
                Some(Change::Seen { seen: Seen::RefundedElsewhere(sum), .. }) => return Ok(sum),
                Some(Change::Adopted { payment, .. }) => return Ok(payment.refunded_elsewhere),
                _ => {}
            }
        }
        Ok(Amount::ZERO)
    }

    /// An event before which none is at or after `moment`, near to the first that is: found by halving, and from
    /// there back to a run of earlier ones.
    fn first_event_since(&self, moment: Moment) -> Result<u64, StoreError> {
        let (mut low, mut high) = (1, self.last_event()?.saturating_add(1));
        while low < high {
            let middle = low + (high - low) / 2;
            match self.event(middle)? {
                Some(event) if event.at < moment => low = middle + 1,
                _ => high = middle,
            }
        }
        let mut before = 0;
        while low > 1 && before < RUN {
            low -= 1;
            let is_before = self.event(low)?.is_some_and(|event| event.at < moment);
            before = if is_before { before + 1 } else { 0 };
        }
        Ok(low)
    }

    /// The ids of the payments made in the window that wait for the customer and are `wanted`, oldest first.
    pub(crate) fn waiting_of(
        &self,
        window: Window,
        wanted: impl Fn(&PaymentRow) -> bool,
    ) -> Result<Vec<PaymentId>, StoreError> {
        let mut found = Vec::new();
        for row in self.listed(self.tables.payment_open()?)? {
            let row = row?.filter(|row| row.state == State::Waiting && window.holds(row.created_at) && wanted(row));
            found.extend(row.map(|row| row.id));
        }
        Ok(found)
    }
}

fn is_paid_in(row: &PaymentRow, window: Window) -> bool {
    row.is_counted() && row.paid_at.is_some_and(|at| window.holds(at))
}
