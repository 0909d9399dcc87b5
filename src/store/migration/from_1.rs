//! Layout 1 to 2: the number in `meta` becomes the only one. Values lose the byte before them and tables the `-1` of
//! their names, which said the same once more. The log keeps its bytes: they are what its hashes are over.

use redb::{Key, ReadTransaction, ReadableTable, TableDefinition, TableHandle, WriteTransaction};

use crate::store::StoreError;

/// The table that keeps its name, so that a program of layout 1 finds the number that it has to refuse.
const META: &str = "meta-1";

/// The byte before each value.
const BYTE: u8 = 1;

/// Its log, of which a restore tells where it ended.
pub(in crate::store) const EVENT: Values<u64> = TableDefinition::new("event-1");

type Values<K> = TableDefinition<'static, K, &'static [u8]>;

pub(super) fn step(before: &ReadTransaction, after: &WriteTransaction) -> Result<(), StoreError> {
    let config: Values<u64> = TableDefinition::new("config-1");
    let device: Values<(&str, &str)> = TableDefinition::new("device-1");
    let payment: Values<u128> = TableDefinition::new("payment-1");
    let key: Values<(u32, &str)> = TableDefinition::new("key-1");
    strip(before, after, config)?;
    strip(before, after, device)?;
    strip(before, after, payment)?;
    strip(before, after, key)?;
    rename(after)
}

fn strip<K: Key + 'static>(
    before: &ReadTransaction,
    after: &WriteTransaction,
    table: Values<K>,
) -> Result<(), StoreError> {
    let (old, mut new) = (before.open_table(table)?, after.open_table(table)?);
    for row in ReadableTable::iter(&old)? {
        let (key, value) = row?;
        match value.value().split_first() {
            Some((&BYTE, rest)) => drop(new.insert(key.value(), rest)?),
            _ => return Err(StoreError::Codec(format!("a value of {} is not as layout 1 has it", table.name()))),
        }
    }
    Ok(())
}

fn rename(after: &WriteTransaction) -> Result<(), StoreError> {
    for table in after.list_tables()? {
        let old = table.name().to_owned();
        if let Some(name) = old.strip_suffix("-1").filter(|_| old != META) {
            after.rename_table(table, TableDefinition::<(), ()>::new(name))?;
        }
    }
    Ok(())
}
