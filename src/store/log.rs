//! The audit log as callers see it: rows are a view of the events, one per operation, and the check of the chain.

use super::StoreError;
use super::event::Change;
use super::events::event_at;
use super::payment::number;
use super::reading::Reading;
use super::row::row_of;
use super::walk::{FoundPage, FoundRows, PIECE, Walk};
use super::zone::Sought;
use super::zones::LogWalk;
use crate::id::{OrganizationBin, ShopId};
use crate::operation::{LogQuery, LogRow, Order};

/// A search of the log under way. A filter that fits little may have to look at all of it, and does so in pieces.
pub(crate) struct LogSearch {
    /// Its cursor moves on with every event that was looked at.
    query: LogQuery,
    page: FoundPage<LogRow>,
}

impl LogSearch {
    /// For at most `limit` rows.
    pub(crate) fn new(query: LogQuery, limit: usize) -> Self {
        Self { query, page: FoundPage::new(limit) }
    }

    /// Whether it looks at each row in turn. Where something is sought, many stretches may be skipped before the first.
    pub(crate) fn is_plain(&self) -> bool {
        Sought::from(&self.query).is_anything()
    }

    /// Looks at the next `most` events. Once the search is over: the rows that fit the query and `visible`, and the
    /// cursor behind them.
    pub(crate) fn piece(
        &mut self,
        (walk, most): (&Walk<'_>, u64),
        visible: impl Fn(Option<ShopId>, Option<&OrganizationBin>) -> bool,
    ) -> Result<Option<FoundRows<LogRow, u64>>, StoreError> {
        let mut looked = 0;
        for seq in sequence(walk, &self.query)? {
            if looked == most {
                return Ok(None);
            }
            let seq = seq?;
            (looked, self.query.after) = (looked + 1, Some(seq));
            let row = row_of(walk, seq)?;
            let Some(row) =
                row.filter(|row| fits(row, &self.query) && visible(row.shop_id, row.organization_bin.as_ref()))
            else {
                continue;
            };
            if let Some(whole) = self.page.take(row, |last| last.id) {
                return Ok(Some(whole));
            }
        }
        Ok(Some(self.page.end()))
    }
}

/// All pieces of a search at once.
#[cfg(test)]
pub(crate) fn log_rows(
    walk: &Walk<'_>,
    query: &LogQuery,
    limit: usize,
    visible: impl Fn(Option<ShopId>, Option<&OrganizationBin>) -> bool,
) -> Result<FoundRows<LogRow, u64>, StoreError> {
    let mut search = LogSearch::new(query.clone(), limit);
    loop {
        if let Some(found) = search.piece((walk, PIECE), &visible)? {
            return Ok(found);
        }
    }
}

/// The events that may begin a row, in the order asked for.
fn sequence(
    reading: &Reading,
    query: &LogQuery,
) -> Result<Box<dyn Iterator<Item = Result<u64, StoreError>>>, StoreError> {
    let newest_first = query.order == Some(Order::Desc);
    let (first, last) = match (query.after, newest_first) {
        (None, _) => (0, u64::MAX),
        (Some(after), false) => (after.saturating_add(1), u64::MAX),
        (Some(after), true) => (0, after.saturating_sub(1)),
    };
    if let Some(payment) = query.payment {
        let id = number(payment);
        let range = reading.tables.payment_event()?.range_owned((id, first)..=(id, last))?;
        let seqs = range.map(|entry| Ok(entry?.0.value().1));
        return Ok(if newest_first { Box::new(seqs.rev()) } else { Box::new(seqs) });
    }
    Ok(Box::new(LogWalk::along(reading, (first, last), newest_first, query.into())?))
}

/// The rows behind event `after` that fit the query and `visible`, from at most [`PIECE`] events, and the
/// last event that was looked at; `None` behind event `last`.
pub(crate) fn log_page(
    reading: &Walk<'_>,
    query: &LogQuery,
    (after, last): (u64, u64),
    visible: impl Fn(Option<ShopId>, Option<&OrganizationBin>) -> bool,
) -> Result<(Vec<LogRow>, Option<u64>), StoreError> {
    let (mut rows, mut looked_at) = (Vec::new(), 0);
    for seq in LogWalk::along(reading, (after.saturating_add(1), last), false, query.into())? {
        let seq = seq?;
        let row =
            row_of(reading, seq)?.filter(|row| fits(row, query) && visible(row.shop_id, row.organization_bin.as_ref()));
        rows.extend(row);
        looked_at += 1;
        if looked_at == PIECE && seq < last {
            return Ok((rows, Some(seq)));
        }
    }
    Ok((rows, None))
}

/// The row that this daemon itself has written under a number; none for one that an import took in.
pub(crate) fn own_row(reading: &Reading, id: u64) -> Result<Option<LogRow>, StoreError> {
    match event_at(reading, id)?.map(|event| event.change) {
        None | Some(Change::Imported { .. }) => Ok(None),
        Some(_) => row_of(reading, id),
    }
}

pub(super) fn fits(row: &LogRow, query: &LogQuery) -> bool {
    query.from.is_none_or(|from| row.created_at >= from)
        && query.to.is_none_or(|to| row.created_at < to)
        && query.bin.as_ref().is_none_or(|bin| row.organization_bin.as_ref() == Some(bin))
        && query.operation.is_none_or(|operation| row.operation_type == operation)
        && query.status.is_none_or(|status| row.status == status)
}
