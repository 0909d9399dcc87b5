//! Putting a backup back. Runs in `kaspictl`, on the files of a stopped daemon.
//!
//! Everything is made and judged beside the state under another name; the one step that changes the state is a
//! rename over it, with the replaced file still there under a name of its own.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase, TransactionError};

use super::beside::{Temporary, beside, lock, lock_again, second_name, sync_dir};
use super::chain::{Chain, check_chain};
use super::envelope::{self, BadBackup, Header};
use super::event::{Change, Gap, LogPlace};
use super::file::{self, CACHE_BYTES};
use super::head::Head;
use super::place::Place;
use super::reading::Reading;
use super::remedy::remedy;
use super::walk::Walk;
use super::writing::Writing;
use super::{StoreError, migration, place, sealing};
use crate::domain::Actor;
use crate::seal::SealId;

/// Why a backup was not put back. Nothing is touched then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RestoreError {
    /// The file.
    #[error("{path}: {why}")]
    Backup {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        why: BadBackup,
    },
    /// A file that was sealed well and is not in order inside.
    #[error("{path}: the backup is not in order inside: {why}")]
    Inside {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The lock or the socket is taken.
    #[error("the daemon runs on {0}: stop it first (systemctl stop kaspid.socket kaspid.service)")]
    Running(PathBuf),
    /// There is nowhere to put it.
    #[error("{path}: {source}; install kaspid and start it once, so that its state directory has its owner and mode")]
    NoStateDir {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The disk, or permissions.
    #[error("cannot write in the state directory: {_0}; {}", what_to_do(_0))]
    Io(#[from] io::Error),
    /// The new state.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was done.
#[derive(Debug)]
pub(crate) struct Restored {
    /// What the log does not tell.
    pub(crate) gap: Gap,
    /// Where the replaced file is now; `None` where there was none.
    pub(crate) kept: Option<PathBuf>,
    /// The event that says so.
    pub(crate) event: u64,
}

/// A backup that was judged whole, beside the state that it is to replace. Dropped, nothing was touched.
pub(crate) struct Prepared {
    path: PathBuf,
    owner: (u32, u32),
    replaced: Replaced,
    new: Temporary,
    database: Database,
    gap: Gap,
    /// The seal of the backup, and that of the state that is there.
    seals: (Option<SealId>, Option<SealId>),
}

/// Makes and judges everything but the step that changes the state.
pub(crate) fn prepare(dir: &Path, socket: &Path, file: &Path) -> Result<Prepared, RestoreError> {
    place::folder(dir)?;
    let owner = dir.metadata().map_err(|source| RestoreError::NoStateDir { path: dir.to_owned(), source })?;
    let (Place { file: path, .. }, _) = Place::find(dir)?;
    // Kept to the end: a daemon that starts meanwhile finds the state in use.
    let replaced = Replaced::lock(&path, socket)?;
    let new = Temporary::make(beside(&path, "restoring"))?;
    let header = unseal(file, &new)?;
    let inside = |why: String| RestoreError::Inside { path: file.to_owned(), why };
    let database = opened(&new.path, &header).map_err(inside)?;
    let end = in_order(&database, &header).map_err(inside)?;
    let seal = sealing::sealed_by(&Reading::new(database.begin_read().map_err(StoreError::from)?, None))?;
    let here = replaced.end(&path)?;
    let gap = Gap { backup: end, made_at: header.created_at, replaced: here.map(|(place, _)| place) };
    let seals = (seal, here.and_then(|(_, seal)| seal));
    Ok(Prepared { path, owner: (owner.uid(), owner.gid()), replaced, new, database, gap, seals })
}

impl Prepared {
    /// The seal of the backup, and that of the state that is there.
    pub(crate) fn seals(&self) -> (Option<SealId>, Option<SealId>) {
        self.seals
    }

    /// Puts it in place of the state that is there.
    pub(crate) fn put(self, actor: Actor) -> Result<Restored, RestoreError> {
        let Self { path, owner, replaced, new, database, gap, .. } = self;
        let event = record(&database, &gap, actor)?;
        drop(database);
        let made = new.file.metadata()?;
        if owner != (made.uid(), made.gid()) {
            chown(&new.path, Some(owner.0), Some(owner.1))?;
        }
        let kept = replaced.0.as_ref().map(|_| second_name(&path, "replaced")).transpose()?;
        new.take_place(&path)?;
        sync_dir(&path)?;
        drop(replaced);
        Ok(Restored { gap, kept, event })
    }
}

fn what_to_do(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => remedy(error),
        _ => "run as root, and check that there is room",
    }
}

fn unseal(file: &Path, new: &Temporary) -> Result<Header, RestoreError> {
    let copy = || {
        let (header, mut reader) = envelope::open(file)?;
        envelope::unseal(&header, &mut reader, &mut &new.file)?;
        new.file.sync_all()?;
        Ok(header)
    };
    copy().map_err(|why| RestoreError::Backup { path: file.to_owned(), why })
}

/// Opens what was in the backup, which stays as it is: the copy is brought to this layout where it stands.
fn opened(path: &Path, header: &Header) -> Result<Database, String> {
    let (database, layout) = file::open(path).map_err(|error| error.to_string())?;
    if layout != header.layout {
        return Err(format!("it has layout {layout}, and its header says {}", header.layout));
    }
    migration::bring_up(&database, layout).map_err(|error| error.to_string())?;
    Ok(database)
}

/// Walks the chain; where it ends.
fn in_order(database: &Database, header: &Header) -> Result<LogPlace, String> {
    let look = || {
        let reading = Reading::new(database.begin_read()?, None);
        let mut chain = Chain::new(None);
        while !check_chain(&Walk::along(&reading), &mut chain)? {}
        Ok((chain.verdict(None), reading.head()?))
    };
    let (verdict, head) = look().map_err(|error: StoreError| error.to_string())?;
    match verdict.first_bad {
        Some(event) => Err(format!("event {event} of its log is not as it was written")),
        None if (verdict.events, &verdict.head) != (header.events, &header.head) => {
            Err("its log does not end where its header says".to_owned())
        }
        None => Ok(head.place),
    }
}

fn record(database: &Database, gap: &Gap, actor: Actor) -> Result<u64, StoreError> {
    let tx = database.begin_write()?;
    let mut writing = Writing::begin(&tx, None)?;
    let event = writing.append(Some(actor), Change::Restored(gap.clone()))?;
    drop(writing);
    tx.commit()?;
    Ok(event)
}

/// The state that is there, locked; `None` where there is none.
struct Replaced(Option<File>);

impl Replaced {
    /// The lock tells of a running daemon. Only where there is nothing to lock the socket is asked: under systemd
    /// asking would start the daemon.
    fn lock(path: &Path, socket: &Path) -> Result<Self, RestoreError> {
        match lock(path) {
            Ok(Some(file)) => Ok(Self(Some(file))),
            Ok(None) => Err(RestoreError::Running(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let answered = std::os::unix::net::UnixStream::connect(socket).is_ok();
                if answered { Err(RestoreError::Running(socket.to_owned())) } else { Ok(Self(None)) }
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Where its log ends and with what it is sealed, as far as it can be read.
    fn end(&self, path: &Path) -> Result<Option<(LogPlace, Option<SealId>)>, RestoreError> {
        let Some(file) = &self.0 else { return Ok(None) };
        let place = end_of(file);
        // redb's own lock was on the same description of the file: ours is gone with it.
        if lock_again(file)? { Ok(place) } else { Err(RestoreError::Running(path.to_owned())) }
    }
}

/// A file that was not closed is repaired first, as the daemon's next start would have done; any other is only read.
fn end_of(file: &File) -> Option<(LogPlace, Option<SealId>)> {
    let backend = || FileBackend::new(file.try_clone().ok()?).ok();
    match Builder::new().set_cache_size(CACHE_BYTES).open_read_only_with_backend(backend()?) {
        Ok(database) => place(database.begin_read()),
        Err(DatabaseError::RepairAborted) => {
            let database = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(backend()?).ok()?;
            place(database.begin_read())
        }
        Err(_) => None,
    }
}

/// The replaced file is of any layout that a program of this one has met.
fn place(tx: Result<ReadTransaction, TransactionError>) -> Option<(LogPlace, Option<SealId>)> {
    let tx = tx.ok()?;
    // That layout knew no seal.
    if let Ok(events) = tx.open_table(migration::EVENT_OF_1) {
        return Some((Head::of(&events).ok()?.place, None));
    }
    let reading = Reading::new(tx, None);
    Some((reading.head().ok()?.place, sealing::sealed_by(&reading).ok()?))
}
