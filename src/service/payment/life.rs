//! The life of a payment: until when the customer can pay, by whose clock, and what a status makes of it.
//!
//! What Kaspi still calls outstanding is over only when nobody can doubt that its time has run out. Our clock alone
//! does not tell: it may have been wrong at the start. The `Date` of the very answer has to agree. Where answers have
//! none, this run must itself have seen a whole life pass, by a clock that nobody sets.

use std::time::Duration;

use crate::domain::{Kind, State};
use crate::moment::Moment;
use crate::store::PaymentRow;

/// Between two status reads of a link or QR where the reply named no usable interval.
const POLL: Duration = Duration::from_secs(5);

/// The status of a payment that is paid.
pub(super) const PROCESSED: &str = "Processed";

/// Kaspi's word for an invoice that was cancelled.
pub(in crate::service) const CANCELLED: &str = "RemotePaymentCanceled";

/// The bank's time from the first `Wait` to the automatic cancel, where the reply named none.
const CONFIRM_MS: u64 = 65_000;

/// After a deadline the bank's clock may still run; the payment is not called expired by silence before.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// A `Date` has whole seconds, and the answer was on its way.
const WHOLE_SECONDS: Duration = Duration::from_secs(2);

/// A clock that is no more than this behind puts no last look off its day.
const BEHIND: Duration = Duration::from_secs(3600);

/// How long a customer can pay a remote invoice.
pub(in crate::service) const REMOTE_LIFE: Duration = Duration::from_secs(24 * 3600);

/// The most that a link or QR taken in from elsewhere lives.
const CODE_LIFE: Duration = Duration::from_secs(5 * 60);

/// The longest life of a payment of this kind that was taken in from elsewhere.
pub(in crate::service) fn longest_life(kind: Kind) -> Duration {
    match kind {
        Kind::Remote => REMOTE_LIFE,
        Kind::Link | Kind::Qr => CODE_LIFE,
    }
}

/// When the customer can no longer pay, for one taken in from elsewhere as its kind allows at most.
pub(in crate::service) fn deadline(row: &PaymentRow) -> Moment {
    row.expires_at.unwrap_or_else(|| row.created_at.after(longest_life(row.kind)))
}

/// The same by the bank's clock, as far as its answers told it.
fn bank_deadline(row: &PaymentRow) -> Moment {
    row.bank_deadline.unwrap_or_else(|| deadline(row))
}

/// Whether our clock was far behind the bank's when a payment was made, so that it looks older than it is once our clock
/// is right.
pub(in crate::service) fn was_made_behind(row: &PaymentRow) -> bool {
    bank_deadline(row).since(deadline(row)) > BEHIND
}

/// The reply's interval, if it is between one second and a minute.
pub(in crate::service) fn polling(row: &PaymentRow) -> Duration {
    let named = row.poll_every_ms.map(Duration::from_millis);
    named.filter(|every| (Duration::from_secs(1)..=Duration::from_secs(60)).contains(every)).unwrap_or(POLL)
}

/// The customer's time from the first `Wait` on.
fn confirm_within(row: &PaymentRow) -> Duration {
    Duration::from_millis(row.confirm_ms.unwrap_or(CONFIRM_MS))
}

/// How long after its deadline a payment of this status is still outstanding: who has scanned a code in time may
/// confirm after it is dead.
fn outstanding(status: &str, row: &PaymentRow) -> Duration {
    GRACE + if status == "Wait" { confirm_within(row) } else { Duration::ZERO }
}

/// Until when a status may change at any moment.
pub(in crate::service) fn lively_until(row: &PaymentRow) -> Moment {
    deadline(row).after(outstanding(row.kaspi_status.as_deref().unwrap_or_default(), row))
}

/// What time it is for a payment when an answer about it comes.
#[derive(Clone, Copy, Debug)]
pub(in crate::service) struct AnswerTime {
    /// By the payment's own clock; see [`crate::service::payment::age::Ages`].
    pub(in crate::service) now: Moment,
    /// By the bank's, if the answer has a `Date`.
    pub(in crate::service) bank: Option<Moment>,
    /// How long this run has known the payment, by a clock that nobody sets.
    pub(in crate::service) watched: Duration,
}

impl AnswerTime {
    /// Whether so much after its deadline has come, by every clock that tells.
    fn are_past(self, row: &PaymentRow, extra: Duration) -> bool {
        let told = |bank: Moment| bank.after(WHOLE_SECONDS) >= bank_deadline(row).after(extra);
        self.now >= deadline(row).after(extra) && self.bank.is_none_or(told)
    }

