//! The certificates of a file in the order of TLS: the organisation's own first, then who signed it.

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage};

use super::trouble::Unfit;
use crate::moment::Moment;

/// One certificate, read.
pub(super) struct ChainLink {
    pub(super) der: CertificateDer<'static>,
    pub(super) certificate: Certificate,
}

impl ChainLink {
    pub(super) fn read(der: CertificateDer<'static>) -> Result<Self, Unfit> {
        let certificate = Certificate::from_der(&der);
        let certificate = certificate.map_err(|error| Unfit::Damaged { what: format!("its certificate: {error}") })?;
        Ok(Self { der, certificate })
    }

    /// Whose key it is, in DER.
    pub(super) fn public(&self) -> Option<Vec<u8>> {
        self.certificate.tbs_certificate().subject_public_key_info().to_der().ok()
    }

    pub(super) fn subject(&self) -> String {
        self.certificate.tbs_certificate().subject().to_string()
    }

    pub(super) fn not_after(&self) -> Moment {
        Moment::from_millis(0).after(self.certificate.tbs_certificate().validity().not_after.to_unix_duration())
    }

    fn not_before(&self) -> Moment {
        Moment::from_millis(0).after(self.certificate.tbs_certificate().validity().not_before.to_unix_duration())
    }

    fn signed_by(&self, other: &Self) -> bool {
        self.certificate.tbs_certificate().issuer() == other.certificate.tbs_certificate().subject()
    }

    /// `None` where it does not say, as certificates of version 1.
    fn is_authority(&self) -> Option<bool> {
        let said = self.certificate.tbs_certificate().get_extension::<BasicConstraints>().ok()?;
        said.map(|(_, constraints)| constraints.ca)
    }

    /// Whether the bank can take it from a client at this time.
    pub(super) fn check(&self, now: Moment) -> Result<(), Unfit> {
        if self.is_authority() == Some(true) {
            return Err(Unfit::Authority);
        }
        if self.not_after() < now {
            return Err(Unfit::Expired { day: day(self.not_after()) });
        }
        if now < self.not_before() {
            return Err(Unfit::NotYet { day: day(self.not_before()) });
        }
        self.check_usage()
    }

    fn check_usage(&self) -> Result<(), Unfit> {
        let Ok(Some((_, usage))) = self.certificate.tbs_certificate().get_extension::<ExtendedKeyUsage>() else {
            return Ok(());
        };
        let words: Vec<String> = usage.0.iter().map(ToString::to_string).collect();
        if words.iter().any(|oid| oid == CLIENT_AUTH || oid == ANY_USAGE) {
            return Ok(());
        }
        Err(Unfit::Usage { usage: words.iter().map(|oid| purpose(oid)).collect::<Vec<_>>().join(", ") })
    }
}

const CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";
const ANY_USAGE: &str = "2.5.29.37.0";

fn purpose(oid: &str) -> &str {
    match oid {
        "1.3.6.1.5.5.7.3.1" => "serverAuth",
        "1.3.6.1.5.5.7.3.3" => "codeSigning",
        "1.3.6.1.5.5.7.3.4" => "emailProtection",
        "1.3.6.1.5.5.7.3.8" => "timeStamping",
        "1.3.6.1.5.5.7.3.9" => "OCSPSigning",
        other => other,
    }
}

fn day(moment: Moment) -> String {
    moment.to_string().chars().take("2026-11-25".len()).collect()
}

/// The leaf, who signed it, who signed that, and so on; then other authorities of the file, which may be the same under
/// another spelling of their names. Other organisations' certificates stay out.
pub(super) fn ordered(leaf: ChainLink, mut others: Vec<ChainLink>) -> Vec<ChainLink> {
    others.retain(|other| other.der != leaf.der);
    let mut chain = vec![leaf];
    while let Some(next) = chain.last().and_then(|last| others.iter().position(|other| last.signed_by(other))) {
        chain.push(others.remove(next));
    }
    chain.extend(others.into_iter().filter(|other| other.is_authority() == Some(true)));
    chain
}
