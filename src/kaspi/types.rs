//! What goes into the calls and comes out of them, in neither dialect.

use std::time::Duration;

use super::error::{CallError, Refusal, RefusalKind};
use crate::domain::Kind;
use crate::id::{Comment, PhoneNumber, QrPaymentId};
use crate::moment::Moment;
use crate::money::Amount;

/// A payment to take.
#[derive(Clone, Debug)]
pub struct NewPayment {
    /// How the customer pays.
    pub kind: Kind,
    /// How much.
    pub amount: Amount,
    /// Who is billed: needed for `remote`, sent with a guide link, kept back otherwise.
    pub phone: Option<PhoneNumber>,
    /// What the customer reads; bank links and QR codes have no place for it.
    pub comment: Option<Comment>,
    /// The merchant's invoice, else our id: `ExternalId` of the bank's links and QR codes, `merchantInvoiceId`
    /// of the guide's links. A remote invoice has no place for it.
    pub external_id: String,
}

impl NewPayment {
    /// The number a remote invoice is sent to.
    pub(super) fn payer(&self, prefix: char) -> Result<String, CallError> {
        let phone = self.phone.as_ref().map(|phone| phone.with_prefix(prefix));
        phone.ok_or_else(|| Refusal::ours(RefusalKind::Other, "a remote invoice needs the customer's phone number"))
    }
}

/// A payment that now stands at Kaspi.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// Its number.
    pub qr_payment_id: QrPaymentId,
    /// What the customer opens.
    pub link: Option<String>,
    /// What the customer scans.
    pub qr_token: Option<String>,
    /// How long an untouched link or QR lives from now: the reply's seconds, else its ExpireDate minus its own
    /// clock. `None` where the reply does not say, and for remote invoices (24 h, wire §8).
    pub life: Option<Duration>,
    /// How often to ask for the status.
    pub poll_every: Option<Duration>,
    /// How long the customer has from the first `Wait`.
    pub confirm_within: Option<Duration>,
    /// The reply's ExpireDate as read, by the bank's clock.
    pub expires_at: Option<Moment>,
    /// The reply's own time, from its `Date`.
    pub date: Option<Moment>,
}

/// Where a payment stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRead {
    /// Kaspi's own word, never empty.
    pub status: String,
    /// Status v02 of the bank: the amount there. One that differs from ours is a problem to show.
    pub amount: Option<Amount>,
    /// Status v02 of the bank.
    pub transaction_id: Option<String>,
    /// The reply's own time, from its `Date`.
    pub date: Option<Moment>,
}

/// The balance of a paid payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentDetails {
    /// What was paid.
    pub total: Amount,
    /// What of it can still be paid back.
    pub available_return: Amount,
    /// When it was paid, by the bank's clock.
    pub transaction_date: Option<Moment>,
}

/// Kaspi took the cancel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// Its word for where the payment stands now; the guide's bank need not say.
    pub status: Option<String>,
}

/// Kaspi took the refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refunded {
    /// Its number of it. Missing in the bank's dialect: settle by the balance.
    pub return_operation_id: Option<String>,
}
