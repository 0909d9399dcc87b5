//! What the log is made of: append-only events, each carrying SHA-256 of itself and its predecessor.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::config::ConfigRow;
use super::doubt::Doubt;
use super::key::Wrote;
use super::layout::LAYOUT;
use super::payment::{PaymentRow, Seen};
use super::refund::RefundRow;
use super::secrets::TokenMark;
use super::{StoreError, codec};
use crate::domain::{Actor, LogStatus, OperationType};
use crate::id::{ConfigId, OrganizationBin, PaymentId, QrPaymentId, Reason, RequestKey, ShopId, TradePointId};
use crate::moment::Moment;
use crate::money::Amount;

/// The log has lost an event that something names.
pub(super) fn missing(seq: u64) -> StoreError {
    StoreError::Codec(format!("event {seq} is missing from the log"))
}

/// One event. Holds no token, no full phone number and no payer name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// This computer's clock; order is the sequence number.
    pub(crate) at: Moment,
    /// Who asked; `None` is the daemon itself.
    pub(crate) actor: Option<Actor>,
    /// What became different.
    pub(crate) change: Change,
}

/// What became different. New variants come last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Change {
    /// Something that concerns no payment, done or tried.
    Noted(Note),
    /// A config as it is from now on.
    Config { row: Box<ConfigRow>, note: Note },
    /// A create is about to be sent; `reason` is why it is to replace another, where it is.
    CreateIntended { payment: Box<PaymentRow>, wrote: Option<Wrote>, x_request_id: String, reason: Option<Reason> },
    /// A cancel is about to be sent.
    CancelIntended { payment: PaymentId, key: Option<RequestKey>, wrote: Option<Wrote>, x_request_id: String },
    /// A refund is about to be sent.
    RefundIntended {
        payment: PaymentId,
        refund: RefundRow,
        key: Option<RequestKey>,
        wrote: Option<Wrote>,
        x_request_id: String,
    },
    /// How a call that was about to be sent ended.
    Ended { intent: u64, outcome: CallOutcome },
    /// Something new was seen of a payment at Kaspi.
    Seen { payment: PaymentId, seen: Seen },
    /// A payment made before kaspid.
    Adopted { payment: Box<PaymentRow>, x_request_id: String },
    /// A person closed what the daemon could not.
    Resolved { payment: PaymentId, closed: Closed, reason: Reason },
    /// A backup was put back: what happened between it and now is not in the log.
    Restored(Gap),
    /// A person has looked at what the event of this number tells.
    RestoreAcknowledged { restored: u64 },
    /// A row of an earlier system's log. `payment` is the one it is about, if that is known here; `becomes` is what
    /// the row makes of it.
    Imported { row: Box<ImportedRow>, payment: Option<PaymentId>, becomes: Option<Box<PaymentRow>> },
    /// A call that had begun was refused for its device token and is about to be sent again with another one.
    SentAgain { intent: u64, payment: PaymentId, refused: FirstRefusal, x_request_id: String },
    /// From now on this token, by its mark, stands at a (BIN, trade point); `None`: its device is gone. What set it is the
    /// event behind it.
    Device { organization_bin: OrganizationBin, trade_point_id: TradePointId, token: Option<TokenMark> },
    /// The key and certificate in use changed, or their end is near.
    Identity { told: IdentityTold, note: Note },
}

/// What is said of the key and certificate in use; `fingerprint` is the SHA-256 of the certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum IdentityTold {
    /// From now on these are in use.
    Changed { fingerprint: [u8; 32] },
    /// They end within so many days.
    Expiring { fingerprint: [u8; 32], days: u16 },
}

impl Change {
    /// What the caller wrote of the call that it begins, where there is a key to compare it by.
    pub(super) fn wrote(&self) -> Option<&Wrote> {
        match self {
            Self::CreateIntended { wrote, .. }
            | Self::CancelIntended { wrote, .. }
            | Self::RefundIntended { wrote, .. } => wrote.as_ref(),
            _ => None,
        }
    }

