//! The account of a payment: what of its money went back. It holds the amount, each refund and what went back without
//! us, and is the only place that decides what a reading of the bank's balance means. It decides; nothing else books.
//!
//! The bank lists no refunds. All it tells is how much can still be paid back, and it may tell that late, of one refund
//! later than of another. A fall of the balance is therefore booked on a refund only where no refund that may have
//! happened is left out by it: to call the wrong one failed would free its key, and its key would pay the customer
//! twice. A refund called a success that the cashier made in the app instead leaves every sum as it is.
//!
//! What makes this sound: a refund is sent only when what is booked is what the balance shows. From then on each refund
//! that comes to be shown falls in full, behind what is known by the bank's or a person's word and not shown yet.

use serde::{Deserialize, Serialize};

use super::attempts::Attempts;
use super::refund::{RefundRow, RefundState};
use crate::domain::{Evidence, LogStatus};
use crate::id::{PaymentId, RequestKey};
use crate::money::Amount;

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

/// A reading above what the refunds that are known leave: the bank shows its books late. It proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stale;

/// Why a word on a refund cannot be true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untrue {
    /// More would have gone back than was paid.
    MoreThanPaid,
    /// The balance, which has fallen by it.
    Fallen(Amount),
}

/// What of a payment's money went back, as far as known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account<'r> {
    amount: Amount,
    elsewhere: Amount,
    pub(super) refunds: &'r [RefundRow],
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

    /// What all that was asked for under a key comes to.
    pub(crate) fn attempts(&self, key: Option<&RequestKey>) -> Attempts<'r> {
        Attempts::of(self.refunds, key)
    }

    /// What the attempts at one intention come to.
    pub(crate) fn attempts_at(&self, key: Option<&RequestKey>, asked: Option<Amount>) -> Attempts<'r> {
        Attempts::at(self.refunds, key, asked)
    }

    /// Whether the money of this refund went back by an attempt under its key.
    pub(crate) fn is_done(&self, refund: &RefundRow) -> bool {
        self.attempts_at(refund.key.as_ref(), refund.asked) == Attempts::Happened
    }

    /// Whether a person's word may end or correct what is known of a refund. An attempt that was not seen is nobody's
    /// question any more once another of its key is known to have happened: nobody can tell the two apart.
    pub(crate) fn is_for_a_person(&self, refund: &RefundRow) -> bool {
        refund.is_for_a_person() && !(refund.state == RefundState::Watched && self.is_done(refund))
    }

    /// Whether a word on a refund can be true beside all that is known without it, and what the bank says is left. A
    /// balance that has not fallen proves nothing, since the bank's books may be behind: it never overrules a yes, which
    /// frees no money. One that has fallen does overrule a no.
    ///
    /// # Errors
    /// Why not.
    pub(crate) fn could_be(&self, refund: &RefundRow, happened: bool, balance: Option<Amount>) -> Result<(), Untrue> {
        let others = self.refunds.iter().filter(|other| other.id != refund.id && other.status() == LogStatus::Success);
        let others = sum(others);
        if happened {
            // With a balance at hand, what was thought to have gone back elsewhere may have been this refund.
            let elsewhere = if balance.is_some() { Amount::default() } else { self.elsewhere };
            let gone = others.plus(refund.amount).and_then(|ours| ours.plus(elsewhere));
            return gone.filter(|gone| *gone <= self.amount).map(drop).ok_or(Untrue::MoreThanPaid);
        }
        let known = others.plus(refund.amount).and_then(|ours| ours.plus(self.elsewhere));
        let gone = balance.map(|balance| self.amount.minus(balance).unwrap_or_default());
        match (gone, balance) {
            (Some(gone), Some(balance))
                if refund.status() == LogStatus::Success && known.is_some_and(|k| gone >= k) =>
            {
                Err(Untrue::Fallen(balance))
            }
            _ => Ok(()),
        }
    }

    /// What went back elsewhere, where a person's yes has shown that a part of that was this refund of ours. What had
    /// fallen before it was sent was not: such a balance does not show it yet.
    pub(crate) fn elsewhere_beside(&self, refund: &RefundRow, balance: Amount) -> Option<Booking> {
        let rest = self.without_ours(balance).filter(|_| refund.may_be_in(balance))?;
        (rest < self.elsewhere).then_some(Booking::Elsewhere(rest))
    }

    /// What a balance has fallen by without the refunds of ours that it may show; none where they explain more.
    pub(super) fn without_ours(&self, balance: Amount) -> Option<Amount> {
        let done = self.refunds.iter().filter(|refund| refund.status() == LogStatus::Success);
        self.amount.minus(balance)?.minus(sum(done.filter(|refund| refund.may_be_in(balance))))
    }

    /// The one refund that an earlier balance called done and by exactly which a balance is too high; where there is none,
    /// the one that a person called so, and then the one that the bank itself has answered.
    pub(crate) fn too_much(&self, balance: Amount) -> Option<&'r RefundRow> {
        let more = balance.minus(self.left())?;
        let of = |evidence| {
            let fits =
                move |refund: &&RefundRow| refund.amount == more && refund.state == RefundState::Success(evidence);
            self.refunds.iter().filter(fits)
        };
        let mut weakest = [Evidence::Balance, Evidence::Person, Evidence::Answer]
            .map(of)
            .into_iter()
            .find(|of| of.clone().next().is_some())?;
        weakest.next().filter(|_| weakest.next().is_none())
    }

    /// What a reading of the balance books: one that `key` makes before it calls, or nobody's. `is_settled` tells of an
    /// unsettled refund whether its time to settle was over before the reading was made.
    ///
    /// # Errors
    /// [`Stale`]: the reading proves nothing.
    pub(crate) fn read(
        &self,
        balance: Amount,
        key: Option<&RequestKey>,
        is_settled: impl Fn(&RefundRow) -> bool,
    ) -> Result<Vec<Booking>, Stale> {
        let (fall, open) = self.fall(balance).ok_or(Stale)?;
        let (mut part, mut rest): (Vec<&RefundRow>, Vec<_>) =
            open.into_iter().partition(|refund| self.may_show(refund, balance, fall));
        if part.iter().any(|refund| refund.state == RefundState::Running) {
            // Its own end comes first.
            return Ok(Vec::new());
        }
        // To be called failed, or about to be called again.
        let is_due = |refund: &RefundRow| match refund.state {
            RefundState::Unsettled => is_settled(refund),
            RefundState::Watched => key.is_some() && refund.key.as_ref() == key,
            _ => false,
        };
        let told = if self.settles(&part, fall) {
            happened(&part)
        } else {
            // What went back under its key by another attempt went back once.
            rest.extend(part.extract_if(.., |refund| self.is_done(refund)));
            self.explained(fall, &part, is_due)
        };
        let is_unseen = |refund: &&RefundRow| match refund.state {
            RefundState::Unsettled => is_settled(refund),
            RefundState::Doubted => self.is_done(refund),
            RefundState::Success(_) => refund.is_claim(),
            RefundState::Running | RefundState::Failed { .. } | RefundState::Watched => false,
        };
        Ok(rest.into_iter().filter(is_unseen).map(|refund| Booking::NotSeen(refund.id)).chain(told).collect())
    }

    /// How much more a balance has fallen than is known, and the refunds that may account for it.
    fn fall(&self, balance: Amount) -> Option<(Amount, Vec<&'r RefundRow>)> {
        let claimed = sum(self.claims());
        let known = self.refunded().minus(claimed)?.plus(self.elsewhere)?;
        let fall = self.amount.minus(balance)?.minus(known)?;
        let uncertain = self.refunds.iter().filter(|refund| refund.is_uncertain());
        match fall.minus(claimed) {
            Some(beyond) => Some((beyond, uncertain.collect())),
            // Not all that the earlier system claims is in the bank's books: none of it is taken for granted.
            None => Some((fall, uncertain.chain(self.claims()).collect())),
        }
    }

    /// Whether a refund may be a part of what a reading shows: of what fell since it was sent, and of what is not
    /// known otherwise. What is known by somebody's word alone may not be shown yet, and hides another refund then.
    fn may_show(&self, refund: &RefundRow, balance: Amount, fall: Amount) -> bool {
        let by_word = sum(self.refunds.iter().filter(|other| other.is_known_by_word()));
        let unknown = fall.plus(by_word).unwrap_or(Amount::LIMIT);
        let since = refund.balance_before.map_or(unknown, |before| before.minus(balance).unwrap_or_default());
        refund.amount <= unknown.min(since)
    }

    /// What a fall means, beyond what is known, of which every refund of `part` may be a part and which they do not
    /// make together.
    fn explained(&self, fall: Amount, part: &[&'r RefundRow], is_due: impl Fn(&RefundRow) -> bool) -> Vec<Booking> {
        if fall.is_zero() {
            // Hidden by what is known, perhaps.
            return doubted(part.iter().filter(|refund| is_due(refund)));
        }
        if part.is_empty() {
            return self.elsewhere.plus(fall).map(Booking::Elsewhere).into_iter().collect();
        }
        // Of several attempts of one key one has happened; which, makes no difference to anybody.
        let (last, earlier): (Vec<&RefundRow>, Vec<_>) = part.iter().partition(|refund| is_last_of_key(refund, part));
        if !self.settles(&last, fall) {
            return doubted(part.iter());
        }
        let unseen = earlier.iter().filter(|refund| refund.is_pending()).map(|refund| Booking::NotSeen(refund.id));
        happened(&last).into_iter().chain(unseen).collect()
    }

    /// Whether refunds make this fall together, and nothing that is known by word alone could be it as well.
    fn settles(&self, part: &[&RefundRow], fall: Amount) -> bool {
        let first = self.refunds.iter().position(|refund| part.iter().any(|of| of.id == refund.id));
        let hidden = first.map_or_else(Vec::new, |first| self.maybe_hidden(first));
        make(part, fall) && !may_make(&hidden, fall)
    }

    /// The refunds known by word alone that may not have been shown when this one was sent: more than ours had gone back
    /// since each was sent, and what went elsewhere may stand in its place. Else what is booked was what the balance
    /// showed, and held it.
    fn maybe_hidden(&self, sent: usize) -> Vec<&'r RefundRow> {
        let Some(balance) = self.refunds.get(sent).and_then(|refund| refund.balance_before) else { return Vec::new() };
        let before = self.refunds.iter().enumerate().take(sent);
        let may_be = |(place, refund): &(usize, &RefundRow)| {
            let Some(was) = refund.balance_before.filter(|_| refund.is_known_by_word()) else { return false };
            let since = self.refunds.iter().take(sent).skip(*place);
            let ours = sum(since.filter(|refund| refund.status() == LogStatus::Success));
            was.minus(balance).is_some_and(|fallen| fallen > ours)
        };
        before.filter(may_be).map(|(_, refund)| refund).collect()
    }

    /// What an earlier system says was paid back and no reading has judged: the first refund of ours is sent on one
    /// that has.
    fn claims(&self) -> impl Iterator<Item = &'r RefundRow> {
        let is_judged = self.refunds.iter().any(|refund| refund.balance_before.is_some());
        self.refunds.iter().filter(move |refund| !is_judged && refund.is_claim())
    }
}

