//! The log as events for those who follow a shop: the same commits, so nothing is lost or doubled across restarts.

use super::config;
use super::event::{Change, Closed, Ending, Outcome};
use super::log::{EXPORTED, fits};
use super::payment::{self, Seen, number};
use super::reading::Reading;
use super::{ConfigRow, DetailsRead, PROCESSED, PaymentRow, StoreError};
use crate::id::{OrganizationBin, PaymentId, ShopId};
use crate::moment::Moment;
use crate::operation::{Event, EventType, LogQuery, LogRow, OperationType, Standing, State};

/// Events of the log looked at for one page, so that a caller who may see little does not hold a reader for long.
const LOOKED_AT: usize = 10_000;

impl Reading {
    /// What changed after `after`, at most `limit`, of the payments and configs that are visible; and the cursor
    /// behind the last one looked at.
    pub(crate) fn news(
        &self,
        after: u64,
        limit: usize,
        sees_payment: impl Fn(&PaymentRow) -> bool,
        sees_config: impl Fn(&ConfigRow) -> bool,
    ) -> Result<(Vec<Event>, u64), StoreError> {
        let mut events = Vec::new();
        let mut next = after;
        for entry in self.tables.event()?.range_owned(after.saturating_add(1)..)?.take(LOOKED_AT) {
            let (seq, stored) = entry?;
            next = seq.value();
            let event = super::event::read(stored.value())?;
            let (what, about) = self.told(next, &event)?;
            let Some(event_type) = what else { continue };
            let (payment, config) = match about {
                About::Payment(id) => {
                    let row = payment::by_id(&self.tables.payment()?, id)?.filter(&sees_payment);
                    (row.map(|row| row.view()), None)
                }
                About::Config(id) => {
                    let row = config::by_id(&self.tables.config()?, id)?.filter(&sees_config);
                    (None, row.map(|row| row.view()))
                }
            };
            // None of the caller's business, or a create that moved nothing.
            if payment.is_none() && config.is_none() {
                continue;
            }
            events.push(Event { seq: next, at: event.at, event_type, payment, config });
            if events.len() == limit {
                break;
            }
        }
        Ok((events, next))
    }

    /// The rows whose operations ended behind event `after`, in that order, at most `limit`, that fit the query and
    /// `visible`; and the last event that was looked at.
    pub(crate) fn log_news(
        &self,
        query: &LogQuery,
        (after, limit): (u64, usize),
        visible: impl Fn(Option<ShopId>, Option<&OrganizationBin>) -> bool,
    ) -> Result<(Vec<LogRow>, u64), StoreError> {
        let (mut rows, mut next) = (Vec::new(), after);
        let events = self.tables.event()?.range_owned(after.saturating_add(1)..)?;
        for entry in events.take(usize::try_from(EXPORTED).unwrap_or(usize::MAX)) {
            let (seq, stored) = entry?;
            next = seq.value();
            let begun = match super::event::read(stored.value())?.change {
                // Its row comes with its end.
                Change::CreateIntended { .. } | Change::CancelIntended { .. } | Change::RefundIntended { .. } => {
                    continue;
                }
                Change::Ended { intent, .. } => intent,
                _ => next,
            };
            let row =
                self.row(begun)?.filter(|row| fits(row, query) && visible(row.shop_id, row.organization_bin.as_ref()));
            let is_asked = |row: &LogRow| query.payment.is_none() || row.payment_id == query.payment;
            rows.extend(row.filter(is_asked));
            if rows.len() == limit {
                break;
            }
        }
        Ok((rows, next))
    }

    /// What event `seq` of the log says to followers, and of what.
    fn told(&self, seq: u64, event: &super::event::Event) -> Result<(Option<EventType>, About), StoreError> {
        let (at, change) = (event.at, &event.change);
        Ok(match change {
            Change::Noted(_) | Change::Restored(_) | Change::RestoreAcknowledged { .. } => (None, About::Config(0)),
            Change::Config { row, note } => (Some(of_config(row, note.operation, at)), About::Config(row.id)),
            Change::CreateIntended { payment, .. } => (Some(EventType::PaymentCreated), About::Payment(payment.id)),
            Change::CancelIntended { payment, .. }
            | Change::RefundIntended { payment, .. }
            | Change::SentAgain { payment, .. } => (None, About::Payment(*payment)),
            Change::Ended { intent, outcome } => match self.payment_of_call(*intent)? {
                // The follower or a second cancel was first to say so.
                Some((payment, _)) if is_cancelled(change) && self.was_before(seq, payment, is_cancelled)? => {
                    (None, About::Payment(payment))
                }
                Some((payment, refund)) => (of_outcome(outcome, refund), About::Payment(payment)),
                None => (None, About::Config(0)),
            },
            // That the bank agrees again is no news of the payment.
            Change::Seen { payment, seen: Seen::Details(read) } => {
                let differs = match read {
                    DetailsRead::Total(total) => *total != self.payment_of(*payment)?.amount,
                    DetailsRead::Refused(_) => true,
                };
                (differs.then_some(EventType::PaymentContradicted), About::Payment(*payment))
            }
            Change::Seen { payment, seen } => (Some(of_sight(seen)), About::Payment(*payment)),
            Change::Imported { becomes: Some(payment), .. } => {
                (Some(EventType::PaymentCreated), About::Payment(payment.id))
            }
            Change::Imported { .. } => (None, About::Config(0)),
            Change::Adopted { payment, .. } => (Some(EventType::PaymentCreated), About::Payment(payment.id)),
            // That somebody has seen a late payment is no news of the payment.
            Change::Resolved { payment, .. } if is_paid(change) && self.was_before(seq, *payment, is_paid)? => {
                (None, About::Payment(*payment))
            }
            Change::Resolved { payment, closed, .. } => (Some(of_closing(closed)), About::Payment(*payment)),
        })
    }

