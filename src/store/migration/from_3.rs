//! Layout 3 to 4: two tables more, which are made from the events: the payments by organisation and state, and what
//! stands in each stretch of the log. They are filled when the file is next opened.

use redb::{ReadTransaction, TableDefinition, WriteTransaction};

use crate::store::StoreError;

const META: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("meta-1");
const STATE: TableDefinition<'static, (&'static str, u8, u128), ()> = TableDefinition::new("payment_state");
const ZONE: TableDefinition<'static, (u8, u64), &'static [u8]> = TableDefinition::new("zone");

/// By which the next opening knows that the new tables are not filled yet.
pub(in crate::store) const UNLISTED: &str = "unlisted";

pub(super) fn step(_: &ReadTransaction, after: &WriteTransaction) -> Result<(), StoreError> {
    after.open_table(STATE)?;
    after.open_table(ZONE)?;
    after.open_table(META)?.insert(UNLISTED, [1].as_slice())?;
    Ok(())
}
