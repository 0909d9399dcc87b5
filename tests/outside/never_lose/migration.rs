//! An upgrade over a state of an earlier layout (data-file §7), with real processes: the log, the payments and the old
//! file are there, whenever it is killed, and whatever the disk does.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableHandle};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::full_disk::Tmpfs;
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::sandbox::Sandbox;

/// A state of layout 1, as an earlier build left it.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/state-layout-1.redb");

/// Where a migration can be killed, in its order.
const POINTS: [&str; 5] =
    ["migration.copied", "migration.step", "migration.whole", "migration.named", "migration.placed"];

/// An installation that is upgraded: its state is the kept one.
struct Upgrade {
    home: Home,
    state_dir: PathBuf,
    _bank: Sandbox,
}

/// What a file is: its bytes where it must not have changed.
fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The last event of the kept log and its hash.
fn head() -> (u64, String) {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("copy");
    fs::copy(KEPT, &copy).unwrap();
    let database = Database::open(copy).unwrap();
    let events: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("event-1");
    let events = database.begin_read().unwrap().open_table(events).unwrap();
    let (seq, stored) = events.last().unwrap().unwrap();
    (seq.value(), hex(&stored.value()[..32]))
}

impl Upgrade {
    fn prepare() -> Self {
        let bank = Sandbox::start(Dialect::Bank);
        let home = Home::new(&bank, "");
        let state_dir = home.state();
        fs::create_dir(&state_dir).unwrap();
        Self { home, state_dir, _bank: bank }.with_the_kept_state()
    }

    fn with_the_kept_state(self) -> Self {
        fs::copy(KEPT, self.state()).unwrap();
        fs::set_permissions(self.state(), fs::Permissions::from_mode(0o600)).unwrap();
        self
    }

    fn state(&self) -> PathBuf {
        self.state_dir.join("kaspid.redb")
    }

    /// Files beside the state whose name begins with this.
    fn beside(&self, begin: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.state_dir).unwrap().map(|entry| entry.unwrap().path());
        entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(begin)).collect()
    }

    /// Runs it until it ends by itself.
    fn ends(&self, mut command: Command) -> ExitStatus {
        command.status().unwrap()
    }

    /// Starts it as anybody would and looks at everything that was there before.
    fn is_whole(&self) {
        let daemon = Daemon::start(&self.home);
        daemon.door.get("/v1/health").expect(200);
        let (seq, sha) = head();
        let verified = daemon.door.get(&format!("/v1/log/verify?rebuild=true&head={seq}:{sha}")).expect(200);
        assert_eq!((&verified["ok"], &verified["head_matches"]), (&json!(true), &json!(true)), "{verified}");
        assert_eq!(verified["differences"], json!([]), "{verified}");
        let payments = daemon.door.get("/v1/payments?limit=100").expect(200);
        let states = |payments: &Value| -> Vec<(String, String)> {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let rows = payments["payments"].as_array().unwrap();
            rows.iter().map(|row| (text(&row["id"])[34..].to_owned(), text(&row["state"]))).collect()
        };
        let expected =
            ["09 unknown", "08 paid", "07 paid", "06 cancelled", "05 paid", "03 abandoned", "02 expired", "01 paid"];
        let expected = expected.map(|text| text.split_once(' ').unwrap());
        let expected: Vec<_> = expected.iter().map(|(id, state)| ((*id).to_owned(), (*state).to_owned())).collect();
        assert_eq!(states(&payments), expected, "{payments}");
        assert!(daemon.stop().success());
        assert_eq!(self.beside("kaspid.redb.migrating"), [] as [PathBuf; 0], "a half-made copy is left");
    }
}

