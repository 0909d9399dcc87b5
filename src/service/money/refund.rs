//! Paying money back: one at a time per payment, the balance read first where the bank has one and made a part of the
//! intent. What the balance says afterwards is the account's to judge.

use super::balance::{Balances, not_found_means_not_refundable, stale};
use super::call::{Asker, Begun, Intent, MoneyCall, MoneyTurn, Sent, Verdict};
use super::intention::{find_key, wrote_refund};
use super::keys::Keys;
use super::outcome::Instead;
use crate::domain::{Dialect, LogStatus, State};
use crate::failure::{Code, Failure, Money};
use crate::id::{PaymentId, PaymentRef, QrPaymentId};
use crate::kaspi::{CallError, Refunded};
use crate::money::Amount;
use crate::operation::{RefundPayment, Reply};
use crate::service::bank::{Bank, failure_of};
use crate::service::payment::{PaymentRows, Statuses, awaits_owner};
use crate::service::{Context, Settings};
use crate::store::{
    AttemptObstacle, Attempts, Change, Ending, PaymentRow, RefundRow, RefundState, Refused, Store, Triple, Wanted,
    Writing, Wrote,
};
use std::sync::Arc;

/// What to do about a refund that failed and has no key under which it could be repeated.
const KEYLESS: &str = "Look at the payment first: kaspictl payment show ID. A refund without an Idempotency-Key cannot be \
                       repeated safely; send one with each.";

/// A refund of a payment that is paid.
#[derive(Clone)]
struct RefundCall {
    payment: PaymentId,
    id: PaymentId,
    asked: RefundPayment,
    qr: QrPaymentId,
    triple: Triple,
    /// What the bank says is left, read just before; none where its dialect has no balance.
    balance: Option<Amount>,
}

/// Pays back; touches the log through its keys, payments through their statuses, and the bank's balances.
pub(in crate::service) struct Refunds {
    keys: Arc<Keys>,
    payments: PaymentRows,
    bank: Arc<Bank>,
    statuses: Arc<Statuses>,
    balances: Arc<Balances>,
}

impl Refunds {
    pub(super) fn new(keys: Arc<Keys>, bank: Arc<Bank>, statuses: Arc<Statuses>, balances: Arc<Balances>) -> Self {
        let payments = PaymentRows::new(keys.store().clone());
        Self { keys, payments, bank, statuses, balances }
    }

    pub(in crate::service) async fn refund(
        &self,
        context: &Context,
        named: &PaymentRef,
        asked: RefundPayment,
    ) -> Result<Reply, Failure> {
        let refunded = self.refunded(context, named, asked).await;
        // Without a key a second request is a second refund.
        refunded.map_err(|failure| match (&context.key, failure.retryable) {
            (None, true) => failure.with_retryable(false).with_hint(KEYLESS),
            _ => failure,
        })
    }

    async fn refunded(&self, context: &Context, named: &PaymentRef, asked: RefundPayment) -> Result<Reply, Failure> {
        let id = self.payments.visible(context, named)?.id;
        context.key_for_money()?;
        if asked.amount_tiyn.is_some_and(Amount::is_zero) {
            return Err(Failure::invalid("amount_tiyn must be above 0; leave it out to pay back all that is left"));
        }
        let (shop, wrote) = (self.payments.row(id)?.shop_id, wrote_refund(self.keys.store(), id, asked.amount_tiyn));
        self.keys.in_turn((context, shop), wrote, |turn| self.refund_in_turn(turn, id, asked)).await?;
        let row = self.payments.row(id).map_err(|failure| failure.with_money(Money::Moved).with_payment(id))?;
        Ok(Reply::Payment(row.view()))
    }

