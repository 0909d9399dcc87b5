//! Paying money back: one at a time per payment, the balance read first where the bank has one, intent before the
//! first byte, doubt settled by the balance.

use super::ended::unstored;
use super::keys::{standing_for, wrote_refund};
use super::{Request, Service, Settings, trouble};
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
        amount: Option<Amount>,
    ) -> Result<Reply, Failure> {
        let row = self.visible(request, named)?;
        let key = request.key_for_money()?;
        if amount.is_some_and(Amount::is_zero) {
            return Err(Failure::invalid("amount_tiyn must be above 0; leave it out to pay back all that is left"));
        }
        let _turn = self.turn(row.shop_id, key.as_ref()).await;
        let wrote = wrote_refund(&self.store, row.id, amount);
        if let Some(row) = self.refund_of_key(request, &row, amount).await? {
            return Ok(Reply::Payment(row.view()));
        }
        let Some(_one) = self.state.refunds.try_lock(row.id) else { return Err(in_progress(row.id)) };
        let row = self.refundable(request, row).await?;
        let triple = self.frozen_triple(&row)?;
        let (amount, before) = self.refund_amount(request, &row, &triple, amount).await?;
        let ask = Self::ask(request);
        fail_point!("refund.begin");
        let intended = self.begin_refund(request, &row, (amount, before), &ask, wrote).await?;
        fail_point!("refund.intended");
        self.send_refund(request, &row, intended, triple, ask).await?;
        fail_point!("refund.ended");
        Ok(Reply::Payment(self.row(row.id)?.view()))
    }

    /// What an earlier refund with this key came to: the payment if money went back, nothing if it may be tried
    /// (again).
    async fn refund_of_key(
        &self,
        request: &Request,
        row: &PaymentRow,
        amount: Option<Amount>,
    ) -> Result<Option<PaymentRow>, Failure> {
        let (shop, id, key) = (row.shop_id, row.id, request.key.clone());
        let wrote = wrote_refund(&self.store, id, amount);
        let earlier = self.store.write(move |writing| {
            let Some(stands) = standing_for(writing, shop, key.as_ref(), &wrote)? else { return Ok(None) };
            let refund = writing.refund_of(stands.intent)?;
            let row = writing.payment(id)?;
            Ok(row.and_then(|row| row.refund(refund?).cloned().map(|refund| (row, refund))))
        });
        let Some((row, refund)) = earlier.await? else { return Ok(None) };
        match refund.status {
            LogStatus::Success => Ok(Some(row)),
            LogStatus::Pending => Err(in_doubt(&row, "the answer to this refund was lost")),
            LogStatus::Failed => self.happened_after_all(request, row, &refund).await,
        }
    }

    /// A refund we called failed because the balance had not fallen: if it has fallen by it since, it happened.
    async fn happened_after_all(
        &self,
        request: &Request,
        row: PaymentRow,
        refund: &RefundRow,
    ) -> Result<Option<PaymentRow>, Failure> {
        let (Some(before), Dialect::Bank) = (refund.balance_before, row.dialect) else { return Ok(None) };
        let balance = self.balance(&request.settings, &row, &self.frozen_triple(&row)?).await?;
        if before.minus(refund.amount) != Some(balance) {
            return Ok(None);
        }
        self.keep_seen(row.id, Seen::RefundSettled { refund: refund.id, happened: true }).await?;
        Ok(Some(self.row(row.id)?))
    }

    /// A paid payment; one that is not called so is looked at first.
    async fn refundable(&self, request: &Request, row: PaymentRow) -> Result<PaymentRow, Failure> {
        let row = match row.state {
            State::Paid | State::Creating | State::Unknown => row,
            _ => self.read_status(&request.settings, &row).await?,
        };
        match row.state {
            State::Paid => Ok(row),
            State::Creating => Err(in_progress(row.id)),
            state => {
                let detail = format!("the payment is {state}, not paid: there is no money to pay back");
                Err(Failure::new(Code::NotRefundable, detail).with_payment(row.id))
            }
        }
    }

    /// How much to pay back, and the balance before where the bank has one. Nothing has been sent yet.
    async fn refund_amount(
        &self,
        request: &Request,
        row: &PaymentRow,
        triple: &Triple,
        amount: Option<Amount>,
    ) -> Result<(Amount, Option<Amount>), Failure> {
        let (left, before) = match row.dialect {
            Dialect::Guide => (row.left(), None),
            Dialect::Bank => {
                let balance = self.balance(&request.settings, row, triple).await?;
                self.keep_elsewhere(row, balance).await?;
                (balance, Some(balance))
            }
        };
        match amount.unwrap_or(left) {
            amount if !amount.is_zero() && amount <= left => Ok((amount, before)),
            amount => {
                let detail = format!("{amount} is more than the {left} that is left of this payment");
                Err(Failure::new(Code::RefundExceedsBalance, detail).with_payment(row.id))
            }
        }
    }

    /// What of a payment can still be paid back, as the bank says now.
    pub(super) async fn balance(
        &self,
        settings: &Settings,
        row: &PaymentRow,
        triple: &Triple,
    ) -> Result<Amount, Failure> {
        let Some(qr) = row.qr_payment_id.clone() else {
            return Err(Failure::new(Code::NotRefundable, "the payment has no QrPaymentId").with_payment(row.id));
        };
        let ask = Ask::fresh(settings.config.kaspi.timeout);
        let read = self.with_token(settings, triple.clone(), ask, |kaspi, ask, triple| {
            let qr = qr.clone();
            async move { kaspi.details(&ask, &triple, &qr).await }
        });
        match read.await {
            Ok(details) => Ok(details.available_return),
            Err(trouble) => {
                let failure = trouble::failure(&trouble);
                let detail = format!("the balance could not be read, so nothing was sent: {}", failure.detail);
                Err(not_found_means_not_refundable(Failure { detail, ..failure }).with_payment(row.id))
            }
        }
    }

    /// A fall of the balance beyond what we know: by exactly a refund that we called failed, it happened after all;
    /// else it was refunded elsewhere, in the Kaspi Pay app or before kaspid.
    pub(super) async fn keep_elsewhere(&self, row: &PaymentRow, balance: Amount) -> Result<(), Failure> {
        let elsewhere = row.amount.minus(balance).and_then(|gone| gone.minus(row.refunded()));
        let Some(sum) = elsewhere.filter(|sum| *sum != row.refunded_elsewhere && !row.has_refund_in_doubt()) else {
            return Ok(());
        };
        let more = sum.minus(row.refunded_elsewhere);
        let late = row.watched_refunds().find(|refund| more == Some(refund.amount));
        let seen = match late {
            Some(refund) => Seen::RefundSettled { refund: refund.id, happened: true },
            None => Seen::RefundedElsewhere(sum),
        };
        self.keep_seen(row.id, seen).await
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
            let doubt = writing.payment(id)?.as_ref().is_some_and(PaymentRow::has_refund_in_doubt);
            if doubt || writing.is_running(id)? {
                return Err(Refused::from(in_progress(id)));
            }
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
            .with_token(&request.settings, triple.clone(), ask, |kaspi, ask, triple| {
                let qr = qr.clone();
                async move { kaspi.refund(&ask, &triple, &qr, refund.amount).await }
            })
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
        let kept = self.end(row.id, intent, outcome).await;
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
        Ending::Nothing => Money::NotMoved,
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

fn not_found_means_not_refundable(failure: Failure) -> Failure {
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
