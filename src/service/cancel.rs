//! Cancelling a remote invoice. Moves no money and may be repeated; doubt is settled by a status read.

use super::bank::Sending;
use super::ended::unstored;
use super::keys::{standing_for, wrote_cancel};
use super::life::{CANCELLED, is_outstanding};
use super::{Request, Service, trouble};
use crate::failpoint::fail_point;
use crate::id::{PaymentId, PaymentRef};
use crate::kaspi::{Ask, Cancelled, Trouble};
use crate::moment::Moment;
use crate::operation::{Code, Dialect, Failure, Kind, LogStatus, Money, Reply, State};
use crate::store::{Change, Ending, Outcome, PaymentRow, Writing};

impl Service {
    pub(super) async fn cancel(&self, request: &Request, named: &PaymentRef) -> Result<Reply, Failure> {
        let row = self.visible(request, named)?;
        let _turn = self.turn(row.shop_id, request.key.as_ref()).await;
        self.still_running()?;
        let row = self.row(row.id)?;
        let (stands, row) = self.still_stands(request, row).await?;
        if stands || (row.state, row.kind) == (State::Waiting, Kind::Remote) {
            // Refused in its own words before anything is intended.
            request.settings.kaspi()?;
            self.frozen_triple(&request.settings, &row)?;
        }
        let underway = self.store.underway();
        let ask = Self::ask(request);
        fail_point!("cancel.begin");
        let Some(intent) = self.begin_cancel(request, (&row, stands), &ask).await? else {
            return Ok(Reply::Payment(self.row(row.id)?.view()));
        };
        fail_point!("cancel.intended");
        let answer = self.send_cancel(request, &row, Sending { ask, of: Some((intent.0, row.id)) }).await;
        fail_point!("cancel.answered");
        let ended = self.judge_cancel(request, &row, answer).await;
        let (status, failure, ending) = match ended {
            Ok(kaspi_status) => (LogStatus::Success, None, Ending::Cancelled { kaspi_status }),
            Err(failure) if failure.code == Code::KaspiUnavailable => {
                (LogStatus::Pending, Some(failure), Ending::Nothing)
            }
            Err(failure) => (LogStatus::Failed, Some(failure), Ending::Nothing),
        };
        let outcome = Outcome {
            status,
            error: failure.as_ref().map(|failure| failure.detail.clone()),
            provider_code: failure.as_ref().and_then(|failure| failure.provider_code),
            duration_ms: Moment::now().millis().saturating_sub(intent.1.millis()).unsigned_abs(),
            ending,
        };
        let (said, money) = (format!("the cancel ended as {:?}", outcome.ending), money_of(failure.as_ref()));
        let kept = self.end_cancel(row.id, intent.0, outcome).await;
        let paid_meanwhile = kept.map_err(|failure| unstored(failure, &row, money, &said))?;
        drop(underway);
        fail_point!("cancel.ended");
        match failure {
            _ if paid_meanwhile => Err(paid(&row)),
            None => Ok(Reply::Payment(self.row(row.id)?.view())),
            Some(failure) => Err(failure),
        }
    }

    /// Whether Kaspi still has an invoice that we called expired, by a clock that may have been wrong: then it is
    /// cancelled like one that waits.
    async fn still_stands(&self, request: &Request, row: PaymentRow) -> Result<(bool, PaymentRow), Failure> {
        if (row.state, row.kind) != (State::Expired, Kind::Remote) {
            return Ok((false, row));
        }
        match self.status_now(&request.settings, &row).await {
            Ok((said, row)) => Ok((said.is_some_and(|said| said == CANCELLED || is_outstanding(&said)), row)),
            // Kaspi does not know it: nobody can pay it.
            Err(failure) if failure.code == Code::NotFound => Ok((false, row)),
            Err(failure) => Err(failure),
        }
    }

