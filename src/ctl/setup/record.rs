//! What setup did, so that it can be taken back. Each deed is written down before it is done: broken off at any place, it can
//! be undone, and what was not done yet is undone without harm.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::SetupError;
use crate::ctl::unfinished::Unfinished;
use crate::id::{OrganizationBin, RequestKey};

/// A thing that was not so before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Deed {
    /// A file of setup's own was written; what it holds by now may be somebody's. The hashes of all that setup has put there.
    File { path: PathBuf, sha256: Vec<String> },
    /// A user was put into a group.
    Member { user: String, group: String },
    /// A unit was enabled and started.
    Unit(String),
    /// An organisation was enrolled.
    Organization(OrganizationBin),
}

impl Deed {
    /// The same thing, whatever is in the file.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File { path: one, .. }, Self::File { path: other, .. }) => one == other,
            (one, other) => one == other,
        }
    }
}

/// The payment of a trial. Its key is kept before anybody is billed, so that nobody is billed twice for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TrialRecord {
    pub(super) key: RequestKey,
    /// What was asked, as the answers name it.
    pub(super) bank: String,
    /// Paid and paid back.
    pub(super) is_over: bool,
}

/// Where an identity came from that setup took in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BroughtIdentity {
    /// Of the file with the certificate.
    pub(super) sha256: String,
    /// As the daemon tells it: another one was brought by somebody else. None as long as it is being brought.
    pub(super) told: Option<String>,
    /// It may be lost without harm.
    pub(super) is_sandbox: bool,
}

/// All of it, in a file of root's.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SetupRecord {
    #[serde(skip)]
    path: PathBuf,
    /// In the order in which they were done.
    pub(super) deeds: Vec<Deed>,
    /// None for one that was there before, or was brought by somebody else.
    pub(super) identity: Option<BroughtIdentity>,
    pub(super) trial: Option<TrialRecord>,
}

impl SetupRecord {
    pub(super) fn open(path: PathBuf) -> Result<Self, SetupError> {
        let Some(text) = read(&path)? else { return Ok(Self { path, ..Self::default() }) };
        let record: Self = serde_json::from_slice(&text)
            .map_err(|error| SetupError::Answers { path: path.clone(), why: error.to_string() })?;
        Ok(Self { path, ..record })
    }

    /// Writes a deed down, before it is done. What was done before keeps its place.
    pub(super) fn note(&mut self, deed: Deed) -> Result<(), SetupError> {
        match self.deeds.iter_mut().find(|known| known.is_same(&deed)) {
            Some(known) => *known = deed,
            None => self.deeds.push(deed),
        }
        self.save()
    }

    /// It was not done, or is undone.
    pub(super) fn withdraw(&mut self, deed: &Deed) -> Result<(), SetupError> {
        self.deeds.retain(|known| !known.is_same(deed));
        self.save()
    }

    /// The hashes of what setup has put into a file. A call that is broken off leaves what was before or what was to be.
    pub(super) fn written(&self, wanted: &Path) -> &[String] {
        let hashes = self.deeds.iter().find_map(|deed| match deed {
            Deed::File { path, sha256 } if path == wanted => Some(sha256.as_slice()),
            _ => None,
        });
        hashes.unwrap_or_default()
    }

    /// Writes down what is to be put into a file.
    pub(super) fn note_file(&mut self, path: &Path, text: &[u8]) -> Result<(), SetupError> {
        let mut hashes = self.written(path).to_vec();
        hashes.push(sha256(text));
        hashes.dedup();
        self.note(Deed::File { path: path.to_owned(), sha256: hashes })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.deeds.is_empty() && self.open_trial().is_none()
    }

    /// A payment that is neither paid back nor called off.
    pub(super) fn open_trial(&self) -> Option<&TrialRecord> {
        self.trial.as_ref().filter(|trial| !trial.is_over)
    }

    pub(super) fn save(&self) -> Result<(), SetupError> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        write(&self.path, text.as_bytes(), 0o600)
    }

    /// Not left lying about when there is nothing in it. Where the identity in use came from is known as long as it may be.
    pub(super) fn tidy(&self) -> Result<(), SetupError> {
        match self.deeds.is_empty() && self.identity.is_none() && self.trial.is_none() {
            true => remove(&self.path),
            false => Ok(()),
        }
    }
}

/// More than any certificate, configuration or answer.
const LARGEST: u64 = 1 << 20;

/// What a file holds; none if it is not there. A pipe would be waited for without an end, and a device has no end.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, SetupError> {
    let failed = |source| SetupError::File { path: path.to_owned(), source };
    let file = match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Ok(metadata) if !metadata.is_file() => Err(io::Error::other("it is not a file")),
        found => found.and_then(|_| File::open(path)),
    };
    let mut bytes = Vec::new();
    file.and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(failed)?;
    match u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        true => Err(failed(io::Error::other("it is larger than 1 MiB"))),
        false => Ok(Some(bytes)),
    }
}

/// A hash, to know a file again.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file is there whole or not at all, and on the disk. A folder that is missing is made, for all to read.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), SetupError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = made(folder).and_then(|()| {
        let found = path.symlink_metadata().ok();
        let mut file = Unfinished::begin(path.to_owned(), found.as_ref(), false)?;
        file.set_mode(mode)?;
        file.write(bytes)?;
        file.finish()?;
        File::open(folder)?.sync_all()
    });
    written.map_err(|source| SetupError::File { path: path.to_owned(), source })
}

fn made(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => fs::set_permissions(folder, fs::Permissions::from_mode(0o755)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
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

    /// Promise: what was done is known again, a file by what was last written into it.
    #[test]
    fn deeds_are_known_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("setup.json");
        let mut record = SetupRecord::open(path.clone()).unwrap();
        let file = Deed::File { path: "/a".into(), sha256: vec![sha256(b"first"), sha256(b"second")] };
        record.note_file(Path::new("/a"), b"first").unwrap();
        record.note_file(Path::new("/a"), b"second").unwrap();
        record.note(Deed::Unit("u".to_owned())).unwrap();
        let mut again = SetupRecord::open(path.clone()).unwrap();
        assert_eq!(again.deeds, [file, Deed::Unit("u".to_owned())]);
        again.withdraw(&Deed::File { path: "/a".into(), sha256: Vec::new() }).unwrap();
        assert_eq!(SetupRecord::open(path.clone()).unwrap().deeds, [Deed::Unit("u".to_owned())]);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    /// Promise: what is no file is not waited for.
    #[test]
    fn what_is_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for path in [pipe.as_path(), folder.path(), Path::new("/dev/zero")] {
            assert!(read(path).unwrap_err().to_string().contains("not a file"), "{}", path.display());
        }
        assert_eq!(read(&folder.path().join("none")).unwrap(), None);
    }
}
