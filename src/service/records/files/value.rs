//! Single values as MySQL, PostgreSQL and SQLite write them. What is wrong is said without the value: columns may
//! be mixed up, and one of them is a secret.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use zeroize::Zeroizing;

use super::source::FileRow;
use crate::moment::Moment;

/// Takes the values of a row one by one and gathers what is wrong with it.
pub(super) struct Reader<'r> {
    row: &'r FileRow,
    columns: &'static [&'static str],
    wrong: Vec<String>,
}

impl<'r> Reader<'r> {
    pub(super) fn new(row: &'r FileRow, columns: &'static [&'static str]) -> Self {
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

    /// Something is wrong with the row.
    pub(super) fn wrong(&mut self, detail: String) {
        self.wrong.push(detail);
    }

    /// All that is wrong, in one sentence; `None` where nothing is.
    pub(super) fn verdict(self) -> Option<String> {
        (!self.wrong.is_empty()).then(|| self.wrong.join("; "))
    }
}

/// `TRUE`, `t`, `1` and their opposites.
pub(super) fn boolean(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Ok(true),
        "false" | "f" | "0" => Ok(false),
        _ => Err("it is neither true nor false (true, t, 1, false, f, 0)"),
    }
}

/// A whole number.
pub(super) fn whole<T: std::str::FromStr>(text: &str) -> Result<T, &'static str> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().map_err(|_| "the number is too large"),
        false => Err("it is not a whole number"),
    }
}

/// A point in time with its offset, or else in `zone`; at least a date.
pub(super) fn moment(text: &str, zone: &TimeZone) -> Result<Moment, &'static str> {
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Ok(timestamp.into());
    }
    let local = text.parse::<DateTime>().ok().filter(|_| !text.ends_with(['Z', 'z']));
    let zoned = local.and_then(|local| local.to_zoned_datetime(zone.clone()).ok());
    zoned.map(|zoned| zoned.timestamp().into()).ok_or("it is no time: write 2026-11-24 18:00:00, or with an offset")
}

#[cfg(test)]
mod tests {
    use super::*;

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
