//! What an end, a sight and a person's word make of a payment. Every change of a stored payment is one of these.

use super::account::{Booking, Stale};
use super::event::{Closed, Ending};
use super::ownership;
use super::payment::{PaymentRow, Seen};
use super::refund::{RefundRow, RefundState};
use crate::domain::{Dialect, Evidence, State};
use crate::id::PaymentId;
use crate::moment::Moment;
use crate::money::Amount;

impl PaymentRow {
    /// What the end of its own call makes of it; `refund` is the one the call was about.
    pub(super) fn ended(&mut self, ending: &Ending, refund: Option<PaymentId>, at: Moment) {
        self.updated_at = at;
        match ending {
            Ending::Nothing => self.put_refund(refund, RefundState::Failed { by_person: false }),
            Ending::Created { qr_payment_id, link, qr_token, expires_at, bank_deadline, poll_every_ms, confirm_ms } => {
                self.state = State::Waiting;
                self.qr_payment_id = Some(qr_payment_id.clone());
                self.link.clone_from(link);
                self.qr_token.clone_from(qr_token);
                self.expires_at = *expires_at;
                self.bank_deadline = *bank_deadline;
                self.poll_every_ms = *poll_every_ms;
                self.confirm_ms = *confirm_ms;
            }
            Ending::Lost { dead_at } => {
                self.state = State::Unknown;
                self.expires_at = *dead_at;
            }
            Ending::NumberTaken { qr_payment_id, by } => {
                self.state = State::Unknown;
                self.number_taken = Some((qr_payment_id.clone(), *by));
            }
            Ending::Cancelled { kaspi_status } => {
                self.kaspi_status = Some(kaspi_status.clone());
                match self.state {
                    // Our clock said so; the bank has now said what it is.
                    State::Expired => self.state = State::Cancelled,
                    _ => self.become_state(State::Cancelled, None),
                }
            }
            Ending::Refunded { return_operation_id } => {
                self.put_refund(refund, RefundState::Success(Evidence::Answer));
                if let Some(refund) = refund.and_then(|id| self.refund_mut(id)) {
                    refund.return_operation_id.clone_from(return_operation_id);
                }
            }
            Ending::RefundLost => {
                // The guide's bank has no balance that could tell.
                let can_be_read = self.dialect == Dialect::Bank;
                let state = if can_be_read { RefundState::Unsettled } else { RefundState::Doubted };
                self.put_refund(refund, state);
            }
        }
    }

    fn put_refund(&mut self, refund: Option<PaymentId>, state: RefundState) {
        if let Some(refund) = refund.and_then(|id| self.refund_mut(id)) {
            refund.state = state;
        }
    }

    pub(super) fn booked(&mut self, booking: Booking) {
        match booking {
            Booking::Happened(refund) => self.put_refund(Some(refund), RefundState::Success(Evidence::Balance)),
            Booking::NotSeen(refund) => self.put_refund(Some(refund), RefundState::Watched),
            Booking::Doubted(refund) => self.put_refund(Some(refund), RefundState::Doubted),
            Booking::Elsewhere(sum) => self.refunded_elsewhere = sum,
        }
    }

    /// What a sight of it at Kaspi makes of it.
    pub(super) fn seen(&mut self, seen: &Seen, at: Moment) {
        self.updated_at = at;
        match seen {
            Seen::Status { kaspi_status, state, paid_at, total, details } => {
                self.kaspi_status = Some(kaspi_status.clone());
                details.iter().for_each(|read| ownership::read_details(self, read));
                total.iter().for_each(|total| ownership::status_told(self, *total));
                self.become_state(*state, *paid_at);
            }
            Seen::Details(read) => ownership::read_details(self, read),
            Seen::Total(total) => ownership::status_told(self, *total),
            Seen::Contradicted { kaspi_status } => {
                self.kaspi_status = Some(kaspi_status.clone());
                self.contradiction = Some(kaspi_status.clone());
            }
            Seen::Confirmed { kaspi_status } => {
                self.kaspi_status = Some(kaspi_status.clone());
                (self.contradiction, self.overruled) = (None, None);
            }
            Seen::Booked(booking) => self.booked(*booking),
            Seen::BalanceAbove(balance) => {
                let since = self.balance_above.map_or(at, |(_, since)| since);
                self.balance_above = balance.map(|balance| (balance, since));
            }
            Seen::Dead if self.state == State::Unknown => self.become_state(State::Expired, None),
            Seen::Dead => {}
        }
    }

