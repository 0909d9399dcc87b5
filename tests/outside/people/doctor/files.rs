//! What is wrong on this machine.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::{Till, ask, doctor};
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::sandbox::Sandbox;

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// The file on the disk is broken under a daemon that works on with the old one.
#[test]
fn a_running_daemon_tells_what_is_wrong_with_its_files() {
    let till = Till::open(Dialect::Bank, "");
    let good = std::fs::read_to_string(till.home.config()).unwrap();
    std::fs::write(till.home.config(), format!("{good}\n[paymints]\n")).unwrap();
    let said = till.doctor();
    said.blames("config", "did you mean `payments`", "kaspid check --config ");
    said.skips(&["access", "identity", "permissions"]);
    std::fs::write(till.home.config(), good).unwrap();

    till.home.change("[access]\nrefund = [\"@no-such-group\"]");
    let said = till.doctor();
    // A rule for a group that is not there does nothing: worth a word, no fault.
    assert_eq!((said.failed(), said.with("warning").contains(&"access")), (vec![], true), "{:#?}", said.checks);
    let access = said.check("access");
    assert!(access["found"].as_str().unwrap().contains("refund names the group no-such-group"), "{access}");
    assert_eq!(access["command"], "groupadd --system no-such-group");
    till.home.change("[access]\nrefund = [\"root\"]");
    assert_eq!(till.daemon.door.post("/v1/reload", &json!({})).status, 200);

    // Waits for a reload: nothing is broken.
    till.home.change("[payments]\nlink_life = \"7m\"");
    let said = till.doctor();
    assert_eq!((said.failed(), said.check("in_force")["command"].as_str()), (vec![], Some("kaspictl reload")));
    till.daemon.door.post("/v1/reload", &json!({}));

    // Waits for a restart, however often it is reloaded, until the file is as it was.
    let before = std::fs::read_to_string(till.home.config()).unwrap();
    till.home.change("[daemon]\nstate_dir = \"elsewhere\"");
    for _ in 0..2 {
        let reloaded = till.daemon.door.post("/v1/reload", &json!({})).expect(200);
        assert_eq!(reloaded, json!({"changed": [], "restart_needed": ["daemon.state_dir"]}));
    }
    let said = till.doctor();
    assert_eq!((said.failed(), said.with("warning")), (vec![], vec!["in_force"]), "{:#?}", said.checks);
    assert_eq!(said.check("in_force")["command"], "systemctl restart kaspid.service");
    std::fs::write(till.home.config(), before).unwrap();
    let reloaded = till.daemon.door.post("/v1/reload", &json!({})).expect(200);
    assert_eq!(reloaded, json!({"changed": [], "restart_needed": []}));

    mode(&till.bank.place.key_file, 0o644);
    till.doctor().blames("permissions", "has mode 644", "chmod 600 ");
    mode(&till.bank.place.key_file, 0o600);
    mode(&till.home.state(), 0o755);
    till.doctor().blames("permissions", "has mode 755", "chmod 700 ");
    mode(&till.home.state(), 0o700);
    till.doctor().is_in_order();
}

/// A daemon that cannot start: the reason has failed, and not its consequences.
#[test]
fn what_keeps_the_daemon_from_starting_is_the_cause() {
    let bank = Sandbox::start(Dialect::Bank);
    let home = Home::new(&bank, "");
    let said = doctor(&home.socket(), &home.config());
    said.blames("socket", "is not there", "kaspid --config ");
    said.skips(&["daemon", "bank"]);

    let good = std::fs::read_to_string(home.config()).unwrap();
    std::fs::write(home.config(), good.replace("[daemon]", "[daemon]\nsockett = \"x\"")).unwrap();
    let said = doctor(&home.socket(), &home.config());
    said.blames("config", "did you mean `socket`", "kaspid check --config ");
    said.skips(&["socket", "daemon", "bank"]);

    let other = rcgen::KeyPair::generate().unwrap();
    let key = home.path().join("other.key");
    std::fs::write(&key, other.serialize_pem()).unwrap();
    mode(&key, 0o600);
    std::fs::write(home.config(), good).unwrap();
    home.change(&format!("[identity]\nkey_file = \"{}\"", key.display()));
    let said = doctor(&home.socket(), &home.config());
    said.blames("identity", "does not belong to any certificate", "kaspid check --config ");
    said.skips(&["socket", "daemon", "bank"]);
}