    async fn refund_in_turn(&self, turn: MoneyTurn<'_>, id: PaymentId, asked: RefundPayment) -> Result<(), Failure> {
        let context = turn.context;
        if self.has_refunded(context, id, &asked).await? {
            return Ok(());
        }
        // From here to the end nobody else pays back of this payment or judges its balance.
        let Some(_one) = self.balances.alone(id) else {
            return Err(in_progress(id));
        };
        let refund = self.refund_to_make(context, id, asked).await;
        let refund = refund.map_err(|failure| self.of_pending_key(context, id, failure))?;
        let (refund_id, settings) = (refund.id, &context.settings);
        let Intent::New(intended) = turn.intend(self.payments.row(id)?.shop_id, refund).await? else { return Ok(()) };
        self.balances.unsettled.begin(refund_id);
        let ended = intended.send(settings).await.end(context).await?;
        let settled = match ended.failure {
            Some(failure) => self.settled(settings, (id, refund_id), failure).await,
            None => Ok(()),
        };
        self.balances.end_of(id, refund_id);
        settled
    }

    /// Whether this request was carried out before, under its key.
    async fn has_refunded(&self, context: &Context, id: PaymentId, asked: &RefundPayment) -> Result<bool, Failure> {
        let amount = asked.amount_tiyn;
        let (asker, wrote) = (context.clone(), wrote_refund(self.keys.store(), id, amount));
        let known = self.keys.store().write(move |writing| {
            let Some(row) = writing.payment(id)? else { return Ok(false) };
            let stands = find_key(writing, &asker, row.shop_id, &wrote)?;
            Ok(stands.is_some() && row.account().attempts_at(asker.key.as_ref(), amount) == Attempts::Happened)
        });
        known.await
    }

    /// A refund of a payment that Kaspi calls paid, on the balance of this moment.
    async fn refund_to_make(
        &self,
        context: &Context,
        id: PaymentId,
        asked: RefundPayment,
    ) -> Result<RefundCall, Failure> {
        context.settings.kaspi()?;
        let row = self.refundable(context, self.payments.row(id)?).await?;
        let triple = self.bank.frozen_triple(&context.settings, &row)?;
        let Some(qr) = row.qr_payment_id.clone() else {
            return Err(Failure::new(Code::NotRefundable, "the payment has no QrPaymentId").with_payment(id));
        };
        let balance = match row.dialect {
            Dialect::Guide => None,
            Dialect::Bank => Some(self.balances.read_balance(context, &row, &triple).await?),
        };
        Ok(RefundCall { payment: id, id: PaymentId::fresh(), asked, qr, triple, balance })
    }

    /// Of a key whose own refund is in doubt nobody says that nothing moved, whatever keeps it from being settled.
    fn of_pending_key(&self, context: &Context, id: PaymentId, failure: Failure) -> Failure {
        let Ok(row) = self.payments.row(id) else { return failure };
        match row.account().attempts(context.key.as_ref()) {
            Attempts::InDoubt(own) => in_doubt(&row, own.id, &failure.detail),
            _ => failure,
        }
    }

    /// A paid payment; one that is not called so is looked at first.
    async fn refundable(&self, context: &Context, row: PaymentRow) -> Result<PaymentRow, Failure> {
        let row = match row.state {
            State::Paid => self.statuses.still_paid(&context.settings, &row).await?,
            State::Creating | State::Unknown => row,
            _ => self.statuses.read_status(&context.settings, &row).await?,
        };
        if let Some(doubt) = awaits_owner(&row, Code::NotRefundable) {
            return Err(doubt);
        }
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

    /// The answer to a refund that did not simply happen: of a lost one, once the balance has told or its time is over.
    async fn settled(
        &self,
        settings: &Settings,
        (payment, refund): (PaymentId, PaymentId),
        failure: Failure,
    ) -> Result<(), Failure> {
        if failure.code != Code::OutcomeUnknown {
            return Err(failure);
        }
        self.balances.settle(settings, payment, refund).await;
        let row =
            self.payments.row(payment).map_err(|stored| stored.with_money(Money::Unknown).with_payment(payment))?;
        let found = row.refund(refund);
        // Another attempt under its key may have come to light instead.
        let is_done = found.is_some_and(|refund| row.account().is_done(refund));
        match found.map(|refund| refund.state) {
            Some(state) if is_done || matches!(state, RefundState::Success(_)) => Ok(()),
            Some(RefundState::Watched) => Err(not_seen(&row, refund, &failure)),
            _ => Err(failure),
        }
    }
}

impl MoneyCall for RefundCall {
    type Given = Refunded;

