//! A certificate authority: the bank's server certificate, the merchant's client certificate, and
//! certificates that must not be let in.

mod csr;

use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::moment::Moment;

use csr::Csr;
pub use csr::NotSignable;

/// A client certificate lives five years at the bank (wire §1).
const LIFE: Duration = Duration::from_secs(5 * 365 * 24 * 3600);
/// Certificates begin two days ago, for callers whose clock was set back.
const SKEW: Duration = Duration::from_secs(48 * 3600);

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a certificate")]
pub struct CannotCertify(#[from] rcgen::Error);

/// A certificate and its key as PEM; the key is PKCS#8.
pub struct PemIdentity {
    /// The certificate.
    pub certificate_pem: String,
    /// Its private key, a secret even here: no `Debug` prints it.
    pub key_pem: String,
}

impl std::fmt::Debug for PemIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("certificate_pem", &self.certificate_pem).finish_non_exhaustive()
    }
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// From an hour ago, for five years.
    Current,
    /// It ended an hour ago.
    Expired,
}

/// A root and its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root_pem: String,
    root: CertificateDer<'static>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").field("root_pem", &self.root_pem).finish_non_exhaustive()
    }
}

impl Authority {
    /// A new root with `name`.
    ///
    /// # Errors
    /// [`CannotCertify`] when the system gives no randomness.
    pub fn new(name: &str) -> Result<Self, CannotCertify> {
        let (key, params) = (KeyPair::generate()?, root_params(name));
        let root = params.self_signed(&key)?;
        let (root_pem, root) = (root.pem(), root.der().clone());
        Ok(Self { issuer: Issuer::new(params, key), root_pem, root })
    }

    /// One that was kept, so that what it has signed is still let in; none where the text is not of one of this name.
    #[must_use]
    pub fn again(name: &str, kept: &str) -> Option<Self> {
        let key = KeyPair::from_pem(kept).ok()?;
        let root = CertificateDer::from_pem_slice(kept.as_bytes()).ok()?;
        let root_pem = kept.get(kept.find("-----BEGIN CERTIFICATE")?..)?.to_owned();
        Some(Self { issuer: Issuer::new(root_params(name), key), root_pem, root })
    }

    /// What [`Authority::again`] reads: its key and its certificate, in one file so that they belong together.
    #[must_use]
    pub fn kept(&self) -> String {
        format!("{}{}", self.issuer.key().serialize_pem(), self.root_pem)
    }

    /// The root certificate, for the callers' `ca_file`.
    #[must_use]
    pub fn root_pem(&self) -> &str {
        &self.root_pem
    }

    /// The root certificate as DER.
    #[must_use]
    pub fn root(&self) -> CertificateDer<'static> {
        self.root.clone()
    }

    /// A client certificate for `common_name` of the guide's shop, with a new key.
    ///
    /// # Errors
    /// [`CannotCertify`] when the system gives no randomness.
    pub fn client(&self, common_name: &str, validity: Validity) -> Result<PemIdentity, CannotCertify> {
        let params = client_params(&[("CN", common_name), ("O", "Cvety"), ("C", "KZ")], validity);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(PemIdentity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }

    /// A client certificate for a signing request in PEM, as the bank sends one back (wire §1).
    ///
    /// # Errors
    /// [`NotSignable`] for what is no request.
    pub fn sign(&self, csr_pem: &str) -> Result<String, NotSignable> {
        let csr = Csr::read(csr_pem)?;
        let mut params = client_params(&[], Validity::Current);
        params.distinguished_name = csr.subject.clone();
        Ok(params.signed_by(&csr, &self.issuer)?.pem())
    }

    /// The server's own certificate, for `127.0.0.1`, `::1` and `localhost`.
    ///
    /// # Errors
    /// [`CannotCertify`] when the system gives no randomness.
    pub fn server(&self) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), CannotCertify> {
        let mut params = params(&[("CN", "localhost")], Validity::Current);
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        params.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.der().clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into())))
    }
}

fn root_params(name: &str) -> CertificateParams {
    let mut params = params(&[("CN", name), ("O", "kaspi-sandbox")], Validity::Current);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn client_params(subject: &[(&str, &str)], validity: Validity) -> CertificateParams {
    let mut params = params(subject, validity);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn params(subject: &[(&str, &str)], validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mut name = DistinguishedName::new();
    for (kind, value) in subject {
        let kind = match *kind {
            "O" => DnType::OrganizationName,
            "C" => DnType::CountryName,
            _ => DnType::CommonName,
        };
        name.push(kind, *value);
    }
    params.distinguished_name = name;
    params.use_authority_key_identifier_extension = true;
    let since_1970 = Moment::now().since(Moment::from_millis(0));
    let now = date_time_ymd(1970, 1, 1) + since_1970;
    (params.not_before, params.not_after) = match validity {
        Validity::Current => (now - SKEW, now + LIFE),
        Validity::Expired => (now - LIFE, now - SKEW),
    };
    params
}
