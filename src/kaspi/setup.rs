//! Where the bank is, and what can be wrong with saying so.

use std::path::PathBuf;
use std::time::Duration;

use hyper::Uri;

use crate::id::OurBank;

/// The settings of `[kaspi]` that a client is made from.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where it is; what is of another bank is not sent there.
    pub bank: OurBank,
    /// CAs trusted besides the system's: PEM, or one in DER.
    pub ca_file: Option<PathBuf>,
    /// `v01` in `/r3/v01/payment/status`, bank dialect only; a newer one tells more (wire §4.1).
    pub status_version: String,
    /// How long a whole call may take.
    pub timeout: Duration,
    /// A connection that rested longer carries no call.
    pub idle: Duration,
    /// The digit before the ten national ones, `7` or `8` (wire §5).
    pub phone_prefix: char,
}

/// Why there is no client: which setting, what is wrong, what to do.
#[derive(Debug, thiserror::Error)]
pub enum KaspiSetup {
    /// Not a URL of a host.
    #[error("[kaspi] url is not a URL of a host; write it as https://qrapi-cert-ip.kaspi.kz")]
    Url,
    /// A version that cannot stand in a path.
    #[error("[kaspi] status_version is \"v01\", \"v02\" or the like")]
    StatusVersion,
    /// The extra CAs cannot be used.
    #[error("[kaspi] ca_file {path} cannot be used: {what}; it must be the bank's CA, PEM (BEGIN CERTIFICATE) or DER")]
    CaFile {
        /// Which file.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// Nobody to trust.
    #[error("no CA to trust the bank by; install the package ca-certificates or name the bank's CA in [kaspi] ca_file")]
    NoRoots,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

impl Endpoint {
    /// The url to connect to.
    pub(super) fn base(&self) -> Result<Uri, KaspiSetup> {
        self.bank.url.as_str().parse().map_err(|_| KaspiSetup::Url)
    }

    pub(super) fn check_status_version(&self) -> Result<(), KaspiSetup> {
        let digits = self.status_version.strip_prefix('v').unwrap_or_default();
        let sane = (1..=4).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if sane { Ok(()) } else { Err(KaspiSetup::StatusVersion) }
    }
}
