//! The one number that says how a state file is laid out: its tables, what their keys and values are, and how the bytes
//! of a value are read. Every other number follows from it: a record of the log begins with the layout it was written
//! under, and the header of a backup repeats that of the file inside (data-file §7).

use redb::{Database, ReadableDatabase, TableDefinition, WriteTransaction};

use super::StoreError;

/// The layout that this program reads and writes.
pub(super) const LAYOUT: u8 = 2;

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