/// Whether refunds make this fall together.
fn make(refunds: &[&RefundRow], fall: Amount) -> bool {
    refunds.iter().try_fold(Amount::ZERO, |total, refund| total.plus(refund.amount)) == Some(fall)
}

/// So many are looked through for who makes a fall together; of more any may be.
const MANY: usize = 12;

/// Whether some of these refunds, and at least one, may make this fall together.
fn may_make(refunds: &[&RefundRow], fall: Amount) -> bool {
    if refunds.len() > MANY {
        return true;
    }
    let Some((first, others)) = refunds.split_first() else { return false };
    let without = |rest: Amount| rest.is_zero() || may_make(others, rest);
    may_make(others, fall) || fall.minus(first.amount).is_some_and(without)
}

fn happened(refunds: &[&RefundRow]) -> Vec<Booking> {
    refunds.iter().map(|refund| Booking::Happened(refund.id)).collect()
}

fn doubted<'a>(refunds: impl Iterator<Item = &'a &'a RefundRow>) -> Vec<Booking> {
    let news = refunds.filter(|refund| refund.state != RefundState::Doubted);
    news.map(|refund| Booking::Doubted(refund.id)).collect()
}

/// Whether no later refund of `among` is an attempt at the same intention.
fn is_last_of_key(refund: &RefundRow, among: &[&RefundRow]) -> bool {
    let is_same =
        |other: &&&RefundRow| refund.key.is_some() && (&other.key, other.asked) == (&refund.key, refund.asked);
    among.iter().rfind(is_same).is_none_or(|last| last.id == refund.id)
}

fn sum<'r>(refunds: impl Iterator<Item = &'r RefundRow>) -> Amount {
    refunds.fold(Amount::ZERO, |total, refund| total.plus(refund.amount).unwrap_or(Amount::LIMIT))
}