/// Promise: after an upgrade the daemon starts on the state of an earlier layout and has its log, its payments and its
/// heads; the old file stays beside it, of mode 0600, and the journal names it. The next start has nothing to migrate.
#[test]
fn a_daemon_starts_on_a_state_of_an_earlier_layout() {
    let upgrade = Upgrade::prepare();
    upgrade.is_whole();
    let old = upgrade.beside("kaspid.redb.layout-1-");
    let [old] = old.as_slice() else { panic!("one old file, not {old:?}") };
    for file in [old, &upgrade.state()] {
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600, "{}", file.display());
    }
    let journal = upgrade.home.stderr();
    assert!(
        journal.contains(old.to_str().unwrap()) && journal.contains("has layout 1 and is migrated to 5"),
        "{journal}"
    );
    upgrade.is_whole();
    assert_eq!(upgrade.beside("kaspid.redb.layout-").len(), 1);
    assert_eq!(upgrade.home.stderr().matches("is migrated").count(), journal.matches("is migrated").count());
}

/// Promise: systemd is told that the state is being opened, and does not kill a long migration for its time.
#[test]
fn a_long_migration_is_no_hung_start() {
    let upgrade = Upgrade::prepare();
    let daemon = Daemon::spawn(&upgrade.home, upgrade.home.command());
    assert!(daemon.until("EXTEND_TIMEOUT_USEC=60000000").is_some(), "{}", upgrade.home.stderr());
    assert!(daemon.until("READY=1").is_some(), "{}", upgrade.home.stderr());
}

/// Promise: killed at any point of a migration, there is a whole file, the old or the new one, and the next start has
/// everything.
#[test]
fn a_killed_migration_is_begun_anew_or_done() {
    for point in POINTS {
        let upgrade = Upgrade::prepare();
        let mut command = upgrade.home.command();
        command.env("KASPID_FAIL_POINT", point);
        let ended = upgrade.ends(command);
        assert_eq!(ended.signal(), Some(9), "{point}: {}", upgrade.home.stderr());
        let is_placed = point == "migration.placed";
        let old = upgrade.beside("kaspid.redb.layout-1-");
        let still = if is_placed { old[0].clone() } else { upgrade.state() };
        let database = Database::open(still).unwrap();
        assert!(
            database.begin_read().unwrap().list_tables().unwrap().all(|table| table.name().ends_with("-1")),
            "{point}"
        );
        drop(database);
        upgrade.is_whole();
        assert!(!upgrade.beside("kaspid.redb.layout-1-").is_empty(), "{point}");
    }
}

/// Promise: however often a migration is killed between the second name of the old file and the rename over it, the old file
/// has one such name in the end, and it is of the layout of before.
#[test]
fn a_migration_that_is_killed_twice_leaves_one_old_file() {
    let upgrade = Upgrade::prepare();
    for kill in 1..=3 {
        let mut command = upgrade.home.command();
        command.env("KASPID_FAIL_POINT", "migration.named");
        assert_eq!(upgrade.ends(command).signal(), Some(9), "{}", upgrade.home.stderr());
        let old = upgrade.beside("kaspid.redb.layout-1-");
        let own = old.iter().filter(|old| old.metadata().unwrap().nlink() > 1).count();
        let links = upgrade.state().metadata().unwrap().nlink();
        assert_eq!((own, links), (1, 2), "{kill}: {old:?}");
        if kill == 2 {
            // As an earlier kaspid left it, and a file of another name that is no such name.
            fs::hard_link(upgrade.state(), upgrade.state_dir.join("kaspid.redb.layout-1-2026-01-01T000000Z")).unwrap();
            fs::write(upgrade.state_dir.join("kaspid.redb.layout-1-of-mine"), "another").unwrap();
        }
    }
    fs::remove_file(upgrade.state_dir.join("kaspid.redb.layout-1-of-mine")).unwrap();
    upgrade.is_whole();
    let old = upgrade.beside("kaspid.redb.layout-1-");
    assert_eq!((old.len(), old[0].metadata().unwrap().nlink()), (1, 1), "{old:?}");
    let database = Database::open(&old[0]).unwrap();
    assert!(database.begin_read().unwrap().list_tables().unwrap().all(|table| table.name().ends_with("-1")));
}

/// Starts on a full disk: it must not start, and must say what to do.
#[track_caller]
fn is_left_as_it_is(upgrade: &Upgrade, command: Command) {
    let ended = upgrade.ends(command);
    let journal = upgrade.home.stderr();
    assert_eq!(ended.code(), Some(1), "{journal}");
    let words = ["layout 1", "left as it is", "make room"];
    assert!(words.iter().all(|word| journal.contains(word)), "{journal}");
    assert_eq!(upgrade.beside("kaspid.redb").len(), 1, "{:?}", upgrade.beside("kaspid.redb"));
}

