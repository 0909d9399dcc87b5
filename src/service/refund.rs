//! Paying money back: one at a time per payment, the balance read first where the bank has one, intent before the
//! first byte, doubt settled by the balance.

use super::bank::Sending;
use super::ended::unstored;
use super::keys::{standing_for, wrote_refund};
use super::{Request, Service, trouble};
use crate::failpoint::fail_point;
use crate::id::{PaymentId, PaymentRef};
use crate::kaspi::{Ask, Refunded, Trouble};
use crate::moment::Moment;
use crate::money::Amount;
use crate::operation::{Code, Dialect, Evidence, Failure, LogStatus, Money, Reply, State};
use crate::store::{Change, Ending, Outcome, PaymentRow, RefundRow, Refused, Seen, Triple};

/// A refund that is durable and not yet sent.
struct Intended {
    intent: u64,
    refund: RefundRow,
}

impl Service {
    pub(super) async fn refund(
        &self,
        request: &Request,
        named: &PaymentRef,
        asked: Option<Amount>,
    ) -> Result<Reply, Failure> {
        let row = self.visible(request, named)?;
        let key = request.key_for_money()?;
        if asked.is_some_and(Amount::is_zero) {
            return Err(Failure::invalid("amount_tiyn must be above 0; leave it out to pay back all that is left"));
        }
        let _turn = self.turn(row.shop_id, key.as_ref()).await;
        let earlier = self.earlier_refund(request, &row, asked).await?;
        match earlier.as_ref().map(|refund| refund.status) {
            Some(LogStatus::Success) => return Ok(Reply::Payment(self.row(row.id)?.view())),
            Some(LogStatus::Pending) => return Err(in_doubt(&row, "the answer to this refund was lost")),
            Some(LogStatus::Failed) | None => {}
        }
        // From here to the end nobody else pays back of this payment; what was known before may be old.
        let Some(_one) = self.state.refunds.try_lock(row.id) else { return Err(in_progress(row.id)) };
        self.still_running()?;
        request.settings.kaspi()?;
        let row = self.refundable(request, self.row(row.id)?).await?;
        let triple = self.frozen_triple(&request.settings, &row)?;
        let (row, before) = self.reckoned(request, row, &triple, earlier.as_ref()).await?;
        if earlier.as_ref().is_some_and(|earlier| row.refund_succeeded(earlier.id)) {
            return Ok(Reply::Payment(row.view()));
        }
        let amount = refund_amount(&row, asked, before)?;
        let wrote = wrote_refund(&self.store, row.id, asked);
        let ask = Self::ask(request);
        fail_point!("refund.begin");
        let intended = self.begin_refund(request, &row, (amount, before), &ask, wrote).await?;
        fail_point!("refund.intended");
        self.send_refund(request, &row, intended, triple, ask).await?;
        fail_point!("refund.ended");
        let row = self.row(row.id).map_err(|failure| failure.with_money(Money::Moved).with_payment(row.id))?;
        Ok(Reply::Payment(row.view()))
    }

    /// What an earlier refund with this key came to.
    async fn earlier_refund(
        &self,
        request: &Request,
        row: &PaymentRow,
        amount: Option<Amount>,
    ) -> Result<Option<RefundRow>, Failure> {
        let (shop, id, request) = (row.shop_id, row.id, request.copy());
        let wrote = wrote_refund(&self.store, id, amount);
        let earlier = self.store.write(move |writing| {
            let Some(stands) = standing_for(writing, &request, shop, &wrote)? else { return Ok(None) };
            let refund = writing.refund_of(stands.intent)?;
            Ok(writing.payment(id)?.and_then(|row| row.refund(refund?).cloned()))
        });
        earlier.await
    }

