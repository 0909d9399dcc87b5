//! How late it is for a payment. Deadlines are stored on the wall clock, which may be set at any time: each followed
//! payment keeps, from its first sight in this run, a clock of its own that runs with [`since_boot`]. Whoever sets the
//! wall clock then changes neither when a payment is over nor when it is looked at, and a suspend counts as the time
//! it is.
//!
//! Across a restart the wall clock is all there is, and that is a guess. A clock that was set back makes a payment no
//! younger than a new one. One that was set ahead makes it look over before it is: the first answer of the bank that
//! tells its time puts that right. Nothing but that takes time back, and nothing at all adds any.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::life::{AnswerTime, by_the_bank};
use crate::domain::State;
use crate::id::PaymentId;
use crate::moment::{Moment, since_boot};
use crate::service::crowd::Crowd;
use crate::store::PaymentRow;

/// A payment's own clock. There are as many as payments that are followed, so it is small.
#[derive(Clone, Copy)]
struct PaymentClock {
    /// What the wall clock would have shown at boot.
    boot: Moment,
    /// The time that what it is for counts from.
    anchor: Moment,
    /// When this run first saw the payment, in seconds since boot, rounded up: it has known it for no longer than that.
    /// Its lowest bit says whether the clock was set by the wall clock, long after the payment was made: a guess.
    since: u32,
    /// When Kaspi last answered of it in this run, by the wall clock of then, in [`PARTS`] of a second since [`YEAR_2020`],
    /// rounded up; zero if it did not.
    read: u32,
}

/// The bit of a guess.
const GUESS: u32 = 1;

/// Of these a second has four, which is enough until 2054.
const PARTS: u64 = 4;
const PART: u64 = 1000 / PARTS;
const YEAR_2020: Moment = Moment::from_millis(1_577_836_800_000);

/// The clocks of followed payments. Held for a look-up, never across an await.
#[derive(Default)]
pub(in crate::service) struct Ages(Mutex<Crowd<PaymentClock>>);

impl Ages {
    /// Gives a payment its clock, if it has none yet: true if so. What is done of it once it is paid is counted from
    /// then, by a new one. The follower forgets it in the end.
    pub(in crate::service) fn follow(&self, row: &PaymentRow) -> bool {
        let mut clocks = self.lock();
        let known = clocks.get(row.id).map(|clock| (clock.anchor, clock.read));
        if known.is_none_or(|(known, _)| known < anchor(row)) {
            let read = known.map_or(0, |(_, read)| read);
            clocks.insert(row.id, PaymentClock { read, ..PaymentClock::begin(row) });
        }
        known.is_none()
    }

    /// The time for a payment: its own clock, or the wall clock if it is not followed.
    pub(in crate::service) fn now(&self, row: &PaymentRow) -> Moment {
        self.at(row, since_boot())
    }

    /// The same when the computer had been up for so long.
    pub(in crate::service) fn at(&self, row: &PaymentRow, up: Duration) -> Moment {
        self.of(row).boot.after(up)
    }

    /// What time it is for a payment when an answer with this `Date` comes.
    pub(super) fn clocks(&self, row: &PaymentRow, bank: Option<Moment>) -> AnswerTime {
        let (clock, up) = (self.of(row), since_boot());
        AnswerTime { now: clock.boot.after(up), bank, watched: up.saturating_sub(clock.since()) }
    }

    /// Kaspi has answered a call about a followed payment.
    pub(in crate::service) fn was_read(&self, id: PaymentId) {
        let parts = Moment::now().since(YEAR_2020).as_millis().div_ceil(PART.into());
        if let Some(clock) = self.lock().get_mut(id) {
            clock.read = u32::try_from(parts).unwrap_or(u32::MAX);
        }
    }

    /// When Kaspi last answered of a followed payment, in this run.
    pub(in crate::service) fn last_read(&self, id: PaymentId) -> Option<Moment> {
        let read = self.lock().get(id).map(|clock| clock.read).filter(|read| *read > 0)?;
        Some(YEAR_2020.after(Duration::from_millis(u64::from(read) * PART)))
    }

