//! Settling a refund in doubt by the payment's balance (bank dialect).

use std::time::Duration;

use tokio::time::Instant;

use super::{Request, Service};
use crate::money::Amount;
use crate::operation::Evidence;
use crate::store::{Ending, PaymentRow, RefundRow, Triple};

/// Rests between two readings of the balance; the last one repeats.
const RESTS: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

impl Service {
    /// Reads the balance until it has fallen by exactly the refund, or `[payments] refund_settle` has passed:
    /// unchanged then means that it did not happen, anything else that nobody knows.
    pub(super) async fn settle(
        &self,
        request: &Request,
        row: &PaymentRow,
        refund: &RefundRow,
        triple: &Triple,
    ) -> Ending {
        let Some(before) = refund.balance_before else { return Ending::RefundPending };
        let until = Instant::now() + request.settings.config.payments.refund_settle;
        let mut last: Option<Amount> = None;
        for rest in RESTS.into_iter().chain(std::iter::repeat(RESTS[3])) {
            if let Ok(balance) = self.balance(request, row, triple).await {
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
