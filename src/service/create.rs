//! Taking a payment: judge, intend durably, send once, record durably, answer.

use std::time::Duration;

use super::keys::{standing_for, wrote_create};
use super::select::{choose, no_token, usable};
use super::{Request, Service, Settings, trouble};
use crate::id::{PaymentId, RequestKey, ShopId};
use crate::kaspi::{Ask, Created, NewPayment, Trouble};
use crate::moment::Moment;
use crate::money::Amount;
use crate::operation::{Actor, Code, CreatePayment, Dialect, Failure, Kind, LogStatus, Reply, State};
use crate::store::{Change, Closed, ConfigRow, Ending, Outcome, PaymentRow, Refused, Triple, Writing, Wrote};

/// How long a customer can pay a remote invoice (kaspi-api §3.3).
pub(super) const REMOTE_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Added to the life of a token that nobody saw before it is called dead: clocks and slow answers.
const DEAD_MARGIN: Duration = Duration::from_secs(60);

/// A create that is durable and not yet sent.
struct Intended {
    intent: u64,
    payment: PaymentRow,
    triple: Triple,
}

enum Begun {
    New(Box<Intended>),
    Seen(PaymentId),
}

impl Service {
    pub(super) async fn create(&self, request: &Request, create: CreatePayment) -> Result<Reply, Failure> {
        judge(request, &create)?;
        let key = request.key_for_money()?;
        let shop = request.shop(create.shop_id);
        let turn = self.turn(shop, key.as_ref()).await;
        let ask = Self::ask(request);
        let (payment, new) = match self.begin_create(request, &create, &ask).await? {
            Begun::Seen(payment) => (payment, false),
            Begun::New(intended) => (self.send_create(request, &create, *intended, ask).await?, true),
        };
        // Whoever has the same key may now see the payment and wait beside us.
        drop(turn);
        let row = match create.wait {
            Some(span) => self.wait(request, payment, span).await?,
            None => self.row(payment)?,
        };
        Ok(if new { Reply::Created(row.view()) } else { Reply::Payment(row.view()) })
    }

    /// Intent before the first byte: the key, the invoice, the organisation and the supersession are judged and
    /// the payment written in one transaction.
    async fn begin_create(&self, request: &Request, create: &CreatePayment, ask: &Ask) -> Result<Begun, Failure> {
        let wrote = wrote_create(&self.store, create);
        let plan = Plan {
            request: request.copy(),
            create: create.clone(),
            shop: request.shop(create.shop_id),
            key: request.key.clone(),
            x_request_id: ask.x_request_id.to_string(),
            wrote,
        };
        self.store.write(move |writing| plan.begin(writing)).await
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
        let new = NewPayment {
            kind: payment.kind,
            amount: payment.amount,
            phone: create.phone_number.clone(),
            comment: payment.comment.clone(),
            external_id: payment.invoice.as_ref().map_or_else(|| payment.id.to_string(), ToString::to_string),
        };
        let answer = self
            .with_token(&request.settings, triple, ask, |kaspi, ask, triple| {
                let new = new.clone();
                async move { kaspi.create(&ask, &triple, &new).await }
            })
            .await;
        let outcome = judge_answer(request, &payment, &answer);
        let failure = match &answer {
            Ok(_) => None,
            Err(trouble) => Some(refusal(&payment, trouble)),
        };
        let lost = self.end_create(request.caller.actor(), intent, &payment, outcome, create).await.map_err(|failure| {
            // The bank has answered and we cannot keep it: what it said stands in the journal and the answer.
            let said = answer.as_ref().map_or_else(ToString::to_string, |created| format!("created {}", created.qr_payment_id));
            tracing::error!(payment = %payment.id, config = payment.config_id, %said, "the outcome of a create could not be stored");
            unstored(failure, &payment, &answer, &said)
        })?;
        self.announce(payment.id);
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
        mut outcome: Outcome,
        create: &CreatePayment,
    ) -> Result<bool, Failure> {
        let id = payment.id;
        let supersedes = create.supersedes.zip(create.reason.clone());
        self.store
            .write(move |writing| {
                let mut lost = false;
                if let Ending::Created { qr_payment_id, .. } = &outcome.ending {
                    let other = writing.payment_by_qr(qr_payment_id)?.filter(|row| row.id != id);
                    if let Some(other) = other {
                        lost = true;
                        outcome.error = Some(format!("Kaspi gave {qr_payment_id}, which is payment {}", other.id));
                        outcome.status = LogStatus::Pending;
                        outcome.ending = Ending::Lost { dead_at: None };
                    }
                }
                let nothing = outcome.ending == Ending::Nothing;
                writing.append(None, Change::Ended { intent, outcome })?;
                if let (false, Some((old, reason))) = (nothing, supersedes) {
                    let change = Change::Resolved { payment: old, closed: Closed::Abandoned, reason };
                    writing.append(Some(actor), change)?;
                }
                Ok(lost)
            })
            .await
    }
}

/// What a create needs inside of its transaction.
struct Plan {
    request: Request,
    create: CreatePayment,
    shop: ShopId,
    key: Option<RequestKey>,
    x_request_id: String,
    wrote: Wrote,
}

