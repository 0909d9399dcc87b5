//! The account of a payment: what of its money went back. It holds the amount, each refund and what went back without
//! us, and is the only place that decides what a reading of the bank's balance means. It decides; nothing else books.
//!
//! The bank lists no refunds. All it tells is how much can still be paid back, and it may tell that late. A fall of the
//! balance is therefore booked on a refund only where no refund that may have happened is left out by it: to call the
//! wrong one failed would free its key, and its key would pay the customer twice. A refund called a success that the
//! cashier made in the app instead leaves every sum as it is.

use serde::{Deserialize, Serialize};

use crate::id::{PaymentId, RequestKey};
use crate::moment::Moment;
use crate::money::Amount;
use crate::operation::{Evidence, LogStatus};

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum RefundState {
    /// Its call has begun and not ended.
    Running,
    /// Its answer was lost. The balance decides, as soon as a reading can.
    Unsettled,
    /// The balance fell and may have fallen by it, or there is no balance to read: a person ends it.
    Doubted,
    /// The money went back.
    Success(Evidence),
    /// It surely did not happen: the bank refused it, it was never sent, or a person says so (`true`).
    Failed { by_person: bool },
    /// The balance had not fallen by it when its time to settle was over. It may still happen.
    Watched,
}

/// A refund of a payment: one call to the bank. A key that calls again makes another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefundRow {
    pub(crate) id: PaymentId,
    pub(crate) amount: Amount,
    pub(crate) state: RefundState,
    /// When it was intended.
    pub(crate) at: Moment,
    /// Refunds of one key are attempts at one intention.
    pub(crate) key: Option<RequestKey>,
    /// What the bank said could be paid back before it was sent.
    pub(crate) balance_before: Option<Amount>,
    pub(crate) return_operation_id: Option<String>,
    /// An earlier system's log claims it. The bank's books may know better.
    pub(crate) is_claimed: bool,
}

/// What a reading books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Booking {
    /// The refund happened.
    Happened(PaymentId),
    /// The balance has not fallen by the refund.
    NotSeen(PaymentId),
    /// The balance fell and may have fallen by the refund: nobody but a person can tell.
    Doubted(PaymentId),
    /// So much went back without us, in all.
    Elsewhere(Amount),
}

impl Booking {
    /// The refund it is about.
    fn refund(self) -> Option<PaymentId> {
        match self {
            Self::Happened(refund) | Self::NotSeen(refund) | Self::Doubted(refund) => Some(refund),
            Self::Elsewhere(_) => None,
        }
    }
}

/// A reading above what the refunds that are known leave: the bank shows its books late. It proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stale;

/// Why a word on a refund cannot be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untrue {
    /// More would have gone back than was paid.
    MoreThanPaid,
    /// The balance, which has not fallen by it.
    NotFallen(Amount),
    /// The balance, which has fallen by it.
    Fallen(Amount),
}

/// What the attempts under a key have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempts<'r> {
    /// One happened: the key has what it asked for.
    Happened,
    /// Of this one nobody knows: the key may not call again.
    InDoubt(&'r RefundRow),
    /// None is known to have happened, and none is in doubt.
    None,
}

/// What of a payment's money went back, as far as known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account<'r> {
    amount: Amount,
    elsewhere: Amount,
    refunds: &'r [RefundRow],
}

impl RefundRow {
    /// As the log and callers call it.
    pub(crate) fn status(&self) -> LogStatus {
        match self.state {
            RefundState::Running | RefundState::Unsettled | RefundState::Doubted => LogStatus::Pending,
            RefundState::Success(_) => LogStatus::Success,
            RefundState::Failed { .. } | RefundState::Watched => LogStatus::Failed,
        }
    }

    /// How that is known.
    pub(crate) fn evidence(&self) -> Option<Evidence> {
        match self.state {
            RefundState::Success(evidence) => Some(evidence),
            RefundState::Watched => Some(Evidence::Balance),
            RefundState::Failed { by_person: true } => Some(Evidence::Person),
            RefundState::Failed { by_person: false }
            | RefundState::Running
            | RefundState::Unsettled
            | RefundState::Doubted => None,
        }
    }

    /// Whether nobody knows (yet) if it happened.
    pub(crate) fn is_pending(&self) -> bool {
        self.status() == LogStatus::Pending
    }

