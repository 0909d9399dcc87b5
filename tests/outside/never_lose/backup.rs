//! Backup and restore (architecture §6.10): a copy taken in the middle of sales is whole, a restore says what it left out
//! and holds money back until a person has looked, and nothing replaces a state that cannot be read.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use redb::{Database, TableDefinition};
use serde_json::{Value, json};

use crate::support::behaviour::{Till, behave};
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::http::Door;
use crate::support::scripted_bank::ScriptedBank;

const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta-1");

/// How kaspictl ended.
struct Ended {
    exit: Option<i32>,
    stdout: String,
    stderr: String,
}

fn kaspictl(home: &Home, args: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    let output = command.arg("--socket").arg(home.socket()).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ended { exit: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// `kaspictl restore FILE` on this home's configuration.
fn restore(home: &Home, file: &Path) -> Ended {
    kaspictl(home, &["restore", file.to_str().unwrap(), "--config", home.config().to_str().unwrap()])
}

/// `kaspictl backup FILE`, which must succeed.
#[track_caller]
fn backup(home: &Home) -> PathBuf {
    let file = home.path().join("copy.backup");
    let ended = kaspictl(home, &["backup", file.to_str().unwrap()]);
    assert_eq!(ended.exit, Some(0), "{}", ended.stderr);
    file
}

fn sale(invoice: &str) -> Value {
    json!({"kind": "remote", "amount_tiyn": 20_000, "phone_number": "77015211545", "invoice": invoice})
}

/// A sale that must be billed; its id.
#[track_caller]
fn sell(door: &Door, key: &str) -> String {
    door.post_with_key(key, "/v1/payments", &sale(key)).expect(201)["id"].as_str().unwrap().to_owned()
}

/// Everything in the state directory: names and bytes.
fn files(home: &Home) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(home.state()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> =
        entries.filter(|path| path.is_file()).map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    files.sort();
    files
}

/// The header of a backup.
#[track_caller]
fn header(file: &Path) -> Value {
    let bytes = fs::read(file).unwrap();
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap();
    serde_json::from_slice(line).unwrap()
}

/// Till by till: sells with keys `NAME-1` … until told to stop; the ids it was answered.
fn sell_on(door: &Door, name: &str, stop: &AtomicBool) -> Vec<String> {
    let mut answered = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        answered.push(sell(door, &format!("{name}-{}", answered.len())));
    }
    answered
}

/// A backup taken while four tills sell: the file is 0600, says what it holds, and restores to a state whose chain and
/// projections are in order and which has every payment answered before the backup began.
#[test]
fn a_backup_under_load_restores_whole() {
    let Till { daemon, home, bank } =
        Till::open(Dialect::Bank, "[verify]\nevery = \"24h\"\n[limits]\nrate_per_uid = 100000\nburst_per_uid = 100000");
    let before: Vec<String> = (0..20).map(|n| sell(&daemon.door, &format!("before-{n}"))).collect();
    let stop = AtomicBool::new(false);
    let (file, later) = std::thread::scope(|scope| {
        let tills: Vec<_> = (0..4)
            .map(|till| {
                let (door, stop) = (daemon.door.clone(), &stop);
                scope.spawn(move || sell_on(&door, &format!("till-{till}"), stop))
            })
            .collect();
        // Whatever happens here, the tills stop.
        let file = std::panic::catch_unwind(|| backup(&home));
        stop.store(true, Ordering::Relaxed);
        let file = file.unwrap();
        let later: Vec<String> = tills.into_iter().flat_map(|till| till.join().unwrap()).collect();
        (file, later)
    });
    assert!(!later.is_empty(), "nobody sold anything meanwhile");
    assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
    let said = header(&file);
    assert!(said["holds"].as_str().unwrap().contains("token"), "{said}");
    assert!(said["holds"].as_str().unwrap().contains("no mTLS key"), "{said}");
    assert_eq!(
        daemon
            .door
            .get(&format!("/v1/log/verify?head={}:{}", said["events"], said["head"].as_str().unwrap()))
            .expect(200)["head_matches"],
        true
    );
    let left: Vec<_> =
        fs::read_dir(home.state().join("backups")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_str().unwrap().ends_with(".part")), "{left:?}");
    assert!(daemon.stop().success());

    // On another machine, so to say: nothing is there but the directory.
    let other = Home::new(&bank, "");
    fs::create_dir(other.state()).unwrap();
    let ended = restore(&other, &file);
    assert_eq!(ended.exit, Some(0), "{}", ended.stderr);
    let daemon = Daemon::start(&other);
    let verified = daemon.door.get("/v1/log/verify?rebuild=true").expect(200);
    assert_eq!((&verified["ok"], &verified["differences"]), (&json!(true), &json!([])), "{verified}");
    // The restore itself is one more, and each call that the copy caught in flight ends with the start.
    let events = said["events"].as_u64().unwrap() + 1;
    assert!((events..=events + 4).contains(&verified["events"].as_u64().unwrap()), "{verified}");
    for id in &before {
        assert_eq!(daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "waiting");
    }
}

