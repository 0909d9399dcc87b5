//! What the attempts at a refund under one key come to.

use super::refund::RefundRow;
use crate::domain::LogStatus;
use crate::id::RequestKey;
use crate::money::Amount;

/// What the attempts at a refund under one key come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempts<'r> {
    /// None was made, or none happened, surely.
    Nothing,
    /// None was seen to happen, and one may happen still: the key reads the balance before it calls again.
    NotSeen,
    /// Nobody knows of this one.
    InDoubt(&'r RefundRow),
    /// The money went back.
    Happened,
}

impl<'r> Attempts<'r> {
    /// What all that was asked for under a key comes to. Without a key every refund is one of its own.
    pub(super) fn of(refunds: &'r [RefundRow], key: Option<&RequestKey>) -> Self {
        Self::among(refunds, |refund| key.is_some() && refund.key.as_ref() == key)
    }

    /// What the attempts at one intention come to. A key that was free again may have been used for another since.
    pub(super) fn at(refunds: &'r [RefundRow], key: Option<&RequestKey>, asked: Option<Amount>) -> Self {
        Self::among(refunds, |refund| key.is_some() && refund.key.as_ref() == key && refund.asked == asked)
    }

    fn among(refunds: &'r [RefundRow], is_own: impl Fn(&RefundRow) -> bool) -> Self {
        let own = || refunds.iter().filter(|refund| is_own(refund));
        if own().any(|refund| refund.status() == LogStatus::Success) {
            return Self::Happened;
        }
        match own().find(|refund| refund.is_pending()) {
            Some(pending) => Self::InDoubt(pending),
            None if own().any(RefundRow::is_uncertain) => Self::NotSeen,
            None => Self::Nothing,
        }
    }
}
