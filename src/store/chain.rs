//! The chain over the log: every event carries the hash of all before it, and a walk along it finds the first that is not as
//! it was written.

use super::error::StoreError;
use super::event::{self, GENESIS, Sha, hex};
use super::events::{PAGE, last_event};
use super::reading::Reading;
use crate::operation::{Difference, KeptHead, Verified};

/// A walk along the chain.
pub(crate) struct Chain {
    events: u64,
    head: Sha,
    first_bad: Option<u64>,
    kept: Option<KeptHead>,
    /// Whether the event of the kept head has its hash; false too when the log does not reach it.
    head_matches: Option<bool>,
}

impl Chain {
    /// Before the first event; `kept` is compared on the way.
    pub(crate) fn new(kept: Option<KeptHead>) -> Self {
        Self { events: 0, head: GENESIS, first_bad: None, head_matches: kept.as_ref().map(|_| false), kept }
    }

    /// Takes in the next event; false if it is not what was written there.
    fn follow(&mut self, seq: u64, stored: &[u8]) -> bool {
        let expected = self.events + 1;
        let good = match event::split(stored) {
            Ok((sha, record)) if seq == expected => {
                sha == event::chain(&self.head, seq, record) && event::read_record(record).is_ok()
            }
            _ => false,
        };
        if !good {
            self.first_bad = Some(expected);
            return false;
        }
        if let Ok((sha, _)) = event::split(stored) {
            (self.events, self.head) = (seq, sha);
            if self.kept.as_ref().is_some_and(|kept| kept.seq == seq) {
                self.head_matches = Some(self.kept.as_ref().is_some_and(|kept| kept.sha == sha));
            }
        }
        true
    }

    /// Whether every event so far is as it was written.
    pub(crate) fn is_good(&self) -> bool {
        self.first_bad.is_none()
    }

    /// The verdict; `differences` are what a rebuild found, where there was one.
    pub(crate) fn verdict(&self, differences: Option<Vec<Difference>>) -> Verified {
        let same = differences.as_ref().is_none_or(Vec::is_empty);
        Verified {
            ok: self.is_good() && self.head_matches != Some(false) && same,
            events: self.events,
            head: hex(&self.head),
            first_bad: self.first_bad,
            head_matches: self.head_matches,
            differences,
        }
    }
}

/// Checks the next [`PAGE`] events behind what `chain` has seen; true when there are no more.
pub(crate) fn check_chain(reading: &Reading, chain: &mut Chain) -> Result<bool, StoreError> {
    let table = reading.tables.event()?;
    for entry in table.range_owned(chain.events + 1..)?.take(usize::try_from(PAGE).unwrap_or(usize::MAX)) {
        let (seq, stored) = entry?;
        if !chain.follow(seq.value(), stored.value()) {
            return Ok(true);
        }
    }
    Ok(chain.events >= last_event(reading)?)
}
