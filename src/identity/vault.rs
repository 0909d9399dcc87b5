//! Where the daemon keeps what only it may have: `identity/` beside the state, 0700, its files 0600.
//!
//! The key in use and its certificates are one file, and a key that waits for its certificate is one file with its
//! request. A file is written under another name, synced, renamed and its folder synced: whenever the machine dies, there
//! is the old one or the new one, whole. All that is written passes [`Vault::seal`], all that is read [`Vault::open`].

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::read::read;
use super::{Handed, IdentityTrouble, Staged, WaitingKey};
use crate::failpoint::fail_point;

/// The identity in use.
const IDENTITY: &str = "identity.pem";
/// A key that waits for its certificate, with its request.
const WAITING: &str = "waiting.pem";
/// What a file is called until it is whole.
const HALF: &str = ".new";

/// What was read, in plain.
struct KeptFile {
    name: String,
    bytes: Zeroizing<Vec<u8>>,
}

/// The folder. Cheap to make; it is on the disk once something is kept.
#[derive(Clone, Debug)]
pub struct Vault {
    dir: PathBuf,
}

impl Vault {
    /// The one beside the state in `state_dir`.
    #[must_use]
    pub fn beside(state_dir: &Path) -> Self {
        Self { dir: state_dir.join("identity") }
    }

    /// False where another user's rights hide it: `kaspid check` by a person is not the daemon.
    #[must_use]
    pub fn can_be_seen(&self) -> bool {
        !matches!(fs::metadata(self.dir.join(IDENTITY)), Err(error) if error.kind() == io::ErrorKind::PermissionDenied)
    }

    /// The identity that is kept, if there is one.
    ///
    /// # Errors
    /// [`IdentityTrouble`] of a file that is there and cannot be read: never silently none.
    pub fn identity(&self) -> Result<Option<Staged>, IdentityTrouble> {
        let Some(KeptFile { name, bytes }) = self.read(IDENTITY)? else { return Ok(None) };
        let file = Handed { name: &name, bytes: &bytes };
        Staged::read(file, file, None).map(Some)
    }

    /// Keeps `identity` in place of whatever was kept; on the disk when this returns.
    ///
    /// # Errors
    /// The disk: what was kept before is kept still.
    pub fn keep(&self, identity: &Staged) -> Result<(), IdentityTrouble> {
        self.write(IDENTITY, &identity.to_pem())
    }

    /// The key that waits for its certificate, if there is one.
    ///
    /// # Errors
    /// As [`Vault::identity`].
    pub fn waiting(&self) -> Result<Option<WaitingKey>, IdentityTrouble> {
        match self.read(WAITING)? {
            Some(KeptFile { name, bytes }) => WaitingKey::from_pem(&name, &bytes).map(Some),
            None => Ok(None),
        }
    }

    /// Keeps a key that waits, in place of one that waited; on the disk when this returns.
    ///
    /// # Errors
    /// As [`Vault::keep`].
    pub fn wait(&self, waiting: &WaitingKey) -> Result<(), IdentityTrouble> {
        self.write(WAITING, &waiting.to_pem())
    }

    /// Ends the waiting: the key has its certificate and is kept with it.
    ///
    /// # Errors
    /// The disk.
    pub fn end_waiting(&self) -> Result<(), IdentityTrouble> {
        let path = self.dir.join(WAITING);
        let removed = match fs::remove_file(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other.and_then(|()| sync(&self.dir)),
        };
        removed.map_err(|source| IdentityTrouble::NotKept { path, source })
    }

    /// Removes what a crash left half written. By the daemon at its start, before it writes anything.
    pub fn tidy(&self) {
        for name in [IDENTITY, WAITING] {
            // Nothing is there but after a crash.
            let _ = fs::remove_file(self.half(name));
        }
    }

    fn half(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}{HALF}"))
    }

    fn read(&self, name: &str) -> Result<Option<KeptFile>, IdentityTrouble> {
        let path = self.dir.join(name);
        match read(&path) {
            Ok(bytes) => Ok(Some(KeptFile { name: path.display().to_string(), bytes: Self::open(bytes) })),
            Err(IdentityTrouble::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(other) => Err(other),
        }
    }

    fn write(&self, name: &str, plain: &Zeroizing<Vec<u8>>) -> Result<(), IdentityTrouble> {
        let path = self.dir.join(name);
        self.replace(&path, name, &Self::seal(plain)).map_err(|source| IdentityTrouble::NotKept { path, source })
    }

    fn replace(&self, path: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
        if !self.dir.is_dir() {
            DirBuilder::new().mode(0o700).create(&self.dir)?;
            self.dir.parent().map_or(Ok(()), sync)?;
        }
        // Whatever rights the folder was given meanwhile.
        fs::set_permissions(&self.dir, fs::Permissions::from_mode(0o700))?;
        let half = self.half(name);
        let _ = fs::remove_file(&half);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        fail_point!("vault.written");
        if let Err(error) = written.and_then(|()| fs::rename(&half, path)) {
            let _ = fs::remove_file(&half);
            return Err(error);
        }
        fail_point!("vault.renamed");
        sync(&self.dir)
    }

    /// What is written of `plain`.
    fn seal(plain: &Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
        plain.clone()
    }

    /// What was written.
    fn open(sealed: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
        sealed
    }
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