/// The socket's own form: admin only, a file of its own, never a key.
#[test]
fn a_backup_over_http_is_the_same_file() {
    let till = Till::open(Dialect::Bank, "");
    let answer = till.daemon.door.get("/v1/backup");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let file = till.home.path().join("http.backup");
    fs::write(&file, &answer.body).unwrap();
    assert_eq!(header(&file)["kaspid_backup"], 1);
    let key = fs::read_to_string(&till.bank.key_file).unwrap();
    let secret = key.lines().nth(1).unwrap().as_bytes();
    assert!(!answer.body.windows(secret.len()).any(|part| part == secret), "the backup holds the mTLS key");
    let refused = kaspictl(&till.home, &["backup", "/nonexistent/folder/copy.backup"]);
    assert_eq!(refused.exit, Some(2), "{}", refused.stderr);
}

/// After a restore creates and refunds are refused with what to check, until an admin acknowledges, which is audited.
/// The replaced state is kept, and the log says what is missing.
#[test]
fn money_waits_until_the_gap_is_acknowledged() {
    let Till { daemon, home, bank } = Till::open(Dialect::Bank, "");
    let kept = sell(&daemon.door, "kept");
    let file = backup(&home);
    let lost = sell(&daemon.door, "lost");
    let running = restore(&home, &file);
    assert_eq!(running.exit, Some(1));
    assert!(running.stderr.contains("stop it first"), "{}", running.stderr);
    let events = daemon.door.get("/v1/log/verify").expect(200)["events"].as_u64().unwrap();
    assert!(daemon.stop().success());
    let old = fs::read(home.state().join("kaspid.redb")).unwrap();
    fs::set_permissions(home.state().join("kaspid.redb"), fs::Permissions::from_mode(0o600)).unwrap();
    let ended = restore(&home, &file);
    assert_eq!(ended.exit, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains(&format!("to {events}\n")), "{}", ended.stdout);
    let replaced: Vec<_> =
        files(&home).into_iter().filter(|(path, _)| path.to_str().unwrap().contains("kaspid.redb.replaced-")).collect();
    assert_eq!(replaced.len(), 1);
    assert!(replaced[0].1 == old, "the replaced file is not what it was");
    let (state, folder) = (home.state().join("kaspid.redb").metadata().unwrap(), home.state().metadata().unwrap());
    assert_eq!((state.mode() & 0o777, state.uid(), state.gid()), (0o600, folder.uid(), folder.gid()));

    let daemon = Daemon::start(&home);
    let door = &daemon.door;
    let sent = bank.seen().len();
    for (target, body) in
        [("/v1/payments".to_owned(), sale("new")), (format!("/v1/payments/{kept}/refunds"), json!({}))]
    {
        let problem = door.post(&target, &body).problem("restored_gap");
        assert_eq!((&problem["money"], &problem["status"]), (&json!("not_moved"), &json!(409)), "{problem}");
        assert!(problem["remedy"].as_str().unwrap().contains("kaspictl restore --acknowledge"), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(&format!("event {events}")), "{problem}");
    }
    assert_eq!(bank.seen().len(), sent, "something was sent to the bank");
    door.get(&format!("/v1/payments/{kept}")).expect(200);
    door.get(&format!("/v1/payments/{lost}")).problem("not_found");
    let health = door.get("/v1/health").expect(200);
    assert!(health["problems"].as_array().unwrap().iter().any(|problem| problem["code"] == "restored_gap"), "{health}");
    door.get(&format!("/v1/log?after={}", events + 100)).problem("invalid_request");

    let ended = kaspictl(&home, &["restore", "--acknowledge"]);
    assert_eq!(ended.exit, Some(0), "{}", ended.stderr);
    sell(door, "after");
    let rows = door.get("/v1/log?operation=restored").expect(200);
    let rows = rows["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows.iter().all(|row| row["actor"]["uid"] == nix::unistd::getuid().as_raw()), "{rows:?}");
    let again = kaspictl(&home, &["restore", "--acknowledge", "--json"]);
    assert_eq!((again.exit, again.stdout.trim()), (Some(0), r#"{"gaps":[]}"#));
    assert_eq!(door.get("/v1/log/verify?rebuild=true").expect(200)["ok"], true);
}

/// A backup that is cut, longer, edited in its content or its header, empty or something else is refused, and not a
/// byte of the state directory is touched.
#[test]
fn a_damaged_backup_touches_nothing() {
    let Till { daemon, home, bank: _bank } = Till::open(Dialect::Bank, "");
    sell(&daemon.door, "sale");
    let whole = fs::read(backup(&home)).unwrap();
    assert!(daemon.stop().success());
    let before = files(&home);
    let line = whole.iter().position(|byte| *byte == b'\n').unwrap();
    let flipped = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    };
    let edited = |from: &str, to: &str| {
        let head = String::from_utf8(whole[..line].to_vec()).unwrap();
        assert!(head.contains(from), "{head}");
        [head.replace(from, to).as_bytes(), &whole[line..]].concat()
    };
    let head = header(&home.path().join("copy.backup"));
    let other_head = format!("\"head\":\"{}\"", "0".repeat(64));
    let damaged = [
        ("cut", whole[..whole.len() - 1].to_vec(), "bytes follow its header"),
        ("longer", [&whole[..], b"x"].concat(), "bytes follow its header"),
        ("flipped", flipped(line + 5000), "SHA-256"),
        ("another head", edited(&format!("\"head\":{}", head["head"]), &other_head), "where its header says"),
        ("newer", edited("\"kaspid_backup\":1", "\"kaspid_backup\":9"), "newer"),
        (
            "of a newer layout",
            edited("\"layout\":5", "\"layout\":6"),
            "newer kaspid (layout 6; this one reads up to 5)",
        ),
        ("of another layout than it says", edited("\"layout\":5", "\"layout\":1"), "its header says 1"),
        ("only a header", whole[..=line].to_vec(), "bytes follow its header"),
        ("empty", Vec::new(), "no backup"),
        ("bare redb", whole[line + 1..].to_vec(), "no backup"),
        ("text", b"{}\n".to_vec(), "no backup"),
    ];
    for (name, bytes, why) in damaged {
        let file = home.path().join("damaged.backup");
        fs::write(&file, bytes).unwrap();
        let ended = restore(&home, &file);
        assert_eq!(ended.exit, Some(1), "{name}: {}", ended.stderr);
        assert!(ended.stderr.contains(why) && ended.stderr.contains("nothing was touched"), "{name}: {}", ended.stderr);
        assert!(files(&home) == before, "{name}: the state directory was touched");
    }
    let ended = restore(&home, Path::new("/nonexistent.backup"));
    assert_eq!(ended.exit, Some(1), "{}", ended.stderr);
    Daemon::start(&home);
}

/// A state that can no longer be read is replaced by a restore too, and kept.
#[test]
fn an_unreadable_state_is_replaced_and_kept() {
    let Till { daemon, home, bank: _bank } = Till::open(Dialect::Bank, "");
    let id = sell(&daemon.door, "sale");
    let file = backup(&home);
    daemon.kill();
    let state = home.state().join("kaspid.redb");
    fs::write(&state, b"not a database any more").unwrap();
    let ended = restore(&home, &file);
    assert_eq!(ended.exit, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("could not be read"), "{}", ended.stdout);
    let kept = files(&home).into_iter().find(|(path, _)| path.to_str().unwrap().contains("replaced-")).unwrap();
    assert_eq!(kept.1, b"not a database any more");
    let daemon = Daemon::start(&home);
    daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
}

/// The daily copy is made at the first quiet moment, seven days of them are kept, nothing else in the folder is
/// removed but the leftovers of a crash, and the copy restores.
#[test]
fn seven_daily_backups_are_kept() {
    are_kept("", 7);
}

/// As many as the shop has disk for.
#[test]
fn as_many_daily_backups_are_kept_as_the_setting_says() {
    are_kept("[log]\ndaily_backups = 3", 3);
}

/// Of nine older copies and the new one, so many stay.
#[track_caller]
fn are_kept(settings: &str, kept: usize) {
    let bank = ScriptedBank::start();
    behave(&bank, Dialect::Bank);
    let home = Home::new(&bank, settings);
    // A shop that has begun: without its state the folder alone would stop the start.
    assert!(Daemon::start(&home).stop().success());
    let folder = home.state().join("backups");
    fs::create_dir_all(&folder).unwrap();
    let old: Vec<String> = (1..=9).map(|day| format!("kaspid-2025-01-0{day}.backup")).collect();
    for name in old.iter().map(String::as_str).chain(["mine.backup", "kaspid-notes.backup", "daily.part"]) {
        fs::write(folder.join(name), name).unwrap();
    }
    let mut command = home.command();
    command.stderr(Stdio::piped());
    let mut daemon = Daemon::spawn(&home, command);
    daemon.until("READY=1").unwrap();
    daemon.wait_for_stderr("the daily backup was made");
    let mut names: Vec<String> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    let made: Vec<&String> = names.iter().filter(|name| name.starts_with("kaspid-2") && !old.contains(name)).collect();
    assert_eq!(made.len(), 1, "{names:?}");
    let mut expected: Vec<String> = old[10 - kept..].to_vec();
    expected.extend([made[0].clone(), "kaspid-notes.backup".to_owned(), "mine.backup".to_owned()]);
    expected.sort();
    assert_eq!(names, expected);
    let made = folder.join(made[0]);
    assert_eq!(made.metadata().unwrap().mode() & 0o777, 0o600);
    let health = daemon.door.get("/v1/health").expect(200);
    assert!(!health["problems"].to_string().contains("backup_failed"), "{health}");
    assert!(daemon.stop().success());
    assert_eq!(restore(&home, &made).exit, Some(0));
}

/// A daily copy that cannot be made is said in the journal and in health, and payments go on.
#[test]
fn a_backup_that_fails_is_a_problem_and_blocks_nothing() {
    let bank = ScriptedBank::start();
    behave(&bank, Dialect::Bank);
    let home = Home::new(&bank, "");
    assert!(Daemon::start(&home).stop().success());
    // A file where the folder should be: the same for root as for anybody.
    fs::write(home.state().join("backups"), "in the way").unwrap();
    let mut command = home.command();
    command.stderr(Stdio::piped());
    let mut daemon = Daemon::spawn(&home, command);
    daemon.until("READY=1").unwrap();
    daemon.door.enrol(crate::support::scripted_bank::BIN);
    daemon.wait_for_stderr("the daily backup could not be made");
    sell(&daemon.door, "sale");
    let health = daemon.door.get("/v1/health").expect(200);
    let problems = health["problems"].as_array().unwrap();
    assert!(problems.iter().any(|problem| problem["code"] == "backup_failed"), "{health}");
    assert_eq!(health["status"], "degraded");
}

/// Starts the daemon on a state it must not take; what it said.
#[track_caller]
fn must_not_start(home: &Home, mut command: Command) -> String {
    command.stderr(Stdio::piped());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert!(!home.socket().exists(), "it listened all the same");
    said
}

/// Whatever stands in the place of the state and cannot be read: the daemon says so, ends, and leaves it as it is.
#[test]
fn an_unreadable_state_is_never_replaced_by_an_empty_one() {
    let Till { daemon, home, bank: _bank } = Till::open(Dialect::Bank, "");
    sell(&daemon.door, "sale");
    assert!(daemon.stop().success());
    let state = home.state().join("kaspid.redb");
    let whole = fs::read(&state).unwrap();
    let noise: Vec<u8> = (0_u32..200_000).map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
    let cut = |length: usize| whole[..length].to_vec();
    let mut broken = vec![("empty", Vec::new()), ("random", noise), ("text", b"hello".to_vec())];
    for length in [1, 64, 512, 4096, whole.len() / 2, whole.len() - 4096, whole.len() - 1] {
        broken.push(("truncated", cut(length)));
    }
    for (name, bytes) in broken {
        fs::write(&state, &bytes).unwrap();
        let said = must_not_start(&home, home.command());
        assert!(said.contains("kaspid.redb"), "{name} ({} bytes): {said}", bytes.len());
        assert!(fs::read(&state).unwrap() == bytes, "{name} ({} bytes): the file was changed", bytes.len());
    }
    fs::write(&state, &whole).unwrap();
    layout(&state, 6);
    let before = fs::read(&state).unwrap();
    let said = must_not_start(&home, home.command());
    assert!(said.contains("newer kaspid (layout 6; this one reads up to 5)"), "{said}");
    assert!(said.contains("install that version again"), "{said}");
    assert_eq!(fs::read(&state).unwrap().len(), before.len());
    fs::write(&state, &whole).unwrap();
    assert!(Daemon::start(&home).stop().success());

    fs::remove_file(&state).unwrap();
    fs::create_dir(&state).unwrap();
    let said = must_not_start(&home, home.command());
    assert!(said.contains("kaspid.redb"), "{said}");
    assert!(state.is_dir());
}

fn layout(state: &Path, number: u8) {
    let database = Database::open(state).unwrap();
    let tx = database.begin_write().unwrap();
    tx.open_table(META).unwrap().insert("layout", [number].as_slice()).unwrap();
    tx.commit().unwrap();
}

/// A state that belongs to somebody else: permission is no reason for an empty one either.
#[test]
fn a_state_that_may_not_be_read_is_not_replaced() {
    if !nix::unistd::getuid().is_root() {
        eprintln!("SKIPPED: needs root to start the daemon as another user");
        return;
    }
    let bank = ScriptedBank::start();
    behave(&bank, Dialect::Bank);
    let home = Home::new(&bank, "");
    Daemon::start(&home).kill();
    let before = files(&home);
    // The other user may do everything but read this one file.
    let nobody = 65534;
    for path in [home.path().to_owned(), home.state()] {
        std::os::unix::fs::chown(&path, Some(nobody), Some(nobody)).unwrap();
    }
    fs::remove_file(home.socket()).unwrap();
    let program = home.path().join("kaspid");
    fs::copy(env!("CARGO_BIN_EXE_kaspid"), &program).unwrap();
    let readable = home.path().join("readable");
    fs::create_dir(&readable).unwrap();
    let mut config = fs::read_to_string(home.config()).unwrap();
    for (name, file) in [("ca", &bank.ca_file), ("cert", &bank.certificate_file), ("key", &bank.key_file)] {
        let copy = readable.join(name);
        fs::copy(file, &copy).unwrap();
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
        config = config.replace(file.to_str().unwrap(), copy.to_str().unwrap());
    }
    File::create(home.config()).unwrap().write_all(config.as_bytes()).unwrap();
    let mut command = Command::new(&program);
    std::os::unix::process::CommandExt::uid(&mut command, nobody);
    std::os::unix::process::CommandExt::gid(&mut command, nobody);
    command.arg("--config").arg(home.config()).stdin(Stdio::null()).stdout(Stdio::null());
    let said = must_not_start(&home, command);
    assert!(said.contains("kaspid.redb") && said.contains("ermission"), "{said}");
    assert!(files(&home) == before);
}
