//! Files into keys and certificates.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::chain::Link;
use super::files::{Handed, IdentityFiles};
use super::items::{Item, LARGEST, instead, items};
use super::key::{UsableKey, unlocked};
use super::trouble::{IdentityTrouble, Unfit, Wanted};
use super::{Staged, pkcs12};

/// Reads the files.
pub(super) fn staged(files: IdentityFiles<'_>) -> Result<Staged, IdentityTrouble> {
    let (key, certificate) = (read(files.key)?, read(files.certificate)?);
    let passphrase = files.passphrase.map(read).transpose()?;
    let named = |path: &Path| path.display().to_string();
    let (key_name, certificate_name) = (named(files.key), named(files.certificate));
    let key = Handed { name: &key_name, bytes: &key };
    let certificate = Handed { name: &certificate_name, bytes: &certificate };
    Staged::read(key, certificate, passphrase.as_deref().map(|bytes| line(bytes)))
}

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
    let found = items(file.bytes, Wanted::Key).map_err(unfit)?;
    let mut keys = Vec::new();
    for item in &found {
        match item {
            Item::Key(der) => keys.push(UsableKey::new(der.clone()).map_err(unfit)?),
            Item::Locked(locked) => {
                keys.push(unlocked(locked, passphrase).and_then(UsableKey::new).map_err(unfit)?);
            }
            Item::Store(store) => {
                for der in pkcs12::read(store, passphrase).map_err(unfit)?.keys {
                    keys.push(UsableKey::new(der).map_err(unfit)?);
                }
            }
            Item::Certificate(_) | Item::Other(_) => {}
        }
    }
    if keys.is_empty() { Err(unfit(Unfit::NoKey { instead: instead(&found) })) } else { Ok(keys) }
}

/// Every certificate in a file, in its order; at least one.
pub(super) fn certificates(file: Handed<'_>, passphrase: Option<&[u8]>) -> Result<Vec<Link>, IdentityTrouble> {
    let unfit = |why| IdentityTrouble::unfit(file.name, why);
    let found = items(file.bytes, Wanted::Certificate).map_err(unfit)?;
    let mut certificates = Vec::new();
    for item in &found {
        match item {
            Item::Certificate(der) => certificates.push(der.clone()),
            Item::Store(store) => certificates.extend(pkcs12::read(store, passphrase).map_err(unfit)?.certificates),
            Item::Key(_) | Item::Locked(_) | Item::Other(_) => {}
        }
    }
    if certificates.is_empty() {
        return Err(unfit(Unfit::NoCertificate { instead: instead(&found) }));
    }
    certificates.into_iter().map(|der| Link::read(der).map_err(unfit)).collect()
}
