//! A rule holds for a name that is made after it was written (architecture §7), and `!` takes a right away.

use serde_json::json;

use crate::doors::rights::{as_nobody, open_to_all};

/// `!name` takes the right of its list away, whatever else the list says; the denial says how it is given back.
#[test]
fn an_exclamation_mark_takes_a_right_away() {
    let Some(till) = open_to_all("[access]\npay = [\"root\", \"65534\", \"!65534\"]\nobserve = [\"65534\"]") else {
        return;
    };
    assert_eq!(as_nobody(&till, "GET", "/v1/health", None).0, 200);
    let (status, problem) = as_nobody(&till, "GET", "/v1/payments", None);
    assert_eq!((status, &problem["code"]), (403, &json!("denied")), "{problem}");
    assert!(problem["remedy"].as_str().unwrap().contains("`pay`"), "{problem}");
}

/// A group that does not exist when the daemon starts is asked for again by whoever connects. This test makes no group on
/// the machine: the daemon is in a mount namespace of its own, with a file of groups that the test may write.
#[test]
fn a_group_that_is_made_later_narrows_whoever_connects_then() {
    use std::process::Command;

    use crate::support::behaviour::behave;
    use crate::support::daemon::{Daemon, Home};
    use crate::support::fixture::Dialect;
    use crate::support::scripted_bank::{BIN, ScriptedBank};

    let can = Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success());
    if !can || !nix::unistd::getuid().is_root() {
        return eprintln!("SKIPPED: needs root and mount namespaces");
    }
    let bank = ScriptedBank::start();
    behave(&bank, Dialect::Bank);
    let rules = "[access]\npay = [\"root\", \"65534\"]\n[[access.shop]]\nwho = \"@made-later\"\nshops = [9]";
    let home = Home::new(&bank, rules);
    let groups = home.path().join("group");
    std::fs::copy("/etc/group", &groups).unwrap();
    let program = home.command();
    let mut apart = Command::new("unshare");
    let script = format!("mount --bind '{}' /etc/group && exec \"$@\"", groups.display());
    apart.args(["--mount", "sh", "-c", &script, "sh"]).arg(program.get_program()).args(program.get_args());
    apart.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
    let daemon = Daemon::spawn(&home, apart);
    if daemon.until("READY=1").is_none() {
        return eprintln!("SKIPPED: nothing can be mounted here");
    }
    daemon.door.enrol(BIN);
    let open = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    open(home.path(), 0o755);
    open(daemon.socket(), 0o666);
    let till = crate::support::behaviour::Till { daemon, home, bank };
    assert_eq!(as_nobody(&till, "GET", &format!("/v1/configs/{BIN}"), None).0, 200);
    // Its primary group is 65534, which has the name from now on.
    let listed = std::fs::read_to_string(&groups).unwrap();
    std::fs::write(&groups, format!("made-later:x:65534:\n{listed}")).unwrap();
    let (status, problem) = as_nobody(&till, "GET", &format!("/v1/configs/{BIN}"), None);
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")), "{problem}");
}
