//! The bank's books, the daemon's and the tills', compared.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::till::{IN_PROGRESS, Wanted, What};
use super::world::pages;
use crate::support::daemon::Daemon;
use crate::support::sandbox::Sandbox;

/// What there was to compare.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    /// Payments and refunds that really happened, and cancels.
    pub(crate) payments: usize,
    pub(crate) refunds: usize,
    pub(crate) cancels: usize,
    /// Payments and refunds of which the daemon says that it does not know.
    pub(crate) unknown: usize,
    pub(crate) refunds_in_doubt: usize,
    /// Calls that had begun when the daemon died: shown as such in the log.
    pub(crate) found_open: usize,
    pub(crate) events: u64,
}

/// At any moment: no two payments of one intention, no two refunds of one. Every intention has an amount of its own.
pub(crate) fn check_effects(bank: &Sandbox) {
    let payments = bank.control("GET", "/payments", None);
    let mut amounts = HashSet::new();
    for payment in payments["payments"].as_array().unwrap() {
        assert!(amounts.insert(payment["amount_tiyn"].as_u64()), "two payments of one intention: {payment}");
        let mut refunds = HashSet::new();
        for refund in payment["refunds"].as_array().unwrap() {
            assert!(refunds.insert(refund["amount_tiyn"].as_u64()), "two refunds of one intention: {payment}");
        }
    }
}

struct Books<'a> {
    /// By amount.
    bank: HashMap<u64, Value>,
    /// By key.
    daemon: HashMap<&'a str, &'a Value>,
    by_id: HashMap<&'a str, &'a Value>,
    log: &'a [Value],
    /// Ids of payments that the daemon says need a person.
    problems: HashSet<&'a str>,
}

