//! Never forget: every payment that is not final is followed until it is, across restarts, and one that was called
//! over is looked at a few times more. One poller per payment, however many wait: waiters share its answers.
//!
//! Due times count from boot: setting the wall clock moves none of them, and what became due in a suspend or while the
//! daemon was down is due at once after it, spread by the limits below.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;
use tracing::debug;

use super::Service;
use super::look::{lively_until, polling};
use crate::id::PaymentId;
use crate::moment::{Moment, since_boot};
use crate::operation::{Code, Dialect, Failure, Kind, LogStatus, State};
use crate::store::PaymentRow;

/// Looks of the follower at one time.
const AT_ONCE: usize = 8;

/// Asks by the sweep for one remote invoice (design §6.6), the one at its expiry not counted.
const MOST_SWEEPS: usize = 40;

/// tokio's timers stand still while the computer sleeps: the longest time until the follower sees what became due.
const REST: Duration = Duration::from_secs(10);

/// Until a payment that the disk did not give is tried again.
const UNREAD: Duration = Duration::from_secs(60);

/// A timer may be a tick early: what is due this soon is due now, not again.
const TICK: Duration = Duration::from_secs(1);

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const TWO_DAYS: u64 = 2 * DAY;
const NINE_DAYS: u64 = 9 * DAY;

/// After a deadline: 1 minute, 10 minutes, 1 hour and 24 hours.
const LATE_LOOKS: [Duration; 4] = [
    Duration::from_secs(MINUTE),
    Duration::from_secs(10 * MINUTE),
    Duration::from_secs(HOUR),
    Duration::from_secs(DAY),
];

/// What the follower is told of a payment.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sign {
    /// It may need another plan.
    Changed(PaymentId),
    /// It is to be looked at now.
    Due(PaymentId),
    /// The look at it is over; whether Kaspi could be asked.
    Looked(PaymentId, bool),
}

/// A look that has begun. However it ends, the follower is told.
struct Look {
    service: Service,
    id: PaymentId,
    asked: bool,
}

impl Look {
    async fn make(mut self) {
        self.asked = match self.service.look_again(self.id).await {
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
        // The receiver is gone only when the daemon stops.
        let _ = self.service.state.followed.send(Sign::Looked(self.id, self.asked));
    }
}

/// The plan: which payment is looked at next, and when since boot.
struct Plan {
    queue: BinaryHeap<Reverse<(Duration, PaymentId)>>,
    /// The valid entry of each payment; others in the queue are stale.
    due: HashMap<PaymentId, Duration>,
    /// The payments that are being looked at, and since when.
    looks: HashMap<PaymentId, Duration>,
}

impl Service {
    /// Follows until the daemon stops. `signs` names every payment that may need another plan.
    ///
    /// # Errors
    /// `storage_failed` when the open payments cannot be read at start.
    pub(super) async fn follow(self, mut signs: mpsc::UnboundedReceiver<Sign>) -> Result<(), Failure> {
        let mut plan = Plan { queue: BinaryHeap::new(), due: HashMap::new(), looks: HashMap::new() };
        let alive = self.state.last_alive.unwrap_or_else(Moment::now);
        let mut settings = self.live.get();
        let rows = self.store.read(|reading| Ok(reading.payments_to_follow(alive)?))?;
        self.state.foreign.notice(&settings, &rows);
        for row in rows {
            plan.begin(&self, &row, alive);
        }
        let places = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            if !Arc::ptr_eq(&settings, &self.live.get()) {
                settings = self.live.get();
                plan.sweep_anew(&self);
            }
            let due = plan.next();
            self.state.follow_queue.store(plan.due.len(), Ordering::Relaxed);
            tokio::select! {
                () = self.stopped() => return Ok(()),
                sign = signs.recv() => match sign {
                    Some(sign) => plan.hear(&self, sign),
                    None => return Ok(()),
                },
                () = until(due) => {
                    if let Some(id) = plan.take() {
                        self.look_in_turn(id, &places).await;
                    }
                }
            }
        }
    }

