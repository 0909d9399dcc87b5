//! The account of a payment's refunds: what a balance proves and what it does not. "Late" is a refund that the bank
//! carries out after its time to settle.

use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::never_lose::files_in_and_out::import;
use crate::support::behaviour::{Till, paid};
use crate::support::daemon::Daemon;
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::{fresh_key, request};
use crate::support::scripted_bank::BIN;

const RETURN: &str = "/r3/v01/payment/return";
const DETAILS: &str = "/r3/v01/payment/details";
const STATUS: &str = "/r3/v01/payment/status/*";
/// Short enough to see a refund in doubt settled.
const QUICK: &str = "[kaspi]\ntimeout = \"2s\"\n[payments]\nrefund_settle = \"4s\"";

/// A payment of 100 tenge that the customer has paid.
struct Paid {
    till: Till,
    id: String,
    refunds: String,
}

impl Paid {
    fn open() -> Self {
        Self::with(QUICK)
    }

    fn with(config: &str) -> Self {
        let till = Till::open(Dialect::Bank, config);
        till.bank.answer("GET", DETAILS, balance("100.00"));
        let body = json!({"kind": "remote", "amount_tiyn": 10_000, "phone_number": "77015211545"});
        let id = till.daemon.door.post("/v1/payments", &body).expect(201)["id"].as_str().unwrap().to_owned();
        till.bank.answer("GET", STATUS, paid(Dialect::Bank));
        assert_eq!(till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["state"], "paid");
        Self { till, refunds: format!("/v1/payments/{id}/refunds"), id }
    }

    fn refund(&self, key: &str, tiyn: u64) -> crate::support::http::Answer {
        self.till.daemon.door.post_with_key(key, &self.refunds, &json!({"amount_tiyn": tiyn}))
    }

    /// A refund that was lost on the way and, after its time to settle, called failed.
    fn failed(&self, key: &str, tiyn: u64) {
        self.till.bank.answer("POST", RETURN, lost());
        assert_eq!(self.refund(key, tiyn).problem("kaspi_unavailable")["money"], "unknown");
        self.till.bank.answer("POST", RETURN, success());
    }

    fn shows(&self, tenge: &str) {
        self.till.bank.answer("GET", DETAILS, balance(tenge));
    }

    fn show(&self) -> Value {
        self.till.daemon.door.get(&format!("/v1/payments/{}", self.id)).expect(200)
    }

    /// Calls to the bank that pay back.
    fn returns(&self) -> usize {
        self.till.bank.seen_at("POST", RETURN, "").len()
    }

    fn resolve(&self, refund: &Value, happened: bool) -> crate::support::http::Answer {
        let body = json!({"refund": refund, "happened": happened, "reason": "seen in the app"});
        self.till.daemon.door.post(&format!("/v1/payments/{}/resolve", self.id), &body)
    }

    fn problems(&self) -> Vec<Value> {
        let health = self.till.daemon.door.get("/v1/health").expect(200);
        let of_it = health["problems"].as_array().unwrap().iter().filter(|problem| problem["payment"] == self.id);
        of_it.cloned().collect()
    }
}

fn balance(tenge: &str) -> Answer {
    Answer::json(format!(
        r#"{{"Data":{{"QrPaymentId":{{asked_id}},"TotalAmount":100.00,"AvailableReturnAmount":{tenge},"TransactionDate":"2026-11-24T17:01:02.345+05:00"}},"StatusCode":0}}"#
    ))
}

fn lost() -> Answer {
    Answer::page(502, "Bad Gateway")
}

