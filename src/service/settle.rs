//! Settling a refund in doubt by the payment's balance (bank dialect).

use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::{Service, Settings};
use crate::money::Amount;
use crate::operation::{Dialect, Evidence, Failure, LogStatus};
use crate::store::{Ending, PaymentRow, RefundRow, Seen, Triple};

/// Rests between two readings of the balance; the last one repeats.
const RESTS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

impl Service {
    /// Start-up: refunds that an earlier run left in doubt are settled by the balance where the bank has one. What
    /// it does not settle stays for a person.
    pub(super) fn settle_refunds(&self) {
        let rows = self.store.read(|reading| Ok(reading.payments_for_a_person()?));
        for row in rows.unwrap_or_default() {
            let service = self.clone();
            tokio::spawn(async move {
                if let Err(failure) = service.settle_refund(&row).await {
                    warn!(payment = %row.id, code = failure.code.word(), "a refund in doubt could not be settled");
                }
            });
        }
    }

    async fn settle_refund(&self, row: &PaymentRow) -> Result<(), Failure> {
        let doubt = row.refunds.iter().find(|refund| refund.status == LogStatus::Pending);
        let (Some(refund), Dialect::Bank) = (doubt, row.dialect) else { return Ok(()) };
        let Some(_one) = self.state.refunds.try_lock(row.id) else { return Ok(()) };
        let happened = match self.settle(&self.live.get(), row, refund, &self.frozen_triple(row)?).await {
            Ending::Refunded { .. } => true,
            Ending::RefundFailed => false,
            _ => return Ok(()),
        };
        self.keep_seen(row.id, Seen::RefundSettled { refund: refund.id, happened }).await
    }

    /// Reads the balance until it has fallen by exactly the refund, or `[payments] refund_settle` has passed:
    /// unchanged then means that it did not happen, anything else that nobody knows.
    pub(super) async fn settle(
        &self,
        settings: &Settings,
        row: &PaymentRow,
        refund: &RefundRow,
        triple: &Triple,
    ) -> Ending {
        let Some(before) = refund.balance_before else { return Ending::RefundPending };
        let until = Instant::now() + settings.config.payments.refund_settle;
        let mut last: Option<Amount> = None;
        for rest in RESTS.into_iter().chain(std::iter::repeat(RESTS[3])) {
            if let Ok(balance) = self.balance(settings, row, triple).await {
                if before.minus(refund.amount) == Some(balance) {
                    return Ending::Refunded { evidence: Evidence::Balance, return_operation_id: None };
                }
                last = Some(balance);
            }
            if Instant::now() + rest >= until {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                // The daemon stops: what is known now is that nobody knows.
                () = self.stopped() => return Ending::RefundPending,
            }
        }
        if last == Some(before) { Ending::RefundFailed } else { Ending::RefundPending }
    }
}
