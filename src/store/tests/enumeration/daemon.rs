//! The daemon's part of a history, in few words: what is read, sent, ended. Every decision is the product's, or a wrong
//! one, to see that it is found.

use std::rc::Rc;

use super::promises::{self, Breach};
use super::world::{Effect, Fate, World, id_of, key_name, no_time, tiyn};
use crate::id::{PaymentId, RequestKey};
use crate::money::Amount;
use crate::store::account::Booking;
use crate::store::event::Ending;
use crate::store::{Attempts, PaymentRow, RefundRow, RefundState, Seen, Stale, Wanted};

/// A reading of the balance, by the key of a refund that is to be sent on it or by nobody.
#[derive(Clone, Copy)]
pub(super) struct Reading<'k> {
    pub(super) balance: Amount,
    pub(super) key: Option<&'k RequestKey>,
    /// Whether the time to settle of what is unsettled is over.
    pub(super) is_settled: bool,
}

/// Who decides.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) read: fn(&PaymentRow, Reading<'_>) -> Result<Vec<Booking>, Stale>,
    /// How much is paid back, if anything.
    pub(super) another: fn(&PaymentRow, &Wanted<'_>) -> Option<Amount>,
    pub(super) attempts: for<'r> fn(&'r PaymentRow, Option<&RequestKey>) -> Attempts<'r>,
    /// Whether a person's word on a refund is taken, beside the balance where that can be read.
    pub(super) takes: fn(&PaymentRow, &RefundRow, bool, Option<Amount>) -> bool,
    /// What a balance tells beside a word that was taken.
    pub(super) behind_word: fn(&PaymentRow, PaymentId, bool, Amount) -> Vec<Seen>,
}

/// The product's rules.
pub(super) const RIGHT: Rule = Rule { read, another, attempts, takes, behind_word: PaymentRow::seen_behind_word };

pub(super) fn read(payment: &PaymentRow, reading: Reading<'_>) -> Result<Vec<Booking>, Stale> {
    payment.account().read(reading.balance, reading.key, |_| reading.is_settled)
}

pub(super) fn another(payment: &PaymentRow, wanted: &Wanted<'_>) -> Option<Amount> {
    payment.account().another(wanted).ok()
}

pub(super) fn attempts<'r>(payment: &'r PaymentRow, key: Option<&RequestKey>) -> Attempts<'r> {
    payment.account().attempts(key)
}

pub(super) fn takes(payment: &PaymentRow, refund: &RefundRow, happened: bool, balance: Option<Amount>) -> bool {
    let account = payment.account();
    account.is_for_a_person(refund) && account.could_be(refund, happened, balance).is_ok()
}

/// A refund that a caller asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub(super) key: Option<usize>,
    /// 0 for all that is left.
    pub(super) amount: u64,
    pub(super) is_repeat: bool,
    /// A person says of this refund what is so, between the reading and the intent. The daemon lets nobody speak then:
    /// this is the wall behind that one.
    pub(super) word: Option<usize>,
}

/// How a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    Refused,
    Lost,
    /// The daemon stops in the middle of the call and starts again.
    Restart,
}

impl World {
    /// Reads and books the balance.
    pub(super) fn read(
        &mut self,
        rule: Rule,
        key: Option<usize>,
        is_settled: bool,
    ) -> Result<Result<(), Stale>, Breach> {
        let (balance, key) = (self.balance(), key.map(key_name));
        let reading = Reading { balance, key: key.as_ref(), is_settled };
        let entries = match (rule.read)(&self.payment, reading) {
            Ok(entries) => entries,
            Err(stale) => return Ok(Err(stale)),
        };
        promises::before_booking(self, &entries)?;
        let before = self.clone();
        if !entries.is_empty() {
            let payment = Rc::make_mut(&mut self.payment);
            entries.iter().for_each(|entry| payment.seen(&Seen::Booked(*entry), no_time()));
            let again = (rule.read)(&self.payment, reading);
            promises::behind_booking(self, &entries, again)?;
        }
        promises::of_the_unsettled(&before, self, is_settled)?;
        promises::of_what_was_read(self)?;
        Ok(Ok(()))
    }

    /// A refund is asked for: the balance first, then the judgement and the intent. Whether it was sent.
    pub(super) fn ask(&mut self, rule: Rule, ask: Ask) -> Result<bool, Breach> {
        let key = ask.key.map(key_name);
        let asked = Some(ask.amount).filter(|amount| *amount > 0).map(tiyn);
        let stands = ask.key.and_then(|key| self.keys.get(key).copied().flatten());
        let is_conflict = stands.is_some_and(|wrote| wrote != ask.amount);
        let has_happened =
            stands.is_some() && self.payment.account().attempts_at(key.as_ref(), asked) == Attempts::Happened;
        if is_conflict || has_happened || self.running().is_some() || self.read(rule, ask.key, false)?.is_err() {
            return Ok(false);
        }
        let balance = self.balance();
        if let Some(refund) = ask.word.filter(|refund| self.is_for_a_person(*refund)) {
            self.true_word(rule, refund, false)?;
        }
        let wanted = Wanted { amount: asked, key: key.as_ref(), is_repeat: ask.is_repeat, balance: Some(balance) };
        let Some(amount) = (rule.another)(&self.payment, &wanted) else { return Ok(false) };
        promises::of_a_sending(self, &ask, amount)?;
        self.intend(
            ask,
            RefundRow {
                id: id_of(self.fates.len()),
                amount,
                state: RefundState::Running,
                at: no_time(),
                key,
                balance_before: Some(balance),
                return_operation_id: None,
                is_claimed: false,
                asked,
            },
        );
        Ok(true)
    }

    fn intend(&mut self, ask: Ask, refund: RefundRow) {
        Rc::make_mut(&mut self.payment).refunds.push(refund);
        self.fates.push(Fate { effect: Effect::None, may_come: true, was_denied: false });
        if let Some(key) = ask.key {
            self.keys.resize(self.keys.len().max(key + 1), None);
            self.keys[key] = Some(ask.amount);
        }
    }

    /// The call that runs ends.
    pub(super) fn end(&mut self, rule: Rule, refund: usize, answer: Answer) {
        let ending = match answer {
            Answer::Done => Ending::Refunded { return_operation_id: None },
            Answer::Refused => Ending::Nothing,
            Answer::Lost | Answer::Restart => Ending::RefundLost,
        };
        self.fates[refund].may_come &= ending == Ending::RefundLost;
        Rc::make_mut(&mut self.payment).ended(&ending, Some(id_of(refund)), no_time());
        if ending == Ending::Nothing {
            self.give_back(rule, refund);
        }
    }

    pub(super) fn give_back(&mut self, rule: Rule, refund: usize) {
        let key = self.payment.refunds[refund].key.clone();
        let is_nothing = (rule.attempts)(&self.payment, key.as_ref()) == Attempts::Nothing;
        let place = (0..self.keys.len()).find(|place| Some(key_name(*place)) == key);
        if let Some(place) = place.filter(|_| is_nothing) {
            self.keys[place] = None;
        }
    }
}
