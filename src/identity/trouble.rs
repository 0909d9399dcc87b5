//! Why there is no identity: which file, what is wrong with it, what to do.

use std::io;
use std::path::PathBuf;

use crate::seal::SealTrouble;

/// How to make a key in a form that every program reads.
const CONVERT: &str = "openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD.key -out NEW.key";

/// The same for PKCS#12, past whatever OpenSSL 3 calls legacy; the passphrase is asked for, and no key is left lying about.
const STORE_ANEW: &str = "openssl pkcs12 -legacy -in OLD.p12 -nodes | openssl pkcs12 -export -keypbe aes-256-cbc -certpbe aes-256-cbc -out NEW.p12";

/// Why there is no identity.
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
    /// A file is not what it must be.
    #[error("{name} {why}")]
    Unfit {
        /// Which file.
        name: String,
        /// What is wrong.
        why: Unfit,
    },
    /// It could not be written.
    #[error("{path} could not be written: {source}; what was kept before is kept still")]
    NotKept {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A link in the place of what the daemon keeps, and nothing where it leads.
    #[error(
        "{path} is a link to {target}, and there is nothing: if that is a disk of its own, mount it and start again; if \
         the disk is lost, remove the link and take the key in again: kaspictl identity import --key FILE --cert FILE"
    )]
    LinkToNothing {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A link in the place of what the daemon is to write.
    #[error(
        "{path} is a link to {target}, and the daemon writes its key as a file of its own there: what was kept before is \
         kept still; put that file in the place of the link (mv {target} {path}), then again"
    )]
    LinkInPlace {
        /// The link.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// What the daemon keeps is sealed with what is not here.
    #[error("{path}: {why}{}", .why.last_resort())]
    Sealed {
        /// Which file.
        path: PathBuf,
        /// Why it does not open.
        #[source]
        why: SealTrouble,
    },
    /// The key belongs to another certificate.
    #[error(
        "the key in {key} does not belong to any certificate in {certificate}; use the key that its request was made with"
    )]
    Mismatch {
        /// The key's file.
        key: String,
        /// The certificate's file.
        certificate: String,
    },
}

impl IdentityTrouble {
    pub(super) fn unfit(name: &str, why: Unfit) -> Self {
        Self::Unfit { name: name.to_owned(), why }
    }
}

/// What is wrong with a file; each kind of mistake has words of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Nothing in it.
    #[error("is empty; copy it again from where it was made")]
    Empty,
    /// A wrong file, surely.
    #[error("is larger than 1 MiB, which no key or certificate is; check the name")]
    TooLarge,
    /// Notepad's "Unicode".
    #[error(
        "is text in UTF-16, as Notepad saves \"Unicode\"; save it again as UTF-8 or ANSI, or take the original file"
    )]
    Utf16,
    /// A log-in page or an error page of a download.
    #[error("is a web page and not a {wanted}: the download went wrong or wanted a log-in; get the file again")]
    WebPage {
        /// What it was to be.
        wanted: FileRole,
    },
    /// None of the kinds that are known.
    #[error("is no {wanted} in any form that is known (PEM, DER, PKCS#12, PKCS#7); check the name, or get it again")]
    Unknown {
        /// What it was to be.
        wanted: FileRole,
    },
    /// BER of old Java or Firefox.
    #[error(
        "is written in BER and not in DER; write it anew: openssl pkcs12 -in OLD.p12 -nodes | openssl pkcs12 -export -out NEW.p12"
    )]
    Ber,
    /// Cut or changed on its way.
    #[error("is damaged ({what}); get it again, and copy it as a file, not as text")]
    Damaged {
        /// Where reading stopped.
        what: String,
    },
    /// Something else than a key.
    #[error(
        "holds {instead} and no private key; the key is the file that was made together with the request to the bank"
    )]
    NoKey {
        /// What it holds.
        instead: String,
    },
    /// Something else than a certificate.
    #[error("holds {instead} and no certificate; the certificate is the .cer or .p7b that the bank sent back")]
    NoCertificate {
        /// What it holds.
        instead: String,
    },
    /// An encrypted key, and no passphrase.
    #[error("is protected by a passphrase; give it: --passphrase-file FILE, or [identity] passphrase_file")]
    PassphraseNeeded,
    /// The same of what systemd hands over.
    #[error(
        "is protected by a passphrase; give it as the credential kaspid.pass: LoadCredentialEncrypted=kaspid.pass:FILE in \
         kaspid.service, with the passphrase on the file's one line"
    )]
    CredentialPassphraseNeeded,
    /// Not this passphrase.
    #[error(
        "does not open with this passphrase; check it: openssl pkey -noout -in FILE (.p12, .pfx: openssl pkcs12 -noout -in FILE)"
    )]
    WrongPassphrase,
    /// A cipher that is not known here.
    #[error("is encrypted in a way that is not known here ({what}); convert it: {CONVERT}")]
    Cipher {
        /// Its name.
        what: String,
    },
    /// A file that would keep the machine busy.
    #[error("wants {what} to be opened, far more than any honest file; make it anew: {CONVERT}")]
    Costly {
        /// How much.
        what: String,
    },
    /// The same of a PKCS#12 file, which is written anew as a whole.
    #[error("is encrypted in a way that is not known here ({what}); write it anew: {STORE_ANEW}")]
    StoreCipher {
        /// Its name.
        what: String,
    },
    /// A PKCS#12 file that would keep the machine busy.
    #[error("wants {what} to be opened, far more than any honest file; make it anew: {STORE_ANEW}")]
    StoreCostly {
        /// How much.
        what: String,
    },
    /// OpenSSL's `-param_enc explicit`.
    #[error(
        "holds an EC key that spells its curve out instead of naming it; write it anew: openssl ec -in OLD.key \
         -param_enc named_curve -out NEW.key"
    )]
    CurveSpelledOut,
    /// TLS here cannot sign with it.
    #[error(
        "holds {kind}, with which the daemon cannot sign; ask the bank for a certificate of an RSA key of 2048 bits or a P-256 key: kaspictl identity generate --subject 'CN=shop.kz,O=NAME,C=KZ'"
    )]
    KeyKind {
        /// Its kind.
        kind: String,
    },
    /// A certificate of a key that is no good.
    #[error("holds a certificate that ended on {day}; ask the bank for a new one")]
    Expired {
        /// When.
        day: String,
    },
    /// Or the clock is wrong.
    #[error("holds a certificate that begins on {day}; is this machine's clock right (date)? else use it from then on")]
    NotYet {
        /// When.
        day: String,
    },
    /// Made for servers or for signing.
    #[error(
        "holds a certificate that is not for logging in as a client (its extended key usage is {usage}); ask the bank for one with clientAuth"
    )]
    Usage {
        /// What it is for.
        usage: String,
    },
    /// The bank's own, not ours.
    #[error(
        "holds the certificate of an authority (CA) as the organisation's own; take the certificate that was made for your request"
    )]
    Authority,
}

/// What a file was to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    /// The private key.
    Key,
    /// The certificate and its chain.
    Certificate,
}

impl std::fmt::Display for FileRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key => "private key",
            Self::Certificate => "certificate",
        })
    }
}
