//! Between keys: one that waits, one that is kept nowhere, one whose disk is missing. Each is told with what to do.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::json;

use super::{BIN, Shop, check, sells, subject};
use crate::support::daemon::Daemon;

/// The request of a new key, printed.
fn request(shop: &Shop) -> String {
    let made = shop.ctl_with(&["identity", "generate", "--subject", "CN=shop.kz", "--key-type", "p256"], "");
    assert!(made.status.success(), "{made:?}");
    String::from_utf8(made.stdout).unwrap()
}

/// Promise: while a key waits, nobody is sent to make another, which would throw it away.
#[test]
fn a_key_that_waits_is_told_everywhere() {
    let shop = Shop::new("");
    let daemon = Daemon::start(&shop.home);
    let without = shop.ctl("status", 0);
    assert!(
        without.contains("generate --subject 'CN=") && without.contains("import --key FILE --cert FILE"),
        "{without}"
    );
    request(&shop);
    let health = daemon.door.get("/v1/health").expect(200).to_string();
    assert!(health.contains("identity install CERT") && !health.contains("generate --subject"), "{health}");
    let diagnosis = daemon.door.get("/v1/doctor").text();
    assert!(!diagnosis.contains("generate --subject"), "{diagnosis}");
    let sale = json!({"kind": "remote", "amount_tiyn": 10_000, "phone_number": "77015211545"});
    assert!(!daemon.door.post("/v1/payments", &sale).text().contains("generate --subject"));
}

/// Promise: a key that has its certificate waits no more, also where a crash left its file.
#[test]
fn a_key_left_waiting_by_a_crash_is_gone_after_the_start() {
    let shop = Shop::new("");
    let daemon = Daemon::start(&shop.home);
    fs::write(shop.file("shop.cer"), shop.sign(&request(&shop))).unwrap();
    let waiting = shop.home.state().join("identity/waiting.pem");
    let left = fs::read(&waiting).unwrap();
    shop.ctl("identity install shop.cer", 0);
    assert!(!waiting.exists());
    assert!(daemon.stop().success());
    fs::write(&waiting, left).unwrap();
    let again = Daemon::start(&shop.home);
    assert!(!waiting.exists() && subject(&again).contains("CN=shop.kz"));
}

/// Promise: a key that only the running daemon has is a problem, and the reload says so.
#[test]
fn a_key_that_is_kept_nowhere_is_a_problem() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    let daemon = Daemon::start(&shop.home);
    shop.ctl("identity import --key one.key --cert one.crt", 0);
    daemon.door.enrol(BIN);
    fs::remove_file(shop.home.state().join("identity/identity.pem")).unwrap();
    let said = shop.ctl("reload", 0);
    assert!(said.contains("kept nowhere") && said.contains("identity import --key FILE --cert FILE"), "{said}");
    let health = daemon.door.get("/v1/health").expect(200);
    assert_eq!(health["status"], "degraded", "{health}");
    assert!(health.to_string().contains("identity_kept_nowhere"), "{health}");
    let diagnosis = daemon.door.get("/v1/doctor").expect(200);
    let identity = check(&diagnosis, "identity");
    assert_eq!(identity["status"], "failed", "{diagnosis}");
    assert!(identity["found"].as_str().unwrap().contains("in use are kept nowhere"), "{identity}");
    assert_eq!(identity["command"], "kaspictl identity import --key FILE --cert FILE");
    assert_eq!(check(&diagnosis, "in_force")["status"], "ok", "a reload would help nobody: {diagnosis}");
    sells(&daemon);
    // Nobody may have the files: then a new key is made beside it, and installed in its place.
    let made = request(&shop);
    assert!(daemon.door.get("/v1/doctor").text().contains("identity install CERT"));
    fs::write(shop.file("new.cer"), shop.sign(&made)).unwrap();
    shop.ctl("identity install new.cer", 0);
    assert!(!daemon.door.get("/v1/health").expect(200).to_string().contains("kept_nowhere"));
    assert_eq!(check(&daemon.door.get("/v1/doctor").expect(200), "identity")["status"], "ok");
    assert!(daemon.stop().success());
    assert!(subject(&Daemon::start(&shop.home)).contains("CN=shop.kz"));
}