    /// Looks at a payment in a task of its own once there is a place and the pace allows it; it is planned again
    /// afterwards.
    async fn look_in_turn(&self, id: PaymentId, places: &Arc<Semaphore>) {
        // The semaphore lives as long as the follower and is never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        self.state.pace.own_turn(self.live.get().config.read_rate).await;
        let look = Look { service: self.clone(), id, asked: false };
        tokio::spawn(async move {
            look.make().await;
            drop(place);
        });
    }

    /// A link or QR is asked about an interval after the last ask, whoever made that and however long it had to wait
    /// for its turn.
    fn next_poll(&self, row: &PaymentRow, now: Moment) -> Option<Duration> {
        let is_polled = row.state == State::Waiting && row.kind != Kind::Remote && now < lively_until(row);
        let rest = self.fresh_for(row);
        (is_polled && !rest.is_zero()).then(|| since_boot().saturating_add(rest))
    }

    async fn look_again(&self, id: PaymentId) -> Result<(), Failure> {
        let settings = self.live.get();
        let row = self.look_when_due(&settings, id).await?;
        if row.has_refund_in_doubt() {
            return self.settle_later(&settings, &row).await;
        }
        if row.state == State::Paid && row.disputed_total().is_some() {
            return self.look_at_total(&settings, &row).await;
        }
        if row.watched_refunds().next().is_some()
            && let Some(_one) = self.state.refunds.try_lock(id)
        {
            let row = self.row(id)?;
            let balance = self.balance(&settings, &row, &self.frozen_triple(&settings, &row)?).await?;
            self.keep_elsewhere(&row, balance, None).await?;
        }
        Ok(())
    }
}

/// Ends when a look is due, or before, to look at the clock.
async fn until(due: Option<Duration>) {
    match due {
        Some(due) => sleep(due.saturating_sub(since_boot()).min(REST)).await,
        None => std::future::pending().await,
    }
}

impl Plan {
    /// When the next look is due.
    fn next(&mut self) -> Option<Duration> {
        while let Some(Reverse((at, id))) = self.queue.peek() {
            if self.due.get(id) == Some(at) {
                return Some(*at);
            }
            self.queue.pop();
        }
        None
    }

    /// The payment whose look is due; it begins now.
    fn take(&mut self) -> Option<PaymentId> {
        let now = since_boot();
        self.next().filter(|due| *due <= now)?;
        let Reverse((_, id)) = self.queue.pop()?;
        self.due.remove(&id);
        self.looks.insert(id, now);
        Some(id)
    }

    /// A payment found at start. A link or QR, and whatever ran out or missed a late look while the daemon was down, is
    /// looked at now.
    fn begin(&mut self, service: &Service, row: &PaymentRow, alive: Moment) {
        let now = service.state.ages.follow(row).after(since_boot());
        let over_at = deadline(row);
        let due = match row.state {
            State::Waiting => row.kind != Kind::Remote || over_at <= now,
            State::Expired | State::Declined | State::Cancelled => {
                let mut looks = LATE_LOOKS.iter().map(|look| over_at.after(look.mul_f64(stretch(row))));
                looks.any(|look| alive < look && look <= now)
            }
            _ => row.has_refund_in_doubt(),
        };
        if due {
            self.set(row.id, since_boot());
        } else {
            self.put(service, row, since_boot(), true);
        }
    }

    fn hear(&mut self, service: &Service, sign: Sign) {
        match sign {
            // Its end tells.
            Sign::Changed(id) | Sign::Due(id) if self.looks.contains_key(&id) => {}
            Sign::Due(id) => self.set(id, since_boot()),
            Sign::Changed(id) => self.renew(service, id, since_boot(), true),
            Sign::Looked(id, asked) => {
                // Counted from its beginning, so that a look that became due during it is not left out.
                let began = self.looks.remove(&id).unwrap_or_else(since_boot);
                self.renew(service, id, began, asked);
            }
        }
    }

    fn renew(&mut self, service: &Service, id: PaymentId, from: Duration, asked: bool) {
        match service.row(id) {
            // What is due already stays so.
            Ok(row) if row.state != State::Paid && self.due.get(&id).is_some_and(|due| *due <= from) => {}
            Ok(row) => self.put(service, &row, from, asked),
            // A create that moved nothing leaves no payment.
            Err(failure) if failure.code == Code::NotFound => self.drop(service, id),
            Err(_) => self.set(id, from + UNREAD),
        }
    }

