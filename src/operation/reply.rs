//! What comes back: the shapes of design and OpenAPI, the same in both encodings and in `kaspictl --json`.

use serde::{Deserialize, Serialize};

use crate::id::{
    Comment, ConfigId, Description, Invoice, OrganizationBin, PaymentId, QrPaymentId, RequestKey, ShopId, TradePointId,
};
use crate::moment::Moment;
use crate::money::Amount;

/// The answer to an operation that was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// To [`super::Operation::Health`].
    Health(Health),
    /// To [`super::Operation::Version`].
    Version(Version),
    /// A list of configs.
    Configs(Configs),
    /// One config.
    Config(Config),
    /// A config that did not exist before.
    Enrolled(Config),
    /// What Kaspi lists.
    TradePoints(TradePoints),
    /// The config a payment would use.
    Selected(Selected),
    /// A payment that did not exist before.
    Created(Payment),
    /// A payment.
    Payment(Payment),
    /// A list of payments.
    Payments(Payments),
    /// What a link's or QR's picture shows.
    Picture(Picture),
    /// A payer's name.
    Payer(Payer),
    /// Rows of the log.
    Log(LogRows),
    /// The state of the chain.
    Verified(Verified),
    /// The client certificate.
    Identity(Identity),
    /// What a reload did.
    Reloaded(Reloaded),
}

/// A lower-case word in JSON, `Display` the same.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// The word in JSON.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!("{text:?} is not one of: {}", [$($word),*].join(", "))),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

words! {
    /// How a customer pays.
    Kind {
        /// An invoice in the customer's Kaspi app, found by phone number.
        Remote = "remote",
        /// A link the customer opens.
        Link = "link",
        /// A QR code the customer scans.
        Qr = "qr",
    }
}

words! {
    /// Where a payment stands. `paid` is reachable from every other state and nothing leaves it.
    State {
        /// The bank is being asked right now.
        Creating = "creating",
        /// The customer can pay.
        Waiting = "waiting",
        /// Money moved.
        Paid = "paid",
        /// The customer or Kaspi said no.
        Declined = "declined",
        /// We took it back.
        Cancelled = "cancelled",
        /// Its time ran out.
        Expired = "expired",
        /// The answer to the create was lost: it may stand at Kaspi without our knowing its number.
        Unknown = "unknown",
        /// A person gave an unknown one up.
        Abandoned = "abandoned",
    }
}

words! {
    /// Which bytes a config's bank speaks.
    Dialect {
        /// The bank's manual.
        Bank = "bank",
        /// The Multi-BIN Setup Guide.
        Guide = "guide",
    }
}

words! {
    /// Whether a config's trade point is known to be in order.
    Standing {
        /// Seen listed.
        Verified = "verified",
        /// Not looked up yet.
        Unverified = "unverified",
        /// No new payments until a look clears it.
        Suspended = "suspended",
    }
}

words! {
    /// How an operation ended, or that it has not.
    LogStatus {
        /// It happened.
        Success = "success",
        /// It did not.
        Failed = "failed",
        /// Not known (yet).
        Pending = "pending",
    }
}

words! {
    /// How we know a refund's outcome.
    Evidence {
        /// The bank's answer.
        Answer = "answer",
        /// The payment's balance fell by it.
        Balance = "balance",
        /// A person looked.
        Person = "person",
    }
}

words! {
    /// The guide's `operation_type`, and the administrative ones.
    OperationType {
        /// A remote invoice.
        Create = "create",
        /// A payment link.
        Link = "link",
        /// A QR.
        Qr = "qr",
        /// A status read that changed what is known.
        Status = "status",
        /// A cancel.
        Cancel = "cancel",
        /// A refund.
        Refund = "refund",
        /// A device registration.
        Register = "register",
        /// A device deletion.
        DeviceDelete = "device_delete",
        /// A look at a trade point.
        Verify = "verify",
        /// A change of a config.
        Config = "config",
        /// A change of the client certificate or key.
        Identity = "identity",
        /// A person closed something.
        Resolve = "resolve",
        /// A payment taken in.
        Adopt = "adopt",
        /// Rows taken in.
        Import = "import",
        /// A backup put back.
        Restored = "restored",
    }
}

words! {
    /// Why a config was chosen.
    SelectReason {
        /// The caller named the BIN.
        Explicit = "explicit",
        /// It is the shop's default.
        Default = "default",
    }
}

