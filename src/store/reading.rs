//! One consistent view of the last durable commit, in domain words.

use std::sync::Arc;

use redb::{ReadTransaction, ReadableTable};

use super::config::{self, ConfigRow};
use super::event::{self, Event};
use super::key::KeyRow;
use super::payment::{self, PaymentRow, number};
use super::secrets::{Secrets, locked};
use super::tables::ReadTables;
use super::{Counterparty, StoreError, Triple, codec, triple};
use crate::id::{OrganizationBin, PaymentId, PaymentRef, RequestKey, ShopId, TradePointId};
use crate::operation::PaymentQuery;

/// A read transaction. Costs no lock on the writer; never held across an await.
pub(crate) struct Reading {
    pub(super) tables: ReadTables,
    secrets: Option<Arc<Secrets>>,
}

impl Reading {
    pub(super) fn new(tx: ReadTransaction, secrets: Option<Arc<Secrets>>) -> Self {
        Self { tables: ReadTables(tx), secrets }
    }

    /// As [`Writing::secrets`](super::Writing).
    pub(super) fn secrets(&self) -> Result<&Secrets, StoreError> {
        self.secrets.as_deref().ok_or_else(locked)
    }

    pub(super) fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(ReadableTable::get(&self.tables.meta()?, name)?.map(|value| value.value().to_vec()))
    }

    /// The restores that nobody has acknowledged, with what they left out.
    pub(crate) fn restored(&self) -> Result<Vec<(u64, Event)>, StoreError> {
        let (table, events) = (self.tables.restored()?, self.tables.event()?);
        let mut open = Vec::new();
        for entry in table.iter()? {
            let seq = entry?.0.value();
            if let Some(stored) = ReadableTable::get(&events, seq)? {
                open.push((seq, event::read(stored.value())?));
            }
        }
        Ok(open)
    }

    pub(crate) fn configs(&self) -> Result<Vec<ConfigRow>, StoreError> {
        config::all(&self.tables.config()?)
    }

    pub(crate) fn config(&self, bin: &OrganizationBin) -> Result<Option<ConfigRow>, StoreError> {
        config::by_bin(&self.tables.config_bin()?, &self.tables.config()?, bin)
    }

    /// The shop's default, if an admin has set one.
    pub(crate) fn default_config(&self, shop: ShopId) -> Result<Option<ConfigRow>, StoreError> {
        config::default_of(&self.tables.config()?, shop)
    }

    /// The triple of a (BIN, trade point), if a device is registered there.
    pub(crate) fn triple(
        &self,
        bin: &OrganizationBin,
        trade_point: &TradePointId,
        of: &Counterparty,
    ) -> Result<Option<Triple>, StoreError> {
        triple::of(&self.tables.device()?, self.secrets()?, (bin, trade_point), of)
    }

    pub(crate) fn payment(&self, named: &PaymentRef) -> Result<Option<PaymentRow>, StoreError> {
        payment::by_ref(&self.tables.payment()?, &self.tables.payment_qr()?, named)
    }

    /// What a key of a shop stands for.
    pub(crate) fn key(&self, shop: ShopId, key: &RequestKey) -> Result<Option<KeyRow>, StoreError> {
        let table = self.tables.key()?;
        let row = ReadableTable::get(&table, (shop, key.as_str()))?;
        row.map(|value| codec::decode(value.value())).transpose()
    }

    /// Every shop that has or had a payment with a key or an invoice; a BIN may have moved to another since.
    fn shops(&self) -> Result<Vec<ShopId>, StoreError> {
        let (keys, invoices) = (self.tables.key()?, self.tables.payment_invoice()?);
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

    /// The numbers of payments that may fit, newest first: through an index where the query allows one.
    pub(super) fn candidates(
        &self,
        query: &PaymentQuery,
    ) -> Result<Box<dyn Iterator<Item = Result<u128, StoreError>>>, StoreError> {
        let end = query.after.map_or(u128::MAX, |id| number(id).saturating_sub(1));
        if query.key.is_none() && query.invoice.is_none() {
            let range = self.tables.payment()?.range_owned(..=end)?;
            return Ok(Box::new(range.rev().map(|entry| Ok(entry?.0.value()))));
        }
        let mut ids = Vec::new();
        for shop in self.shops()? {
            match (&query.key, &query.invoice) {
                (Some(key), _) => ids.extend(self.key(shop, key)?.map(|row| number(row.payment))),
                (None, Some(invoice)) => {
                    let invoices = self.tables.payment_invoice()?;
                    let range = (shop, invoice.as_str(), 0)..=(shop, invoice.as_str(), u128::MAX);
                    for entry in ReadableTable::range(&invoices, range)? {
                        ids.push(entry?.0.value().2);
                    }
                }
                (None, None) => {}
            }
        }
        ids.retain(|id| *id <= end);
        ids.sort_unstable_by(|a, b| b.cmp(a));
        Ok(Box::new(ids.into_iter().map(Ok)))
    }
}

pub(super) fn fits(row: &PaymentRow, query: &PaymentQuery) -> bool {
    query.since.is_none_or(|since| row.created_at >= since)
        && query.state.is_none_or(|state| row.state == state)
        && query.bin.as_ref().is_none_or(|bin| row.organization_bin == *bin)
        && query.invoice.as_ref().is_none_or(|invoice| row.invoice.as_ref() == Some(invoice))
}

pub(super) fn id_of(number: u128) -> PaymentId {
    PaymentId::from_bytes(number.to_be_bytes())
}
