//! The shop's days and clock times, as people write and read them.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{self, TimeZone};

use crate::language::{InEachLanguage, Language};
use crate::moment::{self, Moment};

/// Where most shops are.
pub(super) const USUAL: &str = "Asia/Almaty";

/// Whoever writes times and reads answers: in a time zone, and in a language.
#[derive(Clone, Debug)]
pub(super) struct Person {
    zone: TimeZone,
    pub(super) language: Language,
}

/// A text that is no time, or a zone this machine does not know.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotATime(String);

impl Person {
    /// The zone of that name. Asia/Almaty is known without the system's zone data, as +05:00, which it is
    /// since 2024-03-01.
    pub(super) fn named(name: &str) -> Result<Self, NotATime> {
        match moment::zone(name) {
            Some(zone) => Ok(Self { zone, language: Language::English }),
            None if name == USUAL => Ok(Self { zone: TimeZone::fixed(tz::offset(5)), language: Language::English }),
            None => Err(NotATime(format!(
                "{name:?} is not a time zone of this machine; write it as in Asia/Almaty, or install the package tzdata"
            ))),
        }
    }

    /// The same person, who reads another language.
    pub(super) fn reading(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// What of the three this one reads.
    pub(super) fn words(&self, ru: &'static str, kk: &'static str, en: &'static str) -> &'static str {
        InEachLanguage::of(ru, kk, en).told(self.language)
    }

    /// `2026-11-24 18:00:05`, for people; the zone is said once per answer.
    pub(super) fn show(&self, moment: Moment) -> String {
        match moment.timestamp() {
            Ok(timestamp) => timestamp.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
            Err(_) => moment.to_string(),
        }
    }

    /// A sentence of the daemon, whose times are in UTC, with those of this person.
    pub(super) fn local(&self, text: &str) -> String {
        let is_of_a_time = |c: char| c.is_ascii_digit() || "TZ:.-".contains(c);
        let mut told = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(begin) = rest.find(is_of_a_time) {
            let (before, behind) = rest.split_at(begin);
            let (word, after) = behind.split_at(behind.find(|c| !is_of_a_time(c)).unwrap_or(behind.len()));
            told.push_str(before);
            // What stands close behind a time belongs to the sentence.
            let (time, close) = word.split_at(word.rfind('Z').map_or(0, |end| end + 1));
            match time.parse::<Timestamp>() {
                Ok(timestamp) => told.extend([self.show(timestamp.into()).as_str(), close]),
                Err(_) => told.push_str(word),
            }
            rest = after;
        }
        told + rest
    }

    /// The zone's offset at `moment`, as in `+05:00`.
    pub(super) fn offset(&self, moment: Moment) -> String {
        moment.timestamp().map_or_else(
            |_| "UTC".to_owned(),
            |timestamp| timestamp.to_zoned_datetime(self.zone.clone()).strftime("%:z").to_string(),
        )
    }

    /// A time as written, or the first instant of a date.
    pub(super) fn begin(&self, text: &str) -> Result<Moment, NotATime> {
        self.read(text, Ok)
    }

    /// A time as written, or the first instant that is no longer that date.
    pub(super) fn end(&self, text: &str) -> Result<Moment, NotATime> {
        self.read(text, |date| date.tomorrow())
    }

    fn read(&self, text: &str, day: fn(Date) -> Result<Date, jiff::Error>) -> Result<Moment, NotATime> {
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return Ok(timestamp.into());
        }
        let date =
            Date::strptime("%Y-%m-%d", text).and_then(day).and_then(|date| date.to_zoned_datetime(self.zone.clone()));
        date.map(|start| start.timestamp().into()).map_err(|_| {
            NotATime(format!("{text:?} is no time: write 2026-11-24, or 2026-11-24T18:00:00+05:00 with its offset"))
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

    use super::*;

    /// Promise: no sentence of the daemon makes its reader reckon with another zone, and nothing else in it is changed.
    #[test]
    fn times_in_sentences_are_local() {
        let person = Person::named("Asia/Almaty").unwrap();
        let text = "since 2026-11-24T13:00:00.000Z; last tried 2026-11-24T13:00:05.025Z: 10.5 at 12:30 - T1, B-7.Z";
        let local = "since 2026-11-24 18:00:00; last tried 2026-11-24 18:00:05: 10.5 at 12:30 - T1, B-7.Z";
        assert_eq!(person.local(text), local);
        assert_eq!(person.local("2026-11-24T18:00:00+05:00 and ё"), "2026-11-24T18:00:00+05:00 and ё");
    }

    #[test]
    fn a_day_is_the_shops() {
        let zone = Person::named("Asia/Almaty").unwrap();
        assert_eq!(zone.begin("2026-11-24").unwrap().to_string(), "2026-11-23T19:00:00.000Z");
        assert_eq!(zone.end("2026-11-24").unwrap().to_string(), "2026-11-24T19:00:00.000Z");
        assert_eq!(zone.begin("2026-11-24T18:00:00+05:00").unwrap(), zone.end("2026-11-24T13:00:00Z").unwrap());
        assert_eq!(zone.show(zone.begin("2026-11-24T13:00:05Z").unwrap()), "2026-11-24 18:00:05");
        assert_eq!(zone.offset(Moment::from_millis(1_795_000_000_000)), "+05:00");
    }

    #[test]
    fn what_is_no_time_is_said_so() {
        let zone = Person::named("Asia/Almaty").unwrap();
        for text in ["", "today", "2026-02-30", "2026-11-24T18:00:00", "24.11.2026", "9999-12-31"] {
            assert!(zone.end(text).is_err(), "{text}");
        }
        assert!(Person::named("Asia/Nowhere").is_err());
    }
}
