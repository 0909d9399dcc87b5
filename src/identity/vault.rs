//! Where the daemon keeps what only it may have: `identity/` beside the state, 0700, its files 0600.
//!
//! The key in use and its certificates are one file, and a key that waits for its certificate is one file with its
//! request. A file is written under another name, synced, renamed and its folder synced: whenever the machine dies, there
//! is the old one or the new one, whole. With a seal both are sealed, each for its name.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tracing::warn;
use zeroize::Zeroizing;

use super::read::read;
use super::{Handed, IdentityTrouble, Staged, WaitingKey};
use crate::failpoint::fail_point;
use crate::moment::Moment;
use crate::seal::{Seal, SealId, Seals};

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
    /// It does not lie as it would be written now.
    is_of_another_seal: bool,
}

/// The folder. Cheap to make; it is on the disk once something is kept.
#[derive(Clone, Debug)]
pub struct Vault {
    dir: PathBuf,
    seals: Seals,
}

impl Vault {
    /// The one beside the state in `state_dir`.
    #[must_use]
    pub fn beside(state_dir: &Path, seals: Seals) -> Self {
        Self { dir: state_dir.join("identity"), seals }
    }

    /// The identity that is kept, if there is one.
    ///
    /// # Errors
    /// [`IdentityTrouble`] of a file that is there and cannot be read: never silently none.
    pub fn identity(&self) -> Result<Option<Staged>, IdentityTrouble> {
        let Some(KeptFile { name, bytes, .. }) = self.read(IDENTITY)? else { return Ok(None) };
        let file = Handed { name: &name, bytes: &bytes };
        Staged::read(file, file, None).map(Some)
    }

    /// Keeps `identity` in place of whatever was kept; on the disk when this returns.
    ///
    /// # Errors
    /// The disk: what was kept before is kept still.
    pub fn keep(&self, identity: &Staged) -> Result<(), IdentityTrouble> {
        self.write(IDENTITY, &identity.to_pem())?;
        fail_point!("identity.kept");
        self.end_waiting(identity);
        Ok(())
    }

    /// The key that waits for its certificate, if there is one.
    ///
    /// # Errors
    /// As [`Vault::identity`].
    pub fn waiting(&self) -> Result<Option<WaitingKey>, IdentityTrouble> {
        match self.read(WAITING)? {
            Some(KeptFile { name, bytes, .. }) => WaitingKey::from_pem(&name, &bytes).map(Some),
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

    /// Whether a key waits for its certificate.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.dir.join(WAITING).exists()
    }

    /// Whether an identity is kept.
    #[must_use]
    pub fn keeps_one(&self) -> bool {
        self.identity_file().exists()
    }

    /// Where it is kept.
    #[must_use]
    pub fn identity_file(&self) -> PathBuf {
        self.dir.join(IDENTITY)
    }

    /// Ends the waiting of a key that has its certificate and is kept with it. It waits no more whatever the disk says, so
    /// a failure is told and fails nothing.
    fn end_waiting(&self, identity: &Staged) {
        if !self.waiting().is_ok_and(|waits| waits.is_some_and(|waits| waits.is_key_of(identity))) {
            return;
        }
        let path = self.dir.join(WAITING);
        // Where somebody has put a link in its place, the key is where that leads.
        let behind = path.canonicalize().ok().filter(|_| path.is_symlink());
        let gone = [behind.as_ref(), Some(&path)].into_iter().flatten().try_for_each(fs::remove_file);
        if let Err(error) = gone.and_then(|()| sync(&self.dir)) {
            warn!("{}: a key that has its certificate still stands there as one that waits: {error}", path.display());
        }
    }

    /// With which seal what is kept lies sealed, if it does: since the start, with that of the start.
    #[must_use]
    pub fn seal(&self) -> Option<SealId> {
        self.seals.current().map(Seal::id)
    }

    /// Removes what a crash left half written, and brings what is kept under the seal of this start. By the daemon at its
    /// start, before it writes anything.
    ///
    /// # Errors
    /// The disk, or a seal that is not here.
    pub fn settle(&self) -> Result<(), IdentityTrouble> {
        for name in [IDENTITY, WAITING] {
            // Nothing is there but after a crash.
            let _ = fs::remove_file(self.half(name));
            if let Some(KeptFile { bytes, is_of_another_seal: true, .. }) = self.read(name)? {
                self.write(name, &bytes)?;
            }
        }
        if let Ok(Some(identity)) = self.identity() {
            self.end_waiting(&identity);
        }
        Ok(())
    }

    /// The files that lie sealed here, with whatever seal.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub fn sealed_files(&self) -> Result<Vec<(PathBuf, SealId)>, IdentityTrouble> {
        let mut sealed = Vec::new();
        for path in [IDENTITY, WAITING].map(|name| self.dir.join(name)) {
            let seal = match read(&path) {
                Ok(bytes) => Seals::seal_of(&bytes),
                Err(IdentityTrouble::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(other) => return Err(other),
            };
            match seal {
                Ok(seal) => sealed.extend(seal.map(|seal| (path, seal))),
                Err(why) => return Err(IdentityTrouble::Sealed { path, why }),
            }
        }
        Ok(sealed)
    }

    /// Puts aside what is sealed with a seal that is lost for good, should it be found after all; the new names.
    ///
    /// # Errors
    /// The disk.
    pub fn forget_sealed(&self, lost: SealId) -> Result<Vec<PathBuf>, IdentityTrouble> {
        let mut kept = Vec::new();
        for (path, _) in self.sealed_files()?.into_iter().filter(|(_, seal)| *seal == lost) {
            let mut aside = path.clone().into_os_string();
            aside.push(format!(".forgotten-{}", Moment::now().in_file_name()));
            let gone = fs::rename(&path, &aside).and_then(|()| sync(&self.dir));
            gone.map_err(|source| IdentityTrouble::NotKept { path, source })?;
            kept.push(aside.into());
        }
        Ok(kept)
    }

    fn half(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}{HALF}"))
    }

