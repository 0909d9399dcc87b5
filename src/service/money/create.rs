//! Taking a payment.

use std::sync::Arc;
use std::time::Duration;

use super::call::{Asker, Begun, Intent, MoneyCall, MoneyTurn, Sent, Verdict};
use super::intend::{CreateCall, was_seen};
use super::intention::wrote_create;
use super::keys::Keys;
use super::outcome::Instead;
use crate::domain::{Kind, LogStatus};
use crate::failure::{Code, Failure, Money, NEVER_SHOWN};
use crate::id::PaymentId;
use crate::kaspi::{CallError, Created, NewPayment};
use crate::moment::Moment;
use crate::operation::{CreatePayment, Reply};
use crate::service::bank::{Bank, failure_of};
use crate::service::payment::{LONGEST_WAIT, PaymentRows, REMOTE_LIFE, Statuses, Waits, too_long};
use crate::service::{Context, Settings};
use crate::store::{Ending, PaymentRow, Refused, Store, Writing, Wrote};

/// Added to the life of a token that nobody saw before it is called dead: clocks and slow answers.
const DEAD_MARGIN: Duration = Duration::from_secs(60);

/// Takes payments; touches the log through its keys, and payments through their statuses.
pub(in crate::service) struct Creates {
    keys: Arc<Keys>,
    payments: PaymentRows,
    bank: Arc<Bank>,
    statuses: Arc<Statuses>,
    waits: Arc<Waits>,
}

impl Creates {
    pub(super) fn new(keys: Arc<Keys>, bank: Arc<Bank>, statuses: Arc<Statuses>, waits: Arc<Waits>) -> Self {
        let payments = PaymentRows::new(keys.store().clone());
        Self { keys, payments, bank, statuses, waits }
    }

    pub(in crate::service) async fn create(&self, context: &Context, create: CreatePayment) -> Result<Reply, Failure> {
        judge(context, &create)?;
        context.key_for_money()?;
        let (shop, wait) = (context.shop(create.shop_id), create.wait);
        let call = CreateCall { create, shop };
        // Whoever has the same key may see the payment from then on and wait beside us.
        let created =
            self.keys.in_turn((context, shop), call.wrote(self.keys.store()), |turn| self.created(turn, call)).await;
        let (payment, new) = created?;
        if new && wait.is_some() {
            // The answer is as good as a look: the first one of the wait comes an interval later. A create that is
            // repeated is no look, and puts none off.
            self.statuses.made(payment);
        }
        let row = match wait {
            Some(span) => self.waits.wait(context, payment, span).await,
            None => self.payments.row(payment),
        };
        let row = row.map_err(|failure| failure.with_money(Money::Unknown).with_payment(payment))?;
        Ok(if new { Reply::Created(row.view()) } else { Reply::Payment(row.view()) })
    }

    /// The payment, and whether it is new.
    async fn created(&self, turn: MoneyTurn<'_>, call: CreateCall) -> Result<(PaymentId, bool), Failure> {
        let context = turn.context;
        let intent = turn.intend(call.shop, call).await;
        if let Err(Failure { code: Code::BinInactive, organization_bin: Some(bin), .. }) = &intent {
            // It may only want a look to settle its dialect.
            self.bank.wakes().suspect(bin);
        }
        let intended = match intent? {
            Intent::Seen(payment) => return Ok((payment, false)),
            Intent::New(intended) => intended,
        };
        // From here on, not from when the follower hears of it: the wall clock may be set in between.
        self.statuses.ages.follow(intended.payment());
        let ended = intended.send(&context.settings).await.end(context).await?;
        ended.failure.map_or(Ok((ended.payment, true)), Err)
    }
}

impl MoneyCall for CreateCall {
    type Given = Created;