    /// Whether it may have happened, or may happen still.
    fn is_uncertain(&self) -> bool {
        self.is_pending() || self.state == RefundState::Watched
    }

    /// Whether a person's word may end or correct it: what nobody knows, what the balance has not shown, and what only a
    /// person or a balance has said before.
    pub(crate) fn is_for_a_person(&self) -> bool {
        match self.state {
            RefundState::Unsettled | RefundState::Doubted | RefundState::Watched => true,
            RefundState::Success(evidence) => evidence != Evidence::Answer,
            RefundState::Failed { by_person } => by_person,
            RefundState::Running => false,
        }
    }
}

impl<'r> Account<'r> {
    /// Of a payment of `amount`, of which `elsewhere` went back without us.
    pub(crate) fn new(amount: Amount, elsewhere: Amount, refunds: &'r [RefundRow]) -> Self {
        Self { amount, elsewhere, refunds }
    }

    /// Paid back through us or, as far as it claims, through an earlier system.
    pub(crate) fn refunded(&self) -> Amount {
        sum(self.refunds.iter().filter(|refund| refund.status() == LogStatus::Success))
    }

    /// What is left to be paid back, as far as known.
    pub(crate) fn left(&self) -> Amount {
        let gone = self.refunded().plus(self.elsewhere).unwrap_or(self.amount);
        self.amount.minus(gone).unwrap_or_default()
    }

