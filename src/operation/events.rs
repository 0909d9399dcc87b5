//! What changed since a cursor.

use serde::{Deserialize, Serialize};

use super::{Config, Payment};
use crate::domain::words;
use crate::moment::{Moment, Span};

words! {
    /// What changed.
    EventType {
        /// A payment is about to be asked for, or was taken in.
        PaymentCreated = "payment.created",
        /// The customer can pay, or Kaspi says something new about it.
        PaymentWaiting = "payment.waiting",
        /// Money moved.
        PaymentPaid = "payment.paid",
        /// The customer or Kaspi said no. Also the end of a create that surely moved nothing, refused or never sent:
        /// its payment is not kept, this event is the last that names it.
        PaymentDeclined = "payment.declined",
        /// We took it back.
        PaymentCancelled = "payment.cancelled",
        /// Its time ran out.
        PaymentExpired = "payment.expired",
        /// The answer to the create was lost.
        PaymentUnknown = "payment.unknown",
        /// A person gave an unknown one up.
        PaymentAbandoned = "payment.abandoned",
        /// Kaspi says something else of a payment that is paid.
        PaymentContradicted = "payment.contradicted",
        /// Money went back.
        PaymentRefunded = "payment.refunded",
        /// Nobody knows whether money went back.
        PaymentRefundPending = "payment.refund_pending",
        /// A refund did not happen.
        PaymentRefundFailed = "payment.refund_failed",
        /// A config was enrolled or changed.
        ConfigChanged = "config.changed",
        /// A trade point was seen listed.
        ConfigVerified = "config.verified",
        /// A config takes no new payments until a look clears it.
        ConfigSuspended = "config.suspended",
        /// A look found a trade point in order again that was not.
        ConfigRestored = "config.restored",
        /// Another key and certificate are in use.
        IdentityChanged = "identity.changed",
        /// The certificate ends soon.
        IdentityExpiring = "identity.expiring",
    }
}

/// Something that changed. An event never changes: its payment or config is as it was behind it, whenever it is read,
/// so an older event does not tell how things stand now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Event {
    /// Where it stands in the log; the cursor.
    pub seq: u64,
    /// When.
    pub at: Moment,
    /// What.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// The payment it is about.
    pub payment: Option<Payment>,
    /// The config it is about.
    pub config: Option<Config>,
}

/// A page of events, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Events {
    /// The page; empty when nothing changed in time.
    pub events: Vec<Event>,
    /// `after` of the next question.
    pub next: u64,
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
    #[cfg_attr(test, schemars(range(min = 1, max = 1000)))]
    pub limit: Option<u32>,
}
