//! A row of the log: what an event and those that belong to it say, as the guide's KaspiPayLog shows it. A row is a
//! view: what is found out later of its operation stands in it, and no event changes.

use super::StoreError;
use super::account::Booking;
use super::after::{BegunCall, What};
use super::event::{self, Change, Closed, ImportedRow, Note};
use super::events::{ended_by, event_at};
use super::known::{KnownEnd, known, may_change};
use super::payment::{self, PaymentRow, Seen, number};
use super::reading::Reading;
use crate::domain::{LogStatus, OperationType};
use crate::id::PaymentId;
use crate::message::shortened;
use crate::money::Amount;
use crate::operation::LogRow;

/// The row that an event begins; none for one that ends another's.
pub(super) fn row_of(reading: &Reading, seq: u64) -> Result<Option<LogRow>, StoreError> {
    let Some(event) = event_at(reading, seq)? else { return Ok(None) };
    let row = match &event.change {
        // What set a token has a row of its own.
        Change::Ended { .. } | Change::Device { .. } => return Ok(None),
        Change::Noted(note) | Change::Config { note, .. } | Change::Identity { note, .. } => noted(note),
        begun @ (Change::CreateIntended { .. } | Change::CancelIntended { .. } | Change::RefundIntended { .. }) => {
            call_row(reading, begun, seq)?
        }
        Change::SentAgain { intent, refused, .. } => first_of_two(reading, *intent, refused)?,
        Change::Seen { payment, seen: what } => seen(&payment_of(reading, *payment)?, what),
        Change::Adopted { payment, x_request_id } => {
            let row = of_payment(payment, OperationType::Adopt, payment.amount);
            let kaspi_status = payment.kaspi_status.clone();
            LogRow { kaspi_status, x_request_id: Some(x_request_id.clone()), ..row }
        }
        Change::Resolved { payment, closed, reason } => {
            LogRow { error_message: Some(reason.to_string()), ..resolved(&payment_of(reading, *payment)?, closed) }
        }
        Change::Restored(gap) => {
            LogRow { error_message: Some(gap.to_string()), ..noted(&Note::done(OperationType::Restored)) }
        }
        Change::RestoreAcknowledged { restored } => LogRow {
            error_message: Some(format!("the gap of event {restored} was acknowledged")),
            ..noted(&Note::done(OperationType::Restored))
        },
        Change::Imported { row, payment, .. } => {
            return Ok(Some(fitting(LogRow { id: seq, actor: event.actor, ..imported(row, *payment) })));
        }
    };
    Ok(Some(fitting(LogRow { id: seq, created_at: event.at, actor: event.actor, ..row })))
}

/// The row of a call when it began.
fn begun_row(reading: &Reading, change: &Change) -> Result<LogRow, StoreError> {
    let (row, key, x_request_id) = match change {
        Change::CreateIntended { payment, x_request_id, .. } => {
            let row = of_payment(payment, What::Create.operation(payment.kind), payment.amount);
            (row, payment.request_key.as_ref(), x_request_id)
        }
        Change::CancelIntended { payment, key, x_request_id, .. } => {
            let payment = payment_of(reading, *payment)?;
            (of_payment(&payment, OperationType::Cancel, payment.amount), key.as_ref(), x_request_id)
        }
        Change::RefundIntended { payment, refund, key, x_request_id, .. } => {
            let row = of_payment(&payment_of(reading, *payment)?, OperationType::Refund, refund.amount);
            (row, key.as_ref(), x_request_id)
        }
        other => return Err(StoreError::Codec(format!("this began no call: {other:?}"))),
    };
    Ok(LogRow {
        request_key: key.cloned(),
        x_request_id: Some(x_request_id.clone()),
        status: LogStatus::Pending,
        ..row
    })
}

/// The row of a call: how it began, what is known of it now, and the number of the request that decided it.
fn call_row(reading: &Reading, begun: &Change, seq: u64) -> Result<LogRow, StoreError> {
    let row = begun_row(reading, begun)?;
    let Some(call) = BegunCall::begun(begun) else { return Ok(row) };
    let (ended, outcome) = ended_by(reading, (call.payment, seq))?.unzip();
    let payment = match may_change(&call, outcome.as_ref()) {
        true => payment::by_id(&reading.tables.payment()?, call.payment)?,
        false => None,
    };
    let KnownEnd { status, error, external_id, kaspi_status } = known(&call, outcome.as_ref(), payment.as_ref());
    let again = sent_again(reading, &row, seq, ended.unwrap_or(u64::MAX))?;
    Ok(LogRow {
        external_id: external_id.or(row.external_id),
        status,
        error_message: error,
        kaspi_status,
        x_request_id: again.or(row.x_request_id),
        provider_code: outcome.as_ref().and_then(|outcome| outcome.provider_code),
        duration_ms: outcome.map(|outcome| outcome.duration_ms),
        ..row
    })
}

