//! What a file of the log comes to, organisation by organisation, to be compared with what the earlier system says.

use std::collections::BTreeMap;

use crate::domain::{LogStatus, OperationType};
use crate::id::OrganizationBin;
use crate::money::Total;
use crate::operation::{FileSum, OrganizationSums};
use crate::store::ImportedRow;

/// More organisations than any merchant has; a file of nonsense is not gathered in memory.
const MOST: usize = 10_000;

/// Gathers rows.
#[derive(Default)]
pub(super) struct FileSums(BTreeMap<Option<OrganizationBin>, OrganizationSums>);

impl FileSums {
    /// A row of the file, and whether it is new here.
    pub(super) fn add(&mut self, row: &ImportedRow, is_new: bool) {
        if self.0.len() >= MOST && !self.0.contains_key(&row.organization_bin) {
            return;
        }
        let sums = self.0.entry(row.organization_bin.clone()).or_default();
        sums.organization_bin.clone_from(&row.organization_bin);
        add(&mut sums.file, row);
        if is_new {
            add(&mut sums.taken_in, row);
        }
    }

    pub(super) fn list(self) -> Vec<OrganizationSums> {
        self.0.into_values().collect()
    }
}

fn add(sum: &mut FileSum, row: &ImportedRow) {
    sum.rows += 1;
    let amount = row.amount.unwrap_or_default();
    let more = |total: Total| total.with(amount).unwrap_or(total);
    match (row.status, row.operation) {
        (LogStatus::Success, OperationType::Create | OperationType::Link | OperationType::Qr) => {
            sum.payments += 1;
            sum.billed_tiyn = more(sum.billed_tiyn);
        }
        (LogStatus::Success, OperationType::Refund) => sum.refunded_tiyn = more(sum.refunded_tiyn),
        _ => {}
    }
}
