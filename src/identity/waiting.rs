//! A key that was made here and waits for its certificate, and the request that the bank is to sign.

use std::fmt;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use rsa::pkcs8::EncodePrivateKey;
use rsa::rand_core::{TryCryptoRng, TryRng};
use rustls::crypto::{GetRandomFailed, SecureRandom, ring};
use zeroize::{Zeroize, Zeroizing};

use super::files::Handed;
use super::items::{FilePart, items};
use super::key::UsableKey;
use super::trouble::{FileRole, IdentityTrouble, Unfit};
use super::{Staged, Subject, pem, read};
use crate::operation::KeyType;

/// The key and its request (PKCS#10).
pub struct WaitingKey {
    key: Zeroizing<Vec<u8>>,
    request: Vec<u8>,
}

/// Why no key could be made.
#[derive(Debug, thiserror::Error)]
#[error("no key could be made: {0}")]
pub struct NotMade(String);

impl WaitingKey {
    /// Makes a key and asks for `subject` with it, to log in as a client. An RSA key takes a second: not on an async
    /// thread.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn make(kind: KeyType, subject: Subject) -> Result<Self, NotMade> {
        let not_made = |error: &dyn fmt::Display| NotMade(error.to_string());
        let key = match kind {
            KeyType::P256 => p256().map_err(|e| not_made(&e))?,
            KeyType::Rsa2048 => {
                let made = rsa::PrivateKey::new(&mut Random(ring::default_provider().secure_random), RSA_BITS);
                let made = made.map_err(|e| not_made(&e))?;
                Zeroizing::new(made.to_pkcs8_der().map_err(|e| not_made(&e))?.as_bytes().to_vec())
            }
        };
        let mut signing = KeyPair::try_from(key.as_slice()).map_err(|e| not_made(&e))?;
        let mut asked = CertificateParams::default();
        asked.distinguished_name = subject.into_name();
        asked.is_ca = IsCa::NoCa;
        asked.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        asked.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let request = asked.serialize_request(&signing).map_err(|e| not_made(&e));
        signing.zeroize();
        Ok(Self { key, request: request?.der().to_vec() })
    }

    /// The request, as the bank takes it.
    #[must_use]
    pub fn request_pem(&self) -> String {
        let mut text = Zeroizing::new(Vec::new());
        pem::write(&mut text, "CERTIFICATE REQUEST", &self.request);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The key with the certificate that the bank has sent for it, in whatever form.
    ///
    /// # Errors
    /// It is another key's certificate, or none.
    pub fn answered(&self, certificate: Handed<'_>, chain: Option<Handed<'_>>) -> Result<Staged, IdentityTrouble> {
        let name = "waiting.pem";
        let key = UsableKey::new(self.key.clone()).map_err(|why| IdentityTrouble::unfit(name, why))?;
        let mut certificates = read::certificates(certificate, None)?;
        certificates.extend(chain.map_or(Ok(Vec::new()), |chain| read::certificates(chain, None))?);
        Staged::matched((name, vec![key]), (certificate.name, certificates))
    }

    pub(super) fn to_pem(&self) -> Zeroizing<Vec<u8>> {
        let mut file = Zeroizing::new(Vec::new());
        pem::write(&mut file, "PRIVATE KEY", &self.key);
        pem::write(&mut file, "CERTIFICATE REQUEST", &self.request);
        file
    }

    pub(super) fn from_pem(name: &str, bytes: &[u8]) -> Result<Self, IdentityTrouble> {
        let unfit = |why| IdentityTrouble::unfit(name, why);
        let key = items(bytes, FileRole::Key).map_err(unfit)?.into_iter().find_map(|item| match item {
            FilePart::Key(der) => Some(der),
            _ => None,
        });
        let sections = pem::sections(bytes).map_err(unfit)?;
        let request = sections.into_iter().find(|section| section.label == "CERTIFICATE REQUEST");
        match (key, request) {
            (Some(key), Some(request)) => Ok(Self { key, request: request.der.to_vec() }),
            _ => Err(unfit(Unfit::Damaged { what: "the key or its request is missing".to_owned() })),
        }
    }

    /// Whether it is the key of this identity: it was answered already.
    #[must_use]
    pub fn is_key_of(&self, identity: &Staged) -> bool {
        *self.key == *identity.key
    }
}

/// What every bank takes; the guide asks for it.
const RSA_BITS: usize = 2048;

/// The same source as TLS has, for the maker of RSA keys.
struct Random(&'static dyn SecureRandom);

/// The system gives no random numbers.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers")]
struct NoRandom;

impl From<GetRandomFailed> for NoRandom {
    fn from(_: GetRandomFailed) -> Self {
        Self
    }
}

impl Random {
    fn bytes<const N: usize>(&self) -> Result<[u8; N], NoRandom> {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes)?;
        Ok(bytes)
    }
}

impl TryRng for Random {
    type Error = NoRandom;

    fn try_next_u32(&mut self) -> Result<u32, NoRandom> {
        self.bytes().map(u32::from_ne_bytes)
    }

    fn try_next_u64(&mut self) -> Result<u64, NoRandom> {
        self.bytes().map(u64::from_ne_bytes)
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), NoRandom> {
        Ok(self.0.fill(dst)?)
    }
}

impl TryCryptoRng for Random {}

fn p256() -> Result<Zeroizing<Vec<u8>>, rcgen::Error> {
    let mut pair = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let der = Zeroizing::new(pair.serialize_der());
    pair.zeroize();
    Ok(der)
}

impl fmt::Debug for WaitingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitingKey").finish_non_exhaustive()
    }
}
