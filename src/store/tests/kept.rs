//! Whole state files as earlier builds left them on the disks of shops: `tests/fixtures/state-layout-N.redb`.

use std::path::{Path, PathBuf};

use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition, TableHandle};

use super::history::{by, history};
use super::pinned::{at, config};
use crate::chance::seeded::mixed;
use crate::id::DeviceToken;
use crate::operation::Verified;
use crate::seal::Seals;
use crate::store::check_chain;
use crate::store::events::event_at;
use crate::store::file::FILE;
use crate::store::had_identity;
use crate::store::layout::LAYOUT;
use crate::store::{Chain, Change, Event, Reading, Refused, Store, Writing};

/// The file of a layout.
fn path(layout: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/state-layout-{layout}.redb"))
}

/// The history, and two devices, of which one was deleted on purpose.
fn write_all(writing: &mut Writing<'_>) -> Result<(), Refused> {
    for (seconds, change) in (0..).zip(history()) {
        writing.now = at(seconds);
        writing.append(by(&change), change)?;
    }
    let token = |text: &str| DeviceToken::try_from(text.to_owned()).unwrap();
    let (bin, points) = ("891027350515".parse().unwrap(), ["104039", "104040"].map(|point| point.parse().unwrap()));
    for (point, text) in points.iter().zip(["a-device-token", "another-token"]) {
        writing.put_device(None, (&bin, point), &token(text))?.unwrap();
    }
    writing.forget_device(None, (&bin, &points[1]), &token("another-token"))?;
    Ok(())
}

/// Writes them into a state file of the layout that this build has.
fn write_history(dir: &Path) {
    let store = Store::open(dir, &Seals::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.write(write_all)).unwrap();
    assert_eq!(store.differences().unwrap(), []);
    store.close();
}

/// Run before the layout is raised (data-file §7.3): from then on the file is what the migration is tried on.
#[test]
#[ignore = "writes tests/fixtures/state-layout-N.redb, once for each layout"]
fn a_state_of_todays_layout_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    write_history(dir.path());
    let file = dir.path().join(FILE);
    let mut database = Database::open(&file).unwrap();
    while database.compact().unwrap() {}
    drop(database);
    assert!(rows(&file).iter().all(|(_, rows)| *rows > 0), "a table is empty: {:?}", rows(&file));
    std::fs::copy(&file, path(LAYOUT)).unwrap();
}

/// The fixture of a layout in a directory of its own, as a start finds it.
fn kept(layout: u8) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(path(layout), dir.path().join(FILE)).unwrap();
    dir
}

/// How many rows each table of a file has.
fn rows(file: &Path) -> Vec<(String, u64)> {
    let database = Database::open(file).unwrap();
    let tx = database.begin_read().unwrap();
    let tables = tx.list_tables().unwrap();
    tables.map(|table| (table.name().to_owned(), tx.open_untyped_table(table).unwrap().len().unwrap())).collect()
}

/// The names in a directory that begin with that of the state.
fn names(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(FILE)).collect();
    names.sort();
    names
}

/// The log as it is in a file: sequence numbers, and the bytes with their hashes.
fn log(file: &Path, table: &str) -> Vec<(u64, Vec<u8>)> {
    let database = Database::open(file).unwrap();
    let table: TableDefinition<'_, u64, &[u8]> = TableDefinition::new(table);
    let events = database.begin_read().unwrap().open_table(table).unwrap();
    events.iter().unwrap().map(|row| row.unwrap()).map(|(seq, stored)| (seq.value(), stored.value().to_vec())).collect()
}

/// Promise: a state of every earlier layout is opened by this build. Each event reads as it was written and has the
/// bytes and the hash it had, the tables are what the events make of them and no row is lost, tokens are there, and the
/// log of the old file stands beside it. A layout whose file was not kept fails.
#[test]
fn a_state_of_each_earlier_layout_is_migrated() {
    (1..LAYOUT).for_each(is_migrated);
}

