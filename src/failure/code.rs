//! What goes wrong, by code.

use serde::{Deserialize, Serialize};

/// Whether the failed call moved money or billed somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Money {
    /// Surely not.
    NotMoved,
    /// Surely.
    Moved,
    /// Nobody here knows.
    Unknown,
}

/// The codes, their words and their HTTP status (architecture §7), in one table.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal $status:literal,)*) => {
        /// What went wrong. Stable: programs match on it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub enum Code { $($(#[$doc])* #[serde(rename = $word)] $variant,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];

            /// The word in `code`.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The HTTP status.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }
        }
    };
}

codes! {
    /// The request itself is wrong.
    InvalidRequest = "invalid_request" 400,
    /// The caller may not.
    Denied = "denied" 403,
    /// There is no such thing, or it is none of the caller's business.
    NotFound = "not_found" 404,
    /// A create or refund without an Idempotency-Key.
    KeyRequired = "key_required" 400,
    /// The key stands for another request.
    KeyConflict = "key_conflict" 422,
    /// No BIN named and the shop has no default.
    NoDefaultBin = "no_default_bin" 409,
    /// The BIN is not the shop's, or not the caller's.
    BinNotAllowed = "bin_not_allowed" 403,
    /// The BIN takes no new payments.
    BinInactive = "bin_inactive" 409,
    /// Kaspi lists several trade points.
    TradePointChoice = "trade_point_choice" 409,
    /// Kaspi says the trade point is off, or no longer lists it.
    TradePointInactive = "trade_point_inactive" 409,
    /// Kaspi does not know the organisation.
    OrganizationNotRegistered = "organization_not_registered" 422,
    /// Kaspi refuses the token and gives no other.
    DeviceTokenInvalid = "device_token_invalid" 502,
    /// More than is left of the payment.
    RefundExceedsBalance = "refund_exceeds_balance" 422,
    /// The payment is not one that money can be paid back of.
    NotRefundable = "not_refundable" 409,
    /// The payment cannot be cancelled (any more).
    NotCancellable = "not_cancellable" 409,
    /// The bank of this BIN speaks a dialect without this call.
    NotInDialect = "not_in_dialect" 409,
    /// The same invoice and amount has a live payment.
    InvoiceOpen = "invoice_open" 409,
    /// Another call on this payment is not finished.
    InProgress = "in_progress" 409,
    /// A backup was put back and nobody has acknowledged the gap.
    RestoredGap = "restored_gap" 409,
    /// Kaspi refuses.
    Declined = "declined" 422,
    /// The call may have happened; nobody here knows.
    OutcomeUnknown = "outcome_unknown" 504,
    /// Kaspi cannot be asked right now.
    KaspiUnavailable = "kaspi_unavailable" 503,
    /// Kaspi refuses our certificate.
    CertificateRefused = "certificate_refused" 502,
    /// There is no key and certificate yet.
    IdentityMissing = "identity_missing" 503,
    /// Too many requests.
    RateLimited = "rate_limited" 429,
    /// The request is larger than the limit.
    TooLarge = "too_large" 413,
    /// The daemon is stopping.
    ShuttingDown = "shutting_down" 503,
    /// The state could not be made durable.
    StorageFailed = "storage_failed" 507,
    /// Another refund of the payment may have happened.
    RefundOpen = "refund_open" 409,
    /// The payment was made with another bank than `[kaspi] url`.
    OtherBank = "other_bank" 409,
    /// A key waits for its certificate, and would be thrown away.
    IdentityWaiting = "identity_waiting" 409,
    /// The key and certificate are files or a credential, which only whoever put them there changes.
    IdentityElsewhere = "identity_elsewhere" 409,
}

/// What a code says of money and of asking again, unless its maker knows better.
pub(super) fn usual(code: Code) -> (Money, bool) {
    match code {
        Code::OutcomeUnknown => (Money::Unknown, false),
        Code::StorageFailed => (Money::NotMoved, true),
        Code::InProgress
        | Code::KaspiUnavailable
        | Code::CertificateRefused
        | Code::IdentityMissing
        | Code::RateLimited
        | Code::ShuttingDown => (Money::NotMoved, true),
        Code::InvalidRequest
        | Code::Denied
        | Code::NotFound
        | Code::KeyRequired
        | Code::KeyConflict
        | Code::NoDefaultBin
        | Code::BinNotAllowed
        | Code::BinInactive
        | Code::TradePointChoice
        | Code::TradePointInactive
        | Code::OrganizationNotRegistered
        | Code::DeviceTokenInvalid
        | Code::RefundExceedsBalance
        | Code::NotRefundable
        | Code::NotCancellable
        | Code::NotInDialect
        | Code::InvoiceOpen
        | Code::RefundOpen
        | Code::RestoredGap
        | Code::Declined
        | Code::TooLarge
        | Code::OtherBank
        | Code::IdentityWaiting
        | Code::IdentityElsewhere => (Money::NotMoved, false),
    }
}