    /// The balance before a refund, where the bank has one, and the payment with what that balance tells. A refund
    /// under the same key that we called failed may have happened if the balance fell without explanation: by
    /// exactly it, it did; by anything else nobody knows, and nothing is sent.
    async fn reckoned(
        &self,
        request: &Request,
        row: PaymentRow,
        triple: &Triple,
        earlier: Option<&RefundRow>,
    ) -> Result<(PaymentRow, Option<Amount>), Failure> {
        if row.dialect == Dialect::Guide {
            return Ok((row, None));
        }
        let balance = self.balance(&request.settings, &row, triple).await?;
        let unexplained = row.unexplained(balance);
        self.keep_elsewhere(&row, balance, earlier).await?;
        let row = self.row(row.id)?;
        match earlier {
            Some(earlier) if !unexplained.is_zero() && !row.refund_succeeded(earlier.id) => {
                self.keep_seen(row.id, Seen::RefundDoubted(earlier.id)).await?;
                Err(in_doubt(&row, "the balance fell since, and not by exactly this refund"))
            }
            _ => Ok((row, Some(balance))),
        }
    }

    /// A paid payment; one that is not called so is looked at first.
    async fn refundable(&self, request: &Request, row: PaymentRow) -> Result<PaymentRow, Failure> {
        let row = match row.state {
            State::Paid => self.still_paid(&request.settings, &row).await?,
            State::Creating | State::Unknown => row,
            _ => self.read_status(&request.settings, &row).await?,
        };
        match row.state {
            State::Paid => Ok(row),
            State::Creating => Err(in_progress(row.id)),
            State::Unknown => {
                let detail = "nobody knows yet whether this payment was paid, and Kaspi's number of it is missing";
                let hint = format!(
                    "Find it in the Kaspi Pay app, then: kaspictl payment resolve {} --attach QRID --reason TEXT",
                    row.id
                );
                Err(Failure::new(Code::NotRefundable, detail).with_payment(row.id).with_hint(hint))
            }
            state => {
                let detail = format!("the payment is {state}, not paid: there is no money to pay back");
                Err(Failure::new(Code::NotRefundable, detail).with_payment(row.id))
            }
        }
    }

    async fn begin_refund(
        &self,
        request: &Request,
        row: &PaymentRow,
        (amount, balance_before): (Amount, Option<Amount>),
        ask: &Ask,
        wrote: crate::store::Wrote,
    ) -> Result<Intended, Failure> {
        let (id, key, actor) = (row.id, request.key.clone(), request.caller.actor());
        let x_request_id = ask.x_request_id.to_string();
        let begun = self.store.write(move |writing| {
            let Some(row) = writing.payment(id)? else { return Err(Failure::not_found("the payment is gone").into()) };
            if row.has_refund_in_doubt() {
                // Only a person, or the balance, ends this: a till that tries again would try for ever.
                return Err(Refused::from(in_progress(id).with_retryable(false)));
            }
            if writing.is_running(id)? {
                return Err(Refused::from(in_progress(id)));
            }
            refund_amount(&row, Some(amount), balance_before)?;
            let refund = RefundRow {
                id: PaymentId::fresh(),
                amount,
                status: LogStatus::Pending,
                evidence: None,
                at: writing.now,
                balance_before,
                return_operation_id: None,
            };
            let wrote = key.is_some().then_some(wrote);
            let change = Change::RefundIntended { payment: id, refund: refund.clone(), key, wrote, x_request_id };
            Ok(Intended { intent: writing.append(Some(actor), change)?, refund })
        });
        begun.await
    }

    async fn send_refund(
        &self,
        request: &Request,
        row: &PaymentRow,
        intended: Intended,
        triple: Triple,
        ask: Ask,
    ) -> Result<(), Failure> {
        let Intended { intent, refund } = intended;
        let Some(qr) = row.qr_payment_id.clone() else { return Err(in_progress(row.id)) };
        let answer = self
            .with_token(
                &request.settings,
                triple.clone(),
                Sending { ask, of: Some((intent, row.id)) },
                |kaspi, ask, triple| {
                    let qr = qr.clone();
                    async move { kaspi.refund(&ask, &triple, &qr, refund.amount).await }
                },
            )
            .await;
        fail_point!("refund.answered");
        let ending = self.judge_refund(request, row, &refund, &triple, &answer).await;
        let failure = refund_failure(row, &ending, &answer);
        let outcome = Outcome {
            status: status_of(&ending),
            error: failure.as_ref().map(|failure| failure.detail.clone()),
            provider_code: failure.as_ref().and_then(|failure| failure.provider_code),
            duration_ms: u64::try_from(Moment::now().since(refund.at).as_millis()).unwrap_or(u64::MAX),
            ending,
        };
        let said = format!("{:?}", outcome.ending);
        let money = money_of(&outcome.ending);
        let kept = self.end(intent, outcome).await;
        kept.map_err(|failure| unstored(failure, row, money, &format!("the refund ended as {said}")))?;
        failure.map_or(Ok(()), Err)
    }

