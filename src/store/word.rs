//! What a balance tells beside a person's word on a refund.

use super::account::Stale;
use super::payment::{PaymentRow, Seen};
use crate::id::PaymentId;
use crate::money::Amount;

impl PaymentRow {
    /// What a balance that was read before a person's word means now that the word is kept. What a yes shows to have been
    /// a refund of ours did not go back elsewhere. A stale reading proves nothing, here either: it is kept until the
    /// bank's books follow.
    pub(crate) fn seen_behind_word(&self, refund: PaymentId, happened: bool, balance: Amount) -> Vec<Seen> {
        let said = self.refund(refund).filter(|_| happened);
        let less = said.and_then(|refund| self.account().elsewhere_beside(refund, balance));
        // Where the word explains the balance, it stands above no more.
        let ended = self.balance_above.map(|_| Seen::BalanceAbove(None));
        match self.account().read(balance, None, |_| false) {
            Ok(bookings) => bookings.into_iter().chain(less).map(Seen::Booked).chain(ended).collect(),
            Err(Stale) if less.is_none() && self.balance_above.is_none() => vec![Seen::BalanceAbove(Some(balance))],
            Err(Stale) => less.into_iter().map(Seen::Booked).collect(),
        }
    }
}
