//! A certificate signing request, as far as the authority needs it: whose key, which name.

use rcgen::{DistinguishedName, DnType, PublicKeyData, SignatureAlgorithm};
use x509_cert::der::DecodePem;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::request::CertReq;

/// A text that the authority does not sign.
#[derive(Debug, thiserror::Error)]
pub enum NotSignable {
    /// Not PEM, or not a request in it.
    #[error("not a certificate signing request in PEM ({0})")]
    Malformed(#[from] x509_cert::der::Error),
    /// A kind of key the authority does not know.
    #[error("the request's key is none of RSA, P-256, P-384 and Ed25519")]
    Key,
    /// A name in an encoding nobody uses.
    #[error("the request's subject is not UTF-8")]
    Subject,
    /// The certificate could not be made of it.
    #[error("the request cannot be signed ({0})")]
    Certificate(#[from] rcgen::Error),
}

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The key and subject of a request. Its signature is not checked: a certificate for a key that the sender
/// does not hold opens nothing here.
pub(super) struct Csr {
    /// Who asks.
    pub(super) subject: DistinguishedName,
    key: Vec<u8>,
    algorithm: &'static SignatureAlgorithm,
}

impl Csr {
    /// Reads PEM.
    pub(super) fn read(pem: &str) -> Result<Self, NotSignable> {
        let request = CertReq::from_pem(pem)?;
        let spki = &request.info.public_key;
        let curve = spki.algorithm.parameters.as_ref().and_then(|p| p.decode_as::<ObjectIdentifier>().ok());
        let algorithm = match (spki.algorithm.oid, curve) {
            (RSA, _) => &rcgen::PKCS_RSA_SHA256,
            (EC, Some(P256)) => &rcgen::PKCS_ECDSA_P256_SHA256,
            (EC, Some(P384)) => &rcgen::PKCS_ECDSA_P384_SHA384,
            (ED25519, _) => &rcgen::PKCS_ED25519,
            _ => return Err(NotSignable::Key),
        };
        let mut subject = DistinguishedName::new();
        for part in request.info.subject.iter() {
            let value = std::str::from_utf8(part.value.value()).map_err(|_| NotSignable::Subject)?;
            let kind = DnType::CustomDnType(part.oid.arcs().map(u64::from).collect());
            subject.push(kind, value);
        }
        Ok(Self { subject, key: spki.subject_public_key.raw_bytes().to_vec(), algorithm })
    }
}

impl PublicKeyData for Csr {
    fn der_bytes(&self) -> &[u8] {
        &self.key
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}
