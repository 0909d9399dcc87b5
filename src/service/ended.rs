//! Outcome before the answer (design §6.3). If the disk does not take it, the caller and the journal get what the
//! bank said, and the store keeps it in memory until the disk does.

use super::Service;
use crate::operation::{Failure, Money};
use crate::store::{Change, Outcome, PaymentRow, Writing};

impl Service {
    /// Records how a call that had begun ended.
    ///
    /// # Errors
    /// `storage_failed`; it is then written as soon as anything can be.
    pub(super) async fn end(&self, intent: u64, outcome: Outcome) -> Result<(), Failure> {
        let end = move |writing: &mut Writing<'_>| {
            // A commit that failed may have been kept by the disk.
            if writing.has_begun(intent)? {
                writing.append(None, Change::Ended { intent, outcome: outcome.clone() })?;
            }
            Ok(())
        };
        self.store.keep(end).await
    }
}

/// The failure of an outcome that could not be stored: what the bank said, to the caller and in the journal.
pub(super) fn unstored(failure: Failure, row: &PaymentRow, money: Money, said: &str) -> Failure {
    tracing::error!(
        payment = %row.id,
        config = row.config_id,
        ?money,
        %said,
        "the outcome of a call could not be stored; it is kept in memory until it can"
    );
    let detail = format!("{}; the bank has answered: {said}", failure.detail);
    Failure { detail, ..failure }.with_money(money).with_retryable(false).with_payment(row.id)
}
