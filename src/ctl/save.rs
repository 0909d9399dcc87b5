//! Where a command's file goes (architecture §8): `-` is stdout, a device or a pipe is written to as it is, a link is
//! followed, and a file is there whole or not at all. One that was there before keeps its owner and mode; a new one can be
//! read by its owner only.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::held::SignalWatch;
use super::unfinished::Unfinished;

/// Links that lead to links are followed so far, as the system does.
const LINKS: usize = 40;

/// The name of the state in its directory.
const STATE: &str = "kaspid.redb";

/// How a redb database begins.
const REDB: &[u8] = b"redb\x1a\x0a\xa9\x0d\x0a";

/// A private key stands in the first bytes of a file, or behind a chain of certificates.
const LOOKED_AT: u64 = 64 << 10;

/// The bits of a mode that others can read by.
const OTHERS: u32 = 0o044;

/// Where the bytes of a file go.
pub(super) enum Output {
    /// To stdout, by whoever prints there.
    Stdout,
    /// To a device, a pipe or a socket, which stays what it is.
    Stream(File),
    /// To a file.
    File(Box<Unfinished>),
}

/// What becomes of a file that is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Existing {
    /// The new one takes its place.
    Replaced,
    /// It stays, and the command ends.
    Kept,
}

impl Output {
    /// Begins to write to `target`; none and `-` are stdout.
    ///
    /// # Errors
    /// It cannot be written to, or is kept.
    pub(super) fn begin(target: Option<&Path>, existing: Existing) -> io::Result<Self> {
        let Some(target) = target.filter(|target| target.as_os_str() != "-") else { return Ok(Self::Stdout) };
        let target = followed(target)?;
        if target.file_name().is_some_and(|name| name == STATE) {
            return Err(io::Error::other(
                "that is the name of the daemon's own state, which a file of this name would replace: name it otherwise (a \
                 backup is put back by kaspictl restore FILE)",
            ));
        }
        let is_new = existing == Existing::Kept;
        match target.metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Unfinished::begin(target, None, is_new).map(Self::file)
            }
            Err(error) => Err(error),
            Ok(found) if is_stdout(&found) => Ok(Self::Stdout),
            Ok(found) if found.is_dir() => Err(io::Error::other("it is a folder: name a file in it")),
            Ok(found) if !found.is_file() => OpenOptions::new().write(true).open(&target).map(Self::Stream),
            Ok(_) if is_new => Err(ErrorKind::AlreadyExists.into()),
            Ok(found) => {
                precious(&target)?;
                Unfinished::begin(target, Some(&found), false).map(Self::file)
            }
        }
    }

    fn file(file: Unfinished) -> Self {
        Self::File(Box::new(file))
    }

    /// What a failed write leaves behind, for people.
    pub(super) fn left(&self) -> &'static str {
        match self {
            Self::File(file) if file.replaces().is_some() => "the file that was there is as it was",
            Self::File(_) => "nothing was left there",
            Self::Stream(_) | Self::Stdout => "what it has taken is not whole",
        }
    }

    /// Others than its owner may read what was there, and so what takes its place.
    pub(super) fn is_readable_by_others(&self) -> bool {
        matches!(self, Self::File(file) if file.replaces().is_some_and(|mode| mode & OTHERS != 0))
    }

    /// Tells when a signal has come that waits until what is there of a file is removed.
    pub(super) fn watch(&self) -> Option<SignalWatch> {
        match self {
            Self::File(file) => file.watch(),
            Self::Stream(_) | Self::Stdout => None,
        }
    }
}

/// Refuses what no output may take the place of: a state, which the daemon would go on writing to without a name, and a
/// private key, which may be the only one there is. A file that cannot be read is not judged.
fn precious(target: &Path) -> io::Result<()> {
    let mut head = Vec::new();
    if let Ok(file) = File::open(target) {
        file.take(LOOKED_AT).read_to_end(&mut head)?;
    }
    let has = |text: &[u8]| head.windows(text.len()).any(|bytes| bytes == text);
    match () {
        () if head.starts_with(REDB) => {
            Err(io::Error::other("it is a state of kaspid, in use or kept: name another file"))
        }
        () if has(b"PRIVATE KEY-----") => Err(io::Error::other("it holds a private key: name another file")),
        () => Ok(()),
    }
}

/// `/dev/stdout` and its likes, whatever stdout is.
fn is_stdout(found: &Metadata) -> bool {
    let stdout = nix::sys::stat::fstat(io::stdout());
    stdout.is_ok_and(|stdout| (stdout.st_dev, stdout.st_ino) == (found.dev(), found.ino()))
}

/// The path behind every link, also where there is nothing yet. Links of the system that name no path, such as those to
/// open pipes, stay as they are: opening them leads there.
fn followed(target: &Path) -> io::Result<PathBuf> {
    let mut path = target.to_owned();
    for _ in 0..LINKS {
        let Ok(next) = std::fs::read_link(&path) else { return Ok(path) };
        let next = path.parent().map_or_else(|| next.clone(), |folder| folder.join(&next));
        if path.exists() && !next.exists() {
            return Ok(path);
        }
        path = next;
    }
    Err(io::Error::other("its links lead in a circle"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot unwrap has failed")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(target: &Path, existing: Existing) -> Unfinished {
        match Output::begin(Some(target), existing).unwrap() {
            Output::File(file) => *file,
            Output::Stdout | Output::Stream(_) => panic!("not a file"),
        }
    }

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn half_a_file_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("log.csv");
        let mut half = file(&target, Existing::Replaced);
        half.write(b"ha").unwrap();
        drop(half);
        assert!(!target.exists());
        // Nobody takes the place of what somebody else has made meanwhile, where the file is to be a new one.
        let late = file(&target, Existing::Kept);
        std::fs::write(&target, "theirs").unwrap();
        assert!(late.finish().is_err() && std::fs::read(&target).unwrap() == b"theirs");
        std::fs::remove_file(&target).unwrap();
        file(&target, Existing::Replaced).finish().unwrap();
        assert_eq!(mode(&target), 0o600);
        let mut half = file(&target, Existing::Replaced);
        half.write(b"ha").unwrap();
        drop(half);
        assert_eq!((std::fs::read(&target).unwrap(), folder.path().read_dir().unwrap().count()), (vec![], 1));
    }

    #[test]
    fn a_file_that_was_there_keeps_its_mode_and_a_link_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link, open) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
        std::fs::write(&target, "old").unwrap();
        std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("a", &link).unwrap();
        std::os::unix::fs::symlink("d", &open).unwrap();
        let mut whole = file(&link, Existing::Replaced);
        whole.write(b"new").unwrap();
        whole.finish().unwrap();
        assert_eq!((std::fs::read(&target).unwrap(), mode(&target), link.is_symlink()), (b"new".to_vec(), 0o640, true));
        assert!(Output::begin(Some(&link), Existing::Kept).is_err());
        // A link to what is not there yet is followed, too.
        file(&open, Existing::Kept).finish().unwrap();
        assert!(open.is_symlink() && folder.path().join("d").is_file());
        assert!(Output::begin(Some(folder.path()), Existing::Replaced).is_err());
        assert!(matches!(Output::begin(Some(Path::new("-")), Existing::Kept), Ok(Output::Stdout)));
    }
}
