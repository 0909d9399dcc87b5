//! A state that should be there and is not (data-file §10): no empty shop is begun in its place, and a link in its place is
//! followed wherever the file is read, locked or replaced.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;

use crate::support::behaviour::{Till, behave};
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::scripted_bank::{BIN, ScriptedBank};

const NAME: &str = "kaspid.redb";

/// A state of layout 1, as an earlier build left it.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/state-layout-1.redb");

struct Shop {
    home: Home,
    _bank: ScriptedBank,
}

impl Shop {
    fn new() -> Self {
        let bank = ScriptedBank::start();
        behave(&bank, Dialect::Bank);
        let shop = Self { home: Home::new(&bank, ""), _bank: bank };
        fs::create_dir(shop.home.state()).unwrap();
        shop
    }

    fn state(&self) -> PathBuf {
        self.home.state().join(NAME)
    }

    /// What it says when it does not start.
    #[track_caller]
    fn stops(&self) -> String {
        let before = self.home.stderr().len();
        let status = self.home.command().status().unwrap();
        assert!(!status.success(), "it started");
        self.home.stderr()[before..].to_owned()
    }

    /// Runs, with something new in its log, and stops; how many events there are then.
    #[track_caller]
    fn runs(&self) -> u64 {
        let daemon = Daemon::start(&self.home);
        if daemon.door.get(&format!("/v1/configs/{BIN}")).status == 404 {
            daemon.door.enrol(BIN);
        }
        let now = json!({"description": format!("{:?}", std::time::Instant::now())}).to_string();
        daemon.door.send("PATCH", &format!("/v1/configs/{BIN}"), &[], Some(&now)).expect(200);
        let events = daemon.door.get("/v1/log/verify").expect(200)["events"].as_u64().unwrap();
        assert!(daemon.stop().success());
        events
    }

    fn kaspictl(&self, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
        command.arg("--socket").arg(self.home.socket()).args(args).output().unwrap()
    }

    fn restore(&self, file: &Path) -> Output {
        self.kaspictl(&["restore", file.to_str().unwrap(), "--config", self.home.config().to_str().unwrap()])
    }

    /// A backup, made while it runs.
    fn backup(&self) -> PathBuf {
        let (daemon, file) = (Daemon::start(&self.home), self.home.path().join("kept.backup"));
        assert!(self.kaspictl(&["backup", file.to_str().unwrap()]).status.success());
        assert!(daemon.stop().success());
        file
    }
}

/// The disk is not mounted: the link stays, no file is made on either side, and a restore does not replace the link.
#[test]
fn a_link_to_nothing_begins_no_shop() {
    let shop = Shop::new();
    let disk = shop.home.path().join("disk");
    symlink(disk.join(NAME), shop.state()).unwrap();
    let said = shop.stops();
    assert!(said.contains("is a link to") && said.contains("mount it") && said.contains("kaspictl restore"), "{said}");
    let other = Shop::new();
    other.runs();
    let output = shop.restore(&other.backup());
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("mount it"), "{output:?}");
    assert!(shop.state().is_symlink() && !disk.exists() && fs::read_dir(shop.home.state()).unwrap().count() == 1);
    // Mounted: it goes on.
    fs::create_dir(&disk).unwrap();
    fs::copy(other.state(), disk.join(NAME)).unwrap();
    assert!(shop.runs() > 2 && shop.state().is_symlink());
}

/// Only what a state leaves behind stops a start, each of it does, and the words end the trouble both ways.
#[test]
fn a_missing_state_beside_its_traces_begins_no_shop() {
    for trace in
        ["backups", "kaspid.redb.layout-1-2026-11-24T180000.000Z", "kaspid.redb.replaced-2026-11-24T180000.000Z"]
    {
        let shop = Shop::new();
        let path = shop.home.state().join(trace);
        match trace {
            "backups" => fs::create_dir(&path).unwrap(),
            _ => fs::write(&path, "").unwrap(),
        }
        let said = shop.stops();
        assert!(said.contains(trace) && said.contains("is missing") && said.contains("begin anew"), "{said}");
        assert!(!shop.state().exists());
        // Really anew.
        fs::rename(&path, shop.home.path().join("elsewhere")).unwrap();
        shop.runs();
    }
    // What a first start that was killed leaves, and files of others, are no trace.
    let shop = Shop::new();
    fs::write(shop.home.state().join("kaspid.redb.new"), "half").unwrap();
    fs::create_dir(shop.home.state().join("identity")).unwrap();
    shop.runs();
}

