//! What callers write. Unknown fields are refused by name, so a typing error never becomes a default.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::reply::FileFormat;
use crate::day::NamedDay;
use crate::domain::{Kind, LogStatus, OperationType, State};
use crate::id::{
    Comment, Description, DeviceToken, Invoice, OrganizationBin, PaymentId, PhoneNumber, QrPaymentId, Reason,
    RequestKey, ShopId, TradePointId,
};
use crate::moment::{Moment, Span};
use crate::money::Amount;

/// Which configs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfigQuery {
    /// Only this shop's; all shops otherwise.
    pub shop_id: Option<ShopId>,
}

/// Enrols a BIN: trade points → register → store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// The shop it takes money for; `[daemon] shop_id` otherwise.
    pub shop_id: Option<ShopId>,
    /// The organisation.
    pub organization_bin: OrganizationBin,
    /// Needed only where Kaspi lists several.
    pub trade_point_id: Option<TradePointId>,
    /// A token from an earlier system; skips the registration. Never shown again.
    pub device_token: Option<DeviceToken>,
    /// Make it the shop's default.
    #[serde(default)]
    pub is_default: bool,
    /// A name for people.
    pub description: Option<Description>,
}

/// Changes to a config; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfigChange {
    /// Takes new payments or not.
    pub is_active: Option<bool>,
    /// The shop's default or not; making one the default unmakes the other.
    pub is_default: Option<bool>,
    /// A name for people; null or an empty one takes it away.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub description: Option<Description>,
    /// Move to this trade point: it must be listed, and a device is registered there.
    pub trade_point_id: Option<TradePointId>,
}

/// In JSON what is absent stays and null is an empty description; a frame has no such difference to tell.
fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Description>, D::Error> {
    let is_json = deserializer.is_human_readable();
    let given = Option::<Description>::deserialize(deserializer)?;
    match given {
        None if is_json => String::new().try_into().map(Some).map_err(D::Error::custom),
        given => Ok(given),
    }
}

/// Which config a payment would use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Select {
    /// `[daemon] shop_id` otherwise.
    pub shop_id: Option<ShopId>,
    /// The shop's default otherwise, if an admin has set one.
    pub organization_bin: Option<OrganizationBin>,
}

/// A payment to take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreatePayment {
    /// How the customer pays.
    pub kind: Kind,
    /// In tiyn: 10000 is 100 tenge.
    pub amount_tiyn: Amount,
    /// Who is billed; needed for `remote`.
    pub phone_number: Option<PhoneNumber>,
    /// What the customer reads.
    pub comment: Option<Comment>,
    /// The merchant's own number of the sale.
    pub invoice: Option<Invoice>,
    /// Bill the same invoice and amount a second time.
    #[serde(default)]
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
    pub amount_tiyn: Option<Amount>,
    /// Pay back although a refund of the same amount that failed may still happen.
    #[serde(default)]
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
    /// Needed where Kaspi cannot tell it (guide dialect, or not yet paid).
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
    pub limit: Option<u32>,
}

/// Which rows of the log to list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LogQuery {
    /// Only rows at or after this.
    pub from: Option<Moment>,
    /// Only rows before this.
    pub to: Option<Moment>,
    /// Only this organisation's.
    pub bin: Option<OrganizationBin>,
    /// Only this payment's.
    pub payment: Option<PaymentId>,
    /// Only this kind of operation.
    pub operation: Option<OperationType>,
    /// Only these outcomes.
    pub status: Option<LogStatus>,
    /// Continue behind this row: `next` of the page before.
    pub after: Option<u64>,
    /// At most this many, 1–1000; 100 otherwise.
    pub limit: Option<u32>,
    /// Oldest first (`asc`, the default) or newest first.
    pub order: Option<Order>,
    /// Follow the log: answer when there is a row, or after this long (at most 10 minutes) with none. A row then
    /// comes when its operation has ended, in the order in which operations end, and again when more is known of it,
    /// as it is then: the last row of a number counts. `next` is always there, and without `after` it is from now on.
    pub wait: Option<Span>,
}

