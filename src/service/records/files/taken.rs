//! A payment that an import took in, while the rows of a file are judged: what can still happen to it.

use std::time::Duration;

use super::earlier::{Earlier, changes, is_create};
use super::verdict::RowVerdict;
use crate::domain::{LogStatus, OperationType, State};
use crate::id::{ConfigId, QrPaymentId};
use crate::moment::Moment;
use crate::money::Amount;
use crate::store::{Doubt, ImportedRow, PaymentRow, RefundState, StoreError};

/// A database keeps the time of a row to the second or exactly: within it, a refund of the same amount is the same.
const ROUNDED: Duration = Duration::from_secs(1);

/// Small: there is one for each payment of a file.
pub(super) struct Taken {
    config: ConfigId,
    amount: Amount,
    /// Of it, what can be paid back.
    left: Amount,
    /// What a balance showed to have gone back, and nobody has told.
    elsewhere: Amount,
    /// Refunds that were here before this file and have not been met in it.
    here: Vec<(Amount, Moment)>,
    /// It was here before this file.
    is_here: bool,
    /// A cancel of it cannot be true: the customer paid.
    is_paid: bool,
    /// Why nothing can be booked on it.
    locked: Option<&'static str>,
}

impl Taken {
    /// One that this file makes.
    pub(super) fn new(config: ConfigId, amount: Amount) -> Self {
        let (left, elsewhere, here) = (amount, Amount::ZERO, Vec::new());
        Self { config, amount, left, elsewhere, here, is_here: false, is_paid: false, locked: None }
    }

    /// One that an earlier import made.
    pub(super) fn of(payment: &PaymentRow) -> Self {
        Self {
            config: payment.config_id,
            amount: payment.amount,
            left: payment.account().left(),
            elsewhere: payment.refunded_elsewhere,
            here: payment.refunds.iter().map(|refund| (refund.amount, refund.at)).collect(),
            is_here: true,
            is_paid: payment.state == State::Paid,
            locked: locked(payment),
        }
    }

    /// What was told of it before its create.
    ///
    /// # Errors
    /// It cannot be of this payment.
    pub(super) fn told_before(&mut self, rows: &[ImportedRow]) -> Result<(), String> {
        for row in rows {
            if row.config_id.is_some_and(|config| config != self.config) {
                return Err("what an earlier import says of this payment is of another organisation".to_owned());
            }
            if row.operation == OperationType::Refund {
                if let RowVerdict::Bad(detail) = self.book(row.amount) {
                    return Err(format!("beside the refunds that an earlier import took in: {detail}"));
                }
                self.here.push((row.amount.unwrap_or_default(), row.created_at));
            }
        }
        Ok(())
    }

    /// A further row about it.
    pub(super) fn judge(
        &mut self,
        id: &QrPaymentId,
        row: &ImportedRow,
        earlier: &Earlier,
    ) -> Result<RowVerdict, StoreError> {
        let place = if self.is_here { "here" } else { "in this file" };
        if row.config_id.is_some_and(|config| config != self.config) {
            return Ok(RowVerdict::Bad(format!("external_id is a payment of another organisation {place}")));
        }
        if is_create(row) {
            return Ok(match row.amount {
                Some(amount) if amount != self.amount => {
                    RowVerdict::Bad(format!("external_id is a payment of another amount {place} ({})", self.amount))
                }
                None if !self.is_here => RowVerdict::Bad(format!("external_id is a payment with an amount {place}")),
                _ if self.is_here => RowVerdict::Known,
                _ => RowVerdict::About,
            });
        }
        if row.status == LogStatus::Success && row.operation == OperationType::Refund {
            return match (self.is_met(row), self.is_gone_already(row.amount)) {
                (true, _) => Ok(RowVerdict::Known),
                (false, true) if earlier.has(row)? => Ok(RowVerdict::Known),
                (false, true) => Ok(RowVerdict::About),
                (false, false) => Ok(self.refund(row.amount)),
            };
        }
        Ok(match () {
            () if earlier.has(row)? => RowVerdict::Known,
            () if !changes(row) => RowVerdict::About,
            () => self.cancel(id),
        })
    }

    /// Whether a refund was here before this file. Each is met once: the next one like it is another one.
    fn is_met(&mut self, row: &ImportedRow) -> bool {
        let is_near = |at: Moment| at.since(row.created_at).max(row.created_at.since(at)) < ROUNDED;
        let found = self.here.iter().position(|(amount, at)| Some(*amount) == row.amount && is_near(*at));
        found.map(|place| self.here.swap_remove(place)).is_some()
    }

    /// Whether a balance has shown that so much went back, of which nobody told: this row does. Its money is in the
    /// account already, so it is not booked a second time; if it was another refund, the next balance shows that too.
    fn is_gone_already(&mut self, amount: Option<Amount>) -> bool {
        if self.locked.is_some() {
            return false;
        }
        let rest = amount.filter(|amount| !amount.is_zero()).and_then(|amount| self.elsewhere.minus(amount));
        rest.map(|rest| self.elsewhere = rest).is_some()
    }

    fn cancel(&mut self, id: &QrPaymentId) -> RowVerdict {
        match self.locked {
            Some(why) => RowVerdict::Bad(why.to_owned()),
            None if self.is_here && self.is_paid => RowVerdict::Bad(format!(
                "the payment is paid here, and a paid one is not cancelled: look at it with kaspictl payment show {id}, and \
                 take this row out"
            )),
            None => RowVerdict::Cancelled,
        }
    }

    fn refund(&mut self, amount: Option<Amount>) -> RowVerdict {
        match self.locked {
            Some(why) => RowVerdict::Bad(why.to_owned()),
            None => self.book(amount),
        }
    }

    /// As [`PaymentRow::refunded_earlier`] does it.
    fn book(&mut self, amount: Option<Amount>) -> RowVerdict {
        let Some(amount) = amount.filter(|amount| !amount.is_zero()) else {
            return RowVerdict::Bad("amount is missing: nobody could tell how much of the payment is left".to_owned());
        };
        match self.left.minus(amount) {
            Some(left) => self.left = left,
            None => return RowVerdict::Bad("more was refunded than was paid".to_owned()),
        }
        self.is_paid = true;
        RowVerdict::Refunded
    }
}

/// Why a file does not change what is known of a payment: somebody is about to learn or say it.
fn locked(payment: &PaymentRow) -> Option<&'static str> {
    let is_watched = payment.refunds.iter().any(|refund| refund.state == RefundState::Watched);
    if payment.has_refund_in_doubt() || is_watched {
        return Some(
            "a refund of this payment is not settled here, and may be this one: bring it to its end first (kaspictl payment \
             show, kaspictl payment resolve)",
        );
    }
    match payment.doubt {
        Some(Doubt::Refused(_)) => Some(
            "Kaspi does not know this payment as the organisation's: say whose it is first (kaspictl payment resolve)",
        ),
        _ => None,
    }
}
