//! Payments, their refunds, and who pays.

use serde::{Deserialize, Serialize};

use super::config::Select;
use super::shape::{Nothing, Shape, null_is_usual};
use crate::domain::{Evidence, Kind, LogStatus, PaidAtSource, State};
use crate::failure::Failure;
use crate::id::{
    Comment, Description, Invoice, OrganizationBin, PaymentId, PaymentRef, PhoneNumber, QrPaymentId, Reason,
    RequestKey, ShopId, TradePointId,
};
use crate::moment::{Moment, Span};
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

impl Refund {
    /// It counts as failed by the balance alone, which a late one would still change.
    #[must_use]
    pub fn may_still_come(&self) -> bool {
        self.status == LogStatus::Failed && self.evidence == Some(Evidence::Balance)
    }
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Picture {
    /// The text inside of the code.
    pub content: String,
}

/// A payment to take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreatePayment {
    /// How the customer pays.
    pub kind: Kind,
    /// In tiyn: 10000 is 100 tenge.
    #[cfg_attr(test, schemars(extend("minimum" = 1)))]
    pub amount_tiyn: Amount,
    /// Who is billed; needed for `remote`.
    pub phone_number: Option<PhoneNumber>,
    /// What the customer reads.
    pub comment: Option<Comment>,
    /// The merchant's own number of the sale.
    pub invoice: Option<Invoice>,
    /// Bill the same invoice and amount a second time.
    #[serde(default, deserialize_with = "null_is_usual")]
    pub repeat_invoice: bool,
    /// `[daemon] shop_id` otherwise.
    pub shop_id: Option<ShopId>,
    /// The shop's default otherwise, if an admin has set one.
    pub organization_bin: Option<OrganizationBin>,
    /// Answer when the payment is final, or after this long with what is known then.
    pub wait: Option<Span>,
    /// An `unknown` payment that this one replaces; needs `reason`. Only ever a person's decision.
    pub supersedes: Option<PaymentId>,
    /// Why it is replaced, for the audit log.
    pub reason: Option<Reason>,
}

/// How much to pay back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RefundPayment {
    /// In tiyn; all that is left otherwise.
    #[cfg_attr(test, schemars(extend("minimum" = 1)))]
    pub amount_tiyn: Option<Amount>,
    /// Pay back although a refund of the same amount that failed may still happen.
    #[serde(default, deserialize_with = "null_is_usual")]
    pub repeat_refund: bool,
}

/// A payment made before kaspid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Adopt {
    /// Kaspi's number of it.
    pub qr_payment_id: QrPaymentId,
    /// The organisation that got the money.
    pub organization_bin: OrganizationBin,
    /// Needed where Kaspi cannot tell it: in the dialect `guide`, or not yet paid.
    pub amount_tiyn: Option<Amount>,
}

/// Whose name to ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PayerQuery {
    /// The customer's number.
    pub phone_number: PhoneNumber,
    /// `[daemon] shop_id` otherwise.
    pub shop_id: Option<ShopId>,
    /// Whose device asks; the shop's default otherwise.
    pub organization_bin: Option<OrganizationBin>,
}

/// Which payments to list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PaymentQuery {
    /// Only those in this state.
    pub state: Option<State>,
    /// Only this organisation's.
    pub bin: Option<OrganizationBin>,
    /// Only the one this key stands for.
    pub key: Option<RequestKey>,
    /// Only those of this invoice.
    pub invoice: Option<Invoice>,
    /// Only those created at or after this.
    pub since: Option<Moment>,
    /// Continue behind this payment: `next` of the page before.
    pub after: Option<PaymentId>,
    /// At most this many, 1–1000; 100 otherwise.
    #[cfg_attr(test, schemars(range(min = 1, max = 1000)))]
    pub limit: Option<u32>,
}

/// Asks for one payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetPayment {
    /// Which payment.
    pub payment: PaymentRef,
    /// Answer only when the payment is final or this long has passed.
    pub wait: Option<Span>,
}

/// Asks what a link's or QR's picture shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetPicture {
    /// Which payment.
    pub payment: PaymentRef,
}

/// Cancels a remote invoice that is not paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelPayment {
    /// Which payment.
    pub payment: PaymentRef,
}

/// Pays money back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayBack {
    /// Which payment.
    pub payment: PaymentRef,
    /// How much and nothing else.
    pub refund: RefundPayment,
}

/// The query of a [`GetPayment`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct WaitQuery {
    /// Answer when the payment is final or this long has passed.
    wait: Option<Span>,
}

impl Shape for GetPayment {
    type Path = PaymentRef;
    type Query = WaitQuery;
    type Body = Nothing;

    fn without_body() -> Option<Nothing> {
        Some(Nothing {})
    }

    fn join(payment: PaymentRef, query: WaitQuery, _: Nothing) -> Result<Self, Failure> {
        Ok(Self { payment, wait: query.wait })
    }

    fn split(self) -> (PaymentRef, WaitQuery, Nothing) {
        (self.payment, WaitQuery { wait: self.wait }, Nothing {})
    }
}

impl Shape for PayBack {
    type Path = PaymentRef;
    type Query = Nothing;
    type Body = RefundPayment;

    const SHOWS_BODY: bool = true;

    fn without_body() -> Option<RefundPayment> {
        Some(RefundPayment::default())
    }

    fn join(payment: PaymentRef, _: Nothing, refund: RefundPayment) -> Result<Self, Failure> {
        Ok(Self { payment, refund })
    }

    fn split(self) -> (PaymentRef, Nothing, RefundPayment) {
        (self.payment, Nothing {}, self.refund)
    }
}

/// Whoever asks is chosen as for a payment.
impl Shape for PayerQuery {
    type Path = PhoneNumber;
    type Query = Select;
    type Body = Nothing;

    fn without_body() -> Option<Nothing> {
        Some(Nothing {})
    }

    fn join(phone_number: PhoneNumber, query: Select, _: Nothing) -> Result<Self, Failure> {
        let Select { shop_id, organization_bin } = query;
        Ok(Self { phone_number, shop_id, organization_bin })
    }

    fn split(self) -> (PhoneNumber, Select, Nothing) {
        let Self { phone_number, shop_id, organization_bin } = self;
        (phone_number, Select { shop_id, organization_bin }, Nothing {})
    }
}
