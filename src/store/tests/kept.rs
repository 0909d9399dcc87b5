//! Whole state files as earlier builds left them on the disks of shops: `tests/fixtures/state-layout-N.redb`.

use std::path::{Path, PathBuf};

use redb::Database;

use super::history::{by, history};
use super::pinned::at;
use crate::id::DeviceToken;
use crate::store::file::LAYOUT;
use crate::store::{FILE, Refused, Store, Writing};

/// The file of a layout.
fn path(layout: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/state-layout-{layout}.redb"))
}

/// Two devices, of which one was deleted on purpose, and the history.
fn write_all(writing: &mut Writing<'_>) -> Result<(), Refused> {
    let token = |text: &str| DeviceToken::try_from(text.to_owned()).unwrap();
    let (bin, points) = ("891027350515".parse().unwrap(), ["104039", "104040"].map(|point| point.parse().unwrap()));
    for (point, text) in points.iter().zip(["a-device-token", "another-token"]) {
        writing.put_device(&bin, point, &token(text))?.unwrap();
    }
    writing.forget_device((&bin, &points[1]), &token("another-token"))?;
    for (seconds, change) in (0..).zip(history()) {
        writing.now = at(seconds);
        writing.append(by(&change), change)?;
    }
    Ok(())
}

/// Writes them into a state file of the layout that this build has.
fn write_history(dir: &Path) {
    let store = Store::open(dir).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.write(write_all)).unwrap();
    assert_eq!(store.differences().unwrap(), []);
    store.close();
}

/// Run before the layout is raised (data-file §8): from then on the file is what the migration is tried on.
#[test]
#[ignore = "writes tests/fixtures/state-layout-N.redb, once for each layout"]
fn a_state_of_todays_layout_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    write_history(dir.path());
    let file = dir.path().join(FILE);
    let mut database = Database::open(&file).unwrap();
    while database.compact().unwrap() {}
    drop(database);
    std::fs::copy(&file, path(LAYOUT.1)).unwrap();
}
