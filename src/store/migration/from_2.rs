//! Layout 2 to 3: tokens may be sealed, and the log tells their marks. What lies in the tables lies there as before; the
//! tokens that are here get their marks when the file is next opened.

use redb::{ReadTransaction, TableDefinition, WriteTransaction};

use crate::store::StoreError;

const META: TableDefinition<'static, &'static str, &'static [u8]> = TableDefinition::new("meta-1");

/// By which the next opening knows that no token has a mark yet.
pub(in crate::store) const UNMARKED: &str = "unmarked";

pub(super) fn step(_: &ReadTransaction, after: &WriteTransaction) -> Result<(), StoreError> {
    after.open_table(META)?.insert(UNMARKED, [1].as_slice())?;
    Ok(())
}
