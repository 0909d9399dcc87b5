//! Choices that a seed repeats. Each actor draws from a stream of its own, so that one who draws more does not change
//! what the others do.

use std::time::Duration;

use crate::chance::seeded::mixed;

/// A stream of choices.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// The stream of one actor of a world.
    pub(super) fn of(seed: u64, actor: u64) -> Self {
        Self(mixed(seed ^ mixed(actor.wrapping_add(0x51ed_270b))))
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// Below `end`.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.number() % end.max(1)
    }

    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }

    /// From `first` to `last`, every order of magnitude as likely as every other.
    pub(super) fn magnitude(&mut self, first: u64, last: u64) -> u64 {
        let (from, to) = ((first.max(1) as f64).ln(), (last.max(1) as f64).ln());
        let part = self.below(1 << 20) as f64 / f64::from(1 << 20);
        ((from + (to - from) * part).exp() as u64).clamp(first, last)
    }

    pub(super) fn span(&mut self, first: Duration, last: Duration) -> Duration {
        Duration::from_millis(self.magnitude(first.as_millis() as u64, last.as_millis() as u64))
    }
}
