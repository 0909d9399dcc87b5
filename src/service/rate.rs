//! One pace for all that the daemon reads at the bank and no money hangs on: what the follower and the re-validation
//! ask by themselves, and status reads for callers (architecture §6.6, "global rate limit"). Calls that move money, and the
//! reads that belong to them, take no turn here and are never delayed by it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Reads for callers to one of the daemon's own: a person waits for them, and the door's limit for each user is about
/// as high.
const CALLERS: u32 = 10;

/// A caller may be this far ahead of the pace: after a quiet moment a shop full of tills asks at once, and what the
/// daemon asks by itself waits until the pace has caught up.
const BURST: Duration = Duration::from_secs(1);

/// A caller waits at most this long for a turn; then what is known is the answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// When the next read may begin if no caller is in a hurry.
#[derive(Default)]
pub(in crate::service) struct ReadRate {
    /// Held for a few instructions, never across an await.
    next: Mutex<Option<Instant>>,
    /// One of the daemon's own waits for its turn at a time, the others for this: however many they are, a caller finds
    /// one of them ahead.
    own: tokio::sync::Mutex<()>,
}

impl ReadRate {
    /// Waits for a turn of the daemon's own, at `rate` reads a second as it is when the turn is near.
    pub(in crate::service) async fn own_turn(&self, rate: impl Fn() -> u32) {
        let _first = self.own.lock().await;
        let rate = rate();
        if let Some(at) = self.reserve(rate, Duration::ZERO, Duration::MAX) {
            let mut turn = TakenTurn { of: self, rate, is_taken: false };
            until(at).await;
            turn.is_taken = true;
        }
    }

    /// Waits for a turn in a caller's name, at [`CALLERS`] times `rate`. False if there is none soon: then none is taken.
    pub(in crate::service) async fn callers_turn(&self, rate: u32) -> bool {
        match self.reserve(rate.saturating_mul(CALLERS), BURST, PATIENCE) {
            Some(at) => {
                until(at).await;
                true
            }
            None => false,
        }
    }

    /// The beginning of a turn that may be `burst` early and at most `patience` away.
    fn reserve(&self, rate: u32, burst: Duration, patience: Duration) -> Option<Instant> {
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let paced = next.map_or(now, |next| next.max(now));
        let wait = paced.saturating_duration_since(now).saturating_sub(burst);
        if wait > patience {
            return None;
        }
        *next = Some(paced + span(rate));
        Some(now + wait)
    }
}

/// Waits, where there is something to wait for: a timer of tokio ends with a millisecond, so that one for this moment would
/// make each read that is free to go a millisecond later.
async fn until(at: Instant) {
    if at > Instant::now() {
        sleep_until(at).await;
    }
}

/// How long a turn is.
fn span(rate: u32) -> Duration {
    Duration::from_secs(1) / rate.max(1)
}

/// A turn that is waited for. Given up, it goes back.
struct TakenTurn<'p> {
    of: &'p ReadRate,
    rate: u32,
    is_taken: bool,
}

impl Drop for TakenTurn<'_> {
    fn drop(&mut self) {
        if !self.is_taken {
            let mut next = self.of.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next = next.and_then(|next| next.checked_sub(span(self.rate)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The daemon's own reads are spread, not sent in a burst.
    #[tokio::test(start_paused = true)]
    async fn own_turns_are_spread() {
        let (pace, began) = (ReadRate::default(), Instant::now());
        for _ in 0..11 {
            pace.own_turn(|| 10).await;
        }
        assert_eq!(began.elapsed().as_millis() / 10, 100);
    }

    /// Callers have a second's worth at once, then the rate, and beyond their patience nothing; a refused turn costs
    /// the others nothing.
    #[tokio::test(start_paused = true)]
    async fn callers_have_a_burst_and_then_the_rate() {
        let (pace, began) = (std::sync::Arc::new(ReadRate::default()), Instant::now());
        let turns = (0..60).map(|_| {
            let pace = pace.clone();
            tokio::spawn(async move { pace.callers_turn(1).await.then(Instant::now) })
        });
        let mut times = Vec::new();
        for turn in turns.collect::<Vec<_>>() {
            times.extend(turn.await.ok().flatten());
        }
        // Eleven at once, then ten a second for two seconds; the other 29 are told at once.
        assert_eq!(times.iter().filter(|at| **at == began).count(), 11);
        assert_eq!(times.len(), 31);
        assert!(times.iter().all(|at| at.duration_since(began) <= PATIENCE));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(pace.callers_turn(1).await);
    }

    /// However much the daemon asks by itself, and gives up, a caller has its turn soon.
    #[tokio::test(start_paused = true)]
    async fn the_daemons_own_do_not_starve_callers() {
        let pace = std::sync::Arc::new(ReadRate::default());
        for given_up in [true, false] {
            for _ in 0..100 {
                let own = pace.clone();
                let turn = tokio::spawn(async move { own.own_turn(|| 1).await });
                tokio::task::yield_now().await;
                if given_up {
                    turn.abort();
                }
            }
        }
        let began = Instant::now();
        assert!(pace.callers_turn(1).await && began.elapsed() <= PATIENCE, "{:?}", began.elapsed());
    }

    /// However busy the callers are, the daemon gets its turn.
    #[tokio::test(start_paused = true)]
    async fn callers_do_not_starve_the_follower() {
        let pace = ReadRate::default();
        for _ in 0..20 {
            assert!(pace.callers_turn(1).await);
        }
        let began = Instant::now();
        pace.own_turn(|| 10).await;
        assert!(began.elapsed() <= BURST + Duration::from_millis(100), "{:?}", began.elapsed());
    }
}
