//! The file with the key, where it is to be removed once the daemon keeps the key: that very file or none. What is no
//! plain file, or another one by then, is left.

use std::fs::File;
use std::io::{self, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::read::{NotHanded, read_from};
use crate::operation::HandedFile;

/// An open file to be removed. Being held open, its inode is no other file's until then.
pub(in crate::ctl) struct Source {
    path: PathBuf,
    file: File,
    /// Another file that was named and holds a key, too.
    also: Option<PathBuf>,
}

impl Source {
    /// Opens what can be removed so that the key is gone.
    ///
    /// # Errors
    /// It is a link, no file, or was exchanged meanwhile.
    pub(super) fn open(path: &Path) -> Result<Self, NotHanded> {
        let unreadable = |source| NotHanded::Unreadable { file: path.to_owned(), source };
        let at = path.symlink_metadata().map_err(unreadable)?;
        if at.is_symlink() {
            let target = std::fs::read_link(path).map_err(unreadable)?;
            return Err(NotHanded::Link { file: path.to_owned(), target });
        }
        if !at.is_file() {
            return Err(NotHanded::NotAFile(path.to_owned()));
        }
        let source = Self { path: path.to_owned(), file: File::open(path).map_err(unreadable)?, also: None };
        match source.is_at_its_path() {
            Ok(true) => Ok(source),
            Ok(false) => Err(unreadable(io::Error::other("it was exchanged meanwhile"))),
            Err(error) => Err(unreadable(error)),
        }
    }

    /// The same, beside another file that holds a key.
    pub(super) fn beside(self, also: Option<PathBuf>) -> Self {
        Self { also, ..self }
    }

    /// What is in it, from its beginning.
    pub(super) fn read(&self) -> Result<HandedFile, NotHanded> {
        let mut file = &self.file;
        read_from(&self.path, file.rewind().map(|()| file))
    }

    /// Whether its path leads to it and to nothing else.
    fn is_at_its_path(&self) -> io::Result<bool> {
        let (at, read) = (self.path.symlink_metadata()?, self.file.metadata()?);
        Ok(at.is_file() && (at.dev(), at.ino()) == (read.dev(), read.ino()))
    }

    /// Whether this path leads to it.
    pub(super) fn is(&self, path: &Path) -> bool {
        let same = |other: std::fs::Metadata| {
            self.file.metadata().is_ok_and(|read| (read.dev(), read.ino()) == (other.dev(), other.ino()))
        };
        path.metadata().is_ok_and(same)
    }

    /// Removes it; what was removed and where the key still is, for people. The daemon has the key on its disk by now.
    pub(in crate::ctl) fn remove(self) -> String {
        let path = self.path.display();
        let removed = match self.is_at_its_path() {
            Ok(true) => std::fs::remove_file(&self.path),
            Ok(false) => return format!("{path} was left: another file than the one that was read is there by now"),
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) => self.what_is_left(),
            Err(error) => format!("{path} could not be removed: {error}; remove it yourself"),
        }
    }

    fn what_is_left(&self) -> String {
        let path = self.path.display();
        let mut said =
            format!("removed {path}; copies in backups, or in blocks that the disk has not used again, may be left");
        if let Some(left) = self.file.metadata().ok().filter(|left| left.nlink() > 0) {
            said.push_str(&format!(
                "\nthe key has {} more name(s) on this disk (hard links); find and remove them: find / -xdev -inum {}",
                left.nlink(),
                left.ino()
            ));
        }
        if let Some(also) = &self.also {
            said.push_str(&format!("\n{0} holds a private key, too, and was left: remove it yourself", also.display()));
        }
        said
    }
}
