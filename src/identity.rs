//! The mTLS key and certificate: read in every form that banks, openssl and Windows give them, checked against each
//! other, made here ([`WaitingKey`]) and kept ([`Vault`]).
//!
//! What a file is, its content says ([`items`]), not its name or place: key and certificate may stand in one file or in
//! two, in PEM, DER, PKCS#12 or PKCS#7, the chain in any order.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::moment::Moment;
use crate::operation::Identity;

#[cfg(any(fuzzing, test))]
pub mod fuzzed;
mod trouble;
mod tlv;
mod pem;
mod pkcs7;
mod items;
mod locks;
mod pkcs12;
mod key;
mod chain;
mod files;
mod read;
mod subject;
mod waiting;
mod vault;
mod place;

pub use files::{Handed, IdentityFiles};
pub use place::{Elsewhere, IdentityPlace};
pub use read::holds_key;
pub use subject::{NotASubject, Subject};
pub use trouble::{IdentityTrouble, Unfit};
pub use vault::Vault;
pub use waiting::{NotMade, WaitingKey};

/// The client's key and certificate, known to belong together. Cheap to clone; `Debug` shows no key.
#[derive(Clone)]
pub struct ClientIdentity(Arc<Loaded>);

struct Loaded {
    certified: Arc<CertifiedKey>,
    subject: String,
    not_after: Moment,
    fingerprint: [u8; 32],
}

/// An identity that was read and is not in use yet, with the bytes of its key, to be kept.
pub struct Staged {
    identity: ClientIdentity,
    key: Zeroizing<Vec<u8>>,
    /// Where its certificate came from.
    name: String,
}

impl Staged {
    /// Reads and checks a key and its certificate. A passphrase opens whichever of them is locked.
    ///
    /// # Errors
    /// [`IdentityTrouble`], with the file and what to do.
    pub fn read(key: Handed<'_>, certificate: Handed<'_>, passphrase: Option<&[u8]>) -> Result<Self, IdentityTrouble> {
        let keys = read::keys(key, passphrase)?;
        let certificates = read::certificates(certificate, passphrase)?;
        Self::matched((key.name, keys), (certificate.name, certificates))
    }

    /// Reads the files.
    ///
    /// # Errors
    /// [`IdentityTrouble`], with the file and what to do.
    pub fn load(files: IdentityFiles<'_>) -> Result<Self, IdentityTrouble> {
        let (key, certificate) = (read::read(files.key)?, read::read(files.certificate)?);
        let passphrase = files.passphrase.map(read::read).transpose()?;
        let named = |path: &Path| path.display().to_string();
        let (key_name, certificate_name) = (named(files.key), named(files.certificate));
        let key = Handed { name: &key_name, bytes: &key };
        let certificate = Handed { name: &certificate_name, bytes: &certificate };
        Self::read(key, certificate, passphrase.as_deref().map(|bytes| read::line(bytes)))
    }

    /// The certificate whose key is among `keys`, the others behind it as its chain.
    fn matched(
        (key_name, keys): (&str, Vec<key::UsableKey>),
        (name, certificates): (&str, Vec<chain::ChainLink>),
    ) -> Result<Self, IdentityTrouble> {
        // Not `CertifiedKey::keys_match`: it refuses X.509 v1 certificates, which a bank's `openssl x509 -req` makes.
        let belong = |key: &key::UsableKey, link: &chain::ChainLink| match (key.public(), link.public()) {
            (Some(one), Some(other)) => key::is_same_public(&one, &other),
            _ => false,
        };
        let now = Moment::now();
        let found = keys.into_iter().find_map(|key| {
            // An old certificate of the same key may stand before the new one.
            let of_key = || certificates.iter().enumerate().filter(|(_, link)| belong(&key, link));
            let fit = of_key().find(|(_, link)| link.check(now).is_ok()).or_else(|| of_key().next());
            let leaf = fit.map(|(place, _)| place)?;
            Some((key, leaf))
        });
        let Some((key, leaf)) = found else {
            return Err(IdentityTrouble::Mismatch { key: key_name.to_owned(), certificate: name.to_owned() });
        };
        let mut others = certificates;
        let chain = chain::ordered(others.remove(leaf), others);
        Ok(Self { identity: ClientIdentity::of(&key, &chain), key: key.der, name: name.to_owned() })
    }

    /// Whether the bank can take it now: not expired, not of tomorrow, for clients, no authority's. An identity that is
    /// in use already is not stopped by this: it is for those that are to become it.
    ///
    /// # Errors
    /// [`Unfit`] of the certificate's file.
    pub fn check(&self, now: Moment) -> Result<(), IdentityTrouble> {
        let unfit = |why| IdentityTrouble::unfit(&self.name, why);
        self.identity.check(now).map_err(unfit)
    }

    /// The identity.
    #[must_use]
    pub fn identity(&self) -> &ClientIdentity {
        &self.identity
    }

    /// Key and chain in one file, so that no crash can leave one without the other.
    fn to_pem(&self) -> Zeroizing<Vec<u8>> {
        let mut file = Zeroizing::new(Vec::new());
        pem::write(&mut file, key::label(&self.key), &self.key);
        for certificate in &self.identity.0.certified.cert {
            pem::write(&mut file, "CERTIFICATE", certificate);
        }
        file
    }
}

impl fmt::Debug for Staged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staged").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl ClientIdentity {
    fn of(key: &key::UsableKey, chain: &[chain::ChainLink]) -> Self {
        let ders: Vec<CertificateDer<'static>> = chain.iter().map(|link| link.der.clone()).collect();
        let leaf = chain.first();
        Self(Arc::new(Loaded {
            subject: leaf.map(chain::ChainLink::subject).unwrap_or_default(),
            not_after: leaf.map_or(Moment::from_millis(0), chain::ChainLink::not_after),
            fingerprint: fingerprint(&ders),
            certified: Arc::new(CertifiedKey::new(ders, key.signing.clone())),
        }))
    }

    /// See [`Staged::check`].
    ///
    /// # Errors
    /// What is wrong with the certificate.
    pub fn check(&self, now: Moment) -> Result<(), Unfit> {
        match self.0.certified.cert.first() {
            Some(leaf) => chain::ChainLink::read(leaf.clone())?.check(now),
            None => Ok(()),
        }
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
            no_end: Identity::is_no_end(self.0.not_after),
            key_waits: false,
        }
    }

    /// Whether this file brings the very certificate that it has.
    #[must_use]
    pub fn is_certified_by(&self, file: Handed<'_>) -> bool {
        let own = self.0.certified.cert.first();
        read::certificates(file, None).is_ok_and(|found| found.iter().any(|link| Some(&link.der) == own))
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