    /// What the refunds of a key have come to; without a key each request is an intention of its own.
    pub(crate) fn attempts(&self, key: Option<&RequestKey>) -> Attempts<'r> {
        let own = || self.refunds.iter().filter(|refund| key.is_some() && refund.key.as_ref() == key);
        if own().any(|refund| refund.status() == LogStatus::Success) {
            return Attempts::Happened;
        }
        own().find(|refund| refund.is_pending()).map_or(Attempts::None, Attempts::InDoubt)
    }

    /// Whether a word on a refund can be true beside all that is known without it, and what the bank says is left.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn could_be(&self, refund: &RefundRow, happened: bool, balance: Option<Amount>) -> Result<(), Untrue> {
        let others = self.refunds.iter().filter(|other| other.id != refund.id && other.status() == LogStatus::Success);
        let with_it = sum(others).plus(self.elsewhere).and_then(|others| others.plus(refund.amount));
        let with_it = with_it.filter(|gone| *gone <= self.amount);
        let gone = balance.map(|balance| (balance, self.amount.minus(balance).unwrap_or_default()));
        match (with_it, gone) {
            (None, _) if happened => Err(Untrue::MoreThanPaid),
            (Some(with_it), Some((balance, gone))) if happened && gone < with_it => Err(Untrue::NotFallen(balance)),
            (Some(with_it), Some((balance, gone)))
                if !happened && refund.status() == LogStatus::Success && gone >= with_it =>
            {
                Err(Untrue::Fallen(balance))
            }
            _ => Ok(()),
        }
    }

    /// The one refund that a person or an earlier balance called done and by exactly which a balance is too high.
    pub(crate) fn too_much(&self, balance: Amount) -> Option<&'r RefundRow> {
        let more = balance.minus(self.left())?;
        let mut done =
            self.refunds.iter().filter(|refund| refund.status() == LogStatus::Success && refund.amount == more);
        let only = done.next().filter(|_| done.next().is_none())?;
        only.is_for_a_person().then_some(only)
    }

    /// Whether something under a key moved money, or may have.
    pub(crate) fn is_spent(&self, key: &RequestKey) -> bool {
        let is_sure = |refund: &RefundRow| matches!(refund.state, RefundState::Failed { .. });
        self.refunds.iter().any(|refund| refund.key.as_ref() == Some(key) && !is_sure(refund))
    }

    /// The refund that stands in the way of another of `amount` under `key`: one of which nobody knows whether it
    /// happened, or, unless it is repeated on purpose, one of the same amount that may still happen.
    pub(crate) fn in_the_way(&self, amount: Amount, key: Option<&RequestKey>, repeat: bool) -> Option<&'r RefundRow> {
        let of_key = |refund: &RefundRow| key.is_some() && refund.key.as_ref() == key;
        let is_watched = |refund: &&RefundRow| {
            refund.state == RefundState::Watched && !refund.is_claimed && refund.amount == amount && !of_key(refund)
        };
        let pending = self.refunds.iter().find(|refund| refund.is_pending());
        pending.or_else(|| self.refunds.iter().find(is_watched).filter(|_| !repeat))
    }

    /// What a reading of the balance books. `is_settled` tells of an unsettled refund whether its time to settle was
    /// over before the reading was made.
    ///
    /// # Errors
    /// [`Stale`]: the reading proves nothing.
    pub(crate) fn read(&self, balance: Amount, is_settled: impl Fn(&RefundRow) -> bool) -> Result<Vec<Booking>, Stale> {
        let claimed = sum(self.claims());
        let known = self.refunded().minus(claimed).and_then(|ours| ours.plus(self.elsewhere)).ok_or(Stale)?;
        let fall = self.amount.minus(balance).and_then(|gone| gone.minus(known)).ok_or(Stale)?;
        let mut bookings = Vec::new();
        let (fall, uncertain): (_, Vec<&RefundRow>) = match fall.minus(claimed) {
            Some(beyond) => (beyond, self.refunds.iter().filter(|refund| refund.is_uncertain()).collect()),
            // Not all that the earlier system claims is in the bank's books: none of it is taken for granted.
            None => {
                bookings.extend(self.claims().map(|claim| Booking::NotSeen(claim.id)));
                let is_open = |refund: &&RefundRow| refund.is_uncertain() || is_backed_by_a_claim(refund);
                (fall, self.refunds.iter().filter(is_open).collect())
            }
        };
        let (part, rest): (Vec<&RefundRow>, Vec<_>) = uncertain.into_iter().partition(|refund| refund.amount <= fall);
        if !part.is_empty() && part.iter().any(|refund| refund.state == RefundState::Running) {
            // Its own end comes first.
            return Ok(Vec::new());
        }
        let unseen = rest.iter().filter(|refund| refund.state == RefundState::Unsettled && is_settled(refund));
        bookings.extend(unseen.map(|refund| Booking::NotSeen(refund.id)));
        let explained = self.explained(fall, &part);
        bookings.retain(|booking| !explained.iter().any(|found| found.refund() == booking.refund()));
        bookings.extend(explained);
        Ok(bookings)
    }

    /// What a fall means, beyond what is known, of which every refund of `part` may be a part.
    fn explained(&self, fall: Amount, part: &[&'r RefundRow]) -> Vec<Booking> {
        if fall.is_zero() {
            return Vec::new();
        }
        if part.is_empty() {
            return self.elsewhere.plus(fall).map(Booking::Elsewhere).into_iter().collect();
        }
        if sum(part.iter().copied()) == fall {
            return part.iter().map(|refund| Booking::Happened(refund.id)).collect();
        }
        // Of several attempts of one key one has happened; which, makes no difference to anybody.
        let attempts: Vec<&RefundRow> = part.iter().copied().filter(|refund| is_last_of_key(refund, part)).collect();
        if sum(attempts.iter().copied()) == fall {
            return attempts.iter().map(|refund| Booking::Happened(refund.id)).collect();
        }
        let news = part.iter().filter(|refund| refund.state != RefundState::Doubted);
        news.map(|refund| Booking::Doubted(refund.id)).collect()
    }

    /// What an earlier system says was paid back and nothing has contradicted.
    fn claims(&self) -> impl Iterator<Item = &'r RefundRow> {
        self.refunds.iter().filter(|refund| is_backed_by_a_claim(refund))
    }
}

fn is_backed_by_a_claim(refund: &RefundRow) -> bool {
    refund.is_claimed && refund.state == RefundState::Success(Evidence::Answer)
}

/// Whether no later refund of `among` is an attempt at the same intention.
fn is_last_of_key(refund: &RefundRow, among: &[&RefundRow]) -> bool {
    let is_same = |other: &&&RefundRow| refund.key.is_some() && other.key == refund.key;
    among.iter().rfind(is_same).is_none_or(|last| last.id == refund.id)
}

fn sum<'r>(refunds: impl Iterator<Item = &'r RefundRow>) -> Amount {
    refunds.fold(Amount::ZERO, |total, refund| total.plus(refund.amount).unwrap_or(Amount::LIMIT))
}
