//! The mTLS key and certificate: read from the files the bank and openssl make, checked against each other.
//!
//! A certificate file is PEM or DER (`.cer`), the leaf first, the chain after it. A key file is PKCS#8, SEC1 or
//! PKCS#1, in PEM or DER, or a passphrase-protected PKCS#8 (`ENCRYPTED PRIVATE KEY`).

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use x509_cert::der::Encode;
use zeroize::Zeroize;

use crate::moment::Moment;
use crate::operation::Identity;

mod files;
mod read;
mod trouble;

pub use files::IdentityFiles;
pub use trouble::IdentityTrouble;

/// The client's key and certificate, known to belong together. Cheap to clone; `Debug` shows no key.
#[derive(Clone)]
pub struct ClientIdentity(Arc<Loaded>);

struct Loaded {
    certified: Arc<CertifiedKey>,
    subject: String,
    not_after: Moment,
    fingerprint: [u8; 32],
}

impl ClientIdentity {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// [`IdentityTrouble`], with the file and what to do.
    pub fn load(files: IdentityFiles<'_>) -> Result<Self, IdentityTrouble> {
        let chain = read::certificates(files.certificate)?;
        let leaf = read::leaf(&chain, files.certificate)?;
        let mut key = read::private_key(files)?;
        let signing = ring::sign::any_supported_type(&key);
        key.zeroize();
        let signing = signing.map_err(|e| read::bad_key(files.key, e))?;

        let spki = leaf
            .tbs_certificate()
            .subject_public_key_info()
            .to_der()
            .map_err(|e| read::bad_certificate(files.certificate, e))?;
        // Not `CertifiedKey::keys_match`: it refuses X.509 v1 certificates, which a bank's `openssl x509 -req` makes.
        if signing.public_key().is_some_and(|public| public.as_ref() != spki.as_slice()) {
            let (key, certificate) = (files.key.to_owned(), files.certificate.to_owned());
            return Err(IdentityTrouble::Mismatch { key, certificate });
        }
        let not_after = leaf.tbs_certificate().validity().not_after.to_unix_duration();
        Ok(Self(Arc::new(Loaded {
            subject: leaf.tbs_certificate().subject().to_string(),
            not_after: Moment::from_millis(0).after(not_after),
            fingerprint: fingerprint(&chain),
            certified: Arc::new(CertifiedKey::new(chain, signing)),
        })))
    }

    /// What people may see.
    #[must_use]
    pub fn view(&self, now: Moment) -> Identity {
        let left = self.0.not_after.millis().saturating_sub(now.millis());
        Identity {
            subject: self.0.subject.clone(),
            not_after: self.0.not_after,
            days_left: left.div_euclid(MILLIS_A_DAY),
            sealed: false,
        }
    }

    /// SHA-256 over the certificates, and so over the public key: equal after a reload if nothing changed.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        self.0.fingerprint
    }

    /// For the TLS client.
    #[must_use]
    pub fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.certified)
    }
}

/// Days are told as whole ones.
const MILLIS_A_DAY: i64 = 86_400_000;

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientIdentity").field("not_after", &self.0.not_after).finish_non_exhaustive()
    }
}

/// True if users outside of the file's owner and group may read the key. Not an error: the caller warns.
#[must_use]
pub fn key_is_exposed(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.mode() & 0o007 != 0)
}

fn fingerprint(chain: &[CertificateDer<'static>]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for der in chain {
        // With its length, so that no two chains hash the same bytes.
        hash.update(der.len().to_be_bytes());
        hash.update(der);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests;
