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

use super::following::Following;
use super::foreign::Foreign;
use super::sign::{LookEnd, Sign, Signs};
use super::timetable::Sources;
use super::timetable::{DueLook, Lane, Timetable, UNREAD};
use crate::chance::select;
use crate::domain::State;
use crate::failure::{Code, Failure};
use crate::id::PaymentId;
use crate::moment::{Moment, since_boot};
use crate::service::money::{Balances, tells_of_refunds};
use crate::service::payment::{For, PaymentRows, Statuses, Totals};
use crate::service::rate::ReadRate;
use crate::service::stop::Stopping;
use crate::service::{Live, Settings};
use crate::store::{FollowWalk, Refused, Store, last_moment};

/// tokio's timers stand still while the computer sleeps: the longest time until the follower sees what became due.
const REST: Duration = Duration::from_secs(10);

/// A look that takes more than this part of a call's time-out gives its place up to others.
const QUICK: u32 = 8;

/// Payments read at a time where all are planned anew.
const AT_ONCE: usize = 512;

/// A look that has begun. However it ends, the follower is told.
struct Look {
    follower: Arc<Follower>,
    id: PaymentId,
    lane: Lane,
    /// Its own, until it takes long.
    place: Option<OwnedSemaphorePermit>,
    slow_places: Arc<Semaphore>,
    ended: LookEnd,
}

