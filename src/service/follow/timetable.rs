//! The plan of the follower: which payment is looked at next, and when since boot.
//!
//! There are three queues, each with places of its own, so that none holds the others up: payments that may be paid at
//! any moment; those that are only looked at now and then, which after an import may be very many; and those at which
//! the last look took so long that others would have to wait for them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::due::{is_missed, is_overdue, next_look, unasked};
use super::following::Following;
use super::foreign::Foreign;
use super::sign::{LookEnd, Sign};
use crate::domain::{Kind, State};
use crate::failure::Code;
use crate::id::PaymentId;
use crate::moment::{Moment, since_boot};
use crate::service::Live;
use crate::service::crowd::Crowd;
use crate::service::payment::{Asks, PaymentRows, Statuses, lively_until};
use crate::store::PaymentRow;

/// Looks of each queue at one time.
const PLACES: usize = 8;

/// Until a payment that was taken in after its time is looked at.
const TAKEN_IN: Duration = Duration::from_secs(60);

/// Until a payment that the disk did not give is tried again.
pub(super) const UNREAD: Duration = Duration::from_secs(60);

/// Which queue a payment stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// It may be paid at any moment.
    Lively,
    /// It is looked at now and then.
    Late,
    /// The last look at it took long.
    Slow,
}

/// A queue and its places.
struct Queue {
    due: BinaryHeap<Reverse<(Due, PaymentId)>>,
    places: Arc<Semaphore>,
}

impl Queue {
    fn new() -> Self {
        Self { due: BinaryHeap::new(), places: Arc::new(Semaphore::new(PLACES)) }
    }
}

/// When a look is due, in milliseconds since boot, and in which lane, in one word: there is one of each followed payment.
/// What is to come is rounded up, so that it is not asked about too early; what is due now is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due(u64);

impl Due {
    fn new(lane: Lane, at: Duration) -> Self {
        let part = if at > since_boot() { Duration::from_nanos(999_999) } else { Duration::ZERO };
        let millis = u64::try_from(at.saturating_add(part).as_millis()).unwrap_or(u64::MAX);
        Self(millis.min(u64::MAX >> 2) << 2 | lane as u64)
    }

    fn at(self) -> Duration {
        Duration::from_millis(self.0 >> 2)
    }
}

/// A look that may begin.
pub(super) struct DueLook {
    pub(super) id: PaymentId,
    pub(super) lane: Lane,
    pub(super) place: OwnedSemaphorePermit,
}

/// What the timetable is made from; it writes nothing but what of it a person should know.
pub(super) struct Sources {
    pub(super) live: Arc<Live>,
    pub(super) payments: PaymentRows,
    pub(super) statuses: Arc<Statuses>,
    pub(super) following: Arc<Following>,
    pub(super) foreign: Arc<Foreign>,
}

/// All payments that are followed.
pub(super) struct Timetable {
    lively: Queue,
    late: Queue,
    slow: Queue,
    /// The queues, the one that had a turn last at the end.
    order: [Lane; 3],
    /// The valid entry of each payment; others in the queues are stale.
    due: Crowd<Due>,
    /// How many they are.
    planned: usize,
    /// The payments that are being looked at, and since when.
    looks: HashMap<PaymentId, Duration>,
    /// Those at which the last look took long.
    takes_long: HashSet<PaymentId>,
}

impl Timetable {
    pub(super) fn new() -> Self {
        Self {
            lively: Queue::new(),
            late: Queue::new(),
            slow: Queue::new(),
            order: [Lane::Lively, Lane::Late, Lane::Slow],
            due: Crowd::default(),
            planned: 0,
            looks: HashMap::new(),
            takes_long: HashSet::new(),
        }
    }

    /// How many payments wait for a look.
    pub(super) fn len(&self) -> usize {
        self.planned
    }

    /// The places of looks that take long.
    pub(super) fn slow_places(&self) -> Arc<Semaphore> {
        self.slow.places.clone()
    }

