//! Lists of payments, newest first: through an index where there is one for what is asked.

use redb::{ReadableTable, StorageError};

use super::StoreError;
use super::lists::{ListEnd, Numbers, closed, merged, open};
use super::payment::{self, PaymentRow, number};
use super::reading::{Reading, id_of};
use super::walk::{FoundPage, FoundRows, Walk};
use crate::domain::State;
use crate::id::{Invoice, PaymentId, RequestKey, ShopId};
use crate::operation::PaymentQuery;

/// States in which a payment stays, but for a surprise.
const FINAL: [State; 5] = [State::Paid, State::Declined, State::Cancelled, State::Expired, State::Abandoned];

/// How far a clock that was set back may have put ids and times out of step.
const SLACK: std::time::Duration = std::time::Duration::from_secs(48 * 3600);

/// A search under way.
pub(crate) struct PaymentSearch {
    /// Its cursor moves on with every payment that was looked at.
    query: PaymentQuery,
    page: FoundPage<PaymentRow>,
}

impl PaymentSearch {
    /// For at most `limit` payments.
    pub(crate) fn new(query: PaymentQuery, limit: usize) -> Self {
        Self { query, page: FoundPage::new(limit) }
    }

    /// Looks at the next `most` payments. Once the search is over: those that fit the query and `visible`, newest first,
    /// and the cursor behind them.
    pub(crate) fn piece(
        &mut self,
        (walk, most): (&Walk<'_>, u64),
        visible: impl Fn(&PaymentRow) -> bool,
    ) -> Result<Option<FoundRows<PaymentRow, PaymentId>>, StoreError> {
        let (table, mut looked) = (walk.tables.payment()?, 0);
        for id in candidates(walk, &self.query)? {
            if looked == most {
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
            if let Some(whole) = self.page.take(row, |last| last.id) {
                return Ok(Some(whole));
            }
        }
        Ok(Some(self.page.end()))
    }
}

/// All pieces of a search at once.
#[cfg(test)]
pub(crate) fn payments(
    walk: &Walk<'_>,
    query: &PaymentQuery,
    limit: usize,
    visible: impl Fn(&PaymentRow) -> bool,
) -> Result<FoundRows<PaymentRow, PaymentId>, StoreError> {
    let mut search = PaymentSearch::new(query.clone(), limit);
    loop {
        if let Some(found) = search.piece((walk, super::walk::PIECE), &visible)? {
            return Ok(found);
        }
    }
}

fn fits(row: &PaymentRow, query: &PaymentQuery) -> bool {
    query.since.is_none_or(|since| row.created_at >= since)
        && query.state.is_none_or(|state| row.state == state)
        && query.bin.as_ref().is_none_or(|bin| row.organization_bin == *bin)
        && query.invoice.as_ref().is_none_or(|invoice| row.invoice.as_ref() == Some(invoice))
}

/// The numbers of payments that may fit.
fn candidates(reading: &Reading, query: &PaymentQuery) -> Result<Numbers, StoreError> {
    let end = query.after.map_or(u128::MAX, |id| number(id).saturating_sub(1));
    let (bin, newest) = (query.bin.as_ref().map(|bin| bin.as_str()), ListEnd::Newest);
    match (&query.key, &query.invoice, query.state, bin) {
        (Some(key), ..) => of_key(reading, key, end),
        (None, Some(invoice), ..) => of_invoice(reading, invoice, end),
        (None, None, Some(State::Creating | State::Waiting | State::Unknown), bin) => {
            merged(open(reading, bin, (end, newest))?, newest)
        }
        (None, None, Some(state), bin) => merged(closed(reading, bin, &[state as u8], end)?, newest),
        (None, None, None, Some(_)) => {
            let mut lists = closed(reading, bin, &FINAL.map(|state| state as u8), end)?;
            lists.extend(open(reading, bin, (end, newest))?);
            merged(lists, newest)
        }
        (None, None, None, None) => {
            let range = reading.tables.payment()?.range_owned(..=end)?;
            Ok(Box::new(range.rev().map(|entry| Ok(entry?.0.value()))))
        }
    }
}

/// Every shop that has or had a payment with a key or an invoice; a BIN may have moved to another since.
fn shops(reading: &Reading) -> Result<Vec<ShopId>, StoreError> {
    let (keys, invoices) = (reading.tables.key()?, reading.tables.payment_invoice()?);
    let mut shops: Vec<ShopId> = Vec::new();
    let mut next = Some(0);
    // One look-up per shop: from each to the first entry of a later one.
    while let Some(from) = next {
        let key = ReadableTable::range(&keys, (from, "")..)?.next().transpose()?.map(|(key, _)| key.value().0);
        let invoice = ReadableTable::range(&invoices, (from, "", 0)..)?.next().transpose()?;
        let found = key.into_iter().chain(invoice.map(|(invoice, _)| invoice.value().0)).min();
        shops.extend(found);
        next = found.and_then(|shop| shop.checked_add(1));
    }
    Ok(shops)
}

fn of_key(reading: &Reading, key: &RequestKey, end: u128) -> Result<Numbers, StoreError> {
    let mut ids = Vec::new();
    for shop in shops(reading)? {
        ids.extend(reading.key(shop, key)?.map(|row| number(row.payment)));
    }
    Ok(sorted(ids, end))
}

fn of_invoice(reading: &Reading, invoice: &Invoice, end: u128) -> Result<Numbers, StoreError> {
    let (invoices, mut ids) = (reading.tables.payment_invoice()?, Vec::new());
    for shop in shops(reading)? {
        let range = (shop, invoice.as_str(), 0)..=(shop, invoice.as_str(), u128::MAX);
        let found = ReadableTable::range(&invoices, range)?.map(|entry| Ok(entry?.0.value().2));
        ids.extend(found.collect::<Result<Vec<_>, StorageError>>()?);
    }
    Ok(sorted(ids, end))
}

fn sorted(mut ids: Vec<u128>, end: u128) -> Numbers {
    ids.retain(|id| *id <= end);
    ids.sort_unstable_by(|a, b| b.cmp(a));
    Box::new(ids.into_iter().map(Ok))
}
