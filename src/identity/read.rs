//! Files into keys and certificates.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::chain::ChainLink;
use super::files::Handed;
use super::items::{FilePart, LARGEST, instead, items};
use super::key::{UsableKey, unlocked};
use super::locks::Effort;
use super::pkcs12;
use super::trouble::{FileRole, IdentityTrouble, Unfit};

/// What stands on the line of a passphrase file: one newline at its end is not part of it.
pub(super) fn line(bytes: &[u8]) -> &[u8] {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The bytes of a small file, wiped when dropped.
pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, IdentityTrouble> {
    let unreadable = |source| IdentityTrouble::Unreadable { path: path.to_owned(), source };
    // Room for the whole file at once: a vector that grows leaves copies of a key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() > LARGEST {
        return Err(unreadable(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 1 MiB")));
    }
    Ok(bytes)
}

/// Every key in a file that can be used; at least one.
pub(super) fn keys(file: Handed<'_>, passphrase: Option<&[u8]>) -> Result<Vec<UsableKey>, IdentityTrouble> {
    let unfit = |why| IdentityTrouble::unfit(file.name, why);
    let found = items(file.bytes, FileRole::Key).map_err(unfit)?;
    let (mut keys, mut effort) = (Vec::new(), Effort::of_a_file());
    for item in &found {
        match item {
            FilePart::Key(der) => keys.push(UsableKey::new(der.clone()).map_err(unfit)?),
            FilePart::Locked(locked) => {
                keys.push(unlocked(locked, passphrase, &mut effort).and_then(UsableKey::new).map_err(unfit)?);
            }
            FilePart::Store(store) => {
                for der in pkcs12::read(store, passphrase, &mut effort).map_err(unfit)?.keys {
                    keys.push(UsableKey::new(der).map_err(unfit)?);
                }
            }
            FilePart::Certificate(_) | FilePart::Other(_) => {}
        }
    }
    if keys.is_empty() { Err(unfit(Unfit::NoKey { instead: instead(&found) })) } else { Ok(keys) }
}

/// Whether a file holds a private key, or what may be one behind a passphrase that is not known.
#[must_use]
pub fn holds_key(file: Handed<'_>, passphrase: Option<&[u8]>) -> bool {
    !matches!(keys(file, passphrase), Err(IdentityTrouble::Unfit { why: Unfit::NoKey { .. }, .. }))
}

/// Every certificate in a file, in its order; at least one.
pub(super) fn certificates(file: Handed<'_>, passphrase: Option<&[u8]>) -> Result<Vec<ChainLink>, IdentityTrouble> {
    let unfit = |why| IdentityTrouble::unfit(file.name, why);
    let found = items(file.bytes, FileRole::Certificate).map_err(unfit)?;
    let (mut certificates, mut effort) = (Vec::new(), Effort::of_a_file());
    for item in &found {
        match item {
            FilePart::Certificate(der) => certificates.push(der.clone()),
            FilePart::Store(store) => {
                certificates.extend(pkcs12::read(store, passphrase, &mut effort).map_err(unfit)?.certificates);
            }
            FilePart::Key(_) | FilePart::Locked(_) | FilePart::Other(_) => {}
        }
    }
    if certificates.is_empty() {
        return Err(unfit(Unfit::NoCertificate { instead: instead(&found) }));
    }
    certificates.into_iter().map(|der| ChainLink::read(der).map_err(unfit)).collect()
}
