//! Single values as MySQL, PostgreSQL and SQLite write them. What is wrong is said without the value: columns may
//! be mixed up, and one of them is a secret.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use zeroize::Zeroizing;

use crate::id::{OrganizationBin, QrPaymentId};
use crate::moment::Moment;
use crate::money::Amount;
use crate::sheet::TableRow;

/// Takes the values of a row one by one and gathers what is wrong with it.
pub(super) struct Reader<'r> {
    row: &'r TableRow,
    columns: &'static [&'static str],
    wrong: Vec<String>,
}

impl<'r> Reader<'r> {
    pub(super) fn new(row: &'r TableRow, columns: &'static [&'static str]) -> Self {
        Self { row, columns, wrong: Vec::new() }
    }

    /// The text of a column.
    pub(super) fn text(&self, column: &str) -> Option<&'r Zeroizing<String>> {
        let place = self.columns.iter().position(|name| *name == column)?;
        self.row.values.get(place)?.as_ref()
    }

    /// A value that may be absent.
    pub(super) fn maybe<T, E: std::fmt::Display>(
        &mut self,
        column: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match read(self.text(column)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(format!("{column}: {error}"));
                None
            }
        }
    }

    /// A value that must be there; `None` is already told.
    pub(super) fn needed<T, E: std::fmt::Display>(
        &mut self,
        column: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if self.text(column).is_none() {
            self.wrong(format!("{column} is missing"));
        }
        self.maybe(column, read)
    }

    /// A point in time that may be absent; a date of nothing but zeros is MySQL's "none".
    pub(super) fn maybe_moment(&mut self, column: &str, zone: &TimeZone) -> Option<Moment> {
        self.text(column).filter(|text| !is_zero_date(text))?;
        self.maybe(column, |text| moment(text, zone))
    }

    /// The same for one that must be there.
    pub(super) fn needed_moment(&mut self, column: &str, zone: &TimeZone) -> Option<Moment> {
        match self.text(column) {
            Some(text) if is_zero_date(text) => {
                self.wrong(format!("{column} is missing: 0000-00-00 is none"));
                None
            }
            _ => self.needed(column, |text| moment(text, zone)),
        }
    }

    /// Something is wrong with the row.
    pub(super) fn wrong(&mut self, detail: String) {
        self.wrong.push(detail);
    }

    /// All that is wrong, in one sentence; `None` where nothing is.
    pub(super) fn verdict(self) -> Option<String> {
        (!self.wrong.is_empty()).then(|| self.wrong.join("; "))
    }
}

/// `TRUE`, `t`, `1` and their opposites; MySQL's BIT as a literal and as its byte; a Russian spreadsheet's words.
pub(super) fn boolean(text: &str) -> Result<bool, &'static str> {
    match text.to_lowercase().as_str() {
        "true" | "t" | "1" | "b'1'" | "\u{1}" | "истина" => Ok(true),
        "false" | "f" | "0" | "b'0'" | "\0" | "ложь" => Ok(false),
        _ => Err("it is neither true nor false (true, t, 1, b'1', false, f, 0, b'0')"),
    }
}

/// A whole number.
pub(super) fn whole<T: std::str::FromStr>(text: &str) -> Result<T, &'static str> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        true => text.parse().map_err(|_| "the number is too large"),
        false if is_scientific(text) => Err(SPREADSHEET),
        false if has_zeros_behind(text) => Err(
            "it is written as a fraction: export that column as whole numbers, without a point and zeros behind them",
        ),
        false => Err("it is not a whole number"),
    }
}

/// `8.0`, as a program writes a column of whole numbers that has taken them for fractions.
fn has_zeros_behind(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once(['.', ','])
        .is_some_and(|(before, behind)| is_number(before) && behind.bytes().all(|byte| byte == b'0'))
}

/// The bank's number of a payment.
pub(super) fn payment_number(text: &str) -> Result<QrPaymentId, String> {
    text.parse::<QrPaymentId>().map_err(|error| match whole::<u64>(text) {
        Err(why) if is_scientific(text) || has_zeros_behind(text) => why.to_owned(),
        _ => error.to_string(),
    })
}

const SPREADSHEET: &str = "a spreadsheet has made an inexact number of it: export the table from the database again";

/// `1.2E+10`, as a spreadsheet writes long numbers.
fn is_scientific(text: &str) -> bool {
    let Some((before, behind)) = text.split_once(['e', 'E']) else { return false };
    let is_number =
        |text: &str, more: &[char]| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || more.contains(&c));
    is_number(before, &['.', ',']) && is_number(behind, &['+', '-'])
}

/// A BIN, without a word of the value where it is none.
pub(super) fn bin(text: &str) -> Result<OrganizationBin, &'static str> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().map_err(|_| match text.len() {
        12 if is_digits => "its last digit does not fit the others; check it for a typing error",
        8..12 if is_digits => {
            "a BIN or IIN has 12 digits: a spreadsheet takes zeros before a number away; export the table again"
        }
        _ if is_scientific(text) => SPREADSHEET,
        _ => "a BIN or IIN has 12 digits",
    })
}

/// An amount in tiyn.
pub(super) fn tiyn(text: &str) -> Result<Amount, &'static str> {
    let amount = whole(text).map_err(|why| match text.contains(['.', ',']) && !is_scientific(text) {
        true if has_zeros_behind(text) => {
            "it has a point and zeros behind it, so it may be in tenge or in tiyn: write whole tiyn, 15050 for 150.50 tenge \
             (SELECT CAST(amount AS DECIMAL(20)) where it is in tiyn, amount * 100 so where it is in tenge)"
        }
        true => "it is not a whole number: the guide's amount is in tiyn (kopecks), 150.50 tenge is 15050",
        false => why,
    })?;
    Amount::from_tiyn(amount).map_err(|_| "it is more than any payment (it is in tiyn)")
}

