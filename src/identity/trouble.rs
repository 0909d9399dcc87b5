//! Why there is no identity.

use std::io;
use std::path::PathBuf;

/// How to turn a key this program does not read into one it does.
const CONVERT: &str = "openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD.key -out NEW.key";

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
