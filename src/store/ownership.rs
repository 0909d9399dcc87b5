//! Whose payment it is and of how much: the bank's details are compared here, and nowhere else, with what a payment is
//! frozen with. A mismatch keeps its money out of every sum until the bank agrees or a person has spoken; nothing here
//! corrects an amount or an organisation.
//!
//! What this cannot tell: at a bank that answers for a number whatever token asks, the details of a stranger's payment of
//! the same total look like ours. There only the bank's refusal of a refund would show it.

use std::time::Duration;

use super::account::{RefundRow, RefundState};
use super::doubt::{DetailsRead, Doubt, OtherTotal};
use super::payment::PaymentRow;
use crate::domain::{Evidence, PaidAtSource, State};
use crate::moment::Moment;
use crate::money::Amount;

/// So long the bank's books may be behind before that is a problem.
const BEHIND: Duration = Duration::from_secs(5 * 60);

/// The status of a payment that the customer has paid.
pub(crate) const PROCESSED: &str = "Processed";

impl PaymentRow {
    /// What the details say of it. Its own total proves that it is the organisation's.
    pub(super) fn read_details(&mut self, read: &DetailsRead) {
        match read {
            DetailsRead::Total(total) => {
                self.other_totals.by_details = OtherTotal::after(self.other_totals.by_details, *total, self.amount);
                if *total == self.amount {
                    self.doubt = None;
                }
            }
            DetailsRead::Refused(why) if self.doubt.is_some() => self.doubt = Some(Doubt::Refused(why.clone())),
            DetailsRead::Refused(_) => {}
        }
    }

    /// What a status calls its total. Only details are asked for with a token, so a status proves nothing of whose it is.
    pub(super) fn status_told(&mut self, total: Amount) {
        self.other_totals.by_status = OtherTotal::after(self.other_totals.by_status, total, self.amount);
    }

    /// A person says that it is paid, and so the organisation's and of our amount, or that it is not. Whoever says so has
    /// seen that it was late.
    pub(super) fn told_paid(&mut self, paid: bool, at: Moment) {
        let is_new = self.state != State::Paid;
        if !paid && self.is_paid_in_doubt() {
            // Paid, and not to this organisation: the number is another payment's.
            self.qr_payment_id = None;
        }
        (self.is_closed, self.acknowledged) = (self.is_closed || is_new, paid);
        if !paid {
            return self.become_state(State::Declined, None);
        }
        self.overruled =
            if is_new { self.kaspi_status.clone() } else { self.contradiction.take().or(self.overruled.take()) };
        self.doubt = None;
        self.take_balance();
        self.other_totals.accept();
        self.become_state(State::Paid, Some((at, PaidAtSource::Seen)));
    }

    /// A person takes the bank's balance as it is: what was thought to have gone back elsewhere has not, as far as that
    /// explains it. A refund that did not happen is a word of its own.
    fn take_balance(&mut self) {
        let Some((balance, _)) = self.balance_above.take() else { return };
        let rest = self.account().without_ours(balance).unwrap_or_default();
        self.refunded_elsewhere = self.refunded_elsewhere.min(rest);
    }

    /// The balance that has stood above what is left by all that is known for so long that the bank's books are not just
    /// behind, and since when.
    pub(crate) fn stands_above(&self, now: Moment) -> Option<(Amount, Moment)> {
        self.balance_above.filter(|(_, since)| now.since(*since) >= BEHIND)
    }

    /// Whether a person may say that a refund did not happen which the bank has answered: its own balance has denied it
    /// for long.
    pub(crate) fn is_denied(&self, refund: &RefundRow, now: Moment) -> bool {
        let more = self.stands_above(now).and_then(|(balance, _)| balance.minus(self.account().left()));
        refund.state == RefundState::Success(Evidence::Answer) && more.is_some_and(|more| more >= refund.amount)
    }

    /// What can be paid back of it at all: no more than the bank has, where a person has accepted that it has less. The
    /// details tell what the bank has, a status does not.
    pub(super) fn accountable(&self) -> Amount {
        let accepted = self.other_totals.by_details.filter(|other| other.is_accepted);
        accepted.map_or(self.amount, |other| other.total.min(self.amount))
    }

    /// The bank's total, where nobody has accepted that it is another than ours.
    pub(crate) fn disputed_total(&self) -> Option<Amount> {
        self.other_totals.each().find(|other| !other.is_accepted).map(|other| other.total)
    }

    /// Whether the bank calls it paid and nobody knows for whom.
    pub(crate) fn is_paid_in_doubt(&self) -> bool {
        self.doubt.is_some() && !self.is_closed && self.kaspi_status.as_deref() == Some(PROCESSED)
    }

    /// Whether its money stands in sums: it is paid, and nothing that the bank says of it is another than ours.
    pub(crate) fn is_counted(&self) -> bool {
        self.state == State::Paid && self.disputed_total().is_none()
    }

    /// Whether its money may be ours and stands in no sum until the bank or a person says so.
    pub(crate) fn is_disputed(&self) -> bool {
        self.is_paid_in_doubt() || (self.state == State::Paid && self.disputed_total().is_some())
    }
}
