//! Reading the balance of a payment and booking what the account makes of it. Whoever does so holds the payment's
//! refunds: nobody pays back while a balance is judged.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::super::{Request, Service, Settings, trouble};
use super::refund::not_found_means_not_refundable;
use crate::id::{PaymentId, RequestKey};
use crate::kaspi::Ask;
use crate::money::Amount;
use crate::operation::{Code, Dialect, Evidence, Failure, State};
use crate::store::{Change, PaymentRow, RefundRow, RefundState, Seen, Stale, Triple};

/// Rests between two readings of the balance; the last one repeats.
const RESTS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// Since when refunds of this run are unsettled, by a clock that nobody sets. Those of an earlier run are so since
/// this one began.
pub(in crate::service) struct Unsettled {
    started: Instant,
    /// Held for a look-up, never across an await.
    since: Mutex<HashMap<PaymentId, Instant>>,
}

impl Unsettled {
    pub(in crate::service) fn new() -> Self {
        Self { started: Instant::now(), since: Mutex::default() }
    }

    fn begin(&self, refund: PaymentId) {
        self.since.lock().unwrap_or_else(PoisonError::into_inner).insert(refund, Instant::now());
    }

    fn end(&self, refund: PaymentId) {
        self.since.lock().unwrap_or_else(PoisonError::into_inner).remove(&refund);
    }

    /// When the time to settle of a refund is over.
    fn over_at(&self, refund: PaymentId, settle: Duration) -> Instant {
        let since = self.since.lock().unwrap_or_else(PoisonError::into_inner).get(&refund).copied();
        since.unwrap_or(self.started) + settle
    }
}

/// A balance that was read.
#[derive(Clone)]
struct Reading {
    balance: Amount,
    asked_at: Instant,
    /// Of the refund that is to be sent on it.
    key: Option<RequestKey>,
}

impl Service {
    /// Reads the balance before money is paid back under a key, and books what it says.
    ///
    /// # Errors
    /// `kaspi_unavailable` where it cannot be read, or is behind what is known.
    pub(super) async fn read_balance(
        &self,
        request: &Request,
        row: &PaymentRow,
        triple: &Triple,
    ) -> Result<Amount, Failure> {
        let (settings, asked_at) = (&request.settings, Instant::now());
        let balance = self.balance(settings, row, triple).await?;
        let reading = Reading { balance, asked_at, key: request.key.clone() };
        match self.book(settings, row.id, reading).await? {
            Ok(()) => Ok(balance),
            Err(Stale) => Err(stale(&self.row(row.id)?, balance)),
        }
    }

    /// Books what a balance says.
    async fn book(
        &self,
        settings: &Settings,
        id: PaymentId,
        Reading { balance, asked_at, key }: Reading,
    ) -> Result<Result<(), Stale>, Failure> {
        let (service, settle) = (self.clone(), settings.config.payments.refund_settle);
        let is_settled = move |refund: &RefundRow| asked_at >= service.state.unsettled.over_at(refund.id, settle);
        match self.row(id)?.account().read(balance, key.as_ref(), &is_settled) {
            Err(stale) => return Ok(Err(stale)),
            Ok(entries) if entries.is_empty() => return Ok(Ok(())),
            Ok(_) => {}
        }
        let booked = self.store.write(move |writing| {
            let Some(row) = writing.payment(id)? else { return Err(Failure::not_found("the payment is gone").into()) };
            let entries = match row.account().read(balance, key.as_ref(), &is_settled) {
                Ok(entries) => entries,
                Err(stale) => return Ok(Err(stale)),
            };
            for entry in entries {
                writing.append(None, Change::Seen { payment: id, seen: Seen::Booked(entry) })?;
            }
            Ok(Ok(()))
        });
        let booked = booked.await?;
        self.announce(id);
        Ok(booked)
    }

    /// Reads the balance until it has told whether a refund happened whose answer was lost, at the latest when its
    /// time to settle is over.
    pub(super) async fn settle(&self, settings: &Settings, payment: PaymentId, refund: PaymentId) {
        self.state.unsettled.begin(refund);
        let over_at = self.state.unsettled.over_at(refund, settings.config.payments.refund_settle);
        for rest in RESTS.into_iter().chain(std::iter::repeat(RESTS[3])) {
            let is_last = Instant::now() >= over_at;
            if !matches!(self.is_unsettled(payment, refund), Ok(Some(_))) {
                return self.state.unsettled.end(refund);
            }
            // What cannot be read now is read again, here or by the follower.
            let _ = self.reckon_once(settings, payment).await;
            if is_last {
                return;
            }
            tokio::select! {
                () = sleep(rest.min(over_at.saturating_duration_since(Instant::now()))) => {}
                // The daemon stops: what is known now is that nobody knows.
                () = self.stopped() => return,
            }
        }
    }

