//! Where the kernel does not tell the daemon who asks, nobody is taken for somebody else, and `doctor` says so.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::doors::rights::as_nobody;
use crate::support::behaviour::{Till, behave};
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::scripted_bank::ScriptedBank;

/// A unit with `PrivateUsers=` puts the daemon into a user namespace that knows root and itself.
#[test]
fn a_daemon_in_a_user_namespace_says_that_it_cannot_tell_callers() {
    let can = Command::new("unshare").args(["--user", "--map-root-user", "true"]).status();
    if !nix::unistd::getuid().is_root() || !can.is_ok_and(|status| status.success()) {
        return eprintln!("SKIPPED: needs root and user namespaces");
    }
    let bank = ScriptedBank::start();
    behave(&bank, Dialect::Bank);
    let home = Home::new(&bank, "");
    let program = home.command();
    let mut apart = Command::new("unshare");
    apart.args(["--user", "--map-root-user"]).arg(program.get_program()).args(program.get_args());
    apart.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let daemon = Daemon::spawn(&home, apart);
    assert!(daemon.until("READY=1").is_some(), "it does not start");
    for (path, mode) in [(home.path(), 0o755), (daemon.socket(), 0o666)] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    let till = Till { daemon, home, bank };
    let diagnosis = till.daemon.door.get("/v1/doctor").expect(200);
    let checks = diagnosis["checks"].as_array().unwrap();
    let callers = checks.iter().find(|check| check["check"] == "callers").unwrap();
    assert_eq!(callers["status"], "failed", "{callers}");
    assert!(callers["command"].as_str().unwrap().contains("PrivateUsers"), "{callers}");
    let (status, problem) = as_nobody(&till, "GET", "/v1/health", None);
    assert_eq!((status, &problem["code"]), (403, &json!("denied")));
    assert!(problem["remedy"].as_str().unwrap().contains("PrivateUsers"), "{problem}");
}
