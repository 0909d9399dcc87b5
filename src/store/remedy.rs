//! What to do about a state that cannot be opened or written, by what the system says of it.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use nix::errno::Errno;

/// Where the packages put the configuration.
const CONFIG: &str = "/etc/kaspid/kaspid.toml";

/// What ends a failure of the system with a file or folder of the state.
pub(crate) fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::ReadOnlyFilesystem => {
            "its disk can only be read: mount it for writing (mount -o remount,rw) and try again; where it has become so by \
             itself, the disk may be failing (dmesg): put a backup back on another one"
        }
        ErrorKind::PermissionDenied => {
            "it has to belong to the user that kaspid runs as, and every folder above it has to let that user in: look with \
             namei -l, and chown or chmod what differs; kaspictl restore is for root"
        }
        _ if error.raw_os_error() == Some(Errno::ELOOP as i32) => {
            "its links lead in a circle: let the link name what it should, or remove it and put a backup back"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on its disk and try again",
        _ => "it is left as it is; put a backup back (kaspictl restore FILE), or ask for help with a copy of it",
    }
}

/// What a path leads to that is no file, in words.
pub(super) fn named(kind: std::fs::FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match () {
        () if kind.is_dir() => "a folder",
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }
}

/// The command that puts a backup back, as it can be typed.
#[derive(Clone, Debug)]
pub struct RestoreCommand {
    file: PathBuf,
    config: Option<PathBuf>,
}

impl RestoreCommand {
    /// From any backup, or from this one.
    pub(super) fn of(file: Option<PathBuf>) -> Self {
        Self { file: file.map_or_else(|| PathBuf::from("FILE"), absolute), config: None }
    }

    /// For a daemon of this configuration.
    pub(super) fn with(&mut self, config: &Path) {
        self.config = (config != Path::new(CONFIG)).then(|| absolute(config.to_owned()));
    }
}

impl fmt::Display for RestoreCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kaspictl restore {}", word(&self.file))?;
        match &self.config {
            Some(config) => write!(f, " --config {}", word(config)),
            None => Ok(()),
        }
    }
}

fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

fn word(path: &Path) -> String {
    let text = path.display().to_string();
    shlex::try_quote(&text).map_or_else(|_| text.clone(), |quoted| quoted.into_owned())
}
