//! `--remove-source` removes the file that the key was read from, or nothing.

use std::fs;
use std::os::unix::fs::symlink;

use super::{BIN, Shop, sells, subject};
use crate::support::daemon::Daemon;

/// Promise: the daemon's own file, named as the source, is exchanged and stays, for it is another file by then.
#[test]
fn the_daemons_only_key_is_never_removed() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    let daemon = Daemon::start(&shop.home);
    shop.ctl("identity import --key one.key --cert one.crt", 0);
    daemon.door.enrol(BIN);
    let kept = shop.home.state().join("identity/identity.pem");
    for command in ["import", "rotate"] {
        let said = shop.ctl(&format!("identity {command} --key {} --cert one.crt --remove-source", kept.display()), 0);
        assert!(said.contains("was left") && !said.contains("removed"), "{said}");
        assert!(kept.exists());
    }
    assert!(daemon.stop().success());
    let again = Daemon::start(&shop.home);
    assert!(subject(&again).contains("CN=one"));
    sells(&again);
}

/// Promise: what cannot be removed so that the key is gone is refused before anything is sent, and stays.
#[test]
fn a_link_or_a_pipe_is_refused_before_anything_is_sent() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    let daemon = Daemon::start(&shop.home);
    symlink("one.key", shop.file("link.key")).unwrap();
    // As /dev/stdin is.
    symlink("/proc/self/fd/0", shop.file("stdin")).unwrap();
    for (name, said) in [("link.key", "is a link to one.key"), ("stdin", "is a link to /proc/self/fd/0")] {
        let found = shop.ctl(&format!("identity import --key {name} --cert one.crt --remove-source"), 1);
        assert!(found.contains("nothing was sent") && found.contains(said), "{found}");
        assert!(shop.file(name).is_symlink() && shop.file("one.key").exists());
    }
    nix::unistd::mkfifo(&shop.file("pipe"), nix::sys::stat::Mode::S_IRUSR).unwrap();
    let found = shop.ctl("identity import --key pipe --cert one.crt --remove-source", 1);
    assert!(found.contains("no file that could be removed") && shop.file("pipe").exists(), "{found}");
    daemon.door.get("/v1/identity").expect(503);
    // Without the wish to remove it a link is as good as a file.
    shop.ctl("identity import --key link.key --cert one.crt", 0);
}

/// Promise: where the key still is after its file was removed is told: other names of the file, and the other file.
#[test]
fn where_the_key_still_is_is_told() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    let _daemon = Daemon::start(&shop.home);
    shop.openssl("pkcs12 -export -inkey one.key -in one.crt -passout file:pass.txt -out both.p12");
    fs::hard_link(shop.file("one.key"), shop.file("second.key")).unwrap();
    let said = shop.ctl("identity import --key one.key --cert both.p12 --passphrase-file pass.txt --remove-source", 0);
    assert!(said.contains("removed one.key") && said.contains("1 more name(s)"), "{said}");
    assert!(said.contains("both.p12 holds a private key, too"), "{said}");
    assert!(!shop.file("one.key").exists() && shop.file("second.key").exists() && shop.file("both.p12").exists());
    let said = shop.ctl("identity rotate --key second.key --cert one.crt --remove-source", 0);
    assert!(said.contains("removed second.key") && !said.contains("more name") && !said.contains("too"), "{said}");
}
