//! Dates as Kaspi writes them (wire §5): ISO 8601 with hour-only offsets, unpadded days, fractions of
//! any length and, in places, no offset at all, which then means Almaty.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::{self, TimeZone};

use crate::moment::{self, Moment};

/// Where a date without an offset is from. Kazakhstan has kept one time, UTC+5, since 2024-03-01; Almaty had
/// UTC+6 before, which only the zone database knows.
const ALMATY: &str = "Asia/Almaty";

/// The offset of [`ALMATY`] where the machine has no zone database.
const ALMATY_HOURS: i8 = 5;

/// Reads a date of a reply, or `None` if it is not one.
pub(super) fn read(text: &str) -> Option<Moment> {
    let mut rest = Scanner(text);
    let year = rest.number(4, 4)?;
    rest.skip('-')?;
    let month = rest.number(1, 2)?;
    rest.skip('-')?;
    let day = rest.number(1, 2)?;
    rest.skip('T').or_else(|| rest.skip(' '))?;
    let hour = rest.number(1, 2)?;
    rest.skip(':')?;
    let minute = rest.number(2, 2)?;
    rest.skip(':')?;
    let second = rest.number(2, 2)?;
    let nanosecond = rest.fraction()?;
    let small = |n: u32| i8::try_from(n).ok();
    let (month, day) = (small(month)?, small(day)?);
    let (hour, minute, second) = (small(hour)?, small(minute)?, small(second)?);
    let civil =
        DateTime::new(i16::try_from(year).ok()?, month, day, hour, minute, second, i32::try_from(nanosecond).ok()?)
            .ok()?;
    let timestamp = match rest.offset()? {
        Some(seconds) => tz::Offset::from_seconds(seconds).ok()?.to_timestamp(civil).ok()?,
        None => almaty(civil)?,
    };
    Some(timestamp.into())
}

/// Reads an HTTP `Date` header.
pub(super) fn read_http(text: &str) -> Option<Moment> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok().map(Moment::from)
}

fn almaty(civil: DateTime) -> Option<Timestamp> {
    let zone = moment::zone(ALMATY).unwrap_or_else(|| TimeZone::fixed(tz::offset(ALMATY_HOURS)));
    zone.to_timestamp(civil).ok()
}

/// What is left of the text.
struct Scanner<'a>(&'a str);

impl Scanner<'_> {
    fn skip(&mut self, wanted: char) -> Option<()> {
        self.0 = self.0.strip_prefix(wanted)?;
        Some(())
    }

    /// A run of `least` to `most` digits; a longer run leaves digits behind, which nothing after it takes.
    fn number(&mut self, least: usize, most: usize) -> Option<u32> {
        let length = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at_checked(length)?;
        if length < least {
            return None;
        }
        self.0 = rest;
        digits.parse().ok()
    }

    /// Nanoseconds of an optional fraction; digits behind the ninth are dropped.
    fn fraction(&mut self) -> Option<u32> {
        if self.skip('.').or_else(|| self.skip(',')).is_none() {
            return Some(0);
        }
        let length = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        let kept = digits.get(..9).unwrap_or(digits);
        format!("{kept:0<9}").parse().ok().filter(|_| !digits.is_empty())
    }

    /// The end of the text: seconds east of UTC, or `Some(None)` where none is written.
    fn offset(&mut self) -> Option<Option<i32>> {
        if self.0.is_empty() {
            return Some(None);
        }
        if self.skip('Z').is_some() {
            return self.0.is_empty().then_some(Some(0));
        }
        let sign = if self.skip('+').is_some() {
            1
        } else {
            self.skip('-')?;
            -1
        };
        let hours = i32::try_from(self.number(1, 2)?).ok()?;
        let minutes = if self.0.is_empty() {
            0
        } else {
            // `+06:00` and `+0600` alike.
            let _colon = self.skip(':');
            i32::try_from(self.number(2, 2)?).ok()?
        };
        let sane = self.0.is_empty() && hours <= 18 && minutes < 60;
        sane.then_some(Some(sign * (hours * 3_600 + minutes * 60)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    fn moment(text: &str) -> Moment {
        text.parse().unwrap()
    }

    #[test]
    fn every_form_of_the_manual_and_the_captures_is_read() {
        for (text, utc) in [
            ("2021-11-03T16:58:35.407+06", "2021-11-03T10:58:35.407Z"),
            ("2021-11-3T16:58:35+06", "2021-11-03T10:58:35Z"),
            ("2023-04-12T12:00:00.123+06:00", "2023-04-12T06:00:00.123Z"),
            ("2025-10-22T15:04:05.5+05:00", "2025-10-22T10:04:05.5Z"),
            ("2025-10-22T15:04:05+0500", "2025-10-22T10:04:05Z"),
            ("2025-10-22T10:04:05Z", "2025-10-22T10:04:05Z"),
            ("2025-10-22T05:04:05-05:00", "2025-10-22T10:04:05Z"),
            // Seven digits and no offset: Almaty, UTC+6 until the end of February 2024, UTC+5 since.
            ("2022-01-10T12:00:00.1234567", "2022-01-10T06:00:00.123Z"),
            ("2025-10-22T15:04:05", "2025-10-22T10:04:05Z"),
        ] {
            assert_eq!(read(text), Some(moment(utc)), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2025-10-22",
            "2025-13-01T00:00:00Z",
            "2025-02-30T00:00:00Z",
            "2025-10-22T25:00:00Z",
            "2025-10-22T10:04:05.Z",
            "2025-10-22T10:04:05+",
            "2025-10-22T10:04:05+06:0",
            "2025-10-22T10:04:05+99",
            "2025-10-22T10:04:05Zz",
            "22.10.2025 10:04:05",
            "٢025-10-22T10:04:05Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn the_date_header_is_read() {
        assert_eq!(read_http("Wed, 22 Oct 2025 10:04:05 GMT"), Some(moment("2025-10-22T10:04:05Z")));
        assert_eq!(read_http("yesterday"), None);
    }

    proptest! {
        /// Whatever the instant, offset and number of digits, the same instant is read back to the millisecond.
        #[test]
        fn an_instant_survives_every_spelling(
            ms in 0_i64..4_102_444_800_000, hours in -12_i32..=14, digits in 3_usize..=12, padded: bool, colon: bool,
        ) {
            let offset = tz::Offset::from_seconds(hours * 3_600).unwrap();
            let civil = offset.to_datetime(Timestamp::from_millisecond(ms).unwrap());
            let day = if padded { format!("{:02}", civil.day()) } else { civil.day().to_string() };
            let fraction = format!("{:0<digits$}", format!("{:03}", civil.millisecond()));
            let sign = if hours < 0 { '-' } else { '+' };
            let minutes = if colon { ":00" } else { "" };
            let text = format!(
                "{:04}-{:02}-{day}T{:02}:{:02}:{:02}.{fraction}{sign}{:02}{minutes}",
                civil.year(), civil.month(), civil.hour(), civil.minute(), civil.second(), hours.abs(),
            );
            prop_assert_eq!(read(&text), Some(Moment::from_millis(ms)), "{}", text);
        }

        /// Any text is judged without a panic.
        #[test]
        fn any_text_is_judged(text in "[0-9TZ:.,+ é-]{0,40}", other in "\\PC{0,30}") {
            let _ = (read(&text), read(&other), read_http(&other));
        }
    }
}
