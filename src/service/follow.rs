//! Never forget: every payment that is not final is followed until it is, across restarts, and one that was called
//! over, or paid, is looked at a few times more. One poller per payment, however many wait: waiters share its answers.
//!
//! It hears of payments from the commits that change them, whoever wrote: none is taken in without being followed. Due
//! times count from boot: setting the wall clock moves none of them, and what became due in a suspend or while the
//! daemon was down is due at once after it, spread by the limits below.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};

use super::life::lively_until;
use super::money::is_reckoned;
use super::plan::{Lane, Plan, Turn, UNREAD};
use super::{Service, Settings};
use crate::chance::select;
use crate::id::PaymentId;
use crate::moment::{Moment, since_boot};
use crate::operation::{Code, Failure, Kind, State};
use crate::store::PaymentRow;

/// tokio's timers stand still while the computer sleeps: the longest time until the follower sees what became due.
const REST: Duration = Duration::from_secs(10);

/// A look that takes more than this part of a call's time-out gives its place up to others.
const QUICK: u32 = 8;

/// What the follower is told of a payment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sign {
    /// It may need another plan.
    Changed(PaymentId),
    /// The look at it is over.
    Looked(PaymentId, Ended),
}

/// How a look has ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ended {
    /// Kaspi could be asked.
    pub(super) is_asked: bool,
    /// It took long.
    pub(super) is_slow: bool,
    /// It took so long that it was given up: there was no other place for it.
    pub(super) is_given_up: bool,
}

/// How the following stands, for who watches.
#[derive(Default)]
pub(super) struct Following {
    /// Payments in the plan.
    pub(super) queue: AtomicUsize,
    /// Why nothing is followed, if so. Held for an instruction, never across an await.
    stands_still: Mutex<Option<String>>,
    /// The payments that are stored and cannot be read.
    unread: Mutex<BTreeSet<PaymentId>>,
}

impl Following {
    pub(super) fn stands_still(&self, why: Option<String>) {
        *self.stands_still.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Why nothing is followed, if so.
    pub(super) fn trouble(&self) -> Option<String> {
        self.stands_still.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_unread(&self, id: PaymentId, is_so: bool) {
        let mut unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        match is_so {
            true => unread.insert(id),
            false => unread.remove(&id),
        };
    }

    /// The payments that are not followed because they cannot be read.
    pub(super) fn unread(&self) -> Vec<PaymentId> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

/// A look that has begun. However it ends, the follower is told.
struct Look {
    service: Service,
    id: PaymentId,
    lane: Lane,
    /// Its own, until it takes long.
    place: Option<OwnedSemaphorePermit>,
    slow_places: Arc<Semaphore>,
    ended: Ended,
}

impl Look {
    /// Waits for its turn and looks. One that takes long goes on where it holds nobody up, or is given up.
    async fn make(mut self) {
        let (service, began) = (self.service.clone(), Instant::now());
        service.state.pace.own_turn(|| service.live.get().config.read_rate).await;
        let (settings, asked) = (service.live.get(), Instant::now());
        let quick = settings.config.kaspi.timeout / QUICK;
        debug!(payment = %self.id, lane = ?self.lane, waited = ?(asked - began), "looking at a followed payment");
        let mut look = pin!(service.look_again(&settings, self.id));
        let result = match (self.lane, timeout(quick, &mut look).await) {
            (_, Ok(result)) => result,
            (Lane::Slow, Err(_)) => look.await,
            (Lane::Lively | Lane::Late, Err(_)) => match self.slow_places.clone().try_acquire_owned() {
                Ok(place) => {
                    self.place = Some(place);
                    look.await
                }
                Err(_) => {
                    self.ended = Ended { is_asked: false, is_slow: true, is_given_up: true };
                    return;
                }
            },
        };
        self.ended.is_slow = asked.elapsed() >= quick;
        self.ended.is_asked = match result {
            Ok(()) => true,
            // Kaspi does not know it: that is an answer.
            Err(failure) if failure.code == Code::NotFound => true,
            Err(failure) => {
                debug!(payment = %self.id, code = failure.code.word(), "could not ask about a followed payment");
                false
            }
        };
    }
}

impl Drop for Look {
    fn drop(&mut self) {
        // Before the follower is told, so that it finds the place free.
        drop(self.place.take());
        // The receiver is gone only when the daemon stops.
        let _ = self.service.state.followed.send(Sign::Looked(self.id, self.ended));
    }
}

impl Service {
    /// Follows until the daemon stops. `signs` names every payment that may need another plan.
    pub(super) async fn follow(self, mut signs: mpsc::UnboundedReceiver<Sign>) {
        let Some(mut plan) = self.planned().await else { return };
        let mut settings = self.live.get();
        loop {
            if !Arc::ptr_eq(&settings, &self.live.get()) {
                settings = self.live.get();
                plan.sweep_anew(&self);
            }
            while let Some(turn) = plan.take() {
                self.begin_look(turn, &plan);
            }
            self.state.following.queue.store(plan.len(), Ordering::Relaxed);
            let due = plan.next();
            select! {
                () = self.stopped() => return,
                sign = signs.recv() => match sign {
                    Some(sign) => plan.hear(&self, sign),
                    None => return,
                },
                () = until(due) => {}
            }
        }
    }

    /// The plan at start; none if the daemon stops before the payments can be read.
    async fn planned(&self) -> Option<Plan> {
        let alive = self.state.last_alive.unwrap_or_else(Moment::now);
        loop {
            let failure = match self.store.read(|reading| Ok(reading.payments_to_follow(alive)?)) {
                Ok(found) => {
                    let mut plan = Plan::new();
                    found.rows.iter().for_each(|row| plan.begin(self, row, alive));
                    found.unread.iter().for_each(|id| plan.begin_unread(self, *id));
                    self.state.following.stands_still(None);
                    return Some(plan);
                }
                Err(failure) => failure,
            };
            warn!(detail = failure.detail, "the payments that are to be followed cannot be read");
            self.state.following.stands_still(Some(failure.detail));
            select! {
                () = sleep(UNREAD) => {}
                () = self.stopped() => return None,
            }
        }
    }

    fn begin_look(&self, Turn { id, lane, place }: Turn, plan: &Plan) {
        let (service, slow_places) = (self.clone(), plan.slow_places());
        tokio::spawn(Look { service, id, lane, place: Some(place), slow_places, ended: Ended::default() }.make());
    }

    /// A link or QR is asked about an interval after the last ask, whoever made that and however long it had to wait
    /// for its turn.
    pub(super) fn next_poll(&self, row: &PaymentRow, now: Moment) -> Option<Duration> {
        let is_polled = row.state == State::Waiting && row.kind != Kind::Remote && now < lively_until(row);
        let rest = self.state.asks.rest(row);
        (is_polled && !rest.is_zero()).then(|| since_boot().saturating_add(rest))
    }

    /// One look: where the payment stands, and what its balance tells of refunds.
    async fn look_again(&self, settings: &Settings, id: PaymentId) -> Result<(), Failure> {
        let looked = self.look_when_due(settings, id).await;
        // A status that cannot be read keeps nobody from reading the balance.
        let settled = if is_reckoned(&self.row(id)?) { self.reckon(settings, id).await } else { Ok(()) };
        looked.map(drop).and(settled)
    }
}

/// Ends when a look is due, or before, to look at the clock.
async fn until(due: Option<Duration>) {
    match due {
        Some(due) => sleep(due.saturating_sub(since_boot()).min(REST)).await,
        None => std::future::pending().await,
    }
}