/// The socket of a daemon that is gone.
#[test]
fn a_socket_with_nobody_behind_it_is_a_dead_daemon() {
    let till = Till::open(Dialect::Bank, "");
    let Till { daemon, home, bank: _bank } = till;
    daemon.kill();
    let said = doctor(&home.socket(), &home.config());
    said.blames("daemon", "nobody answers at the socket", "kaspid --config ");
    assert_eq!(said.check("socket")["status"], "ok");
    assert_eq!(said.check("config")["status"], "ok");
}

/// Another user is told how he is let in, at the socket and by the rules.
#[test]
fn a_user_who_may_not_is_told_how_he_may() {
    let kaspictl = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_kaspictl")]);
        command
    };
    if !nix::unistd::getuid().is_root() || !kaspictl().arg("--version").output().is_ok_and(|it| it.status.success()) {
        eprintln!("SKIPPED: needs root and setpriv to ask as another user");
        return;
    }
    let till = Till::open(Dialect::Bank, "");
    mode(till.home.path(), 0o755);
    mode(&till.home.socket(), 0o660);
    let said = ask(kaspictl(), &till.home.socket(), &till.home.config());
    said.blames("user", "may not connect to", "usermod -aG ");
    said.skips(&["daemon", "bank", "identity"]);

    mode(&till.home.socket(), 0o666);
    let said = ask(kaspictl(), &till.home.socket(), &till.home.config());
    said.blames("user", "has no right to observe", "kaspictl reload");
    assert_eq!(said.check("daemon")["status"], "ok");
    assert_eq!(said.check("socket")["status"], "warning");
}

/// Zone data from before 2024-03-01, when Almaty was UTC+6.
#[test]
fn stale_zone_data_is_seen() {
    let zone = Path::new("/usr/share/zoneinfo/Asia/Omsk");
    if !zone.exists() {
        eprintln!("SKIPPED: no zone data to make an old one of");
        return;
    }
    let bank = Sandbox::start(Dialect::Bank);
    let home = Home::new(&bank, "");
    let old = home.path().join("zoneinfo/Asia");
    std::fs::create_dir_all(&old).unwrap();
    std::fs::copy(zone, old.join("Almaty")).unwrap();
    let mut command = home.command();
    command.env("TZDIR", home.path().join("zoneinfo"));
    let daemon = Daemon::spawn(&home, command);
    daemon.until("READY=1").unwrap_or_else(|| panic!("{}", home.stderr()));
    let said = doctor(&home.socket(), &home.config());
    let check = said.check("time_zone");
    assert_eq!((said.failed(), check["status"].as_str()), (vec![], Some("warning")), "{check}");
    assert!(check["command"].as_str().unwrap().contains("tzdata"), "{check}");
}

/// A disk on which nothing works for long.
#[test]
fn a_disk_that_is_nearly_full_is_seen() {
    let files = tempfile::tempdir().unwrap();
    let Some(state) = crate::never_lose::full_disk::Tmpfs::mount(&files.path().join("state"), "8m") else { return };
    let bank = Sandbox::start(Dialect::Bank);
    let home = Home::new(&bank, &format!("[daemon]\nstate_dir = \"{}\"", state.0.display()));
    // A shop with a backup of today; another one would not fit.
    assert!(Daemon::start(&home).stop().success());
    let backup = Till::todays_backup(&state.0);
    std::fs::create_dir_all(backup.parent().unwrap()).unwrap();
    std::fs::write(backup, "").unwrap();
    let _daemon = Daemon::start(&home);
    doctor(&home.socket(), &home.config()).blames("disk", "MB free", "df -h ");
}

/// A key that root can read and the daemon's user cannot: the daemon cannot start, and that is why.
#[test]
fn a_key_of_another_owner_keeps_the_daemon_from_starting() {
    if !nix::unistd::getuid().is_root() {
        eprintln!("SKIPPED: needs root to give files away");
        return;
    }
    let bank = Sandbox::start(Dialect::Bank);
    let home = Home::new(&bank, "");
    std::fs::create_dir(home.state()).unwrap();
    mode(&home.state(), 0o700);
    std::os::unix::fs::chown(home.state(), Some(65534), None).unwrap();
    let said = doctor(&home.socket(), &home.config());
    said.blames("owner", "is not the file of the daemon's user", "chown ");
    said.skips(&["socket", "daemon", "bank"]);
}
