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

fn columns() -> impl Iterator<Item = &'static str> {
    LOG_COLUMNS.into_iter().chain(MORE_COLUMNS)
}

fn writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new().delimiter(b';').terminator(csv::Terminator::CRLF).from_writer(Vec::new())
}

/// The mark and the names.
pub(super) fn header() -> Result<Vec<u8>, Failure> {
    let mut writer = writer();
    let names = columns().map(|name| if name == "amount" { TENGE } else { name });
    writer.write_record(names).map_err(|error| not_written(&error))?;
    let text = writer.into_inner().map_err(|error| not_written(&error))?;
    Ok(["\u{feff}".as_bytes(), &text].concat())
}

/// The rows.
pub(super) fn lines(rows: &[LogRow], zone: &TimeZone) -> Result<Vec<u8>, Failure> {
    let mut writer = writer();
    for row in rows {
        let cells = columns().zip(values(row, zone)).map(|(name, value)| cell(name, value, row));
        writer.write_record(cells).map_err(|error| not_written(&error))?;
    }
    writer.into_inner().map_err(|error| not_written(&error))
}

fn cell(name: &str, value: String, row: &LogRow) -> String {
    match name {
        "amount" => row.amount.map_or_else(String::new, |amount| amount.to_tenge().replace('.', ",")),
        // The one way to write a text of digits. Only digits stand in it.
        _ if LONG.contains(&name) && !value.is_empty() => format!("=\"{value}\""),
        // A spreadsheet reads seconds, and takes a time with more for a text.
        "created_at" => value.split('.').next().unwrap_or_default().to_owned(),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use super::*;

    #[test]
    fn a_spreadsheet_finds_its_own_ways() {
        let header = String::from_utf8(header().unwrap()).unwrap();
        assert!(header.starts_with("\u{feff}id;shop_id;") && header.contains(";amount_tenge;status;"), "{header}");
    }
}