/// After the last crash, with everybody done.
pub(crate) fn compare(daemon: &Daemon, bank: &Sandbox, told: &[Wanted], found: &mut Found) {
    check_effects(bank);
    let verified = daemon.door.get("/v1/log/verify").expect(200);
    assert_eq!((&verified["ok"], &verified["first_bad"]), (&Value::Bool(true), &Value::Null), "{verified}");
    let effects = bank.control("GET", "/effects", None);
    let payments = bank.control("GET", "/payments", None);
    let (rows, health) = at_rest(daemon);
    let log = pages(daemon, "/v1/log?", "rows");
    let by = |name: &'static str| rows.iter().filter_map(move |row| Some((row[name].as_str()?, row)));
    let books = Books {
        bank: payments["payments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|payment| (payment["amount_tiyn"].as_u64().unwrap(), payment.clone()))
            .collect(),
        daemon: by("request_key").collect(),
        by_id: by("id").collect(),
        log: &log,
        problems: health["problems"].as_array().unwrap().iter().filter_map(|item| item["payment"].as_str()).collect(),
    };
    assert_eq!(books.daemon.len(), rows.len(), "two payments of one key");
    for row in &rows {
        books.check_row(row);
    }
    for wanted in told {
        let is_refund = matches!(wanted.what, What::Refund(_));
        assert!(is_refund || wanted.body["code"] != IN_PROGRESS, "nothing is in progress: {wanted:?}");
        match &wanted.what {
            What::Create(kind) => books.check_create(wanted, kind),
            What::Cancel(id) => books.check_cancel(wanted, id),
            What::Refund(id) => books.check_refund(wanted, id),
        }
    }
    // Nothing at the bank that no till asked for.
    let asked: HashSet<u64> = told.iter().map(|wanted| wanted.amount).collect();
    assert!(books.bank.keys().all(|amount| asked.contains(amount)), "the bank has payments nobody asked for");
    let count = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    found.payments += books.bank.len();
    found.refunds += count(&effects["total"]["refunds"]);
    found.cancels += count(&effects["total"]["cancels"]);
    found.unknown += rows.iter().filter(|row| row["state"] == "unknown").count();
    found.refunds_in_doubt += rows.iter().flat_map(refunds).filter(|refund| refund["status"] == "pending").count();
    let open = |row: &&Value| row["error_message"].as_str().is_some_and(|text| text.contains("the daemon stopped"));
    found.found_open += log.iter().filter(open).count();
    found.events += verified["events"].as_u64().unwrap();
}

/// The payments and the state of health at one moment: what the last crash left open is being settled meanwhile.
fn at_rest(daemon: &Daemon) -> (Vec<Value>, Value) {
    loop {
        let before = pages(daemon, "/v1/payments?", "payments");
        let health = daemon.door.get("/v1/health").expect(200);
        if pages(daemon, "/v1/payments?", "payments") == before {
            return (before, health);
        }
    }
}

fn refunds(row: &Value) -> impl Iterator<Item = &Value> {
    row["refunds"].as_array().unwrap().iter()
}

impl Books<'_> {
    /// What the daemon says of a payment agrees with the bank, or it says that it does not know.
    fn check_row(&self, row: &Value) {
        let theirs = self.bank.get(&row["amount_tiyn"].as_u64().unwrap());
        let known = row["qr_payment_id"].as_str();
        let state = row["state"].as_str().unwrap();
        if let (Some(number), Some(theirs)) = (known, theirs) {
            assert_eq!(theirs["id"].to_string(), number, "another payment's number: {row}\n{theirs}");
            assert_eq!(theirs["organization_bin"], row["organization_bin"], "another organisation: {row}\n{theirs}");
        }
        let status = theirs.map_or("", |theirs| theirs["status"].as_str().unwrap());
        match state {
            "waiting" => assert!(known.is_some() && theirs.is_some(), "not at the bank: {row}"),
            "paid" => assert_eq!(status, "Processed", "{row}\n{theirs:?}"),
            "cancelled" => assert_eq!(status, "RemotePaymentCanceled", "{row}\n{theirs:?}"),
            "unknown" => assert!(self.problems.contains(row["id"].as_str().unwrap()), "not shown as a problem: {row}"),
            // Given up by the admin; the others by their own time, which is not over in a test.
            "abandoned" => {}
            _ => panic!("{row}\n{theirs:?}"),
        }
        assert_eq!(row["refunded_elsewhere_tiyn"], 0, "nobody refunded elsewhere: {row}\n{theirs:?}");
    }

    fn check_create(&self, wanted: &Wanted, kind: &str) {
        let (row, theirs) = (self.daemon.get(wanted.key.as_str()), self.bank.get(&wanted.amount));
        if let Some(theirs) = theirs {
            assert_eq!(theirs["organization_bin"], wanted.bin, "another organisation: {wanted:?}\n{theirs}");
            assert!(row.is_some(), "forgotten: {wanted:?}\n{theirs}");
        }
        if !wanted.is_done() {
            return;
        }
        let row = row.unwrap_or_else(|| panic!("forgotten: {wanted:?}"));
        assert_eq!((&row["id"], &row["organization_bin"]), (&wanted.body["id"], &Value::from(wanted.bin)));
        let operation = if kind == "remote" { "create" } else { kind };
        let line = self.line(&wanted.key, operation);
        match wanted.body["state"].as_str() {
            // A repetition of a create whose answer was lost is told what there is.
            Some("unknown" | "abandoned") => assert_eq!(line["status"], "pending", "{wanted:?}\n{line}"),
            _ => {
                assert_eq!(line["status"], "success", "{wanted:?}\n{line}");
                assert_eq!(line["external_id"], row["qr_payment_id"], "{line}");
            }
        }
    }

    fn check_cancel(&self, wanted: &Wanted, id: &str) {
        if wanted.is_done() {
            assert_eq!(self.by_id[id]["state"], "cancelled", "{wanted:?}");
            let line = self.log.iter().any(|line| {
                let of_it = line["payment_id"] == id;
                of_it && ["cancel", "status"].contains(&line["operation_type"].as_str().unwrap())
            });
            assert!(line, "not in the log: {wanted:?}");
        }
    }

    fn check_refund(&self, wanted: &Wanted, id: &str) {
        let row = self.by_id[id];
        let theirs = &self.bank[&row["amount_tiyn"].as_u64().unwrap()];
        let happened = refunds(theirs).any(|refund| refund["amount_tiyn"] == wanted.amount);
        let ours: Vec<&str> = refunds(row)
            .filter(|refund| refund["amount_tiyn"] == wanted.amount)
            .map(|refund| refund["status"].as_str().unwrap())
            .collect();
        let said = |status: &str| ours.iter().filter(|found| **found == status).count();
        assert!(!happened || said("success") + said("pending") > 0, "forgotten: {wanted:?}\n{row}\n{theirs}");
        assert!(said("success") <= usize::from(happened), "did not happen: {wanted:?}\n{row}\n{theirs}");
        assert!(said("pending") == 0 || self.problems.contains(id), "not shown as a problem: {row}");
        if wanted.body["code"] == IN_PROGRESS {
            // In doubt still, or until the balance settled it.
            let other = refunds(row).any(|refund| refund["status"] == "pending" || refund["evidence"] == "balance");
            assert!(other && ours.is_empty(), "what is in progress? {wanted:?}\n{row}");
        }
        if wanted.is_done() {
            assert_eq!(said("success"), 1, "{wanted:?}\n{row}");
            self.line(&wanted.key, "refund");
        }
    }

    /// The last line of the log of a call.
    fn line(&self, key: &str, operation: &str) -> &Value {
        let mut lines =
            self.log.iter().filter(|line| line["request_key"] == key && line["operation_type"] == operation);
        lines.next_back().unwrap_or_else(|| panic!("not in the log: {operation} with {key}"))
    }
}
