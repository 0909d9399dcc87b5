//! The end of a money call, whether its answer came or not: written once, before anybody is told.

use crate::domain::{LogStatus, State};
use crate::failure::{Failure, Money};
use crate::id::PaymentId;
use crate::notice;
use crate::store::{CallOutcome, Change, Closed, Ending, Event, PaymentRow, Refused, StoreError, Writing};

/// What stands in the place of the bank's word, because of what was known when it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instead {
    /// The number that Kaspi gave is this other payment's.
    KnownNumber(PaymentId),
    /// The payment was seen paid while its cancel was out.
    Paid,
}

/// Records how a call ended. A commit that failed may have been kept by the disk: an outcome that is there already is
/// not written twice.
pub(super) fn record(
    writing: &mut Writing<'_>,
    intent: u64,
    mut outcome: CallOutcome,
) -> Result<Option<Instead>, Refused> {
    let Some(begun) = writing.begun(intent)? else { return Ok(None) };
    let instead = instead(writing, &begun.change, &outcome.ending)?;
    match instead {
        Some(Instead::KnownNumber(by)) => {
            let Ending::Created { qr_payment_id, .. } = &outcome.ending else { return Ok(None) };
            outcome.error = Some(format!("Kaspi gave {qr_payment_id}, which is payment {by}"));
            let ending = Ending::NumberTaken { qr_payment_id: qr_payment_id.clone(), by };
            (outcome.status, outcome.ending) = (LogStatus::Pending, ending);
        }
        Some(Instead::Paid) => {
            outcome.error = Some("the customer has paid meanwhile".to_owned());
            (outcome.status, outcome.ending) = (LogStatus::Failed, Ending::Nothing);
        }
        None => {}
    }
    let happened = outcome.ending != Ending::Nothing;
    writing.append(None, Change::Ended { intent, outcome })?;
    if happened {
        give_up_superseded(writing, &begun)?;
    }
    Ok(instead)
}

fn instead(writing: &Writing<'_>, begun: &Change, ending: &Ending) -> Result<Option<Instead>, StoreError> {
    Ok(match (begun, ending) {
        (Change::CreateIntended { payment, .. }, Ending::Created { qr_payment_id, .. }) => {
            let other = writing.payment_by_qr(qr_payment_id)?.filter(|other| other.id != payment.id);
            other.map(|other| Instead::KnownNumber(other.id))
        }
        (Change::CancelIntended { payment, .. }, Ending::Cancelled { .. }) => {
            let is_paid = writing.payment(*payment)?.is_some_and(|row| row.state == State::Paid);
            is_paid.then_some(Instead::Paid)
        }
        _ => None,
    })
}

/// A create that happened or may have takes the place of the unknown payment it was to replace, and not before.
fn give_up_superseded(writing: &mut Writing<'_>, begun: &Event) -> Result<(), StoreError> {
    let Change::CreateIntended { payment, reason, .. } = &begun.change else { return Ok(()) };
    let (Some(old), Some(reason)) = (payment.supersedes, reason.clone()) else { return Ok(()) };
    // A person may have attached it meanwhile: then it is followed, not given up.
    if writing.payment(old)?.is_some_and(|row| row.state == State::Unknown) {
        writing.append(begun.actor.clone(), Change::Resolved { payment: old, closed: Closed::Abandoned, reason })?;
    }
    Ok(())
}

/// What the bank said, for a caller and a journal that are the only ones to have it.
pub(super) fn words(ending: &Ending) -> String {
    match ending {
        Ending::Nothing => "nothing happened".to_owned(),
        Ending::Created { qr_payment_id, .. } => format!("created {qr_payment_id}"),
        Ending::NumberTaken { by, .. } => format!("created with the number of payment {by}"),
        Ending::Lost { .. } => "no answer: it may have been created".to_owned(),
        Ending::Cancelled { .. } => "cancelled".to_owned(),
        Ending::Refunded { .. } => "paid back".to_owned(),
        Ending::RefundLost => "no answer: it may have been paid back".to_owned(),
    }
}

/// The failure of an outcome that could not be stored: what the bank said, to the caller and in the journal.
pub(super) fn unstored(failure: Failure, payment: &PaymentRow, money: Money, said: &str) -> Failure {
    tracing::error!(
        message_id = notice::OUTCOME_UNSTORED.id,
        kaspid.payment = %payment.id,
        kaspid.config = %payment.config_id,
        kaspid.money = ?money,
        "the outcome of a call for payment {} could not be stored and is kept in memory until it can: {said}",
        payment.id
    );
    let detail = format!("{}; the bank has answered: {said}", failure.detail);
    Failure { detail, ..failure }.with_money(money).with_retryable(false).with_payment(payment.id)
}