    /// Other settings may have another sweep. What is due already stays so.
    fn sweep_anew(&mut self, service: &Service) {
        let now = since_boot();
        let later: Vec<PaymentId> = self.due.iter().filter(|(_, due)| **due > now).map(|(id, _)| *id).collect();
        for row in later.into_iter().filter_map(|id| service.row(id).ok()) {
            if (row.state, row.kind) == (State::Waiting, Kind::Remote) {
                self.put(service, &row, now, true);
            }
        }
    }

    fn put(&mut self, service: &Service, row: &PaymentRow, from: Duration, asked: bool) {
        let now = service.state.ages.follow(row).after(from);
        let look = next_look(row, &service.live.get().config.remote_sweep, now);
        match look.or_else(|| unasked(row, now).filter(|_| !asked)) {
            None => self.drop(service, row.id),
            Some(wait) => self.set(row.id, service.next_poll(row, now).unwrap_or_else(|| from.saturating_add(wait))),
        }
    }

    fn set(&mut self, id: PaymentId, at: Duration) {
        self.due.insert(id, at);
        self.queue.push(Reverse((at, id)));
    }

    fn drop(&mut self, service: &Service, id: PaymentId) {
        self.due.remove(&id);
        service.state.ages.forget(id);
    }
}

/// How long until a payment is looked at next; `None` if it needs no more looks.
fn next_look(row: &PaymentRow, sweep: &[Duration], now: Moment) -> Option<Duration> {
    match row.state {
        State::Creating | State::Abandoned => None,
        State::Waiting => waiting(row, sweep, now),
        State::Unknown => row.expires_at.map(|dead| dead.since(now).max(TICK)),
        State::Expired | State::Declined | State::Cancelled => over(row, now),
        State::Paid => refunds(row, now),
    }
}

/// One that was called over before its time is looked at like the others once that has come.
fn over(row: &PaymentRow, now: Moment) -> Option<Duration> {
    let deadline = deadline(row);
    let look = afterwards(now.since(deadline))?;
    Some(deadline.since(now) + look.mul_f64(stretch(row)))
}

/// The last look could not be made, so that it has to be made again.
fn unasked(row: &PaymentRow, now: Moment) -> Option<Duration> {
    let is_over = matches!(row.state, State::Expired | State::Declined | State::Cancelled);
    insistent(now.since(deadline(row))).filter(|_| is_over)
}

/// What has no end yet after the late looks is asked about hourly for a day and daily for seven.
fn insistent(late: Duration) -> Option<Duration> {
    match late.as_secs() {
        0..TWO_DAYS => Some(Duration::from_secs(HOUR)),
        TWO_DAYS..NINE_DAYS => Some(Duration::from_secs(DAY)),
        _ => None,
    }
}

/// Refunds in doubt, those that failed by the balance, and totals that are not ours are looked at as long as a payment
/// called over.
fn refunds(row: &PaymentRow, now: Moment) -> Option<Duration> {
    let doubt = row.refunds.iter().filter(|refund| refund.status == LogStatus::Pending);
    let looks = row.watched_refunds().chain(doubt).filter_map(|refund| afterwards(now.since(refund.at)));
    // The bank may come to agree with our amount.
    let total = row.disputed_total().and(row.paid_at).and_then(|at| afterwards(now.since(at)));
    looks.chain(total).min().filter(|_| row.dialect == Dialect::Bank)
}

/// Until the deadline: a link or QR at the bank's interval, an invoice by the sweep. Then the late looks.
fn waiting(row: &PaymentRow, sweep: &[Duration], now: Moment) -> Option<Duration> {
    let deadline = lively_until(row);
    if now < deadline {
        let rest = match row.kind {
            Kind::Link | Kind::Qr => polling(row),
            Kind::Remote => next_sweep(sweep, now.since(row.created_at), stretch(row)).unwrap_or(Duration::MAX),
        };
        return Some(rest.min(deadline.since(now)));
    }
    let late = now.since(deadline);
    afterwards(late).or_else(|| insistent(late)).map(|wait| wait.mul_f64(stretch(row)))
}