    /// When the next look is due for which there is a place.
    pub(super) fn next(&mut self) -> Option<Duration> {
        let free = self.order.into_iter().filter(|lane| self.queue(*lane).places.available_permits() > 0);
        let free: Vec<Lane> = free.collect();
        free.into_iter().filter_map(|lane| self.next_of(lane)).min()
    }

    /// A look that is due and has a place; it begins now. The queues take turns.
    pub(super) fn take(&mut self) -> Option<DueLook> {
        let now = since_boot();
        for lane in self.order {
            if self.next_of(lane).is_none_or(|due| due > now) {
                continue;
            }
            let queue = self.queue(lane);
            let Ok(place) = queue.places.clone().try_acquire_owned() else { continue };
            let Some(Reverse((_, id))) = queue.due.pop() else { continue };
            self.unset(id);
            self.looks.insert(id, now);
            self.order.sort_by_key(|other| *other == lane);
            return Some(DueLook { id, lane, place });
        }
        None
    }

    /// A payment found at start, when the last run was alive then. A link or QR, and whatever ran out or missed a late
    /// look while the daemon was down, is looked at now.
    pub(super) fn begin(&mut self, by: &Sources, row: &PaymentRow, alive: Moment) {
        by.statuses.ages.follow(row);
        let up = since_boot();
        let now = by.statuses.ages.at(row, up);
        by.following.note_overdue(row.id, is_overdue(row, now));
        match is_missed(row, now, alive) {
            true => self.set(row.id, self.lane(by, row), up),
            false => self.put(by, row, up, true),
        }
    }

    /// One that the disk did not give.
    pub(super) fn begin_unread(&mut self, by: &Sources, id: PaymentId) {
        by.following.is_unread(id, true);
        self.set(id, Lane::Late, since_boot() + UNREAD);
    }

    pub(super) fn hear(&mut self, by: &Sources, sign: Sign) {
        match sign {
            // Its end tells.
            Sign::Changed(id) | Sign::Due(id) if self.looks.contains_key(&id) => {}
            Sign::Due(id) => match by.payments.row(id) {
                Ok(row) => self.set(id, self.lane(by, &row), since_boot()),
                Err(_) => self.renew(by, id, since_boot(), false),
            },
            Sign::Changed(id) => self.renew(by, id, since_boot(), true),
            Sign::Ended(id, end) => self.ended(by, id, end),
            // The next turn is taken anyway.
            Sign::Moved => {}
        }
    }

    fn ended(&mut self, by: &Sources, id: PaymentId, ended: LookEnd) {
        match ended.is_slow {
            true => self.takes_long.insert(id),
            false => self.takes_long.remove(&id),
        };
        // Counted from its beginning, so that a look that became due during it is not left out.
        let began = self.looks.remove(&id).unwrap_or_else(since_boot);
        self.renew(by, id, began, ended.is_asked);
        if ended.is_given_up
            && let Some(due) = self.due.get(id).copied()
            && let Ok(row) = by.payments.row(id)
        {
            self.set(id, Lane::Slow, due.at().min(since_boot() + by.statuses.asks.rest(&row)));
        }
    }

    fn renew(&mut self, by: &Sources, id: PaymentId, from: Duration, asked: bool) {
        let row = by.payments.row(id);
        by.following.is_unread(id, row.as_ref().is_err_and(|failure| failure.code != Code::NotFound));
        // A call of before a reload may have changed one of the bank of then.
        by.foreign.notice(&by.live.get(), &row);
        match row {
            // What is due already stays so.
            Ok(row) if row.state != State::Paid && self.due.get(id).is_some_and(|due| due.at() <= from) => {}
            Ok(row) => self.put(by, &row, from, asked),
            // A create that moved nothing leaves no payment.
            Err(failure) if failure.code == Code::NotFound => self.drop(by, id),
            Err(_) => self.set(id, Lane::Late, from + UNREAD),
        }
    }

    /// Other settings may have another sweep: the payments for which that tells when they are looked at. What is due
    /// already stays so.
    pub(super) fn later(&self) -> Vec<PaymentId> {
        let now = since_boot();
        self.due.iter().filter(|(_, due)| due.at() > now).map(|(id, _)| id).collect()
    }

