//! A row of the log in the columns of a file.

use jiff::tz::TimeZone;

use super::{LOG_COLUMNS, MORE_COLUMNS, NO_SHOP, is_formula};
use crate::failure::{Code, Failure};
use crate::message::shortened;
use crate::moment::Moment;
use crate::operation::LogRow;

pub(in crate::service::records) fn not_written(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Code::StorageFailed, format!("a row cannot be written: {error}"))
}

/// A row in the order of the columns; what is not there is empty.
pub(super) fn values(row: &LogRow, zone: &TimeZone) -> [String; LOG_COLUMNS.len() + MORE_COLUMNS.len()] {
    let actor = row.actor.as_ref();
    [
        row.id.to_string(),
        row.shop_id.unwrap_or(NO_SHOP).to_string(),
        text(row.kaspi_config_id),
        row.operation_type.to_string(),
        text(row.external_id.as_ref()),
        text(row.organization_bin.as_ref()),
        text(row.amount.map(crate::money::Amount::tiyn)),
        row.status.to_string(),
        row.error_message.as_deref().map_or_else(String::new, |message| harmless(shortened(message))),
        local(row.created_at, zone),
        text(row.payment_id),
        row.kaspi_status.as_deref().map_or_else(String::new, harmless),
        text(actor.map(|actor| actor.uid)),
        actor.and_then(|actor| actor.name.as_deref()).map_or_else(String::new, harmless),
        text(actor.map(|actor| actor.gid)),
        text(actor.and_then(|actor| actor.pid)),
        row.request_key.as_ref().map_or_else(String::new, |key| harmless(key.as_str())),
        row.x_request_id.as_deref().map_or_else(String::new, harmless),
        text(row.provider_code),
        text(row.duration_ms),
    ]
}

fn text(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// A text of a person's or of the bank's, which no spreadsheet takes for a formula.
pub(in crate::service::records) fn harmless(text: &str) -> String {
    if is_formula(text) { format!("'{text}") } else { text.to_owned() }
}

/// As every SQL database reads a DATETIME: local, to the millisecond, without a zone (which MariaDB refuses).
fn local(moment: Moment, zone: &TimeZone) -> String {
    match moment.timestamp() {
        Ok(timestamp) => timestamp.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        Err(_) => moment.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_text() {
        for text in ["=1+1", "+7", "-1", "@x", "'quoted"] {
            assert_eq!(harmless(text), format!("'{text}"));
        }
        assert_eq!(harmless("Организация не зарегистрирована"), "Организация не зарегистрирована");
    }

    #[test]
    fn times_are_local_and_exact_to_the_millisecond() {
        let zone = TimeZone::fixed(jiff::tz::offset(5));
        assert_eq!(local(Moment::from_millis(1_795_000_000_007), &zone), "2026-11-18 16:06:40.007");
    }
}
