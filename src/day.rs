//! Days of the shop. A day is 00:00 to 24:00 in `[daemon] timezone` (architecture §5).

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::moment::Moment;

/// A calendar day, `2026-11-24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(with = "String", extend("format" = "date", "examples" = ["2026-11-24"]))
)]
pub struct Day(Date);

/// A text that is no day, or a day beyond the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotADay {
    /// Not a date of the calendar in the one way it is written.
    #[error("not a day: write it as 2026-11-24")]
    Malformed,
    /// The same, where words are understood too.
    #[error("not a day: write it as 2026-11-24, or today, or yesterday")]
    NoWord,
    /// The years that can be reckoned with are -9999 to 9999.
    #[error("this day is beyond the calendar")]
    Beyond,
}

impl Day {
    /// The day that `moment` belongs to.
    ///
    /// # Errors
    /// [`NotADay::Beyond`].
    pub fn of(moment: Moment, zone: &TimeZone) -> Result<Self, NotADay> {
        let timestamp = moment.timestamp().map_err(|_| NotADay::Beyond)?;
        Ok(Self(timestamp.to_zoned_datetime(zone.clone()).date()))
    }

    /// The first instant of the day; the day ends where the next begins.
    ///
    /// # Errors
    /// [`NotADay::Beyond`].
    pub fn begin(self, zone: &TimeZone) -> Result<Moment, NotADay> {
        let start = self.0.to_zoned_datetime(zone.clone()).map_err(|_| NotADay::Beyond)?;
        Ok(start.timestamp().into())
    }

    /// The day after.
    ///
    /// # Errors
    /// [`NotADay::Beyond`].
    pub fn next(self) -> Result<Self, NotADay> {
        self.0.tomorrow().map(Self).map_err(|_| NotADay::Beyond)
    }

    /// The first day of the month that it is in.
    #[must_use]
    pub fn first_of_month(self) -> Self {
        Self(self.0.first_of_month())
    }

    /// The day before.
    ///
    /// # Errors
    /// [`NotADay::Beyond`].
    pub fn previous(self) -> Result<Self, NotADay> {
        self.0.yesterday().map(Self).map_err(|_| NotADay::Beyond)
    }
}

impl FromStr for Day {
    type Err = NotADay;
    fn from_str(text: &str) -> Result<Self, NotADay> {
        let date = Date::strptime("%Y-%m-%d", text).map_err(|_| NotADay::Malformed)?;
        // One way to write a day: 2026-1-4 is none.
        if date.to_string() == text { Ok(Self(date)) } else { Err(NotADay::Malformed) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A day as a person names it: by its date, or from the day it is now in the daemon's time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(untagged, extend("examples" = ["2026-11-24"]))
)]
pub enum NamedDay {
    /// `today`.
    #[cfg_attr(test, schemars(with = "String", extend("const" = "today")))]
    Today,
    /// `yesterday`.
    #[cfg_attr(test, schemars(with = "String", extend("const" = "yesterday")))]
    Yesterday,
    /// `2026-11-24`.
    Date(Day),
}

impl NamedDay {
    /// Which day that is at `now`.
    ///
    /// # Errors
    /// [`NotADay::Beyond`].
    pub fn at(self, now: Moment, zone: &TimeZone) -> Result<Day, NotADay> {
        match self {
            Self::Date(day) => Ok(day),
            Self::Today => Day::of(now, zone),
            Self::Yesterday => Day::of(now, zone)?.previous(),
        }
    }
}

impl FromStr for NamedDay {
    type Err = NotADay;
    fn from_str(text: &str) -> Result<Self, NotADay> {
        match text {
            "today" => Ok(Self::Today),
            "yesterday" => Ok(Self::Yesterday),
            date => date.parse().map(Self::Date).map_err(|_| NotADay::NoWord),
        }
    }
}

impl fmt::Display for NamedDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Today => f.write_str("today"),
            Self::Yesterday => f.write_str("yesterday"),
            Self::Date(day) => fmt::Display::fmt(day, f),
        }
    }
}

macro_rules! as_text {
    ($($name:ident),*) => { $(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                String::deserialize(d)?.parse().map_err(de::Error::custom)
            }
        }
    )* };
}
as_text!(Day, NamedDay);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use super::*;

    fn almaty() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(5))
    }

    #[test]
    fn a_day_ends_where_the_next_begins() {
        let day: Day = "2026-11-24".parse().unwrap();
        assert_eq!(day.begin(&almaty()).unwrap().to_string(), "2026-11-23T19:00:00.000Z");
        let last: Moment = "2026-11-24T18:59:59.999Z".parse().unwrap();
        assert_eq!(Day::of(last, &almaty()).unwrap(), day);
        let next = Day::of(last.after(std::time::Duration::from_millis(1)), &almaty()).unwrap();
        assert_eq!((next, next.previous().unwrap()), (day.next().unwrap(), day));
    }

    #[test]
    fn words_are_read_in_the_zone() {
        let now: Moment = "2026-11-24T19:30:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<NamedDay>().unwrap().at(now, &almaty()).unwrap().to_string();
        assert_eq!([at("today"), at("yesterday"), at("2026-01-31")], ["2026-11-25", "2026-11-24", "2026-01-31"]);
    }

    #[test]
    fn a_day_is_written_in_one_way() {
        for text in ["", "Today", "2026-1-4", "2026-02-30", "24.11.2026", "2026-11-24T00:00:00Z", " 2026-11-24"] {
            assert!(text.parse::<NamedDay>().is_err(), "{text}");
        }
        assert!("9999-12-31".parse::<Day>().unwrap().next().is_err());
    }

    #[test]
    fn both_encodings_read_back() {
        for text in ["today", "2026-11-24"] {
            let day: NamedDay = text.parse().unwrap();
            let json = serde_json::to_string(&day).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<NamedDay>(&json).unwrap(), day);
            assert_eq!(postcard::from_bytes::<NamedDay>(&postcard::to_stdvec(&day).unwrap()).unwrap(), day);
        }
    }
}
