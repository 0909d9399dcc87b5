//! What is known of a call: how it ended, or what was found out since. A refund whose answer was lost may turn out to
//! have happened, a create may be found by a person, a cancel by a look.

use super::after::{BegunCall, What};
use super::event::{CallOutcome, Ending};
use super::payment::PaymentRow;
use super::refund::RefundRow;
use crate::domain::{Evidence, LogStatus, State};
use crate::id::QrPaymentId;

/// What a row of the log says of its call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownEnd {
    pub(super) status: LogStatus,
    pub(super) error: Option<String>,
    pub(super) external_id: Option<QrPaymentId>,
    pub(super) kaspi_status: Option<String>,
}

impl KnownEnd {
    /// What the end of the call itself said; while there is none, that it is under way.
    fn at_its_end(outcome: Option<&CallOutcome>) -> Self {
        let Some(CallOutcome { status, error, ending, .. }) = outcome else {
            return Self { status: LogStatus::Pending, error: None, external_id: None, kaspi_status: None };
        };
        let (external_id, kaspi_status) = match ending {
            Ending::Created { qr_payment_id, .. } => (Some(qr_payment_id.clone()), None),
            Ending::Cancelled { kaspi_status } => (None, Some(kaspi_status.clone())),
            Ending::Nothing
            | Ending::Lost { .. }
            | Ending::NumberTaken { .. }
            | Ending::Refunded { .. }
            | Ending::RefundLost => (None, None),
        };
        Self { status: *status, error: error.clone(), external_id, kaspi_status }
    }

    fn but(self, status: LogStatus, error: Option<String>) -> Self {
        Self { status, error, ..self }
    }
}

/// Whether the payment can tell more of a call than its end did.
pub(super) fn may_change(call: &BegunCall, outcome: Option<&CallOutcome>) -> bool {
    match call.what {
        What::Refund(_) => true,
        What::Create | What::Cancel => outcome.is_some_and(|outcome| outcome.status == LogStatus::Pending),
    }
}

/// What is known of a call by its end and by its payment as it is.
pub(super) fn known(call: &BegunCall, outcome: Option<&CallOutcome>, payment: Option<&PaymentRow>) -> KnownEnd {
    let said = KnownEnd::at_its_end(outcome);
    let Some(payment) = payment.filter(|_| may_change(call, outcome)) else { return said };
    match call.what {
        What::Create => create(said, payment),
        What::Cancel => cancel(said, payment),
        What::Refund(id) => payment.refund(id).map_or(said.clone(), |found| refund(said, found)),
    }
}

/// The answer to a create was lost.
fn create(said: KnownEnd, payment: &PaymentRow) -> KnownEnd {
    let why = said.error.clone().unwrap_or_default();
    match (&payment.qr_payment_id, payment.state) {
        (Some(id), _) => KnownEnd { external_id: Some(id.clone()), ..said.but(LogStatus::Success, None) },
        (None, State::Abandoned) => {
            said.but(LogStatus::Pending, Some(format!("given up by a person, and it may have been billed: {why}")))
        }
        (None, State::Expired) => {
            said.but(LogStatus::Failed, Some(format!("nobody saw its code, and its time is over: {why}")))
        }
        (None, _) => said,
    }
}

/// Nobody knew whether a cancel had worked.
fn cancel(said: KnownEnd, payment: &PaymentRow) -> KnownEnd {
    match payment.state {
        State::Cancelled => {
            KnownEnd { kaspi_status: payment.kaspi_status.clone(), ..said.but(LogStatus::Success, None) }
        }
        State::Creating | State::Waiting | State::Unknown => said,
        state @ (State::Paid | State::Declined | State::Expired | State::Abandoned) => {
            said.but(LogStatus::Failed, Some(format!("it was not cancelled: the payment is {state}")))
        }
    }
}

fn refund(said: KnownEnd, refund: &RefundRow) -> KnownEnd {
    let status = refund.status();
    if said.status == status {
        return said;
    }
    let error = match (status, refund.evidence()) {
        (LogStatus::Success, _) => None,
        (LogStatus::Failed, Some(Evidence::Person)) => Some("a person says that it did not happen"),
        (LogStatus::Failed, _) => Some("the balance says that it did not happen"),
        (LogStatus::Pending, _) => Some("it may have happened after all: the balance fell since"),
    };
    said.but(status, error.map(ToOwned::to_owned))
}
