//! A power cut at any step of making, installing, importing or rotating leaves the old identity or the new one, whole.

use super::{BIN, Shop, sells, subject};
use crate::support::daemon::Daemon;

/// The steps of an exchange, and whether the new identity is in use behind a cut at it.
const STEPS: [(&str, bool); 8] = [
    ("identity.staged", false),
    ("identity.looked", false),
    ("vault.written", false),
    ("vault.renamed", true),
    ("identity.kept", true),
    ("identity.switched", true),
    ("writer.commit", true),
    ("identity.told", true),
];

/// Starts a daemon that dies at this point.
fn doomed(shop: &Shop, point: &str) -> Daemon {
    let mut command = shop.home.command();
    command.env("KASPID_FAIL_POINT", point);
    let daemon = Daemon::spawn(&shop.home, command);
    assert!(daemon.until("READY=1").is_some(), "{}", shop.home.stderr());
    daemon
}

#[track_caller]
fn dies(shop: &Shop, mut daemon: Daemon, arguments: &str, point: &str) {
    let words: Vec<&str> = arguments.split(' ').collect();
    let done = shop.ctl_with(&words, "");
    assert!(!done.status.success(), "{point}: {arguments} was answered");
    assert!(daemon.was_killed(), "{point} was not come by");
}

#[test]
fn a_cut_import_or_rotation_leaves_one_whole_identity() {
    for command in ["import", "rotate"] {
        let shop = Shop::new("");
        shop.make("old", "ec");
        shop.make("new", "ec");
        let daemon = Daemon::start(&shop.home);
        shop.ctl("identity import --key old.key --cert old.crt", 0);
        daemon.door.enrol(BIN);
        assert!(daemon.stop().success());
        for (point, is_new) in STEPS {
            dies(&shop, doomed(&shop, point), &format!("identity {command} --key new.key --cert new.crt"), point);
            let daemon = Daemon::start(&shop.home);
            let wanted = if is_new { "CN=new" } else { "CN=old" };
            assert!(subject(&daemon).contains(wanted), "{command} {point}: {}", subject(&daemon));
            sells(&daemon);
            let folder = std::fs::read_dir(shop.home.state().join("identity")).unwrap();
            assert_eq!(folder.count(), 1, "{point}: nothing half written is left");
            shop.ctl("identity rotate --key old.key --cert old.crt", 0);
            assert!(daemon.stop().success());
        }
    }
}

/// The first one: none or the new one.
#[test]
fn a_cut_first_import_can_be_repeated() {
    for (point, is_new) in STEPS {
        let shop = Shop::new("");
        shop.make("new", "ec");
        dies(&shop, doomed(&shop, point), "identity import --key new.key --cert new.crt", point);
        let daemon = Daemon::start(&shop.home);
        let status = daemon.door.get("/v1/identity").status;
        assert_eq!(status, if is_new { 200 } else { 503 }, "{point}");
        shop.ctl("identity import --key new.key --cert new.crt", 0);
        daemon.door.enrol(BIN);
        sells(&daemon);
    }
}

/// A key that was cut off while it was made is made again; one that waits is not lost by a cut install.
#[test]
fn a_cut_generate_or_install_leaves_the_key_that_waits() {
    for (point, is_made) in
        [("generate.made", false), ("vault.written", false), ("vault.renamed", true), ("generate.kept", true)]
    {
        let shop = Shop::new("");
        dies(&shop, doomed(&shop, point), "identity generate --subject CN=shop.kz --key-type p256", point);
        let daemon = Daemon::start(&shop.home);
        shop.ctl("identity generate", if is_made { 0 } else { 1 });
        let more = if is_made { " --replace" } else { "" };
        shop.ctl(&format!("identity generate --subject CN=shop.kz --key-type p256{more}"), 0);
        drop(daemon);
    }
    for (point, is_new) in STEPS {
        let shop = Shop::new("");
        let daemon = Daemon::start(&shop.home);
        let made = shop.ctl_with(&["identity", "generate", "--subject", "CN=shop.kz", "--key-type", "p256"], "");
        std::fs::write(shop.file("shop.crt"), shop.sign(&String::from_utf8_lossy(&made.stdout))).unwrap();
        assert!(daemon.stop().success());
        dies(&shop, doomed(&shop, point), "identity install shop.crt", point);
        let daemon = Daemon::start(&shop.home);
        match is_new {
            true => {
                assert!(subject(&daemon).contains("CN=shop.kz"), "{point}");
                let said = shop.ctl("identity install shop.crt", 1);
                assert!(said.contains("in use already"), "{point}: a key that was answered waits no more: {said}");
            }
            false => drop(shop.ctl("identity install shop.crt", 0)),
        }
        daemon.door.enrol(BIN);
        sells(&daemon);
    }
}
