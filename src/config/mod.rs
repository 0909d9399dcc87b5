//! `kaspid.toml` to a checked [`Config`]: parsing apart from judging, unknown keys refused by name, relative
//! paths relative to the file. `kaspid check` and the daemon share this code.

mod file;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::access::AccessConfig;
use crate::domain::Dialect;
use crate::id::{OurBank, ShopId};
use crate::money::Amount;

/// A configuration that has passed every check that needs no bank.
#[derive(Clone, Debug)]
pub struct Config {
    /// The local socket, used when systemd passes none.
    pub socket: PathBuf,
    /// Where the state lives; made 0700 if missing.
    pub state_dir: PathBuf,
    /// For calls that name no shop.
    pub shop_id: ShopId,
    /// The zone in which the shop's day begins and ends.
    pub timezone: jiff::tz::TimeZone,
    /// The bank.
    pub kaspi: Kaspi,
    /// Where key and certificate are; `None` leaves them to the daemon (systemd credential or state directory).
    pub identity: Option<IdentityFiles>,
    /// Who may do what.
    pub access: AccessConfig,
    /// Rules of payments.
    pub payments: Payments,
    /// Bounds on callers.
    pub limits: Limits,
    /// Re-validation of trade points.
    pub verify: Verify,
    /// How long remote invoices rest between asks; empty turns the sweep off.
    pub remote_sweep: Vec<Duration>,
    /// Reads a second at the bank that no money hangs on: by the daemon itself and, in callers' names, of statuses.
    pub read_rate: u32,
}

/// The bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kaspi {
    /// Where it is, and where it was before.
    pub bank: OurBank,
    /// Fixed, or learned from the trade-point answer of each organisation.
    pub dialect: Option<Dialect>,
    /// Trusted besides the system's roots.
    pub ca_file: Option<PathBuf>,
    /// `v01`, `v02` …: the version of the status call.
    pub status_version: String,
    /// Of one call, everything included.
    pub timeout: Duration,
    /// Money calls do not reuse a connection idle longer than this.
    pub idle: Duration,
}

/// Where key and certificate are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    /// PEM or DER, chain after the certificate.
    pub certificate_file: PathBuf,
    /// PEM.
    pub key_file: PathBuf,
    /// The passphrase of an encrypted key, on one line.
    pub passphrase_file: Option<PathBuf>,
}

/// Rules of payments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payments {
    /// Refuse creates and refunds without an Idempotency-Key.
    pub require_key: bool,
    /// No payment above this.
    pub max_amount: Amount,
    /// `7` or `8`: the first digit of a phone number as sent to Kaspi.
    pub phone_prefix: char,
    /// How long a refund in doubt is settled by reading the balance.
    pub refund_settle: Duration,
    /// One live payment per shop, invoice and amount.
    pub one_per_invoice: bool,
    /// Only an admin may supersede an unknown payment.
    pub supersede_needs_admin: bool,
    /// Life of a link whose reply gives no timers.
    pub link_life: Duration,
}

/// Bounds on callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections.
    pub connections: usize,
    /// Open connections of one user.
    pub connections_per_uid: usize,
    /// Requests a second of one user.
    pub rate_per_uid: u32,
    /// Requests of one user at once, after a rest.
    pub burst_per_uid: u32,
}

/// Re-validation of trade points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verify {
    /// Between two looks at one config.
    pub every: Duration,
    /// A point absent twice, at least this far apart, suspends.
    pub confirm: Duration,
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}; name another file with --config")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML, or has a key that does not exist.
    #[error("{path}: {message}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and what, with the nearest right key.
        message: String,
    },
    /// A value that cannot be meant.
    #[error("{path}: [{section}] {key}: {message}")]
    Judged {
        /// Which file.
        path: PathBuf,
        /// Which section.
        section: &'static str,
        /// Which key.
        key: &'static str,
        /// What is wrong and what to write.
        message: String,
    },
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`], which names the file and the key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// Checks the text of a file; `path` is where relative paths begin and what errors name.
    ///
    /// # Errors
    /// [`ConfigError`], which names the file and the key.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        file::parse(text, path)
    }
}
