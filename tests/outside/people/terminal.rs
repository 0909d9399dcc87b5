//! kaspictl at a terminal of eighty columns: tables that fit, a question before money leaves, the number that is billed, and
//! nothing hidden in what it shows.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use nix::pty::{Winsize, openpty};
use serde_json::{Value, json};

use crate::support::behaviour::{Till, paid};
use crate::support::fixture::{Answer, Dialect};

const COLUMNS: usize = 80;

/// A command at a terminal of its own.
struct Terminal {
    ours: File,
    child: Child,
    shown: Vec<u8>,
}

impl Terminal {
    fn types(till: &Till, arguments: &[&str]) -> Self {
        Self::types_with(till, arguments, false)
    }

    /// The same with stderr in a file.
    fn types_into_file(till: &Till, arguments: &[&str]) -> Self {
        Self::types_with(till, arguments, true)
    }

    /// The same with a variable set.
    fn types_in(till: &Till, arguments: &[&str], name: &str, value: &str) -> Self {
        Self::types_where(till, arguments, false, |command| {
            command.env_remove("NO_COLOR").env("TERM", "xterm").env(name, value);
        })
    }

    fn types_with(till: &Till, arguments: &[&str], into_file: bool) -> Self {
        Self::types_where(till, arguments, into_file, |_| {})
    }

    fn types_where(till: &Till, arguments: &[&str], into_file: bool, set: impl FnOnce(&mut Command)) -> Self {
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let terminal = openpty(Some(&size), None).unwrap();
        let (ours, theirs) = (File::from(terminal.master), File::from(terminal.slave));
        let side = || Stdio::from(theirs.try_clone().unwrap());
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_kaspictl")]).args(arguments);
        let command = command.env("KASPID_SOCKET", till.daemon.socket());
        set(command);
        let talk = if into_file { Stdio::from(till.home.log()) } else { side() };
        let child = command.stdin(side()).stdout(side()).stderr(talk).spawn().unwrap();
        Self { ours, child, shown: Vec::new() }
    }

    fn sees(&mut self, text: &str) {
        let mut bytes = [0; 4096];
        while !String::from_utf8_lossy(&self.shown).contains(text) {
            let length = self.ours.read(&mut bytes).unwrap_or(0);
            assert!(length > 0, "{text:?} was not seen in:\n{}", String::from_utf8_lossy(&self.shown));
            self.shown.extend_from_slice(&bytes[..length]);
        }
    }

    /// All that was shown, and the exit code.
    fn ends(mut self) -> (String, i32) {
        let mut bytes = [0; 4096];
        // A terminal that nobody holds any more is an error, not an end.
        while let Ok(length @ 1..) = self.ours.read(&mut bytes) {
            self.shown.extend_from_slice(&bytes[..length]);
        }
        let code = self.child.wait().unwrap().code().unwrap();
        (String::from_utf8(self.shown).unwrap().replace("\r\n", "\n"), code)
    }
}

fn shown(till: &Till, arguments: &[&str]) -> (String, i32) {
    Terminal::types(till, arguments).ends()
}

/// A paid payment, and its QrPaymentId.
fn sold(till: &Till, invoice: &str, tiyn: u64) -> (String, String) {
    let body = json!({"kind": "remote", "amount_tiyn": tiyn, "phone_number": "77015211545", "invoice": invoice});
    let payment = till.daemon.door.post("/v1/payments", &body).expect(201);
    let text = |field: &str| payment[field].as_str().unwrap().to_owned();
    let (id, qr) = (text("id"), text("qr_payment_id"));
    till.bank.answer_for("GET", &format!("/r3/v01/payment/status/{qr}"), &qr, paid(Dialect::Bank));
    let tenge = format!("{}.{:02}", tiyn / 100, tiyn % 100);
    let details = format!(
        r#"{{"Data":{{"QrPaymentId":{qr},"TotalAmount":{tenge},"AvailableReturnAmount":{tenge}}},"StatusCode":0}}"#
    );
    till.bank.answer_for("GET", "/r3/v01/payment/details", &qr, Answer::json(details));
    assert_eq!(till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "paid");
    (id, qr)
}

fn refunds(till: &Till, id: &str) -> usize {
    let payment: Value = till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
    payment["refunds"].as_array().unwrap().len()
}