/// Promise: a key that the next start could not use is a problem from the moment its file is spoilt, not first at that start:
/// garbage, nothing, half of it, also where it is as long as before. What is told to type puts it right.
#[test]
fn a_key_whose_file_is_spoilt_is_a_problem() {
    let shop = Shop::new("");
    ["one", "two"].iter().for_each(|name| shop.make(name, "ec"));
    let daemon = Daemon::start(&shop.home);
    shop.ctl("identity import --key one.key --cert one.crt", 0);
    daemon.door.enrol(BIN);
    let kept = shop.home.state().join("identity/identity.pem");
    let good = fs::read(&kept).unwrap();
    let is_told = || daemon.door.get("/v1/health").expect(200).to_string().contains("identity_unusable");
    for spoilt in [b"garbage".to_vec(), Vec::new(), good[..good.len() / 2].to_vec(), vec![b'x'; good.len()]] {
        fs::write(&kept, spoilt).unwrap();
        let said = shop.ctl("status", 0);
        assert!(said.contains("identity_unusable") && said.contains("import --key FILE --cert FILE"), "{said}");
        let diagnosis = daemon.door.get("/v1/doctor").expect(200);
        let identity = check(&diagnosis, "identity");
        assert_eq!(identity["command"], "kaspictl identity import --key FILE --cert FILE", "{identity}");
        fs::write(&kept, &good).unwrap();
        assert!(!is_told(), "{}", shop.ctl("status", 0));
    }
    sells(&daemon);
    fs::write(&kept, "garbage").unwrap();
    assert!(is_told());
    shop.ctl("identity import --key two.key --cert two.crt", 0);
    assert!(!is_told() && daemon.stop().success());
    assert!(subject(&Daemon::start(&shop.home)).contains("CN=two"));
}

/// A daemon whose configuration names the key and the certificate of a pair.
fn started_with_named(shop: &Shop, pair: &str) -> Daemon {
    let path = |ending: &str| shop.file(&format!("{pair}.{ending}")).display().to_string();
    let named = format!("[identity]\nkey_file = \"{}\"\ncertificate_file = \"{}\"", path("key"), path("crt"));
    shop.home.change(&named);
    Daemon::start(&shop.home)
}

/// Promise: the same of the files that `[identity]` names, whose remedy is another.
#[test]
fn a_named_key_file_that_is_spoilt_is_a_problem() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    let daemon = started_with_named(&shop, "one");
    let problems = || daemon.door.get("/v1/health").expect(200)["problems"].to_string();
    assert!(!problems().contains("identity_unusable"), "{}", problems());
    let good = fs::read(shop.file("one.key")).unwrap();
    fs::write(shop.file("one.key"), "garbage").unwrap();
    let told = problems();
    assert!(told.contains("identity_unusable") && told.contains("Put the right files in their place"), "{told}");
    fs::write(shop.file("one.key"), good).unwrap();
    assert!(!problems().contains("identity_unusable"), "{}", problems());
}

/// Promise: a key whose files the configuration names no more is told of before the reload and behind it, each time with the
/// command that is next.
#[test]
fn a_key_whose_files_are_named_no_more_is_told_with_the_next_command() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    let daemon = started_with_named(&shop, "one");
    shop.home.remove("identity");
    let next = |command: &str| {
        let diagnosis = daemon.door.get("/v1/doctor").expect(200);
        let found = check(&diagnosis, "identity");
        assert!(found["found"].as_str().unwrap().contains("kept nowhere"), "{found}");
        assert_eq!(found["command"], command, "{found}");
    };
    next("kaspictl reload");
    assert!(shop.ctl("reload", 0).contains("kept nowhere"));
    next("kaspictl identity import --key FILE --cert FILE");
    assert!(shop.ctl("status", 0).contains("identity_kept_nowhere"));
    shop.ctl("identity import --key one.key --cert one.crt", 0);
    assert_eq!(check(&daemon.door.get("/v1/doctor").expect(200), "identity")["status"], "ok");
}

