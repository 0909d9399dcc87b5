//! How Kaspi was lately asked about each payment. Only a status call that was answered is a read: until its interval is
//! over, it is the answer to whoever asks. One that failed answers nobody but those who waited for it, and is not
//! repeated at once.
//!
//! Times count from boot, so that a read of before a suspend is as old as it is.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::life::polling;
use crate::domain::Kind;
use crate::id::PaymentId;
use crate::moment::since_boot;
use crate::store::PaymentRow;

/// Somebody waits for a remote invoice: the manual forbids interval polling, so a waiter asks at 3, 8 and 15 seconds
/// and then every 15, which is our reading of it.
pub(super) const REMOTE_WAIT: [Duration; 4] =
    [Duration::from_secs(3), Duration::from_secs(5), Duration::from_secs(7), Duration::from_secs(15)];

/// After this long without an ask the counts begin anew: another cashier, another look.
const FORGET: Duration = Duration::from_secs(60);

/// So many payments are remembered before those are forgotten that nobody has asked about for so [`LONG`]: their reads
/// are fresh for nobody, and their counts begin anew anyway.
const MANY: usize = 1024;
const LONG: Duration = Duration::from_secs(2 * 60);

/// What is known of the last asks about a payment.
#[derive(Clone, Copy, Default)]
struct AskRecord {
    /// When the last call began, answered or not.
    began: Duration,
    /// When it was over, unless it still runs.
    ended: Option<Duration>,
    /// When the last call began that was answered.
    read: Option<Duration>,
    /// How many were answered since somebody began to look.
    reads: usize,
    /// How many were not since the last one that was; a call counts as such until it is answered.
    failures: usize,
    /// What the last answer told that is new could not be stored: what is known is older than it.
    is_unkept: bool,
}

/// What the last ask is worth to somebody who came a while ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// What is known is the answer: it is fresh, or was read while he waited.
    Answered,
    /// Kaspi has answered with something new that could not be stored: what is known is no answer, and it is not asked again
    /// at once.
    Unkept,
    /// The call that he waited for failed; another would be the next one's.
    Failed,
    /// A call failed a moment ago.
    FailedLately,
    /// Nothing: Kaspi may be asked.
    Nothing,
}

/// The asks of this run. Held for a look-up, never across an await.
#[derive(Default)]
pub(in crate::service) struct Asks(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    asked: HashMap<PaymentId, AskRecord>,
    /// How many there may be before the old ones go.
    room: usize,
}

impl Asks {
    /// A status call begins.
    pub(super) fn begin(&self, id: PaymentId) {
        let (now, mut remembered) = (since_boot(), self.lock());
        let asked = remembered.entry(id, now);
        if now.saturating_sub(asked.began) >= FORGET {
            (asked.reads, asked.failures) = (0, 0);
        }
        (asked.began, asked.ended, asked.failures) = (now, None, asked.failures + 1);
    }

    /// It is over. Kaspi's word that it does not know the payment is an answer, too.
    pub(super) fn end(&self, id: PaymentId, is_answered: bool) {
        let (now, mut remembered) = (since_boot(), self.lock());
        let asked = remembered.entry(id, now);
        asked.ended = Some(now);
        if is_answered {
            (asked.read, asked.reads, asked.failures) = (Some(asked.began), asked.reads + 1, 0);
            asked.is_unkept = false;
        }
    }

    /// What the last answer told could not be stored.
    pub(super) fn unkept(&self, id: PaymentId) {
        let (now, mut remembered) = (since_boot(), self.lock());
        remembered.entry(id, now).is_unkept = true;
    }

    /// What is known to somebody who came then.
    pub(super) fn known(&self, row: &PaymentRow, came: Duration) -> Freshness {
        let Some(asked) = self.of(row.id) else { return Freshness::Nothing };
        match asked.ended {
            Some(ended) if ended >= came && asked.failures > 0 => Freshness::Failed,
            Some(ended) if ended >= came => asked.answer(),
            _ if !asked.fresh_for(row).is_zero() => asked.answer(),
            _ if !asked.rest(row).is_zero() => Freshness::FailedLately,
            _ => Freshness::Nothing,
        }
    }

