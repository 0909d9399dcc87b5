//! An earlier system's log that comes in more than once, as it grows: what is new is booked or refused, what is here stays.

use serde_json::{Value, json};

use super::Stranger;
use crate::support::behaviour::{Till, paid};
use crate::support::fixture::{Answer, Dialect};
use crate::support::scripted_bank::BIN;

const HEAD: &str = "operation_type,external_id,organization_bin,amount,status,error_message,created_at\n";

fn file(rows: &[&str]) -> Stranger {
    let row = |row: &&str| {
        let (begin, at) = row.split_once('|').unwrap();
        let (operation, amount, status) = match begin.split(' ').collect::<Vec<_>>()[..] {
            [operation, amount, status] => (operation, amount, status),
            _ => panic!("{row}"),
        };
        format!("{operation},900,{BIN},{amount},{status},,2025-01-02 {at}\n")
    };
    Stranger::new("a log", HEAD.to_owned() + &rows.iter().map(row).collect::<String>(), "")
}

const CREATE: &str = "create 10000 success|10:00:00";
const FIRST: &str = "refund 2500 success|11:00:00";
const SECOND: &str = "refund 3000 success|12:00:00";

#[track_caller]
fn taken(till: &Till, rows: &[&str]) -> (u64, u64) {
    let said = file(rows).import(till, "log").expect(200);
    (said["imported"].as_u64().unwrap(), said["skipped"].as_u64().unwrap())
}

#[track_caller]
fn refused(till: &Till, rows: &[&str], line: u64, says: &'static str) {
    let file = Stranger { says, ..file(rows) };
    file.is_refused(till, "log", line);
}

#[track_caller]
fn payment(till: &Till) -> Value {
    assert_eq!(till.daemon.door.get("/v1/log/verify?rebuild=true").expect(200)["ok"], true);
    till.daemon.door.get("/v1/payments/900").expect(200)
}

/// The same file with one more refund: that refund is booked once, however exact its time is.
#[test]
fn a_refund_that_is_new_in_a_longer_log_is_booked_once() {
    let till = Till::open(Dialect::Bank, "");
    assert_eq!(taken(&till, &[CREATE, FIRST]), (2, 0));
    assert_eq!(taken(&till, &[CREATE, FIRST, SECOND]), (1, 2));
    assert_eq!(payment(&till)["refunded_tiyn"], 5500);
    let exact = "refund 3000 success|12:00:00.250";
    assert_eq!(taken(&till, &[CREATE, FIRST, exact]), (0, 3));
    // Another of the same amount is another one.
    assert_eq!(taken(&till, &[SECOND, "refund 3000 success|13:00:00"]), (1, 1));
    assert_eq!(payment(&till)["refunded_tiyn"], 8500);
    refused(&till, &[CREATE, "refund 3000 success|14:00:00"], 3, "more was refunded than was paid");
    refused(&till, &["cancel 10000 success|14:00:00"], 2, "is paid here");
    assert_eq!(payment(&till)["refunded_tiyn"], 8500);
}

/// Promise: money that went back past the daemon counts once. A balance has shown it before the earlier system's log told
/// it: then the row is history, and the sums stay what the bank says.
#[test]
fn a_refund_that_a_balance_has_shown_is_not_booked_again() {
    let till = Till::open(Dialect::Bank, "");
    assert_eq!(taken(&till, &[CREATE]), (1, 0));
    till.bank.answer("GET", "/r3/v01/payment/status/*", paid(Dialect::Bank));
    let balance = r#"{"Data":{"QrPaymentId":{asked_id},"TotalAmount":100.00,"AvailableReturnAmount":75.00,"TransactionDate":"2025-01-02T10:00:30.345+05:00"},"StatusCode":0}"#;
    till.bank.answer("GET", "/r3/v01/payment/details*", Answer::json(balance));
    assert_eq!(payment(&till)["state"], "paid");
    till.daemon.door.post("/v1/payments/900/refunds", &json!({"amount_tiyn": 1_000})).expect(200);
    let sums = |payment: &Value| ["refunded_tiyn", "refunded_elsewhere_tiyn"].map(|sum| payment[sum].as_u64().unwrap());
    assert_eq!(sums(&payment(&till)), [1_000, 2_500]);
    assert_eq!(taken(&till, &[CREATE, FIRST]), (1, 1));
    assert_eq!(sums(&payment(&till)), [1_000, 2_500], "it is booked twice");
    assert_eq!(taken(&till, &[CREATE, FIRST]), (0, 2));
    assert_eq!(sums(&payment(&till)), [1_000, 2_500]);
}

