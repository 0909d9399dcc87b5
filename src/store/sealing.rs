//! From one seal to another, or from none, or to none: done at start on a copy beside the state, which takes its place
//! once it is whole. Table by table, so that no page of the new file ever held what the old one held plain.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{Builder, Database, ReadableDatabase};
use tracing::{info, warn};
use zeroize::Zeroizing;

use super::beside::{Temporary, beside, second_name, sync_dir};
use super::event::{Change, Note};
use super::file::{self, CACHE_BYTES};
use super::layout::LAYOUT;
use super::place::Place;
use super::reading::Reading;
use super::secrets::{SEAL, SECRET, Secrets};
use super::tables::WriteTables;
use super::token;
use super::writing::Writing;
use super::{StoreError, migration, stamp};
use crate::domain::{Actor, OperationType};
use crate::failpoint::fail_point;
use crate::seal::{Seal, SealId, Seals};

/// What is not copied as it lies.
const SECRET_TABLES: [&str; 2] = ["meta", "device"];

/// Brings an open state under the seal of this start; returns it as it is opened from then on.
pub(super) fn settle(path: &Path, database: Database, seals: &Seals) -> Result<Database, StoreError> {
    let stored = sealed_by(&Reading::new(database.begin_read()?, None))?;
    if stored == seals.current().map(Seal::id) {
        return Ok(database);
    }
    let before = secrets_of(&database, seals)?;
    let after = before.under(seals.current());
    rewrite((path, None), database, |from, to| {
        let tx = to.begin_write()?;
        let mut tables = WriteTables::open(&tx)?;
        put_meta(&mut tables, from, &after)?;
        for (bin, trade_point, device) in token::all(&from.tables.device()?, &before)? {
            let laid = after.lay((bin.as_str(), trade_point.as_str()), &device)?;
            tables.device.write()?.insert((bin.as_str(), trade_point.as_str()), laid.as_slice())?;
        }
        drop(tables);
        stamp::put(&tx, LAYOUT)?;
        Ok(tx.commit()?)
    })?;
    tell(path, &before, &after);
    reopened(path)
}

/// The secrets of a file, opened with its seal.
pub(super) fn secrets_of(database: &Database, seals: &Seals) -> Result<Secrets, StoreError> {
    let reading = Reading::new(database.begin_read()?, None);
    let seal = match sealed_by(&reading)? {
        Some(id) => Some(seals.of(id).map_err(StoreError::Sealed)?.clone()),
        None => None,
    };
    let Some(stored) = reading.meta(SECRET)? else {
        return Err(StoreError::Codec("the hash secret is missing".to_owned()));
    };
    Secrets::opened(seal, Zeroizing::new(stored))
}

/// The number of the seal of a file, if it is sealed.
pub(super) fn sealed_by(reading: &Reading) -> Result<Option<SealId>, StoreError> {
    let Some(id) = reading.meta(SEAL)? else { return Ok(None) };
    let id = SealId::from_bytes(&id);
    id.map(Some).ok_or_else(|| StoreError::Codec("the number of its seal cannot be read".to_owned()))
}

/// The number of the seal of the state in `dir`; none where it is plain, or where there is no state. Only on a stopped
/// daemon.
///
/// # Errors
/// [`StoreError`]: it is in use or cannot be read.
pub(crate) fn sealed_with(dir: &Path) -> Result<Option<SealId>, StoreError> {
    match Place::find(dir)? {
        (place, true) => sealed_by(&Reading::new(migration::open(&place.file)?.begin_read()?, None)),
        (_, false) => Ok(None),
    }
}

/// What [`forget`] has done.
#[derive(Debug)]
pub(crate) struct Forgotten {
    /// How many device tokens are gone.
    pub(crate) tokens: usize,
    /// The event that says so.
    pub(crate) event: u64,
    /// Where the state is as it was, should the seal be found after all.
    pub(crate) kept: PathBuf,
}