    fn read(&self, name: &str) -> Result<Option<KeptFile>, IdentityTrouble> {
        let path = self.dir.join(name);
        match read(&path) {
            Ok(bytes) => {
                let opened = self.seals.unwrap(&place(name), &bytes);
                let name = path.display().to_string();
                let (bytes, is_of_another_seal) = opened.map_err(|why| IdentityTrouble::Sealed { path, why })?;
                Ok(Some(KeptFile { name, bytes, is_of_another_seal }))
            }
            Err(IdentityTrouble::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                [&self.dir, &path].into_iter().find_map(|path| link_to_nothing(path)).map_or(Ok(None), Err)
            }
            Err(other) => Err(other),
        }
    }

    fn write(&self, name: &str, plain: &Zeroizing<Vec<u8>>) -> Result<(), IdentityTrouble> {
        let path = self.dir.join(name);
        // A rename would replace the link, and leave the key of before where nobody looks for it.
        if let Ok(target) = fs::read_link(&path) {
            return Err(IdentityTrouble::LinkInPlace { path, target: self.dir.join(target) });
        }
        match self.seals.wrap(&place(name), plain) {
            Ok(bytes) => self.replace(&path, name, &bytes).map_err(|source| IdentityTrouble::NotKept { path, source }),
            Err(why) => Err(IdentityTrouble::Sealed { path, why }),
        }
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
        // The new one is there: whoever says that the old one is would be wrong.
        if let Err(error) = sync(&self.dir) {
            warn!("{}: a key is kept, and may be the one of before after a power cut: {error}", self.dir.display());
        }
        Ok(())
    }
}

/// A link that leads nowhere is a key that should be there, on a disk that is not.
fn link_to_nothing(path: &Path) -> Option<IdentityTrouble> {
    let target = fs::read_link(path).ok().filter(|_| !path.exists())?;
    Some(IdentityTrouble::LinkToNothing { path: path.to_owned(), target })
}

/// What a sealed file is bound to: the one cannot stand for the other.
fn place(name: &str) -> String {
    format!("identity/{name}")
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