impl Plan {
    fn begin(self, writing: &mut Writing<'_>) -> Result<Begun, Refused> {
        let bin = self.create.organization_bin.as_ref();
        if let Some(row) = standing_for(writing, self.shop, self.key.as_ref(), &self.wrote)? {
            let payment = writing.payment(row.payment)?;
            return match payment {
                Some(payment) if self.request.sees(&payment) => Ok(Begun::Seen(payment.id)),
                _ => Err(Failure::not_found("the payment of this key is none of this caller's").into()),
            };
        }
        let found = match bin {
            Some(bin) => writing.config(bin)?,
            None => writing.default_config(self.shop)?,
        };
        let (config, _) = choose(&self.request, self.shop, bin, found)?;
        let dialect = usable(&self.request.settings, &config)?;
        if (dialect, self.create.kind) == (Dialect::Guide, Kind::Qr) {
            return Err(trouble::failure(&Trouble::NotInDialect).with_bin(&config.organization_bin).into());
        }
        let triple = writing.triple(&config.organization_bin, &config.trade_point_id, dialect)?;
        let triple = triple.ok_or_else(|| no_token(&config))?;
        self.judge_supersedes(writing, &config)?;
        self.judge_invoice(writing)?;
        let payment = self.payment(&config, dialect, writing.now);
        let change = Change::CreateIntended {
            payment: Box::new(payment.clone()),
            wrote: self.key.is_some().then_some(self.wrote),
            x_request_id: self.x_request_id,
        };
        let intent = writing.append(Some(self.request.caller.actor()), change)?;
        Ok(Begun::New(Box::new(Intended { intent, payment, triple })))
    }

    /// Only an unknown payment of the same shop and organisation may be replaced, and only by who may.
    fn judge_supersedes(&self, writing: &Writing<'_>, config: &ConfigRow) -> Result<(), Refused> {
        let Some(old) = self.create.supersedes else { return Ok(()) };
        if self.request.settings.config.payments.supersede_needs_admin && !self.request.is_admin {
            let detail = "only an admin may supersede an unknown payment here ([payments] supersede)";
            return Err(Failure::new(Code::Denied, detail).into());
        }
        match writing.payment(old)? {
            Some(row) if !self.request.sees(&row) => {
                Err(Failure::not_found(format!("there is no payment {old}")).into())
            }
            Some(row) if row.shop_id == self.shop && row.config_id == config.id && row.state == State::Unknown => {
                Ok(())
            }
            Some(row) => Err(Failure::invalid(format!(
                "payment {old} is {} and of {}; only an unknown one of the same shop and organisation is superseded",
                row.state, row.organization_bin
            ))
            .with_payment(old)
            .into()),
            None => Err(Failure::not_found(format!("there is no payment {old}")).into()),
        }
    }

    /// One live payment per shop, invoice and amount.
    fn judge_invoice(&self, writing: &Writing<'_>) -> Result<(), Refused> {
        let Some(invoice) = self.create.invoice.as_ref().filter(|_| !self.create.repeat_invoice) else { return Ok(()) };
        if !self.request.settings.config.payments.one_per_invoice {
            return Ok(());
        }
        let live = writing.payments_of_invoice(self.shop, invoice)?.into_iter().find(|row| {
            row.amount == self.create.amount_tiyn
                && Some(row.id) != self.create.supersedes
                && matches!(row.state, State::Creating | State::Waiting | State::Unknown | State::Paid)
        });
        match live {
            None => Ok(()),
            Some(row) => Err(Failure::new(
                Code::InvoiceOpen,
                format!("invoice {invoice} of {} has payment {}, which is {}", row.amount, row.id, row.state),
            )
            .with_payment(row.id)
            .into()),
        }
    }

    fn payment(&self, config: &ConfigRow, dialect: Dialect, now: Moment) -> PaymentRow {
        PaymentRow {
            id: PaymentId::fresh(),
            qr_payment_id: None,
            kind: self.create.kind,
            state: State::Creating,
            kaspi_status: None,
            shop_id: config.shop_id,
            config_id: config.id,
            organization_bin: config.organization_bin.clone(),
            description: config.description.clone(),
            trade_point_id: config.trade_point_id.clone(),
            trade_point_name: config.trade_point_name.clone(),
            dialect,
            amount: self.create.amount_tiyn,
            refunded_elsewhere: Amount::ZERO,
            refunds: Vec::new(),
            phone: self.create.phone_number.as_ref().map(crate::id::PhoneNumber::masked),
            comment: self.create.comment.clone(),
            invoice: self.create.invoice.clone(),
            link: None,
            qr_token: None,
            expires_at: None,
            poll_every_ms: None,
            confirm_ms: None,
            request_key: self.key.clone(),
            supersedes: self.create.supersedes,
            late: false,
            created_at: now,
            updated_at: now,
            paid_at: None,
            paid_at_source: None,
        }
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
        (Kind::Link | Kind::Qr, None) => {
            created.expires_at.unwrap_or_else(|| now.after(request.settings.config.payments.link_life))
        }
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

fn was_seen(payment: &PaymentRow) -> bool {
    payment.kind == Kind::Remote || (payment.dialect == Dialect::Guide && payment.phone.is_some())
}

fn refusal(payment: &PaymentRow, trouble: &Trouble) -> Failure {
    match trouble {
        Trouble::MayHaveHappened { why, provider } => {
            let (code, text) = provider.clone().unwrap_or_default();
            outcome_unknown(payment, why).with_provider(code, text)
        }
        other => trouble::failure(other).with_bin(&payment.organization_bin),
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

fn unstored(failure: Failure, payment: &PaymentRow, answer: &Result<Created, Trouble>, said: &str) -> Failure {
    use crate::operation::Money;
    let money = match answer {
        Err(Trouble::MayHaveHappened { .. }) | Ok(_) => Money::Unknown,
        Err(_) => Money::NotMoved,
    };
    let detail = format!("{}; the bank said: {said}", failure.detail);
    Failure { detail, ..failure }.with_money(money).with_retryable(false).with_payment(payment.id)
}