/// An organisation the shop takes money for (the guide's KaspiPayConfig without its token).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Config {
    /// Row number, from 1.
    pub id: ConfigId,
    /// The shop.
    pub shop_id: ShopId,
    /// The organisation; unique.
    pub organization_bin: OrganizationBin,
    /// Where it takes money.
    pub trade_point_id: TradePointId,
    /// Kaspi's name of that, where known.
    pub trade_point_name: Option<String>,
    /// Takes new payments.
    pub is_active: bool,
    /// Used when a call names no BIN; at most one per shop.
    pub is_default: bool,
    /// What its bank speaks, once learned.
    pub dialect: Option<Dialect>,
    /// Whether its trade point is in order.
    pub standing: Standing,
    /// Why not, for instance `dialect_changed` or `trade_point_missing`.
    pub standing_reason: Option<String>,
    /// When it was enrolled.
    pub created_at: Moment,
    /// When it last changed.
    pub updated_at: Moment,
    /// When its trade point was last seen listed.
    pub last_verified_at: Option<Moment>,
    /// A name for people.
    pub description: Option<Description>,
}

/// A list of configs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Configs {
    /// By row number.
    pub configs: Vec<Config>,
    /// Always null: the list is whole.
    pub next: Option<u64>,
}

/// A trade point as Kaspi lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TradePoint {
    /// Its id.
    pub id: TradePointId,
    /// Its name; in the bank's dialect it usually carries the address.
    pub name: String,
    /// Its city; null in the bank's dialect.
    pub city: Option<String>,
}

/// What Kaspi lists for a BIN.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TradePoints {
    /// In Kaspi's order.
    pub trade_points: Vec<TradePoint>,
    /// Always null: the list is whole.
    pub next: Option<u64>,
}

/// The config a payment would use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Selected {
    /// It.
    pub config: Config,
    /// Why it.
    pub reason: SelectReason,
}

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

words! {
    /// Whose clock `paid_at` is.
    PaidAtSource {
        /// The bank's TransactionDate.
        Bank = "bank",
        /// When we saw it.
        Seen = "seen",
    }
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

/// A payer's name as Kaspi masks it. Personal data: shown once, never stored or logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Payer {
    /// The name.
    pub name: String,
}

impl std::fmt::Debug for Payer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Payer([redacted])")
    }
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Actor {
    /// User.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Process, where visible.
    pub pid: Option<i32>,
}

/// A row of the audit log: the guide's KaspiPayLog and more.
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
}

/// The client certificate. Never a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Identity {
    /// Distinguished name.
    pub subject: String,
    /// End of its life.
    pub not_after: Moment,
    /// Whole days until then; negative after.
    pub days_left: i64,
    /// Whether the key is sealed to this machine.
    pub sealed: bool,
}

/// The state of the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Health {
    /// `ok`, or `degraded` while `problems` is not empty.
    pub status: HealthStatus,
    /// Of the running program.
    pub version: String,
    /// The client certificate, or null without one.
    pub identity: Option<Identity>,
    /// How many configs stand how.
    pub configs: ConfigCounts,
    /// How many payments are not final.
    pub payments: PaymentCounts,
    /// What needs a person.
    pub problems: Vec<ProblemItem>,
}

words! {
    /// Whether something needs a person.
    HealthStatus {
        /// Nothing does.
        Ok = "ok",
        /// See `problems`.
        Degraded = "degraded",
    }
}

/// How many configs stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ConfigCounts {
    /// All rows.
    pub total: u64,
    /// Taking payments.
    pub active: u64,
    /// Active and seen listed.
    pub verified: u64,
    /// Active and not looked up yet.
    pub unverified: u64,
    /// Active and stopped until a look clears it.
    pub suspended: u64,
}

/// How many payments are not final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PaymentCounts {
    /// creating, waiting or unknown.
    pub open: u64,
    /// unknown.
    pub unknown: u64,
}

/// Something that needs a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProblemItem {
    /// Stable word.
    pub code: String,
    /// What is wrong.
    pub detail: String,
    /// What to do.
    pub remedy: String,
    /// The payment it is about.
    pub payment: Option<PaymentId>,
    /// The config it is about.
    pub config_id: Option<ConfigId>,
}

/// The version of the running program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Version {
    /// Semantic.
    pub version: String,
    /// Of the native encoding.
    pub protocol: u16,
}

/// What a reload did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Reloaded {
    /// What changed, for people.
    pub changed: Vec<String>,
    /// What needs a restart to change.
    pub restart_needed: Vec<String>,
}