/// The number of the second request of a call, if there was one before event `ended`.
fn sent_again(reading: &Reading, row: &LogRow, begun: u64, ended: u64) -> Result<Option<String>, StoreError> {
    let Some(id) = row.payment_id.map(number) else { return Ok(None) };
    for entry in reading.tables.payment_event()?.range((id, begun + 1)..(id, ended))? {
        match event_at(reading, entry?.0.value().1)?.map(|event| event.change) {
            Some(Change::SentAgain { intent, x_request_id, .. }) if intent == begun => {
                return Ok(Some(x_request_id));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// The request that was refused for its token: a row of its own, so that it is found by its number.
fn first_of_two(reading: &Reading, intent: u64, refused: &event::FirstRefusal) -> Result<LogRow, StoreError> {
    let Some(begun) = event_at(reading, intent)? else {
        return Err(event::missing(intent));
    };
    Ok(LogRow {
        status: LogStatus::Failed,
        error_message: Some(refused.error.clone()),
        provider_code: refused.provider_code,
        ..begun_row(reading, &begun.change)?
    })
}

pub(super) fn payment_of(reading: &Reading, id: PaymentId) -> Result<PaymentRow, StoreError> {
    payment::by_id(&reading.tables.payment()?, id)?
        .ok_or_else(|| StoreError::Codec(format!("the log names payment {id}, which is not stored")))
}

/// A row whose message fits the guide's column, whatever is said before the bank's words.
fn fitting(row: LogRow) -> LogRow {
    LogRow { error_message: row.error_message.map(|message| shortened(&message).to_owned()), ..row }
}

fn seen(payment: &PaymentRow, seen: &Seen) -> LogRow {
    let (amount, kaspi_status) = match seen {
        Seen::Booked(Booking::Elsewhere(sum)) => (*sum, None),
        Seen::Booked(Booking::Happened(refund) | Booking::NotSeen(refund) | Booking::Doubted(refund)) => {
            (refund_amount(payment, *refund), None)
        }
        Seen::Status { kaspi_status, .. } | Seen::Contradicted { kaspi_status } | Seen::Confirmed { kaspi_status } => {
            (payment.amount, Some(kaspi_status.clone()))
        }
        Seen::Details(_) | Seen::Total(_) | Seen::BalanceAbove(_) | Seen::Dead => (payment.amount, None),
    };
    LogRow { kaspi_status, ..of_payment(payment, OperationType::Status, amount) }
}

fn resolved(payment: &PaymentRow, closed: &Closed) -> LogRow {
    let (amount, kaspi_status) = match closed {
        Closed::Refund { refund, .. } => (refund_amount(payment, *refund), None),
        Closed::Attached { kaspi_status, .. } => (payment.amount, Some(kaspi_status.clone())),
        Closed::Abandoned | Closed::Paid(_) => (payment.amount, None),
    };
    LogRow { kaspi_status, ..of_payment(payment, OperationType::Resolve, amount) }
}

fn refund_amount(payment: &PaymentRow, refund: PaymentId) -> Amount {
    payment.refund(refund).map_or(payment.amount, |refund| refund.amount)
}

fn of_payment(payment: &PaymentRow, operation: OperationType, amount: Amount) -> LogRow {
    LogRow {
        id: 0,
        shop_id: Some(payment.shop_id),
        kaspi_config_id: Some(payment.config_id),
        operation_type: operation,
        external_id: payment.qr_payment_id.clone(),
        organization_bin: Some(payment.organization_bin.clone()),
        amount: Some(amount),
        status: LogStatus::Success,
        error_message: None,
        created_at: payment.created_at,
        payment_id: Some(payment.id),
        kaspi_status: None,
        actor: None,
        request_key: None,
        x_request_id: None,
        provider_code: None,
        duration_ms: None,
    }
}

fn noted(note: &Note) -> LogRow {
    LogRow {
        id: 0,
        shop_id: note.shop_id,
        kaspi_config_id: note.config_id,
        operation_type: note.operation,
        external_id: None,
        organization_bin: note.organization_bin.clone(),
        amount: None,
        status: note.status,
        error_message: note.error.clone(),
        created_at: crate::moment::Moment::from_millis(0),
        payment_id: None,
        kaspi_status: None,
        actor: None,
        request_key: None,
        x_request_id: note.x_request_id.clone(),
        provider_code: note.provider_code,
        duration_ms: note.duration_ms,
    }
}

fn imported(row: &ImportedRow, payment: Option<PaymentId>) -> LogRow {
    LogRow {
        id: 0,
        shop_id: row.shop_id,
        kaspi_config_id: row.config_id,
        operation_type: row.operation,
        external_id: row.external_id.clone(),
        organization_bin: row.organization_bin.clone(),
        amount: row.amount,
        status: row.status,
        error_message: row.error.clone(),
        created_at: row.created_at,
        payment_id: payment,
        kaspi_status: None,
        actor: None,
        request_key: None,
        x_request_id: None,
        provider_code: None,
        duration_ms: None,
    }
}
