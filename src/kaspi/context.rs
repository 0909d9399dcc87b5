//! One HTTP request's number and deadline.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::chance;

/// `X-Request-ID`: a GUID of 32 hex digits, unique per request (wire §1). Traces a call on both sides;
/// nothing says that Kaspi removes duplicates by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct XRequestId(Uuid);

impl XRequestId {
    /// A number never used before.
    #[must_use]
    pub fn fresh() -> Self {
        Self(chance::uuid())
    }
}

impl fmt::Display for XRequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.simple(), f)
    }
}

/// What every call is made with. Use one for one call: what is retried under it by itself was never sent.
#[derive(Clone, Copy, Debug)]
pub struct CallContext {
    /// Sent, and kept in the audit log.
    pub x_request_id: XRequestId,
    /// Covers everything: name, connection, TLS, request and answer.
    pub deadline: Instant,
    /// Until when whoever asked for it waits, where that is known.
    pub heard_until: Option<Instant>,
}

impl CallContext {
    /// A new call that may take `timeout` from now.
    #[must_use]
    pub fn fresh(timeout: Duration) -> Self {
        let now = Instant::now();
        // A time-out beyond the clock is a day: no call waits longer.
        let deadline = now.checked_add(timeout).unwrap_or(now + Duration::from_secs(86_400));
        Self { x_request_id: XRequestId::fresh(), deadline, heard_until: None }
    }
}