fn is_migrated(layout: u8) {
    let dir = kept(layout);
    let (file, table) = (dir.path().join(FILE), if layout == 1 { "event-1" } else { "event" });
    let (before, rows_before) = (log(&file, table), rows(&file));
    assert!(rows_before.iter().all(|(_, rows)| *rows > 0), "{rows_before:?}");
    let store = Store::open(dir.path(), &Seals::default()).unwrap();
    assert!(verdict(&store).ok, "{:?}", verdict(&store));
    assert_eq!(store.differences().unwrap(), []);
    let events: Vec<_> = (1..).map_while(|seq| store.read(|reading| Ok(event_at(reading, seq)?)).unwrap()).collect();
    let written = (0..).zip(history()).map(|(seconds, change)| Event { at: at(seconds), actor: by(&change), change });
    // Kinds of events that came later stand at the end of the history. Behind it stand the marks of tokens, from the
    // migration where the layout had none.
    let written: Vec<_> = written.take(before.len()).collect();
    let (told, marks) = events.split_at(written.len());
    assert_eq!(told, written);
    assert!(marks.len() >= 2 && marks.iter().all(|event| matches!(event.change, Change::Device { .. })), "{marks:?}");
    store.read(tokens_are_there).unwrap();
    store.close();
    assert_eq!(log(&file, "event")[..before.len()], before);
    let added = u64::try_from(events.len() - before.len()).unwrap();
    // Lists of the events that came with layout 4, and the one that went with 5.
    let is_old =
        |(name, _): &&(String, u64)| !["payment_state", "zone", "ended"].contains(&name.trim_end_matches("-1"));
    let called = |(name, rows): &(String, u64)| (name.strip_suffix("-1").unwrap_or(name).to_owned(), *rows);
    let rows_before: Vec<_> = rows_before
        .into_iter()
        .map(|(name, rows)| if name.starts_with("event") { (name, rows + added) } else { (name, rows) })
        .collect();
    assert_eq!(
        rows(&file).iter().filter(is_old).map(called).collect::<Vec<_>>(),
        rows_before.iter().filter(is_old).map(called).collect::<Vec<_>>()
    );
    let [_, old] = names(dir.path()).try_into().unwrap();
    assert!(old.starts_with(&format!("{FILE}.layout-{layout}-")), "{old}");
    assert_eq!(log(&dir.path().join(old), table), before);
}

fn verdict(store: &Store) -> Verified {
    let mut chain = Chain::new(None).with_tokens();
    while !store.walk_here(|walk| Ok(check_chain(walk, &mut chain)?)).unwrap() {}
    chain.verdict(None)
}

fn tokens_are_there(reading: &Reading) -> Result<(), Refused> {
    let (bin, of) = ("891027350515".parse().unwrap(), config().counterparty());
    let triple = reading.triple(&bin, &"104039".parse().unwrap(), &of)?.unwrap();
    assert_eq!(triple.token().expose(), "a-device-token");
    let deleted = "104040".parse().unwrap();
    assert!(reading.had_device(&bin, &deleted)? && reading.triple(&bin, &deleted, &of)?.is_none());
    Ok(())
}

/// Promise: a migrated state is an ordinary one: what is written behind it begins with this layout, what was there with
/// its own, in one chain.
#[test]
fn a_migrated_log_goes_on() {
    let dir = kept(1);
    let store = Store::open(dir.path(), &Seals::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let job = store.write(|writing| Ok(writing.append(None, history().swap_remove(1))?));
    let seq = runtime.block_on(job).unwrap();
    store.close();
    let file = dir.path().join(FILE);
    let log = log(&file, "event");
    let layouts: Vec<u8> = log.iter().map(|(_, stored)| stored[32]).collect();
    // Two devices get their marks, and then the event.
    assert_eq!(layouts, [vec![1; log.len() - 3], vec![LAYOUT; 3]].concat());
    let store = Store::open(dir.path(), &Seals::default()).unwrap();
    assert_eq!((verdict(&store).ok, verdict(&store).events), (true, seq));
    assert_eq!(names(dir.path()).len(), 2, "a state of this layout was migrated");
}

/// Promise: a file that was damaged anywhere is opened, or refused in words; redb ends with a panic where its checksums do not
/// reach.
#[test]
fn a_damaged_state_is_refused_in_words() {
    let whole = tempfile::tempdir().unwrap();
    write_history(whole.path());
    let whole = std::fs::read(whole.path().join(FILE)).unwrap();
    let (mut refused, dir) = (0, tempfile::tempdir().unwrap());
    for seed in 0..300_u64 {
        let mut bytes = whole.clone();
        // Most of what is not covered stands in the head and in the first pages.
        let reach = if seed % 2 == 0 { bytes.len() } else { 8192 };
        let place = usize::try_from(mixed(seed << 20)).unwrap() % reach;
        let end = (place + 1 + usize::try_from(seed % 16).unwrap()).min(bytes.len());
        bytes[place..end].iter_mut().for_each(|byte| *byte ^= 0xa5);
        std::fs::write(dir.path().join(FILE), &bytes).unwrap();
        let _ = had_identity(dir.path());
        match Store::open(dir.path(), &Seals::default()) {
            Ok(store) => store.close(),
            Err(error) => {
                refused += 1;
                assert!(error.to_string().contains(FILE), "{seed}: {error}");
            }
        }
    }
    assert!(refused > 5, "{refused}");
}

/// Promise: what cannot be migrated stays as it is, and nothing is left beside it.
#[test]
fn a_state_that_cannot_be_migrated_is_left_as_it_is() {
    let dir = kept(1);
    let file = dir.path().join(FILE);
    let damaged: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("config-1");
    let database = Database::open(&file).unwrap();
    let tx = database.begin_write().unwrap();
    tx.open_table(damaged).unwrap().insert(7, [9].as_slice()).unwrap();
    tx.commit().unwrap();
    drop(database);
    let before = log(&file, "event-1");
    let error = Store::open(dir.path(), &Seals::default()).err().unwrap().to_string();
    assert!(error.contains("layout 1") && error.contains("config-1") && error.contains("left as it is"), "{error}");
    assert_eq!((log(&file, "event-1"), names(dir.path())), (before, vec![FILE.to_owned()]));
}
