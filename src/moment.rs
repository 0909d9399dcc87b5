//! Points in time and spans of it, as the socket, the store and the bank write them. Records carry the wall clock; what
//! becomes due is counted by the clock since boot, which nobody sets.

use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An instant, RFC 3339; told in UTC to the millisecond.
///
/// For records only: running timers are monotonic, and order is always the sequence number. In stored values and frames it
/// is an integer, milliseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(with = "String", extend("format" = "date-time", "examples" = ["2026-11-24T09:30:00.000Z"]))
)]
pub struct Moment(i64);

impl Moment {
    /// This computer's clock.
    #[must_use]
    pub fn now() -> Self {
        #[cfg(test)]
        if let Some((wall, _)) = set::read() {
            return wall;
        }
        Self(Timestamp::now().as_millisecond())
    }

    /// `ms` milliseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0
    }

    /// The instant `span` later.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// The instant `span` earlier.
    #[must_use]
    pub fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long after `earlier` this is; zero if it is not after.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// As it stands in the name of a file that was kept: no two of them the same.
    #[must_use]
    pub fn in_file_name(self) -> String {
        self.timestamp().map_or_else(|_| self.0.to_string(), |time| time.strftime("%Y-%m-%dT%H%M%S%.3fZ").to_string())
    }

    /// The same instant for calendar work.
    ///
    /// # Errors
    /// Outside of the years jiff knows (−9999 to 9999).
    pub fn timestamp(self) -> Result<Timestamp, jiff::Error> {
        Timestamp::from_millisecond(self.0)
    }
}

/// How long this computer has been up, suspend included: the clock of everything that becomes due. Nobody can set it,
/// unlike the wall clock, and it runs on while the computer sleeps, unlike the clock of tokio's timers
/// (`CLOCK_MONOTONIC`).
#[must_use]
pub fn since_boot() -> Duration {
    #[cfg(test)]
    if let Some((_, boot)) = set::read() {
        return boot;
    }
    use nix::time::{ClockId, clock_gettime};
    // Every Linux since 2.6.39 has the first one.
    let read = clock_gettime(ClockId::CLOCK_BOOTTIME).or_else(|_| clock_gettime(ClockId::CLOCK_MONOTONIC));
    read.map(Duration::from).unwrap_or_default()
}

/// Clocks that a simulation sets, for one thread.
#[cfg(test)]
pub(crate) mod set {
    use std::cell::Cell;
    use std::time::Duration;

    use super::Moment;

    /// The wall clock and the time since boot.
    type Clocks = fn() -> (Moment, Duration);

    thread_local! {
        static CLOCKS: Cell<Option<Clocks>> = const { Cell::new(None) };
    }

    /// From now on these are the clocks of this thread; `None` gives the computer's back.
    pub(crate) fn by(clocks: Option<Clocks>) {
        CLOCKS.set(clocks);
    }

    pub(super) fn read() -> Option<(Moment, Duration)> {
        CLOCKS.get().map(|clocks| clocks())
    }
}

impl From<Timestamp> for Moment {
    fn from(timestamp: Timestamp) -> Self {
        Self(timestamp.as_millisecond())
    }
}

/// RFC 3339 in UTC, milliseconds.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.timestamp() {
            Ok(timestamp) => write!(f, "{timestamp:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Moment {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        // The + of +05:00 in a query that nobody encoded is read as a blank there; no other time has one at this place.
        let (mut offset, sign) = (text.to_owned(), text.len().saturating_sub("+05:00".len()));
        if text.as_bytes().get(sign) == Some(&b' ') && text.contains('T') {
            offset.replace_range(sign..=sign, "+");
        }
        offset.parse::<Timestamp>().map(Self::from)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.collect_str(self) } else { s.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() {
            let read = String::deserialize(d)?.parse();
            read.map_err(|_| de::Error::custom("a time is RFC 3339, such as 2026-11-24T18:00:00+05:00"))
        } else {
            i64::deserialize(d).map(Self)
        }
    }
}

/// A span as people write it, at most ten minutes: `500ms`, `30s`, `10m`.
///
/// What the document of the interface knows of it is how long a caller may wait; the configuration has longer ones. Text in
/// JSON and TOML, milliseconds in stored values and frames.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(with = "String", extend(
        "pattern" = "^0*([0-9]{1,5}|[1-5][0-9]{5}|600000)ms$|^0*([0-9]{1,2}|[1-5][0-9]{2}|600)s$|^0*([0-9]|10)m(in)?$|^0+[hd]$",
        "examples" = ["60s"],
    ))
)]
pub struct Span(Duration);