    /// Keeps how a cancel ended. True if the payment has been seen paid while the cancel was out: it stays paid.
    async fn end_cancel(&self, id: PaymentId, intent: u64, outcome: Outcome) -> Result<bool, Failure> {
        let end = move |writing: &mut Writing<'_>| {
            let paid = writing.payment(id)?.is_some_and(|row| row.state == State::Paid);
            let mut outcome = outcome.clone();
            if paid && outcome.status == LogStatus::Success {
                outcome.status = LogStatus::Failed;
                outcome.error = Some("the customer has paid meanwhile".to_owned());
                outcome.ending = Ending::Nothing;
            }
            // A commit that failed may have been kept by the disk.
            if writing.has_begun(intent)? {
                writing.append(None, Change::Ended { intent, outcome })?;
            }
            Ok(paid)
        };
        self.store.keep(end).await
    }

    /// The durable intent and its time; none if it is cancelled already.
    async fn begin_cancel(
        &self,
        request: &Request,
        (row, stands): (&PaymentRow, bool),
        ask: &Ask,
    ) -> Result<Option<(u64, Moment)>, Failure> {
        let (id, shop, key, asked) = (row.id, row.shop_id, request.key.clone(), request.copy());
        let wrote = wrote_cancel(&self.store, id);
        let actor = request.caller.actor();
        let x_request_id = ask.x_request_id.to_string();
        let begun = self.store.write(move |writing| {
            standing_for(writing, &asked, shop, &wrote)?;
            let Some(row) = writing.payment(id)? else { return Err(Failure::not_found("the payment is gone").into()) };
            if row.state == State::Cancelled {
                return Ok(None);
            }
            cancellable(&row, stands)?;
            if writing.is_running(id)? {
                return Err(Failure::new(Code::InProgress, "another call on this payment is not finished")
                    .with_payment(id)
                    .into());
            }
            let wrote = key.is_some().then_some(wrote);
            let change = Change::CancelIntended { payment: id, key, wrote, x_request_id };
            Ok(Some((writing.append(Some(actor), change)?, writing.now)))
        });
        begun.await
    }

    async fn send_cancel(&self, request: &Request, row: &PaymentRow, sending: Sending) -> Result<Cancelled, Trouble> {
        let missing = |failure: Failure| Trouble::NeverSent { why: failure.detail, certificate: false };
        let triple = self.frozen_triple(&request.settings, row).map_err(missing)?;
        let Some(qr) = row.qr_payment_id.clone() else {
            return Err(missing(Failure::invalid("the payment has no QrPaymentId")));
        };
        self.with_token(&request.settings, triple, sending, |kaspi, ask, triple| {
            let qr = qr.clone();
            async move { kaspi.cancel(&ask, &triple, &qr).await }
        })
        .await
    }

    /// Kaspi's word that it is cancelled, from the answer or from the status read that settles a doubt.
    async fn judge_cancel(
        &self,
        request: &Request,
        row: &PaymentRow,
        answer: Result<Cancelled, Trouble>,
    ) -> Result<String, Failure> {
        let failure = match answer {
            Ok(Cancelled { status: Some(status) }) if status == CANCELLED => return Ok(status),
            Ok(Cancelled { .. }) if row.dialect == Dialect::Guide => return Ok(CANCELLED.to_owned()),
            Ok(Cancelled { status }) => {
                let said = status.unwrap_or_else(|| "nothing".to_owned());
                Failure::new(Code::KaspiUnavailable, format!("Kaspi accepted the cancel and said {said}"))
            }
            Err(trouble) => refused(trouble::failure(&trouble)),
        };
        let (said, now) = match self.status_now(&request.settings, row).await {
            Ok(now) => now,
            Err(_) => return Err(failure.with_payment(row.id)),
        };
        match (now.state, said) {
            (State::Paid, _) => Err(paid(row)),
            (_, Some(status)) if status == CANCELLED => Ok(status),
            _ => Err(failure.with_payment(row.id)),
        }
    }
}

/// A cancel moves nothing; that the customer has paid may have come to light.
fn money_of(failure: Option<&Failure>) -> Money {
    failure.map_or(Money::NotMoved, |failure| failure.money)
}

/// A refusal of the bank, in a cancel's words.
fn refused(failure: Failure) -> Failure {
    match failure.code {
        Code::NotFound | Code::Declined | Code::NotRefundable => Failure { code: Code::NotCancellable, ..failure },
        _ => failure,
    }
}

fn paid(row: &PaymentRow) -> Failure {
    Failure::new(Code::NotCancellable, "the customer has paid")
        .with_money(Money::Moved)
        .with_payment(row.id)
        .with_hint(format!("Pay it back instead: kaspictl payment refund {}", row.id))
}

/// `stands`: Kaspi has just said that it still has what we called expired.
fn cancellable(row: &PaymentRow, stands: bool) -> Result<(), Failure> {
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
