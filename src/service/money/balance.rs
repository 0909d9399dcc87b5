//! Reading the balance of a payment and booking what the account makes of it. A reading may be booked at any time,
//! also beside a refund: the account judges it in the transaction that books it, and an old one proves nothing there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep, timeout};

use crate::domain::{Dialect, State};
use crate::failure::{Code, Failure};
use crate::id::{PaymentId, RequestKey};
use crate::kaspi::{CallContext, PaymentDetails};
use crate::money::Amount;
use crate::service::bank::{Bank, details_failure};
use crate::service::locks::Locks;
use crate::service::payment::{PaymentRows, Totals, balance_problem};
use crate::service::rate::ReadRate;
use crate::service::stop::Stopping;
use crate::service::{Context, Settings};
use crate::store::{Change, PaymentRow, RefundRow, RefundState, Seen, Stale, Store, Triple};

/// Rests between two readings of the balance; the last one repeats.
const RESTS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// How long who asks for a payment waits for its balance.
const SOON: Duration = Duration::from_secs(3);

/// A balance read for somebody who looks is the answer for others so long.
const INTERVAL: Duration = Duration::from_secs(1);

/// Since when refunds of this run are on their way or in doubt, by a clock that nobody sets. Those of an earlier run are
/// so since this one began.
pub(super) struct Unsettled {
    started: Instant,
    /// Held for a look-up, never across an await.
    since: Mutex<HashMap<PaymentId, Instant>>,
    /// When the balance of a payment was last read for somebody who looked.
    read: Mutex<HashMap<PaymentId, Instant>>,
}

impl Unsettled {
    pub(in crate::service) fn new() -> Self {
        Self { started: Instant::now(), since: Mutex::default(), read: Mutex::default() }
    }

    pub(super) fn begin(&self, refund: PaymentId) {
        self.since.lock().unwrap_or_else(PoisonError::into_inner).insert(refund, Instant::now());
    }

    fn is_due(&self, payment: PaymentId) -> bool {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.get(&payment).is_none_or(|at| at.elapsed() >= INTERVAL)
    }

    fn was_read(&self, payment: PaymentId) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.len() >= 1024 {
            read.retain(|_, at| at.elapsed() < INTERVAL);
        }
        read.insert(payment, Instant::now());
    }

    fn end(&self, refund: PaymentId) {
        self.since.lock().unwrap_or_else(PoisonError::into_inner).remove(&refund);
    }

    /// When the time to settle of a refund is over.
    pub(super) fn over_at(&self, refund: PaymentId, settle: Duration) -> Instant {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner).get(&refund).copied();
        since.unwrap_or(self.started) + settle
    }
}

/// A balance that was read.
#[derive(Clone)]
pub(super) struct BalanceRead {
    pub(super) balance: Amount,
    pub(super) asked_at: Instant,
    /// Of the refund that is to be sent on it.
    pub(super) key: Option<RequestKey>,
}

/// Reads balances and books what they say; touches what the account knows of refunds, and nothing else.
pub(in crate::service) struct Balances {
    store: Store,
    payments: PaymentRows,
    bank: Arc<Bank>,
    totals: Arc<Totals>,
    stop: Stopping,
    rate: Arc<ReadRate>,
    /// Since when refunds are unsettled.
    pub(super) unsettled: Arc<Unsettled>,
    /// One refund at a time per payment.
    refunding: Locks<PaymentId>,
    /// One reading of a balance for those who look at a time per payment.
    reading: Locks<PaymentId>,
}

impl Balances {
    pub(super) fn new(
        store: Store,
        (bank, totals): (Arc<Bank>, Arc<Totals>),
        (stop, rate): (Stopping, Arc<ReadRate>),
    ) -> Self {
        let (payments, unsettled) = (PaymentRows::new(store.clone()), Arc::new(Unsettled::new()));
        Self { store, payments, bank, totals, stop, rate, unsettled, refunding: Locks::new(), reading: Locks::new() }
    }

    /// The right to pay back of a payment, or to weigh what was; none while somebody else does.
    pub(super) fn alone(&self, payment: PaymentId) -> Option<OwnedMutexGuard<()>> {
        self.refunding.try_lock(payment)
    }

    /// Forgets since when a refund is unsettled, unless nobody knows yet what came of it.
    pub(super) fn end_of(&self, payment: PaymentId, refund: PaymentId) {
        let is_pending = |row: PaymentRow| row.refund(refund).is_some_and(RefundRow::is_pending);
        if self.payments.row(payment).is_ok_and(|row| !is_pending(row)) {
            self.unsettled.end(refund);
        }
    }