/// Promise: every list fits eighty columns, however long names are; money, BINs and the numbers to type are whole. A pipe gets
/// everything.
#[test]
fn lists_fit_the_terminal() {
    let till = Till::open(Dialect::Bank, "");
    let long = "Flowers, gifts and everything for a wedding";
    till.daemon.door.send("PATCH", "/v1/configs/891027350515", &[], Some(&json!({"description": long}).to_string()));
    let (id, qr) = sold(&till, "order-of-the-whole-family-2026-11", 98_765_432);
    till.daemon.door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 50})).expect(200);
    let list = ["payment", "list"];
    let fits = |arguments: &[&str]| {
        let (text, code) = shown(&till, arguments);
        assert_eq!(code, 0, "{text}");
        for line in text.lines() {
            let wide = line.chars().count() + line.chars().filter(|c| ('\u{3040}'..'\u{a000}').contains(c)).count();
            assert!(wide <= COLUMNS, "{arguments:?}: {wide} columns: {line}");
        }
    };
    let [bins, report, status] = [&["bin", "list"][..], &["report", "--from", "yesterday"], &["status"]];
    for arguments in [&list[..], &["log", "list"], bins, report, status, &["payment", "show", &qr]] {
        fits(arguments);
    }
    // A payment without a number of Kaspi has a longer name, and letters of other scripts are two columns wide.
    till.bank.answer("POST", "/r3/v01/remote/create", Answer::page(502, "Bad Gateway"));
    let lost =
        json!({"kind": "remote", "amount_tiyn": 5_000, "phone_number": "77015211545", "invoice": "市場の花束と贈り物"});
    till.daemon.door.post("/v1/payments", &lost).problem("outcome_unknown");
    fits(&list);
    fits(&["log", "list"]);
    let (text, _) = shown(&till, &list);
    assert!(text.contains("(left out here: ") && text.contains("a wider terminal or --json shows it)"), "{text}");
    for whole in [qr.as_str(), "987\u{a0}654.32\u{a0}₸", "891027350515"] {
        assert!(text.contains(whole), "{whole} in {text}");
    }
    let piped = Command::new(env!("CARGO_BIN_EXE_kaspictl"))
        .args(list)
        .env("KASPID_SOCKET", till.daemon.socket())
        .output()
        .unwrap();
    let piped = String::from_utf8(piped.stdout).unwrap();
    assert!(piped.contains(long) && piped.contains("order-of-the-whole-family-2026-11"), "{piped}");
}

/// Promise: at a terminal no money goes back before a person has said yes; `--yes` and a program are not asked.
#[test]
fn money_leaves_when_somebody_has_said_yes() {
    let till = Till::open(Dialect::Bank, "");
    let (id, qr) = sold(&till, "order-1", 10_000);
    let refund = ["payment", "refund", qr.as_str(), "30"];
    for answer in ["n\n", "\n", "maybe\n", "\u{4}"] {
        let mut terminal = Terminal::types(&till, &refund);
        terminal.sees("[y/N]");
        terminal.ours.write_all(answer.as_bytes()).unwrap();
        let (text, code) = terminal.ends();
        let asked = format!("Pay back 30.00\u{a0}₸ of payment {qr} (100.00\u{a0}₸), from 891027350515? [y/N]");
        assert!(text.contains(&asked) && text.contains("no money moved"), "{text}");
        assert_eq!((code, refunds(&till, &id)), (1, 0), "{answer:?}: {text}");
    }
    let mut terminal = Terminal::types(&till, &refund);
    terminal.sees("[y/N]");
    terminal.ours.write_all("да\n".as_bytes()).unwrap();
    assert_eq!((terminal.ends().1, refunds(&till, &id)), (0, 1));
    // Whoever keeps the talk in a file is a person all the same, and is asked where it is read.
    let mut terminal = Terminal::types_into_file(&till, &["payment", "refund", &qr]);
    terminal.sees("Pay back all that is left, 70.00\u{a0}₸, of payment");
    terminal.ours.write_all(b"n\n").unwrap();
    assert_eq!((terminal.ends().1, refunds(&till, &id)), (1, 1));
    let (id, qr) = sold(&till, "order-2", 20_000);
    let (text, code) = shown(&till, &["payment", "refund", &qr, "20", "--yes"]);
    assert_eq!((code, refunds(&till, &id)), (0, 1), "{text}");
    let (id, qr) = sold(&till, "order-3", 30_000);
    let mut program = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    let program = program.args(["payment", "refund", &qr, "10"]).env("KASPID_SOCKET", till.daemon.socket());
    assert!(program.stdin(Stdio::null()).output().unwrap().status.success());
    assert_eq!(refunds(&till, &id), 1);
}