    fn is_unsettled(&self, payment: PaymentId, refund: PaymentId) -> Result<Option<PaymentRow>, Failure> {
        let row = self.row(payment)?;
        let is_unsettled = row.refund(refund).is_some_and(|refund| refund.state == RefundState::Unsettled);
        Ok(is_unsettled.then_some(row))
    }

    /// Judges the balance of a payment that may have been paid back, unless somebody is at it.
    ///
    /// # Errors
    /// Why the balance could not be read or booked.
    pub(in crate::service) async fn reckon(&self, settings: &Settings, id: PaymentId) -> Result<(), Failure> {
        match self.state.refunds.try_lock(id) {
            Some(_one) => self.reckon_once(settings, id).await,
            None => Ok(()),
        }
    }

    async fn reckon_once(&self, settings: &Settings, id: PaymentId) -> Result<(), Failure> {
        let row = self.row(id)?;
        if !is_reckoned(&row) {
            return Ok(());
        }
        let triple = self.frozen_triple(settings, &row)?;
        let asked_at = Instant::now();
        let balance = self.balance(settings, &row, &triple).await?;
        // A reading that proves nothing is followed by others.
        self.book(settings, id, Reading { balance, asked_at, key: None }).await.map(drop)
    }

    /// What of a payment can still be paid back, as the bank says now.
    async fn balance(&self, settings: &Settings, row: &PaymentRow, triple: &Triple) -> Result<Amount, Failure> {
        let Some(qr) = row.qr_payment_id.clone() else {
            return Err(Failure::new(Code::NotRefundable, "the payment has no QrPaymentId").with_payment(row.id));
        };
        let ask = Ask::fresh(settings.config.kaspi.timeout);
        let read = self.with_token(settings, triple.clone(), ask, |kaspi, ask, triple| {
            let qr = qr.clone();
            async move { kaspi.details(&ask, &triple, &qr).await }
        });
        match read.await {
            Ok(details) if details.total != row.amount => {
                if row.kaspi_amount != Some(details.total) {
                    self.keep_seen(row.id, Seen::OtherAmount(details.total)).await?;
                }
                let detail = format!("Kaspi says this payment is {}, and we asked for {}", details.total, row.amount);
                Err(Failure::new(Code::NotRefundable, detail)
                    .with_payment(row.id)
                    .with_hint("Settle it in the Kaspi Pay app, and ask the bank why the amounts differ."))
            }
            Ok(details) => Ok(details.available_return),
            Err(trouble) => {
                let failure = trouble::failure(&trouble);
                let detail = format!("the balance could not be read, so nothing was sent: {}", failure.detail);
                Err(not_found_means_not_refundable(Failure { detail, ..failure }).with_payment(row.id))
            }
        }
    }
}

/// Whether a reading of its balance may tell something of the refunds of a payment.
pub(in crate::service) fn is_reckoned(row: &PaymentRow) -> bool {
    let may_tell = |refund: &RefundRow| matches!(refund.state, RefundState::Unsettled | RefundState::Watched);
    row.dialect == Dialect::Bank && row.state == State::Paid && row.refunds.iter().any(may_tell)
}

pub(super) fn stale(row: &PaymentRow, balance: Amount) -> Failure {
    let left = row.account().left();
    let detail = format!("Kaspi still shows {balance} of this payment, and {left} is left of it: nothing was sent");
    let failure = Failure::new(Code::KaspiUnavailable, detail).with_payment(row.id);
    let by_a_person = row.refunds.iter().find(|refund| refund.state == RefundState::Success(Evidence::Person));
    match by_a_person {
        None => failure.with_hint("Kaspi's books are behind: try again with the same key in a minute."),
        Some(refund) => failure.with_hint(format!(
            "Try again with the same key in a minute. If it stays so, refund {0} did not happen: kaspictl payment resolve {1} --refund {0} --happened no --reason TEXT",
            refund.id, row.id
        )),
    }
}