    /// Reads the balance before money is paid back under a key, and books what it says.
    ///
    /// # Errors
    /// `kaspi_unavailable` where it cannot be read, or is behind what is known.
    pub(super) async fn read_balance(
        &self,
        context: &Context,
        row: &PaymentRow,
        triple: &Triple,
    ) -> Result<Amount, Failure> {
        let (settings, asked_at) = (&context.settings, Instant::now());
        let balance = self.balance(settings, row, triple).await?;
        let reading = BalanceRead { balance, asked_at, key: context.key.clone() };
        match self.book(settings, row.id, reading).await? {
            Ok(()) => Ok(balance),
            Err(Stale) => Err(stale(&self.payments.row(row.id)?, balance)),
        }
    }

    /// Books what a balance says.
    pub(super) async fn book(
        &self,
        settings: &Settings,
        id: PaymentId,
        BalanceRead { balance, asked_at, key }: BalanceRead,
    ) -> Result<Result<(), Stale>, Failure> {
        let (unsettled, settle) = (self.unsettled.clone(), settings.config.payments.refund_settle);
        let is_settled = move |refund: &RefundRow| asked_at >= unsettled.over_at(refund.id, settle);
        match self.payments.row(id)?.account().read(balance, key.as_ref(), &is_settled) {
            Err(stale) => return self.note_above(id, Some(balance)).await.map(|()| Err(stale)),
            Ok(bookings) if bookings.is_empty() => return self.note_above(id, None).await.map(Ok),
            Ok(_) => {}
        }
        let booked = self.store.write(move |writing| {
            let Some(row) = writing.payment(id)? else { return Err(Failure::not_found("the payment is gone").into()) };
            let bookings = match row.account().read(balance, key.as_ref(), &is_settled) {
                Ok(bookings) => bookings,
                Err(stale) => return Ok(Err(stale)),
            };
            for booking in bookings {
                writing.append(None, Change::Seen { payment: id, seen: Seen::Booked(booking) })?;
            }
            Ok(Ok(()))
        });
        let booked = booked.await?;
        self.note_above(id, None).await?;
        Ok(booked)
    }

    /// Keeps that a balance is above what is left by all that is known, or that it is not any more; once.
    async fn note_above(&self, id: PaymentId, above: Option<Amount>) -> Result<(), Failure> {
        let is_known = move |row: &PaymentRow| row.balance_above.map(|(balance, _)| balance) == above;
        if is_known(&self.payments.row(id)?) {
            return Ok(());
        }
        let noted = self.store.write(move |writing| {
            if writing.payment(id)?.is_some_and(|row| !is_known(&row)) {
                writing.append(None, Change::Seen { payment: id, seen: Seen::BalanceAbove(above) })?;
            }
            Ok(())
        });
        noted.await
    }

    /// Reads the balance until it has told whether a refund happened whose answer was lost, at the latest when its
    /// time to settle is over.
    pub(super) async fn settle(&self, settings: &Settings, payment: PaymentId, refund: PaymentId) {
        self.unsettled.begin(refund);
        let over_at = self.unsettled.over_at(refund, settings.config.payments.refund_settle);
        for rest in RESTS.into_iter().chain(std::iter::repeat(RESTS[3])) {
            let is_last = Instant::now() >= over_at;
            if !matches!(self.is_unsettled(payment, refund), Ok(true)) {
                return;
            }
            // What cannot be read now is read again, here or by the follower.
            let _ = self.read_and_book(settings, payment).await;
            if is_last {
                return;
            }
            crate::chance::select! {
                () = sleep(rest.min(over_at.saturating_duration_since(Instant::now()))) => {}
                // The daemon stops: what is known now is that nobody knows.
                () = self.stop.begun() => return,
            }
        }
    }

    fn is_unsettled(&self, payment: PaymentId, refund: PaymentId) -> Result<bool, Failure> {
        let row = self.payments.row(payment)?;
        Ok(row.refund(refund).is_some_and(|refund| refund.state == RefundState::Unsettled))
    }

    /// Judges the balance of a payment that may have been paid back, unless somebody is just reading it, or has read it
    /// less than an interval ago.
    ///
    /// # Errors
    /// Why the balance could not be read or booked.
    pub(in crate::service) async fn check_balance(&self, settings: &Settings, id: PaymentId) -> Result<(), Failure> {
        match self.reading.try_lock(id) {
            Some(_one) if self.unsettled.is_due(id) => {
                let checked = self.read_and_book(settings, id).await;
                if checked.is_ok() {
                    self.unsettled.was_read(id);
                }
                checked
            }
            _ => Ok(()),
        }
    }

