//! Cancelling a remote invoice. Moves no money and may be repeated; doubt is settled by a status read.

use super::call::{Asker, Begun, Intent, MoneyCall, MoneyTurn, Sent, Verdict};
use super::intention::wrote_cancel;
use super::keys::Keys;
use super::outcome::Instead;
use crate::domain::{Kind, LogStatus, State};
use crate::failure::{Code, Failure, Money};
use crate::id::{PaymentId, PaymentRef, QrPaymentId};
use crate::kaspi::{CallError, Cancelled};
use crate::operation::Reply;
use crate::service::Context;
use crate::service::bank::{Bank, failure_of};
use crate::service::payment::{CANCELLED, PaymentRows, Statuses, awaits_owner, is_outstanding};
use crate::store::{Change, Ending, PROCESSED, PaymentRow, Refused, Store, Triple, Writing, Wrote};
use std::sync::Arc;

/// A cancel of a payment, and the triple that it would be made with.
#[derive(Clone)]
struct CancelCall {
    payment: PaymentId,
    at: Option<(QrPaymentId, Triple)>,
    /// Kaspi has just said that it still has what we called expired.
    stands: bool,
    /// Settles a doubt.
    statuses: Arc<Statuses>,
}

/// Ends bills; touches the log through its keys, and payments through their statuses.
pub(in crate::service) struct Cancels {
    keys: Arc<Keys>,
    payments: PaymentRows,
    bank: Arc<Bank>,
    statuses: Arc<Statuses>,
}

impl Cancels {
    pub(super) fn new(keys: Arc<Keys>, bank: Arc<Bank>, statuses: Arc<Statuses>) -> Self {
        let payments = PaymentRows::new(keys.store().clone());
        Self { keys, payments, bank, statuses }
    }

    pub(in crate::service) async fn cancel(&self, context: &Context, named: &PaymentRef) -> Result<Reply, Failure> {
        let row = self.payments.visible(context, named)?;
        let (id, wrote) = (row.id, wrote_cancel(self.keys.store(), row.id));
        self.keys.in_turn((context, row.shop_id), wrote, |turn| self.cancel_in_turn(turn, id)).await?;
        Ok(Reply::Payment(self.payments.row(id)?.view()))
    }

    async fn cancel_in_turn(&self, turn: MoneyTurn<'_>, id: PaymentId) -> Result<(), Failure> {
        let context = turn.context;
        let (stands, row) = self.still_stands(context, self.payments.row(id)?).await?;
        let at = match (row.state, row.kind, row.qr_payment_id.clone()) {
            // Refused in its own words before anything is intended.
            (state, Kind::Remote, Some(qr)) if stands || state == State::Waiting => {
                Some((qr, self.bank.frozen_triple(&context.settings, &row)?))
            }
            _ => None,
        };
        let cancel = CancelCall { payment: id, at, stands, statuses: self.statuses.clone() };
        match turn.intend(row.shop_id, cancel).await? {
            Intent::Seen(_) => Ok(()),
            Intent::New(intended) => {
                let ended = intended.send(&context.settings).await.end(context).await?;
                ended.failure.map_or(Ok(()), Err)
            }
        }
    }

    /// Whether Kaspi still has an invoice that we called expired, by a clock that may have been wrong: then it is
    /// cancelled like one that waits.
    async fn still_stands(&self, context: &Context, row: PaymentRow) -> Result<(bool, PaymentRow), Failure> {
        if (row.state, row.kind) != (State::Expired, Kind::Remote) {
            return Ok((false, row));
        }
        match self.statuses.status_now(&context.settings, &row).await {
            Ok((said, row)) => Ok((said.is_some_and(|said| said == CANCELLED || is_outstanding(&said)), row)),
            // Kaspi does not know it: nobody can pay it.
            Err(failure) if failure.code == Code::NotFound => Ok((false, row)),
            Err(failure) => Err(failure),
        }
    }
}

impl CancelCall {
    /// Kaspi's word that it is cancelled, from the answer or from the status read that settles a doubt.
    async fn cancelled(
        &self,
        context: &Context,
        row: &PaymentRow,
        answer: &Result<Cancelled, CallError>,
    ) -> Result<String, Failure> {
        let failure = match answer {
            Ok(Cancelled { status: Some(status) }) if status == CANCELLED => return Ok(status.clone()),
            Ok(Cancelled { status }) => {
                let said = status.as_deref().unwrap_or("nothing");
                Failure::new(Code::KaspiUnavailable, format!("Kaspi accepted the cancel and said {said}"))
            }
            Err(trouble) => refused(failure_of(trouble)),
        };
        let (said, now) = match self.statuses.status_now(&context.settings, row).await {
            Ok(now) => now,
            Err(_) => return Err(unread(row, answer, failure)),
        };
        if let Some(doubt) = paid_in_doubt(&now) {
            return Err(doubt);
        }
        match (now.state, said) {
            (State::Paid, _) => Err(paid(row)),
            (_, Some(status)) if status == CANCELLED => Ok(status),
            _ => Err(failure.with_payment(row.id)),
        }
    }
}

impl MoneyCall for CancelCall {
    type Given = Cancelled;

