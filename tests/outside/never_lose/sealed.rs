//! At rest (data-file §6): with a seal no token lies readable in the state or in a backup, changing it or losing it is
//! done in words, and a token that was changed past the log is noticed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use redb::{Database, ReadableTable, TableDefinition};
use serde_json::json;

use crate::support::behaviour::Till;
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::{BIN, ScriptedBank};

/// The token that the scripted bank gives.
const TOKEN: &str = "577b4b39-1e7e-43d2-83c3-a0116118ef16";

/// Where a change of the seal can be killed, in its order.
const POINTS: [&str; 3] = ["sealing.copied", "sealing.whole", "sealing.placed"];

const DEVICE: TableDefinition<(&str, &str), &[u8]> = TableDefinition::new("device");

/// A shop with an organisation and a payment, stopped.
struct Shop {
    home: Home,
    bank: ScriptedBank,
}

impl Shop {
    #[track_caller]
    fn stopped() -> Self {
        let Till { daemon, home, bank } = Till::open(Dialect::Bank, "");
        sell(&daemon, "before");
        assert!(daemon.stop().success());
        Self { home, bank }
    }

    /// The credentials of the next start: file names and the byte that their secret is made of.
    fn credentials(&self, seals: &[(&str, u8)]) -> PathBuf {
        let dir = self.home.path().join("credentials");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir(&dir).unwrap();
        for (name, byte) in seals {
            fs::write(dir.join(name), [*byte; 32]).unwrap();
        }
        dir
    }

    fn command(&self, seals: &[(&str, u8)]) -> Command {
        let mut command = self.home.command();
        command.env("CREDENTIALS_DIRECTORY", self.credentials(seals));
        command
    }

    #[track_caller]
    fn started(&self, seals: &[(&str, u8)]) -> Daemon {
        let daemon = Daemon::spawn(&self.home, self.command(seals));
        assert!(daemon.until("READY=1").is_some(), "{}", self.home.stderr());
        daemon
    }

    /// Starts, takes a payment with the token, proves the log and stops.
    #[track_caller]
    fn works(&self, seals: &[(&str, u8)], invoice: &str) {
        let daemon = self.started(seals);
        sell(&daemon, invoice);
        let verified = daemon.door.get("/v1/log/verify").expect(200);
        assert_eq!((&verified["ok"], &verified["differences"]), (&json!(true), &json!([])), "{verified}");
        assert!(daemon.stop().success());
    }

    /// What a start says that does not come about.
    #[track_caller]
    fn refused(&self, seals: &[(&str, u8)]) -> String {
        let before = self.home.stderr().len();
        assert_eq!(self.command(seals).status().unwrap().code(), Some(1));
        self.home.stderr()[before..].to_owned()
    }

    fn state(&self) -> PathBuf {
        self.home.state().join("kaspid.redb")
    }

    /// Whether the token can be read in the state file.
    fn lies_plain(&self) -> bool {
        holds_token(&fs::read(self.state()).unwrap())
    }

    /// `kaspid forget-sealed` as an administrator types it.
    fn forget(&self, seal: &[&str]) -> Output {
        forget(&self.home, seal).output().unwrap()
    }
}

fn forget(home: &Home, seal: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspid"));
    command.arg("forget-sealed").args(seal).arg("--config").arg(home.config()).env_remove("CREDENTIALS_DIRECTORY");
    command
}

/// The number in the command that a refusal prints.
#[track_caller]
fn number(said: &str) -> String {
    let (_, number) = said.split_once("kaspid forget-sealed ").expect(said);
    number.chars().take(16).collect()
}

fn out(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn holds_token(bytes: &[u8]) -> bool {
    bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes())
}

#[track_caller]
fn sell(daemon: &Daemon, invoice: &str) {
    let body = json!({"kind": "remote", "amount_tiyn": 20_000, "phone_number": "77015211545", "invoice": invoice});
    daemon.door.post_with_key(invoice, "/v1/payments", &body).expect(201);
}

