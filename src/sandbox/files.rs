//! The sandbox's directory: what a caller needs to speak to it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use uuid::Uuid;

use super::authority::PemIdentity;

/// A file of the sandbox could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}")]
pub struct CannotWrite {
    path: PathBuf,
    source: io::Error,
}

/// The directory; one that was made for a run without `--dir` is removed with it.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    temporary: bool,
    /// Locked as long as this lives: two sandboxes in one directory would take each other's files for theirs.
    _lock: File,
}

/// Its lock.
const LOCK: &str = ".lock";

impl Directory {
    /// Makes `path` or, without one, a private directory that is removed on drop.
    pub(super) fn make(path: Option<PathBuf>) -> Result<Self, CannotWrite> {
        let temporary = path.is_none();
        let path = path.unwrap_or_else(|| {
            std::env::temp_dir().join(format!("kaspi-sandbox-{:08x}", Uuid::new_v4().as_fields().0))
        });
        // Private like the key in it; recursive creation leaves an existing directory as it is.
        let made = DirBuilder::new().mode(0o700).recursive(!temporary).create(&path);
        let locked = made.and_then(|()| std::path::absolute(&path)).and_then(|path| Ok((lock(&path)?, path)));
        locked.map(|(lock, path)| Self { path, temporary, _lock: lock }).map_err(|source| CannotWrite { path, source })
    }

    /// Its absolute path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file that others may read.
    pub(super) fn write(&self, name: &str, content: &str) -> Result<PathBuf, CannotWrite> {
        self.replace(name, content, 0o644)
    }

    /// Writes `NAME.cer` and `NAME.key`; the key is the owner's only.
    pub(super) fn write_identity(&self, name: &str, identity: &PemIdentity) -> Result<(PathBuf, PathBuf), CannotWrite> {
        let certificate = self.write(&format!("{name}.cer"), &identity.certificate_pem)?;
        let key = self.replace(&format!("{name}.key"), &identity.key_pem, 0o600)?;
        Ok((certificate, key))
    }

    /// A file of an earlier run.
    pub(super) fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path.join(name)).ok()
    }

    /// What an earlier run wrote with [`Directory::write_identity`].
    pub(super) fn identity(&self, name: &str) -> Option<(PathBuf, PathBuf)> {
        let files = (self.path.join(format!("{name}.cer")), self.path.join(format!("{name}.key")));
        (files.0.is_file() && files.1.is_file()).then_some(files)
    }

    /// Writes a file for its owner only.
    pub(super) fn write_secret(&self, name: &str, content: &str) -> Result<PathBuf, CannotWrite> {
        self.replace(name, content, 0o600)
    }

    /// Removes a file of an earlier run, so that nobody takes it for this one's.
    pub(super) fn forget(&self, name: &str) -> Result<(), CannotWrite> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(CannotWrite { path, source }),
            _ => Ok(()),
        }
    }

    /// Writes beside and renames, so that a reader sees the whole file or none.
    fn replace(&self, name: &str, content: &str, mode: u32) -> Result<PathBuf, CannotWrite> {
        let path = self.path.join(name);
        let beside = self.path.join(format!(".{name}.new"));
        let written = fs::remove_file(&beside)
            .or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
            .and_then(|()| OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside))
            .and_then(|mut file: File| file.write_all(content.as_bytes()))
            .and_then(|()| fs::rename(&beside, &path));
        match written {
            Ok(()) => Ok(path),
            Err(source) => Err(CannotWrite { path, source }),
        }
    }
}

fn lock(directory: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(directory.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another kaspi-sandbox runs in this directory")),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.temporary {
            // It was ours alone; if it cannot be removed there is nobody left to tell.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// What `sandbox.json` says and the program prints: where to find everything.
#[derive(Clone, Debug, Serialize)]
pub struct Places {
    /// The bank, for `[kaspi] url`.
    pub url: String,
    /// The control interface.
    pub control_url: String,
    /// The customer's phone, for a browser; behind its `#` is what other pages of that browser do not know.
    pub phone_url: String,
    /// What the bank speaks.
    pub dialect: super::Dialect,
    /// The directory of the files below.
    pub directory: PathBuf,
    /// The bank's root certificate.
    pub ca_file: PathBuf,
    /// The merchant's certificate.
    pub certificate_file: PathBuf,
    /// Its key, PKCS#8 PEM, mode 0600.
    pub key_file: PathBuf,
    /// The organisations of the default world.
    pub organization_bins: [&'static str; 2],
}