/// Promise: a disk without room for the copy, or for what the steps make of it, stops the start; the old file is left and
/// is migrated when there is room.
#[test]
fn a_full_disk_leaves_the_old_file() {
    let length = fs::metadata(KEPT).unwrap().len();
    for limit in [length - 8192, length] {
        let upgrade = Upgrade::prepare();
        let program = upgrade.home.command();
        let mut command = Command::new("prlimit");
        // The signal that comes with the limit would end the daemon; a full disk sends none.
        command.arg(format!("--fsize={limit}")).args(["sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]);
        command.arg(program.get_program()).args(program.get_args());
        command.stderr(File::options().append(true).create(true).open(upgrade.home.path().join("stderr")).unwrap());
        if Command::new("prlimit").arg("--version").output().is_err() {
            return eprintln!("SKIPPED: prlimit is not here, the disk is never full");
        }
        is_left_as_it_is(&upgrade, command);
        upgrade.is_whole();
    }
}

/// The same on a file system that is really full.
#[test]
fn a_full_file_system_leaves_the_old_file() {
    let files = tempfile::tempdir().unwrap();
    let Some(small) = Tmpfs::mount(&files.path().join("state"), "192k") else { return };
    let bank = Sandbox::start(Dialect::Bank);
    let home = Home::new(&bank, &format!("[daemon]\nstate_dir = \"{}\"", small.0.display()));
    let upgrade = Upgrade { home, state_dir: small.0.clone(), _bank: bank }.with_the_kept_state();
    is_left_as_it_is(&upgrade, upgrade.home.command());
    let more = Command::new("mount").args(["-o", "remount,size=64m"]).arg(&small.0).status().unwrap();
    assert!(more.success());
    upgrade.is_whole();
}

/// A backup as the build of layout 1 made it.
fn backup_of_layout_1(at: &Path, layout: u8) {
    let (inner, (events, head)) = (bytes(Path::new(KEPT)), head());
    let header = json!({
        "kaspid_backup": 1, "created_at": "2026-11-01T10:00:00Z", "layout": layout, "events": events, "head": head,
        "bytes": inner.len(), "sha256": hex(&Sha256::digest(&inner)), "holds": "",
    });
    fs::write(at, [header.to_string().as_bytes(), b"\n", &inner].concat()).unwrap();
}

/// `kaspictl restore` of a file.
fn restore(home: &Home, file: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    command.arg("--socket").arg(home.socket()).arg("restore").arg(file).arg("--config").arg(home.config());
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// Promise: a backup of an earlier layout is put back, and the daemon starts on it; where the log of a replaced state of
/// an earlier layout ended is told as ever. A header that does not say what is inside touches nothing.
#[test]
fn a_backup_of_an_earlier_layout_is_put_back() {
    let upgrade = Upgrade::prepare();
    let file = upgrade.home.path().join("old.backup");
    backup_of_layout_1(&file, 2);
    let (exit, said) = restore(&upgrade.home, &file);
    assert!(exit == Some(1) && said.contains("it has layout 1, and its header says 2"), "{said}");
    backup_of_layout_1(&file, 9);
    let (exit, said) = restore(&upgrade.home, &file);
    assert!(exit == Some(1) && said.contains("layout 9") && said.contains("reads up to 5"), "{said}");
    assert_eq!(bytes(&upgrade.state()), bytes(Path::new(KEPT)), "the state was touched");
    backup_of_layout_1(&file, 1);
    let (exit, said) = restore(&upgrade.home, &file);
    assert!(exit == Some(0) && said.contains("replaced state was no longer than that of the backup"), "{said}");
    assert_eq!(upgrade.beside("kaspid.redb.replaced-").len(), 1);
    upgrade.is_whole();
    assert_eq!(upgrade.beside("kaspid.redb.layout-"), [] as [PathBuf; 0], "the restored state was migrated again");
}
