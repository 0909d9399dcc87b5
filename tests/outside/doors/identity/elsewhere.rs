//! Files that the configuration names, and systemd credentials, are used as they are and exchanged by whoever put them
//! there.

use super::{BIN, Shop, check, sells, subject};
use crate::support::daemon::Daemon;

/// The words of the command that is refused because the key is elsewhere.
#[track_caller]
fn refused(shop: &Shop, said: &str) {
    for command in [
        "generate --subject CN=shop.kz",
        "install one.crt",
        "import --key one.key --cert one.crt",
        "rotate --key one.key --cert one.crt",
    ] {
        let found = shop.ctl(&format!("identity {command}"), 1);
        assert!(found.contains(said), "{command}: {found}");
    }
}

#[test]
fn a_credential_is_the_identity_and_is_systemds_to_exchange() {
    let shop = Shop::new("");
    shop.make("one", "rsa");
    let credentials = shop.file("credentials");
    std::fs::create_dir(&credentials).unwrap();
    shop.openssl("pkcs8 -topk8 -in one.key -v2 aes256 -passout file:pass.txt -out credentials/kaspid.key");
    for (from, to) in [("one.crt", "kaspid.crt"), ("pass.txt", "kaspid.pass")] {
        std::fs::copy(shop.file(from), credentials.join(to)).unwrap();
    }
    let mut command = shop.home.command();
    command.env("CREDENTIALS_DIRECTORY", &credentials);
    let daemon = Daemon::spawn(&shop.home, command);
    assert!(daemon.until("READY=1").is_some(), "{}", shop.home.stderr());
    assert!(subject(&daemon).contains("CN=one"));
    daemon.door.enrol(BIN);
    sells(&daemon);
    refused(&shop, "the key is the systemd credential kaspid.key");
    assert!(!shop.home.state().join("identity").exists());
}

/// Promise: credentials that make no key are told, with what is missing: a certificate without its key, and a key whose
/// passphrase did not come along.
#[test]
fn credentials_that_make_no_key_are_told() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    let credentials = shop.file("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::copy(shop.file("one.crt"), credentials.join("kaspid.crt")).unwrap();
    let start = || {
        let mut command = shop.home.command();
        command.env("CREDENTIALS_DIRECTORY", &credentials);
        command
    };
    let daemon = Daemon::spawn(&shop.home, start());
    assert!(daemon.until("READY=1").is_some(), "{}", shop.home.stderr());
    let journal = shop.home.stderr();
    assert!(
        journal.contains("kaspid.crt nothing is used") && journal.contains("no credential kaspid.key"),
        "{journal}"
    );
    let found = check(&daemon.door.get("/v1/doctor").expect(200), "identity");
    assert!(found["status"] == "warning" && found["found"].as_str().unwrap().contains("kaspid.crt"), "{found}");
    assert!(daemon.stop().success());

    // Named in [identity], a credential is used and is no mistake.
    let path = |name: &str| shop.file(name).display().to_string();
    shop.home.change(&format!(
        "[identity]\nkey_file = \"{}\"\ncertificate_file = \"{}\"",
        path("one.key"),
        path("credentials/kaspid.crt")
    ));
    let daemon = Daemon::spawn(&shop.home, start());
    assert!(daemon.until("READY=1").is_some(), "{}", shop.home.stderr());
    assert!(subject(&daemon).contains("CN=one"));
    assert!(!daemon.door.get("/v1/doctor").text().contains("nothing is used"));
    assert!(daemon.stop().success());
    shop.home.remove("identity");

    shop.openssl("pkcs8 -topk8 -in one.key -v2 aes256 -passout file:pass.txt -out credentials/kaspid.key");
    assert_eq!(start().status().unwrap().code(), Some(1));
    let said = shop.home.stderr();
    assert!(said.contains("kaspid.key is protected by a passphrase") && said.contains("kaspid.pass"), "{said}");
    assert!(!said.contains("--passphrase-file"), "{said}");
}

#[test]
fn named_files_are_exchanged_by_a_reload_that_is_as_careful() {
    let shop = Shop::new("");
    for name in ["one", "two"] {
        shop.make(name, "ec");
    }
    let put = |name: &str| {
        for ending in ["key", "crt"] {
            std::fs::copy(shop.file(&format!("{name}.{ending}")), shop.file(&format!("in-use.{ending}"))).unwrap();
        }
    };
    put("one");
    let path = |name: &str| shop.file(name).display().to_string();
    let section =
        format!("[identity]\nkey_file = \"{}\"\ncertificate_file = \"{}\"", path("in-use.key"), path("in-use.crt"));
    shop.home.change(&section);
    let daemon = Daemon::start(&shop.home);
    daemon.door.enrol(BIN);
    refused(&shop, "the file ");
    refused(&shop, "kaspictl reload");

    put("two");
    let said = shop.ctl("reload", 0);
    assert!(said.contains("identity") && subject(&daemon).contains("CN=two"), "{said}");
    // A stranger's: the bank says no, and the old ones stay in use.
    std::fs::copy(shop.bank.file("stranger.key"), shop.file("in-use.key")).unwrap();
    std::fs::copy(shop.bank.file("stranger.cer"), shop.file("in-use.crt")).unwrap();
    let said = shop.ctl("reload", 7);
    assert!(said.contains("the old key and certificate too"), "{said}");
    std::fs::copy(shop.bank.file("expired.key"), shop.file("in-use.key")).unwrap();
    std::fs::copy(shop.bank.file("expired.cer"), shop.file("in-use.crt")).unwrap();
    let said = shop.ctl("reload", 1);
    assert!(said.contains("ended on"), "{said}");
    assert!(subject(&daemon).contains("CN=two"));
    sells(&daemon);

    // From files into the daemon's own keeping, and no sale fails in between.
    put("two");
    shop.home.remove("identity");
    shop.ctl("reload", 0);
    sells(&daemon);
    shop.ctl("identity import --key two.key --cert two.crt --remove-source", 0);
    assert!(!shop.file("two.key").exists() && shop.file("two.crt").exists());
    sells(&daemon);
    assert!(daemon.stop().success());
    let again = Daemon::start(&shop.home);
    sells(&again);
}