/// The newest backup is named, and putting it back is enough.
#[test]
fn the_words_about_a_missing_state_can_be_typed() {
    let shop = Shop::new();
    let events = shop.runs();
    let kept = shop.backup();
    let backups = shop.home.state().join("backups");
    fs::create_dir_all(&backups).unwrap();
    fs::rename(kept, backups.join("kaspid-2026-11-24.backup")).unwrap();
    fs::remove_file(shop.state()).unwrap();
    let said = shop.stops();
    let named = backups.join("kaspid-2026-11-24.backup");
    // As it can be typed, for this daemon.
    let typed = format!("kaspictl restore {} --config {}", named.display(), shop.home.config().display());
    assert!(said.contains(&typed), "{said}");
    let output = shop.restore(&named);
    assert!(output.status.success(), "{output:?}");
    let daemon = Daemon::start(&shop.home);
    assert!(daemon.door.get("/v1/log/verify").expect(200)["events"].as_u64().unwrap() > events);
}

/// A link to a file: locked, backed up, restored and migrated there; the link stays a link, and the daily backups stay in
/// the state directory.
#[test]
fn a_link_to_a_state_is_followed() {
    let shop = Shop::new();
    let disk = shop.home.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let real = disk.join(NAME);
    fs::copy(KEPT, &real).unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&real, shop.state()).unwrap();
    let names = |dir: &Path| {
        let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<Vec<_>>()
    };
    let events = shop.runs();
    assert!(shop.state().is_symlink() && real.is_file(), "the link was replaced");
    assert!(names(&disk).iter().any(|name| name.starts_with("kaspid.redb.layout-1-")), "{:?}", names(&disk));
    assert_eq!(names(&shop.home.state()).iter().filter(|name| name.starts_with(NAME)).count(), 1);

    let daemon = Daemon::start(&shop.home);
    let said = shop.stops();
    assert!(said.contains("is in use"), "{said}");
    let refused = shop.restore(Path::new("/nowhere"));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the daemon runs on"), "{refused:?}");
    assert!(daemon.stop().success());

    let kept = shop.backup();
    assert!(shop.runs() > events);
    let output = shop.restore(&kept);
    assert!(output.status.success(), "{output:?}");
    assert!(shop.state().is_symlink(), "the link was replaced");
    let mode = fs::metadata(&real).unwrap().permissions().mode();
    assert_eq!((mode & 0o777, names(&disk).iter().any(|name| name.contains("replaced-"))), (0o600, true));
    assert!(Daemon::start(&shop.home).door.get("/v1/log/verify").expect(200)["ok"] == true);
}

type Make = fn(&Path);

/// What is no file is not opened, which would wait for ever for a pipe, and not replaced: it is named, and a restore says
/// the same.
#[test]
fn what_is_no_file_is_named() {
    let shop = Shop::new();
    let no_backup = shop.home.path().join("no.backup");
    let make: [(&str, Make); 3] = [
        ("is a folder, and", |path| fs::create_dir(path).unwrap()),
        ("is a pipe, and", |path| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRUSR).unwrap()),
        ("links lead in a circle", |path| symlink(NAME, path).unwrap()),
    ];
    for (words, make) in make {
        make(&shop.state());
        let kind = || fs::symlink_metadata(shop.state()).unwrap().file_type();
        let before = kind();
        let said = shop.stops();
        let restored = shop.restore(&no_backup);
        let told = String::from_utf8_lossy(&restored.stderr);
        assert!(said.contains(words) && said.contains("put a backup back"), "{said}");
        assert!(!restored.status.success() && told.contains(words), "{told}");
        assert_eq!(kind(), before);
        fs::rename(shop.state(), shop.home.path().join(format!("moved {words}"))).unwrap();
    }
    // Out of the way, it begins.
    shop.runs();
}

/// The whole state directory is on a disk that is not mounted: no folder is made, on neither side, and no restore begins.
#[test]
fn a_state_directory_that_is_a_link_to_nothing_is_named() {
    let shop = Shop::new();
    let disk = shop.home.path().join("disk");
    fs::remove_dir(shop.home.state()).unwrap();
    symlink(&disk, shop.home.state()).unwrap();
    let said = shop.stops();
    let restored = shop.restore(Path::new("/nowhere"));
    for said in [said.as_str(), &String::from_utf8_lossy(&restored.stderr)] {
        assert!(said.contains("is a link to") && said.contains("mount it") && said.contains("--config"), "{said}");
    }
    assert!(shop.home.state().is_symlink() && !disk.exists());
    fs::create_dir(&disk).unwrap();
    shop.runs();
}

