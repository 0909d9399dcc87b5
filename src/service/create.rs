//! Taking a payment: judge, intend durably, send once, record durably, answer.

use std::time::Duration;

use super::bank::Sending;
use super::ended::unstored;
use super::intend::{Begun, Intended, Plan};
use super::keys::wrote_create;
use super::{Request, Service, Settings, trouble};
use crate::failpoint::fail_point;
use crate::id::PaymentId;
use crate::kaspi::{Ask, Created, NewPayment, Trouble};
use crate::moment::Moment;
use crate::operation::{Actor, Code, CreatePayment, Dialect, Failure, Kind, LogStatus, Money, Reply, State};
use crate::store::{Change, Closed, Ending, Outcome, PaymentRow, Writing};

/// How long a customer can pay a remote invoice (kaspi-api §3.3).
pub(super) const REMOTE_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Added to the life of a token that nobody saw before it is called dead: clocks and slow answers.
const DEAD_MARGIN: Duration = Duration::from_secs(60);

impl Service {
    pub(super) async fn create(&self, request: &Request, create: CreatePayment) -> Result<Reply, Failure> {
        judge(request, &create)?;
        let key = request.key_for_money()?;
        let shop = request.shop(create.shop_id);
        let turn = self.turn(shop, key.as_ref()).await;
        self.still_running()?;
        request.settings.kaspi()?;
        let underway = self.store.underway();
        let ask = Self::ask(request);
        let (payment, new) = match self.begin_create(request, &create, &ask).await? {
            Begun::Seen(payment) => (payment, false),
            Begun::New(intended) => (self.send_create(request, &create, *intended, ask).await?, true),
        };
        // Whoever has the same key may now see the payment and wait beside us.
        drop((turn, underway));
        let row = match create.wait {
            Some(span) => {
                // The create's answer is as good as a look: the first one of a wait comes an interval later.
                self.asked_now(payment);
                self.ask_ended(payment, true);
                self.wait(request, payment, span).await
            }
            None => self.row(payment),
        };
        let row = row.map_err(|failure| failure.with_money(Money::Unknown).with_payment(payment))?;
        Ok(if new { Reply::Created(row.view()) } else { Reply::Payment(row.view()) })
    }

    /// Intent before the first byte: the key, the invoice, the organisation and the supersession are judged and
    /// the payment written in one transaction.
    async fn begin_create(&self, request: &Request, create: &CreatePayment, ask: &Ask) -> Result<Begun, Failure> {
        fail_point!("create.begin");
        let wrote = wrote_create(&self.store, create);
        let plan = Plan {
            request: request.copy(),
            create: create.clone(),
            shop: request.shop(create.shop_id),
            key: request.key.clone(),
            x_request_id: ask.x_request_id.to_string(),
            wrote,
        };
        let begun = self.store.write(move |writing| plan.begin(writing)).await;
        if let Err(Failure { code: Code::BinInactive, organization_bin: Some(bin), .. }) = &begun {
            // It may only want a look to settle its dialect.
            self.suspect(bin);
        }
        fail_point!("create.intended");
        begun
    }

    /// Sends an intended create once and records how it ended before answering.
    async fn send_create(
        &self,
        request: &Request,
        create: &CreatePayment,
        intended: Intended,
        ask: Ask,
    ) -> Result<PaymentId, Failure> {
        let Intended { intent, payment, triple } = intended;
        // From here on, not from when the follower hears of it: the wall clock may be set in between.
        self.state.ages.follow(&payment);
        let new = NewPayment {
            kind: payment.kind,
            amount: payment.amount,
            phone: create.phone_number.clone(),
            comment: payment.comment.clone(),
            external_id: payment.invoice.as_ref().map_or_else(|| payment.id.to_string(), ToString::to_string),
        };
        let answer = self
            .with_token(
                &request.settings,
                triple,
                Sending { ask, of: Some((intent, payment.id)) },
                |kaspi, ask, triple| {
                    let new = new.clone();
                    async move { kaspi.create(&ask, &triple, &new).await }
                },
            )
            .await;
        fail_point!("create.answered");
        let outcome = judge_answer(request, &payment, &answer);
        let failure = match &answer {
            Ok(_) => None,
            Err(trouble) => Some(refusal(&payment, trouble)),
        };
        let lost = self.end_create(request.caller.actor(), intent, &payment, outcome, create).await;
        let lost = lost.map_err(|failure| {
            let said = answer
                .as_ref()
                .map_or_else(ToString::to_string, |created| format!("created {}", created.qr_payment_id));
            unstored(failure, &payment, money_of(&answer), &said)
        })?;
        fail_point!("create.ended");
        match failure {
            Some(failure) => Err(failure),
            None if lost => Err(outcome_unknown(&payment, "Kaspi gave the number of another payment of ours")),
            None => Ok(payment.id),
        }
    }