    const POINTS: [&'static str; 4] = ["cancel.begin", "cancel.intended", "cancel.answered", "cancel.ended"];
    const NAME: &'static str = "cancel";

    fn wrote(&self, store: &Store) -> Wrote {
        wrote_cancel(store, self.payment)
    }

    fn intend(&self, writing: &Writing<'_>, asker: Asker<'_>) -> Result<Begun, Refused> {
        let id = self.payment;
        let Some(row) = writing.payment(id)? else { return Err(Failure::not_found("the payment is gone").into()) };
        if row.state == State::Cancelled {
            return Ok(Begun::Seen(id));
        }
        cancellable(&row, self.stands)?;
        let Some((_, triple)) = self.at.clone().filter(|_| !writing.is_running(id).unwrap_or(true)) else {
            return Err(Failure::new(Code::InProgress, "another call on this payment is not finished")
                .with_payment(id)
                .into());
        };
        let Asker { context, wrote, x_request_id, .. } = asker;
        let change = Change::CancelIntended { payment: id, key: context.key.clone(), wrote, x_request_id };
        Ok(Begun::New(Box::new((change, row, triple))))
    }

    async fn send(&self, _: &PaymentRow, (kaspi, ask, triple): Sent) -> Result<Cancelled, CallError> {
        match &self.at {
            Some((qr, _)) => kaspi.cancel(&ask, &triple, qr).await,
            None => Err(CallError::NeverSent { why: "the payment has no number".to_owned(), certificate: false }),
        }
    }

    async fn judge(&self, context: &Context, payment: &PaymentRow, answer: &Result<Cancelled, CallError>) -> Verdict {
        let (status, failure, ending) = match self.cancelled(context, payment, answer).await {
            Ok(kaspi_status) => (LogStatus::Success, None, Ending::Cancelled { kaspi_status }),
            Err(failure) if failure.code == Code::KaspiUnavailable => {
                (LogStatus::Pending, Some(failure), Ending::Nothing)
            }
            Err(failure) => (LogStatus::Failed, Some(failure), Ending::Nothing),
        };
        // A cancel moves nothing; that the customer has paid may have come to light.
        let money = failure.as_ref().map_or(Money::NotMoved, |failure| failure.money);
        Verdict { status, ending, failure, money }
    }

    fn instead(&self, payment: &PaymentRow, _: Instead) -> Failure {
        paid(payment)
    }
}

/// A refusal of the bank, in a cancel's words.
fn refused(failure: Failure) -> Failure {
    match failure.code {
        Code::NotFound | Code::Declined | Code::NotRefundable => Failure { code: Code::NotCancellable, ..failure },
        _ => failure,
    }
}

/// The status that would settle it could not be read: what the answer itself said of the invoice is not forgotten.
fn unread(row: &PaymentRow, answer: &Result<Cancelled, CallError>, failure: Failure) -> Failure {
    let failure = failure.with_payment(row.id);
    match answer {
        Ok(Cancelled { status: Some(said) }) if said == PROCESSED => Failure { code: Code::NotCancellable, ..failure }
            .with_money(Money::Unknown)
            .with_retryable(false)
            .with_hint(format!("Kaspi calls it paid. See whether it is: kaspictl payment show {}", row.id)),
        Ok(_) => failure.with_money(Money::Unknown),
        Err(_) => failure,
    }
}

/// The customer has paid somebody: whether it was us is not known.
fn paid_in_doubt(row: &PaymentRow) -> Option<Failure> {
    awaits_owner(row, Code::NotCancellable).map(|failure| failure.with_money(Money::Unknown))
}

fn paid(row: &PaymentRow) -> Failure {
    Failure::new(Code::NotCancellable, "the customer has paid")
        .with_money(Money::Moved)
        .with_payment(row.id)
        .with_hint(format!("Pay it back instead: kaspictl payment refund {}", row.id))
}

/// `stands`: Kaspi has just said that it still has what we called expired.
fn cancellable(row: &PaymentRow, stands: bool) -> Result<(), Failure> {
    if let Some(doubt) = paid_in_doubt(row) {
        return Err(doubt);
    }
    let refuse = |detail: String| Failure::new(Code::NotCancellable, detail).with_payment(row.id);
    match (row.state, row.kind) {
        (State::Creating, _) => Err(Failure::new(Code::InProgress, "the create is not finished").with_payment(row.id)),
        (State::Paid, _) => Err(paid(row)),
        (State::Unknown, Kind::Remote) => {
            let hint = format!(
                "Find it in the Kaspi Pay app, then: kaspictl payment resolve {} --attach QRID --reason TEXT",
                row.id
            );
            Err(refuse("its QrPaymentId is not known, so Kaspi cannot be told what to cancel".to_owned())
                .with_money(Money::Unknown)
                .with_hint(hint))
        }
        (State::Waiting | State::Unknown, Kind::Link | Kind::Qr) => {
            let dies = row.expires_at.map_or_else(|| "soon".to_owned(), |at| format!("at {at}"));
            let hint =
                format!("Do not show it any more; it dies by itself {dies}. A new payment may be taken at once.");
            Err(refuse(format!("Kaspi cannot cancel a {}", row.kind)).with_hint(hint))
        }
        (State::Waiting, Kind::Remote) => Ok(()),
        (State::Expired, Kind::Remote) if stands => Ok(()),
        (State::Abandoned, _) => {
            let hint = format!(
                "If it was paid all the same: kaspictl payment resolve {} --attach QRID --reason TEXT, then pay it back",
                row.id
            );
            Err(refuse("it was given up and may have been paid".to_owned()).with_money(Money::Unknown).with_hint(hint))
        }
        (State::Cancelled | State::Declined | State::Expired, _) => {
            Err(refuse(format!("it is {} already, there is nothing to cancel", row.state)))
        }
    }
}
