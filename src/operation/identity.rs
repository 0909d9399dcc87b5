//! The key and the certificate: made, taken in, exchanged. A key goes in and never comes out.

use std::fmt;

use base64ct::{Base64, Encoding};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::Identity;
use super::shape::null_is_usual;
use crate::domain::words;

words! {
    /// What key is made.
    KeyType {
        /// RSA of 2048 bits, which every bank takes.
        Rsa2048 = "rsa2048",
        /// The curve P-256: smaller, and faster to sign with.
        P256 = "p256",
    }
}

/// Makes a key in the daemon and asks for a certificate with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct GenerateIdentity {
    /// Whose, as `CN=shop.kz,O=Name,C=KZ`. Without it the request that waits is told again.
    pub subject: Option<String>,
    /// `rsa2048` otherwise.
    pub key_type: Option<KeyType>,
    /// Throw away a key that waits for its certificate.
    #[serde(default, deserialize_with = "null_is_usual")]
    pub replace: bool,
}

/// A request that the bank is to sign (PKCS#10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CertificateRequest {
    /// In PEM.
    pub request: String,
    /// False where it was made before and is told again.
    pub made: bool,
}

/// The bank's answer to the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InstallIdentity {
    /// PEM, DER or PKCS#7.
    pub certificate: HandedFile,
    /// More certificates of its chain, in any order.
    pub chain: Option<HandedFile>,
    /// Take it although the bank cannot be asked now.
    #[serde(default, deserialize_with = "null_is_usual")]
    pub unchecked: bool,
}

/// A key and its certificate that were made elsewhere. One file may hold both.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HandedIdentity {
    /// PKCS#8, PKCS#1 or SEC1, in PEM or DER, locked or not.
    pub key: Option<HandedFile>,
    /// PEM, DER or PKCS#7, the chain in any order.
    pub certificate: Option<HandedFile>,
    /// Both in one, in place of the two.
    pub pkcs12: Option<HandedFile>,
    /// What opens the key or the PKCS#12 file.
    pub passphrase: Option<Passphrase>,
    /// Take it although the bank cannot be asked now.
    #[serde(default, deserialize_with = "null_is_usual")]
    pub unchecked: bool,
}

/// Takes in the first identity, or one in place of what is in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ImportIdentity(pub HandedIdentity);

/// The same in place of one that is in use; refused where there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RotateIdentity(pub HandedIdentity);

/// An identity that is in use from now on, and on the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct IdentityTaken {
    /// It.
    pub identity: Identity,
    /// What it replaced.
    pub before: Option<Identity>,
    /// What the bank said to it, for people; null where it was not asked.
    pub bank: Option<String>,
}

/// A file as its bytes: base64, or the text itself where that is PEM.
///
/// `Debug` shows nothing of it, it is wiped when dropped, and no reply has a field of this type.
#[derive(Clone, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "String", extend("writeOnly" = true)))]
pub struct HandedFile(Zeroizing<Vec<u8>>);

impl HandedFile {
    /// The file of these bytes.
    #[must_use]
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    /// What is in it: for whoever reads it as an identity.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    fn of_text(text: &str) -> Self {
        match Base64::decode_vec(text) {
            Ok(bytes) => Self(Zeroizing::new(bytes)),
            Err(_) => Self(Zeroizing::new(text.as_bytes().to_vec())),
        }
    }
}

impl fmt::Debug for HandedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandedFile([redacted])")
    }
}

impl Serialize for HandedFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => serializer.serialize_str(&Zeroizing::new(Base64::encode_string(&self.0))),
            false => serializer.serialize_bytes(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for HandedFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.is_human_readable() {
            true => deserializer.deserialize_str(FileText),
            false => deserializer.deserialize_bytes(FileText),
        }
    }
}

struct FileText;

impl Visitor<'_> for FileText {
    type Value = HandedFile;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file: PEM, or any file in base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<HandedFile, E> {
        Ok(HandedFile::of_text(text))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<HandedFile, E> {
        Ok(HandedFile::of_text(&Zeroizing::new(text)))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<HandedFile, E> {
        Ok(HandedFile(Zeroizing::new(bytes.to_vec())))
    }
}

/// What opens a key.
///
/// `Debug` shows nothing of it, and it is wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "String", extend("writeOnly" = true)))]
#[serde(from = "String", into = "String")]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Passphrase {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<Passphrase> for String {
    fn from(passphrase: Passphrase) -> String {
        passphrase.0.to_string()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase([redacted])")
    }
}
