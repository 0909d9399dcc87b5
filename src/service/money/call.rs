//! The way of every call that moves money or ends a bill: intent, sent once, outcome, answer.
//!
//! ```text
//! MoneyTurn -> Intended -> Answered -> Ended
//! ```
//!
//! Each is made only by the step before and used up by the next, so that no kind of call can leave a step out or take
//! it twice: the key's turn, the durable intent before the first byte, one sending, the durable outcome before the
//! answer. Create, refund and cancel supply what to intend, what to send and how to judge ([`MoneyCall`]); recovery is
//! the last step of a call whose answer never came.

use std::sync::Arc;

use tokio::time::Instant;

use super::intention::find_key;
use super::outcome::{Instead, record, unstored, words};
use super::storm::{StormKey, Storms};
use crate::domain::LogStatus;
use crate::failpoint::fail_point;
use crate::failure::{Failure, Money};
use crate::id::{PaymentId, ShopId};
use crate::kaspi::{CallContext, CallError, Kaspi};
use crate::service::bank::{Bank, Sending};
use crate::service::{Context, Settings};
use crate::store::{CallOutcome, Change, Ending, KeyRow, PaymentRow, Refused, Store, Triple, Underway, Writing, Wrote};

/// What a kind of money call supplies.
pub(super) trait MoneyCall: Clone + Send + Sync + 'static {
    /// What Kaspi gives for it.
    type Given: Send + Sync;
    /// Its fail points: before the intent, behind it, behind the answer, behind the outcome.
    #[cfg_attr(not(debug_assertions), allow(dead_code, reason = "a release build has no fail points"))]
    const POINTS: [&'static str; 4];
    /// What it is called.
    const NAME: &'static str;
    /// What its caller wrote, as it is compared under a key.
    fn wrote(&self, store: &Store) -> Wrote;
    /// Judges it by the state of this transaction, and writes nothing.
    ///
    /// # Errors
    /// Why it is not to be made.
    fn intend(&self, writing: &Writing<'_>, asker: Asker<'_>) -> Result<Begun, Refused>;
    /// Makes the call.
    fn send(&self, payment: &PaymentRow, with: Sent) -> impl Future<Output = Result<Self::Given, CallError>> + Send;
    /// What the answer makes of it.
    fn judge(
        &self,
        context: &Context,
        payment: &PaymentRow,
        answer: &Result<Self::Given, CallError>,
    ) -> impl Future<Output = Verdict> + Send;
    /// What to say where the outcome that was recorded is not the bank's word.
    fn instead(&self, payment: &PaymentRow, instead: Instead) -> Failure;
}

/// What a call is made with.
pub(super) type Sent = (Kaspi, CallContext, Triple);

/// Who asks, and what their key stands for already.
pub(super) struct Asker<'a> {
    pub(super) context: &'a Context,
    pub(super) earlier: Option<KeyRow>,
    /// What was written, where it is to be kept under a key.
    pub(super) wrote: Option<Wrote>,
    pub(super) x_request_id: String,
}

/// What is to come of a call.
pub(super) enum Begun {
    /// What is known of this payment is the answer.
    Seen(PaymentId),
    /// This intent is to be recorded, and the call made for the payment with the triple.
    New(Box<(Change, PaymentRow, Triple)>),
}

/// What an answer comes to: for the log and the projections, and for the caller.
pub(super) struct Verdict {
    pub(super) status: LogStatus,
    pub(super) ending: Ending,
    pub(super) failure: Option<Failure>,
    /// What is true of the money even if the outcome cannot be stored.
    pub(super) money: Money,
}

/// The right to make one money call: its key is nobody else's meanwhile, and the daemon is not stopping. Given by
/// [`super::keys::Keys::in_turn`] only.
pub(super) struct MoneyTurn<'r> {
    pub(super) context: &'r Context,
    pub(super) by: &'r Calls,
    pub(super) underway: Underway,
}

/// What money calls are made with. Touches the log, where their intents and outcomes stand, and the bank.
pub(super) struct Calls {
    pub(super) store: Store,
    pub(super) bank: Arc<Bank>,
    pub(super) storms: Arc<Storms>,
}

/// What came of asking to intend a call.
pub(super) enum Intent<'r, C> {
    /// Nothing is to be sent: this payment is the answer.
    Seen(PaymentId),
    /// To be sent.
    New(Box<Intended<'r, C>>),
}

/// What all steps behind the intent carry.
struct Way<C> {
    call: C,
    intent: u64,
    payment: PaymentRow,
    began: Instant,
}

