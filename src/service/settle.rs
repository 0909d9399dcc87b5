//! What a payment's balance tells (bank dialect): of a refund in doubt, of one we called failed, and of money that
//! went back without us.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::bank::details_failure;
use super::refund::not_found_means_not_refundable;
use super::{Service, Settings};
use crate::kaspi::Ask;
use crate::money::Amount;
use crate::operation::{Code, Dialect, Evidence, Failure, LogStatus};
use crate::store::{Ending, PaymentRow, RefundRow, Seen, Triple};

/// Rests between two readings of the balance; the last one repeats.
const RESTS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

impl Service {
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
        let ask = Ask::fresh(settings.config.kaspi.timeout);
        match self.details(settings, row, triple.clone(), ask).await {
            Ok(details) if details.total != row.amount => {
                self.keep_total(row.id, details.total).await?;
                let detail = format!("Kaspi says this payment is {}, and we asked for {}", details.total, row.amount);
                Err(Failure::new(Code::NotRefundable, detail)
                    .with_payment(row.id)
                    .with_hint("Settle it in the Kaspi Pay app, and ask the bank why the amounts differ."))
            }
            Ok(details) => {
                if row.disputed_total().is_some() {
                    self.keep_total(row.id, details.total).await?;
                }
                Ok(details.available_return)
            }
            Err(trouble) => {
                let failure = details_failure(row, &trouble);
                let detail = format!("the balance could not be read, so nothing was sent: {}", failure.detail);
                Err(not_found_means_not_refundable(Failure { detail, ..failure }).with_payment(row.id))
            }
        }
    }

    /// Keeps a fall of the balance beyond what we know: by exactly a refund that we called failed (`first` before
    /// others), it happened after all; else the money went back elsewhere, in the Kaspi Pay app or before kaspid.
    pub(super) async fn keep_elsewhere(
        &self,
        row: &PaymentRow,
        balance: Amount,
        first: Option<&RefundRow>,
    ) -> Result<(), Failure> {
        let fall = row.unexplained(balance);
        if fall.is_zero() || row.has_refund_in_doubt() {
            return Ok(());
        }
        let watched = || row.watched_refunds().filter(|refund| refund.amount == fall);
        let late = watched().find(|refund| Some(refund.id) == first.map(|first| first.id)).or_else(|| watched().next());
        let seen = match late {
            Some(refund) => Seen::RefundSettled { refund: refund.id, happened: true },
            None => Seen::RefundedElsewhere(row.refunded_elsewhere.plus(fall).unwrap_or(row.amount)),
        };
        self.keep_seen(row.id, seen).await
    }

    /// Reads the balance until it has fallen by exactly the refund, or `[payments] refund_settle` has passed:
    /// unchanged in a reading at the end means that it did not happen, anything else that nobody knows.
    pub(super) async fn settle(
        &self,
        settings: &Settings,
        row: &PaymentRow,
        refund: &RefundRow,
        triple: &Triple,
    ) -> Ending {
        let Some(before) = refund.balance_before else { return Ending::RefundPending };
        let until = Instant::now() + settings.config.payments.refund_settle;
        for rest in RESTS.into_iter().chain(std::iter::repeat(RESTS[3])) {
            let last = Instant::now() >= until;
            match self.balance(settings, row, triple).await {
                Ok(balance) if before.minus(refund.amount) == Some(balance) => {
                    return Ending::Refunded { evidence: Evidence::Balance, return_operation_id: None };
                }
                Ok(balance) if last && balance == before => return Ending::RefundFailed,
                _ if last => return Ending::RefundPending,
                _ => {}
            }
            tokio::select! {
                () = sleep(rest.min(until.saturating_duration_since(Instant::now()))) => {}
                // The daemon stops: what is known now is that nobody knows.
                () = self.stopped() => return Ending::RefundPending,
            }
        }
        Ending::RefundPending
    }

    /// One later reading for a refund that is still in doubt, once its time to settle is over.
    pub(super) async fn settle_later(&self, settings: &Settings, row: &PaymentRow) -> Result<(), Failure> {
        let Some(_one) = self.state.refunds.try_lock(row.id) else { return Ok(()) };
        let row = self.row(row.id)?;
        let doubt = row.refunds.iter().find(|refund| refund.status == LogStatus::Pending);
        let (Some(refund), Dialect::Bank) = (doubt, row.dialect) else { return Ok(()) };
        let balance = self.balance(settings, &row, &self.frozen_triple(settings, &row)?).await?;
        let fall = row.unexplained(balance);
        let over = self.state.ages.now(&row).since(refund.at) >= settings.config.payments.refund_settle;
        match (fall == refund.amount, fall.is_zero() && over) {
            (true, _) => self.keep_seen(row.id, Seen::RefundSettled { refund: refund.id, happened: true }).await,
            (_, true) => self.keep_seen(row.id, Seen::RefundSettled { refund: refund.id, happened: false }).await,
            _ => Ok(()),
        }
    }
}