    /// Whether a payment had such an event before `seq`: what is told once is not told again.
    fn was_before(&self, seq: u64, payment: PaymentId, such: impl Fn(&Change) -> bool) -> Result<bool, StoreError> {
        let id = number(payment);
        for entry in self.tables.payment_event()?.range_owned((id, 0)..(id, seq))? {
            let event = self.event(entry?.0.value().1)?;
            if event.is_some_and(|event| such(&event.change)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The payment a call was about, and whether it was a refund.
    fn payment_of_call(&self, intent: u64) -> Result<Option<(PaymentId, bool)>, StoreError> {
        Ok(self.event(intent)?.and_then(|event| match event.change {
            Change::CreateIntended { payment, .. } => Some((payment.id, false)),
            Change::CancelIntended { payment, .. } => Some((payment, false)),
            Change::RefundIntended { payment, .. } => Some((payment, true)),
            _ => None,
        }))
    }
}

enum About {
    Payment(PaymentId),
    Config(u64),
}

fn is_cancelled(change: &Change) -> bool {
    match change {
        Change::Ended { outcome, .. } => matches!(outcome.ending, Ending::Cancelled { .. }),
        Change::Seen { seen: Seen::Status { state, .. }, .. } => *state == State::Cancelled,
        _ => false,
    }
}

fn is_paid(change: &Change) -> bool {
    match change {
        Change::Seen { seen: Seen::Status { state, .. }, .. } => *state == State::Paid,
        Change::Resolved { closed, .. } => *closed == Closed::Paid(true),
        Change::Adopted { payment, .. } => payment.state == State::Paid,
        Change::Imported { becomes: Some(payment), .. } => payment.state == State::Paid,
        _ => false,
    }
}

/// A standing tells only when it changes, which is when it stands since this very event.
fn of_config(row: &ConfigRow, operation: OperationType, at: Moment) -> EventType {
    let new = row.standing_since == at;
    match (row.standing, operation, &row.standing_reason) {
        (Standing::Suspended, ..) if row.is_active && new => EventType::ConfigSuspended,
        (Standing::Verified, OperationType::Verify, None) if new => EventType::ConfigRestored,
        (Standing::Verified, OperationType::Verify, None) => EventType::ConfigVerified,
        _ => EventType::ConfigChanged,
    }
}

fn of_outcome(outcome: &Outcome, refund: bool) -> Option<EventType> {
    match &outcome.ending {
        Ending::Nothing if refund => Some(EventType::PaymentRefundFailed),
        Ending::Nothing => None,
        Ending::Created { .. } => Some(EventType::PaymentWaiting),
        Ending::Lost { .. } | Ending::NumberTaken { .. } => Some(EventType::PaymentUnknown),
        Ending::Cancelled { .. } => Some(EventType::PaymentCancelled),
        Ending::Refunded { .. } => Some(EventType::PaymentRefunded),
        Ending::RefundFailed => Some(EventType::PaymentRefundFailed),
        Ending::RefundPending => Some(EventType::PaymentRefundPending),
    }
}

fn of_sight(seen: &Seen) -> EventType {
    match seen {
        // Paid, and nobody knows for whom: it stays what it was.
        Seen::Status { state, kaspi_status, .. } if kaspi_status == PROCESSED && *state != State::Paid => {
            EventType::PaymentContradicted
        }
        Seen::Status { state, .. } => of_state(*state),
        Seen::RefundedElsewhere(_) | Seen::RefundSettled { happened: true, .. } => EventType::PaymentRefunded,
        Seen::RefundSettled { happened: false, .. } => EventType::PaymentRefundFailed,
        Seen::RefundDoubted(_) => EventType::PaymentRefundPending,
        Seen::Dead => EventType::PaymentExpired,
        Seen::Details(_) | Seen::Contradicted { .. } => EventType::PaymentContradicted,
    }
}

fn of_closing(closed: &Closed) -> EventType {
    match closed {
        Closed::Attached { .. } => EventType::PaymentWaiting,
        Closed::Abandoned => EventType::PaymentAbandoned,
        Closed::Refund { happened: true, .. } => EventType::PaymentRefunded,
        Closed::Refund { happened: false, .. } => EventType::PaymentRefundFailed,
        Closed::Paid(true) => EventType::PaymentPaid,
        Closed::Paid(false) => EventType::PaymentDeclined,
    }
}

fn of_state(state: State) -> EventType {
    match state {
        State::Creating => EventType::PaymentCreated,
        State::Waiting => EventType::PaymentWaiting,
        State::Paid => EventType::PaymentPaid,
        State::Declined => EventType::PaymentDeclined,
        State::Cancelled => EventType::PaymentCancelled,
        State::Expired => EventType::PaymentExpired,
        State::Unknown => EventType::PaymentUnknown,
        State::Abandoned => EventType::PaymentAbandoned,
    }
}
