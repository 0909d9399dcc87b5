//! The audit log for people.

use super::table::{Fields, Table};
use crate::ctl::when::Zone;
use crate::operation::{Imported, LogRow, Verified};

/// A page of rows.
pub(super) fn list(rows: &[LogRow], zone: &Zone) -> String {
    let mut table =
        Table::new(&[">ROW", "WHEN", "OPERATION", "STATUS", ">AMOUNT", "BIN", "QRPAYMENTID", "WHO", "ERROR"]);
    for row in rows {
        table.row([
            row.id.to_string(),
            zone.show(row.created_at),
            row.operation_type.to_string(),
            row.status.to_string(),
            row.amount.map(|amount| amount.to_string()).unwrap_or_default(),
            row.organization_bin.as_ref().map(ToString::to_string).unwrap_or_default(),
            row.external_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            row.actor.map_or_else(|| "kaspid".to_owned(), |actor| format!("uid {}", actor.uid)),
            error(row),
        ]);
    }
    table.print()
}

fn error(row: &LogRow) -> String {
    match (&row.error_message, row.provider_code) {
        (Some(message), Some(code)) => format!("{message} (Kaspi code {code})"),
        (Some(message), None) => message.clone(),
        (None, Some(code)) => format!("Kaspi code {code}"),
        (None, None) => String::new(),
    }
}

/// The state of the chain.
pub(super) fn verified(verified: &Verified) -> String {
    let headline = match verified.first_bad {
        None if verified.ok => "The log is as it was written.".to_owned(),
        None => "THE LOG IS NOT AS IT WAS WRITTEN.".to_owned(),
        Some(event) => format!("THE LOG IS NOT AS IT WAS WRITTEN: event {event} is the first that does not fit."),
    };
    let mut fields = Fields::default();
    fields.add("events", verified.events).add("head", &verified.head);
    format!("{headline}\n{}", fields.print())
}

/// What an import did.
pub(super) fn imported(imported: &Imported) -> String {
    let mut fields = Fields::default();
    fields.add("taken in", imported.imported).add("here already", imported.skipped).add("payments", imported.adopted);
    if !imported.unknown_columns.is_empty() {
        fields.add("columns not used", super::clean(&imported.unknown_columns.join(", ")));
    }
    fields.print()
}
