//! What a person says of a refund in a history: what is so, which the balance may show later, or a mistake, which a word
//! that is so ends.

use std::rc::Rc;

use super::daemon::{Reading, Rule};
use super::promises::{self, Breach};
use super::world::{Effect, Fate, World, id_of, no_time};
use crate::domain::Evidence;
use crate::store::event::Closed;
use crate::store::{RefundRow, RefundState, Seen};

impl World {
    /// A person looks, and says what is so.
    pub(super) fn true_word(&mut self, rule: Rule, refund: usize, is_read: bool) -> Result<(), Breach> {
        let happened = self.fates[refund].effect != Effect::None;
        if self.word(rule, (refund, happened), is_read)? {
            self.fates[refund].may_come = false;
            return Ok(());
        }
        promises::of_a_refused_word(self, refund, is_read)
    }

    /// A person is mistaken: says the contrary of what is so, or too early that it did not happen.
    pub(super) fn mistake(&mut self, rule: Rule, said: (usize, bool), is_read: bool) -> Result<(), Breach> {
        self.mistakes += 1;
        let before = self.clone();
        let is_taken = self.word(rule, said, is_read)?;
        if is_taken { promises::of_a_mistake(&before, self, said, is_read) } else { Ok(()) }
    }

    /// The balance is read and booked first, where it can be; the word is weighed against it, and it is judged anew with
    /// the word. Whether the word was taken.
    fn word(&mut self, rule: Rule, (refund, happened): (usize, bool), is_read: bool) -> Result<bool, Breach> {
        if is_read {
            // Of what is unsettled nobody speaks before its time is over.
            let is_settled = self.payment.refunds[refund].state == RefundState::Unsettled;
            let _ = self.read(rule, None, is_settled)?;
        }
        let balance = is_read.then(|| self.balance());
        if !(rule.takes)(&self.payment, &self.payment.refunds[refund], happened, balance) {
            return Ok(false);
        }
        let closed = Closed::Refund { refund: id_of(refund), happened };
        Rc::make_mut(&mut self.payment).resolved(&closed, no_time());
        if !happened {
            let fate = &mut self.fates[refund];
            fate.was_denied |= fate.effect != Effect::None || fate.may_come;
            self.give_back(rule, refund);
        }
        let Some(balance) = balance else { return Ok(true) };
        let told = (rule.behind_word)(&self.payment, id_of(refund), happened, balance);
        promises::before_the_balance_of_a_word(self, refund, &told)?;
        let payment = Rc::make_mut(&mut self.payment);
        told.iter().for_each(|seen| payment.seen(seen, no_time()));
        promises::of_the_same_again((rule.read)(&self.payment, Reading { balance, key: None, is_settled: false }))?;
        promises::behind_a_word(self, refund, happened).map(|()| true)
    }

    /// A balance has stood above what is left by our books, and a person lets it stand: so much did not go back elsewhere.
    pub(super) fn take_balance(&mut self) {
        let above = Seen::BalanceAbove(Some(self.balance()));
        let payment = Rc::make_mut(&mut self.payment);
        payment.seen(&above, no_time());
        payment.resolved(&Closed::Paid(true), no_time());
    }

    /// Whether a person's word on it is taken and says something new.
    pub(super) fn is_for_a_person(&self, refund: usize) -> bool {
        let row = &self.payment.refunds[refund];
        (!is_said(row) || is_mistaken(row, self.fates[refund])) && self.payment.account().is_for_a_person(row)
    }

    /// Whether a person has said what is not so, and nothing has ended that.
    pub(super) fn has_mistake(&self) -> bool {
        self.refunds().any(|(_, row, fate)| is_mistaken(row, fate))
    }

    /// The mistakes that a person can make of it.
    pub(super) fn mistakes_of(&self, refund: usize) -> impl Iterator<Item = bool> {
        let (row, fate) = (&self.payment.refunds[refund], self.fates[refund]);
        let is_asked = !is_said(row) && self.payment.account().is_for_a_person(row);
        let may_deny = fate.effect != Effect::None || fate.may_come;
        let may_claim = fate.effect == Effect::None;
        [(true, may_claim), (false, may_deny)]
            .into_iter()
            .filter(move |(_, may)| is_asked && *may)
            .map(|(said, _)| said)
    }
}

fn is_said(row: &RefundRow) -> bool {
    row.evidence() == Some(Evidence::Person)
}

/// Whether a person has said of it what is not so, or may not stay so.
pub(super) fn is_mistaken(row: &RefundRow, fate: Fate) -> bool {
    match row.state {
        RefundState::Success(Evidence::Person) => fate.effect == Effect::None,
        RefundState::Failed { by_person: true } => fate.effect != Effect::None || fate.may_come,
        _ => false,
    }
}
