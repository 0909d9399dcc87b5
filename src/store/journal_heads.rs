//! The head of the log in the journal: whoever forges the log later must forge the journal, or the place it is
//! sent to, as well.

use std::time::{Duration, Instant};

use super::event::{Sha, hex};
use crate::notice;

/// At most this many events between two heads.
const EVENTS: u64 = 10_000;

/// At most this long between two heads while there is something new.
const EVERY: Duration = Duration::from_secs(3600);

/// What the journal was told last.
pub(super) struct JournalHeads {
    seq: u64,
    at: Instant,
}

impl JournalHeads {
    /// The start has told of event `seq`.
    pub(super) fn after(seq: u64) -> Self {
        Self { seq, at: Instant::now() }
    }

    /// After each durable commit. Without activity there is nothing new to tell.
    pub(super) fn committed(&mut self, seq: u64, sha: &Sha) {
        if seq >= self.seq.saturating_add(EVENTS) || (seq > self.seq && self.at.elapsed() >= EVERY) {
            tell(seq, &hex(sha));
            (self.seq, self.at) = (seq, Instant::now());
        }
    }
}

/// One line with fields for programs.
pub(super) fn tell(seq: u64, sha: &str) {
    tracing::info!(
        message_id = notice::HEAD.id,
        kaspid.head = %format_args!("{seq}:{sha}"),
        "head of the audit log: kaspictl log verify --head {seq}:{sha}"
    );
}
