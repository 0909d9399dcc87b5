//! When a payment is looked at next: the rules, without the clock and the queue.

use std::time::Duration;

use crate::domain::{Kind, State};
use crate::moment::Moment;
use crate::service::money::tells_of_refunds;
use crate::service::payment::{deadline, lively_until, polling, was_made_behind};
use crate::store::{PaymentRow, RefundState};

/// Asks by the sweep for one remote invoice, the one at its expiry not counted.
const MOST_SWEEPS: usize = 40;

/// A timer may be a tick early: what is due this soon is due now, not again.
const TICK: Duration = Duration::from_secs(1);

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const TWO_DAYS: u64 = 2 * DAY;
const NINE_DAYS: u64 = 9 * DAY;

/// After a deadline, and after a payment was seen paid: 1 minute, 10 minutes, 1 hour and 24 hours.
const LATE_LOOKS: [Duration; 4] = [
    Duration::from_secs(MINUTE),
    Duration::from_secs(10 * MINUTE),
    Duration::from_secs(HOUR),
    Duration::from_secs(DAY),
];

/// A balance that could not be read is read again so long after its refund, and then with the late looks. A call and
/// its time to settle are over by the third.
const SETTLING: [Duration; 5] = [
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(MINUTE),
    Duration::from_secs(2 * MINUTE),
    Duration::from_secs(5 * MINUTE),
];

/// How long until a payment is looked at next; `None` if it needs no more looks.
pub(super) fn next_look(row: &PaymentRow, sweep: &[Duration], now: Moment) -> Option<Duration> {
    match row.state {
        State::Creating | State::Abandoned => None,
        State::Waiting => waiting(row, sweep, now),
        State::Unknown => row.expires_at.map(|dead| dead.since(now).max(TICK)),
        State::Expired | State::Declined | State::Cancelled => over(row, now),
        State::Paid => [after_paid(row, now), refunds(row, now)].into_iter().flatten().min(),
    }
}

/// The last look could not be made, so that it has to be made again.
pub(super) fn unasked(row: &PaymentRow, now: Moment) -> Option<Duration> {
    insistent(now.since(looked_at_from(row)?))
}

/// Whether a payment found at start is looked at now: a link or QR, and whatever ran out or missed a late look while
/// the daemon was down, which was last alive then. One that looks older than it is may seem to have had its late looks:
/// the answer tells how old it is.
pub(super) fn is_missed(row: &PaymentRow, now: Moment, alive: Moment) -> bool {
    if row.state == State::Waiting {
        return row.kind != Kind::Remote || deadline(row) <= now;
    }
    let missed = |from: Moment| {
        let mut looks = LATE_LOOKS.iter().map(|look| from.after(look.mul_f64(jitter(row))));
        looks.any(|look| alive < look && look <= now)
    };
    let may_be_younger = row.is_over() && was_made_behind(row);
    may_be_younger || row.has_refund_in_doubt() || looked_at_from(row).is_some_and(missed)
}

/// Whether all late looks at a payment that is still open are over.
pub(in crate::service) fn is_overdue(row: &PaymentRow, now: Moment) -> bool {
    row.state == State::Waiting && afterwards(now.since(lively_until(row))).is_none()
}

/// What the late looks of a payment are counted from; none for one that is open.
fn looked_at_from(row: &PaymentRow) -> Option<Moment> {
    match row.state {
        State::Expired | State::Declined | State::Cancelled => Some(deadline(row)),
        State::Paid => row.paid_seen_at,
        State::Creating | State::Waiting | State::Unknown | State::Abandoned => None,
    }
}

/// One that was called over before its time is looked at like the others once that has come.
fn over(row: &PaymentRow, now: Moment) -> Option<Duration> {
    let deadline = deadline(row);
    let look = afterwards(now.since(deadline))?;
    Some(deadline.since(now) + look.mul_f64(jitter(row)))
}

/// Whether Kaspi says something else of a payment after it was paid; and while it does, whether it still does.
fn after_paid(row: &PaymentRow, now: Moment) -> Option<Duration> {
    let late = now.since(row.paid_seen_at?);
    let again = || insistent(late).filter(|_| row.contradiction.is_some());
    afterwards(late).or_else(again).map(|wait| wait.mul_f64(jitter(row)))
}

