//! A payment that is adopted, attached or imported while it waits is followed from that commit on, and ends: by what
//! the bank says, by the rules when its time is over, or by a person.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::behaviour::{Till, behave, paid};
use crate::support::clock::Clock;
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::{Door, exchange};
use crate::support::scripted_bank::{BIN, ScriptedBank};

const STATUS: &str = "/r3/v01/payment/status/";
/// By the daemon's clock, so that a busy machine gives no call up.
const FAST: &str = "[kaspi]\ntimeout = \"2m\"\n[payments]\nrefund_settle = \"4m\"";

fn status(word: &str) -> Answer {
    Answer::json(format!(r#"{{"Data":{{"Status":"{word}"}},"StatusCode":0}}"#))
}

/// What is known of a payment, without a look.
#[track_caller]
fn known(door: &Door, qr: &str) -> Value {
    let list = door.get("/v1/payments?limit=1000").expect(200);
    let row = list["payments"].as_array().unwrap().iter().find(|row| row["qr_payment_id"] == qr);
    row.unwrap_or_else(|| panic!("no {qr} in {list}")).clone()
}

#[track_caller]
fn soon(what: &str, within: Duration, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < within, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn adopt(door: &Door, qr: &str) -> Value {
    let body = json!({"qr_payment_id": qr, "organization_bin": BIN, "amount_tiyn": 20_000});
    door.post("/v1/payments/adopt", &body).expect(201)
}

/// Takes in a row of an earlier system's log: a link that was made then.
fn import(door: &Door, qr: &str, at: &str) {
    let file = format!(
        "operation_type,external_id,organization_bin,amount,status,created_at\nlink,{qr},{BIN},20000,success,{at}\n"
    );
    let head = format!(
        "POST /v1/import/log HTTP/1.1\r\nHost: kaspid\r\nConnection: close\r\nContent-Type: text/csv\r\nContent-Length: {}\r\n\r\n",
        file.len()
    );
    exchange(door.connect(), &[head.as_bytes(), file.as_bytes()].concat()).unwrap().expect(200);
}

/// A link whose create was lost, and which a person has found.
fn attach(door: &Door, bank: &ScriptedBank, qr: &str) {
    bank.answer("POST", "/r3/v01/qr/create-link", Answer::page(502, "Bad Gateway"));
    let lost = door.post("/v1/payments", &json!({"kind": "link", "amount_tiyn": 20_000})).problem("outcome_unknown");
    let resolve = json!({"attach": qr, "reason": "found in the app"});
    door.post(&format!("/v1/payments/{}/resolve", lost["payment"].as_str().unwrap()), &resolve).expect(200);
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

/// Nobody asks for it and nobody restarts the daemon: that it was paid is heard all the same.
#[test]
fn what_is_taken_in_is_followed_from_then_on() {
    let till = Till::open(Dialect::Bank, "");
    let (door, bank) = (&till.daemon.door, &till.bank);
    let numbers = ["600000001", "600000002", "600000003"];
    for qr in numbers {
        bank.answer("GET", &format!("{STATUS}{qr}"), status("QrTokenCreated"));
    }
    adopt(door, numbers[0]);
    import(door, numbers[1], &now());
    attach(door, bank, numbers[2]);
    for qr in numbers {
        assert_eq!(known(door, qr)["state"], "waiting");
        bank.answer("GET", &format!("{STATUS}{qr}"), paid(Dialect::Bank));
    }
    // The bank's interval where none is known is five seconds.
    for qr in numbers {
        soon(qr, Duration::from_secs(20), || known(door, qr)["state"] == "paid");
    }
}

/// At a bank that keeps its status for ever, a code that nobody pays is over when its time is, like one that was made
/// here; and told once.
#[test]
fn what_nobody_pays_ends() {
    let clock = Clock::new(60);
    let bank = ScriptedBank::start();
    behave(&bank, Dialect::Bank);
    let home = Home::new(&bank, FAST);
    let daemon = clock.start(&home);
    let door = &daemon.door;
    door.enrol(BIN);
    let numbers = ["600000001", "600000002"];
    for (qr, word) in numbers.into_iter().zip(["QrTokenCreated", "Wait"]) {
        bank.answer("GET", &format!("{STATUS}{qr}"), status(word));
    }
    adopt(door, numbers[0]);
    import(door, numbers[1], &now());
    for qr in numbers {
        soon(qr, Duration::from_secs(40), || known(door, qr)["state"] == "expired");
        let id = known(door, qr)["id"].clone();
        let events = door.get("/v1/events?after=0&limit=1000").expect(200);
        let told = events["events"].as_array().unwrap().iter().filter(|event| event["payment"]["id"] == id);
        let ends = told.filter(|event| event["type"] == "payment.expired").count();
        assert_eq!(ends, 1, "{events}");
    }
}

/// Where the bank tells no time and nobody has seen a whole life pass, an old one that the bank still calls outstanding
/// stays open: it stands in health, and a person may close it either way. One whose customer still has time is not
/// closed by anybody's word.
#[test]
fn a_person_may_close_what_the_bank_never_ends() {
    let till = Till::open(Dialect::Bank, "");
    let (door, bank) = (&till.daemon.door, &till.bank);
    bank.answer("GET", &format!("{STATUS}*"), status("QrTokenCreated"));
    let old = ["600000001", "600000002"];
    for qr in old {
        import(door, qr, "2025-01-01 10:00:00");
    }
    adopt(door, "600000003");
    let resolve = |qr: &str, paid: bool| {
        let body = json!({"paid": paid, "reason": "looked up in the app"});
        door.post(&format!("/v1/payments/{qr}/resolve"), &body)
    };
    let problems = || door.get("/v1/health").expect(200)["problems"].clone();
    let overdue = |problems: &Value| {
        problems.as_array().unwrap().iter().filter(|found| found["code"] == "payment_overdue").count()
    };
    let found = problems();
    assert_eq!(overdue(&found), 2, "{found}");
    assert!(found[0]["remedy"].as_str().unwrap().contains("resolve"), "{found}");
    let refused = resolve("600000003", false).problem("invalid_request");
    assert!(refused["detail"].as_str().unwrap().contains("can still pay"), "{refused}");
    assert_eq!(resolve(old[0], false).expect(200)["state"], "declined");
    assert_eq!(resolve(old[1], true).expect(200)["state"], "paid");
    assert_eq!(overdue(&problems()), 0);
    // The person knew what Kaspi said: that it says so again is no news.
    door.get(&format!("/v1/payments/{}", old[1])).expect(200);
    assert_eq!(problems(), json!([]));
}

/// The same where the bank does tell its time: one look ends it.
#[test]
fn the_banks_time_ends_an_old_one() {
    let till = Till::open(Dialect::Bank, "");
    let Till { daemon, home, bank } = &till;
    let dated = Answer { headers: vec!["Date: Wed, 24 Nov 2027 10:00:00 GMT".to_owned()], ..status("QrTokenCreated") };
    bank.answer("GET", &format!("{STATUS}*"), dated);
    import(&daemon.door, "600000001", "2025-01-01 10:00:00");
    assert_eq!(daemon.door.get("/v1/payments/600000001").expect(200)["state"], "expired", "{}", home.stderr());
}

/// What was taken in and is still open is followed after a restart, too.
#[test]
fn a_restart_forgets_none() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.answer("GET", &format!("{STATUS}*"), status("QrTokenCreated"));
    adopt(&till.daemon.door, "600000001");
    let Till { daemon, home, bank } = till;
    daemon.kill();
    bank.answer("GET", &format!("{STATUS}*"), paid(Dialect::Bank));
    let daemon = Daemon::start(&home);
    soon("it is heard", Duration::from_secs(20), || known(&daemon.door, "600000001")["state"] == "paid");
}
