//! One consistent view of the last durable commit, in domain words.

use std::sync::Arc;

use redb::{ReadTransaction, ReadableTable};

use super::config::{self, ConfigRow};
use super::event::{self, Event};
use super::key_row::KeyRow;
use super::payment::{self, PaymentRow};
use super::secrets::{Secrets, locked};
use super::tables::ReadTables;
use super::{Counterparty, StoreError, Triple, triple};
use crate::id::{OrganizationBin, PaymentId, PaymentRef, RequestKey, ShopId, TradePointId};
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
        let keys = self.tables.key()?;
        let stands = ReadableTable::get(&keys, (shop, key.as_str()))?.map(|stands| stands.value());
        let Some((intent, _)) = stands else { return Ok(None) };
        let events = self.tables.event()?;
        let begun = ReadableTable::get(&events, intent)?.ok_or_else(|| event::missing(intent))?;
        KeyRow::of(intent, &event::read(begun.value())?).map(Some)
    }
}

pub(super) fn id_of(number: u128) -> PaymentId {
    PaymentId::from_bytes(number.to_be_bytes())
}