    /// How a refund ended, from the bank's answer or, in doubt, from the balance.
    async fn judge_refund(
        &self,
        request: &Request,
        row: &PaymentRow,
        refund: &RefundRow,
        triple: &Triple,
        answer: &Result<Refunded, Trouble>,
    ) -> Ending {
        match (answer, row.dialect) {
            (Ok(Refunded { return_operation_id: Some(id) }), _) => {
                Ending::Refunded { evidence: Evidence::Answer, return_operation_id: Some(id.clone()) }
            }
            (Ok(_), Dialect::Guide) => Ending::Refunded { evidence: Evidence::Answer, return_operation_id: None },
            (Ok(_) | Err(Trouble::MayHaveHappened { .. }), Dialect::Bank) => {
                self.settle(&request.settings, row, refund, triple).await
            }
            (Err(Trouble::MayHaveHappened { .. }), Dialect::Guide) => Ending::RefundPending,
            (Err(_), _) => Ending::Nothing,
        }
    }
}

/// How much to pay back of what is left: all of it where the caller names nothing.
fn refund_amount(row: &PaymentRow, asked: Option<Amount>, balance: Option<Amount>) -> Result<Amount, Failure> {
    let left = balance.unwrap_or_else(|| row.left());
    match asked.unwrap_or(left) {
        _ if left.is_zero() => {
            Err(Failure::new(Code::RefundExceedsBalance, "all of this payment was paid back already")
                .with_payment(row.id))
        }
        amount if amount <= left => Ok(amount),
        amount => {
            let detail = format!("{amount} is more than the {left} that is left of this payment");
            Err(Failure::new(Code::RefundExceedsBalance, detail).with_payment(row.id))
        }
    }
}

fn status_of(ending: &Ending) -> LogStatus {
    match ending {
        Ending::Refunded { .. } => LogStatus::Success,
        Ending::RefundPending => LogStatus::Pending,
        _ => LogStatus::Failed,
    }
}

fn money_of(ending: &Ending) -> Money {
    match ending {
        Ending::Refunded { .. } => Money::Moved,
        Ending::Nothing | Ending::RefundFailed => Money::NotMoved,
        _ => Money::Unknown,
    }
}

fn refund_failure(row: &PaymentRow, ending: &Ending, answer: &Result<Refunded, Trouble>) -> Option<Failure> {
    let bank = answer.as_ref().err().map(trouble::failure);
    let provider = bank.as_ref().map_or((None, None), |bank| (bank.provider_code, bank.provider_message.clone()));
    let why = bank.as_ref().map_or("Kaspi named no ReturnOperationId", |bank| bank.detail.as_str());
    let failure = match ending {
        Ending::Refunded { .. } => return None,
        Ending::RefundPending => in_doubt(row, why),
        Ending::RefundFailed => Failure::new(
            Code::KaspiUnavailable,
            format!("the balance of the payment did not fall, so no money went back: {why}"),
        ),
        _ => not_found_means_not_refundable(bank?),
    };
    Some(failure.with_provider(provider.0, provider.1).with_payment(row.id).with_bin(&row.organization_bin))
}

pub(super) fn not_found_means_not_refundable(failure: Failure) -> Failure {
    match failure.code {
        Code::NotFound => Failure { code: Code::NotRefundable, ..failure },
        _ => failure,
    }
}

fn in_doubt(row: &PaymentRow, why: &str) -> Failure {
    let hint = format!(
        "Look in the Kaspi Pay app whether the money went back, then: kaspictl payment resolve {} --refund ID --happened yes|no --reason TEXT",
        row.id
    );
    Failure::new(Code::OutcomeUnknown, format!("it is not known whether the refund happened: {why}"))
        .with_payment(row.id)
        .with_hint(hint)
}

fn in_progress(payment: PaymentId) -> Failure {
    Failure::new(Code::InProgress, "another call on this payment is not finished, or a refund of it is in doubt")
        .with_payment(payment)
}
