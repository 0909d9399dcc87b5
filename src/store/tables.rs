//! Every table: its key and its value. Values behind `&[u8]` are postcard ([`super::codec`]). A change here is a change
//! of the layout ([`super::layout`]).
//!
//! `event` is the source of truth. `config`, `payment`, `key` and the indexes are projections of it, written
//! in the same transaction by [`super::project`] and by nothing else. `device` and `meta` hold what must not
//! be in the log: tokens and the hash secret.

use std::cell::OnceCell;

use redb::{
    Database, Key, ReadOnlyTable, ReadTransaction, Table, TableDefinition, TableError, TableHandle, Value,
    WriteTransaction,
};

use super::StoreError;
use super::compare::{self, Difference, Named};
use super::copy;
use crate::id::PaymentId;

/// A table of a write transaction, opened when it is first used.
pub(in crate::store) struct WriteTable<'t, K: Key + 'static, V: Value + 'static> {
    tx: &'t WriteTransaction,
    definition: TableDefinition<'static, K, V>,
    table: OnceCell<Table<'t, K, V>>,
}

impl<'t, K: Key + 'static, V: Value + 'static> WriteTable<'t, K, V> {
    pub(in crate::store) fn read(&self) -> Result<&Table<'t, K, V>, TableError> {
        match self.table.get() {
            Some(table) => Ok(table),
            None => {
                let opened = self.tx.open_table(self.definition)?;
                Ok(self.table.get_or_init(|| opened))
            }
        }
    }

    pub(in crate::store) fn write(&mut self) -> Result<&mut Table<'t, K, V>, TableError> {
        self.read()?;
        // It was opened in the line above.
        self.table.get_mut().ok_or_else(|| TableError::TableDoesNotExist(self.definition.name().to_owned()))
    }
}

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident: $key:ty => $value:ty = $stored:literal;)*) => {
        mod definition {
            $(#[allow(non_upper_case_globals, reason = "named like the fields they open")]
            pub(super) const $name: super::TableDefinition<'static, $key, $value> = super::TableDefinition::new($stored);)*
        }

        /// All tables of one write transaction; each is opened when it is first used, since that costs as much as a row.
        pub(in crate::store) struct WriteTables<'t> {
            $($(#[$doc])* pub(in crate::store) $name: WriteTable<'t, $key, $value>,)*
            /// The payments whose rows were written or removed.
            pub(in crate::store) touched: Vec<PaymentId>,
        }

        impl<'t> WriteTables<'t> {
            /// Those of a transaction on a file that has all of them.
            pub(in crate::store) fn of(tx: &'t WriteTransaction) -> Self {
                Self { $($name: WriteTable { tx, definition: definition::$name, table: OnceCell::new() },)* touched: Vec::new() }
            }

            /// Opens all of them, creating those that do not exist.
            pub(in crate::store) fn open(tx: &'t WriteTransaction) -> Result<Self, TableError> {
                let mut all = Self::of(tx);
                $(all.$name.write()?;)*
                Ok(all)
            }
        }

        /// Every table.
        pub(in crate::store) const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// One consistent view of all tables; each is opened when it is asked for.
        pub(in crate::store) struct ReadTables(pub(in crate::store) ReadTransaction);

        impl ReadTables {
            $(#[allow(dead_code, reason = "the writer reads some tables inside of its own transaction only")]
            $(#[$doc])* pub(in crate::store) fn $name(&self) -> Result<ReadOnlyTable<$key, $value>, TableError> {
                self.0.open_table(definition::$name)
            })*

            /// Copies every table but the named ones into a fresh file; `step` is asked before each of many rows whether to go on.
            pub(in crate::store) fn copy_into(
                &self,
                to: &Database,
                except: &[&str],
                step: &dyn Fn() -> Result<(), StoreError>,
            ) -> Result<(), StoreError> {
                $(if !except.contains(&stringify!($name)) {
                    copy::table(&self.$name()?, to, definition::$name, step)?;
                })*
                Ok(())
            }

            /// The first row of each projection that is not as in `rebuilt`; what is no projection is left out.
            pub(in crate::store) fn differences(
                &self,
                rebuilt: &Self,
                step: &dyn Fn() -> Result<(), StoreError>,
            ) -> Result<Vec<Difference>, StoreError> {
                let mut found = Vec::new();
                $(if !SOURCES.contains(&stringify!($name)) {
                    let first = compare::first(&self.$name()?, &rebuilt.$name()?, |key| key.text(), step)?;
                    found.extend(first.map(|(row, how)| Difference { table: stringify!($name).to_owned(), row, how }));
                })*
                Ok(found)
            }
        }
    };
}

/// What the log cannot tell, and the log itself.
const SOURCES: [&str; 3] = ["meta", "event", "device"];

tables! {
    /// Name → bytes: `secret`, the key of the hashes by which phones and requests are compared, sealed where there is a
    /// seal; `seal`, its number; `layout`, one byte ([`super::layout`]); `unmarked`, until tokens of an older layout have
    /// their marks.
    meta: &'static str => &'static [u8] = "meta-1";
    /// Sequence number from 1 → SHA-256 (32 bytes), then the event.
    event: u64 => &'static [u8] = "event";
    /// Events that began a call which has not ended.
    running: u64 => () = "running";
    /// (Payment, event about it) → where that began a call which has ended, the event that ended it; else 0.
    payment_event: (u128, u64) => u64 = "payment_event";
    /// Row number from 1 → config.
    config: u64 => &'static [u8] = "config";
    /// OrganizationBin → row number; what makes a BIN unique.
    config_bin: &'static str => u64 = "config_bin";
    /// (OrganizationBin, TradePointId) → current DeviceToken, sealed where there is a seal, or that it was deleted on
    /// purpose; outlives moves and retirement. A token stands once.
    device: (&'static str, &'static str) => &'static [u8] = "device";
    /// PaymentId → payment.
    payment: u128 => &'static [u8] = "payment";
    /// QrPaymentId → PaymentId; what makes Kaspi's number unique.
    payment_qr: &'static str => u128 = "payment_qr";
    /// (OrganizationBin, PaymentId) of the payments that are not final.
    payment_open: (&'static str, u128) => () = "payment_open";
    /// Payments with something that only a person can close.
    payment_attention: u128 => () = "payment_attention";
    /// (Shop, invoice, payment).
    payment_invoice: (u32, &'static str, u128) => () = "payment_invoice";
    /// (Shop, Idempotency-Key) → the event that began its call, which says all of what the key stands for, and the payment.
    key: (u32, &'static str) => (u64, u128) = "key";
    /// Events that put a backup back, until an admin has acknowledged the gap.
    restored: u64 => () = "restored";
    /// (Milliseconds since 1970, payment, what is booked, which of these) → tiyn, where the payment does not tell: see
    /// [`super::book`].
    booked: (i64, u128, u8, u64) => i64 = "booked";
    /// (OrganizationBin, state, PaymentId) of the payments that are final.
    payment_state: (&'static str, u8, u128) => () = "payment_state";
    /// (Length, number of a stretch of the log) → what its rows may have: see [`super::zone`].
    zone: (u8, u64) => &'static [u8] = "zone";
}