/// Promise: whoever types a number at a terminal reads whose it is as it is billed; a number that lacks a digit bills nobody,
/// and no program's output has it.
#[test]
fn the_number_is_read_before_it_is_billed() {
    let till = Till::open(Dialect::Bank, "");
    let (text, _) = shown(&till, &["pay", "100", "--phone", "8 (701) 521-15-45"]);
    let (before, _) = text.split_once("WAITING").unwrap();
    assert!(before.contains("100.00\u{a0}₸ for +7 701 521 15 45"), "{text}");
    let (text, code) = shown(&till, &["pay", "100", "--phone", "7701521154"]);
    assert_eq!(code, 2, "{text}");
    let mut program = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    let program = program.args(["pay", "50", "--phone", "77015211545"]).env("KASPID_SOCKET", till.daemon.socket());
    let output = program.stdin(Stdio::null()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(!said.contains("521 15 45") && said.contains("7701***1545"), "{said}");
    assert_eq!(till.daemon.door.get("/v1/payments").expect(200)["payments"].as_array().unwrap().len(), 2);
}

/// Promise: what would hide, or turn the direction of reading, is shown as an escape, also in what a command line has wrong.
#[test]
fn nothing_is_hidden() {
    let till = Till::open(Dialect::Bank, "");
    let evil = "Shop \u{202e}tenalp\u{200b}";
    let body =
        json!({"kind": "remote", "amount_tiyn": 100, "phone_number": "77015211545", "comment": evil}).to_string();
    let headers = [("Idempotency-Key", "evil-1")];
    let made = till.daemon.door.send("POST", "/v1/payments", &headers, Some(&body));
    let mut texts = vec![shown(&till, &["pay", "1\u{202e}0\u{1b}[31m", "--phone", "77015211545"]).0];
    let name = json!({"description": evil}).to_string();
    if till.daemon.door.send("PATCH", "/v1/configs/891027350515", &[], Some(&name)).status == 200 {
        texts.push(shown(&till, &["statement"]).0);
    }
    if made.status == 201 {
        let id = made.json()["id"].as_str().unwrap().to_owned();
        texts.push(shown(&till, &["payment", "show", &id]).0);
    }
    for text in texts {
        assert!(text.contains("\\u{202e}"), "{text}");
        assert!(!text.contains(['\u{202e}', '\u{200b}', '\u{1b}']), "{text:?}");
    }
}

/// Promise: Ctrl-C in a wait says that the customer still has the invoice and what to type, ends with 5, and takes nothing
/// back.
#[test]
fn a_broken_off_wait_says_what_the_customer_has() {
    let till = Till::open(Dialect::Bank, "");
    let mut terminal = Terminal::types(&till, &["pay", "100", "--phone", "77015211545", "--wait"]);
    terminal.sees("s of the wait are left");
    // As a terminal sends it.
    terminal.ours.write_all(&[3]).unwrap();
    let (text, code) = terminal.ends();
    assert_eq!(code, 5, "{text}");
    let payments = till.daemon.door.get("/v1/payments").expect(200);
    let payment = &payments["payments"][0];
    let id = payment["id"].as_str().unwrap();
    for words in
        ["still has the invoice", &format!("kaspictl payment wait {id}"), &format!("kaspictl payment cancel {id}")]
    {
        assert!(text.contains(words), "{words} in {text}");
    }
    assert_eq!(payment["state"], "waiting");
}

/// Promise: what is said of a wait that was broken off is true of the payment: a code that nobody can take back, a bill of which
/// nobody knows, a payment that was paid meanwhile.
#[test]
fn a_broken_off_wait_tells_no_lies() {
    let till = Till::open(Dialect::Bank, "");
    let mut terminal = Terminal::types(&till, &["link", "100", "--wait"]);
    terminal.sees("s of the wait are left");
    terminal.ours.write_all(&[3]).unwrap();
    let (text, code) = terminal.ends();
    assert!(code == 5 && text.contains("Kaspi takes none back") && !text.contains("payment cancel"), "{code} {text}");
    till.bank.answer("POST", "/r3/v01/remote/create", Answer::page(502, "Bad Gateway"));
    let lost = json!({"kind": "remote", "amount_tiyn": 5_000, "phone_number": "77015211545"});
    let lost = till.daemon.door.post("/v1/payments", &lost).problem("outcome_unknown");
    let id = lost["payment"].as_str().unwrap();
    let mut terminal = Terminal::types(&till, &["payment", "wait", id]);
    terminal.sees("s of the wait are left");
    terminal.ours.write_all(&[3]).unwrap();
    let (text, code) = terminal.ends();
    assert!(code == 5 && text.contains("nobody knows") && !text.contains("payment cancel"), "{code} {text}");
    // A daemon that does not come back is not the payment's end.
    let Till { daemon, home, bank } = till;
    let socket = home.socket();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    let command = command.args(["payment", "wait", id, "--timeout", "2s"]).env("KASPID_SOCKET", &socket);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    daemon.door.get("/v1/health");
    daemon.kill();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let is_unreached = output.status.code() == Some(3) && !said.contains("the wait ends here");
    assert!(is_unreached || (output.status.code() == Some(5) && said.contains("may still have the bill")), "{said}");
    drop(bank);
}

/// Promise: a daemon that takes the connection and says nothing holds nobody up, also where a file is asked for.
#[test]
fn a_deaf_daemon_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("deaf.sock");
    let _deaf = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    let output = command.args(["statement"]).env("KASPID_SOCKET", &socket).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
}