/// Promise: from the first start with a seal on, neither the state nor a backup holds a token that can be read, the file
/// stays of mode 0600, and the journal says what of before is still unsealed.
#[test]
fn a_sealed_state_shows_no_token() {
    let shop = Shop::stopped();
    assert!(shop.lies_plain(), "this test looks for another token than the bank gives");
    let daemon = shop.started(&[("kaspid.seal", 1)]);
    assert!(!shop.lies_plain());
    assert_eq!(fs::metadata(shop.state()).unwrap().permissions().mode() & 0o777, 0o600);
    let journal = shop.home.stderr();
    assert!(
        journal.contains("sealed from now on") && journal.contains("still hold device tokens unsealed"),
        "{journal}"
    );
    sell(&daemon, "sealed");
    let backup = shop.home.path().join("one.backup");
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    let done = command.arg("--socket").arg(daemon.socket()).arg("backup").arg(&backup).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert!(!holds_token(&fs::read(backup).unwrap()));
    assert!(daemon.stop().success());
    assert!(!shop.lies_plain());
    shop.works(&[("kaspid.seal", 1)], "again");
    assert!(!shop.lies_plain());
}

/// Promise: a seal is changed, and taken away, by giving the former one for one start; a start without it is refused
/// with what to do, and costs nothing.
#[test]
fn a_seal_is_changed_and_taken_away_in_words() {
    let shop = Shop::stopped();
    shop.works(&[("kaspid.seal", 1)], "first");
    for seals in [[].as_slice(), &[("kaspid.seal", 2)], &[("kaspid.seal", 2), ("kaspid.seal.old", 3)]] {
        let said = shop.refused(seals);
        assert!(said.contains("sealed with seal") && said.contains("kaspid forget-sealed"), "{said}");
    }
    shop.works(&[("kaspid.seal", 1)], "after refusals");
    shop.works(&[("kaspid.seal", 2), ("kaspid.seal.old", 1)], "changed");
    shop.works(&[("kaspid.seal", 2)], "second");
    assert!(!shop.lies_plain());
    shop.works(&[("kaspid.seal.old", 2)], "unsealed");
    shop.works(&[], "plain");
    assert!(shop.lies_plain());
}

/// Promise: a credential that could be guessed, or is a mistake, ends the start and says how to make one.
#[test]
fn a_seal_that_is_none_is_refused() {
    let shop = Shop::stopped();
    let mut command = shop.command(&[]);
    fs::write(shop.home.path().join("credentials/kaspid.seal"), "short").unwrap();
    let output = command.stderr(std::process::Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("16 to 4096 bytes") && said.contains("systemd-creds"), "{said}");
    shop.works(&[], "as before");
}

/// Promise: killed at any step of a change, there is the old state or the new one, whole, and no copy stays.
#[test]
fn a_killed_change_leaves_a_whole_state() {
    for point in POINTS {
        let shop = Shop::stopped();
        let status = shop.command(&[("kaspid.seal", 1)]).env("KASPID_FAIL_POINT", point).status().unwrap();
        assert_eq!(status.signal(), Some(9), "{point} was not reached");
        assert_eq!(shop.lies_plain(), point != "sealing.placed", "{point}");
        shop.works(&[("kaspid.seal", 1)], "after");
        assert!(!shop.lies_plain());
        assert!(!shop.home.state().join("kaspid.redb.sealing").exists());
    }
}

/// Promise: a seal that is lost costs the tokens and nothing else; what to do is printed, and done.
#[test]
fn a_lost_seal_costs_the_tokens_only() {
    let shop = Shop::stopped();
    let unsealed = shop.forget(&[]);
    assert!(String::from_utf8_lossy(&unsealed.stdout).contains("nothing is sealed"), "{unsealed:?}");
    shop.works(&[("kaspid.seal", 1)], "sealed");
    let seal = number(&shop.refused(&[]));
    let daemon = shop.started(&[("kaspid.seal", 1)]);
    let running = out(&shop.forget(&[&seal]));
    assert!(running.contains("is in use"), "{running}");
    assert!(daemon.stop().success());
    let done = shop.forget(&[&seal]);
    assert!(done.status.success(), "{done:?}");
    assert!(out(&done).contains("kaspictl bin register BIN"), "{done:?}");
    assert!(out(&shop.forget(&[&seal])).contains("nothing is sealed"));

    let daemon = shop.started(&[]);
    let verified = daemon.door.get("/v1/log/verify").expect(200);
    assert_eq!((&verified["ok"], &verified["differences"]), (&json!(true), &json!([])), "{verified}");
    assert_eq!(daemon.door.get("/v1/payments").expect(200)["payments"].as_array().unwrap().len(), 2);
    let row = daemon.door.get("/v1/log?operation=identity").expect(200)["rows"][0].clone();
    assert!(row["error_message"].as_str().unwrap().contains("was given up"), "{row}");
    daemon.door.post(&format!("/v1/configs/{BIN}/register"), &json!({})).expect(200);
    sell(&daemon, "registered again");
    assert!(daemon.stop().success());
    assert!(shop.bank.seen_at("POST", "/r3/v01/device/register", BIN).len() >= 2);
}

