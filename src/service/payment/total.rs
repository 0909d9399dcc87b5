//! Asking the bank whose a payment is and of how much: its details, read with the token of its own (BIN, trade point).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use crate::domain::Dialect;
use crate::failure::Failure;
use crate::id::PaymentId;
use crate::kaspi::{CallContext, CallError, PaymentDetails, RefusalKind};
use crate::money::Amount;
use crate::service::Settings;
use crate::service::bank::Bank;
use crate::store::{Change, DetailsRead, PaymentRow, Seen, Store};

/// How long a payment that is paid waits for its details where only its date and total hang on them.
const SOON: Duration = Duration::from_secs(2);

/// Details, and what they say of whose the payment is.
pub(super) struct ReadNow {
    pub(super) read: DetailsRead,
    /// None where they were refused.
    pub(in crate::service) details: Option<PaymentDetails>,
}

/// Reads and keeps totals; touches what the store knows of them, and asks the bank for details.
pub(in crate::service) struct Totals {
    store: Store,
    bank: Arc<Bank>,
}

impl Totals {
    pub(in crate::service) fn new(store: Store, bank: Arc<Bank>) -> Self {
        Self { store, bank }
    }

    /// The details of a payment just seen paid. A slow answer costs the date of one of our own, and both are one flush;
    /// one whose owner is in doubt waits for its whole time, because it is not paid without. None where nobody could say.
    pub(super) async fn details_of_paid(&self, settings: &Settings, row: &PaymentRow) -> Option<ReadNow> {
        let triple = self.bank.frozen_triple(settings, row).ok().filter(|_| row.dialect == Dialect::Bank)?;
        let full = settings.config.kaspi.timeout;
        let soon = if row.doubt.is_some() { full } else { full.min(SOON) };
        let details = self.bank.details(settings, row, triple, CallContext::fresh(soon));
        // Should the device have to be registered again for it, that takes its own time.
        read_now(timeout(2 * soon, details).await.ok()?)
    }

    /// Keeps what the bank calls the total of a payment, if that is new.
    pub(in crate::service) async fn keep_total(&self, id: PaymentId, total: Amount) -> Result<(), Failure> {
        let kept = self.store.write(move |writing| {
            let row = writing.payment(id)?;
            let seen = row.and_then(|row| row.made_of(Seen::Details(DetailsRead::Total(total))));
            if let Some(seen) = seen {
                writing.append(None, Change::Seen { payment: id, seen })?;
            }
            Ok(())
        });
        kept.await
    }

    /// Another look at a total that is not ours: the bank may agree by now.
    pub(in crate::service) async fn look_at_total(&self, settings: &Settings, row: &PaymentRow) -> Result<(), Failure> {
        match self.details_of_paid(settings, row).await.and_then(|now| now.details) {
            Some(details) => self.keep_total(row.id, details.total).await,
            None => Ok(()),
        }
    }
}

/// What an answer to a call for details says; none where it says nothing of the payment.
pub(super) fn read_now(answer: Result<PaymentDetails, CallError>) -> Option<ReadNow> {
    match answer {
        Ok(details) => Some(ReadNow { read: DetailsRead::Total(details.total), details: Some(details) }),
        Err(CallError::Refused(refusal)) if is_of_another_point(refusal.kind) => {
            Some(ReadNow { read: DetailsRead::Refused(refusal.to_string()), details: None })
        }
        Err(_) => None,
    }
}

/// The refusals by which the bank says that the payment is none of the token's trade point.
fn is_of_another_point(kind: RefusalKind) -> bool {
    matches!(kind, RefusalKind::PaymentNotFound | RefusalKind::WrongTradePoint)
}
