//! The vocabulary of the socket: what may be asked ([`Operation`]) and what comes back ([`Reply`]); how it fails is
//! [`crate::failure`], the words of the field are [`crate::domain`]. Both encodings, the service and the command line
//! import these types and no others, so they are also the documentation of the protocol.
//!
//! Rules that keep old and new programs talking: enums are externally tagged, new variants come last, no
//! field is skipped or flattened (postcard cannot read that back), and any other change raises
//! [`crate::frame::PROTOCOL`].

mod reply;
mod request;

pub use reply::*;
pub use request::*;

use serde::{Deserialize, Serialize};

use crate::id::{OrganizationBin, PaymentRef, TradePointId};
use crate::moment::Span;

/// One thing a caller may ask. [`Operation::right`] says who may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// The state of the daemon, its identity, configs and payments, with what needs a person.
    Health,
    /// The version of the running program.
    Version,
    /// The configs of a shop or of all, without tokens.
    ConfigList(ConfigQuery),
    /// One config by its BIN.
    ConfigGet {
        /// Whose.
        organization_bin: OrganizationBin,
    },
    /// Asks Kaspi for the trade points of a BIN (step 1 of the guide); changes nothing.
    TradePoints {
        /// Whose; need not be enrolled.
        organization_bin: OrganizationBin,
    },
    /// Steps 1–3 of the guide in one: look up the trade point, register the device, store the config.
    Enrol(Enrol),
    /// Activates, makes default, describes, or moves a config to another trade point.
    ChangeConfig {
        /// Which config.
        organization_bin: OrganizationBin,
        /// What to change.
        change: ConfigChange,
    },
    /// Takes a BIN out of use; its row, history and token stay, so its payments remain refundable.
    RetireConfig {
        /// Which config.
        organization_bin: OrganizationBin,
        /// Also delete the device at Kaspi. Cancels and refunds of its payments stop.
        delete_device: bool,
    },
    /// Looks now whether the config's trade point is still listed.
    VerifyConfig {
        /// Which config.
        organization_bin: OrganizationBin,
    },
    /// Asks Kaspi for a new token for the config's (BIN, trade point) (step 2 of the guide), or for another trade point of
    /// the BIN, so that payments made there can be refunded.
    RegisterDevice {
        /// Which config.
        organization_bin: OrganizationBin,
        /// The config's own otherwise.
        trade_point_id: Option<TradePointId>,
    },
    /// Which config a payment would use, and why.
    Select(Select),
    /// Takes a payment (step 4 of the guide). Needs a request key.
    Create(CreatePayment),
    /// Payments, newest first.
    PaymentList(PaymentQuery),
    /// One payment; asks Kaspi when what is known is older than the polling interval.
    PaymentGet {
        /// Which payment.
        payment: PaymentRef,
        /// Answer only when the payment is final or this long has passed.
        wait: Option<Span>,
    },
    /// What a link's or QR's picture shows.
    PaymentPicture {
        /// Which payment.
        payment: PaymentRef,
    },
    /// Cancels a remote invoice that is not paid. Moves no money and may be repeated: a request key is welcome, not needed.
    Cancel {
        /// Which payment.
        payment: PaymentRef,
    },
    /// Pays money back, all that is left or a part. Needs a request key.
    Refund {
        /// Which payment.
        payment: PaymentRef,
        /// How much and nothing else.
        refund: RefundPayment,
    },
    /// Takes in a payment that was made before kaspid.
    Adopt(Adopt),
    /// The name Kaspi has for a phone number, so that the cashier can ask "is that you?". Never stored.
    Payer(PayerQuery),
    /// Rows of the audit log.
    LogList(LogQuery),
    /// Checks the whole chain of the audit log, and on request a kept head and the projections.
    LogVerify(VerifyQuery),
    /// Subject and expiry of the client certificate; never a key.
    Identity,
    /// Reads configuration and identity again, as SIGHUP does; a failed reload keeps the old.
    Reload,
    /// Closes what only a person can close.
    Resolve {
        /// Which payment.
        payment: PaymentRef,
        /// How, and why.
        resolution: Resolve,
    },
    /// What changed since a cursor.
    Events(EventQuery),
    /// The rows of the audit log as a file. HTTP only: the answer is streamed.
    LogExport(ExportQuery),
    /// Takes configs in from a file of the guide's KaspiPayConfig, all or none. HTTP only: the file is streamed.
    ImportConfigs {
        /// How it is written.
        format: FileFormat,
    },
    /// Takes rows of the guide's KaspiPayLog into the audit log, all or none, and adopts their payments. HTTP
    /// only: the file is streamed.
    ImportLog {
        /// How it is written.
        format: FileFormat,
    },
    /// Says that a person has looked at what a restored backup left out: creates and refunds go on.
    AcknowledgeRestore,
    /// A consistent copy of all state as a file, device tokens included. HTTP only: the answer is streamed.
    Backup,
    /// What a monitoring system asks for: numbers of all that the caller may see, as Prometheus text.
    Metrics,
    /// What a day brought, by organisation. Asks Kaspi once for each payment of that day that is still open.
    ReportDay(DayQuery),
    /// What the days of a range brought, by organisation. Asks Kaspi nothing.
    ReportRange(RangeQuery),
    /// Looks at the configuration, the files, the way to the bank, the organisations and the payments; changes
    /// nothing, and asks the bank one read.
    Diagnose,
}

/// What a caller must be allowed to do. `Admin` implies all, `Pay`, `Refund` and `Audit` imply `Observe`,
/// nothing else is implied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// See the state of the daemon and its configs.
    Observe,
    /// Take, follow and cancel payments.
    Pay,
    /// Pay money back.
    Refund,
    /// Read the audit log.
    Audit,
    /// Set the daemon up.
    Admin,
}

impl Right {
    /// As in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Pay => "pay",
            Self::Refund => "refund",
            Self::Audit => "audit",
            Self::Admin => "admin",
        }
    }

    /// True if whoever holds `self` may do what needs `wanted`.
    #[must_use]
    pub fn covers(self, wanted: Right) -> bool {
        self == wanted || self == Self::Admin || wanted == Self::Observe
    }
}

impl Operation {
    /// The right a caller needs.
    #[must_use]
    pub fn right(&self) -> Right {
        match self {
            Self::Health
            | Self::Version
            | Self::ConfigList(_)
            | Self::ConfigGet { .. }
            | Self::Metrics
            | Self::Diagnose => Right::Observe,
            Self::Select(_)
            | Self::Create(_)
            | Self::PaymentList(_)
            | Self::PaymentGet { .. }
            | Self::PaymentPicture { .. }
            | Self::Cancel { .. }
            | Self::Payer(_)
            | Self::Events(_) => Right::Pay,
            Self::Refund { .. } | Self::Adopt(_) => Right::Refund,
            Self::LogList(_) | Self::LogVerify(_) | Self::LogExport(_) | Self::ReportDay(_) | Self::ReportRange(_) => {
                Right::Audit
            }
            Self::TradePoints { .. }
            | Self::Enrol(_)
            | Self::ChangeConfig { .. }
            | Self::RetireConfig { .. }
            | Self::VerifyConfig { .. }
            | Self::RegisterDevice { .. }
            | Self::Identity
            | Self::Reload
            | Self::Resolve { .. }
            | Self::ImportConfigs { .. }
            | Self::ImportLog { .. }
            | Self::AcknowledgeRestore
            | Self::Backup => Right::Admin,
        }
    }

    /// True for the calls that can move money or bill a customer.
    #[must_use]
    pub fn moves_money(&self) -> bool {
        matches!(self, Self::Create(_) | Self::Refund { .. })
    }
}
