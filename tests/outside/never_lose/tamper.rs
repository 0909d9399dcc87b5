//! An edit of the log shows (architecture §5): each kind of it is found at the right place, by the check or by whoever
//! kept an earlier head. The file is edited here with table definitions written by hand, as a forger would.

use std::process::Command;

use redb::{Database, ReadableTable, Table, TableDefinition};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::behaviour::Till;
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::scripted_bank::ScriptedBank;

const EVENT: TableDefinition<u64, &[u8]> = TableDefinition::new("event");
const PAYMENT: TableDefinition<u128, &[u8]> = TableDefinition::new("payment");
const PAYMENT_OPEN: TableDefinition<(&str, u128), ()> = TableDefinition::new("payment_open");
const KEY: TableDefinition<(u32, &str), (u64, u128)> = TableDefinition::new("key");

/// A till with a log of some payments, stopped.
struct Stopped {
    home: Home,
    bank: ScriptedBank,
    /// Events in the log.
    events: u64,
    /// The head as `SEQ:SHA256`.
    head: String,
    /// Ids of the payments, as the daemon shows them.
    payments: Vec<String>,
}

/// Takes payments, notes the head and stops the daemon properly.
#[track_caller]
fn stopped() -> Stopped {
    let till = Till::open(Dialect::Bank, "");
    let door = &till.daemon.door;
    let sale = |invoice: u32| {
        let body = json!({"kind": "remote", "amount_tiyn": 20_000, "phone_number": "77015211545",
            "invoice": format!("order-{invoice}")});
        door.post_with_key(&format!("sale-{invoice}"), "/v1/payments", &body).expect(201)["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let payments = (1..=4).map(sale).collect();
    door.post(&format!("/v1/payments/{}/cancel", sale(5)), &json!({})).expect(200);
    let verified = door.get("/v1/log/verify?rebuild=true").expect(200);
    assert_eq!(verified["ok"], true, "{verified}");
    assert_eq!(verified["differences"], json!([]), "{verified}");
    let events = verified["events"].as_u64().unwrap();
    assert!(events >= 11, "{verified}");
    let head = format!("{events}:{}", verified["head"].as_str().unwrap());
    let Till { daemon, home, bank } = till;
    assert!(daemon.stop().success());
    let said = home.stderr();
    assert!(said.contains(&format!("log verify --head {head}")), "the head at the stop is not in the journal: {said}");
    Stopped { home, bank, events, head, payments }
}

impl Stopped {
    /// Edits the file, starts the daemon again and looks.
    #[track_caller]
    fn forged(self, edit: impl FnOnce(&mut Forger<'_>)) -> Forged {
        let Self { home, bank, head, .. } = self;
        forge(&home, edit);
        Forged { till: Till { daemon: Daemon::start(&home), home, bank }, head }
    }
}

struct Forged {
    till: Till,
    head: String,
}

impl Forged {
    #[track_caller]
    fn verify(&self, query: &str) -> Value {
        self.till.daemon.door.get(&format!("/v1/log/verify{query}")).expect(200)
    }

    /// Exit code and stdout of `kaspictl log verify`.
    fn kaspictl(&self, args: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
        command.arg("--socket").arg(self.till.daemon.socket()).args(["log", "verify"]).args(args);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The check names this event, over the socket and on the command line.
    #[track_caller]
    fn is_found_at(&self, event: u64) {
        let verified = self.verify("?rebuild=true");
        assert_eq!((&verified["ok"], &verified["first_bad"]), (&json!(false), &json!(event)), "{verified}");
        assert_eq!(verified["events"], event - 1, "{verified}");
        assert_eq!(verified["differences"], Value::Null, "a forged log proves nothing of its projections: {verified}");
        let (exit, text) = self.kaspictl(&[]);
        assert_eq!(exit, Some(1), "{text}");
        assert!(text.contains(&format!("event {event} is the first")), "{text}");
    }

    /// The chain is whole and the projections are its own: nothing to see without an earlier head.
    #[track_caller]
    fn only_the_kept_head_shows_it(&self) {
        let alone = self.verify("?rebuild=false");
        assert_eq!((&alone["ok"], &alone["first_bad"]), (&json!(true), &Value::Null), "{alone}");
        assert_eq!(alone["head_matches"], Value::Null);
        let kept = self.verify(&format!("?rebuild=false&head={}", self.head));
        assert_eq!((&kept["ok"], &kept["head_matches"]), (&json!(false), &json!(false)), "{kept}");
        let (exit, text) = self.kaspictl(&["--head", &self.head]);
        assert_eq!(exit, Some(1), "{text}");
        assert!(text.starts_with("THE LOG IS NOT THE ONE YOU KNOW"), "{text}");
        assert_eq!(self.kaspictl(&["--chain"]).0, Some(0));
    }
}

/// The tables of a stopped daemon, open for writing.
struct Forger<'t> {
    event: Table<'t, u64, &'static [u8]>,
    payment: Table<'t, u128, &'static [u8]>,
    payment_open: Table<'t, (&'static str, u128), ()>,
    key: Table<'t, (u32, &'static str), (u64, u128)>,
}

impl Forger<'_> {
    fn read(&self, seq: u64) -> Vec<u8> {
        self.event.get(seq).unwrap().unwrap().value().to_vec()
    }

    fn put(&mut self, seq: u64, stored: &[u8]) {
        self.event.insert(seq, stored).unwrap();
    }
}

