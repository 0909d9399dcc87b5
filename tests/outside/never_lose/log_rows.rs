//! A row of the log shows what is known of its operation now: what was found out since stands in it, and whoever follows
//! the log is told of the row again.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::behaviour::{Till, behave, paid};
use crate::support::clock::Clock;
use crate::support::daemon::Home;
use crate::support::fixture::{Answer, Dialect};
use crate::support::scripted_bank::{BIN, ScriptedBank};

const CREATE: &str = "/r3/v01/remote/create";
const CANCEL: &str = "/r3/v01/remote/cancel";
const STATUS: &str = "/r3/v01/payment/status/*";
const RETURN: &str = "/r3/v01/payment/return";
const DETAILS: &str = "/r3/v01/payment/details";
const QUICK: &str = "[kaspi]\ntimeout = \"2s\"\n[payments]\nrefund_settle = \"4s\"\none_per_invoice = false";

/// What a row of the log has: the guide's ten columns first.
const COLUMNS: [&str; 17] = [
    "id",
    "shop_id",
    "kaspi_config_id",
    "operation_type",
    "external_id",
    "organization_bin",
    "amount",
    "status",
    "error_message",
    "created_at",
    "payment_id",
    "kaspi_status",
    "actor",
    "request_key",
    "x_request_id",
    "provider_code",
    "duration_ms",
];

fn lost() -> Answer {
    Answer::page(502, "Bad Gateway")
}