    const POINTS: [&'static str; 4] = ["create.begin", "create.intended", "create.answered", "create.ended"];
    const NAME: &'static str = "create";

    fn wrote(&self, store: &Store) -> Wrote {
        wrote_create(store, &self.create)
    }

    fn intend(&self, writing: &Writing<'_>, asker: Asker<'_>) -> Result<Begun, Refused> {
        self.intended(writing, asker)
    }

    async fn send(&self, payment: &PaymentRow, (kaspi, ask, triple): Sent) -> Result<Created, CallError> {
        let new = NewPayment {
            kind: payment.kind,
            amount: payment.amount,
            phone: self.create.phone_number.clone(),
            comment: payment.comment.clone(),
            external_id: payment.invoice.as_ref().map_or_else(|| payment.id.to_string(), ToString::to_string),
        };
        kaspi.create(&ask, &triple, &new).await
    }

    async fn judge(&self, context: &Context, payment: &PaymentRow, answer: &Result<Created, CallError>) -> Verdict {
        let trouble = match answer {
            Ok(created) => {
                let ending = created_ending(context, payment, created);
                // An invoice that stands at the bank may be paid at any moment.
                return Verdict { status: LogStatus::Success, ending, failure: None, money: Money::Unknown };
            }
            Err(trouble) => trouble,
        };
        let failure = Some(refusal(payment, trouble));
        match trouble {
            CallError::MayHaveHappened { .. } => {
                let ending = Ending::Lost { dead_at: dead_at(&context.settings, payment) };
                Verdict { status: LogStatus::Pending, ending, failure, money: Money::Unknown }
            }
            _ => Verdict { status: LogStatus::Failed, ending: Ending::Nothing, failure, money: Money::NotMoved },
        }
    }

    fn instead(&self, payment: &PaymentRow, _: Instead) -> Failure {
        outcome_unknown(payment, "Kaspi gave the number of another payment of ours")
    }
}

/// What is wrong with a request whatever the state of the shop.
fn judge(context: &Context, create: &CreatePayment) -> Result<(), Failure> {
    let most = context.settings.config.payments.max_amount_tiyn;
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
    if create.wait.is_some_and(|wait| wait.duration() > LONGEST_WAIT) {
        return Err(too_long());
    }
    if create.supersedes.is_some() != create.reason.is_some() {
        return Err(Failure::invalid("supersedes and reason go together"));
    }
    Ok(())
}

fn created_ending(context: &Context, payment: &PaymentRow, created: &Created) -> Ending {
    let now = Moment::now();
    let ms = |span: Option<Duration>| span.and_then(|span| u64::try_from(span.as_millis()).ok());
    let life = match (payment.kind, created.life) {
        (_, Some(life)) => life,
        (Kind::Remote, None) => REMOTE_LIFE,
        // An ExpireDate alone is not compared with our clock.
        (Kind::Link | Kind::Qr, None) => context.settings.config.payments.link_life,
    };
    Ending::Created {
        qr_payment_id: created.qr_payment_id.clone(),
        link: created.link.clone(),
        qr_token: created.qr_token.clone(),
        expires_at: Some(now.after(life)),
        bank_deadline: created.date.map(|bank| bank.after(life)),
        poll_every_ms: ms(created.poll_every),
        confirm_ms: ms(created.confirm_within),
    }
}

/// When a token that nobody saw is dead. An invoice, or a link that Kaspi sent to a phone, was seen.
pub(super) fn dead_at(settings: &Settings, payment: &PaymentRow) -> Option<Moment> {
    (!was_seen(payment)).then(|| Moment::now().after(settings.config.payments.link_life + DEAD_MARGIN))
}

fn refusal(payment: &PaymentRow, trouble: &CallError) -> Failure {
    match trouble {
        CallError::MayHaveHappened { why, provider } => {
            let (code, text) = provider.clone().unwrap_or_default();
            outcome_unknown(payment, why).with_provider(code, text)
        }
        other => declined(failure_of(other)).with_bin(&payment.organization_bin),
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
    failure.with_hint(NEVER_SHOWN)
}
