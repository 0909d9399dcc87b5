//! The time of a world. It runs with tokio's paused clock while a daemon lives, stands while there is none, and jumps
//! when the computer sleeps. The bank's clock is this time; the daemon's wall clock is this time and what somebody
//! has set it wrong by.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use crate::moment::{Moment, set};

/// When every world begins.
const EPOCH: i64 = 1_795_000_000_000;

/// The computer has been up for a day by then.
const UP: Duration = Duration::from_secs(86_400);

thread_local! {
    /// What had passed when this life began, and what was slept through since.
    static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static BEGAN: Cell<Option<Instant>> = const { Cell::new(None) };
    static WRONG_BY: Cell<i64> = const { Cell::new(0) };
}

/// A world begins.
pub(super) fn begin() {
    PASSED.set(Duration::ZERO);
    BEGAN.set(None);
    WRONG_BY.set(0);
    set::by(Some(|| (wall(), UP + now())));
}

/// Gives the computer's clocks back.
pub(super) fn end() {
    set::by(None);
}

/// A life begins; called on its runtime.
pub(super) fn life_begins() {
    BEGAN.set(Some(Instant::now()));
}

/// A life ends; called on its runtime.
pub(super) fn life_ends() {
    PASSED.set(now());
    BEGAN.set(None);
}

/// Since the world began.
pub(super) fn now() -> Duration {
    PASSED.get() + BEGAN.get().map_or(Duration::ZERO, |began| began.elapsed())
}

/// Time passes in which no timer of the daemon runs: it is down, or the computer sleeps.
pub(super) fn sleep_through(span: Duration) {
    PASSED.set(PASSED.get() + span);
}

/// The true time, as the bank has it.
pub(super) fn bank() -> Moment {
    Moment::from_millis(EPOCH + now().as_millis() as i64)
}

fn wall() -> Moment {
    Moment::from_millis(bank().millis() + WRONG_BY.get())
}

/// Somebody sets the daemon's wall clock wrong by so many milliseconds.
pub(super) fn set_wrong_by(ms: i64) {
    WRONG_BY.set(ms);
}
