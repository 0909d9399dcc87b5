//! Never forget: every payment that is not final is followed until it is, across restarts, and one that was called
//! over is looked at a few times more. One poller per payment, however many wait: waiters share its answers.
//!
//! Timers are monotonic; what is due after a restart or a suspend is due at once, spread by the limits below.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};

use super::Service;
use super::look::{GRACE, polling};
use crate::id::PaymentId;
use crate::moment::Moment;
use crate::operation::{Dialect, Failure, Kind, LogStatus, State};
use crate::store::PaymentRow;

/// Looks of the follower at one time.
const AT_ONCE: usize = 8;

/// Asks by the sweep for one remote invoice (design §6.6), the one at its expiry not counted.
const MOST_SWEEPS: u32 = 40;

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const TWO_DAYS: u64 = 2 * DAY;
const NINE_DAYS: u64 = 9 * DAY;

/// The plan: when which payment is looked at next.
struct Plan {
    queue: BinaryHeap<Reverse<(Instant, PaymentId)>>,
    /// The valid entry of each payment, and how often the sweep has asked; others in the queue are stale.
    due: HashMap<PaymentId, (Instant, u32)>,
}

impl Service {
    /// Follows until the daemon stops. `changed` carries every payment that may need another plan.
    ///
    /// # Errors
    /// `storage_failed` when the open payments cannot be read at start.
    pub async fn follow(self, mut changed: mpsc::UnboundedReceiver<PaymentId>) -> Result<(), Failure> {
        let mut plan = Plan { queue: BinaryHeap::new(), due: HashMap::new() };
        for row in self.store.read(|reading| Ok(reading.payments_to_follow(Moment::now())?))? {
            plan.begin(&self, &row);
        }
        let places = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let next = plan.next();
            self.state.follow_queue.store(plan.due.len(), Ordering::Relaxed);
            tokio::select! {
                () = self.stopped() => return Ok(()),
                id = changed.recv() => match id {
                    Some(id) => plan.renew(&self, id),
                    None => return Ok(()),
                },
                () = at(next) => {
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
        let service = self.clone();
        tokio::spawn(async move {
            if let Err(failure) = service.look_again(id).await {
                tracing::debug!(payment = %id, code = failure.code.word(), "a followed payment could not be read");
            }
            drop(place);
            // The receiver is gone only when the daemon stops.
            let _ = service.state.followed.send(id);
        });
    }

    async fn look_again(&self, id: PaymentId) -> Result<(), Failure> {
        let settings = self.live.get();
        let row = self.looked_at_once(&settings, id).await?;
        if row.has_refund_in_doubt() {
            return self.settle_later(&settings, &row).await;
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

async fn at(next: Option<Instant>) {
    match next {
        Some(next) => sleep_until(next).await,
        None => std::future::pending().await,
    }
}

impl Plan {
    /// When the next look is due.
    fn next(&mut self) -> Option<Instant> {
        while let Some(Reverse((at, id))) = self.queue.peek() {
            if self.due.get(id).is_some_and(|(due, _)| due == at) {
                return Some(*at);
            }
            self.queue.pop();
        }
        None
    }

    /// The payment whose look is due; its count of sweeps stays.
    fn take(&mut self) -> Option<PaymentId> {
        self.next()?;
        self.queue.pop().map(|Reverse((_, id))| id)
    }

    /// A payment found at start. A link or QR, and whatever ran out while nobody looked, is looked at now.
    fn begin(&mut self, service: &Service, row: &PaymentRow) {
        let overdue = row.kind != Kind::Remote || deadline(row) <= Moment::now();
        if (row.state == State::Waiting && overdue) || row.has_refund_in_doubt() {
            self.set(row.id, Instant::now(), 0);
        } else {
            self.put(service, row);
        }
    }

    fn renew(&mut self, service: &Service, id: PaymentId) {
        match service.row(id) {
            Ok(row) => self.put(service, &row),
            // A create that moved nothing leaves no payment.
            Err(_) => drop(self.due.remove(&id)),
        }
    }

    fn put(&mut self, service: &Service, row: &PaymentRow) {
        let now = Instant::now();
        let asked = self.due.get(&row.id).map_or(0, |(due, asked)| if *due <= now { asked + 1 } else { *asked });
        let sweep = &service.live.get().config.remote_sweep;
        match next_look(row, asked, sweep, Moment::now()) {
            None => drop(self.due.remove(&row.id)),
            Some(wait) => self.set(row.id, now + jittered(row, wait), asked),
        }
    }

    fn set(&mut self, id: PaymentId, at: Instant, asked: u32) {
        self.due.insert(id, (at, asked));
        self.queue.push(Reverse((at, id)));
    }
}

/// Up to a tenth more for long waits, different for each payment, so that a shop's invoices are not asked in step.
fn jittered(row: &PaymentRow, wait: Duration) -> Duration {
    if row.kind != Kind::Remote || wait < Duration::from_secs(MINUTE) {
        return wait;
    }
    let last = row.id.to_bytes().last().copied().unwrap_or_default();
    wait + wait.mul_f64(f64::from(last) / 2560.0)
}

/// How long until a payment is looked at next; `None` if it needs no more looks.
fn next_look(row: &PaymentRow, sweeps: u32, sweep: &[Duration], now: Moment) -> Option<Duration> {
    match row.state {
        State::Creating | State::Abandoned => None,
        State::Waiting => waiting(row, sweeps, sweep, now),
        State::Unknown => row.expires_at.map(|dead| dead.since(now)),
        State::Expired | State::Declined | State::Cancelled => afterwards(now.since(deadline(row))),
        State::Paid => refunds(row, now),
    }
}

/// Refunds in doubt, and those that failed by the balance, are looked at as long as a payment called over.
fn refunds(row: &PaymentRow, now: Moment) -> Option<Duration> {
    let doubt = row.refunds.iter().filter(|refund| refund.status == LogStatus::Pending);
    let looks = row.watched_refunds().chain(doubt).filter_map(|refund| afterwards(now.since(refund.at)));
    looks.min().filter(|_| row.dialect == Dialect::Bank)
}

/// Until the deadline: a link or QR at the bank's interval, an invoice by the sweep. Then the late looks; a payment
/// that is still open after them is asked about hourly for a day and daily for seven.
fn waiting(row: &PaymentRow, sweeps: u32, sweep: &[Duration], now: Moment) -> Option<Duration> {
    let deadline = deadline(row).after(GRACE);
    if now < deadline {
        let rest = match row.kind {
            Kind::Link | Kind::Qr => polling(row),
            Kind::Remote if sweeps >= MOST_SWEEPS => Duration::MAX,
            Kind::Remote => {
                let step = usize::try_from(sweeps).unwrap_or(usize::MAX);
                sweep.get(step).or(sweep.last()).copied().unwrap_or(Duration::MAX)
            }
        };
        return Some(rest.min(deadline.since(now)));
    }
    let late = now.since(deadline);
    afterwards(late).or(match late.as_secs() {
        0..TWO_DAYS => Some(Duration::from_secs(HOUR)),
        TWO_DAYS..NINE_DAYS => Some(Duration::from_secs(DAY)),
        _ => None,
    })
}

/// The late looks: 1 minute, 10 minutes, 1 hour and 24 hours after a deadline.
fn afterwards(late: Duration) -> Option<Duration> {
    let looks = [MINUTE, 10 * MINUTE, HOUR, DAY].map(Duration::from_secs);
    looks.into_iter().find(|look| *look > late).map(|look| look - late)
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
    use super::*;

    /// The late looks come at their times and then end.
    #[test]
    fn late_looks() {
        let at = |seconds| afterwards(Duration::from_secs(seconds)).map(|wait| wait.as_secs());
        assert_eq!(
            [at(0), at(59), at(60), at(700), at(HOUR), at(DAY)],
            [Some(60), Some(1), Some(540), Some(2900), Some(DAY - HOUR), None]
        );
    }
}