fn status(word: &str) -> Answer {
    Answer::json(format!(r#"{{"Data":{{"Status":"{word}"}},"StatusCode":0}}"#))
}

fn balance(tenge: &str) -> Answer {
    Answer::json(format!(
        r#"{{"Data":{{"QrPaymentId":{{asked_id}},"TotalAmount":200.00,"AvailableReturnAmount":{tenge}}},"StatusCode":0}}"#
    ))
}

fn body(kind: &str) -> Value {
    json!({"kind": kind, "amount_tiyn": 20_000, "phone_number": "77015211545"})
}

fn invoice(till: &Till) -> String {
    till.daemon.door.post("/v1/payments", &body("remote")).expect(201)["id"].as_str().unwrap().to_owned()
}

/// Our id of an invoice that the customer has paid.
fn paid_invoice(till: &Till) -> String {
    let id = invoice(till);
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    assert_eq!(till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "paid");
    id
}

/// Our id of an invoice whose create was lost.
fn unknown(till: &Till) -> String {
    let created = Answer::json(r#"{"Data":{"QrPaymentId":{next_id}},"StatusCode":0}"#);
    till.bank.answers("POST", CREATE, [lost(), created]);
    let problem = till.daemon.door.post("/v1/payments", &body("remote")).problem("outcome_unknown");
    problem["payment"].as_str().unwrap().to_owned()
}

/// The rows of one operation on a payment, oldest first.
#[track_caller]
fn rows(till: &Till, payment: &str, operation: &str) -> Vec<Value> {
    let target = format!("/v1/log?payment={payment}&operation={operation}&limit=1000");
    till.daemon.door.get(&target).expect(200)["rows"].as_array().unwrap().clone()
}

#[track_caller]
fn row(till: &Till, payment: &str, operation: &str) -> Value {
    let rows = rows(till, payment, operation);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].clone()
}

/// What those are told who follow the log from now on.
struct Follower {
    after: u64,
}

impl Follower {
    fn of(till: &Till) -> Self {
        Self { after: till.daemon.door.get("/v1/log?wait=0s").expect(200)["next"].as_u64().unwrap() }
    }

    /// The rows told since, each by its number and status, and the whole of them.
    #[track_caller]
    fn told(&mut self, till: &Till) -> Vec<Value> {
        let mut told = Vec::new();
        loop {
            let page = till.daemon.door.get(&format!("/v1/log?after={}&wait=0s&limit=1000", self.after)).expect(200);
            let next = page["next"].as_u64().unwrap();
            told.extend(page["rows"].as_array().unwrap().iter().cloned());
            if next == self.after {
                return told;
            }
            self.after = next;
        }
    }

    /// The row was told again, as it is now.
    #[track_caller]
    fn was_told(&mut self, till: &Till, row: &Value) {
        let told = self.told(till);
        assert!(told.contains(row), "{row} is not among {told:?}");
    }
}

/// A refund whose answer was lost: pending, then as a person says.
#[test]
fn a_refund_in_doubt_becomes_what_a_person_says() {
    for (happened, expected) in [(true, "success"), (false, "failed")] {
        let till = Till::open(Dialect::Bank, QUICK);
        let id = paid_invoice(&till);
        till.bank.answers("GET", DETAILS, [balance("200.00"), lost()]);
        till.bank.answer("POST", RETURN, lost());
        let refunds = format!("/v1/payments/{id}/refunds");
        till.daemon.door.post(&refunds, &json!({"amount_tiyn": 3_000})).problem("outcome_unknown");
        let pending = row(&till, &id, "refund");
        assert_eq!(pending["status"], "pending");
        assert!(pending["error_message"].as_str().is_some_and(|why| !why.is_empty()), "{pending}");
        let mut follower = Follower::of(&till);
        let payment = till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
        let resolve = json!({"refund": payment["refunds"][0]["id"], "happened": happened, "reason": "seen in the app"});
        till.daemon.door.post(&format!("/v1/payments/{id}/resolve"), &resolve).expect(200);
        let now = row(&till, &id, "refund");
        assert_eq!((&now["status"], &now["id"]), (&json!(expected), &pending["id"]), "{now}");
        assert_eq!(now["error_message"].is_null(), happened, "{now}");
        follower.was_told(&till, &now);
    }
}

/// A refund called failed that happened late: success, once the balance has told.
#[test]
fn a_failed_refund_that_happened_late_is_a_success() {
    let till = Till::open(Dialect::Bank, QUICK);
    let id = paid_invoice(&till);
    till.bank.answers(
        "POST",
        RETURN,
        [lost(), Answer::json(r#"{"Data":{"ReturnOperationId":{next_id}},"StatusCode":0}"#)],
    );
    let refunds = format!("/v1/payments/{id}/refunds");
    till.daemon.door.post(&refunds, &json!({"amount_tiyn": 3_000})).problem("kaspi_unavailable");
    assert_eq!(row(&till, &id, "refund")["status"], "failed");
    let mut follower = Follower::of(&till);
    till.bank.answer("GET", DETAILS, balance("170.00"));
    till.daemon.door.post(&refunds, &json!({"amount_tiyn": 1_000})).expect(200);
    let found = &rows(&till, &id, "refund")[0];
    assert_eq!((&found["status"], &found["error_message"]), (&json!("success"), &Value::Null), "{found}");
    follower.was_told(&till, found);
    // The export and its sums say the same.
    let export = till.daemon.door.get("/v1/log/export?format=jsonl").text();
    let exported: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let refunded: u64 = exported
        .iter()
        .filter(|row| row["operation_type"] == "refund" && row["status"] == "success")
        .map(|row| row["amount"].as_u64().unwrap())
        .sum();
    assert_eq!(refunded, 4_000);
}

/// A create whose answer was lost: found by a person it is a success with its number; given up it stays open what became
/// of it, and says so.
#[test]
fn a_lost_create_is_what_a_person_found() {
    let till = Till::open(Dialect::Bank, QUICK);
    let (attached, abandoned) = (unknown(&till), unknown(&till));
    for id in [&attached, &abandoned] {
        assert_eq!(row(&till, id, "create")["status"], "pending");
    }
    let mut follower = Follower::of(&till);
    let resolve = |id: &str, how: Value| till.daemon.door.post(&format!("/v1/payments/{id}/resolve"), &how).expect(200);
    resolve(&attached, json!({"attach": "12738000001", "reason": "found in the app"}));
    let found = row(&till, &attached, "create");
    assert_eq!((&found["status"], &found["external_id"]), (&json!("success"), &json!("12738000001")), "{found}");
    assert_eq!(found["error_message"], Value::Null);
    follower.was_told(&till, &found);
    assert_eq!(row(&till, &attached, "resolve")["kaspi_status"], "RemotePaymentCreated");
    resolve(&abandoned, json!({"abandon": true, "reason": "the customer left"}));
    let given_up = row(&till, &abandoned, "create");
    assert_eq!(given_up["status"], "pending");
    assert!(given_up["error_message"].as_str().unwrap().contains("given up"), "{given_up}");
    follower.was_told(&till, &given_up);
}

/// A code that nobody saw is dead when its time is over: nothing came of that call.
#[test]
fn a_lost_code_failed_once_it_is_dead() {
    let (clock, bank) = (Clock::new(1), ScriptedBank::start());
    behave(&bank, Dialect::Bank);
    let home = Home::new(&bank, QUICK);
    let daemon = clock.start(&home);
    daemon.door.enrol(BIN);
    let till = Till { daemon, home, bank };
    till.bank.answer("POST", "/r3/v01/qr/create", lost());
    let problem = till.daemon.door.post("/v1/payments", &json!({"kind": "qr", "amount_tiyn": 20_000}));
    let id = problem.problem("outcome_unknown")["payment"].as_str().unwrap().to_owned();
    assert_eq!(row(&till, &id, "qr")["status"], "pending");
    let mut follower = Follower::of(&till);
    clock.pass(Duration::from_secs(3600));
    assert_eq!(till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "expired");
    let dead = row(&till, &id, "qr");
    assert_eq!(dead["status"], "failed");
    assert!(dead["error_message"].as_str().unwrap().contains("nobody saw"), "{dead}");
    follower.was_told(&till, &dead);
}

/// A cancel whose answer was lost: a success once a look finds the invoice cancelled, and failed once it is found paid.
#[test]
fn a_lost_cancel_is_what_a_look_finds() {
    for (found, expected) in [("RemotePaymentCanceled", "success"), ("Processed", "failed")] {
        let till = Till::open(Dialect::Bank, QUICK);
        let id = invoice(&till);
        till.bank.answer("POST", CANCEL, lost());
        till.bank.answer("GET", STATUS, lost());
        till.daemon.door.post(&format!("/v1/payments/{id}/cancel"), &json!({})).problem("kaspi_unavailable");
        assert_eq!(row(&till, &id, "cancel")["status"], "pending");
        let mut follower = Follower::of(&till);
        till.bank.answer("GET", STATUS, status(found));
        while till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["state"] == "waiting" {
            std::thread::sleep(Duration::from_millis(50));
        }
        let now = row(&till, &id, "cancel");
        assert_eq!(now["status"], expected, "{now}");
        assert_eq!(now["error_message"].is_null(), expected == "success", "{now}");
        follower.was_told(&till, &now);
    }
}

/// Every row says what was found out and who asked, by number and by the name that number has.
#[test]
fn a_row_says_what_was_found_and_who_asked() {
    let till = Till::open(Dialect::Bank, QUICK);
    let id = paid_invoice(&till);
    let seen = row(&till, &id, "status");
    assert_eq!((&seen["kaspi_status"], &seen["actor"]), (&json!("Processed"), &Value::Null), "{seen}");
    let created = row(&till, &id, "create");
    let me = nix::unistd::User::from_uid(nix::unistd::getuid()).unwrap().map(|user| user.name);
    let actor = &created["actor"];
    assert_eq!((&actor["uid"], &actor["name"]), (&json!(nix::unistd::getuid().as_raw()), &json!(me)), "{created}");
    let has = |column: &&&str| created.get(**column).is_some();
    assert_eq!(COLUMNS.iter().filter(has).count(), COLUMNS.len(), "{created}");
}

/// The export has the guide's columns first, and what it has besides is known to an import and not taken in.
#[test]
fn an_export_has_what_a_row_has_and_can_be_taken_in() {
    let till = Till::open(Dialect::Bank, QUICK);
    paid_invoice(&till);
    let export = till.daemon.door.get("/v1/log/export?format=csv").text();
    let header: Vec<&str> = export.lines().next().unwrap().split(',').collect();
    assert_eq!(header[..10], COLUMNS[..10]);
    assert_eq!(
        header[10..],
        [
            "payment_id",
            "kaspi_status",
            "actor_uid",
            "actor_name",
            "actor_gid",
            "actor_pid",
            "request_key",
            "x_request_id",
            "provider_code",
            "duration_ms"
        ]
    );
    let second = Till::open(Dialect::Bank, "");
    for format in ["csv", "jsonl"] {
        let file = tempfile::Builder::new().suffix(&format!(".{format}")).tempfile().unwrap();
        let export = till.daemon.door.get(&format!("/v1/log/export?format={format}"));
        std::fs::write(file.path(), &export.body).unwrap();
        let mut kaspictl = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
        kaspictl.arg("--socket").arg(second.daemon.socket()).args(["import", "log", "--json"]).arg(file.path());
        let said: Value = serde_json::from_slice(&kaspictl.output().unwrap().stdout).unwrap();
        assert_eq!(said["unknown_columns"], json!([]), "{said}");
    }
}

/// Since when an organisation stands as it does: moved by another standing or reason, and by nothing else.
#[test]
fn a_standing_is_dated_by_its_change_alone() {
    let till = Till::open(Dialect::Bank, "[verify]\nconfirm = \"1s\"");
    let door = &till.daemon.door;
    let config = || door.get(&format!("/v1/configs/{BIN}")).expect(200);
    let since = || config()["standing_since"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let change = |change: Value| {
        door.send("PATCH", &format!("/v1/configs/{BIN}"), &[], Some(&change.to_string())).expect(200);
    };
    let verify = || door.post(&format!("/v1/configs/{BIN}/verify"), &json!({}));
    let enrolled = since();
    verify().expect(200);
    change(json!({"description": "Main BIN"}));
    change(json!({"is_active": false}));
    change(json!({"is_active": true}));
    assert_eq!(since(), enrolled, "{}", config());
    let text = Command::new(env!("CARGO_BIN_EXE_kaspictl"))
        .arg("--socket")
        .arg(till.daemon.socket())
        .args(["bin", "show", BIN])
        .output()
        .unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.lines().any(|line| line.starts_with("standing") && line.contains("verified since 2")), "{text}");
    // Absent in two readings.
    let none = Answer::json(r#"{"Data":[],"StatusCode":0}"#);
    till.bank.answer("GET", "/r3/v01/partner/tradepoints/*", none);
    verify();
    let missing = since();
    assert!(missing > enrolled, "{}", config());
    while config()["standing"] != "suspended" {
        std::thread::sleep(Duration::from_millis(100));
        verify();
    }
    let suspended = since();
    assert!(suspended > missing, "{}", config());
    verify();
    assert_eq!(since(), suspended);
    behave(&till.bank, Dialect::Bank);
    verify().expect(200);
    let back = since();
    assert!(back > suspended);
    // Retired is a reason of its own, and so is the end of it.
    door.send("DELETE", &format!("/v1/configs/{BIN}"), &[], None).expect(200);
    assert_eq!(config()["standing_reason"], "retired");
    let retired = since();
    assert!(retired > back);
    door.post("/v1/configs", &json!({"organization_bin": BIN})).expect(200);
    assert!(since() > retired && config()["standing_reason"].is_null(), "{}", config());
}