/// A call whose intent is durable, not yet sent.
pub(super) struct Intended<'r, C> {
    by: &'r Calls,
    way: Way<C>,
    triple: Triple,
    ask: CallContext,
    underway: Underway,
}

/// A call that was sent, and what came back.
pub(super) struct Answered<'r, C: MoneyCall> {
    by: &'r Calls,
    way: Way<C>,
    answer: Result<C::Given, CallError>,
    /// Its outcome is yet to be written.
    underway: Underway,
}

/// A call whose outcome is durable.
pub(super) struct Ended {
    pub(super) payment: PaymentId,
    /// Why it is not what the caller wanted.
    pub(super) failure: Option<Failure>,
}

impl<'r> MoneyTurn<'r> {
    /// Makes the intent durable: the key and the call itself are judged and the intent written in one transaction.
    ///
    /// # Errors
    /// Why the call is not to be made; nothing was sent.
    pub(super) async fn intend<C: MoneyCall>(self, shop: ShopId, call: C) -> Result<Intent<'r, C>, Failure> {
        let Self { context, by, underway } = self;
        fail_point!(C::POINTS[0]);
        let ask = context.ask();
        let (asked, made, wrote) = (context.clone(), call.clone(), call.wrote(&by.store));
        let storms = by.storms.clone();
        let begun = by.store.write(move |writing| {
            let earlier = find_key(writing, &asked, shop, &wrote)?;
            let (wrote, x_request_id) = (asked.key.is_some().then_some(wrote), ask.x_request_id.to_string());
            let asker = Asker { context: &asked, earlier, wrote, x_request_id };
            let (change, payment, triple) = match made.intend(writing, asker)? {
                Begun::Seen(payment) => return Ok(Err(payment)),
                Begun::New(new) => *new,
            };
            // Without a key and certificate nothing is begun that could not be sent.
            asked.settings.kaspi()?;
            storms.may_begin(&storm_key::<C>(&asked, &payment))?;
            let intent = writing.append(Some(asked.caller.actor()), change)?;
            Ok(Ok((intent, payment, triple)))
        });
        let begun = begun.await;
        fail_point!(C::POINTS[1]);
        Ok(match begun? {
            Err(payment) => Intent::Seen(payment),
            Ok((intent, payment, triple)) => {
                let way = Way { call, intent, payment, began: Instant::now() };
                Intent::New(Box::new(Intended { by, way, triple, ask, underway }))
            }
        })
    }
}

fn storm_key<C: MoneyCall>(context: &Context, payment: &PaymentRow) -> StormKey {
    (payment.organization_bin.clone(), C::NAME, context.caller.uid)
}

impl<'r, C: MoneyCall> Intended<'r, C> {
    /// The payment as it was intended.
    pub(super) fn payment(&self) -> &PaymentRow {
        &self.way.payment
    }

    /// Sends it. A second request leaves only where the first was refused for its token, which the log then has too.
    pub(super) async fn send(self, settings: &Settings) -> Answered<'r, C> {
        let Self { by, way, triple, ask, underway } = self;
        let sending = Sending { ask, of: Some((way.intent, way.payment.id)) };
        let (call, payment) = (&way.call, &way.payment);
        let send = |kaspi, ask, triple| call.send(payment, (kaspi, ask, triple));
        let answer = by.bank.with_token(settings, triple, sending, send).await;
        fail_point!(C::POINTS[2]);
        Answered { by, way, answer, underway }
    }
}

impl<C: MoneyCall> Answered<'_, C> {
    /// Judges the answer and makes the outcome durable.
    ///
    /// # Errors
    /// `storage_failed`, with what the bank said.
    pub(super) async fn end(self, context: &Context) -> Result<Ended, Failure> {
        let Self { by, way: Way { call, intent, payment, began }, answer, underway } = self;
        let Verdict { status, ending, failure, money } = call.judge(context, &payment, &answer).await;
        let said = words(&ending);
        let outcome = CallOutcome {
            status,
            error: failure.as_ref().map(|failure| failure.detail.clone()),
            provider_code: failure.as_ref().and_then(|failure| failure.provider_code),
            duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            ending,
        };
        let end = move |writing: &mut Writing<'_>| record(writing, intent, outcome.clone());
        by.storms.ended(storm_key::<C>(context, &payment), status == LogStatus::Failed);
        let recorded = by.store.keep(end).await;
        let instead = recorded.map_err(|failure| unstored(failure, &payment, money, &said))?;
        drop(underway);
        fail_point!(C::POINTS[3]);
        let failure = instead.map_or(failure, |instead| Some(call.instead(&payment, instead)));
        Ok(Ended { payment: payment.id, failure })
    }
}
