//! The file: made whole, opened only if it can be read, never replaced.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError, TableHandle};

use super::layout::LAYOUT;
use super::remedy::remedy;
use super::secrets::Secrets;
use super::tables::{NAMES, WriteTables};
use super::{StoreError, stamp};
use crate::seal::Seal;

/// The name of the file in the state directory.
pub(super) const FILE: &str = "kaspid.redb";

/// Pages kept in memory. Small on purpose: the daemon shares the till's machine.
pub(super) const CACHE_BYTES: usize = 4 << 20;

/// The system gives no access to a file.
pub(super) fn inaccessible(path: &Path, error: &io::Error) -> StoreError {
    let is_denied = error.kind() == io::ErrorKind::PermissionDenied;
    StoreError::Unreadable { path: path.to_owned(), why: error.to_string(), remedy: remedy(error), is_denied }
}

/// What is there is no state.
fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> StoreError {
    let remedy = remedy(&io::ErrorKind::InvalidData.into());
    StoreError::Unreadable { path: path.to_owned(), why: why.to_string(), remedy, is_denied: false }
}

pub(super) fn not_opened(path: &Path, error: &DatabaseError) -> StoreError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse(path.to_owned()),
        DatabaseError::Storage(StorageError::Io(error)) => inaccessible(path, error),
        other => unreadable(path, other),
    }
}

/// After a failed fsync Linux shows the lost pages from memory as if they were on the disk: what is read from now on
/// is what the disk has.
pub(super) fn forget(path: &Path) {
    use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
    let forgotten = File::open(path).map(|file| posix_fadvise(&file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED));
    if !matches!(forgotten, Ok(Ok(()))) {
        tracing::warn!("what the system remembers of the state could not be dropped: {forgotten:?}");
    }
}

/// redb trusts what its checksums do not cover, and a file that was damaged just there ends it with a panic: that is told
/// like any other damage, with its remedy.
pub(super) fn unbroken<T>(path: &Path, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let words =
            panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(unreadable(path, &format!("it is damaged ({})", words.unwrap_or("redb gives no reason"))))
    })
}

/// Opens a file of any layout that this program knows, and says which.
pub(super) fn open(path: &Path) -> Result<(Database, u8), StoreError> {
    // redb takes an empty file for a new database; here it is one that lost its content.
    if path.metadata().map_err(|error| inaccessible(path, &error))?.len() == 0 {
        return Err(unreadable(path, &"the file is empty"));
    }
    // What redb cannot read it may still write to while it tries: it sees the file unchangeable first. A file that
    // was not closed is told apart from one that is broken by opening it only.
    match Builder::new().set_cache_size(CACHE_BYTES).open_read_only(path) {
        Ok(_) | Err(DatabaseError::RepairAborted) => {}
        Err(error) => return Err(not_opened(path, &error)),
    }
    match Builder::new().set_cache_size(CACHE_BYTES).open(path) {
        Ok(database) => stamp::of(&database).map(|layout| (database, layout)),
        Err(error) => Err(not_opened(path, &error)),
    }
}

/// Makes a new file under another name and moves it into place whole, so that a crash leaves none or all of it.
pub(super) fn create(dir: &Path, path: &Path, seal: Option<&Seal>) -> Result<(), StoreError> {
    let new = dir.join(format!("{FILE}.new"));
    let make = || -> Result<(), Box<dyn std::error::Error>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        let database =
            Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(redb::backends::FileBackend::new(file)?)?;
        furnish(&database, seal)?;
        drop(database);
        std::fs::rename(&new, path)?;
        Ok(File::open(dir)?.sync_all()?)
    };
    make().map_err(|error| match error.downcast_ref() {
        Some(error) => inaccessible(&new, error),
        None => unreadable(&new, &error),
    })
}

/// Makes the tables that are not there: a migration leaves some to be filled, and whoever gives sealed tokens up leaves theirs
/// behind. Whoever reads or writes later finds all of them.
pub(super) fn complete(database: &Database) -> Result<(), StoreError> {
    let there: Vec<String> = database.begin_read()?.list_tables()?.map(|table| table.name().to_owned()).collect();
    if NAMES.iter().all(|name| *name == "meta" || there.iter().any(|table| table == name)) {
        return Ok(());
    }
    let tx = database.begin_write()?;
    drop(WriteTables::open(&tx)?);
    Ok(tx.commit()?)
}

/// Makes every table, the secret and the number of the layout.
pub(super) fn furnish(database: &Database, seal: Option<&Seal>) -> Result<(), StoreError> {
    let tx = database.begin_write()?;
    let mut tables = WriteTables::open(&tx)?;
    Secrets::new(seal).put(tables.meta.write()?)?;
    drop(tables);
    stamp::put(&tx, LAYOUT)?;
    Ok(tx.commit()?)
}
