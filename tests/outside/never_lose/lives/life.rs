//! What customers do with a payment, by chance.

use std::time::Duration;

use crate::support::chance::Chance;

/// How long a link or QR of the world may be scanned.
pub(crate) const SCAN: Duration = Duration::from_secs(3600);
/// The bank's time from the scan to the automatic cancel, with some to spare.
const CONFIRM: Duration = Duration::from_secs(80);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The last look of the daemon is a day after a deadline: who pays later than this is not found by asking.
const LATEST: Duration = Duration::from_secs(20 * 3600);

/// Something that happens to a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Act {
    Scan,
    Pay,
    Decline,
    /// The till asks the daemon to.
    Cancel,
    /// Whatever the bank had said of it before.
    PayLate,
}

/// A payment's life: how it is taken, and what happens how long after all are taken.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) kind: &'static str,
    /// For the distribution that is printed.
    pub(crate) name: &'static str,
    pub(crate) acts: Vec<(Duration, Act)>,
}

pub(crate) fn life(chance: &Chance) -> Life {
    match chance.below(10) {
        0..4 => invoice(chance),
        4..7 => code("link", chance),
        _ => code("qr", chance),
    }
}

/// A remote invoice lives a day.
fn invoice(chance: &Chance) -> Life {
    let soon = if chance.below(8) == 0 { within(chance, SCAN, LATEST) } else { soon(chance) };
    let late = within(chance, DAY + Duration::from_secs(30), DAY + LATEST);
    let (name, acts) = match chance.below(100) {
        0..45 => ("paid", vec![(soon, Act::Pay)]),
        45..60 => ("declined", vec![(soon, Act::Decline)]),
        60..75 => ("cancelled", vec![(soon, Act::Cancel)]),
        75..82 => ("silent", vec![]),
        82..90 => ("late", vec![(late, Act::PayLate)]),
        90..95 => ("declined, late", vec![(soon, Act::Decline), (late, Act::PayLate)]),
        _ => ("cancelled, late", vec![(soon, Act::Cancel), (late, Act::PayLate)]),
    };
    Life { kind: "remote", name, acts }
}

fn code(kind: &'static str, chance: &Chance) -> Life {
    let soon = soon(chance);
    let then = soon + Duration::from_secs(chance.below(50));
    let over = SCAN + CONFIRM + Duration::from_secs(30);
    let late = within(chance, over, over + [Duration::from_secs(900), LATEST][usize::from(chance.below(2) == 0)]);
    let (name, acts) = match chance.below(100) {
        0..40 => ("paid", vec![(soon, Act::Scan), (then, Act::Pay)]),
        40..52 => ("declined", vec![(soon, Act::Decline)]),
        52..60 => ("scanned, declined", vec![(soon, Act::Scan), (then, Act::Decline)]),
        60..70 => ("scanned", vec![(soon, Act::Scan)]),
        70..88 => ("silent", vec![]),
        _ => ("late", vec![(late, Act::PayLate)]),
    };
    Life { kind, name, acts }
}

/// Most decide in the first minutes.
fn soon(chance: &Chance) -> Duration {
    let span = if chance.below(4) == 0 { SCAN - Duration::from_secs(20) } else { Duration::from_secs(300) };
    within(chance, Duration::from_secs(1), span)
}

fn within(chance: &Chance, first: Duration, last: Duration) -> Duration {
    first + Duration::from_millis(chance.below(u64::try_from((last - first).as_millis()).unwrap()))
}
