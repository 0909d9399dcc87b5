//! The audit log for a spreadsheet as it is used here: a byte order mark, so that letters are read as UTF-8; semicolons and
//! a decimal comma, as its language wants them; long numbers as texts, which it would round. It is for reading: the
//! amount is in tenge under a name of its own, and no import takes it.

use jiff::tz::TimeZone;

use super::cells::{not_written, values};
use super::{LOG_COLUMNS, MORE_COLUMNS, TENGE};
use crate::failure::Failure;
use crate::operation::LogRow;

/// Digits that a spreadsheet would take for a number and round, or rob of zeros before it.
const LONG: [&str; 2] = ["external_id", "organization_bin"];

/// A formula holds no longer text.
const TEXT: usize = 255;

fn columns() -> impl Iterator<Item = &'static str> {
    LOG_COLUMNS.into_iter().chain(MORE_COLUMNS)
}

/// The byte order mark: letters are read as UTF-8.
pub(in crate::service::records) const MARK: &str = "\u{feff}";

/// Rows as its language wants them.
pub(in crate::service::records) fn writer<W: std::io::Write>(to: W) -> csv::Writer<W> {
    csv::WriterBuilder::new().delimiter(b';').terminator(csv::Terminator::CRLF).from_writer(to)
}

/// The mark and the names.
pub(super) fn header() -> Result<Vec<u8>, Failure> {
    let mut writer = writer(Vec::new());
    let names = columns().map(|name| if name == "amount" { TENGE } else { name });
    writer.write_record(names).map_err(|error| not_written(&error))?;
    let text = writer.into_inner().map_err(|error| not_written(&error))?;
    Ok([MARK.as_bytes(), &text].concat())
}

/// The rows.
pub(super) fn lines(rows: &[LogRow], zone: &TimeZone) -> Result<Vec<u8>, Failure> {
    let mut writer = writer(Vec::new());
    for row in rows {
        let cells = columns().zip(values(row, zone)).map(|(name, value)| cell(name, value, row));
        writer.write_record(cells).map_err(|error| not_written(&error))?;
    }
    writer.into_inner().map_err(|error| not_written(&error))
}

fn cell(name: &str, value: String, row: &LogRow) -> String {
    match name {
        "amount" => row.amount.map_or_else(String::new, |amount| amount.to_tenge().replace('.', ",")),
        _ if LONG.contains(&name) && !value.is_empty() => text(&value),
        // Names that programs and people gave: `007`, `1-2` and `may5` are numbers and dates to a spreadsheet.
        "request_key" => row.request_key.as_ref().map_or(value, |key| text(key.as_str())),
        "x_request_id" => name_of(row.x_request_id.as_deref(), value),
        "actor_name" => name_of(row.actor.as_ref().and_then(|actor| actor.name.as_deref()), value),
        "error_message" | "kaspi_status" if is_more_than_text(&value) => text(value.trim_start_matches('\'')),
        // A spreadsheet reads seconds, and takes a time with more for a text.
        "created_at" => value.split('.').next().unwrap_or_default().to_owned(),
        _ => value,
    }
}

fn name_of(name: Option<&str>, value: String) -> String {
    name.filter(|name| name.len() <= TEXT).map_or(value, text)
}

/// The one way to write a text that is none to a spreadsheet. Nothing in it is a formula.
pub(in crate::service::records) fn text(value: &str) -> String {
    format!("=\"{}\"", value.replace('"', "\"\""))
}

/// Whether a spreadsheet may take a text for a number, a date, a time, a sum or a truth: every one of them but the last has a
/// digit.
pub(in crate::service::records) fn is_more_than_text(text: &str) -> bool {
    const TRUTHS: [&str; 7] = ["true", "false", "истина", "ложь", "ақиқат", "жалған", "шындық"];
    let has_digit = text.contains(|c: char| c.is_ascii_digit());
    text.len() <= TEXT && (has_digit || TRUTHS.contains(&text.trim().to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use super::*;

    #[test]
    fn a_text_stays_one() {
        assert_eq!(text("1-2"), "=\"1-2\"");
        assert_eq!(text("a\"&x"), "=\"a\"\"&x\"");
        for changed in ["12:30", "+7", "1E5", "5 мая", "1 янв", "10:30 PM", "Истина"] {
            assert!(is_more_than_text(changed), "{changed}");
        }
        assert!(!is_more_than_text("Roses") && !is_more_than_text("-"));
        assert_eq!(name_of(Some(&"7".repeat(TEXT + 1)), "it".to_owned()), "it");
    }

    #[test]
    fn a_spreadsheet_finds_its_own_ways() {
        let header = String::from_utf8(header().unwrap()).unwrap();
        assert!(header.starts_with("\u{feff}id;shop_id;") && header.contains(";amount_tenge;status;"), "{header}");
    }
}
