//! Never forget: every payment that is not final is followed until it is, across restarts, and one that was called
//! over, or paid, is looked at a few times more. One poller per payment, however many wait: waiters share its answers.
//!
//! It hears of payments from the commits that change them, whoever wrote: none is taken in without being followed. Due
//! times count from boot: setting the wall clock moves none of them, and what became due in a suspend or while the
//! daemon was down is due at once after it, spread by the limits below.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, warn};

use super::money::is_reckoned;
use super::plan::{Ended, Lane, Plan, Sign, Turn, UNREAD};
use super::{Service, Settings};
use crate::chance::select;
use crate::domain::State;
use crate::failure::{Code, Failure};
use crate::id::PaymentId;
use crate::moment::{Moment, since_boot};

/// tokio's timers stand still while the computer sleeps: the longest time until the follower sees what became due.
const REST: Duration = Duration::from_secs(10);

/// A look that takes more than this part of a call's time-out gives its place up to others.
const QUICK: u32 = 8;

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
        service.state.pace.own_turn(|| service.live.get().config.follow.rate).await;
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
                    let _ = service.state.followed.send(Sign::Moved);
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
                    self.state.foreign.notice(&self.live.get(), &found.rows);
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

    /// One look: where the payment stands, what its balance tells of refunds, and whether the bank has come to agree with
    /// our amount.
    async fn look_again(&self, settings: &Settings, id: PaymentId) -> Result<(), Failure> {
        let looked = self.look_when_due(settings, id).await;
        // A status that cannot be read keeps nobody from reading the balance.
        let row = self.row(id)?;
        let settled = match is_reckoned(&row) {
            true => self.reckon(settings, id).await,
            false if row.state == State::Paid && row.disputed_total().is_some() => {
                self.look_at_total(settings, &row).await
            }
            false => Ok(()),
        };
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
