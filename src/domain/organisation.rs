//! An organisation at its bank.

use serde::{Deserialize, Serialize};

use crate::id::TradePointId;

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