    const POINTS: [&'static str; 4] = ["refund.begin", "refund.intended", "refund.answered", "refund.ended"];
    const NAME: &'static str = "refund";

    fn wrote(&self, store: &Store) -> Wrote {
        wrote_refund(store, self.payment, self.asked.amount_tiyn)
    }

    fn intend(&self, writing: &Writing<'_>, asker: Asker<'_>) -> Result<Begun, Refused> {
        let id = self.payment;
        let Some(row) = writing.payment(id)? else { return Err(Failure::not_found("the payment is gone").into()) };
        let Asker { context, wrote, x_request_id, .. } = asker;
        let amount = match row.account().another(&self.wanted(context)) {
            Ok(amount) => amount,
            Err(AttemptObstacle::Happened) => return Ok(Begun::Seen(id)),
            Err(obstacle) => return Err(self.refused(&row, obstacle).into()),
        };
        if writing.is_running(id)? {
            return Err(in_progress(id).into());
        }
        let refund = RefundRow {
            id: self.id,
            amount,
            state: RefundState::Running,
            at: writing.now,
            key: context.key.clone(),
            balance_before: self.balance,
            return_operation_id: None,
            is_claimed: false,
            asked: self.asked.amount_tiyn,
        };
        let (mut row, key) = (row, context.key.clone());
        row.refunds.push(refund.clone());
        let change = Change::RefundIntended { payment: id, refund, key, wrote, x_request_id };
        Ok(Begun::New(Box::new((change, row, self.triple.clone()))))
    }

    async fn send(&self, payment: &PaymentRow, (kaspi, ask, triple): Sent) -> Result<Refunded, CallError> {
        match payment.refund(self.id) {
            Some(refund) => kaspi.refund(&ask, &triple, &self.qr, refund.amount).await,
            None => Err(CallError::NeverSent { why: "no refund was intended".to_owned(), certificate: false }),
        }
    }

    async fn judge(&self, _: &Context, payment: &PaymentRow, answer: &Result<Refunded, CallError>) -> Verdict {
        let why = match answer {
            Ok(Refunded { return_operation_id }) if self.balance.is_none() || proves(payment, return_operation_id) => {
                let ending = Ending::Refunded { return_operation_id: return_operation_id.clone() };
                return Verdict { status: LogStatus::Success, ending, failure: None, money: Money::Moved };
            }
            Ok(_) => Failure::new(Code::OutcomeUnknown, "Kaspi named no ReturnOperationId of its own for it"),
            Err(trouble @ CallError::MayHaveHappened { .. }) => failure_of(trouble),
            Err(trouble) => {
                let failure = not_found_means_not_refundable(failure_of(trouble)).with_payment(payment.id);
                let failure = Some(failure.with_bin(&payment.organization_bin));
                let ending = Ending::Nothing;
                return Verdict { status: LogStatus::Failed, ending, failure, money: Money::NotMoved };
            }
        };
        let failure = in_doubt(payment, self.id, &why.detail);
        let failure = failure.with_provider(why.provider_code, why.provider_message);
        Verdict {
            status: LogStatus::Pending,
            ending: Ending::RefundLost,
            failure: Some(failure),
            money: Money::Unknown,
        }
    }

    fn instead(&self, payment: &PaymentRow, _: Instead) -> Failure {
        in_progress(payment.id)
    }
}

impl RefundCall {
    fn wanted<'k>(&self, context: &'k Context) -> Wanted<'k> {
        Wanted {
            amount: self.asked.amount_tiyn,
            key: context.key.as_ref(),
            is_repeat: self.asked.repeat_refund,
            balance: self.balance,
        }
    }

