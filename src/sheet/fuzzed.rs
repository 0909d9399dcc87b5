//! A table of bytes, for fuzzing: whatever it is, it is understood or refused, and no value is said in a refusal.

use super::{Looks, Rows, Understood, Unreadable, WantedTable};

const WANTED: WantedTable = WantedTable {
    table: "table",
    columns: &["organization_bin", "trade_point_id", "device_token", "amount", "created_at"],
    needed: &["organization_bin"],
    ignored: &[&["id"]],
    refused: &[("amount_tenge", "it is in tenge")],
    guide: &[
        ("organization_bin", is_bin as Looks),
        ("trade_point_id", is_short as Looks),
        ("device_token", is_short as Looks),
    ],
};

fn is_bin(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_short(text: &str) -> bool {
    !text.is_empty() && text.len() < 64
}

/// Reads all rows of a file; a row has the width of what is wanted, and lines go up.
pub(crate) fn table(bytes: &[u8]) {
    let Ok(understood) = Understood::of(|| Ok::<_, Unreadable>(bytes), &WANTED) else { return };
    assert!(!understood.to_string().is_empty());
    let Ok(mut rows) = Rows::open(&understood, bytes, WANTED) else { return };
    let mut before = 0;
    while let Some(row) = rows.next() {
        match row {
            Ok(row) => {
                assert!(row.values.len() == WANTED.columns.len() && row.line >= before, "line {}", row.line);
                before = row.line;
            }
            Err(unreadable) => assert!(!unreadable.detail.is_empty()),
        }
    }
    let _ = rows.unknown();
}
