//! At rest (data-file §6): with a seal no token lies readable in the state or in a backup, changing it or losing it is
//! done in words, and a token that was changed past the log is noticed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Command, Output};

use redb::{Database, ReadableTable, TableDefinition};
use serde_json::json;

use crate::support::behaviour::Till;
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
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
    fn forget(&self) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspid"));
        command.arg("forget-sealed").arg("--config").arg(self.home.config()).output().unwrap()
    }
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
    let unsealed = shop.forget();
    assert!(String::from_utf8_lossy(&unsealed.stdout).contains("nothing is sealed"), "{unsealed:?}");
    shop.works(&[("kaspid.seal", 1)], "sealed");
    let daemon = shop.started(&[("kaspid.seal", 1)]);
    let running = shop.forget();
    assert!(String::from_utf8_lossy(&running.stderr).contains("is in use"), "{running:?}");
    assert!(daemon.stop().success());
    let done = shop.forget();
    assert!(done.status.success(), "{done:?}");
    assert!(String::from_utf8_lossy(&done.stdout).contains("kaspictl bin register BIN"), "{done:?}");

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
