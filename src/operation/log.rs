//! The audit log and its chain.

use serde::{Deserialize, Serialize};

use super::head::KeptHead;
use crate::domain::{Actor, LogStatus, OperationType, words};
use crate::id::{ConfigId, OrganizationBin, PaymentId, QrPaymentId, RequestKey, ShopId};
use crate::moment::{Moment, Span};
use crate::money::Amount;

/// A row of the audit log.
///
/// The columns of the guide's KaspiPayLog and more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogRow {
    /// Row number: the sequence number of the event that began it.
    pub id: u64,
    /// The shop.
    pub shop_id: Option<ShopId>,
    /// The config.
    pub kaspi_config_id: Option<ConfigId>,
    /// What was done.
    pub operation_type: OperationType,
    /// QrPaymentId.
    pub external_id: Option<QrPaymentId>,
    /// The organisation.
    pub organization_bin: Option<OrganizationBin>,
    /// In tiyn.
    pub amount: Option<Amount>,
    /// How it ended.
    pub status: LogStatus,
    /// Why it failed, at most 500 characters.
    pub error_message: Option<String>,
    /// When it began.
    pub created_at: Moment,
    /// Our id of the payment.
    pub payment_id: Option<PaymentId>,
    /// The status at Kaspi that was found out.
    pub kaspi_status: Option<String>,
    /// Who asked; null when the daemon did by itself.
    pub actor: Option<Actor>,
    /// The caller's key.
    pub request_key: Option<RequestKey>,
    /// The X-Request-ID sent to Kaspi.
    pub x_request_id: Option<String>,
    /// Kaspi's StatusCode, when it was not 0.
    pub provider_code: Option<i64>,
    /// From intent to outcome.
    pub duration_ms: Option<u64>,
}

/// A page of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LogRows {
    /// The page.
    pub rows: Vec<LogRow>,
    /// `after` of the next page.
    pub next: Option<u64>,
}

/// The state of the chain over the log's events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Verified {
    /// Every event is as it was written.
    pub ok: bool,
    /// How many were read.
    pub events: u64,
    /// SHA-256 of the last good event, hex.
    pub head: String,
    /// The first event that is not.
    pub first_bad: Option<u64>,
    /// Whether the event of the head that was given has its hash; null when none was given.
    pub head_matches: Option<bool>,
    /// The first row of each table that is not what the log makes of it, and each device token that is not the one the
    /// log tells of; null when neither was compared, or when the log itself is not as it was written.
    pub differences: Option<Vec<Difference>>,
}

/// A row that is not what the log makes of it. Never shows a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Difference {
    /// The table: `payment`, `config`, `key` …
    pub table: String,
    /// The key of the row.
    pub row: String,
    /// How it differs.
    pub how: Differs,
}

words! {
    /// How a stored row differs from what the log makes of it.
    Differs {
        /// It is there with another value.
        Changed = "changed",
        /// It is not there and should be.
        Missing = "missing",
        /// It is there and should not be.
        Surplus = "surplus",
    }
}

/// A restore that nobody has acknowledged: what happened between the backup and the restore is not in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RestoredGap {
    /// The event that put the backup back.
    pub event: u64,
    /// When that was.
    pub restored_at: Moment,
    /// The last event of the backup.
    pub backup_event: u64,
    /// Its time.
    pub backup_at: Option<Moment>,
    /// The last event of the replaced file, where it could be read.
    pub replaced_event: Option<u64>,
    /// Its time.
    pub replaced_at: Option<Moment>,
}

/// The gaps that were acknowledged just now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Acknowledged {
    /// Empty when there was none.
    pub gaps: Vec<RestoredGap>,
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
    #[cfg_attr(test, schemars(range(min = 1, max = 1000)))]
    pub limit: Option<u32>,
    /// Oldest first (`asc`, the default) or newest first.
    pub order: Option<Order>,
    /// Follow the log: answer when there is a row, or after this long (at most 10 minutes) with none. A row then
    /// comes when its operation has ended, in the order in which operations end, and again when more is known of it,
    /// as it is then: the last row of a number counts. `next` is always there, and without `after` it is from now on.
    pub wait: Option<Span>,
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

/// How to check the audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct VerifyQuery {
    /// A head kept elsewhere, `SEQ:SHA256` as in a report, an export, a backup or the journal.
    pub head: Option<KeptHead>,
    /// Also make every table again from the log and compare, so that rows and payments are known to be what the
    /// log says. Left out for a caller who is narrowed to shops or BINs.
    #[serde(default = "yes", deserialize_with = "null_is_yes")]
    pub rebuild: bool,
}

impl Default for VerifyQuery {
    fn default() -> Self {
        Self { head: None, rebuild: true }
    }
}

fn yes() -> bool {
    true
}

fn null_is_yes<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<bool, D::Error> {
    // A frame has no null and no default.
    match reader.is_human_readable() {
        true => Ok(Option::<bool>::deserialize(reader)?.unwrap_or(true)),
        false => bool::deserialize(reader),
    }
}
