//! What earlier imports took in, as far as a new one must know it: which rows are here, and what is known of payments whose
//! create was in none of them.

use std::collections::{HashMap, HashSet};

use super::verdict::number;
use crate::domain::{LogStatus, OperationType};
use crate::failure::Failure;
use crate::id::QrPaymentId;
use crate::store::{ImportedRow, Store, StoreError, imported_rows};

/// Gathered once for each import.
#[derive(Default)]
pub(super) struct Earlier {
    /// Of every row that did not make a payment.
    rows: HashSet<[u8; 16]>,
    /// The numbers of the payments that were taken in.
    payments: HashSet<u128>,
    /// Cancels and refunds of payments that were not here then, in their order.
    waiting: HashMap<u128, Vec<ImportedRow>>,
}

impl Earlier {
    /// Reads the whole log, page by page.
    pub(super) async fn gather(store: &Store) -> Result<Self, Failure> {
        let (mut earlier, mut after) = (Self::default(), Some(0));
        while let Some(from) = after {
            let page = store.walk(move |walk| {
                let next = imported_rows(walk, from, |row, is_about| earlier.take(row, is_about))?;
                Ok((earlier, next))
            });
            (earlier, after) = page.await?;
        }
        Ok(earlier)
    }

    fn take(&mut self, row: ImportedRow, is_about: bool) -> Result<(), StoreError> {
        match &row.external_id {
            Some(id) if is_about && is_create(&row) => {
                self.payments.insert(number(id));
            }
            Some(id) if !is_about && changes(&row) => {
                self.rows.insert(row.fingerprint()?);
                self.waiting.entry(number(id)).or_default().push(row);
            }
            _ => {
                self.rows.insert(row.fingerprint()?);
            }
        }
        Ok(())
    }

    /// Whether that very row is here.
    pub(super) fn has(&self, row: &ImportedRow) -> Result<bool, StoreError> {
        Ok(!self.rows.is_empty() && self.rows.contains(&row.fingerprint()?))
    }

    /// Whether an import made the payment of this number.
    pub(super) fn made(&self, id: &QrPaymentId) -> bool {
        self.payments.contains(&number(id))
    }

    /// What happened to a payment that was not here yet.
    pub(super) fn waiting_for(&self, id: &QrPaymentId) -> &[ImportedRow] {
        self.waiting.get(&number(id)).map_or(&[], Vec::as_slice)
    }
}

/// Whether a row says that a payment was made.
pub(super) fn is_create(row: &ImportedRow) -> bool {
    row.status == LogStatus::Success
        && matches!(row.operation, OperationType::Create | OperationType::Link | OperationType::Qr)
}

/// Whether a row says that a payment was cancelled or that money of it went back.
pub(super) fn changes(row: &ImportedRow) -> bool {
    row.status == LogStatus::Success && matches!(row.operation, OperationType::Cancel | OperationType::Refund)
}