/// Promise: a rehearsal says who would be billed or paid back and from whom, and does nothing.
#[test]
fn a_rehearsal_moves_nothing() {
    let till = Till::open(Dialect::Bank, "");
    let (id, qr) = sold(&till, "order-1", 10_000);
    let before = till.bank.seen().len();
    let (text, code) = shown(&till, &["pay", "150.50", "--phone", "77015211545", "--dry-run"]);
    assert_eq!(code, 0, "{text}");
    for words in
        ["The money goes to 891027350515", "would bill 150.50\u{a0}₸, +7 701 521 15 45; nothing was done (--dry-run)"]
    {
        assert!(text.contains(words), "{words} in {text}");
    }
    let (text, code) = shown(&till, &["payment", "refund", &qr, "--dry-run"]);
    assert!(code == 0 && text.contains("would pay back all that is left, 100.00\u{a0}₸,; nothing was done"), "{text}");
    let (text, code) = shown(&till, &["pay", "5", "--phone", "77015211545", "--bin", "210440028324", "--dry-run"]);
    assert!(code == 1 && !text.contains("would bill"), "{text}");
    let posts = till
        .bank
        .seen()
        .iter()
        .skip(before)
        .filter(|seen| seen.path().contains("create") || seen.path().contains("return"))
        .count();
    assert_eq!((posts, refunds(&till, &id)), (0, 0));
}

/// Promise: whoever says at a terminal that a payment of Kaspi is the one whose answer was lost reads what to compare first.
#[test]
fn a_number_is_compared_before_it_is_attached() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.answer("POST", "/r3/v01/remote/create", Answer::page(502, "Bad Gateway"));
    let lost = json!({"kind": "remote", "amount_tiyn": 20_000, "phone_number": "77015211545"});
    let lost = till.daemon.door.post("/v1/payments", &lost).problem("outcome_unknown");
    let id = lost["payment"].as_str().unwrap();
    let attach = ["payment", "resolve", id, "--attach", "12737694399", "--reason", "seen on the phone"];
    let mut terminal = Terminal::types(&till, &attach);
    terminal.sees("[y/N]");
    terminal.ours.write_all(b"n\n").unwrap();
    let (text, code) = terminal.ends();
    for words in
        ["Is this the payment, 12737694399: 200.00\u{a0}₸ 7701***1545", "Amount, phone and time there must be these."]
    {
        assert!(text.contains(words), "{words} in {text}");
    }
    let state = || till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["state"].clone();
    assert_eq!((code, state()), (1, json!("unknown")));
    let (text, code) = shown(&till, &[&attach[..], &["--yes"]].concat());
    assert_eq!(state(), "waiting", "{code} {text}");
}

/// Promise: who wants no colours, or has a terminal that only prints, gets none, and no line that is wiped off.
#[test]
fn a_plain_terminal_gets_plain_text() {
    let till = Till::open(Dialect::Bank, "");
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let (text, _) = Terminal::types_in(&till, &["link", "100"], name, value).ends();
        assert!(text.contains('█') || text.contains('▀'), "a code is drawn: {text}");
        assert!(!text.contains('\u{1b}'), "{name}: {text:?}");
    }
    let (text, _) = Terminal::types_in(&till, &["link", "100"], "TERM", "xterm").ends();
    assert!(text.contains('\u{1b}'), "a scanner wants dark on light");
    let mut terminal =
        Terminal::types_in(&till, &["pay", "100", "--phone", "77015211545", "--wait=2s"], "TERM", "dumb");
    terminal.sees("WAITING");
    assert!(!terminal.ends().0.contains('\u{1b}'));
}
