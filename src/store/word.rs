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