impl Look {
    /// Waits for its turn and looks. One that takes long goes on where it holds nobody up, or is given up.
    async fn make(mut self) {
        let (by, began) = (self.follower.clone(), Instant::now());
        by.rate.own_turn(|| by.sources.live.get().config.follow.rate).await;
        let (settings, asked) = (by.sources.live.get(), Instant::now());
        let quick = settings.config.kaspi.timeout / QUICK;
        debug!(payment = %self.id, lane = ?self.lane, waited = ?(asked - began), "looking at a followed payment");
        let mut look = pin!(by.look_again(&settings, self.id));
        let result = match (self.lane, timeout(quick, &mut look).await) {
            (_, Ok(result)) => result,
            (Lane::Slow, Err(_)) => look.await,
            (Lane::Lively | Lane::Late, Err(_)) => match self.slow_places.clone().try_acquire_owned() {
                Ok(place) => {
                    self.place = Some(place);
                    by.signs.tell(Sign::Moved);
                    look.await
                }
                Err(_) => {
                    self.ended = LookEnd { is_asked: false, is_slow: true, is_given_up: true };
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
        self.follower.signs.tell(Sign::Ended(self.id, self.ended));
    }
}

/// Asks about payments that nobody asks about; touches what their statuses and balances tell.
pub(in crate::service) struct Follower {
    store: Store,
    stop: Stopping,
    rate: Arc<ReadRate>,
    totals: Arc<Totals>,
    balances: Arc<Balances>,
    sources: Sources,
    signs: Signs,
    /// When the last run wrote its last event; what was to be looked at after that was missed.
    last_alive: Option<Moment>,
}

/// What it stands on.
pub(in crate::service) struct FollowerParts {
    pub(in crate::service) store: Store,
    pub(in crate::service) live: Arc<Live>,
    pub(in crate::service) stop: Stopping,
    pub(in crate::service) rate: Arc<ReadRate>,
    pub(in crate::service) totals: Arc<Totals>,
    pub(in crate::service) statuses: Arc<Statuses>,
    pub(in crate::service) balances: Arc<Balances>,
    pub(in crate::service) signs: Signs,
}

impl Follower {
    pub(in crate::service) fn new(below: FollowerParts) -> Self {
        let FollowerParts { store, live, stop, rate, totals, statuses, balances, signs } = below;
        let following = Arc::new(Following::new(store.clone(), statuses.ages.clone()));
        let foreign = Arc::new(Foreign::new(store.clone(), live.clone(), signs.clone()));
        let payments = PaymentRows::new(store.clone());
        // A state that cannot be read is the next call's to tell.
        let last_alive = store.read(|reading| Ok(last_moment(reading)?)).ok().flatten();
        let sources = Sources { live, payments, statuses, following, foreign };
        Self { store, stop, rate, totals, balances, sources, signs, last_alive }
    }

    /// How the following stands.
    pub(in crate::service) fn following(&self) -> &Arc<Following> {
        &self.sources.following
    }

    /// Payments of another bank.
    pub(in crate::service) fn foreign(&self) -> &Arc<Foreign> {
        &self.sources.foreign
    }

    /// Follows until the daemon stops. `signs` names every payment that may need another plan.
    pub(in crate::service) async fn follow(self: Arc<Self>, mut signs: mpsc::UnboundedReceiver<Sign>) {
        let Some(mut plan) = self.planned().await else { return };
        let mut settings = self.sources.live.get();
        loop {
            if !Arc::ptr_eq(&settings, &self.sources.live.get()) {
                settings = self.sources.live.get();
                self.sweep_anew(&mut plan).await;
            }
            while let Some(turn) = plan.take() {
                self.begin_look(turn, &plan);
            }
            self.sources.following.queue.store(plan.len(), Ordering::Relaxed);
            let due = plan.next();
            select! {
                () = self.stop.begun() => return,
                sign = signs.recv() => match sign {
                    Some(sign) => plan.hear(&self.sources, sign),
                    None => return,
                },
                () = until(due) => {}
            }
        }
    }

    /// The plan at start; none if the daemon stops before the payments can be read.
    async fn planned(&self) -> Option<Timetable> {
        let alive = self.last_alive.unwrap_or_else(Moment::now);
        loop {
            let failure = match self.plan(alive).await {
                Ok(plan) => {
                    self.sources.following.stands_still(None);
                    return Some(plan);
                }
                Err(failure) => failure,
            };
            warn!("the payments that are to be followed cannot be read: {}", failure.detail);
            self.sources.following.stands_still(Some(failure.detail));
            select! {
                () = sleep(UNREAD) => {}
                () = self.stop.begun() => return None,
            }
        }
    }

    /// Takes in all that is to be followed, a few at a time.
    async fn plan(&self, alive: Moment) -> Result<Timetable, Failure> {
        let (mut plan, mut walk) = (Timetable::new(), FollowWalk::new(alive));
        loop {
            let found;
            (walk, found) =
                self.store.walk(move |view| walk.piece(view).map_err(Refused::from).map(|found| (walk, found))).await?;
            let Some(found) = found else { return Ok(plan) };
            self.sources.foreign.notice(&self.sources.live.get(), &found.rows);
            found.rows.iter().for_each(|row| plan.begin(&self.sources, row, alive));
            found.unread.iter().for_each(|id| plan.begin_unread(&self.sources, *id));
            self.stop.may_search_on()?;
        }
    }

    /// Plans anew by other settings, some payments at a time. Those that cannot be read just then are looked at when the
    /// settings of before say.
    async fn sweep_anew(&self, plan: &mut Timetable) {
        for ids in plan.later().chunks(AT_ONCE) {
            let ids = ids.to_vec();
            if let Ok(rows) = self.store.walk(move |walk| Ok(walk.these(&ids)?)).await {
                plan.sweep_anew(&self.sources, &rows);
            }
        }
    }

    fn begin_look(self: &Arc<Self>, DueLook { id, lane, place }: DueLook, plan: &Timetable) {
        let (follower, slow_places) = (self.clone(), plan.slow_places());
        tokio::spawn(Look { follower, id, lane, place: Some(place), slow_places, ended: LookEnd::default() }.make());
    }

    /// One look: where the payment stands, what its balance tells of refunds, and whether the bank has come to agree with
    /// our amount.
    async fn look_again(&self, settings: &Settings, id: PaymentId) -> Result<(), Failure> {
        let looked = self.sources.statuses.refresh(settings, id, For::Follower).await;
        // A status that cannot be read keeps nobody from reading the balance.
        let row = self.sources.payments.row(id)?;
        let settled = match tells_of_refunds(&row) {
            true => self.balances.check_balance(settings, id).await,
            false if row.state == State::Paid && row.disputed_total().is_some() => {
                self.totals.look_at_total(settings, &row).await
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