    /// Whether that is sure: our clock is not the only one to say so.
    fn are_surely_past(self, row: &PaymentRow, extra: Duration) -> bool {
        let life = deadline(row).since(row.created_at);
        self.are_past(row, extra) && (self.bank.is_some() || self.watched >= life)
    }
}

/// What a payment's own clock shows if the bank's, which shows `bank`, is right.
pub(super) fn by_the_bank(row: &PaymentRow, bank: Moment) -> Moment {
    let (ours, theirs) = (deadline(row), bank_deadline(row));
    ours.before(theirs.since(bank)).after(bank.since(theirs))
}

/// What a status makes of a payment. One we do not know changes nothing.
pub(in crate::service) fn state_of(status: &str, row: &PaymentRow, clocks: AnswerTime) -> State {
    match status {
        PROCESSED => State::Paid,
        // Only being paid follows a final state; what we called it when we first saw its end stays.
        _ if !row.is_open() => row.state,
        CANCELLED => State::Cancelled,
        "Error" if clocks.are_past(row, Duration::ZERO) => State::Expired,
        "Error" => State::Declined,
        // The token or invoice is dead, and Kaspi has just said that nobody paid it.
        _ if is_outstanding(status) && clocks.are_surely_past(row, outstanding(status, row)) => State::Expired,
        _ if is_outstanding(status) => State::Waiting,
        _ => row.state,
    }
}

/// Whether Kaspi says that a payment is not, or not yet, paid. A word that we do not know says nothing.
pub(super) fn is_unpaid(status: &str) -> bool {
    is_outstanding(status) || matches!(status, CANCELLED | "Error")
}

/// Whether Kaspi says that the customer can still pay.
pub(in crate::service) fn is_outstanding(status: &str) -> bool {
    matches!(status, "QrTokenCreated" | "RemotePaymentCreated" | "Wait")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Amount;
    use crate::store::ConfigRow;

    const HOUR: Duration = Duration::from_secs(3600);

    /// An invoice of a day, made by our clock at noon and by the bank's three hours later.
    fn invoice() -> (PaymentRow, Moment) {
        let at = Moment::from_millis(1_795_000_000_000);
        let amount = Amount::from_tiyn(10_000).unwrap();
        let row =
            PaymentRow::frozen(&ConfigRow::sample(at), &ConfigRow::sample(at).counterparty(), Kind::Remote, amount, at);
        let (expires_at, bank_deadline) = (Some(at.after(24 * HOUR)), Some(at.after(27 * HOUR)));
        (PaymentRow { state: State::Waiting, expires_at, bank_deadline, ..row }, at)
    }

    fn clocks(now: Moment, bank: Option<Moment>, watched: Duration) -> AnswerTime {
        AnswerTime { now, bank, watched }
    }

    /// What the bank calls outstanding is over when both clocks say so, each by its own time.
    #[test]
    fn both_clocks_have_to_agree() {
        let (row, at) = invoice();
        let state = |ours: u32, theirs: u32| {
            state_of("RemotePaymentCreated", &row, clocks(at.after(ours * HOUR), Some(at.after(theirs * HOUR)), HOUR))
        };
        assert_eq!(state(25, 28), State::Expired);
        assert_eq!((state(54, 4), state(2, 54), state(25, 26)), (State::Waiting, State::Waiting, State::Waiting));
    }

    /// Without the bank's time this run must have seen the whole life.
    #[test]
    fn our_clock_alone_ends_nothing() {
        let (row, at) = invoice();
        let state = |word: &str, watched: u32| state_of(word, &row, clocks(at.after(25 * HOUR), None, watched * HOUR));
        for word in ["RemotePaymentCreated", "Wait", "QrTokenCreated"] {
            assert_eq!((state(word, 1), state(word, 24)), (State::Waiting, State::Expired), "{word}");
        }
        // An end that the bank tells is one, whatever we call it.
        assert_eq!((state("Error", 0), state("RemotePaymentCanceled", 0)), (State::Expired, State::Cancelled));
    }

    /// One that was taken in from elsewhere has a life, too, and who has scanned its code has time to confirm.
    #[test]
    fn what_was_taken_in_has_an_end() {
        let (row, at) = invoice();
        let row = PaymentRow { kind: Kind::Qr, expires_at: None, bank_deadline: None, ..row };
        let after = |word: &str, seconds: u64| {
            let now = at.after(Duration::from_secs(seconds));
            state_of(word, &row, clocks(now, Some(now), HOUR))
        };
        assert_eq!((after("QrTokenCreated", 309), after("QrTokenCreated", 310)), (State::Waiting, State::Expired));
        assert_eq!((after("Wait", 370), after("Wait", 375)), (State::Waiting, State::Expired));
    }
}
