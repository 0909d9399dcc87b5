//! One consistent view of the last durable commit, in domain words.

use std::sync::Arc;

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata};

use super::config::{self, ConfigRow};
use super::event::{self, Event};
use super::key::KeyRow;
use super::payment::{self, PaymentRow};
use super::secrets::{Secrets, locked};
use super::tables::ReadTables;
use super::{Counterparty, StoreError, Triple, codec, triple};
use crate::id::{OrganizationBin, PaymentId, PaymentRef, RequestKey, ShopId, TradePointId};
use crate::moment::Moment;

/// A remote invoice lives a day and is looked at for another, and for a third if it is paid in that; each look may be
/// put off by a tenth.
const FOLLOWED: std::time::Duration = std::time::Duration::from_secs(80 * 3600);

/// The payments that are to be followed.
#[derive(Default)]
pub(crate) struct ToFollow {
    pub(crate) rows: Vec<PaymentRow>,
    /// Those that are stored and do not read back.
    pub(crate) unread: Vec<PaymentId>,
}

impl ToFollow {
    fn add(&mut self, id: PaymentId, row: Result<Option<PaymentRow>, StoreError>) -> Result<(), StoreError> {
        match row {
            Ok(row) => self.rows.extend(row),
            Err(StoreError::Codec(_) | StoreError::Newer(_)) => self.unread.push(id),
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

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

    /// The payments with something that only a person can close, oldest first, as far as they can be read.
    pub(crate) fn payments_for_a_person(&self) -> Result<Vec<PaymentRow>, StoreError> {
        let mut found = ToFollow::default();
        self.add_listed(&self.tables.payment_attention()?, &mut found)?;
        Ok(found.rows)
    }

    /// The payments that may still become another: all that are open, and those that were followed at `alive`.
    pub(crate) fn payments_to_follow(&self, alive: Moment) -> Result<ToFollow, StoreError> {
        let mut found = ToFollow::default();
        self.add_listed(&self.tables.payment_open()?, &mut found)?;
        self.add_listed(&self.tables.payment_attention()?, &mut found)?;
        for entry in self.tables.payment()?.range_owned::<u128>(..)?.rev() {
            let (id, stored) = entry?;
            let row: Result<PaymentRow, StoreError> = codec::decode(stored.value());
            if row.as_ref().is_ok_and(|row| alive.since(row.created_at) > FOLLOWED) {
                break;
            }
            let rest = row.map(|row| Some(row).filter(|row| !row.is_open() && !row.is_attended()));
            found.add(id_of(id.value()), rest)?;
        }
        Ok(found)
    }

    /// The payments that are not final, oldest first, as far as they can be read.
    pub(crate) fn open_payments(&self) -> Result<Vec<PaymentRow>, StoreError> {
        let mut found = ToFollow::default();
        self.add_listed(&self.tables.payment_open()?, &mut found)?;
        Ok(found.rows)
    }

    /// The open payments made before then, oldest first, as far as they can be read.
    pub(crate) fn open_since_before(&self, moment: Moment) -> Result<Vec<PaymentRow>, StoreError> {
        let (payments, mut found) = (self.tables.payment()?, ToFollow::default());
        // Ids sort by the time of the intent.
        for entry in self.tables.payment_open()?.range(..first_id(moment))? {
            let id = id_of(entry?.0.value());
            found.add(id, payment::by_id(&payments, id))?;
        }
        Ok(found.rows)
    }

    fn add_listed(&self, index: &ReadOnlyTable<u128, ()>, found: &mut ToFollow) -> Result<(), StoreError> {
        let payments = self.tables.payment()?;
        for entry in index.iter()? {
            let id = id_of(entry?.0.value());
            found.add(id, payment::by_id(&payments, id))?;
        }
        Ok(())
    }

    /// How many payments are not final.
    pub(crate) fn open_count(&self) -> Result<u64, StoreError> {
        Ok(self.tables.payment_open()?.len()?)
    }
}

/// The least number of a payment made then: its first six bytes are milliseconds.
pub(super) fn first_id(at: Moment) -> u128 {
    u128::from(u64::try_from(at.millis()).unwrap_or(0)) << 80
}

pub(super) fn id_of(number: u128) -> PaymentId {
    PaymentId::from_bytes(number.to_be_bytes())
}