    /// The payment whose row it writes; that of a call's end, its beginning names.
    pub(super) fn payment(&self) -> Option<PaymentId> {
        match self {
            Self::CreateIntended { payment, .. } | Self::Adopted { payment, .. } => Some(payment.id),
            Self::CancelIntended { payment, .. }
            | Self::RefundIntended { payment, .. }
            | Self::Seen { payment, .. }
            | Self::Resolved { payment, .. } => Some(*payment),
            Self::Imported { becomes, .. } => becomes.as_ref().map(|row| row.id),
            Self::Noted(_)
            | Self::Config { .. }
            | Self::Ended { .. }
            | Self::Restored(_)
            | Self::RestoreAcknowledged { .. }
            | Self::SentAgain { .. }
            | Self::Device { .. }
            | Self::Identity { .. } => None,
        }
    }
}

/// Why Kaspi refused the first of two calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FirstRefusal {
    pub(crate) provider_code: Option<i64>,
    pub(crate) error: String,
}

/// What a restore left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Gap {
    /// Where the log of the backup ends.
    pub(crate) backup: LogPlace,
    /// When the backup was made.
    pub(crate) made_at: Moment,
    /// Where the log of the replaced file ends; `None` where there was no file or it could not be read.
    pub(crate) replaced: Option<LogPlace>,
}

/// An event of a log and its time; 0 is before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogPlace {
    pub(crate) seq: u64,
    pub(crate) at: Option<Moment>,
}

impl std::fmt::Display for LogPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.at {
            Some(at) => write!(f, "event {} of {at}", self.seq),
            None => write!(f, "event {}", self.seq),
        }
    }
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a backup made {} was put back; its log ends with {}", self.made_at, self.backup)?;
        match &self.replaced {
            Some(replaced) => write!(f, ", that of the replaced file with {replaced}"),
            None => write!(f, "; the replaced file could not be read"),
        }
    }
}

/// A row as the earlier system wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ImportedRow {
    pub(crate) operation: OperationType,
    pub(crate) shop_id: Option<ShopId>,
    pub(crate) config_id: Option<ConfigId>,
    pub(crate) organization_bin: Option<OrganizationBin>,
    pub(crate) external_id: Option<QrPaymentId>,
    pub(crate) amount: Option<Amount>,
    pub(crate) status: LogStatus,
    pub(crate) error: Option<String>,
    pub(crate) created_at: Moment,
}

impl ImportedRow {
    /// By which a row that is here already is recognised.
    pub(crate) fn fingerprint(&self) -> Result<[u8; 16], StoreError> {
        let sha: Sha = Sha256::digest(codec::encode(self)?).into();
        Ok(sha.first_chunk().copied().unwrap_or_default())
    }
}

/// An administrative row of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) operation: OperationType,
    pub(crate) shop_id: Option<ShopId>,
    pub(crate) config_id: Option<ConfigId>,
    pub(crate) organization_bin: Option<OrganizationBin>,
    pub(crate) status: LogStatus,
    pub(crate) error: Option<String>,
    pub(crate) provider_code: Option<i64>,
    pub(crate) x_request_id: Option<String>,
    pub(crate) duration_ms: Option<u64>,
}

impl Note {
    /// A note of something done.
    pub(crate) fn done(operation: OperationType) -> Self {
        Self {
            operation,
            shop_id: None,
            config_id: None,
            organization_bin: None,
            status: LogStatus::Success,
            error: None,
            provider_code: None,
            x_request_id: None,
            duration_ms: None,
        }
    }

    /// Names the config it is about.
    pub(crate) fn of(mut self, row: &ConfigRow) -> Self {
        self.shop_id = Some(row.shop_id);
        self.config_id = Some(row.id);
        self.organization_bin = Some(row.organization_bin.clone());
        self
    }
}

