//! The files of an identity, read for the daemon. They are judged here first: a mistake is told with the file's name, and
//! a passphrase is asked for only where one is needed.

mod read;
mod source;
mod passphrase;

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::invocation::HandedPaths;
use super::out::Out;
use crate::identity::{Handed, IdentityTrouble, Staged, Unfit, holds_key};
use crate::operation::{HandedFile, HandedIdentity, Operation};
use passphrase::{asked, passphrase};
use read::{NotHanded, read};
pub(super) use source::Source;

/// Reads the files into the operation; the one to be removed afterwards, if one is.
pub(super) fn fill(operation: &mut Operation, paths: &HandedPaths, out: &mut Out) -> Result<Option<Source>, NotHanded> {
    match operation {
        Operation::InstallIdentity(install) => {
            install.certificate = paths.certificate.as_deref().map(read).transpose()?.unwrap_or_default();
            install.chain = paths.chain.as_deref().map(read).transpose()?;
            Ok(None)
        }
        Operation::ImportIdentity(handed) => fill_identity(&mut handed.0, paths, out),
        Operation::RotateIdentity(handed) => fill_identity(&mut handed.0, paths, out),
        _ => Ok(None),
    }
}

fn fill_identity(handed: &mut HandedIdentity, paths: &HandedPaths, out: &mut Out) -> Result<Option<Source>, NotHanded> {
    let to_remove = paths.key.as_ref().or(paths.pkcs12.as_ref()).filter(|_| paths.remove);
    let source = to_remove.map(|path| Source::open(path)).transpose()?;
    // The very file that is removed later is the one that is read now.
    let key_file = |path: &PathBuf| source.as_ref().map_or_else(|| read(path), Source::read);
    handed.key = paths.key.as_ref().map(key_file).transpose()?;
    handed.pkcs12 = paths.pkcs12.as_ref().map(key_file).transpose()?;
    handed.certificate = paths.certificate.as_deref().map(read).transpose()?;
    handed.passphrase = paths.passphrase.as_deref().map(|path| passphrase(path, out)).transpose()?;
    loop {
        match judge(handed, paths) {
            Err(IdentityTrouble::Unfit { name, why: Unfit::PassphraseNeeded })
                if handed.passphrase.is_none() && io::stdin().is_terminal() =>
            {
                handed.passphrase = Some(asked(&name, out).map_err(NotHanded::NoTerminal)?);
            }
            judged => {
                judged.map_err(|error| told(error, paths))?;
                let also = source.as_ref().and_then(|source| also_holds_key(handed, paths, source));
                return Ok(source.map(|source| source.beside(also)));
            }
        }
    }
}

/// What only the command line tells: that the certificate was to be in the file of the key.
fn told(error: IdentityTrouble, paths: &HandedPaths) -> NotHanded {
    match (&error, paths) {
        (
            IdentityTrouble::Unfit { why: Unfit::NoCertificate { .. }, .. },
            HandedPaths { key: Some(key), certificate: None, .. },
        ) => NotHanded::KeyAlone(key.clone()),
        (
            IdentityTrouble::Unfit { why: Unfit::NoCertificate { .. } | Unfit::NoKey { .. }, .. },
            HandedPaths { pkcs12: Some(both), .. },
        ) => NotHanded::NotBoth(both.clone()),
        _ => NotHanded::Unfit(error),
    }
}

/// The certificate's file, where it is not the key's and holds a key all the same.
fn also_holds_key(handed: &HandedIdentity, paths: &HandedPaths, source: &Source) -> Option<PathBuf> {
    let (path, file) = (paths.certificate.as_ref()?, handed.certificate.as_ref()?);
    let passphrase = handed.passphrase.as_ref().map(|it| it.expose().as_bytes());
    let holds = !source.is(path) && holds_key(Handed { name: "", bytes: file.expose() }, passphrase);
    holds.then(|| path.clone())
}

/// As the daemon will, under the files' own names.
fn judge(handed: &HandedIdentity, paths: &HandedPaths) -> Result<(), IdentityTrouble> {
    let name = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let (key, certificate, pkcs12) = (name(&paths.key), name(&paths.certificate), name(&paths.pkcs12));
    let named = |file: &Option<HandedFile>| file.as_ref().map(|file| file.expose().to_vec()).map(Zeroizing::new);
    let (key_bytes, certificate_bytes, both) = (named(&handed.key), named(&handed.certificate), named(&handed.pkcs12));
    let passphrase = handed.passphrase.as_ref().map(|it| it.expose().as_bytes());
    let (first, second) = match (&key_bytes, &certificate_bytes, &both) {
        (Some(bytes), Some(other), _) => (Handed { name: &key, bytes }, Handed { name: &certificate, bytes: other }),
        (Some(bytes), None, _) => (Handed { name: &key, bytes }, Handed { name: &key, bytes }),
        (None, _, Some(bytes)) => (Handed { name: &pkcs12, bytes }, Handed { name: &pkcs12, bytes }),
        (None, _, None) => return Ok(()),
    };
    Staged::read(first, second, passphrase).map(drop)
}