    /// The bank has told its time: if the payment is younger by that than by a clock that is a guess, the clock is put
    /// back.
    pub(super) fn put_right(&self, row: &PaymentRow, bank: Moment) {
        let mut clocks = self.lock();
        let Some(clock) = clocks.get_mut(row.id).filter(|clock| clock.is_guess()) else { return };
        let now = by_the_bank(row, bank).max(row.created_at);
        clock.boot = clock.boot.min(now.before(since_boot()));
        clock.since &= !GUESS;
    }

    /// The payment needs no more looks.
    pub(in crate::service) fn forget(&self, id: PaymentId) {
        self.lock().remove(id);
    }

    fn of(&self, row: &PaymentRow) -> PaymentClock {
        self.lock().get(row.id).copied().unwrap_or_else(|| PaymentClock::begin(row))
    }

    fn lock(&self) -> MutexGuard<'_, Crowd<PaymentClock>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PaymentClock {
    /// One that shows the wall clock's time now. A wall clock that stands before what it counts from has been set back:
    /// the payment then is new, so that nothing waits for longer than a whole life.
    fn begin(row: &PaymentRow) -> Self {
        let (up, anchor) = (since_boot(), anchor(row));
        let boot = Moment::now().max(anchor).before(up);
        let since = u32::try_from((up.as_secs() + 1) << 1).unwrap_or(u32::MAX - GUESS) & !GUESS;
        let guess = if row.state == State::Creating { 0 } else { GUESS };
        Self { boot, anchor, since: since | guess, read: 0 }
    }

    fn since(&self) -> Duration {
        Duration::from_secs((self.since >> 1).into())
    }

    fn is_guess(&self) -> bool {
        self.since & GUESS != 0
    }
}

/// What the times of a payment count from: when it was made, and of one that is paid when that was seen or money was
/// last to go back.
fn anchor(row: &PaymentRow) -> Moment {
    let paid = row.paid_seen_at.filter(|_| row.state == State::Paid);
    let back = row.refunds.iter().map(|refund| refund.at).filter(|_| row.state == State::Paid);
    back.chain(paid).fold(row.created_at, Moment::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Kind;
    use crate::money::Amount;
    use crate::store::ConfigRow;

    const HOUR: Duration = Duration::from_secs(3600);

    /// There is one for each of a hundred thousand payments that may be open.
    #[test]
    fn a_clock_is_small() {
        assert_eq!(size_of::<(PaymentId, PaymentClock)>(), 40);
    }

    /// An invoice made 30 hours ago, as the wall clock shows it, by a bank whose clock is a year behind ours.
    fn invoice(state: State) -> (PaymentRow, Moment) {
        let (at, bank) = (Moment::now().before(30 * HOUR), Moment::now().before(365 * 24 * HOUR));
        let amount = Amount::from_tiyn(10_000).unwrap();
        let row =
            PaymentRow::frozen(&ConfigRow::sample(at), &ConfigRow::sample(at).counterparty(), Kind::Remote, amount, at);
        (PaymentRow { state, bank_deadline: Some(bank.after(24 * HOUR)), ..row }, bank)
    }

    /// A clock that is 29 hours ahead at the start is put right by the first answer, and by no later one.
    #[test]
    fn the_banks_time_puts_a_guess_right_once() {
        let (ages, (row, made)) = (Ages::default(), invoice(State::Waiting));
        assert!(ages.follow(&row) && !ages.follow(&row));
        assert!(ages.now(&row).since(row.created_at) >= 30 * HOUR);
        ages.put_right(&row, made.after(HOUR));
        let age = ages.now(&row).since(row.created_at);
        assert!((HOUR..2 * HOUR).contains(&age), "{age:?}");
        ages.put_right(&row, made);
        assert!(ages.now(&row).since(row.created_at) >= HOUR);
    }

    /// A bank whose clock is ahead makes no payment older, and one that was made in this run has a clock that is right.
    #[test]
    fn nothing_adds_time() {
        let (ages, (row, made)) = (Ages::default(), invoice(State::Waiting));
        ages.follow(&row);
        ages.put_right(&row, made.after(300 * HOUR));
        assert!(ages.now(&row).since(row.created_at) < 31 * HOUR);
        let (ages, (row, made)) = (Ages::default(), invoice(State::Creating));
        ages.follow(&row);
        ages.put_right(&row, made);
        assert!(ages.now(&row).since(row.created_at) >= 30 * HOUR);
    }
}