fn forge(home: &Home, edit: impl FnOnce(&mut Forger<'_>)) {
    let database = Database::open(home.state().join("kaspid.redb")).unwrap();
    let tx = database.begin_write().unwrap();
    let mut tables = Forger {
        event: tx.open_table(EVENT).unwrap(),
        payment: tx.open_table(PAYMENT).unwrap(),
        payment_open: tx.open_table(PAYMENT_OPEN).unwrap(),
        key: tx.open_table(KEY).unwrap(),
    };
    edit(&mut tables);
    drop(tables);
    tx.commit().unwrap();
}

/// SHA-256 over the predecessor's hash, the number (big endian) and the event's bytes: the form that a head kept by
/// somebody else relies on.
fn chain(previous: &[u8], seq: u64, record: &[u8]) -> Vec<u8> {
    Sha256::new().chain_update(previous).chain_update(seq.to_be_bytes()).chain_update(record).finalize().to_vec()
}

/// One bit of one event, the first, a middle one and the last: found there.
#[test]
fn a_flipped_bit_is_found_at_its_event() {
    for place in [1, 6, u64::MAX] {
        let stopped = stopped();
        let seq = place.min(stopped.events);
        let forged = stopped.forged(|tables| {
            let mut stored = tables.read(seq);
            *stored.last_mut().unwrap() ^= 1;
            tables.put(seq, &stored);
        });
        forged.is_found_at(seq);
    }
}

/// An event taken out of the middle: found where it stood.
#[test]
fn a_removed_event_is_found_where_it_stood() {
    let forged = stopped().forged(|tables| drop(tables.event.remove(5).unwrap()));
    forged.is_found_at(5);
}

/// Two events that changed places: found at the first of them.
#[test]
fn a_swapped_pair_is_found_at_the_first_of_them() {
    let forged = stopped().forged(|tables| {
        let (a, b) = (tables.read(4), tables.read(5));
        tables.put(4, &b);
        tables.put(5, &a);
    });
    forged.is_found_at(4);
}

/// The last events cut off: the chain is whole, only a head kept elsewhere shows it, or projections that the forger left.
/// A head that is still in the log goes on matching.
#[test]
fn a_cut_tail_is_found_by_whoever_kept_a_head() {
    let stopped = stopped();
    let last = stopped.events;
    let mut earlier = String::new();
    let forged = stopped.forged(|tables| {
        let stored = tables.read(3);
        earlier = stored[..32].iter().map(|byte| format!("{byte:02x}")).collect();
        for seq in [last - 1, last] {
            tables.event.remove(seq).unwrap();
        }
    });
    forged.only_the_kept_head_shows_it();
    assert_eq!(forged.verify("")["ok"], false, "payments say more than the log");
    let matching = forged.verify(&format!("?rebuild=false&head=3:{earlier}"));
    assert_eq!((&matching["ok"], &matching["head_matches"]), (&json!(true), &json!(true)), "{matching}");
}

/// An event edited and every hash behind it made anew: only a head kept elsewhere shows it.
#[test]
fn a_rewritten_log_is_found_by_whoever_kept_a_head() {
    let stopped = stopped();
    let last = stopped.events;
    let forged = stopped.forged(|tables| {
        let mut previous = vec![0; 32];
        for seq in 1..=last {
            let stored = tables.read(seq);
            let mut record = stored[32..].to_vec();
            assert_eq!(
                chain(&previous, seq, &record)[..],
                stored[..32],
                "the chain is not what this test takes it for"
            );
            previous = stored[..32].to_vec();
            // Behind the version byte stands the event's time.
            if seq == 2 {
                record[1] ^= 2;
            }
            let before = if seq == 1 { vec![0; 32] } else { tables.read(seq - 1)[..32].to_vec() };
            let sealed = [chain(&before, seq, &record), record].concat();
            tables.put(seq, &sealed);
        }
    });
    forged.only_the_kept_head_shows_it();
}

/// A payment edited behind the log's back, a key taken away, an open payment invented: the chain cannot know, the
/// rebuild names the first of each.
#[test]
fn edited_projections_are_found_by_the_rebuild() {
    let stopped = stopped();
    let number = |id: &str| u128::from_str_radix(&id.replace('-', ""), 16).unwrap();
    let payment = stopped.payments[1].clone();
    let forged = stopped.forged(|tables| {
        let mut row = tables.payment.get(number(&payment)).unwrap().unwrap().value().to_vec();
        let at = row.windows(7).position(|text| text == b"order-2").expect("the invoice stands in the row");
        row[at + 6] = b'9';
        tables.payment.insert(number(&payment), row.as_slice()).unwrap();
        tables.key.remove((8, "sale-3")).unwrap();
        tables.payment_open.insert(("891027350515", u128::MAX), ()).unwrap();
    });
    assert_eq!(forged.verify("?rebuild=false")["ok"], true);
    let verified = forged.verify("");
    assert_eq!((&verified["ok"], &verified["first_bad"]), (&json!(false), &Value::Null), "{verified}");
    let expected = json!([
        {"table": "payment", "row": payment, "how": "changed"},
        {"table": "payment_open", "row": "891027350515 ffffffff-ffff-ffff-ffff-ffffffffffff", "how": "surplus"},
        {"table": "key", "row": "8 sale-3", "how": "missing"},
    ]);
    assert_eq!(verified["differences"], expected, "{verified}");
    let (exit, text) = forged.kaspictl(&[]);
    assert_eq!(exit, Some(1), "{text}");
    assert!(text.contains(&format!("payment {payment}: changed")), "{text}");
    // Nothing is left beside the state.
    assert!(!forged.till.home.state().join("rebuild.tmp").exists());
}

/// A head is checked before anything is read; a cursor from another log is refused by name of this one's head.
#[test]
fn wrong_heads_and_cursors_are_refused_in_words() {
    let till = Till::open(Dialect::Bank, "");
    let door = &till.daemon.door;
    for head in ["7", "0:00", "1:xyz", ":"] {
        let problem = door.get(&format!("/v1/log/verify?head={head}")).problem("invalid_request");
        assert!(problem["detail"].as_str().unwrap().contains("head"), "{problem}");
    }
    let events = door.get("/v1/log/verify").expect(200)["events"].as_u64().unwrap();
    door.get(&format!("/v1/log?after={events}")).expect(200);
    let problem = door.get(&format!("/v1/log?after={}", events + 1)).problem("invalid_request");
    assert!(problem["detail"].as_str().unwrap().contains(&format!("event {events}")), "{problem}");
}
