//! What setup did, so that it can be taken back. Each deed is written down before it is done: broken off at any place, it can
//! be undone, and what was not done yet is undone without harm.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};

use super::error::SetupError;
use crate::id::{OrganizationBin, RequestKey};

/// A thing that was not so before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Deed {
    /// A file was written; what it held before, if it was there.
    File { path: PathBuf, before: Option<FileBytes> },
    /// A user was put into a group.
    Member { user: String, group: String },
    /// A unit was enabled and started.
    Unit(String),
    /// An organisation was enrolled.
    Organization(OrganizationBin),
}

/// The bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct FileBytes(Vec<u8>);

impl FileBytes {
    /// What a file holds; none if it is not there.
    pub(super) fn of(path: &Path) -> Result<Option<Self>, SetupError> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(Self(bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(SetupError::File { path: path.to_owned(), source }),
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for FileBytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl TryFrom<String> for FileBytes {
    type Error = base64ct::Error;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Base64::decode_vec(&text).map(Self)
    }
}

impl From<FileBytes> for String {
    fn from(held: FileBytes) -> Self {
        Base64::encode_string(&held.0)
    }
}

/// The payment of a trial. Its key is kept before anybody is billed, so that nobody is billed twice for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TrialRecord {
    pub(super) key: RequestKey,
    /// Paid and paid back.
    pub(super) is_over: bool,
}

/// All of it, in a file of root's.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SetupRecord {
    #[serde(skip)]
    path: PathBuf,
    /// In the order in which they were done.
    pub(super) deeds: Vec<Deed>,
    /// A hash of the certificate or PKCS#12 file that the identity in use was read from.
    pub(super) imported: Option<String>,
    pub(super) trial: Option<TrialRecord>,
}

impl SetupRecord {
    pub(super) fn open(path: PathBuf) -> Result<Self, SetupError> {
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self { path, ..Self::default() }),
            read => read.map_err(|source| SetupError::File { path: path.clone(), source })?,
        };
        let record: Self = serde_json::from_str(&text)
            .map_err(|error| SetupError::Answers { path: path.clone(), why: error.to_string() })?;
        Ok(Self { path, ..record })
    }

    /// Writes a deed down, before it is done. What was done twice is undone once, and a file gets back what it held first.
    pub(super) fn note(&mut self, deed: Deed) -> Result<(), SetupError> {
        let is_known = self.deeds.iter().any(|known| match (known, &deed) {
            (Deed::File { path: one, .. }, Deed::File { path: other, .. }) => one == other,
            (one, other) => one == other,
        });
        if !is_known {
            self.deeds.push(deed);
        }
        self.save()
    }

    /// The last deed is undone.
    pub(super) fn undone(&mut self) -> Result<(), SetupError> {
        self.deeds.pop();
        self.save()
    }

    pub(super) fn save(&self) -> Result<(), SetupError> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        write(&self.path, text.as_bytes(), 0o600)
    }

    /// Nothing of it is left.
    pub(super) fn remove(self) -> Result<(), SetupError> {
        remove(&self.path)
    }
}

/// A file is there whole or not at all, and on the disk.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), SetupError> {
    let failed = |source| SetupError::File { path: path.to_owned(), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Its beginning and its end: no reader of the folder takes it for a file of its own.
    let part = folder.join(format!(".{name}.part"));
    let written = fs::create_dir_all(folder).and_then(|()| {
        let _ = fs::remove_file(&part);
        let mut file = File::options().write(true).create_new(true).mode(mode).open(&part)?;
        // The umask may have cut what others are to read.
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        File::open(folder)?.sync_all()
    });
    written.map_err(failed)
}

/// Gone, whether or not it was there.
pub(super) fn remove(path: &Path) -> Result<(), SetupError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(SetupError::File { path: path.to_owned(), source: error })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

    use super::*;

    /// Promise: a file that setup wrote twice gets back what it held before the first time.
    #[test]
    fn the_first_before_is_the_one_that_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("setup.json");
        let mut record = SetupRecord::open(path.clone()).unwrap();
        let file = |before: Option<&str>| Deed::File { path: "/a".into(), before: before.map(FileBytes::from) };
        record.note(file(Some("first"))).unwrap();
        record.note(file(Some("second"))).unwrap();
        record.note(Deed::Unit("u".to_owned())).unwrap();
        let again = SetupRecord::open(path.clone()).unwrap();
        assert_eq!(again.deeds, [file(Some("first")), Deed::Unit("u".to_owned())]);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