/// Promise: a link in the place of the key that the daemon keeps is never replaced without a word, which would leave the key
/// of before where it leads; the words name what makes the command work.
#[test]
fn a_link_in_the_place_of_the_key_is_refused_in_words() {
    let shop = Shop::new("");
    ["one", "two"].iter().for_each(|name| shop.make(name, "ec"));
    let daemon = Daemon::start(&shop.home);
    shop.ctl("identity import --key one.key --cert one.crt", 0);
    let kept = shop.home.state().join("identity/identity.pem");
    let elsewhere = shop.file("elsewhere.pem");
    fs::rename(&kept, &elsewhere).unwrap();
    symlink(&elsewhere, &kept).unwrap();
    let before = fs::read(&elsewhere).unwrap();
    let said = shop.ctl("identity rotate --key two.key --cert two.crt", 1);
    assert!(said.contains("is a link to") && said.contains(&format!("mv {}", elsewhere.display())), "{said}");
    assert!(subject(&daemon).contains("CN=one") && kept.is_symlink());
    assert_eq!(fs::read(&elsewhere).unwrap(), before);
    fs::rename(&elsewhere, &kept).unwrap();
    shop.ctl("identity rotate --key two.key --cert two.crt", 0);
    assert!(subject(&daemon).contains("CN=two") && !kept.is_symlink());
}

/// Promise: a key whose disk is not mounted is never taken for none.
#[test]
fn a_folder_that_is_a_link_to_nothing_ends_the_start() {
    let shop = Shop::new("");
    let daemon = Daemon::start(&shop.home);
    assert!(daemon.stop().success());
    symlink("/nonexistent/kaspid-identity", shop.home.state().join("identity")).unwrap();
    assert_eq!(shop.home.command().status().unwrap().code(), Some(1));
    let said = shop.home.stderr();
    assert!(said.contains("is a link to /nonexistent/kaspid-identity") && said.contains("mount it"), "{said}");
}

/// Promise: a key that has its certificate waits nowhere, also where a link leads to it.
#[test]
fn a_waiting_key_behind_a_link_is_gone_with_its_certificate() {
    let shop = Shop::new("");
    let daemon = Daemon::start(&shop.home);
    fs::write(shop.file("shop.cer"), shop.sign(&request(&shop))).unwrap();
    let waiting = shop.home.state().join("identity/waiting.pem");
    let elsewhere = shop.file("elsewhere.pem");
    fs::rename(&waiting, &elsewhere).unwrap();
    symlink(&elsewhere, &waiting).unwrap();
    let said = shop.ctl("identity generate --subject CN=other.kz --replace", 1);
    assert!(said.contains("is a link to"), "{said}");
    shop.ctl("identity install shop.cer", 0);
    assert!(subject(&daemon).contains("CN=shop.kz"));
    assert!(!waiting.is_symlink() && !elsewhere.exists());
}

/// Promise: an old certificate of the same key in front of the new one is no mistake.
#[test]
fn an_old_certificate_before_the_new_one_is_passed_over() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    shop.openssl("req -x509 -key one.key -subj /CN=old -addext extendedKeyUsage=serverAuth -out old.crt");
    let both = ["old.crt", "one.crt"].map(|name| fs::read_to_string(shop.file(name)).unwrap()).concat();
    fs::write(shop.file("both.crt"), both).unwrap();
    let daemon = Daemon::start(&shop.home);
    shop.ctl("identity import --key one.key --cert both.crt", 0);
    assert!(subject(&daemon).contains("CN=one"));
}

/// Promise: a page of a proxy is no word of the bank about a certificate; a bank that has no such path has read the request.
#[test]
fn only_a_missing_path_is_no_objection() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    let daemon = Daemon::start(&shop.home);
    for code in [400, 401, 403, 502] {
        shop.bank.fault(&json!({"call": "ping", "fault": "error_5xx", "code": code}));
        let said = shop.ctl("identity import --key one.key --cert one.crt", 7);
        assert!(said.contains("--unchecked"), "{code}: {said}");
        daemon.door.get("/v1/identity").expect(503);
    }
    shop.bank.fault(&json!({"call": "ping", "fault": "error_5xx", "code": 404}));
    let said = shop.ctl("identity import --key one.key --cert one.crt", 0);
    assert!(said.contains("takes the certificate"), "{said}");
}

/// Promise: a start that finds no key where there was one says so, in the journal and among the problems.
#[test]
fn a_key_that_is_gone_at_the_start_is_told() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    let daemon = Daemon::start(&shop.home);
    assert!(!daemon.door.get("/v1/health").expect(200).to_string().contains("are gone"));
    shop.ctl("identity import --key one.key --cert one.crt", 0);
    assert!(daemon.stop().success());
    fs::remove_dir_all(shop.home.state().join("identity")).unwrap();
    let again = Daemon::start(&shop.home);
    let health = again.door.get("/v1/health").expect(200).to_string();
    assert!(health.contains("are gone") && health.contains("import --key FILE --cert FILE"), "{health}");
    // It is said behind the start, and a stop waits for what was begun.
    let row = again.door.get("/v1/doctor").expect(200);
    assert!(row["checks"].is_array(), "{row}");
    assert!(again.stop().success());
    assert!(shop.home.stderr().contains("were in use before are gone"), "{}", shop.home.stderr());
}