/// Gives up a seal that is lost for good: the tokens are gone, everything else stays, and the old state too. `None` where
/// the state is not sealed with it. Only on a stopped daemon.
///
/// # Errors
/// [`StoreError`]: nothing is changed.
pub(crate) fn forget(dir: &Path, lost: SealId, actor: Actor) -> Result<Option<Forgotten>, StoreError> {
    let path = Place::find(dir)?.0.file;
    let database = migration::open(&path)?;
    if sealed_by(&Reading::new(database.begin_read()?, None))? != Some(lost) {
        return Ok(None);
    }
    let after = Arc::new(Secrets::new(None));
    let (mut tokens, mut event) = (0, 0);
    let kept = rewrite((&path, Some("forgotten")), database, |from, to| {
        let tx = to.begin_write()?;
        stamp::put(&tx, LAYOUT)?;
        let mut writing = Writing::begin(&tx, Some(after.clone()))?;
        put_meta(&mut writing.tables, from, &after)?;
        for (organization_bin, trade_point_id) in token::places(&from.tables.device()?)? {
            let gone = Change::Device { organization_bin, trade_point_id, token: None };
            writing.append(Some(actor.clone()), gone)?;
            tokens += 1;
        }
        let error = Some(format!("seal {lost} was given up: {tokens} device tokens are forgotten"));
        let note = Note { error, ..Note::done(OperationType::Identity) };
        event = writing.append(Some(actor.clone()), Change::Noted(note))?;
        drop(writing);
        Ok(tx.commit()?)
    })?;
    Ok(kept.map(|kept| Forgotten { tokens, event, kept }))
}

/// Puts a copy in the place of the state: everything but secrets as it lies, and what `secrets` writes. What was the state
/// stays where it gets a second name of the word `keep`.
fn rewrite(
    (path, keep): (&Path, Option<&str>),
    database: Database,
    secrets: impl FnOnce(&Reading, &Database) -> Result<(), StoreError>,
) -> Result<Option<PathBuf>, StoreError> {
    let copy = Temporary::make(beside(path, "sealing"))?;
    let owner = path.metadata()?;
    std::os::unix::fs::fchown(&copy.file, Some(owner.uid()), Some(owner.gid()))?;
    let to = Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(
            FileBackend::new(copy.file.try_clone()?).map_err(|error| StoreError::Io(error.to_string()))?,
        )
        .map_err(|error| StoreError::Io(error.to_string()))?;
    let from = Reading::new(database.begin_read()?, None);
    from.tables.copy_into(&to, &SECRET_TABLES, &|| Ok(()))?;
    fail_point!("sealing.copied");
    secrets(&from, &to)?;
    drop(from);
    drop(to);
    copy.file.sync_all()?;
    fail_point!("sealing.whole");
    let kept = keep.map(|word| second_name(path, word)).transpose()?;
    copy.take_place(path)?;
    fail_point!("sealing.placed");
    sync_dir(path)?;
    // Its lock was held to here: nobody wrote behind the copy.
    drop(database);
    Ok(kept)
}

fn put_meta(tables: &mut WriteTables<'_>, from: &Reading, after: &Secrets) -> Result<(), StoreError> {
    for entry in redb::ReadableTable::iter(&from.tables.meta()?)? {
        let (name, value) = entry?;
        if ![SECRET, SEAL].contains(&name.value()) {
            tables.meta.write()?.insert(name.value(), value.value())?;
        }
    }
    after.put(tables.meta.write()?)
}

fn reopened(path: &Path) -> Result<Database, StoreError> {
    match file::open(path)? {
        (database, LAYOUT) => Ok(database),
        (_, layout) => Err(StoreError::Codec(format!("it is still of layout {layout}"))),
    }
}

/// Says what was done, and which files beside the state are not sealed by it.
fn tell(path: &Path, before: &Secrets, after: &Secrets) {
    match (before.seal_id(), after.seal_id()) {
        (_, Some(id)) => info!("device tokens are sealed from now on, with seal {id}"),
        (_, None) => warn!("device tokens lie unsealed from now on, as the credentials say"),
    }
    if before.seal_id().is_none() {
        warn!(
            "backups and kept files of earlier states in {} still hold device tokens unsealed: delete those that are not \
             needed",
            path.parent().unwrap_or(path).display()
        );
    }
}
