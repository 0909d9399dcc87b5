//! A file that is there whole or not at all: written under another name beside it, readable by its owner only, and
//! moved into place at the end.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file that is not whole yet; removed where it does not become so.
pub(super) struct Unfinished {
    file: Option<File>,
    path: PathBuf,
    target: PathBuf,
}

impl Unfinished {
    /// Begins `target`. What is there stays until the new one is whole.
    pub(super) fn begin(target: &Path) -> io::Result<Self> {
        let name = target.file_name().ok_or_else(|| io::Error::other("it names no file"))?;
        let mut unfinished = OsString::from(".");
        unfinished.push(name);
        unfinished.push(format!(".{}.part", std::process::id()));
        let path = target.with_file_name(unfinished);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self { file: Some(file), path, target: target.to_owned() })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.write_all(bytes))
    }

    /// Where it is until then.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// It is whole: on the disk first, then under its name.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let done = file.sync_all().and_then(|()| std::fs::rename(&self.path, &self.target));
        if done.is_err() {
            self.file = Some(file);
        }
        done
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.file.is_some() {
            // What cannot be removed does not look whole: its name says that it is a part.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn half_a_file_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("log.csv");
        std::fs::write(&target, "old").unwrap();
        let mut half = Unfinished::begin(&target).unwrap();
        half.write(b"ha").unwrap();
        drop(half);
        assert_eq!(std::fs::read(&target).unwrap(), b"old");
        let mut whole = Unfinished::begin(&target).unwrap();
        whole.write(b"new").unwrap();
        whole.finish().unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        assert_eq!(target.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }
}
