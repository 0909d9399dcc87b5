//! Where a state file says how it is laid out.

use redb::{Database, ReadableDatabase, TableDefinition, WriteTransaction};

use super::StoreError;
use super::layout::LAYOUT;

/// Where the number stands. Neither name ever changes: a program looks here for a layout that it is to refuse.
const META: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("meta-1");
const ENTRY: &str = "layout";

/// The layout of a file, if this program knows it.
pub(super) fn of(database: &Database) -> Result<u8, StoreError> {
    let table = database.begin_read()?.open_table(META)?;
    match table.get(ENTRY)?.as_ref().map(|number| number.value()) {
        Some([number @ 1..=LAYOUT]) => Ok(*number),
        Some([number]) if *number > LAYOUT => Err(StoreError::Newer(*number)),
        _ => Err(StoreError::Codec("it does not say which layout it has".to_owned())),
    }
}

/// Writes the layout of what the rest of the transaction writes.
pub(super) fn put(tx: &WriteTransaction, layout: u8) -> Result<(), StoreError> {
    tx.open_table(META)?.insert(ENTRY, [layout].as_slice())?;
    Ok(())
}
