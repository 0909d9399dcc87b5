//! The audit log for people.

use super::table::{Fields, Table};
use crate::ctl::when::Zone;
use crate::operation::{Events, LogRow, Verified};

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

/// What changed.
pub(super) fn events(page: &Events, zone: &Zone) -> String {
    let mut table = Table::new(&[">SEQ", "WHEN", "WHAT", ">AMOUNT", "BIN", "PAYMENT"]);
    for event in &page.events {
        let payment = event.payment.as_ref();
        let config = event.config.as_ref().map(|config| config.organization_bin.to_string());
        table.row([
            event.seq.to_string(),
            zone.show(event.at),
            event.event_type.to_string(),
            payment.map(|payment| payment.amount_tiyn.to_string()).unwrap_or_default(),
            payment.map(|payment| payment.organization_bin.to_string()).or(config).unwrap_or_default(),
            payment.map(|payment| payment.id.to_string()).unwrap_or_default(),
        ]);
    }
    table.print()
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
