//! The `id` of a row: each stands once in a file, and a row that this daemon has written itself is found by it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::LOG_COLUMNS;
use super::value::{Reader, whole};
use crate::operation::{BadRows, LogRow};
use crate::sheet::TableRow;
use crate::store::{ImportedRow, Reading, StoreError, own_row};

/// The ids of a file, with the lines they stood on first.
#[derive(Default)]
pub(super) struct Numbers {
    lines: HashMap<u64, u64>,
}

impl Numbers {
    /// Refuses both rows where one has the id of another: two exports were put together, and a refund would count twice.
    pub(super) fn take(&mut self, row: &TableRow, bad: &mut BadRows) {
        let reader = Reader::new(row, &LOG_COLUMNS);
        let Some(id) = reader.text("id") else { return };
        let mut hasher = DefaultHasher::new();
        id.trim().hash(&mut hasher);
        let Some(first) = self.lines.insert(hasher.finish(), row.line) else { return };
        bad.add(
            first,
            format!("its id stands on line {} again: one id is one row, and this would count twice", row.line),
        );
        bad.add(row.line, format!("its id is that of line {first}: one id is one row, and this would count twice"));
    }
}

/// Whether this daemon has written that row itself. How its operation ended may have been learned since it was exported.
pub(super) fn is_own(reading: &Reading, row: &TableRow, read: &ImportedRow) -> Result<bool, StoreError> {
    let reader = Reader::new(row, &LOG_COLUMNS);
    let id = reader.text("id").and_then(|id| whole::<u64>(id).ok());
    let Some(own) = id.map_or(Ok(None), |id| own_row(reading, id))? else { return Ok(false) };
    Ok(is_of(&own, read))
}

fn is_of(own: &LogRow, read: &ImportedRow) -> bool {
    let is_number = own.external_id.is_none() || read.external_id.is_none() || own.external_id == read.external_id;
    is_number
        && (own.operation_type, own.created_at) == (read.operation, read.created_at)
        && (&own.organization_bin, own.amount) == (&read.organization_bin, read.amount)
}