/// Which day to report on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DayQuery {
    /// `2026-11-24`, `today` (the default) or `yesterday`, in `[daemon] timezone`.
    pub date: Option<NamedDay>,
    /// Only this organisation's.
    pub bin: Option<OrganizationBin>,
}

/// Which days to report on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RangeQuery {
    /// The first day: `2026-11-24`, `today` or `yesterday`, in `[daemon] timezone`.
    pub from: NamedDay,
    /// The last day, which is included; today otherwise.
    pub to: Option<NamedDay>,
    /// Only this organisation's.
    pub bin: Option<OrganizationBin>,
}

/// What changed since when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EventQuery {
    /// Only what changed behind this: `next` of the page before, 0 for all there is; from now on otherwise.
    pub after: Option<u64>,
    /// Answer when something has changed, or after this long with nothing.
    pub wait: Option<Span>,
    /// At most this many, 1–1000; 100 otherwise.
    pub limit: Option<u32>,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Oldest first.
    Asc,
    /// Newest first.
    Desc,
}

/// How a person closes what the daemon cannot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resolve {
    /// The unknown payment is this one at Kaspi; checked as far as Kaspi can tell.
    Attach {
        /// Kaspi's number of it.
        qr_payment_id: QrPaymentId,
        /// Why.
        reason: Reason,
    },
    /// The unknown payment is given up.
    Abandon {
        /// Why.
        reason: Reason,
    },
    /// A refund in doubt did or did not happen.
    Refund {
        /// The refund's id.
        refund: PaymentId,
        /// Whether money moved.
        happened: bool,
        /// Why.
        reason: Reason,
    },
    /// A payment that is open past its time, of which Kaspi no longer tells, or of which it does not say whose it is, was
    /// paid or not. Of one that is paid, `true` says that somebody has seen to what is shown of it: that it was late, that
    /// Kaspi calls it not paid since, or its total or balance otherwise than we have it.
    Paid {
        /// Whether it was paid.
        paid: bool,
        /// Why.
        reason: Reason,
    },
}

/// Which rows of the log to export, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// `csv` (the default) or `jsonl`.
    #[serde(default)]
    pub format: FileFormat,
    /// Only rows at or after this.
    pub from: Option<Moment>,
    /// Only rows before this.
    pub to: Option<Moment>,
    /// Only this organisation's.
    pub bin: Option<OrganizationBin>,
}

/// How to check the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VerifyQuery {
    /// A head kept elsewhere, `SEQ:SHA256` as in a report, an export, a backup or the journal.
    pub head: Option<KeptHead>,
    /// Also make every projection again from the log and compare.
    #[serde(default)]
    pub rebuild: bool,
}

/// An event and its hash, noted earlier: `SEQ:SHA256`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeptHead {
    /// From 1.
    pub(crate) seq: u64,
    pub(crate) sha: [u8; 32],
}

impl std::str::FromStr for KeptHead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (seq, sha) = text.split_once(':')?;
            let seq = seq.parse().ok().filter(|seq| *seq > 0)?;
            let sha = sha.as_bytes();
            let mut bytes = [0; 32];
            if sha.len() != 64 || !sha.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            for (byte, pair) in bytes.iter_mut().zip(sha.chunks(2)) {
                *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
            }
            Some(Self { seq, sha: bytes })
        };
        read().ok_or_else(|| "a head is the number of an event from 1, a colon and 64 hexadecimal digits".to_owned())
    }
}

impl TryFrom<String> for KeptHead {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<KeptHead> for String {
    fn from(head: KeptHead) -> Self {
        let sha: Self = head.sha.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}:{sha}", head.seq)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for KeptHead {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KeptHead".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[1-9][0-9]*:[0-9a-fA-F]{64}$" })
    }
}
