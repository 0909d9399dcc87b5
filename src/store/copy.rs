//! A table copied into a fresh file.

use redb::{Database, Key, ReadOnlyTable, ReadableTable, TableDefinition, Value};

use super::StoreError;

/// Rows copied in one transaction of the copy, which bounds what it holds in memory.
const PAGE: usize = 16_384;

/// One table; `step` is asked before each row whether to go on.
pub(super) fn table<K: Key + 'static, V: Value + 'static>(
    from: &ReadOnlyTable<K, V>,
    to: &Database,
    definition: TableDefinition<'static, K, V>,
    step: &dyn Fn() -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut rows = ReadableTable::iter(from)?.peekable();
    loop {
        let tx = to.begin_write()?;
        let mut table = tx.open_table(definition)?;
        for row in rows.by_ref().take(PAGE) {
            step()?;
            let (key, value) = row?;
            table.insert(key.value(), value.value())?;
        }
        drop(table);
        tx.commit()?;
        if rows.peek().is_none() {
            return Ok(());
        }
    }
}
