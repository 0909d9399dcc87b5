//! A consistent copy of the state while the daemon goes on writing.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use redb::backends::FileBackend;
use redb::{Builder, Database};

use super::file::CACHE_BYTES;
use super::head::Head;
use super::{Refused, Store, StoreError};
use crate::failure::Failure;

impl Store {
    /// Copies the last durable commit into a fresh file of mode 0600 at `path`. Blocks on the disk and never on a
    /// socket; the writer goes on, and if it must open the state again the copy gives way.
    pub(crate) fn snapshot(&self, path: &Path) -> Result<Head, Failure> {
        let store = self.clone();
        self.read(|reading| {
            let to = fresh(path).map_err(|error| StoreError::Io(format!("{}: {error}", path.display())))?;
            reading.tables.copy_into(&to, &[], &|| store.may_read_on())?;
            reading.head().map_err(Refused::from)
        })
    }
}

fn fresh(path: &Path) -> Result<Database, Box<dyn std::error::Error>> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    Ok(Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(FileBackend::new(file)?)?)
}
