//! The log as events for those who follow a shop: the same commits, so nothing is lost or doubled across restarts. An
//! event is a fact: what it says, and of what, is decided by the log up to it and by nothing that came later, so that
//! whoever reads it at any time reads the same.

use super::account::Booking;
use super::after::{BegunCall, What};
use super::event::{CallOutcome, Change, Closed, Ending, IdentityTold};
use super::payment::Seen;
use super::replay::{Replay, ReplayStep};
use super::walk::Walk;
use super::{ConfigRow, DetailsRead, PROCESSED, PaymentRow, StoreError};
use crate::domain::{OperationType, Standing, State};
use crate::moment::Moment;
use crate::operation::{Event, EventType};

/// Events of the log looked at for one page, so that a caller who may see little does not hold a reader for long.
const LOOKED_AT: usize = 4096;

/// What changed after `after`, at most `limit`, of the payments and configs that were visible then; and the cursor
/// behind the last one looked at.
pub(crate) fn feed(
    reading: &Walk<'_>,
    after: u64,
    limit: usize,
    sees_payment: impl Fn(&PaymentRow) -> bool,
    sees_config: impl Fn(&ConfigRow) -> bool,
) -> Result<(Vec<Event>, u64), StoreError> {
    let (mut events, mut next, mut replay) = (Vec::new(), after, Replay::new(reading));
    for entry in reading.tables.event()?.range_owned(after.saturating_add(1)..)?.take(LOOKED_AT) {
        let (seq, stored) = entry?;
        next = seq.value();
        let event = super::event::read(stored.value())?;
        let at = event.at;
        let told =
            match (&event.change, replay.step(next, &event)?) {
                (Change::Config { row, note }, _) => sees_config(row).then(|| Event {
                    seq: next,
                    at,
                    event_type: of_config(row, note.operation, at),
                    payment: None,
                    config: Some(row.view()),
                }),
                (Change::Identity { told, .. }, _) => {
                    Some(Event { seq: next, at, event_type: of_identity(*told), payment: None, config: None })
                }
                (change, Some(step)) => of_payment(change, &step).filter(|_| sees_payment(&step.after)).map(|told| {
                    Event { seq: next, at, event_type: told, payment: Some(step.after.view()), config: None }
                }),
                (_, None) => None,
            };
        events.extend(told);
        if events.len() == limit {
            break;
        }
    }
    Ok((events, next))
}

/// What an event says of the payment it changed; nothing, where it says nothing new.
fn of_payment(change: &Change, step: &ReplayStep) -> Option<EventType> {
    let turned = || step.turned().then(|| of_state(step.after.state));
    match change {
        Change::CreateIntended { .. } | Change::Adopted { .. } => Some(EventType::PaymentCreated),
        Change::Ended { outcome, .. } => of_outcome(outcome, step),
        Change::Seen { seen, .. } => match seen {
            // Paid, and nobody knows for whom: it stays what it was.
            Seen::Status { kaspi_status, .. } if kaspi_status == PROCESSED && step.after.state != State::Paid => {
                Some(EventType::PaymentContradicted)
            }
            // An open payment of which Kaspi says something else is news in the state it has.
            Seen::Status { .. } => turned().or_else(|| step.after.is_open().then(|| of_state(step.after.state))),
            Seen::Dead => turned(),
            Seen::Booked(booking) => Some(of_booking(*booking)),
            // It was told that it is paid.
            Seen::Confirmed { .. } | Seen::BalanceAbove(None) => None,
            Seen::BalanceAbove(Some(_)) => Some(EventType::PaymentContradicted),
            // That the bank agrees again is no news of the payment.
            Seen::Details(DetailsRead::Total(total)) | Seen::Total(total) => {
                (*total != step.after.amount).then_some(EventType::PaymentContradicted)
            }
            Seen::Details(DetailsRead::Refused(_)) | Seen::Contradicted { .. } => Some(EventType::PaymentContradicted),
        },
        // That somebody has seen a late payment turns nothing.
        Change::Resolved { closed, .. } => match closed {
            Closed::Attached { .. } | Closed::Abandoned | Closed::Paid(_) => turned(),
            Closed::Refund { happened: true, .. } => Some(EventType::PaymentRefunded),
            Closed::Refund { happened: false, .. } => Some(EventType::PaymentRefundFailed),
        },
        Change::Imported { .. } => match &step.before {
            None => Some(EventType::PaymentCreated),
            Some(before) if before.refunds.len() < step.after.refunds.len() => Some(EventType::PaymentRefunded),
            Some(_) => turned(),
        },
        Change::Noted(_)
        | Change::Config { .. }
        | Change::CancelIntended { .. }
        | Change::RefundIntended { .. }
        | Change::Restored(_)
        | Change::RestoreAcknowledged { .. }
        | Change::SentAgain { .. }
        | Change::Device { .. }
        | Change::Identity { .. } => None,
    }
}

/// All shops have one identity, so everybody is told.
fn of_identity(told: IdentityTold) -> EventType {
    match told {
        IdentityTold::Changed { .. } => EventType::IdentityChanged,
        IdentityTold::Expiring { .. } => EventType::IdentityExpiring,
    }
}

impl ReplayStep {
    /// Whether the payment is in another state than before.
    fn turned(&self) -> bool {
        self.before.as_ref().is_none_or(|before| before.state != self.after.state)
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

fn of_booking(booking: Booking) -> EventType {
    match booking {
        Booking::Elsewhere(_) | Booking::Happened(_) => EventType::PaymentRefunded,
        Booking::NotSeen(_) => EventType::PaymentRefundFailed,
        Booking::Doubted(_) => EventType::PaymentRefundPending,
    }
}

fn of_outcome(outcome: &CallOutcome, step: &ReplayStep) -> Option<EventType> {
    let is_refund = matches!(step.ends, Some(BegunCall { what: What::Refund(_), .. }));
    match &outcome.ending {
        Ending::Nothing if is_refund => Some(EventType::PaymentRefundFailed),
        Ending::Refunded { .. } => Some(EventType::PaymentRefunded),
        Ending::RefundLost => Some(EventType::PaymentRefundPending),
        // A create that surely moved nothing is declined. A cancel may have been told already, by the follower or by a
        // second cancel, and one that came to nothing is no news.
        Ending::Nothing
        | Ending::Created { .. }
        | Ending::Lost { .. }
        | Ending::NumberTaken { .. }
        | Ending::Cancelled { .. } => step.turned().then(|| of_state(step.after.state)),
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