    /// A payment that somebody asks for, with what its balance tells now; what cannot be read stays as it was.
    pub(in crate::service) async fn with_balance_checked(
        self: &Arc<Self>,
        settings: &Arc<Settings>,
        (row, patience): (PaymentRow, Option<Duration>),
    ) -> Result<PaymentRow, Failure> {
        if !tells_of_refunds(&row) || !self.rate.callers_turn(settings.config.follow.rate).await {
            return Ok(row);
        }
        let (balances, settings, id) = (Arc::clone(self), Arc::clone(settings), row.id);
        // It goes on when the caller has waited long enough.
        let reading = tokio::spawn(async move { balances.check_balance(&settings, id).await });
        if let Ok(Ok(Err(failure))) = timeout(patience.map_or(SOON, |patience| patience.min(SOON)), reading).await {
            tracing::debug!(kaspid.payment = %id, kaspid.code = failure.code.word(), "the balance could not be read");
        }
        self.payments.row(id)
    }

    async fn read_and_book(&self, settings: &Settings, id: PaymentId) -> Result<(), Failure> {
        let row = self.payments.row(id)?;
        if !tells_of_refunds(&row) {
            return Ok(());
        }
        let triple = self.bank.frozen_triple(settings, &row)?;
        let asked_at = Instant::now();
        let balance = self.balance(settings, &row, &triple).await?;
        // A reading that proves nothing is followed by others.
        self.book(settings, id, BalanceRead { balance, asked_at, key: None }).await.map(drop)
    }

    /// What of a payment can still be paid back, as the bank says now.
    pub(super) async fn balance(
        &self,
        settings: &Settings,
        row: &PaymentRow,
        triple: &Triple,
    ) -> Result<Amount, Failure> {
        if row.qr_payment_id.is_none() {
            return Err(Failure::new(Code::NotRefundable, "the payment has no QrPaymentId").with_payment(row.id));
        }
        let ask = CallContext::fresh(settings.config.kaspi.timeout);
        match self.bank.details(settings, row, triple.clone(), ask).await {
            Ok(details) => {
                if details.total != row.amount || row.other_totals.is_told_by_details() {
                    self.totals.keep_total(row.id, details.total).await?;
                }
                match self.payments.row(row.id)?.disputed_total() {
                    None => Ok(left_of_ours(row.amount, &details)),
                    Some(total) => Err(other_total(row, total)),
                }
            }
            Err(trouble) => {
                let failure = details_failure(row, &trouble);
                let detail = format!("the balance could not be read, so nothing was sent: {}", failure.detail);
                Err(not_found_means_not_refundable(Failure { detail, ..failure }).with_payment(row.id))
            }
        }
    }
}

/// What is left of our amount where the bank's total is another and a person has let ours stand: what is gone of theirs is
/// gone of ours, and no more is left than the bank has.
fn left_of_ours(ours: Amount, details: &PaymentDetails) -> Amount {
    let gone = details.total.minus(details.available_return).unwrap_or_default();
    ours.minus(gone).unwrap_or_default().min(details.available_return)
}

fn other_total(row: &PaymentRow, total: Amount) -> Failure {
    let detail = format!("Kaspi says this payment is {total}, and we asked for {}", row.amount);
    Failure::new(Code::NotRefundable, detail).with_payment(row.id).with_hint(format!(
        "Look in the Kaspi Pay app; to let our amount stand: kaspictl payment resolve {} --paid yes --reason TEXT, then try again.",
        row.id
    ))
}

/// Whether a reading of its balance may tell something of the refunds of a payment.
pub(in crate::service) fn tells_of_refunds(row: &PaymentRow) -> bool {
    let may_tell = |refund: &RefundRow| matches!(refund.state, RefundState::Unsettled | RefundState::Watched);
    let is_told = row.balance_above.is_some() || row.refunds.iter().any(may_tell);
    row.dialect == Dialect::Bank && row.state == State::Paid && is_told
}

pub(super) fn stale(row: &PaymentRow, balance: Amount) -> Failure {
    let left = row.account().left();
    let detail = format!("Kaspi still shows {balance} of this payment, and {left} is left of it: nothing was sent");
    let failure = Failure::new(Code::KaspiUnavailable, detail).with_payment(row.id);
    // What nobody has looked at in the Kaspi Pay app is not said to have happened or not.
    match balance_problem(row) {
        None => failure.with_hint("Kaspi's books are behind: try again with the same key in a minute."),
        Some(problem) => failure.with_hint(problem.remedy),
    }
}

pub(super) fn not_found_means_not_refundable(failure: Failure) -> Failure {
    match failure.code {
        Code::NotFound => Failure { code: Code::NotRefundable, ..failure },
        _ => failure,
    }
}