fn success() -> Answer {
    Answer::json(r#"{"Data":{"ReturnOperationId":{next_id}},"StatusCode":0}"#)
}

/// 30.00 was called failed and happened late, and a cashier paid 20.00 back in the app: the fall of 50.00 may hold the
/// refund, so nothing is booked, and its key never pays again. A person's word ends it, and the rest is elsewhere's.
#[test]
fn a_fall_that_a_failed_refund_may_be_part_of_is_nobodys() {
    let paid = Paid::open();
    let key = fresh_key();
    paid.failed(&key, 3_000);
    paid.shows("50.00");
    for _ in 0..2 {
        let problem = paid.refund(&key, 3_000).problem("outcome_unknown");
        assert_eq!((&problem["money"], &problem["retryable"]), (&json!("unknown"), &json!(false)), "{problem}");
    }
    let payment = paid.show();
    assert_eq!(payment["refunded_elsewhere_tiyn"], 0, "{payment}");
    assert_eq!((&payment["refunds"][0]["status"], paid.returns()), (&json!("pending"), 1), "{payment}");
    paid.resolve(&payment["refunds"][0]["id"], true).expect(200);
    let payment = paid.refund(&key, 3_000).expect(200);
    assert_eq!((&payment["refunded_tiyn"], paid.returns()), (&json!(3_000), 1), "{payment}");
    // The next reading finds the cashier's.
    paid.refund(&fresh_key(), 1_000).expect(200);
    let payment = paid.show();
    assert_eq!(payment["refunded_elsewhere_tiyn"], 2_000, "{payment}");
}

/// The same where another refund reads the balance first: it is refused, naming the one in doubt, until a person says
/// that it did not happen. That frees the key for any request.
#[test]
fn a_doubt_stands_in_the_way_of_every_other_refund_until_a_person_ends_it() {
    let paid = Paid::open();
    let key = fresh_key();
    paid.failed(&key, 3_000);
    paid.shows("50.00");
    let problem = paid.refund(&fresh_key(), 1_000).problem("refund_open");
    let doubted = paid.show()["refunds"][0]["id"].clone();
    assert_eq!(problem["money"], "not_moved");
    assert!(problem["detail"].as_str().unwrap().contains(doubted.as_str().unwrap()), "does not name it: {problem}");
    assert!(problem["remedy"].as_str().unwrap().contains("--happened yes|no"), "{problem}");
    paid.refund(&key, 3_000).problem("outcome_unknown");
    assert_eq!(paid.returns(), 1);
    paid.resolve(&doubted, false).expect(200);
    // Free for another request.
    let payment = paid.refund(&key, 1_000).expect(200);
    assert_eq!(
        (&payment["refunded_tiyn"], &payment["refunded_elsewhere_tiyn"], paid.returns()),
        (&json!(1_000), &json!(5_000), 2),
        "{payment}"
    );
}

/// And where somebody only looks at the payment first.
#[test]
fn a_look_at_the_payment_books_no_more_than_a_refund_would() {
    let paid = Paid::open();
    let key = fresh_key();
    paid.failed(&key, 3_000);
    paid.shows("50.00");
    let payment = paid.show();
    assert_eq!(
        (&payment["refunds"][0]["status"], &payment["refunded_elsewhere_tiyn"]),
        (&json!("pending"), &json!(0)),
        "{payment}"
    );
    paid.refund(&key, 3_000).problem("outcome_unknown");
    assert_eq!((paid.returns(), paid.problems().len()), (1, 1));
}

/// Two failed refunds of one amount, the second repeated on purpose, and one fall: nobody can tell which it was.
#[test]
fn a_fall_that_fits_two_refunds_is_doubted() {
    let paid = Paid::open();
    let (first, second) = (fresh_key(), fresh_key());
    paid.failed(&first, 3_000);
    paid.refund(&second, 3_000).problem("refund_open");
    paid.till.bank.answer("POST", RETURN, lost());
    let on_purpose = json!({"amount_tiyn": 3_000, "repeat_refund": true});
    paid.till.daemon.door.post_with_key(&second, &paid.refunds, &on_purpose).problem("kaspi_unavailable");
    paid.shows("70.00");
    let payment = paid.show();
    let statuses: Vec<_> =
        payment["refunds"].as_array().unwrap().iter().map(|refund| refund["status"].as_str().unwrap()).collect();
    assert_eq!((statuses, paid.returns()), (vec!["pending", "pending"], 2), "{payment}");
    // One happened, so the other did not, as far as a person can see.
    paid.resolve(&payment["refunds"][0]["id"], true).expect(200);
    paid.resolve(&payment["refunds"][1]["id"], false).expect(200);
    let payment = paid.show();
    assert_eq!((&payment["refunded_tiyn"], paid.problems().len()), (&json!(3_000), 0), "{payment}");
}

/// An earlier system's log claims a refund that never happened. A refund is compared with the balance of its own
/// intent, also after a kill, and is not called failed and paid twice.
#[test]
fn a_claim_that_the_bank_does_not_show_misleads_no_refund() {
    let till = Till::open(Dialect::Bank, QUICK);
    till.bank.answer("GET", DETAILS, balance("100.00"));
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    let log = format!(
        "shop_id,operation_type,external_id,organization_bin,amount,status,created_at\n\
         8,create,12737000555,{BIN},10000,success,2026-11-24 10:00:00\n\
         8,refund,12737000555,{BIN},3000,success,2026-11-24 11:00:00\n"
    );
    let taken = import(&till.daemon, "log", "text/csv", &log).expect(200);
    assert_eq!(taken["imported"], 2, "{taken}");
    let (key, target, body) = (fresh_key(), "/v1/payments/12737000555/refunds", json!({"amount_tiyn": 2_000}));
    // The bank takes it and is cut off before it answers.
    till.bank.answer("POST", RETURN, success());
    till.bank.hold_at(RETURN);
    let asked = request("POST", target, &[("Idempotency-Key", &key)], Some(&body.to_string()));
    let mut connection = till.daemon.door.connect();
    connection.write_all(&asked).unwrap();
    till.bank.wait_for("POST", RETURN, 1);
    let Till { daemon, home, bank } = till;
    daemon.kill();
    bank.release();
    bank.answer("GET", DETAILS, balance("80.00"));
    let till = Till { daemon: Daemon::start(&home), home, bank };
    let payment = till.daemon.door.post_with_key(&key, target, &body).expect(200);
    let ours = payment["refunds"].as_array().unwrap().iter().find(|refund| refund["amount_tiyn"] == 2_000).unwrap();
    assert_eq!((&ours["status"], &ours["evidence"]), (&json!("success"), &json!("balance")), "{payment}");
    assert_eq!(till.bank.seen_at("POST", RETURN, "").len(), 1, "{payment}");
    // What the earlier system claims has not happened as far as the bank's books go.
    let claim = payment["refunds"].as_array().unwrap().iter().find(|refund| refund["amount_tiyn"] == 3_000).unwrap();
    assert_eq!(claim["status"], "failed", "{payment}");
}

/// The bank shows balances late: a reading above what the known refunds leave proves nothing, and nothing is sent on it.
#[test]
fn a_stale_balance_is_no_before() {
    let paid = Paid::open();
    paid.refund(&fresh_key(), 3_000).expect(200);
    // 100.00 still, after 30.00 was paid back.
    let key = fresh_key();
    let problem = paid.refund(&key, 3_000).problem("kaspi_unavailable");
    assert_eq!((&problem["money"], &problem["retryable"]), (&json!("not_moved"), &json!(true)), "{problem}");
    assert_eq!(paid.returns(), 1);
    paid.shows("70.00");
    let payment = paid.refund(&key, 3_000).expect(200);
    assert_eq!((&payment["refunded_tiyn"], paid.returns()), (&json!(6_000), 2), "{payment}");
}

/// A refund whose balance could not be read in its time to settle is settled as soon as somebody asks and it can.
#[test]
fn an_unread_balance_is_read_when_the_payment_is_asked_for() {
    let paid = Paid::open();
    paid.till.bank.answer("POST", RETURN, lost());
    paid.till.bank.answers("GET", DETAILS, [balance("100.00"), lost()]);
    paid.refund(&fresh_key(), 3_000).problem("outcome_unknown");
    assert_eq!(paid.show()["refunds"][0]["status"], "pending");
    paid.shows("70.00");
    let payment = paid.show();
    assert_eq!(
        (&payment["refunds"][0]["status"], &payment["refunds"][0]["evidence"]),
        (&json!("success"), &json!("balance"))
    );
}

/// And by itself within a minute, although nobody asks: `unchanged` then means failed, and its key pays once.
#[test]
fn an_unread_balance_is_read_again_by_itself() {
    let paid = Paid::open();
    let key = fresh_key();
    paid.till.bank.answer("POST", RETURN, lost());
    paid.till.bank.answers("GET", DETAILS, [balance("100.00"), lost()]);
    paid.refund(&key, 3_000).problem("outcome_unknown");
    paid.shows("100.00");
    let until = Instant::now() + Duration::from_secs(40);
    let status = || paid.till.daemon.door.get("/v1/log?operation=refund").expect(200);
    while paid.problems().len() == 1 {
        assert!(Instant::now() < until, "nobody reads it: {}", status());
        std::thread::sleep(Duration::from_millis(250));
    }
    paid.till.bank.answer("POST", RETURN, success());
    let payment = paid.refund(&key, 3_000).expect(200);
    assert_eq!((&payment["refunded_tiyn"], paid.returns()), (&json!(3_000), 2), "{payment}");
}

/// Without a key, or with a new one, a refund that was called failed is not sent again unless somebody says so.
#[test]
fn the_same_amount_is_not_paid_back_again_by_chance() {
    let paid = Paid::with(&format!("{QUICK}\nrequire_key = false"));
    paid.failed(&fresh_key(), 3_000);
    let keyless = |body: &Value| paid.till.daemon.door.send("POST", &paid.refunds, &[], Some(&body.to_string()));
    let body = json!({"amount_tiyn": 3_000});
    let problem = keyless(&body).problem("refund_open");
    assert_eq!(problem["retryable"], false, "{problem}");
    paid.refund(&fresh_key(), 3_000).problem("refund_open");
    // All that is left is another amount.
    assert_eq!(paid.returns(), 1);
    let payment = keyless(&json!({"amount_tiyn": 3_000, "repeat_refund": true})).expect(200);
    assert_eq!((&payment["refunded_tiyn"], paid.returns()), (&json!(3_000), 2), "{payment}");
}

/// A refund without a key is never to be repeated by a program, whatever became of it.
#[test]
fn a_refund_without_a_key_is_never_retryable() {
    let paid = Paid::with(&format!("{QUICK}\nrequire_key = false"));
    let keyless = || {
        let body = json!({"amount_tiyn": 3_000}).to_string();
        paid.till.daemon.door.send("POST", &paid.refunds, &[], Some(&body))
    };
    paid.till.bank.answer("GET", DETAILS, lost());
    assert_eq!(keyless().problem("kaspi_unavailable")["retryable"], false);
    paid.shows("100.00");
    paid.till.bank.answer("POST", RETURN, lost());
    assert_eq!(keyless().problem("kaspi_unavailable")["retryable"], false);
}

/// `repeat_refund` is no part of a request's identity: the same key asks for the same refund with and without it.
#[test]
fn repeat_refund_is_not_compared() {
    let paid = Paid::open();
    let key = fresh_key();
    paid.refund(&key, 3_000).expect(200);
    let repeated = json!({"amount_tiyn": 3_000, "repeat_refund": true});
    let payment = paid.till.daemon.door.post_with_key(&key, &paid.refunds, &repeated).expect(200);
    assert_eq!((&payment["refunded_tiyn"], paid.returns()), (&json!(3_000), 1), "{payment}");
}

/// A refund that simply takes its time is no problem and nothing that a person could resolve.
#[test]
fn a_running_refund_is_no_problem() {
    let paid = Paid::open();
    paid.till.bank.hold_at(RETURN);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| paid.refund(&fresh_key(), 3_000));
        paid.till.bank.wait_for("POST", RETURN, 1);
        assert_eq!(paid.problems(), Vec::<Value>::new());
        let running = paid.show()["refunds"][0]["id"].clone();
        assert_eq!(paid.resolve(&running, true).problem("in_progress")["money"], "not_moved");
        assert_eq!(paid.refund(&fresh_key(), 1_000).problem("in_progress")["money"], "not_moved");
        paid.till.bank.release();
        asking.join().unwrap().expect(200);
    });
}

