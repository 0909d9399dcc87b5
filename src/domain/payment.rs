//! What a payment is, and where it stands.

use serde::{Deserialize, Serialize};

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
    /// Whose clock `paid_at` is.
    PaidAtSource {
        /// The bank's TransactionDate.
        Bank = "bank",
        /// When we saw it.
        Seen = "seen",
    }
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