/// MySQL's "none" in a column that may not be NULL.
fn is_zero_date(text: &str) -> bool {
    text.starts_with("0000-00-00") && text.bytes().all(|byte| b"0-: .".contains(&byte))
}

/// Whether a text can be a point in time, or none.
pub(super) fn is_date(text: &str) -> bool {
    is_zero_date(text) || moment(text, &TimeZone::UTC).is_ok()
}

/// A point in time with its offset, or else in `zone`; at least a date.
///
/// # Errors
/// It is no time, or none that such a table can have: Kaspi Pay is younger than 2010, and nobody knows 2100.
pub(super) fn moment(text: &str, zone: &TimeZone) -> Result<Moment, &'static str> {
    let year: Option<u16> = text.get(..4).filter(|_| text.get(4..5) == Some("-")).and_then(|year| year.parse().ok());
    if year.is_some_and(|year| !(2010..2100).contains(&year)) {
        return Err("its year cannot be meant: write 2026-11-24 18:00:00");
    }
    // A zone in brackets without an offset would be passed over.
    if year.is_none() || text.contains('[') {
        return Err(NO_TIME);
    }
    let at: Moment = match text.parse::<jiff::Timestamp>() {
        Ok(timestamp) => timestamp.into(),
        Err(_) => {
            let local = text.parse::<DateTime>().ok().filter(|_| !text.ends_with(['Z', 'z']));
            let zoned = local.and_then(|local| local.to_zoned_datetime(zone.clone()).ok());
            zoned.map(|zoned| zoned.timestamp().into()).ok_or(NO_TIME)?
        }
    };
    // A day for clocks and zones that are not ours: what is later stands in no report that anybody asks for.
    if at.since(Moment::now()) > Duration::from_secs(24 * 3600) {
        return Err("it has not come yet: a log tells what was; check its year, and the clock of this machine (date)");
    }
    Ok(at)
}

const NO_TIME: &str = "it is no time: write 2026-11-24 18:00:00, or with an offset";

/// A trade point or a device token as the bank gave it. What a program has put around it, or in its place, is none: one
/// token with a blank and one without would be two.
///
/// # Errors
/// What is wrong, without the value.
pub(super) fn code(text: &str) -> Result<&str, &'static str> {
    let is_quoted = ['"', '\''].iter().any(|quote| text.starts_with(*quote) || text.ends_with(*quote));
    let is_none = ["null", "none", "nil", "nan", "n/a"].contains(&text.to_ascii_lowercase().as_str());
    let is_rounded = text.parse::<f64>().is_ok() && text.contains(['.', 'e', 'E', ',']);
    match () {
        () if text.trim() != text => Err("it begins or ends with a blank: take it out"),
        () if is_quoted => Err("it stands in quotes of its own: take them out"),
        () if is_none => Err("it is a word for none: write the value, or leave the row out"),
        () if is_rounded => Err("a spreadsheet has rounded it: export it as text"),
        () => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_nobody_meant_are_refused() {
        let zone = TimeZone::fixed(jiff::tz::offset(5));
        for text in [
            "0026-11-24 18:00:00",
            "2926-11-24 18:00:00",
            "-002026-11-24",
            "20261124",
            "2026-11-24 18:00:00[Asia/Tokyo]",
        ] {
            assert!(moment(text, &zone).is_err(), "{text}");
        }
    }

    #[test]
    fn a_code_is_what_the_bank_gave() {
        for text in ["577b4b39-1e7e-43d2-83c3-a0116118ef16", "104039", "tp-1", "0042"] {
            assert_eq!(code(text), Ok(text));
        }
        for text in [" tok", "tok ", "\u{a0}tok", "'tok'", "\"NULL\"", "None", "null", "1.23457E+15", "104039.0"] {
            assert!(code(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_of_every_database_are_read() {
        let zone = TimeZone::fixed(jiff::tz::offset(5));
        for text in [
            "2026-11-24 18:00:00.250",
            "2026-11-24T18:00:00.250000",
            "2026-11-24 13:00:00.25Z",
            "2026-11-24T13:00:00.250+00:00",
            "2026-11-24 18:00:00.25+05",
            "2026-11-24 18:00:00.25+0500",
        ] {
            assert_eq!(
                moment(text, &zone).map(|at| at.to_string()),
                Ok("2026-11-24T13:00:00.250Z".to_owned()),
                "{text}"
            );
        }
        assert_eq!(moment("2026-11-24", &zone).map(|at| at.to_string()), Ok("2026-11-23T19:00:00.000Z".to_owned()));
        for text in ["", "now", "0000-00-00 00:00:00", "2026-02-30 00:00:00", "24.11.2026", "1795000000"] {
            assert!(moment(text, &zone).is_err(), "{text}");
        }
    }

    #[test]
    fn booleans_and_numbers_of_every_database_are_read() {
        assert_eq!(["TRUE", "t", "1"].map(boolean), [Ok(true); 3]);
        assert_eq!(["False", "f", "0"].map(boolean), [Ok(false); 3]);
        assert!(boolean("yes").is_err() && boolean("").is_err());
        assert_eq!(whole::<u32>("8"), Ok(8));
        assert!(whole::<u32>("-8").is_err() && whole::<u32>("8.0").is_err() && whole::<u32>("99999999999").is_err());
    }
}
