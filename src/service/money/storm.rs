//! Calls that come to nothing, again and again: a till that repeats a refused sale all night writes an intent and an outcome
//! each time, and the log is kept for years.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::failure::{Code, Failure};
use crate::id::OrganizationBin;

/// Calls of one organisation that may come to nothing in a row.
const IN_A_ROW: u32 = 1000;

/// Behind those, one in this time: some 100 MB a day at most.
const PACE: Duration = Duration::from_secs(1);

/// Whose calls they are: of which organisation, of what kind, by which user. What one till does wrong is no other till's affair,
/// and a sale that is refused says nothing of a refund.
pub(super) type StormKey = (OrganizationBin, &'static str, u32);

/// What came of the calls of each since one of them last succeeded.
#[derive(Debug, Default)]
pub(super) struct Storms(Mutex<HashMap<StormKey, Storm>>);

/// Calls that came to nothing, less those that time has forgiven; and when it last did.
#[derive(Debug)]
struct Storm {
    failed: u32,
    at: Instant,
}

impl Storms {
    /// Whether another call may be begun.
    ///
    /// # Errors
    /// `rate_limited`: too many have come to nothing, and nothing is written of this one.
    pub(super) fn may_begin(&self, key: &StormKey) -> Result<(), Failure> {
        let mut storms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(storm) = storms.get_mut(key) else { return Ok(()) };
        let forgiven = u32::try_from(storm.at.elapsed().as_secs() / PACE.as_secs()).unwrap_or(u32::MAX);
        if forgiven >= storm.failed {
            storms.remove(key);
            return Ok(());
        }
        storm.failed -= forgiven;
        storm.at += PACE * forgiven;
        if storm.failed < IN_A_ROW {
            return Ok(());
        }
        let (bin, kind, uid) = key;
        let detail = format!(
            "the last {IN_A_ROW} calls of user {uid} to {kind} for {bin} came to nothing; until one succeeds, one a second is made"
        );
        let hint = format!(
            "Try again in a second. If it goes on, an auditor sees why: kaspictl log list --bin {bin} --status failed --newest-first"
        );
        Err(Failure::new(Code::RateLimited, detail).with_bin(bin).with_hint(hint))
    }

    /// What a call came to.
    pub(super) fn ended(&self, key: StormKey, came_to_nothing: bool) {
        let mut storms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !came_to_nothing {
            storms.remove(&key);
            return;
        }
        let storm = storms.entry(key).or_insert_with(|| Storm { failed: 0, at: Instant::now() });
        // Those that were under way when it began to be calmed cost nobody time.
        storm.failed = storm.failed.saturating_add(1).min(IN_A_ROW);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use super::*;

    fn key(bin: &str, kind: &'static str, uid: u32) -> StormKey {
        (bin.to_owned().try_into().unwrap(), kind, uid)
    }

    /// Calls that may be begun, and come to nothing, until one may not.
    fn failing(storms: &Storms, key: &StormKey) -> u32 {
        let mut count = 0;
        while storms.may_begin(key).is_ok() {
            storms.ended(key.clone(), true);
            count += 1;
        }
        count
    }

    #[tokio::test(start_paused = true)]
    async fn a_thousand_may_fail_and_then_one_a_second_until_one_succeeds() {
        let (storms, till) = (Storms::default(), key("891027350515", "create", 1));
        assert_eq!(failing(&storms, &till), IN_A_ROW);
        assert_eq!(storms.may_begin(&till).unwrap_err().code, Code::RateLimited);
        for other in
            [key("210440028324", "create", 1), key("891027350515", "refund", 1), key("891027350515", "create", 2)]
        {
            assert!(storms.may_begin(&other).is_ok(), "{other:?}");
        }
        // Calls that were under way come to nothing, too.
        (0..500).for_each(|_| storms.ended(till.clone(), true));
        tokio::time::advance(PACE * 3).await;
        assert_eq!(failing(&storms, &till), 3);
        tokio::time::advance(PACE).await;
        assert!(storms.may_begin(&till).is_ok());
        storms.ended(till.clone(), false);
        assert_eq!(failing(&storms, &till), IN_A_ROW);
        tokio::time::advance(Duration::from_secs(1 << 33)).await;
        assert_eq!(failing(&storms, &till), IN_A_ROW);
    }
}