/// A text that is not a span.
#[derive(Debug, thiserror::Error)]
#[error("not a duration: write a number and a unit, such as \"500ms\", \"30s\", \"10m\", \"6h\" or \"7d\"")]
pub struct NotASpan;

impl Span {
    /// `seconds` seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The same span in whole milliseconds.
    #[must_use]
    pub fn from_duration(duration: Duration) -> Self {
        Self(Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// As the standard library's type.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = NotASpan;
    fn from_str(text: &str) -> Result<Self, NotASpan> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| NotASpan)?;
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(NotASpan),
        };
        // A century is enough for every setting and keeps sums of spans and clocks in range.
        match number.checked_mul(unit_ms) {
            Some(ms) if ms <= 3_155_760_000_000 => Ok(Self(Duration::from_millis(ms))),
            _ => Err(NotASpan),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        match ms {
            0 => f.write_str("0s"),
            _ if ms.is_multiple_of(3_600_000) => write!(f, "{}h", ms / 3_600_000),
            _ if ms.is_multiple_of(60_000) => write!(f, "{}m", ms / 60_000),
            _ if ms.is_multiple_of(1_000) => write!(f, "{}s", ms / 1_000),
            _ => write!(f, "{ms}ms"),
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() {
            s.collect_str(self)
        } else {
            s.serialize_u64(u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX))
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() {
            String::deserialize(d)?.parse().map_err(de::Error::custom)
        } else {
            u64::deserialize(d).map(|ms| Self(Duration::from_millis(ms)))
        }
    }
}

/// Where the system keeps its time zones, on every distribution this is packaged for.
const ZONES: &str = "/usr/share/zoneinfo";

/// The time zone of that name, as in `Asia/Almaty`, from the system's data or from `$TZDIR`.
///
/// The one file is read before the whole folder is listed, which is what a look-up in jiff's database begins with
/// and what most of a start would be spent on.
#[must_use]
pub fn zone(name: &str) -> Option<TimeZone> {
    let folder = std::env::var_os("TZDIR").map_or_else(|| PathBuf::from(ZONES), PathBuf::from);
    let inside = Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
    let read = || TimeZone::tzif(name, &std::fs::read(folder.join(name)).ok()?).ok();
    if inside { read() } else { None }.or_else(|| TimeZone::get(name).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_found_by_its_name_and_by_nothing_else() {
        let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        for name in ["Asia/Almaty", "asia/almaty"] {
            assert_eq!(zone(name).unwrap().to_offset(noon), jiff::tz::offset(5), "{name}");
        }
        for name in ["", "Asia", "Asia/Nowhere", "/etc/localtime", "../zoneinfo/Asia/Almaty", "tzdata.zi"] {
            assert!(zone(name).is_none(), "{name}");
        }
    }

    /// A simulation sets both clocks of its thread, and of no other.
    #[test]
    fn clocks_can_be_set() {
        let clocks = || (Moment::from_millis(7), Duration::from_secs(9));
        set::by(Some(clocks));
        assert_eq!((Moment::now(), since_boot()), clocks());
        let other = std::thread::spawn(Moment::now).join().unwrap();
        set::by(None);
        assert!(other > Moment::from_millis(7) && Moment::now() >= other);
    }

    #[test]
    fn moments_are_rfc_3339_in_json_and_integers_in_frames() {
        let moment: Moment = "2026-11-24T23:43:45.5Z".parse().unwrap();
        assert_eq!(serde_json::to_string(&moment).unwrap(), "\"2026-11-24T23:43:45.500Z\"");
        let bytes = postcard::to_stdvec(&moment).unwrap();
        assert_eq!(postcard::from_bytes::<Moment>(&bytes).unwrap(), moment);
    }

    #[test]
    fn spans_read_back() {
        for text in ["500ms", "30s", "10m", "6h", "90s"] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.to_string().parse::<Span>().unwrap(), span);
        }
        for text in ["", "10", "s", "1 s", "-1s", "1.5s", "99999999999999999999s", "999999999999d"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }
}