/// A person's wrong word can be corrected: the bank shows more than the refunds that are called done leave. Until it
/// has stood so for long, nobody is told that a refund did not happen: the bank's books may only be behind.
#[test]
fn a_persons_word_can_be_corrected() {
    let paid = Paid::open();
    let key = fresh_key();
    paid.till.bank.answer("POST", RETURN, lost());
    paid.till.bank.answers("GET", DETAILS, [balance("100.00"), lost()]);
    paid.refund(&key, 3_000).problem("outcome_unknown");
    let refund = paid.show()["refunds"][0]["id"].clone();
    paid.resolve(&refund, true).expect(200);
    paid.shows("100.00");
    let problem = paid.refund(&fresh_key(), 2_000).problem("kaspi_unavailable");
    assert!(!problem["remedy"].as_str().unwrap().contains("--happened"), "{problem}");
    paid.resolve(&refund, false).expect(200);
    paid.till.bank.answer("POST", RETURN, success());
    assert_eq!(paid.refund(&fresh_key(), 2_000).expect(200)["refunded_tiyn"], 2_000);
}

/// A person's yes is taken where the bank's books are behind, and its key pays nothing more.
#[test]
fn a_late_balance_overrules_no_yes() {
    let paid = Paid::open();
    let key = fresh_key();
    paid.failed(&key, 3_000);
    let refund = paid.show()["refunds"][0]["id"].clone();
    let before = paid.returns();
    paid.resolve(&refund, true).expect(200);
    assert_eq!(paid.refund(&key, 3_000).expect(200)["refunded_tiyn"], 3_000);
    assert_eq!(paid.returns(), before);
    paid.refund(&fresh_key(), 2_000).problem("kaspi_unavailable");
    paid.shows("70.00");
    paid.till.bank.answer("POST", RETURN, success());
    assert_eq!(paid.refund(&fresh_key(), 2_000).expect(200)["refunded_tiyn"], 5_000);
}