/// Promise: whoever judges the files tells a key that is lost from one that was never made: `kaspid check` ends with 1 and says
/// what to do, doctor fails with and without a daemon, and a state that cannot tell is not taken for one without a key. Nothing is changed.
#[test]
fn a_lost_key_is_not_taken_for_one_never_made() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    let check = || {
        let mut check = std::process::Command::new(env!("CARGO_BIN_EXE_kaspid"));
        let judged = check.args(["check", "--config"]).arg(shop.home.config()).output().unwrap();
        let said = [judged.stdout, judged.stderr].concat();
        (judged.status.code(), String::from_utf8(said).unwrap())
    };
    let (code, said) = check();
    assert!(code == Some(0) && said.contains("no key and certificate for Kaspi yet"), "{said}");
    let daemon = Daemon::start(&shop.home);
    let (code, said) = check();
    assert!(code == Some(0) && said.contains("a daemon runs on this state"), "{said}");
    assert!(daemon.stop().success());
    let (code, said) = check();
    assert!(code == Some(0) && said.contains("no key and certificate for Kaspi yet"), "{said}");
    let daemon = Daemon::start(&shop.home);
    shop.ctl("identity import --key one.key --cert one.crt", 0);
    assert!(daemon.stop().success());
    assert_eq!(check().0, Some(0));
    let folder = shop.home.state().join("identity");
    fs::rename(&folder, shop.file("away")).unwrap();
    let (code, said) = check();
    assert!(code == Some(1) && said.contains("are gone") && said.contains("import --key FILE --cert FILE"), "{said}");
    assert!(!said.contains("yet"), "{said}");
    let alone = shop.ctl(&format!("doctor --config {}", shop.home.config().display()), 1);
    assert!(alone.contains("that were in use are gone"), "{alone}");
    let daemon = Daemon::start(&shop.home);
    let diagnosis = daemon.door.get("/v1/doctor").expect(200);
    let identity = super::check(&diagnosis, "identity");
    assert!(identity["found"].as_str().unwrap().contains("are gone"), "{identity}");
    assert_eq!(identity["command"], "kaspictl identity import --key FILE --cert FILE");
    daemon.kill();
    // Killed, it is not closed; the state tells all the same, and is left as it is.
    let before = fs::read(shop.home.state().join("kaspid.redb")).unwrap();
    let (code, said) = check();
    assert!(code == Some(1) && said.contains("are gone"), "{said}");
    assert!(fs::read(shop.home.state().join("kaspid.redb")).unwrap() == before, "it was written to");
    fs::rename(shop.file("away"), &folder).unwrap();
    assert_eq!(check().0, Some(0));
}

/// Promise: the seal of a start is the seal of that run. A credential that is exchanged meanwhile, which systemd never does
/// and a person may, seals nothing until the next start: a key is never sealed apart from the tokens.
#[test]
fn a_reload_and_a_rotation_keep_the_seal_of_the_start() {
    let shop = Shop::new("");
    let credentials = shop.file("credentials");
    fs::create_dir(&credentials).unwrap();
    let seal = |byte: u8| fs::write(credentials.join("kaspid.seal"), [byte; 32]).unwrap();
    let start = || {
        let mut command = shop.home.command();
        command.env("CREDENTIALS_DIRECTORY", &credentials);
        let daemon = Daemon::spawn(&shop.home, command);
        assert!(daemon.until("READY=1").is_some(), "{}", shop.home.stderr());
        daemon
    };
    seal(1);
    let daemon = start();
    ["one", "two"].iter().for_each(|name| shop.make(name, "ec"));
    shop.ctl("identity import --key one.key --cert one.crt", 0);
    let seals = daemon.door.get("/v1/health").expect(200)["seals"].clone();
    assert!(seals["key"].is_string() && seals["key"] == seals["tokens"], "{seals}");
    assert!(shop.ctl("status", 0).contains("the key and device tokens, with seal"));
    seal(2);
    shop.ctl("reload", 0);
    shop.ctl("identity rotate --key two.key --cert two.crt", 0);
    assert!(daemon.stop().success());
    seal(1);
    assert!(subject(&start()).contains("CN=two"));
}
