//! The bank's clock: real time at a chosen speed, plus whatever a test has added to it.

use std::time::{Duration, Instant};

use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};

use crate::moment::Moment;

/// Kazakhstan's offset since 2024-03-01; the bank prints it on every date (wire §5).
const ALMATY: Offset = jiff::tz::offset(5);

/// Virtual time. It never runs backwards: speed and advances are not negative, and it starts from the wall
/// clock once, then follows the monotonic one.
#[derive(Debug)]
pub(super) struct BankClock {
    started: Moment,
    origin: Instant,
    speed: u32,
    advanced: Duration,
}

impl BankClock {
    /// A clock that shows the wall clock now and runs `speed` times as fast.
    pub(super) fn new(speed: u32) -> Self {
        Self { started: Moment::now(), origin: Instant::now(), speed, advanced: Duration::ZERO }
    }

    /// The bank's time.
    pub(super) fn now(&self) -> Moment {
        self.started.after(self.origin.elapsed().saturating_mul(self.speed)).after(self.advanced)
    }

    /// Jumps ahead instead of waiting.
    pub(super) fn advance(&mut self, by: Duration) {
        self.advanced = self.advanced.saturating_add(by);
    }

    /// How many times as fast as real time.
    pub(super) fn speed(&self) -> u32 {
        self.speed
    }

    /// Everything added by [`BankClock::advance`].
    pub(super) fn advanced(&self) -> Duration {
        self.advanced
    }
}

/// A date as the live bank prints it: milliseconds and `+05:00` (wire §5).
pub(super) fn bank_date(moment: Moment) -> String {
    match moment.timestamp() {
        // A fixed precision: the default leaves out milliseconds that are zero.
        Ok(timestamp) => format!("{:.3}", timestamp.display_with_offset(ALMATY)),
        Err(_) => moment.to_string(),
    }
}

/// The `Date` header of HTTP.
pub(super) fn http_date(moment: Moment) -> String {
    moment
        .timestamp()
        .ok()
        .and_then(|timestamp| {
            strtime::format("%a, %d %b %Y %H:%M:%S GMT", &timestamp.to_zoned_datetime(TimeZone::UTC)).ok()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_milliseconds_and_almatys_offset() {
        let moment = Moment::from_millis(1_764_000_000_000);
        assert_eq!(bank_date(moment), "2025-11-24T21:00:00.000+05:00");
        assert_eq!(http_date(moment), "Mon, 24 Nov 2025 16:00:00 GMT");
    }

    #[test]
    fn an_advance_is_seen_at_once() {
        let mut clock = BankClock::new(1);
        let before = clock.now();
        clock.advance(Duration::from_secs(65));
        assert!(clock.now().since(before) >= Duration::from_secs(65));
    }
}
