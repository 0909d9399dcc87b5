//! What an event makes of a payment: one pure function. The stored row is written by it, and whoever reads the log
//! later sees the payment as of any event through it, so that the two can never differ.

use super::StoreError;
use super::event::{Change, Ending, Event};
use super::payment::PaymentRow;
use crate::domain::{Kind, OperationType, State};
use crate::id::{PaymentId, RequestKey};
use crate::moment::Moment;

/// A call, as the event that began it says. The event that ends it names that event and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BegunCall {
    pub(super) payment: PaymentId,
    pub(super) what: What,
    pub(super) key: Option<RequestKey>,
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Create,
    Cancel,
    /// With the refund's id.
    Refund(PaymentId),
}

impl What {
    /// What the log calls it (the guide's words).
    pub(super) fn operation(self, kind: Kind) -> OperationType {
        match (self, kind) {
            (Self::Create, Kind::Remote) => OperationType::Create,
            (Self::Create, Kind::Link) => OperationType::Link,
            (Self::Create, Kind::Qr) => OperationType::Qr,
            (Self::Cancel, _) => OperationType::Cancel,
            (Self::Refund(_), _) => OperationType::Refund,
        }
    }
}

impl BegunCall {
    /// The call that this began, if it began one.
    pub(super) fn begun(change: &Change) -> Option<Self> {
        let (payment, what, key) = match change {
            Change::CreateIntended { payment, .. } => (payment.id, What::Create, &payment.request_key),
            Change::CancelIntended { payment, key, .. } => (*payment, What::Cancel, key),
            Change::RefundIntended { payment, refund, key, .. } => (*payment, What::Refund(refund.id), key),
            Change::Noted(_)
            | Change::Config { .. }
            | Change::Ended { .. }
            | Change::Seen { .. }
            | Change::Adopted { .. }
            | Change::Resolved { .. }
            | Change::Restored(_)
            | Change::RestoreAcknowledged { .. }
            | Change::Imported { .. }
            | Change::SentAgain { .. }
            | Change::Device { .. }
            | Change::Identity { .. } => return None,
        };
        Some(Self { payment, what, key: key.clone() })
    }

    fn refund(&self) -> Option<PaymentId> {
        match self.what {
            What::Refund(refund) => Some(refund),
            What::Create | What::Cancel => None,
        }
    }
}

impl Event {
    /// The payment it is about, if it is about one; `call` is the one it ends.
    pub(super) fn payment(&self, call: Option<&BegunCall>) -> Option<PaymentId> {
        match &self.change {
            Change::CreateIntended { payment, .. } | Change::Adopted { payment, .. } => Some(payment.id),
            Change::Imported { becomes: Some(payment), .. } => Some(payment.id),
            Change::Imported { payment, becomes: None, .. } => *payment,
            Change::CancelIntended { payment, .. }
            | Change::RefundIntended { payment, .. }
            | Change::Seen { payment, .. }
            | Change::Resolved { payment, .. }
            | Change::SentAgain { payment, .. } => Some(*payment),
            Change::Ended { .. } => call.map(|call| call.payment),
            Change::Noted(_)
            | Change::Config { .. }
            | Change::Restored(_)
            | Change::RestoreAcknowledged { .. }
            | Change::Device { .. }
            | Change::Identity { .. } => None,
        }
    }

    /// Whether any payment may be another behind it.
    pub(super) fn changes_a_payment(&self) -> bool {
        match &self.change {
            Change::CreateIntended { .. }
            | Change::RefundIntended { .. }
            | Change::Ended { .. }
            | Change::Seen { .. }
            | Change::Adopted { .. }
            | Change::Resolved { .. } => true,
            Change::Imported { becomes, .. } => becomes.is_some(),
            Change::Noted(_)
            | Change::Config { .. }
            | Change::CancelIntended { .. }
            | Change::Restored(_)
            | Change::RestoreAcknowledged { .. }
            | Change::SentAgain { .. }
            | Change::Device { .. }
            | Change::Identity { .. } => false,
        }
    }
}

/// A payment behind an event about it.
pub(super) struct After {
    pub(super) row: PaymentRow,
    /// False once its create has surely moved nothing: this is what is told of it, and nothing is kept.
    pub(super) stands: bool,
}

/// The payment behind `event`, from the row before it and nothing else; `call` is the one that the event ends.
pub(super) fn after(before: Option<PaymentRow>, event: &Event, call: Option<&BegunCall>) -> Result<After, StoreError> {
    if let Some(row) = whole(&event.change) {
        return Ok(After { row: row.clone(), stands: true });
    }
    let Some(mut row) = before else {
        let named = event.payment(call).map_or_else(|| "no payment".to_owned(), |id| format!("payment {id}"));
        return Err(StoreError::Codec(format!("the log names {named}, which is not stored")));
    };
    match &event.change {
        Change::RefundIntended { refund, .. } => {
            row.refunds.push(refund.clone());
            row.updated_at = event.at;
        }
        Change::Ended { outcome, .. } => match (&outcome.ending, call) {
            (Ending::Nothing, Some(BegunCall { what: What::Create, .. })) => return Ok(refused(row, event.at)),
            (ending, call) => row.ended(ending, call.and_then(BegunCall::refund), event.at),
        },
        Change::Seen { seen, .. } => row.seen(seen, event.at),
        Change::Resolved { closed, .. } => row.resolved(closed, event.at),
        Change::Noted(_)
        | Change::Config { .. }
        | Change::CreateIntended { .. }
        | Change::CancelIntended { .. }
        | Change::Adopted { .. }
        | Change::Restored(_)
        | Change::RestoreAcknowledged { .. }
        | Change::Imported { .. }
        | Change::SentAgain { .. }
        | Change::Device { .. }
        | Change::Identity { .. } => {}
    }
    Ok(After { row, stands: true })
}

/// The payment that an event brings with it.
fn whole(change: &Change) -> Option<&PaymentRow> {
    match change {
        Change::CreateIntended { payment, .. } | Change::Adopted { payment, .. } => Some(payment),
        Change::Imported { becomes, .. } => becomes.as_deref(),
        _ => None,
    }
}

/// A create that surely moved nothing: whoever was told of its begin is told that it is over.
fn refused(row: PaymentRow, at: Moment) -> After {
    After { row: PaymentRow { state: State::Declined, updated_at: at, ..row }, stands: false }
}
