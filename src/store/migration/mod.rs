//! From an older layout to this program's. It is done on a copy beside the state, which takes the state's place once it
//! is whole; until then nothing but reading is done to the old file, and then it stays under a second name. Whatever
//! ends the daemon on the way, there is a whole file, old or new, and the next start begins anew with it.

mod from_1;
mod from_2;
mod from_3;
mod from_4;

use std::io;
use std::path::{Path, PathBuf};

use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};
use tracing::{info, warn};

pub(super) use from_1::EVENT as EVENT_OF_1;
pub(super) use from_2::UNMARKED;
pub(super) use from_3::UNLISTED;

use super::beside::{Temporary, beside, lock, second_name, sync_dir};
use super::layout::LAYOUT;
use super::{StoreError, file, stamp};
use crate::failpoint::fail_point;
use crate::notice;

/// What one layout becomes in the next: from the file as it was before, into the same tables. It knows the tables and
/// shapes of its two layouts under names of its own, and never changes again.
type MigrationStep = fn(before: &ReadTransaction, after: &WriteTransaction) -> Result<(), StoreError>;

/// The first one is from layout 1 to 2. A layout without its step does not compile.
const STEPS: [MigrationStep; LAYOUT as usize - 1] = [from_1::step, from_2::step, from_3::step, from_4::step];

/// Opens the state, of this layout from then on.
pub(super) fn open(path: &Path) -> Result<Database, StoreError> {
    let (database, from) = file::open(path)?;
    if from == LAYOUT {
        return Ok(database);
    }
    // Closed properly, so that the copy is of a file that needs no repair.
    drop(database);
    warn!("{}: the state has layout {from} and is migrated to {LAYOUT}, on a copy", path.display());
    let old = migrate(path, from).map_err(|error| stopped(path, from, error))?;
    info!(
        message_id = notice::MIGRATED.id,
        "the state is migrated; what it was before stays, with its device tokens: {}",
        old.display()
    );
    match file::open(path)? {
        (database, LAYOUT) => Ok(database),
        (_, layout) => Err(StoreError::Codec(format!("it is still of layout {layout}"))),
    }
}

/// Brings a file to this layout where it stands. Only for a copy: killed on the way, it is of any layout between.
pub(super) fn bring_up(database: &Database, from: u8) -> Result<(), StoreError> {
    for (layout, step) in (1..LAYOUT).zip(STEPS).filter(|(layout, _)| *layout >= from) {
        let (before, after) = (database.begin_read()?, database.begin_write()?);
        step(&before, &after)?;
        stamp::put(&after, layout + 1)?;
        after.commit()?;
        fail_point!("migration.step");
    }
    Ok(())
}

/// Puts a migrated copy in the place of the state; the name that the old file has from then on.
fn migrate(path: &Path, from: u8) -> Result<PathBuf, StoreError> {
    // Held to the end: nobody else starts on it or migrates it meanwhile.
    let Some(mut state) = lock(path)? else { return Err(StoreError::InUse(path.to_owned())) };
    let copy = Temporary::make(beside(path, "migrating"))?;
    io::copy(&mut state, &mut &copy.file)?;
    fail_point!("migration.copied");
    let (database, found) = file::open(&copy.path)?;
    bring_up(&database, found)?;
    drop(database);
    copy.file.sync_all()?;
    fail_point!("migration.whole");
    let old = second_name(path, &format!("layout-{from}"))?;
    fail_point!("migration.named");
    copy.take_place(path)?;
    fail_point!("migration.placed");
    sync_dir(path)?;
    Ok(old)
}

fn stopped(path: &Path, from: u8, error: StoreError) -> StoreError {
    match error {
        StoreError::InUse(_) => error,
        error => StoreError::Migration { path: path.to_owned(), from, why: error.to_string() },
    }
}
