//! Certificates and keys in the forms that the bank and openssl give them.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use pkcs8::EncryptedPrivateKeyInfoRef;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use zeroize::Zeroizing;

use super::files::IdentityFiles;
use super::trouble::IdentityTrouble;

/// Larger than any certificate chain or key; a wrong path must not fill the memory.
const LARGEST_FILE: u64 = 1 << 20;

pub(super) fn bad_certificate(path: &Path, what: impl fmt::Display) -> IdentityTrouble {
    IdentityTrouble::BadCertificate { path: path.to_owned(), what: what.to_string() }
}

/// The bytes of a small file, wiped when dropped.
fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, IdentityTrouble> {
    let unreadable = |source| IdentityTrouble::Unreadable { path: path.to_owned(), source };
    // Room for the whole file at once: a vector that grows leaves copies of a key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
    let length =
        File::open(path).and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if u64::try_from(length).is_ok_and(|length| length > LARGEST_FILE) {
        return Err(unreadable(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB")));
    }
    Ok(bytes)
}

fn is_pem(bytes: &[u8]) -> bool {
    contains(bytes, b"-----BEGIN ")
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// The chain in a file, leaf first; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityTrouble> {
    let bytes = read(path)?;
    let chain = if is_pem(&bytes) {
        CertificateDer::pem_slice_iter(&bytes).collect::<Result<Vec<_>, _>>().map_err(|e| bad_certificate(path, e))?
    } else if bytes.first() == Some(&DER_SEQUENCE) {
        vec![CertificateDer::from(bytes.to_vec())]
    } else {
        Vec::new()
    };
    if chain.is_empty() { Err(IdentityTrouble::NoCertificate { path: path.to_owned() }) } else { Ok(chain) }
}

/// The first byte of every certificate and key in DER.
const DER_SEQUENCE: u8 = 0x30;

/// The first certificate, read; the others must at least be readable too.
pub(super) fn leaf(chain: &[CertificateDer<'static>], path: &Path) -> Result<Certificate, IdentityTrouble> {
    let mut read = Vec::with_capacity(chain.len());
    for der in chain {
        read.push(Certificate::from_der(der).map_err(|e| bad_certificate(path, e))?);
    }
    read.into_iter().next().ok_or_else(|| IdentityTrouble::NoCertificate { path: path.to_owned() })
}

pub(super) fn private_key(files: IdentityFiles<'_>) -> Result<PrivateKeyDer<'static>, IdentityTrouble> {
    let path = files.key;
    let bytes = read(path)?;
    if contains(&bytes, b"Proc-Type: 4,ENCRYPTED") {
        return Err(IdentityTrouble::OldEncryption { path: path.to_owned() });
    }
    if contains(&bytes, b"-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        let der = encrypted_section(&bytes).ok_or_else(|| bad_key(path, "its PEM is damaged"))?;
        return decrypt(&der, files);
    }
    if is_pem(&bytes) {
        return PrivateKeyDer::from_pem_slice(&bytes).map_err(|e| match e {
            rustls::pki_types::pem::Error::NoItemsFound => IdentityTrouble::NoKey { path: path.to_owned() },
            other => bad_key(path, other),
        });
    }
    if EncryptedPrivateKeyInfoRef::from_der(&bytes).is_ok() {
        return decrypt(&bytes, files);
    }
    PrivateKeyDer::try_from(bytes.to_vec()).map_err(|_| IdentityTrouble::NoKey { path: path.to_owned() })
}

pub(super) fn bad_key(path: &Path, what: impl fmt::Display) -> IdentityTrouble {
    IdentityTrouble::BadKey { path: path.to_owned(), what: what.to_string() }
}

/// The DER of the `ENCRYPTED PRIVATE KEY` section, whatever stands around it.
fn encrypted_section(pem: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    const BEGIN: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
    let text = std::str::from_utf8(pem).ok()?;
    let start = text.find(BEGIN)?;
    let (section, _) = text.get(start..)?.split_once(END)?;
    let section = Zeroizing::new(format!("{section}{END}\n"));
    let (_, document) = pkcs8::der::SecretDocument::from_pem(&section).ok()?;
    Some(Zeroizing::new(document.as_bytes().to_vec()))
}

fn decrypt(der: &[u8], files: IdentityFiles<'_>) -> Result<PrivateKeyDer<'static>, IdentityTrouble> {
    let path = files.key;
    let passphrase_file =
        files.passphrase.ok_or_else(|| IdentityTrouble::PassphraseNeeded { path: path.to_owned() })?;
    let passphrase = read(passphrase_file)?;
    let line = passphrase.strip_suffix(b"\n").unwrap_or(&passphrase);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let encrypted = EncryptedPrivateKeyInfoRef::from_der(der).map_err(|e| bad_key(path, e))?;
    let key = encrypted.decrypt(line).map_err(|e| match e {
        pkcs8::Error::EncryptedPrivateKey(
            pkcs8::pkcs5::Error::NoPbes1CryptSupport | pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. },
        ) => bad_key(path, e),
        // A wrong passphrase shows as bad padding, or now and then as a plain text that is no key.
        _ => IdentityTrouble::WrongPassphrase { path: path.to_owned(), passphrase: passphrase_file.to_owned() },
    })?;
    PrivateKeyDer::try_from(key.as_bytes().to_vec()).map_err(|e| bad_key(path, e))
}
