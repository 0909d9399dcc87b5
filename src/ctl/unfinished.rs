//! A file that is not whole yet. It has no name until it is, where the file system can do that, so that whatever ends the
//! process leaves nothing behind. Elsewhere (FAT on a stick, NFS) it stands beside its target under a hidden name, and what
//! can be caught of what ends the process waits until it is removed.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};
use nix::unistd::linkat;

use super::held::{HeldSignals, SignalWatch};

/// Removed where it does not become whole.
pub(super) struct Unfinished {
    /// None when it is whole.
    file: Option<File>,
    /// Its hidden name, which it has already, or for the instant in which it takes the place of another file.
    part: PathBuf,
    is_named: bool,
    target: PathBuf,
    /// What somebody else has made under that name meanwhile stays.
    is_new: bool,
    /// Owner, group and mode of the file it takes the place of.
    replaced: Option<(u32, u32, u32)>,
    /// While it has a hidden name. Behind all others: it is dropped when the file is gone.
    held: Option<HeldSignals>,
}

impl Unfinished {
    /// What is there stays until the new one is whole, and altogether where the file is to be a new one.
    pub(super) fn begin(target: PathBuf, replaced: Option<&Metadata>, is_new: bool) -> io::Result<Self> {
        let replaced = replaced.map(|found| (found.uid(), found.gid(), found.mode()));
        let name = target.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
        let mut part = OsString::from(".");
        part.push(name);
        part.push(format!(".{}.part", std::process::id()));
        let part = target.with_file_name(part);
        let mut unfinished = Self { file: None, part, is_named: false, target, is_new, replaced, held: None };
        unfinished.file = Some(match nameless(&unfinished.target) {
            Some(file) => file,
            None => unfinished.named()?,
        });
        unfinished.take_after()?;
        Ok(unfinished)
    }

    fn named(&mut self) -> io::Result<File> {
        self.held = HeldSignals::hold();
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.part)?;
        self.is_named = true;
        Ok(file)
    }

    /// The owner and mode of the file that was there, before a byte is in it.
    fn take_after(&self) -> io::Result<()> {
        let (Some(file), Some((owner, group, mode))) = (&self.file, self.replaced) else { return Ok(()) };
        let mine = file.metadata()?;
        if (mine.uid(), mine.gid()) != (owner, group) {
            let not_ours = |error: io::Error| {
                let why = format!("it belongs to user {owner} and would become somebody else's ({error})");
                io::Error::new(error.kind(), why + ": write to another file, or as that user or root")
            };
            fchown(file, Some(owner), Some(group)).map_err(not_ours)?;
        }
        // Behind the change of owner, which takes some bits away.
        file.set_permissions(std::fs::Permissions::from_mode(mode & 0o7777))
    }

    /// Another mode than that of the file that was there, or than its owner's only.
    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        let set = |file: &File| file.set_permissions(std::fs::Permissions::from_mode(mode));
        self.file.as_ref().map_or(Ok(()), set)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(bytes))
    }

    /// Tells when a signal has come that waits until it is removed.
    pub(super) fn watch(&self) -> Option<SignalWatch> {
        self.held.as_ref().and_then(HeldSignals::watch)
    }

    /// The mode of the file it takes the place of.
    pub(super) fn replaces(&self) -> Option<u32> {
        self.replaced.map(|(.., mode)| mode)
    }

    /// Where it can be read until then.
    pub(super) fn path(&self) -> PathBuf {
        match &self.file {
            Some(file) if !self.is_named => opened(file),
            _ => self.part.clone(),
        }
    }

    /// It is whole: on the disk first, then under its name.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        file.sync_all()?;
        if !self.is_named {
            let from = opened(file);
            if self.replaced.is_none() {
                match link(&from, &self.target) {
                    Err(error) if error.kind() == ErrorKind::AlreadyExists && !self.is_new => {}
                    done => {
                        self.file = None;
                        return done;
                    }
                }
            }
            // A link takes the place of nothing: for an instant the file has its hidden name.
            self.held = HeldSignals::hold();
            link(&from, &self.part)?;
            self.is_named = true;
        }
        std::fs::rename(&self.part, &self.target)?;
        self.is_named = false;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.is_named {
            // What cannot be removed does not look whole: its name says that it is a part.
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

/// A file in the folder of the target that has no name; none where the file system has no such thing, or where nothing
/// could give it its name later.
fn nameless(target: &Path) -> Option<File> {
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flags = OFlag::O_TMPFILE.bits();
    let file = OpenOptions::new().write(true).custom_flags(flags).mode(0o600).open(folder).ok()?;
    opened(&file).exists().then_some(file)
}

/// An open file, by a name that the system gives it.
fn opened(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

fn link(from: &Path, to: &Path) -> io::Result<()> {
    Ok(linkat(AT_FDCWD, from, AT_FDCWD, to, AtFlags::AT_SYMLINK_FOLLOW)?)
}