/// How a call ended, and what the log says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallOutcome {
    pub(crate) status: LogStatus,
    pub(crate) error: Option<String>,
    pub(crate) provider_code: Option<i64>,
    pub(crate) duration_ms: u64,
    pub(crate) ending: Ending,
}

/// What a call did to its payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ending {
    /// It surely moved nothing: the payment of a create is gone, the key is free again.
    Nothing,
    /// The payment stands at Kaspi.
    Created {
        qr_payment_id: QrPaymentId,
        link: Option<String>,
        qr_token: Option<String>,
        expires_at: Option<Moment>,
        /// The same by the bank's clock, if the answer had a `Date`.
        bank_deadline: Option<Moment>,
        poll_every_ms: Option<u64>,
        confirm_ms: Option<u64>,
    },
    /// The answer to a create was lost. A link or QR that nobody saw is dead at `dead_at`; an invoice has none.
    Lost { dead_at: Option<Moment> },
    /// Kaspi says it is cancelled.
    Cancelled { kaspi_status: String },
    /// Money went back, as the bank answered.
    Refunded { return_operation_id: Option<String> },
    /// Nobody knows whether money went back.
    RefundLost,
    /// The answer to a create names the number of another payment here: nobody knows what was made.
    NumberTaken { qr_payment_id: QrPaymentId, by: PaymentId },
}

/// How a person closed something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Closed {
    /// The unknown payment is this one.
    Attached {
        qr_payment_id: QrPaymentId,
        kaspi_status: String,
        doubt: Option<Doubt>,
        /// When its life is over at the latest, by the bank's clock.
        bank_deadline: Option<Moment>,
    },
    /// The unknown payment is given up.
    Abandoned,
    /// The refund did or did not happen.
    Refund { refund: PaymentId, happened: bool },
    /// The payment was paid or not.
    Paid(bool),
}

/// The hash of an event: over its predecessor's hash, its sequence number and its bytes.
pub(crate) type Sha = [u8; 32];

/// The predecessor of the first event.
pub(crate) const GENESIS: Sha = [0; 32];

/// A hash as people keep it.
pub(super) fn hex(sha: &Sha) -> String {
    sha.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An event as stored, and its hash.
pub(super) fn seal(previous: &Sha, seq: u64, event: &Event) -> Result<(Vec<u8>, Sha), StoreError> {
    let record = codec::encode_behind(vec![LAYOUT], event)?;
    let sha = chain(previous, seq, &record);
    Ok(([sha.as_slice(), record.as_slice()].concat(), sha))
}

/// The hash an event must have behind `previous`.
pub(super) fn chain(previous: &Sha, seq: u64, record: &[u8]) -> Sha {
    Sha256::new().chain_update(previous).chain_update(seq.to_be_bytes()).chain_update(record).finalize().into()
}

/// A stored event taken apart: its hash and its bytes.
pub(super) fn split(stored: &[u8]) -> Result<(Sha, &[u8]), StoreError> {
    match stored.split_first_chunk() {
        Some((sha, record)) => Ok((*sha, record)),
        None => Err(StoreError::Codec("a stored event is shorter than its hash".to_owned())),
    }
}

/// A stored event, read.
pub(super) fn read(stored: &[u8]) -> Result<Event, StoreError> {
    read_record(split(stored)?.1)
}

/// An event from its bytes, which begin with the layout they were written under. No migration touches them: whoever
/// changes what an event holds reads the records of each older layout in the shape that they were written in.
pub(super) fn read_record(record: &[u8]) -> Result<Event, StoreError> {
    match record.split_first() {
        Some((1..=LAYOUT, event)) => codec::decode(event),
        Some((&layout, _)) if layout > LAYOUT => Err(StoreError::Newer(layout)),
        _ => Err(StoreError::Codec("a record of the log does not say which layout it has".to_owned())),
    }
}
