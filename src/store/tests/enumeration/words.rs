//! What a person says of a refund in a history. It is always what is so; the balance may show it later.

use std::rc::Rc;

use super::daemon::Rule;
use super::promises::{self, Breach};
use super::world::{Effect, World, id_of, no_time};
use crate::operation::Evidence;
use crate::store::RefundState;
use crate::store::event::Closed;

impl World {
    /// A person looks, and says what is so. The balance is read and booked first, where it can be; the word is weighed
    /// against it, and it is judged anew with the word.
    pub(super) fn word(&mut self, rule: Rule, refund: usize, is_read: bool) -> Result<(), Breach> {
        let happened = self.fates[refund].effect != Effect::None;
        if is_read {
            // Of what is unsettled nobody speaks before its time is over.
            let is_settled = self.payment.refunds[refund].state == RefundState::Unsettled;
            let _ = self.read(rule, None, is_settled)?;
        }
        let balance = is_read.then(|| self.balance());
        let row = &self.payment.refunds[refund];
        if !(rule.takes)(&self.payment, row, happened, balance) {
            return promises::of_a_refused_word(self, row, happened, is_read);
        }
        self.fates[refund].may_come = false;
        let closed = Closed::Refund { refund: id_of(refund), happened };
        Rc::make_mut(&mut self.payment).resolved(&closed, no_time());
        if !happened {
            self.give_back(rule, refund);
        }
        let Some(balance) = balance else { return Ok(()) };
        let told = (rule.behind_word)(&self.payment, happened, balance);
        promises::before_the_balance_of_a_word(self, &told)?;
        let payment = Rc::make_mut(&mut self.payment);
        told.iter().for_each(|seen| payment.seen(seen, no_time()));
        promises::behind_a_word(self)
    }

    /// Whether a person's word on it says something new.
    pub(super) fn is_for_a_person(&self, refund: usize) -> bool {
        let said = [RefundState::Success(Evidence::Person), RefundState::Failed { by_person: true }];
        let row = &self.payment.refunds[refund];
        !said.contains(&row.state) && self.payment.account().is_for_a_person(row)
    }
}