/// Promise: a token that was put in the place of another past the log is named by its (BIN, trade point), and so is one
/// that was taken away or added; no token is printed.
#[test]
fn a_token_changed_past_the_log_is_noticed() {
    let of_another = "0123456789abcdef-of-another-company";
    type Edit = fn(&mut redb::Table<'_, (&'static str, &'static str), &'static [u8]>, &str, &[u8]);
    let edits: [(&str, Edit); 3] = [
        ("changed", |devices, point, other| drop(devices.insert((BIN, point), other).unwrap())),
        ("missing", |devices, point, _| drop(devices.remove((BIN, point)).unwrap())),
        ("surplus", |devices, _, other| drop(devices.insert((BIN, "999"), other).unwrap())),
    ];
    for (how, edit) in edits {
        let shop = Shop::stopped();
        let database = Database::open(shop.state()).unwrap();
        let tx = database.begin_write().unwrap();
        let mut devices = tx.open_table(DEVICE).unwrap();
        let point = devices.first().unwrap().unwrap().0.value().1.to_owned();
        let mut stored = vec![1, u8::try_from(of_another.len()).unwrap()];
        stored.extend_from_slice(of_another.as_bytes());
        edit(&mut devices, &point, &stored);
        drop(devices);
        tx.commit().unwrap();
        drop(database);
        let daemon = shop.started(&[]);
        let verified = daemon.door.get("/v1/log/verify?rebuild=false").expect(200);
        let row = format!("{BIN} {}", if how == "surplus" { "999" } else { &point });
        assert_eq!(verified["ok"], false, "{verified}");
        assert_eq!(verified["differences"], json!([{"table": "device", "row": row, "how": how}]), "{verified}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
        let told = command.arg("--socket").arg(daemon.socket()).args(["log", "verify"]).output().unwrap();
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        assert_eq!(told.status.code(), Some(1), "{text}");
        assert!(text.contains(&format!("device {row}: {how}")) && !text.contains(of_another), "{text}");
    }
}

/// Promise: a seal is given up by its number only, never one that is here, and what it sealed stays under a second name:
/// found again, the seal opens it.
#[test]
fn a_seal_is_given_up_by_its_number_and_what_it_sealed_is_kept() {
    let shop = Shop::stopped();
    shop.works(&[("kaspid.seal", 1)], "sealed");
    // To be looked at a database is opened, which writes its marks: the same file is no copy in its place.
    let file = || fs::metadata(shop.state()).unwrap().ino();
    let before = file();
    let seal = number(&shop.refused(&[]));
    let credentials = shop.credentials(&[("kaspid.seal", 1)]);
    for (typed, here, said) in [
        (vec![], false, "name the seal"),
        (vec!["0123456789abcdef"], false, "name the seal"),
        (vec![seal.as_str()], true, "is here and opens"),
    ] {
        let mut command = forget(&shop.home, &typed);
        if here {
            command.env("CREDENTIALS_DIRECTORY", &credentials);
        }
        let done = command.output().unwrap();
        assert!(!done.status.success() && out(&done).contains(said), "{done:?}");
        assert!(here || number(&out(&done)) == seal, "{done:?}");
        assert_eq!(file(), before, "{typed:?} has changed the state");
    }
    let done = out(&shop.forget(&[&seal]));
    let (_, kept) = done.split_once("the state as it was: ").expect(&done);
    let kept = kept.lines().next().unwrap();
    assert!(kept.contains("kaspid.redb.forgotten-"), "{done}");
    fs::rename(kept, shop.state()).unwrap();
    shop.works(&[("kaspid.seal", 1)], "found again");
}

/// Promise: a sealed backup says with which seal, in its header and when it is made; `restore` says which seal the next
/// start needs before it replaces anything, and the daemon takes exactly that one; status says which seal is in use.
#[test]
fn a_sealed_backup_and_its_restore_name_the_seal() {
    let shop = Shop::stopped();
    let daemon = shop.started(&[]);
    let (plain, sealed) = (shop.home.path().join("plain.backup"), shop.home.path().join("sealed.backup"));
    let ctl = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
        let done = command.arg("--socket").arg(shop.home.socket()).args(arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", out(&done));
        out(&done)
    };
    let header = |file: &PathBuf| -> serde_json::Value {
        serde_json::from_slice(fs::read(file).unwrap().split(|byte| *byte == b'\n').next().unwrap()).unwrap()
    };
    let said = ctl(&["backup", plain.to_str().unwrap()]);
    assert!(said.contains("keep it as secret as the key") && header(&plain)["seal"].is_null(), "{said}");
    assert!(ctl(&["status"]).contains("nothing: there is no credential kaspid.seal"));
    assert_eq!(daemon.door.get("/v1/health").expect(200)["seals"], json!({"key": null, "tokens": null}));
    assert!(daemon.stop().success());

    let daemon = shop.started(&[("kaspid.seal", 1)]);
    let seal = daemon.door.get("/v1/health").expect(200)["seals"]["tokens"].as_str().unwrap().to_owned();
    assert_eq!(seal.len(), 16);
    let status = ctl(&["status"]);
    assert!(status.contains(&format!("device tokens, with seal {seal}")), "{status}");
    let said = ctl(&["backup", sealed.to_str().unwrap()]);
    assert!(said.contains(&format!("sealed with seal {seal}")), "{said}");
    let first = header(&sealed);
    assert_eq!(first["seal"], seal.as_str());
    assert!(first["holds"].as_str().unwrap().contains(&format!("sealed with seal {seal}")), "{first}");
    assert!(daemon.stop().success());
    assert_eq!(number(&shop.refused(&[])), seal, "the number that a refused start names");

    let config = shop.home.config();
    let restore = |file: &PathBuf| ctl(&["restore", file.to_str().unwrap(), "--config", config.to_str().unwrap()]);
    let said = restore(&sealed);
    assert!(said.contains(&format!("is sealed with seal {seal}, as the state that is here is")), "{said}");
    let said = restore(&plain);
    assert!(said.contains("in the backup are not sealed"), "{said}");
    let said = restore(&sealed);
    assert!(said.contains(&format!("is sealed with seal {seal}: without that seal")), "{said}");
    assert!(said.contains("kaspid.seal.old"), "{said}");
    assert_eq!(number(&shop.refused(&[("kaspid.seal", 2)])), seal);
    let daemon = shop.started(&[("kaspid.seal", 2), ("kaspid.seal.old", 1)]);
    assert_ne!(daemon.door.get("/v1/health").expect(200)["seals"]["tokens"], seal.as_str());
    assert!(daemon.stop().success());
}

/// Promise: on a sealed machine `kaspid check` is in order for whoever has no seal, and recommends nothing; a key that lies
/// sealed beside a plain state is put aside and said in the same breath.
#[test]
fn a_sealed_key_is_no_fault_to_a_person_and_is_put_aside_whole() {
    let bank = Sandbox::start_with(Dialect::Bank, &["--identities"]);
    let home = Home::without_identity(&bank, "");
    let credentials = home.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(credentials.join("kaspid.seal"), [1; 32]).unwrap();
    let mut command = home.command();
    command.env("CREDENTIALS_DIRECTORY", &credentials);
    let daemon = Daemon::spawn(&home, command);
    assert!(daemon.until("READY=1").is_some(), "{}", home.stderr());
    let made = daemon.door.post("/v1/identity/generate", &json!({"subject": "CN=shop.kz"}));
    assert!(made.text().contains("CERTIFICATE REQUEST"), "{}", made.text());
    assert!(daemon.stop().success());
    let kept = home.state().join("identity/waiting.pem");
    // As if it had its certificate: what is sealed cannot be told apart from here.
    fs::copy(&kept, home.state().join("identity/identity.pem")).unwrap();

    let mut check = Command::new(env!("CARGO_BIN_EXE_kaspid"));
    check.arg("check").arg("--config").arg(home.config()).env_remove("CREDENTIALS_DIRECTORY");
    let checked = check.output().unwrap();
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    assert!(out(&checked).contains("only the service can open it") && !out(&checked).contains("forget"), "{checked:?}");
    assert!(!out(&checked).contains("no key and certificate"), "{checked:?}");

    // A daemon without its seal does not start.
    assert_eq!(home.command().status().unwrap().code(), Some(1));
    let seal = number(&home.stderr());
    let done = forget(&home, &[&seal]).output().unwrap();
    assert!(done.status.success() && !kept.exists(), "{done:?}");
    let said = out(&done);
    assert!(said.contains("identity.pem.forgotten-") && said.contains("waiting.pem.forgotten-"), "{said}");
    assert!(said.contains("identity import --key FILE --cert FILE") && !said.contains("nothing was changed"), "{said}");
    assert_eq!(fs::read_dir(home.state().join("identity")).unwrap().count(), 2);
    let again = Daemon::start(&home);
    assert!(again.stop().success());
}
