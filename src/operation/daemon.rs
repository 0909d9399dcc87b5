//! The daemon itself: health, identity, version, reload, metrics.

use serde::{Deserialize, Serialize};

use crate::domain::words;
use crate::id::{ConfigId, PaymentId};
use crate::moment::Moment;

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
    /// True for a certificate that never ends: `not_after` and `days_left` are of the far future then.
    pub no_end: bool,
    /// Whether a key waits here for its certificate, beside the one in use.
    pub key_waits: bool,
}

/// 9999-12-31, which stands for "without an end" (RFC 5280, section 4.1.2.5).
const NO_END: i64 = 253_402_214_400_000;

impl Identity {
    /// Whether the end of a life stands for "without an end".
    #[must_use]
    pub fn is_no_end(not_after: Moment) -> bool {
        not_after.millis() >= NO_END
    }

    /// How long it lives, for people, behind what it is.
    #[must_use]
    pub fn life(&self) -> String {
        match self.days_left {
            _ if self.no_end => "has no end".to_owned(),
            days if days < 0 => format!("ended {} ({} days ago)", self.end_day(), -days),
            days => format!("ends {} (in {days} days)", self.end_day()),
        }
    }

    /// The day of its end, in UTC.
    #[must_use]
    pub fn end_day(&self) -> String {
        self.not_after.to_string().chars().take("2026-11-25".len()).collect()
    }
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
    /// What lies sealed on the disk, and with which seal.
    pub seals: SealsInUse,
}

/// The numbers of the seals by which secrets lie on the disk. A number tells nothing of its seal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SealsInUse {
    /// Of the key that the daemon keeps itself; null where it lies unsealed, or is somebody else's to keep.
    pub key: Option<String>,
    /// Of the device tokens; null where they lie unsealed.
    pub tokens: Option<String>,
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

/// What one caller may use of the daemon, as it is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LimitsInForce {
    /// Connections at once, of all users.
    pub connections: u64,
    /// Of them, those of one user.
    pub connections_per_uid: u64,
    /// Requests a second of one user, in the long run.
    pub rate_per_uid: u32,
    /// Requests of one user at once, after a pause.
    pub burst_per_uid: u32,
    /// Bytes of a request's body, or of a native frame.
    pub body_bytes: u64,
    /// Rows of one page of a list.
    pub rows: u32,
    /// Seconds that one request may wait.
    pub wait_s: u64,
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

/// Numbers for a monitoring system. Over HTTP the text itself is the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Metrics {
    /// Prometheus text 0.0.4. Organisations are named by config id, since a BIN may be an IIN.
    pub text: String,
}

/// Asks how the daemon is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthQuery;

/// Asks which version runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionQuery;

/// Asks what one caller may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitsQuery;

/// Asks for the client certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityQuery;

/// Has configuration and identity read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reload;

/// Asks for the numbers of a monitoring system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsQuery;
