//! Files beside the state, and its lock: what replaces it is made whole under another name and renamed over it, and what
//! is replaced stays under a second name.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::moment::Moment;

/// The name of the state with a word behind it.
pub(super) fn beside(path: &Path, word: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(word);
    name.into()
}

/// Opens the state and locks it as a daemon does; none while somebody else has it.
pub(super) fn lock(path: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    Ok(lock_again(&file)?.then_some(file))
}

/// Locks an open state; false while somebody else has it.
pub(super) fn lock_again(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Gives the state a second name, of this word and the time: at no moment it is to have none, or a daemon that starts
/// would make an empty one. One that an attempt before has given it, and was ended behind, is told by the file itself: that
/// is renamed, so that the file has one such name however often this is begun.
pub(super) fn second_name(path: &Path, word: &str) -> io::Result<PathBuf> {
    let name = beside(path, &format!("{word}-{}", Moment::now().in_file_name()));
    let mut given = names_of(path, word)?.into_iter();
    match given.next() {
        Some(given) => std::fs::rename(given, &name)?,
        None => std::fs::hard_link(path, &name)?,
    }
    given.filter(|given| *given != name).try_for_each(std::fs::remove_file)?;
    Ok(name)
}

/// The names of this word that the very file at `path` has.
fn names_of(path: &Path, word: &str) -> io::Result<Vec<PathBuf>> {
    let begin = beside(path, &format!("{word}-"));
    let (Some(dir), Some(begin)) = (path.parent(), begin.file_name()) else { return Ok(Vec::new()) };
    let known = path.metadata()?;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let is_named = entry.file_name().as_encoded_bytes().starts_with(begin.as_encoded_bytes());
        // Looked at without following a link: what leads to the state is no name of the file.
        if is_named && entry.metadata().is_ok_and(|it| (it.dev(), it.ino()) == (known.dev(), known.ino())) {
            names.push(entry.path());
        }
    }
    Ok(names)
}

/// Makes durable what the files of its directory are called.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
}

/// A file under another name; gone again unless it takes the state's place.
pub(super) struct Temporary {
    pub(super) path: PathBuf,
    pub(super) file: File,
}

impl Temporary {
    /// One of mode 0600; what a crash has left under its name is gone.
    pub(super) fn make(path: PathBuf) -> io::Result<Self> {
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { path, file })
    }

    /// Takes the place of what is at `path`.
    pub(super) fn take_place(self, path: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Renamed already, or nobody's: whoever needs one makes it anew.
        let _ = std::fs::remove_file(&self.path);
    }
}
