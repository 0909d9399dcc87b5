//! Payments, their refunds, and who pays.

use serde::{Deserialize, Serialize};

use crate::domain::{Evidence, Kind, LogStatus, PaidAtSource, State};
use crate::id::{
    Comment, Description, Invoice, OrganizationBin, PaymentId, QrPaymentId, RequestKey, ShopId, TradePointId,
};
use crate::moment::Moment;
use crate::money::Amount;

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Payment {
    /// Ours.
    pub id: PaymentId,
    /// Kaspi's, once known.
    pub qr_payment_id: Option<QrPaymentId>,
    /// How the customer pays.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// Kaspi's own last word, kept raw.
    pub kaspi_status: Option<String>,
    /// The shop.
    pub shop_id: ShopId,
    /// The organisation that gets the money.
    pub organization_bin: OrganizationBin,
    /// Its name for people.
    pub description: Option<Description>,
    /// Where it was made.
    pub trade_point_id: TradePointId,
    /// Kaspi's name of that.
    pub trade_point_name: Option<String>,
    /// What the customer pays.
    pub amount_tiyn: Amount,
    /// What was paid back through us.
    pub refunded_tiyn: Amount,
    /// What was paid back otherwise, seen by the balance.
    pub refunded_elsewhere_tiyn: Amount,
    /// Each refund tried through us, oldest first.
    pub refunds: Vec<Refund>,
    /// Masked.
    pub phone: Option<String>,
    /// What the customer reads.
    pub comment: Option<Comment>,
    /// The merchant's own number of the sale.
    pub invoice: Option<Invoice>,
    /// To open, for `link`.
    pub link: Option<String>,
    /// To scan, for `qr`.
    pub qr_token: Option<String>,
    /// After this the customer cannot pay.
    pub expires_at: Option<Moment>,
    /// The caller's key of the create.
    pub request_key: Option<RequestKey>,
    /// The unknown payment it replaces.
    pub supersedes: Option<PaymentId>,
    /// Paid after we had called it something else.
    pub late: bool,
    /// When it was intended.
    pub created_at: Moment,
    /// When it last changed.
    pub updated_at: Moment,
    /// When it was paid.
    pub paid_at: Option<Moment>,
    /// Whose clock `paid_at` is.
    pub paid_at_source: Option<PaidAtSource>,
}

/// Money paid back, or tried to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Refund {
    /// Ours.
    pub id: PaymentId,
    /// How much.
    pub amount_tiyn: Amount,
    /// Whether it happened.
    pub status: LogStatus,
    /// How we know.
    pub evidence: Option<Evidence>,
    /// When it was intended.
    pub at: Moment,
    /// Kaspi's number of it.
    pub return_operation_id: Option<String>,
}

/// A page of payments, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Payments {
    /// The page.
    pub payments: Vec<Payment>,
    /// `after` of the next page.
    pub next: Option<PaymentId>,
}

/// What a link's or QR's picture shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// The text inside of the code.
    pub content: String,
}