    /// True if the number Kaspi gave is another payment's, so that this one is unknown.
    async fn end_create(
        &self,
        actor: Actor,
        intent: u64,
        payment: &PaymentRow,
        outcome: Outcome,
        create: &CreatePayment,
    ) -> Result<bool, Failure> {
        let id = payment.id;
        let supersedes = create.supersedes.zip(create.reason.clone());
        let service = self.clone();
        let end = move |writing: &mut Writing<'_>| {
            let (mut outcome, mut lost) = (outcome.clone(), false);
            if !writing.has_begun(intent)? {
                return Ok(lost);
            }
            if let Ending::Created { qr_payment_id, .. } = &outcome.ending {
                let other = writing.payment_by_qr(qr_payment_id)?.filter(|row| row.id != id);
                if let Some(other) = other {
                    lost = true;
                    outcome.error = Some(format!("Kaspi gave {qr_payment_id}, which is payment {}", other.id));
                    outcome.status = LogStatus::Pending;
                    outcome.ending = Ending::NumberTaken { qr_payment_id: qr_payment_id.clone(), by: other.id };
                }
            }
            let nothing = outcome.ending == Ending::Nothing;
            writing.append(None, Change::Ended { intent, outcome })?;
            let Some((old, reason)) = supersedes.clone().filter(|_| !nothing) else { return Ok(lost) };
            // A person may have attached it meanwhile: then it is followed, not given up.
            if writing.payment(old)?.is_some_and(|row| row.state == State::Unknown) {
                let change = Change::Resolved { payment: old, closed: Closed::Abandoned, reason };
                writing.append(Some(actor), change)?;
            }
            Ok(lost)
        };
        self.store.keep(end, move || service.announce(id)).await
    }
}

/// What is wrong with a request whatever the state of the shop.
fn judge(request: &Request, create: &CreatePayment) -> Result<(), Failure> {
    let most = request.settings.config.payments.max_amount;
    if create.amount_tiyn.is_zero() {
        return Err(Failure::invalid("amount_tiyn must be above 0"));
    }
    if create.amount_tiyn > most {
        let detail = format!("amount_tiyn is {}, above the most this shop allows, {most}", create.amount_tiyn);
        return Err(Failure::invalid(detail)
            .with_hint("An admin sets [payments] max_amount_tiyn in kaspid.toml, then: kaspictl reload"));
    }
    if create.kind == Kind::Remote && create.phone_number.is_none() {
        return Err(Failure::invalid("phone_number is missing: a remote payment is billed to the customer's phone"));
    }
    if create.supersedes.is_some() != create.reason.is_some() {
        return Err(Failure::invalid("supersedes and reason go together"));
    }
    Ok(())
}

/// What the bank's answer to a create makes of the payment, for the log and the projections.
fn judge_answer(request: &Request, payment: &PaymentRow, answer: &Result<Created, Trouble>) -> Outcome {
    let duration = Moment::now().since(payment.created_at);
    let outcome = |status, error, provider_code, ending| Outcome {
        status,
        error,
        provider_code,
        duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
        ending,
    };
    match answer {
        Ok(created) => outcome(LogStatus::Success, None, None, created_ending(request, payment, created)),
        Err(trouble @ Trouble::MayHaveHappened { .. }) => {
            let failure = trouble::failure(trouble);
            let ending = Ending::Lost { dead_at: dead_at(&request.settings, payment) };
            outcome(LogStatus::Pending, Some(failure.detail), failure.provider_code, ending)
        }
        Err(trouble) => {
            let failure = trouble::failure(trouble);
            outcome(LogStatus::Failed, Some(failure.detail), failure.provider_code, Ending::Nothing)
        }
    }
}

fn created_ending(request: &Request, payment: &PaymentRow, created: &Created) -> Ending {
    let now = Moment::now();
    let ms = |span: Option<Duration>| span.and_then(|span| u64::try_from(span.as_millis()).ok());
    let expires_at = match (payment.kind, created.life) {
        (_, Some(life)) => now.after(life),
        (Kind::Remote, None) => now.after(REMOTE_LIFE),
        // An ExpireDate alone is not compared with our clock.
        (Kind::Link | Kind::Qr, None) => now.after(request.settings.config.payments.link_life),
    };
    Ending::Created {
        qr_payment_id: created.qr_payment_id.clone(),
        link: created.link.clone(),
        qr_token: created.qr_token.clone(),
        expires_at: Some(expires_at),
        poll_every_ms: ms(created.poll_every),
        confirm_ms: ms(created.confirm_within),
    }
}

/// When a token that nobody saw is dead. An invoice, or a link that Kaspi sent to a phone, was seen.
pub(super) fn dead_at(settings: &Settings, payment: &PaymentRow) -> Option<Moment> {
    (!was_seen(payment)).then(|| Moment::now().after(settings.config.payments.link_life + DEAD_MARGIN))
}

/// Whether the customer may have seen a payment whose create was lost.
pub(super) fn was_seen(payment: &PaymentRow) -> bool {
    payment.kind == Kind::Remote || (payment.dialect == Dialect::Guide && payment.phone.is_some())
}

fn refusal(payment: &PaymentRow, trouble: &Trouble) -> Failure {
    match trouble {
        Trouble::MayHaveHappened { why, provider } => {
            let (code, text) = provider.clone().unwrap_or_default();
            outcome_unknown(payment, why).with_provider(code, text)
        }
        other => declined(trouble::failure(other)).with_bin(&payment.organization_bin),
    }
}

/// A refusal that belongs to another call is, of a create, just a refusal.
fn declined(failure: Failure) -> Failure {
    match failure.code {
        Code::NotFound | Code::NotRefundable | Code::RefundExceedsBalance => {
            Failure { code: Code::Declined, ..failure }
        }
        _ => failure,
    }
}

fn outcome_unknown(payment: &PaymentRow, why: &str) -> Failure {
    let failure = Failure::new(Code::OutcomeUnknown, format!("the answer to the create was lost: {why}"))
        .with_payment(payment.id)
        .with_bin(&payment.organization_bin);
    if was_seen(payment) {
        return failure;
    }
    failure.with_hint("Nobody has seen this code, so nobody can pay it: take the payment again with a new key.")
}

/// An invoice that stands at the bank may be paid at any moment.
fn money_of(answer: &Result<Created, Trouble>) -> Money {
    match answer {
        Err(Trouble::MayHaveHappened { .. }) | Ok(_) => Money::Unknown,
        Err(_) => Money::NotMoved,
    }
}