    /// What a person's word makes of it.
    pub(super) fn resolved(&mut self, closed: &Closed, at: Moment) {
        self.updated_at = at;
        match closed {
            Closed::Attached { qr_payment_id, kaspi_status, doubt, bank_deadline } => {
                self.qr_payment_id = Some(qr_payment_id.clone());
                self.kaspi_status = Some(kaspi_status.clone());
                self.bank_deadline = *bank_deadline;
                self.doubt.clone_from(doubt);
                self.number_taken = None;
                // The one way back from a final state: the next look tells what it is.
                self.state = State::Waiting;
            }
            Closed::Abandoned => {
                self.number_taken = None;
                self.become_state(State::Abandoned, None);
            }
            Closed::Refund { refund, happened: true } => {
                self.put_refund(Some(*refund), RefundState::Success(Evidence::Person));
            }
            Closed::Refund { refund, happened: false } => {
                self.put_refund(Some(*refund), RefundState::Failed { by_person: true });
            }
            Closed::Paid(paid) => ownership::told_paid(self, *paid, at),
        }
    }

    /// An earlier system's log says that it was cancelled.
    pub(crate) fn cancelled_earlier(&mut self, at: Moment) {
        self.updated_at = self.updated_at.max(at);
        self.become_state(State::Cancelled, None);
    }

    /// An earlier system's log says that money of it went back, so it had been paid; when, the log does not say.
    pub(crate) fn refunded_earlier(&mut self, amount: Amount, at: Moment) {
        self.updated_at = self.updated_at.max(at);
        // It paid with a token of the organisation's own.
        self.doubt = None;
        self.become_state(State::Paid, None);
        self.late = false;
        self.refunds.push(RefundRow {
            id: PaymentId::made_at(at),
            amount,
            state: RefundState::Success(Evidence::Answer),
            at,
            key: None,
            balance_before: None,
            return_operation_id: None,
            is_claimed: true,
            asked: None,
        });
    }

    /// A sight with the state it really makes of the payment; none where it tells nothing new.
    pub(crate) fn made_of(&self, seen: Seen) -> Option<Seen> {
        let mut after = self.clone();
        after.seen(&seen, self.updated_at);
        match seen {
            _ if after == *self => None,
            Seen::Status { kaspi_status, paid_at, total, details, .. } => {
                Some(Seen::Status { kaspi_status, state: after.state, paid_at, total, details })
            }
            other => Some(other),
        }
    }

    /// What a balance that was read before a person's word means now that the word is kept. What a yes shows to have been
    /// a refund of ours did not go back elsewhere. A stale reading proves nothing, here either: it is kept until the
    /// bank's books follow.
    pub(crate) fn seen_behind_word(&self, refund: PaymentId, happened: bool, balance: Amount) -> Vec<Seen> {
        let said = self.refund(refund).filter(|_| happened);
        let less = said.and_then(|refund| self.account().elsewhere_beside(refund, balance));
        // That first: the rest of the balance is read with it.
        let mut row = self.clone();
        less.iter().for_each(|less| row.booked(*less));
        let (bookings, above) = match row.account().read(balance, None, |_| false) {
            Ok(bookings) => (bookings, None),
            Err(Stale) => (Vec::new(), Some(balance)),
        };
        // Where the word explains the balance, it stands above no more.
        let is_news = above.is_some() != self.balance_above.is_some();
        let above = is_news.then_some(Seen::BalanceAbove(above));
        less.into_iter().chain(bookings).map(Seen::Booked).chain(above).collect()
    }
}