/// How long until the sweep's next ask of an invoice of this age. It keeps to fixed ages, so that a restart neither
/// begins it anew nor puts it off.
fn next_sweep(sweep: &[Duration], age: Duration, stretch: f64) -> Option<Duration> {
    let steps = sweep.iter().chain(std::iter::repeat(sweep.last()?)).take(MOST_SWEEPS);
    let ages = steps.scan(Duration::ZERO, |at, step| {
        *at = at.saturating_add(step.mul_f64(stretch));
        Some(*at)
    });
    ages.map(|at| at.saturating_sub(age)).find(|wait| *wait > TICK)
}

/// Long waits for invoices are up to a tenth longer, different for each, so that a shop's are not asked in step.
fn stretch(row: &PaymentRow) -> f64 {
    let last = row.id.to_bytes().last().copied().unwrap_or_default();
    if row.kind == Kind::Remote { 1.0 + f64::from(last) / 2560.0 } else { 1.0 }
}

/// How long until the next late look.
fn afterwards(late: Duration) -> Option<Duration> {
    LATE_LOOKS.into_iter().find(|look| *look > late).map(|look| look - late)
}

/// When the customer can no longer pay, for one taken in from elsewhere as its kind allows at most.
pub(super) fn deadline(row: &PaymentRow) -> Moment {
    row.expires_at.unwrap_or_else(|| match row.kind {
        Kind::Remote => row.created_at.after(Duration::from_secs(DAY)),
        Kind::Link | Kind::Qr => row.created_at.after(Duration::from_secs(5 * MINUTE)),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use super::super::look::GRACE;
    use super::*;
    use crate::money::Amount;
    use crate::store::ConfigRow;

    /// The late looks come at their times and then end.
    #[test]
    fn late_looks() {
        let at = |seconds| afterwards(Duration::from_secs(seconds)).map(|wait| wait.as_secs());
        assert_eq!(
            [at(0), at(59), at(60), at(700), at(HOUR), at(DAY)],
            [Some(60), Some(1), Some(540), Some(2900), Some(DAY - HOUR), None]
        );
    }

    /// The sweep asks at ages, not after restarts, and at most forty times.
    #[test]
    fn the_sweep_keeps_to_ages() {
        let minutes = |count| Duration::from_secs(count * MINUTE);
        let sweep = [minutes(10), minutes(30), minutes(60)];
        let next = |age| next_sweep(&sweep, minutes(age), 1.0).map(|wait| wait.as_secs() / MINUTE);
        assert_eq!([next(0), next(9), next(10), next(39), next(101)], [10, 1, 30, 1, 59].map(Some));
        assert_eq!((next_sweep(&[], minutes(0), 1.0), next_sweep(&[minutes(1)], minutes(40), 1.0)), (None, None));
        // A tick early is not again.
        assert_eq!(next_sweep(&sweep, minutes(10) - TICK / 2, 1.0), Some(minutes(30) + TICK / 2));
    }

    fn invoice(state: State) -> PaymentRow {
        let at = Moment::from_millis(1_795_000_000_000);
        let config = ConfigRow::sample(at);
        let row =
            PaymentRow::frozen(&config, &config.counterparty(), Kind::Remote, Amount::from_tiyn(10_000).unwrap(), at);
        PaymentRow { state, expires_at: Some(at.after(Duration::from_secs(DAY))), ..row }
    }

    /// The customer said no after five minutes: nobody asks again before the invoice's day is over.
    #[test]
    fn an_invoice_called_over_early_rests_until_its_deadline() {
        for state in [State::Declined, State::Cancelled] {
            let row = invoice(state);
            let age = Duration::from_secs(5 * MINUTE);
            let wait = next_look(&row, &[], row.created_at.after(age)).unwrap();
            assert!(wait >= Duration::from_secs(DAY + MINUTE) - age, "{wait:?}");
        }
    }

    /// An invoice that nothing is known of but that the customer can pay is asked about when its day is over.
    #[test]
    fn without_a_sweep_the_deadline_is_the_next_look() {
        let row = invoice(State::Waiting);
        let age = Duration::from_secs(HOUR);
        assert_eq!(next_look(&row, &[], row.created_at.after(age)), Some(Duration::from_secs(DAY) + GRACE - age));
    }
}