/// A disk that can only be read, as a failing one is mounted: that is said, and not that a backup should replace the state.
#[test]
fn a_disk_that_can_only_be_read_is_named() {
    let can = Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success());
    if !can {
        return eprintln!("SKIPPED: needs unshare, and mounts of its own");
    }
    let shop = Shop::new();
    let apart = |program: &Command| {
        let mut apart = Command::new("unshare");
        let script = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\" && exec \"$@\"";
        apart.args(["--mount", "sh", "-c", script]).arg(shop.home.state());
        apart.arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            apart.env(name, value.unwrap_or_default());
        }
        apart
    };
    let mut words = Vec::new();
    for _ in ["no state yet", "a state"] {
        let output = apart(&shop.home.command()).output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        words.push(String::from_utf8_lossy(&output.stderr).into_owned());
        shop.runs();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    command.arg("restore").arg(shop.backup()).arg("--config").arg(shop.home.config());
    let output = apart(&command).output().unwrap();
    words.push(String::from_utf8_lossy(&output.stderr).into_owned());
    for said in words {
        assert!(said.contains("mount it for writing") && !said.contains("in its place"), "{said}");
    }
}

/// Promise: a state that loses its name under the running daemon is noticed at once: nothing new is begun that the next start
/// would not know of, the bank is asked nothing, a person is told what to do, and that saves everything there was.
#[test]
fn a_state_that_is_removed_under_the_daemon_begins_nothing() {
    let invoice = json!({"kind": "remote", "amount_tiyn": 7700, "phone_number": "77015211545"});
    for replaced in [false, true] {
        let till = Till::open(Dialect::Bank, "");
        let before = till.daemon.door.post("/v1/payments", &invoice).expect(201);
        let state = till.home.state().join(NAME);
        fs::rename(&state, till.home.path().join("lost")).unwrap();
        if replaced {
            fs::write(&state, "something else").unwrap();
        }
        let asked = till.bank.seen().len();
        let problem = till.daemon.door.post("/v1/payments", &invoice).problem("storage_failed");
        assert_eq!((&problem["money"], till.bank.seen().len()), (&json!("not_moved"), asked), "{problem}");
        assert!(problem["remedy"].as_str().unwrap().contains("kaspictl backup FILE"), "{problem}");
        let doctor = till.daemon.door.get("/v1/doctor").expect(200).to_string();
        assert!(doctor.contains("was removed or replaced"), "{doctor}");
        let health = till.daemon.door.get("/v1/health").expect(200);
        assert!(health["problems"].to_string().contains("state_displaced"), "{health}");
        // What the words say works: saved, and put back.
        let saved = till.home.path().join("saved.backup");
        let kaspictl = |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_kaspictl")).args(args).output().unwrap();
        let socket = till.daemon.socket().to_str().unwrap().to_owned();
        let output = kaspictl(&["--socket", &socket, "backup", saved.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
        let Till { daemon, home, bank: _bank } = till;
        daemon.stop();
        let config = home.config();
        let output = kaspictl(&["restore", saved.to_str().unwrap(), "--config", config.to_str().unwrap()]);
        assert!(output.status.success(), "{output:?}");
        let daemon = Daemon::start(&home);
        daemon.door.get(&format!("/v1/payments/{}", before["id"].as_str().unwrap())).expect(200);
    }
}

/// Promise: what the bank answers while the state has lost its name is kept for whoever saves it: the invoice that was under way
/// has its number after the restore, and its key bills nobody again.
#[test]
fn an_answer_that_comes_when_the_state_is_gone_is_kept() {
    const CREATE: &str = "/r3/v01/remote/create";
    let invoice = json!({"kind": "remote", "amount_tiyn": 7700, "phone_number": "77015211545"});
    let till = Till::open(Dialect::Bank, "");
    till.bank.hold_at(CREATE);
    let answered = std::thread::scope(|scope| {
        let sale = scope.spawn(|| till.daemon.door.post_with_key("one-sale", "/v1/payments", &invoice));
        till.bank.wait_for("POST", CREATE, 1);
        fs::rename(till.home.state().join(NAME), till.home.path().join("lost")).unwrap();
        till.bank.release();
        sale.join().unwrap().expect(201)
    });
    let saved = till.home.path().join("saved.backup");
    let kaspictl = |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_kaspictl")).args(args).output().unwrap();
    let socket = till.daemon.socket().to_str().unwrap().to_owned();
    let output = kaspictl(&["--socket", &socket, "backup", saved.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let Till { daemon, home, bank } = till;
    daemon.stop();
    let output = kaspictl(&["restore", saved.to_str().unwrap(), "--config", home.config().to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let daemon = Daemon::start(&home);
    let found = daemon.door.get(&format!("/v1/payments/{}", answered["id"].as_str().unwrap())).expect(200);
    assert!(found["qr_payment_id"].is_string(), "{found}");
    assert_eq!(found["qr_payment_id"], answered["qr_payment_id"]);
    daemon.door.send("POST", "/v1/restore/acknowledge", &[], None).expect(200);
    let again = daemon.door.post_with_key("one-sale", "/v1/payments", &invoice);
    assert_eq!((again.json()["id"].clone(), bank.seen_at("POST", CREATE, "").len()), (answered["id"].clone(), 1));
}