/// What was pending in the first file and has happened in the second has happened; a cancel ends what is open.
#[test]
fn what_was_pending_comes_to_its_end() {
    let till = Till::open(Dialect::Bank, "");
    let pending = "refund 2500 pending|11:00:00";
    assert_eq!(taken(&till, &[CREATE, pending]), (2, 0));
    assert_eq!(taken(&till, &[CREATE, pending]), (0, 2));
    assert_eq!(taken(&till, &[CREATE, FIRST]), (1, 1));
    assert_eq!(payment(&till)["refunded_tiyn"], 2500);
    let till = Till::open(Dialect::Guide, "");
    assert_eq!(taken(&till, &[CREATE]), (1, 0));
    assert_eq!(taken(&till, &[CREATE, "cancel 10000 success|11:00:00"]), (1, 1));
    assert_eq!(payment(&till)["state"], "cancelled");
    assert_eq!(taken(&till, &[CREATE, "cancel 10000 success|11:00:00"]), (0, 2));
}

/// A refund that came before its payment counts when the payment comes, once, and within its amount.
#[test]
fn a_refund_that_came_first_waits_for_its_payment() {
    let till = Till::open(Dialect::Bank, "");
    assert_eq!(taken(&till, &[FIRST]), (1, 0));
    refused(&till, &["create 2000 success|10:00:00"], 2, "more was refunded than was paid");
    assert_eq!(taken(&till, &[CREATE, FIRST, SECOND]), (2, 1));
    assert_eq!(payment(&till)["refunded_tiyn"], 5500);
    assert_eq!(taken(&till, &[CREATE, FIRST, SECOND]), (0, 3));
}

/// Two rows of one id are two exports put together: both lines are told, and nothing counts twice.
#[test]
fn an_id_stands_once_in_a_file() {
    let till = Till::open(Dialect::Bank, "");
    let rows = format!(
        "id,{HEAD}1,create,900,{BIN},10000,success,,2025-01-02 10:00:00\n\
         2,refund,900,{BIN},2500,success,,2025-01-02 11:00:00\n2,refund,900,{BIN},2500,success,,2025-01-02 11:00:00\n"
    );
    let file = Stranger::new("a row twice", rows, "stands on line 4 again");
    file.is_refused(&till, "log", 3);
    let problem = file.import(&till, "log").problem("invalid_request");
    assert_eq!(problem["rows"][1]["line"], 4, "{problem}");
}

/// Our own export, taken in where it comes from, is here already: every row of it.
#[test]
fn an_export_is_here_already() {
    let till = Till::open(Dialect::Bank, "");
    taken(&till, &[CREATE, FIRST]);
    for format in ["csv", "jsonl"] {
        let export = till.daemon.door.get(&format!("/v1/log/export?format={format}")).text();
        let rows = export.lines().count() - usize::from(format == "csv");
        let said = Stranger::new("our own", export, "").import(&till, "log").expect(200);
        assert_eq!((&said["imported"], &said["skipped"]), (&json!(0), &json!(rows)), "{format}: {said}");
    }
    assert_eq!(payment(&till)["refunded_tiyn"], 2500);
}

/// Looked at first: the same judge tells the same figures, and nothing of it is here before the file is taken in.
#[test]
fn a_file_that_is_only_looked_at_changes_nothing() {
    let till = Till::open(Dialect::Bank, "");
    let events = || till.daemon.door.get("/v1/log/verify").expect(200)["events"].clone();
    for rows in [[CREATE, FIRST].as_slice(), &[CREATE, FIRST, SECOND], &[CREATE, FIRST, SECOND]] {
        let before = events();
        let mut looked = file(rows).look(&till, "log").expect(200);
        assert_eq!((&looked["dry_run"], events()), (&json!(true), before));
        let taken = file(rows).import(&till, "log").expect(200);
        looked["dry_run"] = false.into();
        assert_eq!(looked, taken);
    }
    assert_eq!(payment(&till)["refunded_tiyn"], 5500);
    // Organisations, too: the bank is not asked about one that is not here.
    let configs = "shop_id,organization_bin,trade_point_id,device_token\n8,210440028324,104040,tok-2\n";
    let configs = Stranger::new("configs", configs, "");
    let (before, calls) = (events(), till.bank.seen().len());
    let looked = configs.look(&till, "configs").expect(200);
    assert_eq!((&looked["imported"], &looked["dry_run"], events()), (&json!(1), &json!(true), before));
    assert_eq!(till.daemon.door.get("/v1/configs/210440028324").status, 404);
    assert_eq!(till.bank.seen().len(), calls);
    assert_eq!(
        till.daemon
            .door
            .send("POST", "/v1/import/log?dry_run=maybe", &[("Content-Type", "text/csv")], Some("x"))
            .status,
        400
    );
}
