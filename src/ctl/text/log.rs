//! The audit log for people.

use super::table::{Fields, Table};
use crate::ctl::when::Person;
use crate::domain::Actor;
use crate::operation::{
    Acknowledged, Difference, Events, FileSum, Imported, LogRow, OrganizationSums, RestoredGap, Verified,
};

/// A page of rows.
pub(super) fn list(rows: &[LogRow], reader: &Person) -> String {
    let mut table =
        Table::new(&[">ROW", "WHEN", "OPERATION", "STATUS", ">AMOUNT", "BIN", "QRPAYMENTID", "-WHO", "~FOUND OUT"]);
    for row in rows {
        table.row([
            row.id.to_string(),
            reader.show(row.created_at),
            row.operation_type.to_string(),
            row.status.to_string(),
            row.amount.map(|amount| amount.to_string()).unwrap_or_default(),
            row.organization_bin.as_ref().map(ToString::to_string).unwrap_or_default(),
            row.external_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            who(row),
            found(row),
        ]);
    }
    table.print()
}

/// One row by itself, as wide as most are: whoever follows a log sees no table.
pub(in crate::ctl) fn line(row: &LogRow, reader: &Person) -> String {
    let amount = row.amount.map(|amount| amount.to_string()).unwrap_or_default();
    let bin = row.organization_bin.as_ref().map(ToString::to_string).unwrap_or_default();
    let external = row.external_id.as_ref().map(ToString::to_string).unwrap_or_default();
    let (id, when, operation, status) = (row.id, reader.show(row.created_at), row.operation_type, row.status);
    let (operation, status) = (operation.word(), status.word());
    let line = format!(
        "{id:>6}  {when}  {operation:<13}  {status:<7}  {amount:>14}  {bin:<12}  {external:<12}  {:<8}  {}",
        who(row),
        super::clean(&found(row))
    );
    format!("{}\n", line.trim_end())
}

fn who(row: &LogRow) -> String {
    match &row.actor {
        None => "kaspid".to_owned(),
        Some(Actor { name: Some(name), .. }) => name.clone(),
        Some(Actor { uid, .. }) => format!("uid {uid}"),
    }
}

/// What the row has found out: the status at Kaspi, which tells a paid payment from a declined one, or what went wrong.
fn found(row: &LogRow) -> String {
    match (error(row), row.kaspi_status.as_deref()) {
        (error, None) => error,
        (error, Some(status)) if error.is_empty() => status.to_owned(),
        (error, Some(status)) => format!("{status}: {error}"),
    }
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
pub(super) fn events(page: &Events, reader: &Person) -> String {
    let mut table = Table::new(&[">SEQ", "WHEN", "WHAT", ">AMOUNT", "BIN", "PAYMENT"]);
    for event in &page.events {
        let payment = event.payment.as_ref();
        let config = event.config.as_ref().map(|config| config.organization_bin.to_string());
        table.row([
            event.seq.to_string(),
            reader.show(event.at),
            event.event_type.to_string(),
            payment.map(|payment| payment.amount_tiyn.to_string()).unwrap_or_default(),
            payment.map(|payment| payment.organization_bin.to_string()).or(config).unwrap_or_default(),
            payment.map(|payment| payment.id.to_string()).unwrap_or_default(),
        ]);
    }
    table.print()
}

/// The state of the chain, of a kept head and of the projections.
pub(super) fn verified(verified: &Verified) -> String {
    let headline = match verified.first_bad {
        Some(event) => format!("THE LOG IS NOT AS IT WAS WRITTEN: event {event} is the first that does not fit."),
        None if verified.head_matches == Some(false) => {
            "THE LOG IS NOT THE ONE YOU KNOW: the event of the head you gave is not in it, or has another hash.\n\
             It was cut or written anew since you kept that head; ask for a copy of the state and its backups."
                .to_owned()
        }
        None if verified.ok => "The log is as it was written.".to_owned(),
        None => "THE LOG IS AS IT WAS WRITTEN, BUT WHAT LIES BESIDE IT IS NOT WHAT IT SAYS.".to_owned(),
    };
    let mut fields = Fields::default();
    // As --head takes it: a broken chain has none to keep, and neither has an empty log.
    let head = match (verified.first_bad, verified.events) {
        (None, events @ 1..) => format!("{events}:{}", verified.head),
        _ => verified.head.clone(),
    };
    fields.add("events", verified.events).add("head", head);
    if let Some(matches) = verified.head_matches {
        fields.add("head you gave", if matches { "is in the log" } else { "is not in the log" });
    }
    for difference in verified.differences.iter().flatten() {
        let Difference { table, row, how } = difference;
        fields.add("first difference", format!("{table} {row}: {how}"));
        if let Some((bin, point)) = row.split_once(' ').filter(|_| table == "device") {
            fields.add("a token", "was changed past kaspid: find out who can write to the state");
            fields.add("get it anew", format!("kaspictl bin register {bin} --trade-point {point}"));
        }
    }
    if verified.differences.as_ref().is_some_and(Vec::is_empty) {
        fields.add("rebuilt", "everything that is shown is what the log says");
    }
    format!("{headline}\n{}", fields.print())
}

/// What an import did.
pub(super) fn imported(imported: &Imported) -> String {
    let mut fields = Fields::default();
    let is_new = if imported.dry_run { "would be taken in" } else { "taken in" };
    fields.add(is_new, imported.imported).add("here already", imported.skipped).add("payments", imported.adopted);
    if !imported.unknown_columns.is_empty() {
        fields.add("columns not used", super::clean(&imported.unknown_columns.join(", ")));
    }
    fields.add("read as", &imported.understood);
    let mut text = fields.print();
    if !imported.sums.is_empty() {
        text.push_str(&sums(&imported.sums, is_new));
    }
    if imported.dry_run {
        text.push_str("Nothing was taken in: the same without --dry-run does it.\n");
    }
    text
}

/// What the file comes to, a line for each organisation and for what of it was new.
fn sums(sums: &[OrganizationSums], is_new: &str) -> String {
    let mut table = Table::new(&["BIN", "ROWS ARE", ">ROWS", ">PAYMENTS", ">BILLED", ">PAID BACK"]);
    for OrganizationSums { organization_bin, file, taken_in } in sums {
        let whose = organization_bin.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        for (what, sum) in [("in the file", file), (is_new, taken_in)] {
            let FileSum { rows, payments, billed_tiyn, refunded_tiyn } = sum;
            let figures = [rows.to_string(), payments.to_string(), billed_tiyn.to_string(), refunded_tiyn.to_string()];
            table.row([whose.clone(), what.to_owned()].into_iter().chain(figures));
        }
    }
    table.print()
}

/// What was acknowledged.
pub(super) fn acknowledged(acknowledged: &Acknowledged, reader: &Person) -> String {
    if acknowledged.gaps.is_empty() {
        return "There was nothing to acknowledge: payments and refunds are taken.\n".to_owned();
    }
    let gaps = acknowledged.gaps.iter().map(|gap| {
        let RestoredGap { event, restored_at, backup_event, replaced_event, .. } = gap;
        let replaced = replaced_event.map_or_else(|| "unknown".to_owned(), |event| event.to_string());
        let mut fields = Fields::default();
        fields
            .add("restored", format!("{} (event {event})", reader.show(*restored_at)))
            .add("log of the backup ended with event", backup_event)
            .add("log of the replaced file with", replaced);
        fields.print()
    });
    let gaps: String = gaps.collect();
    format!("Acknowledged: payments and refunds are taken again.\n{gaps}")
}