/// In the guide's dialect there is no balance: a lost answer is a person's, and no other refund is sent before.
#[test]
fn a_lost_answer_of_the_guides_bank_is_a_persons() {
    let till = Till::open(Dialect::Guide, QUICK);
    let body = json!({"kind": "remote", "amount_tiyn": 10_000, "phone_number": "77015211545"});
    let id = till.daemon.door.post("/v1/payments", &body).expect(201)["id"].as_str().unwrap().to_owned();
    till.bank.answer("GET", STATUS, paid(Dialect::Guide));
    till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
    let (key, target, refund) = (fresh_key(), format!("/v1/payments/{id}/refunds"), json!({"amount_tiyn": 3_000}));
    till.bank.answer("POST", "/r3/v01/payment/refund/", lost());
    let doubt = till.daemon.door.post_with_key(&key, &target, &refund).problem("outcome_unknown");
    assert!(doubt["remedy"].as_str().unwrap().contains("--refund"), "{doubt}");
    till.daemon.door.post_with_key(&key, &target, &refund).problem("outcome_unknown");
    till.daemon.door.post_with_key(&fresh_key(), &target, &json!({"amount_tiyn": 1_000})).problem("refund_open");
    assert_eq!(till.bank.seen_at("POST", "/r3/v01/payment/refund/", "").len(), 1);
    // Nobody can have seen yet that it did not happen: the bank may be slow.
    let doubted = till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["refunds"][0]["id"].clone();
    let word = json!({"refund": doubted, "happened": false, "reason": "not in the app"});
    let resolve = || till.daemon.door.post(&format!("/v1/payments/{id}/resolve"), &word);
    let early = resolve().problem("in_progress");
    assert!(early["remedy"].as_str().unwrap().contains("kaspictl payment show"), "{early}");
    let since = std::time::Instant::now();
    while resolve().status != 200 {
        assert!(since.elapsed() < std::time::Duration::from_secs(6), "the word is never taken");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    till.bank.answer("POST", "/r3/v01/payment/refund/", Answer::json(r#"{"status":true}"#));
    assert_eq!(till.daemon.door.post_with_key(&key, &target, &refund).expect(200)["refunded_tiyn"], 3_000);
}

/// The number of an earlier refund, or none that could be one, proves nothing of this one: the balance tells.
#[test]
fn a_number_that_is_not_its_own_proves_no_refund() {
    for named in ["5001", "0", "-7", "\" \""] {
        let paid = Paid::open();
        let answer = |id: &str| Answer::json(format!(r#"{{"Data":{{"ReturnOperationId":{id}}},"StatusCode":0}}"#));
        paid.till.bank.answer("POST", RETURN, answer("5001"));
        paid.refund(&fresh_key(), 1_000).expect(200);
        paid.shows("90.00");
        paid.till.bank.answer("POST", RETURN, answer(named));
        let second = paid.refund(&fresh_key(), 1_000).problem("kaspi_unavailable");
        assert_eq!((&second["money"], &second["retryable"]), (&json!("unknown"), &json!(false)), "{named}: {second}");
        assert!(second["detail"].as_str().unwrap().contains("has not fallen by it"), "{second}");
        paid.shows("80.00");
        assert_eq!(paid.show()["refunded_tiyn"], 2_000, "{named}");
    }
}

/// Of a refund that may still come nobody is told that no money moved, and no program asks again by itself, whatever
/// keeps its balance from being read.
#[test]
fn what_may_still_come_is_not_called_unmoved() {
    let paid = Paid::open();
    let key = fresh_key();
    paid.till.bank.answer("POST", RETURN, lost());
    let first = paid.refund(&key, 3_000).problem("kaspi_unavailable");
    paid.till.bank.answer("GET", DETAILS, lost());
    let again = paid.refund(&key, 3_000).problem("kaspi_unavailable");
    for answer in [first, again] {
        assert_eq!((&answer["money"], &answer["retryable"]), (&json!("unknown"), &json!(false)), "{answer}");
    }
}

/// A person's word that cannot be true beside what was paid is not taken, with the balance and without it.
#[test]
fn an_impossible_word_is_not_taken() {
    let paid = Paid::open();
    paid.failed(&fresh_key(), 6_000);
    let refund = paid.show()["refunds"][0]["id"].clone();
    paid.refund(&fresh_key(), 7_000).expect(200);
    for details in [balance("30.00"), lost()] {
        paid.till.bank.answer("GET", DETAILS, details);
        let problem = paid.resolve(&refund, true).problem("invalid_request");
        assert!(problem["detail"].as_str().unwrap().contains("more would have gone back"), "{problem}");
    }
    let payment = paid.show();
    assert_eq!((&payment["refunded_tiyn"], &payment["refunds"][0]["status"]), (&json!(7_000), &json!("failed")));
}

/// What is left of a fall when a doubt ends is booked with the person's word: the day adds up at once.
#[test]
fn a_word_leaves_the_rest_of_a_fall_elsewhere() {
    let paid = Paid::open();
    paid.failed(&fresh_key(), 3_000);
    paid.shows("50.00");
    let doubted = paid.show()["refunds"][0]["id"].clone();
    let payment = paid.resolve(&doubted, true).expect(200);
    assert_eq!((&payment["refunded_tiyn"], &payment["refunded_elsewhere_tiyn"]), (&json!(3_000), &json!(2_000)));
}

/// A balance that rises again locks nothing for good: a person takes it as it is.
#[test]
fn a_balance_that_rises_again_has_an_end() {
    let paid = Paid::open();
    paid.shows("0.00");
    paid.refund(&fresh_key(), 1_000).problem("refund_exceeds_balance");
    assert_eq!(paid.show()["refunded_elsewhere_tiyn"], 10_000);
    paid.shows("100.00");
    paid.refund(&fresh_key(), 1_000).problem("kaspi_unavailable");
    let body = json!({"paid": true, "reason": "nothing went back in the app"});
    let payment = paid.till.daemon.door.post(&format!("/v1/payments/{}/resolve", paid.id), &body).expect(200);
    assert_eq!(payment["refunded_elsewhere_tiyn"], 0, "{payment}");
    assert_eq!(paid.refund(&fresh_key(), 1_000).expect(200)["refunded_tiyn"], 1_000);
}

/// A key is kept by any attempt under it that may have moved money, whatever became of the last one.
#[test]
fn a_key_is_kept_by_every_attempt_that_may_come() {
    let paid = Paid::open();
    let key = fresh_key();
    paid.failed(&key, 3_000);
    paid.failed(&key, 3_000);
    let second = paid.show()["refunds"][1]["id"].clone();
    paid.resolve(&second, false).expect(200);
    paid.refund(&key, 1_000).problem("key_conflict");
    let first = paid.show()["refunds"][0]["id"].clone();
    paid.resolve(&first, false).expect(200);
    paid.refund(&key, 1_000).expect(200);
    // The log can be rebuilt with all that.
    let verified = paid.till.daemon.door.get("/v1/log/verify?rebuild=true").expect(200);
    assert_eq!(verified["ok"], true, "{verified}");
}

/// A refund that the balance does not show may still come: no program is told to repeat it.
#[test]
fn a_refund_that_may_still_come_is_not_retryable() {
    let paid = Paid::open();
    paid.till.bank.answer("POST", RETURN, lost());
    let problem = paid.refund(&fresh_key(), 3_000).problem("kaspi_unavailable");
    assert_eq!(problem["retryable"], false, "{problem}");
    assert!(!problem["cashier"]["en"].as_str().unwrap().contains("Try again"), "{problem}");
}

/// A key that was free again and used for another amount stands for that: what came of the first is not its answer.
#[test]
fn a_key_used_again_answers_for_what_was_asked_last() {
    let paid = Paid::open();
    let key = fresh_key();
    paid.failed(&key, 5_000);
    let first = paid.show()["refunds"][0]["id"].clone();
    paid.resolve(&first, false).expect(200);
    paid.till.bank.answer("POST", RETURN, Answer::json(r#"{"StatusCode":990000018}"#));
    paid.refund(&key, 3_000).problem("trade_point_inactive");
    // The bank carries the first out after all, and a person corrects the word.
    paid.shows("50.00");
    paid.resolve(&first, true).expect(200);
    paid.till.bank.answer("POST", RETURN, success());
    let payment = paid.refund(&key, 3_000).expect(200);
    assert_eq!((&payment["refunded_tiyn"], paid.returns()), (&json!(8_000), 3), "{payment}");
}

/// Promise: nobody who looks at a payment or a statement reads that such a refund has failed and no more: both say that it may
/// still come, with the command that ends it, in the reader's language.
#[test]
fn a_refund_that_may_still_come_is_not_called_failed() {
    let paid = Paid::open();
    paid.failed("first", 3_000);
    let said = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kaspictl"));
        command.args(arguments).env("KASPID_SOCKET", paid.till.daemon.socket());
        let output = command.output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    for (language, words) in [("en", "not seen, may still come"), ("ru", "не найден, ещё может пройти")]
    {
        let text = said(&["payment", "show", &paid.id, "--lang", language]);
        let refund = paid.show()["refunds"][0]["id"].as_str().unwrap().to_owned();
        let command = format!("kaspictl payment resolve {} --refund {refund} --happened yes|no", paid.id);
        assert!(text.contains(words) && text.contains(&command), "{text}");
        assert!(said(&["statement", "--excel", "--lang", language]).contains(words));
    }
}