    /// Why it is not made, in words.
    fn refused(&self, row: &PaymentRow, obstacle: AttemptObstacle<'_>) -> Failure {
        let exceeds = |detail| Failure::new(Code::RefundExceedsBalance, detail).with_payment(row.id);
        match (obstacle, self.asked.amount_tiyn) {
            (AttemptObstacle::InDoubt(own), _) => in_doubt(row, own.id, "its answer was lost"),
            (AttemptObstacle::Open(other), _) => refund_open(row, other),
            (AttemptObstacle::Exceeds(left), Some(amount)) if !left.is_zero() => {
                exceeds(format!("{amount} is more than the {left} that is left of this payment"))
            }
            (AttemptObstacle::Exceeds(_), _) => exceeds("all of this payment was paid back already".to_owned()),
            (AttemptObstacle::Happened | AttemptObstacle::Stale, _) => stale(row, self.balance.unwrap_or_default()),
        }
    }
}

/// Whether an answer names an operation that can only be this refund's: the number of an earlier one proves nothing of it.
fn proves(payment: &PaymentRow, named: &Option<String>) -> bool {
    let Some(id) = named.as_deref().map(str::trim).filter(|id| !id.is_empty()) else { return false };
    let is_one = id.parse::<i64>().map_or(true, |number| number > 0);
    is_one && payment.refunds.iter().all(|refund| refund.return_operation_id.as_deref().map(str::trim) != Some(id))
}

fn in_doubt(row: &PaymentRow, refund: PaymentId, why: &str) -> Failure {
    let hint = format!("Look in the Kaspi Pay app whether the money went back, then: {}", resolving(row.id, refund));
    Failure::new(Code::OutcomeUnknown, format!("it is not known whether the refund happened: {why}"))
        .with_payment(row.id)
        .with_bin(&row.organization_bin)
        .with_hint(hint)
}

/// A refund that the balance does not show: it counts as failed and may still come, so that no program repeats it.
fn not_seen(row: &PaymentRow, refund: PaymentId, lost: &Failure) -> Failure {
    let detail = format!(
        "the balance of the payment has not fallen by it, so the refund counts as failed; it is watched, for it may still come: {}",
        lost.detail
    );
    let hint = format!(
        "Look in the Kaspi Pay app. If it is not there, ask again with the same key, which reads the balance first; if it is: {}",
        resolving(row.id, refund)
    );
    // Whoever reads that no money moved pays it out of the till.
    Failure::new(Code::KaspiUnavailable, detail)
        .with_money(Money::Unknown)
        .with_retryable(false)
        .with_provider(lost.provider_code, lost.provider_message.clone())
        .with_payment(row.id)
        .with_bin(&row.organization_bin)
        .with_hint(hint)
}

/// Names the refund that stands in the way, and how to end it.
fn refund_open(row: &PaymentRow, other: &RefundRow) -> Failure {
    let (id, amount) = (other.id, other.amount);
    let (detail, more) = match other.state {
        RefundState::Watched => (
            format!("refund {id} of {amount} was not seen to happen and still may; another of {amount} may double it"),
            ", or pay the same amount back on purpose: --repeat-refund (field repeat_refund)",
        ),
        _ => (format!("it is not known whether refund {id} of {amount} happened"), ""),
    };
    let hint = format!("Look in the Kaspi Pay app whether the money went back, then: {}{more}", resolving(row.id, id));
    Failure::new(Code::RefundOpen, detail).with_payment(row.id).with_bin(&row.organization_bin).with_hint(hint)
}

fn resolving(payment: PaymentId, refund: PaymentId) -> String {
    format!("kaspictl payment resolve {payment} --refund {refund} --happened yes|no --reason TEXT")
}

pub(super) fn in_progress(payment: PaymentId) -> Failure {
    Failure::new(Code::InProgress, "another call on this payment is not finished").with_payment(payment)
}
