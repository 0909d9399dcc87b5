//! Layout 4 to 5: a create writes fewer pages. `ended` went into the values of `payment_event`, open payments are listed
//! by organisation in `payment_open` alone, a key names its event instead of repeating it, and `zone` tells whole minutes.
//! All of these are made from the events when the file is next opened.

use redb::{ReadTransaction, TableDefinition, WriteTransaction};

use crate::store::StoreError;

const META: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("meta-1");
const ENDED: TableDefinition<'static, u64, u64> = TableDefinition::new("ended");
const EVENTS: TableDefinition<'static, (u128, u64), ()> = TableDefinition::new("payment_event");
const OPEN: TableDefinition<'static, u128, ()> = TableDefinition::new("payment_open");
const KEY: TableDefinition<'static, (u32, &'static str), &'static [u8]> = TableDefinition::new("key");
const STATE: TableDefinition<'static, (&'static str, u8, u128), ()> = TableDefinition::new("payment_state");
const ZONE: TableDefinition<'static, (u8, u64), &'static [u8]> = TableDefinition::new("zone");

pub(super) fn step(_: &ReadTransaction, after: &WriteTransaction) -> Result<(), StoreError> {
    after.delete_table(ENDED)?;
    after.delete_table(EVENTS)?;
    after.delete_table(OPEN)?;
    after.delete_table(KEY)?;
    after.delete_table(STATE)?;
    after.delete_table(ZONE)?;
    after.open_table(META)?.insert(super::UNLISTED, [1].as_slice())?;
    Ok(())
}
