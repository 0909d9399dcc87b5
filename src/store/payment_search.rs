//! A list of payments: found newest first, in pieces where the query fits little.

use super::StoreError;
use super::payment::{self, PaymentRow};
use super::reading::{fits, id_of};
use super::walk::{FoundRows, PIECE, Walk};
use crate::id::PaymentId;
use crate::operation::PaymentQuery;

/// How far a clock that was set back may have put ids and times out of step.
const SLACK: std::time::Duration = std::time::Duration::from_secs(48 * 3600);

/// A search under way.
pub(crate) struct PaymentSearch {
    /// Its cursor moves on with every payment that was looked at.
    query: PaymentQuery,
    limit: usize,
    rows: Vec<PaymentRow>,
}

impl PaymentSearch {
    /// For at most `limit` payments.
    pub(crate) fn new(query: PaymentQuery, limit: usize) -> Self {
        Self { query, limit, rows: Vec::new() }
    }

    /// Looks at the next [`PIECE`] payments. Once the search is over: those that fit the query and `visible`, newest first,
    /// and the cursor behind them.
    pub(crate) fn piece(
        &mut self,
        walk: &Walk<'_>,
        visible: impl Fn(&PaymentRow) -> bool,
    ) -> Result<Option<FoundRows<PaymentRow, PaymentId>>, StoreError> {
        let (table, mut looked) = (walk.tables.payment()?, 0);
        for id in walk.candidates(&self.query)? {
            if looked == PIECE {
                return Ok(None);
            }
            let id = id_of(id?);
            (looked, self.query.after) = (looked + 1, Some(id));
            let Some(row) = payment::by_id(&table, id)? else { continue };
            if self.query.since.is_some_and(|since| since.since(row.created_at) > SLACK) {
                // Ids sort by the time of the intent: everything behind is older still.
                break;
            }
            if !fits(&row, &self.query) || !visible(&row) {
                continue;
            }
            if self.rows.len() == self.limit {
                let next = self.rows.last().map(|row| row.id);
                return Ok(Some((std::mem::take(&mut self.rows), next)));
            }
            self.rows.push(row);
        }
        Ok(Some((std::mem::take(&mut self.rows), None)))
    }
}