    /// Some of these, as they are.
    pub(super) fn sweep_anew(&mut self, by: &Sources, rows: &[PaymentRow]) {
        let now = since_boot();
        for row in rows {
            let is_later = self.due.get(row.id).is_some_and(|due| due.at() > now);
            if is_later && (row.state, row.kind) == (State::Waiting, Kind::Remote) {
                self.put(by, row, now, true);
            }
        }
    }

    fn put(&mut self, by: &Sources, row: &PaymentRow, from: Duration, asked: bool) {
        let is_new = by.statuses.ages.follow(row);
        let now = by.statuses.ages.at(row, from);
        by.following.note_overdue(row.id, is_overdue(row, now));
        let is_waiting = row.state == State::Waiting;
        // Taken in after its time: nobody has looked yet what became of it. After an import that may be thousands.
        if is_new && is_waiting && now >= lively_until(row) {
            return self.set(row.id, Lane::Late, from + TAKEN_IN);
        }
        let look = next_look(row, &by.live.get().config.follow.remote_sweep, now);
        match look.or_else(|| unasked(row, now).filter(|_| !asked)) {
            // Its clock runs from its intent on.
            None if row.state == State::Creating => self.unset(row.id),
            None => self.drop(by, row.id),
            Some(wait) => {
                let due = next_poll(&by.statuses.asks, row, now).unwrap_or_else(|| from.saturating_add(wait));
                self.set(row.id, self.lane(by, row), due);
            }
        }
    }

    fn lane(&self, by: &Sources, row: &PaymentRow) -> Lane {
        let is_lively = || row.state == State::Waiting && by.statuses.ages.now(row) < lively_until(row);
        match self.takes_long.contains(&row.id) {
            true => Lane::Slow,
            false if is_lively() => Lane::Lively,
            false => Lane::Late,
        }
    }

    fn set(&mut self, id: PaymentId, lane: Lane, at: Duration) {
        let due = Due::new(lane, at);
        self.unset(id);
        self.due.insert(id, due);
        self.planned += 1;
        self.queue(lane).due.push(Reverse((due, id)));
        self.sweep_out(lane);
    }

    fn unset(&mut self, id: PaymentId) {
        self.planned -= usize::from(self.due.remove(id).is_some());
    }

    /// Entries that are stale go when most of a queue may be: that is paid for by as many that came.
    fn sweep_out(&mut self, lane: Lane) {
        let most = 2 * self.planned + PLACES;
        if self.queue(lane).due.len() > most {
            let mut entries = std::mem::take(&mut self.queue(lane).due).into_vec();
            entries.retain(|Reverse((due, id))| self.due.get(*id) == Some(due));
            self.queue(lane).due = entries.into();
        }
    }

    fn drop(&mut self, by: &Sources, id: PaymentId) {
        self.unset(id);
        self.takes_long.remove(&id);
        by.following.note_overdue(id, false);
        by.statuses.ages.forget(id);
        by.statuses.asks.forget(id);
    }

    /// When the next look of a queue is due.
    fn next_of(&mut self, lane: Lane) -> Option<Duration> {
        loop {
            let Reverse((due, id)) = *self.queue(lane).due.peek()?;
            if self.due.get(id) == Some(&due) {
                return Some(due.at());
            }
            self.queue(lane).due.pop();
        }
    }

    fn queue(&mut self, lane: Lane) -> &mut Queue {
        match lane {
            Lane::Lively => &mut self.lively,
            Lane::Late => &mut self.late,
            Lane::Slow => &mut self.slow,
        }
    }
}

/// A link or QR is asked about an interval after the last ask, whoever made that and however long it had to wait
/// for its turn.
fn next_poll(asks: &Asks, row: &PaymentRow, now: Moment) -> Option<Duration> {
    let is_polled = row.state == State::Waiting && row.kind != Kind::Remote && now < lively_until(row);
    let rest = asks.rest(row);
    (is_polled && !rest.is_zero()).then(|| since_boot().saturating_add(rest))
}