/// What has no end yet after the late looks is asked about hourly for a day and daily for seven.
fn insistent(late: Duration) -> Option<Duration> {
    match late.as_secs() {
        0..TWO_DAYS => Some(Duration::from_secs(HOUR)),
        TWO_DAYS..NINE_DAYS => Some(Duration::from_secs(DAY)),
        _ => None,
    }
}

/// Refunds that the balance has not settled are looked at soon and then, like those that it has not shown, as long as
/// a payment called over.
fn refunds(row: &PaymentRow, now: Moment) -> Option<Duration> {
    let looks = row.refunds.iter().filter_map(|refund| {
        let age = now.since(refund.at);
        match refund.state {
            RefundState::Unsettled => {
                let soon = SETTLING.into_iter().find(|look| *look > age).map(|look| look - age);
                soon.or_else(|| afterwards(age)).or_else(|| insistent(age))
            }
            RefundState::Watched => afterwards(age),
            RefundState::Running | RefundState::Doubted | RefundState::Success(_) | RefundState::Failed { .. } => None,
        }
    });
    let above = row.balance_above.and_then(|(_, since)| afterwards(now.since(since)));
    looks.chain(above).min().filter(|_| tells_of_refunds(row))
}

/// Until the deadline: a link or QR at the bank's interval, an invoice by the sweep. Then the late looks.
fn waiting(row: &PaymentRow, sweep: &[Duration], now: Moment) -> Option<Duration> {
    let deadline = lively_until(row);
    if now < deadline {
        let rest = match row.kind {
            Kind::Link | Kind::Qr => polling(row),
            Kind::Remote => next_sweep(sweep, now.since(row.created_at), jitter(row)).unwrap_or(Duration::MAX),
        };
        return Some(rest.min(deadline.since(now)));
    }
    let late = now.since(deadline);
    afterwards(late).or_else(|| insistent(late)).map(|wait| wait.mul_f64(jitter(row)))
}

/// How long until the sweep's next ask of an invoice of this age. It keeps to fixed ages, so that a restart neither
/// begins it anew nor puts it off.
fn next_sweep(sweep: &[Duration], age: Duration, jitter: f64) -> Option<Duration> {
    let steps = sweep.iter().chain(std::iter::repeat(sweep.last()?)).take(MOST_SWEEPS);
    let ages = steps.scan(Duration::ZERO, |at, step| {
        *at = at.saturating_add(step.mul_f64(jitter));
        Some(*at)
    });
    ages.map(|at| at.saturating_sub(age)).find(|wait| *wait > TICK)
}

/// Long waits for invoices are up to a tenth longer, different for each, so that a shop's are not asked in step.
fn jitter(row: &PaymentRow) -> f64 {
    let last = row.id.to_bytes().last().copied().unwrap_or_default();
    if row.kind == Kind::Remote { 1.0 + f64::from(last) / 2560.0 } else { 1.0 }
}

/// How long until the next late look.
fn afterwards(late: Duration) -> Option<Duration> {
    LATE_LOOKS.into_iter().find(|look| *look > late).map(|look| look - late)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use super::*;
    use crate::money::Amount;
    /// As in `life`: after a deadline the bank's clock may still run.
    const GRACE: Duration = Duration::from_secs(10);
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

    /// One that was called over by a clock far behind the bank's seems to have had all its late looks once the clock is
    /// right. It is asked about at the next start all the same.
    #[test]
    fn a_clock_that_was_behind_ends_no_looks() {
        let over = |behind: u64| {
            let row = invoice(State::Expired);
            let bank_deadline = row.expires_at.map(|at| at.after(Duration::from_secs(behind)));
            PaymentRow { bank_deadline, ..row }
        };
        let seems = |row: &PaymentRow| row.created_at.after(Duration::from_secs(3 * DAY));
        let missed = |row: PaymentRow| is_missed(&row, seems(&row), seems(&row));
        assert_eq!([0, MINUTE, 30 * HOUR].map(|behind| missed(over(behind))), [false, false, true]);
    }

    /// An invoice that nothing is known of but that the customer can pay is asked about when its day is over.
    #[test]
    fn without_a_sweep_the_deadline_is_the_next_look() {
        let row = invoice(State::Waiting);
        let age = Duration::from_secs(HOUR);
        assert_eq!(next_look(&row, &[], row.created_at.after(age)), Some(Duration::from_secs(DAY) + GRACE - age));
    }
}
