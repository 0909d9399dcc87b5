//! Whether another refund of a payment may be made.

use super::account::Account;
use super::attempts::Attempts;
use super::refund::{RefundRow, RefundState};
use crate::id::RequestKey;
use crate::money::Amount;

/// A refund that somebody wants to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'k> {
    /// None for all that is left.
    pub(crate) amount: Option<Amount>,
    pub(crate) key: Option<&'k RequestKey>,
    /// The same amount as one that may still happen, on purpose.
    pub(crate) is_repeat: bool,
    /// Read just before, where the bank has one.
    pub(crate) balance: Option<Amount>,
}

/// Why a refund is not to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AttemptObstacle<'r> {
    /// Under its key the money went back already.
    Happened,
    /// Nobody knows whether it went back under its key.
    InDoubt(&'r RefundRow),
    /// The balance says something else than what is known: it is late, or somebody has said something meanwhile.
    Stale,
    /// So much is left, and it is less.
    Exceeds(Amount),
    /// Another refund stands in its way.
    Open(&'r RefundRow),
}

impl<'r> Account<'r> {
    /// Whether another refund may be made, and how much it pays back.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn another(&self, wanted: &Wanted<'_>) -> Result<Amount, AttemptObstacle<'r>> {
        match self.attempts_at(wanted.key, wanted.amount) {
            Attempts::Happened => return Err(AttemptObstacle::Happened),
            Attempts::InDoubt(own) => return Err(AttemptObstacle::InDoubt(own)),
            Attempts::Nothing | Attempts::NotSeen => {}
        }
        // Somebody may have said something since it was read.
        let is_told = |balance| self.read(balance, wanted.key, |_| false).is_ok_and(|entries| entries.is_empty());
        if wanted.balance.is_some_and(|balance| !is_told(balance)) {
            return Err(AttemptObstacle::Stale);
        }
        let left = wanted.balance.map_or(self.left(), |balance| balance.min(self.left()));
        let amount = wanted.amount.unwrap_or(left);
        if left.is_zero() || amount > left {
            return Err(AttemptObstacle::Exceeds(left));
        }
        match self.in_the_way(amount, wanted) {
            Some(other) => Err(AttemptObstacle::Open(other)),
            None => Ok(amount),
        }
    }

    /// The refund that stands in the way of another of `amount`: one of which nobody knows whether it happened, or,
    /// unless it is repeated on purpose, one of the same amount that may still happen.
    fn in_the_way(&self, amount: Amount, wanted: &Wanted<'_>) -> Option<&'r RefundRow> {
        let of_key = |refund: &RefundRow| wanted.key.is_some() && refund.key.as_ref() == wanted.key;
        let is_watched =
            |refund: &&RefundRow| refund.state == RefundState::Watched && !refund.is_claimed && !self.is_done(refund);
        let pending = self.refunds.iter().find(|refund| refund.is_pending());
        let mut watched = self.refunds.iter().filter(is_watched);
        pending.or_else(|| watched.find(|refund| refund.amount == amount && !of_key(refund) && !wanted.is_repeat))
    }
}