    /// How long until Kaspi may be asked again.
    pub(in crate::service) fn rest(&self, row: &PaymentRow) -> Duration {
        self.of(row.id).map(|asked| asked.rest(row)).unwrap_or_default()
    }

    /// The payment needs no more looks.
    pub(in crate::service) fn forget(&self, id: PaymentId) {
        self.lock().asked.remove(&id);
    }

    fn of(&self, id: PaymentId) -> Option<AskRecord> {
        self.lock().asked.get(&id).copied()
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembered {
    fn entry(&mut self, id: PaymentId, now: Duration) -> &mut AskRecord {
        if self.asked.len() >= self.room.max(MANY) {
            self.asked.retain(|_, asked| now.saturating_sub(asked.began) < LONG);
            // Looking through all of them is paid for by as many new ones.
            self.room = self.asked.len().saturating_mul(2);
        }
        self.asked.entry(id).or_default()
    }
}

impl AskRecord {
    fn answer(&self) -> Freshness {
        if self.is_unkept { Freshness::Unkept } else { Freshness::Answered }
    }

    /// How long a read is still the answer.
    fn fresh_for(&self, row: &PaymentRow) -> Duration {
        let fresh = self.read.map(|at| (at + interval(row, self.reads)).saturating_sub(since_boot()));
        fresh.unwrap_or_default()
    }

    /// The same, or the pause after a failure: as long as after as many reads.
    fn rest(&self, row: &PaymentRow) -> Duration {
        let pause = match self.failures {
            0 => Duration::ZERO,
            failures => (self.began + interval(row, failures)).saturating_sub(since_boot()),
        };
        self.fresh_for(row).max(pause)
    }
}

/// Between two asks, the last `asks` of which were in a row.
fn interval(row: &PaymentRow, asks: usize) -> Duration {
    match row.kind {
        Kind::Remote => REMOTE_WAIT.get(asks.saturating_sub(1)).copied().unwrap_or(REMOTE_WAIT[3]),
        Kind::Link | Kind::Qr => polling(row),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::Moment;
    use crate::money::Amount;
    use crate::store::ConfigRow;

    fn invoice() -> PaymentRow {
        let at = Moment::from_millis(1_795_000_000_000);
        let amount = Amount::from_tiyn(10_000).unwrap();
        PaymentRow::frozen(&ConfigRow::sample(at), &ConfigRow::sample(at).counterparty(), Kind::Remote, amount, at)
    }

    /// A call that was not answered is shared by who waited for it, puts the next one off, and is no read: neither
    /// fresh, nor counted among the reads.
    #[test]
    fn a_failed_call_is_no_read() {
        let (asks, row) = (Asks::default(), invoice());
        let before = since_boot();
        asks.begin(row.id);
        asks.end(row.id, false);
        let after = since_boot() + Duration::from_secs(1);
        assert_eq!((asks.known(&row, before), asks.known(&row, after)), (Freshness::Failed, Freshness::FailedLately));
        assert!(asks.rest(&row) <= REMOTE_WAIT[0]);
        asks.begin(row.id);
        assert!(asks.rest(&row) > REMOTE_WAIT[0], "it goes on to be asked less often");
        asks.end(row.id, true);
        assert_eq!(asks.known(&row, after), Freshness::Answered);
        assert!(asks.rest(&row) <= REMOTE_WAIT[0], "the first read");
    }

    /// One that hangs is no read of it either, and what was read before it stays as fresh as it is.
    #[test]
    fn a_hanging_call_makes_nothing_fresh() {
        let (asks, row) = (Asks::default(), invoice());
        asks.begin(row.id);
        assert_eq!(asks.known(&row, since_boot()), Freshness::FailedLately);
        let (asks, row) = (Asks::default(), invoice());
        asks.begin(row.id);
        asks.end(row.id, true);
        asks.begin(row.id);
        assert_eq!(asks.known(&row, since_boot() + Duration::from_secs(1)), Freshness::Answered);
    }
}
