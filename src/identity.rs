//! The mTLS key and certificate: read from the files the bank and openssl make, checked against each other.
//!
//! A certificate file is PEM or DER (`.cer`), the leaf first, the chain after it. A key file is PKCS#8, SEC1 or
//! PKCS#1, in PEM or DER, or a passphrase-protected PKCS#8 (`ENCRYPTED PRIVATE KEY`).

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use x509_cert::der::Encode;
use zeroize::Zeroize;

use crate::moment::Moment;
use crate::operation::Identity;

mod read;

/// How to turn a key this program does not read into one it does.
const CONVERT: &str = "openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD.key -out NEW.key";

/// The client's key and certificate, known to belong together. Cheap to clone; `Debug` shows no key.
#[derive(Clone)]
pub struct ClientIdentity(Arc<Loaded>);

struct Loaded {
    certified: Arc<CertifiedKey>,
    subject: String,
    not_after: Moment,
    fingerprint: [u8; 32],
}

/// The files an identity is read from.
#[derive(Clone, Copy, Debug)]
pub struct IdentityFiles<'a> {
    /// PEM or DER.
    pub certificate: &'a Path,
    /// PEM or DER.
    pub key: &'a Path,
    /// The key's passphrase on one line; one newline at its end is not part of it.
    pub passphrase: Option<&'a Path>,
}

/// Why there is no identity: which file, what is wrong with it, what to do.
#[derive(Debug, thiserror::Error)]
pub enum IdentityTrouble {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}; check the path and that the daemon's user may read it")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// 0 certificates.
    #[error("{path} holds no certificate; it must be the .cer the bank sent, PEM (BEGIN CERTIFICATE) or DER")]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// A certificate that cannot be read.
    #[error("{path} holds a certificate that cannot be read ({what}); ask the bank for it again")]
    BadCertificate {
        /// Which file.
        path: PathBuf,
        /// Where reading stopped.
        what: String,
    },
    /// No key.
    #[error("{path} holds no private key; it must be the .key made together with the request to the bank")]
    NoKey {
        /// Which file.
        path: PathBuf,
    },
    /// A key this program cannot use.
    #[error("{path} holds a key that cannot be used ({what}); convert it: {CONVERT}")]
    BadKey {
        /// Which file.
        path: PathBuf,
        /// Why.
        what: String,
    },
    /// OpenSSL's old encryption of keys, which is too weak to be worth reading.
    #[error("{path} is encrypted in OpenSSL's old way (Proc-Type: 4,ENCRYPTED); convert it: {CONVERT}")]
    OldEncryption {
        /// Which file.
        path: PathBuf,
    },
    /// No passphrase for an encrypted key.
    #[error("{path} is protected by a passphrase; name a file that holds it in [identity] passphrase_file")]
    PassphraseNeeded {
        /// The key's file.
        path: PathBuf,
    },
    /// The passphrase does not open the key.
    #[error("the passphrase in {passphrase} does not open {path}; check it: openssl pkey -noout -in {path}")]
    WrongPassphrase {
        /// The key's file.
        path: PathBuf,
        /// The passphrase's file.
        passphrase: PathBuf,
    },
    /// The key belongs to another certificate.
    #[error(
        "the key in {key} does not belong to the first certificate in {certificate}; use the key its request was made \
         with, and put the organisation's own certificate first"
    )]
    Mismatch {
        /// The key's file.
        key: PathBuf,
        /// The certificate's file.
        certificate: PathBuf,
    },
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
