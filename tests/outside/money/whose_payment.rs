//! Whose payment it is, and of how much: a number is one payment of one organisation; what is taken in by its number
//! before it is paid has to be proven by the bank's details, asked for with the organisation's own token; a mismatch is a
//! problem, stands in no sum, corrects nothing, and ends by the bank's word or a person's.

use serde_json::{Value, json};

use crate::support::behaviour::{Till, paid};
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::{self, exchange};
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::BIN;
use crate::watch::trade_points::text;

/// The guide's second organisation.
const OTHER: &str = "210440028324";
const DETAILS: &str = "/r3/v01/payment/details";
const STATUS: &str = "/r3/v01/payment/status/*";

fn remote(bin: &str, amount: u64) -> Value {
    json!({"kind": "remote", "amount_tiyn": amount, "phone_number": "77015211545", "organization_bin": bin})
}

/// A sandbox, the daemon under test with both organisations, and another daemon: what it makes, the first one does not
/// know.
struct Shops {
    bank: Sandbox,
    here: (Daemon, Home),
    elsewhere: (Daemon, Home),
}

impl Shops {
    fn open(dialect: Dialect) -> Self {
        let bank = Sandbox::start(dialect);
        let open = || {
            let home = Home::new(&bank, "");
            let daemon = Daemon::start(&home);
            for bin in [BIN, OTHER] {
                daemon.door.post("/v1/configs", &json!({"organization_bin": bin})).expect(201);
            }
            (daemon, home)
        };
        let (here, elsewhere) = (open(), open());
        Self { here, elsewhere, bank }
    }

    fn post(&self, target: &str, body: &Value) -> http::Answer {
        self.here.0.door.post(target, body)
    }

    /// The number of an invoice that the other daemon has made.
    fn invoice(&self, bin: &str, amount: u64) -> String {
        let made = self.elsewhere.0.door.post("/v1/payments", &remote(bin, amount)).expect(201);
        text(&made, "qr_payment_id").to_owned()
    }

    /// Our id of an invoice of the other daemon's, taken in under `bin`.
    #[track_caller]
    fn adopted(&self, qr: &str, bin: &str, amount: u64) -> String {
        let body = json!({"qr_payment_id": qr, "organization_bin": bin, "amount_tiyn": amount});
        text(&self.post("/v1/payments/adopt", &body).expect(201), "id").to_owned()
    }

    /// Once a read is due.
    fn looked_at(&self, id: &str) -> Value {
        self.here.0.door.get(&format!("/v1/payments/{id}?wait=4s")).expect(200)
    }

    /// Waits until it is final.
    fn ended(&self, id: &str) -> Value {
        self.here.0.door.get(&format!("/v1/payments/{id}?wait=30s")).expect(200)
    }

    fn resolve(&self, id: &str, paid: bool) -> http::Answer {
        let word = json!({"paid": paid, "reason": "looked in the Kaspi Pay app"});
        self.post(&format!("/v1/payments/{id}/resolve"), &word)
    }

    fn problems(&self) -> Vec<(String, String)> {
        problems(&self.here.0)
    }
}

/// Code and payment of each problem.
fn problems(daemon: &Daemon) -> Vec<(String, String)> {
    let health = daemon.door.get("/v1/health").expect(200);
    let read = |found: &Value| (text(found, "code").to_owned(), found["payment"].as_str().unwrap_or("").to_owned());
    health["problems"].as_array().unwrap().iter().map(read).collect()
}

/// What today's report calls taken of an organisation, and what it lists as unknown.
fn report(daemon: &Daemon, bin: &str) -> (u64, Vec<String>) {
    let today = daemon.door.get(&format!("/v1/reports/day?bin={bin}")).expect(200);
    let range = daemon.door.get(&format!("/v1/reports/range?from=today&bin={bin}")).expect(200);
    let of = |report: &Value| report["organizations"][0]["taken_tiyn"].as_u64().unwrap();
    assert_eq!(of(&today), of(&range), "{today} {range}");
    let unknown = today["organizations"][0]["unknown"].as_array().unwrap();
    (of(&today), unknown.iter().map(|line| text(line, "id").to_owned()).collect())
}

/// Promise: a number is a number. With zeros before it it is the same payment, wherever it comes from; zero is none.
#[test]
fn a_number_is_one_payment_however_it_is_written() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.answer("GET", DETAILS, Answer::json(r#"{"StatusCode":-1601}"#));
    let adopt = |number: &str| {
        let body = json!({"qr_payment_id": number, "organization_bin": BIN, "amount_tiyn": 20_000});
        till.daemon.door.post("/v1/payments/adopt", &body)
    };
    let first = adopt("048546395191").expect(201);
    assert_eq!(first["qr_payment_id"], "48546395191");
    for number in ["48546395191", "048546395191", "0048546395191"] {
        assert_eq!(adopt(number).expect(200)["id"], first["id"]);
        assert_eq!(till.daemon.door.get(&format!("/v1/payments/{number}")).expect(200)["id"], first["id"]);
    }
    for none in ["0", "000", "", "-1", "12a"] {
        adopt(none).problem("invalid_request");
    }
    // A link whose answer was lost cannot be the same one.
    till.bank.answer("POST", "/r3/v01/remote/create", Answer::page(502, "Bad Gateway"));
    let lost = till.daemon.door.post("/v1/payments", &remote(BIN, 20_000)).problem("outcome_unknown");
    let attach = json!({"attach": "0048546395191", "reason": "looks like it"});
    let target = format!("/v1/payments/{}/resolve", text(&lost, "payment"));
    let refused = till.daemon.door.post(&target, &attach).problem("invalid_request");
    assert!(text(&refused, "detail").contains(text(&first, "id")), "{refused}");
    // An earlier log has it too.
    let row = |number: &str, amount: u64| format!("create,{number},{BIN},{amount},success,2026-11-20 10:00:00\n");
    let rows = [row("048546395191", 20_000), row("48546395192", 100), row("048546395192", 100)].concat();
    let said = import_log(&till.daemon, &rows).expect(200);
    assert_eq!((&said["adopted"], &said["skipped"]), (&json!(1), &json!(1)), "{said}");
    let refused = import_log(&till.daemon, &row("48546395191", 700)).text();
    assert!(refused.contains("another amount"), "{refused}");
}

fn import_log(daemon: &Daemon, rows: &str) -> http::Answer {
    let file = format!("operation_type,external_id,organization_bin,amount,status,created_at\n{rows}");
    let head = format!(
        "POST /v1/import/log HTTP/1.1\r\nHost: kaspid\r\nConnection: close\r\nContent-Type: text/csv\r\nContent-Length: {}\r\n\r\n",
        file.len()
    );
    exchange(daemon.door.connect(), &[head.as_bytes(), file.as_bytes()].concat()).unwrap()
}

/// Promise: a status that names another payment makes nothing of this one.
#[test]
fn a_status_of_another_payment_is_none_of_this_one() {
    for (dialect, other) in [
        (Dialect::Bank, r#"{"Data":{"Status":"Processed","QrPaymentId":1},"StatusCode":0}"#),
        (Dialect::Guide, r#"{"status":true,"data":{"status":"Processed","QrPaymentId":"1"}}"#),
    ] {
        let till = Till::open(dialect, "");
        let payment = till.daemon.door.post("/v1/payments", &remote(BIN, 20_000)).expect(201);
        till.bank.answer("GET", STATUS, Answer::json(other));
        let id = text(&payment, "id");
        assert_eq!(looked_at(&till, id)["state"], "waiting");
        let number = text(&payment, "qr_payment_id");
        till.bank.answer(
            "GET",
            STATUS,
            Answer::json(other.replace(":1}", &format!(":{number}}}")).replace("\"1\"", &format!("\"{number}\""))),
        );
        assert_eq!(ended(&till, id)["state"], "paid");
    }
}

/// Promise: a number that is here is of one organisation and one amount; naming others is refused.
#[test]
fn a_known_number_is_not_adopted_as_something_else() {
    let shops = Shops::open(Dialect::Bank);
    let qr = text(&shops.post("/v1/payments", &remote(OTHER, 10_000)).expect(201), "qr_payment_id").to_owned();
    let adopt = |bin: &str, amount: u64| {
        shops.post("/v1/payments/adopt", &json!({"qr_payment_id": qr, "organization_bin": bin, "amount_tiyn": amount}))
    };
    adopt(BIN, 10_000).problem("bin_not_allowed");
    let refused = adopt(OTHER, 20_000).problem("invalid_request");
    assert!(text(&refused, "detail").contains("100.00"), "{refused}");
    adopt(OTHER, 10_000).expect(200);
}

/// Promise: an invoice of one organisation that was adopted under another while it was not paid does not become the
/// other's money when it is: a problem that names it, no `paid` for the till, in no sum, and not refundable, until a
/// person has spoken; and what the person says stands.
#[test]
fn an_invoice_adopted_under_another_organisation_is_not_its_money() {
    for is_ours in [false, true] {
        let shops = Shops::open(Dialect::Bank);
        let qr = shops.invoice(OTHER, 10_000);
        let id = shops.adopted(&qr, BIN, 10_000);
        assert_eq!(shops.problems(), []);
        shops.bank.pay(&qr);
        let looked = shops.looked_at(&id);
        assert_eq!((&looked["state"], &looked["kaspi_status"]), (&json!("waiting"), &json!("Processed")));
        assert_eq!(shops.problems(), [("payment_of_another".to_owned(), id.clone())]);
        assert_eq!(report(&shops.here.0, BIN), (0, vec![id.clone()]));
        let refund = shops.post(&format!("/v1/payments/{id}/refunds"), &json!({}));
        let refund = refund.problem("not_refundable");
        assert_eq!(refund["money"], "not_moved");
        // Nobody knows whose the money is that the customer has paid, and who can say is told.
        let cancel = shops.post(&format!("/v1/payments/{id}/cancel"), &json!({})).problem("not_cancellable");
        assert_eq!(cancel["money"], "unknown", "{cancel}");
        let command = format!("kaspictl payment resolve {id} --paid yes|no");
        for failure in [&refund, &cancel] {
            assert!(text(failure, "remedy").contains(&command), "{failure}");
        }
        assert_eq!(shops.bank.effect(OTHER, "refunds"), 0);

        let closed = shops.resolve(&id, is_ours).expect(200);
        assert_eq!(closed["state"], if is_ours { "paid" } else { "declined" });
        let taken = if is_ours { 10_000 } else { 0 };
        assert_eq!((shops.problems(), report(&shops.here.0, BIN)), (vec![], (taken, vec![])));
        // Nor does the next look undo it.
        let later = shops.looked_at(&id);
        assert_eq!((&later["state"], shops.problems()), (&closed["state"], vec![]));
        // Its number is free for whose it is, or is not.
        let body = json!({"qr_payment_id": qr, "organization_bin": OTHER, "amount_tiyn": 10_000});
        let other = shops.post("/v1/payments/adopt", &body);
        if is_ours {
            other.problem("bin_not_allowed");
        } else {
            assert_eq!(other.expect(201)["state"], "paid");
            assert_eq!((report(&shops.here.0, OTHER), shops.problems()), ((10_000, vec![]), vec![]));
        }
        assert_eq!(shops.here.0.door.get("/v1/log/verify?rebuild=true").expect(200)["ok"], true);
    }
}

/// Promise: a status that the answer to a cancel gives is not forgotten where the one that would settle it is lost.
#[test]
fn a_cancel_that_was_told_paid_says_no_more_that_nothing_moved() {
    let till = Till::open(Dialect::Bank, "[kaspi]\ntimeout = \"2s\"");
    let payment = till.daemon.door.post("/v1/payments", &remote(BIN, 10_000)).expect(201);
    till.bank.answer(
        "POST",
        "/r3/v01/remote/cancel",
        Answer::json(r#"{"Data":{"Status":"Processed"},"StatusCode":0}"#),
    );
    till.bank.answer("GET", STATUS, Answer::page(502, "Bad Gateway"));
    let target = format!("/v1/payments/{}/cancel", text(&payment, "id"));
    let cancel = till.daemon.door.post(&target, &json!({})).problem("not_cancellable");
    assert_eq!((&cancel["money"], &cancel["retryable"]), (&json!("unknown"), &json!(false)), "{cancel}");
    assert!(text(&cancel, "remedy").contains("kaspictl payment show"), "{cancel}");
}

/// Promise: an answer that names its payment in a form that nobody can read says nothing of ours.
#[test]
fn an_unreadable_number_is_somebody_elses() {
    let till = Till::open(Dialect::Bank, "");
    let payment = till.daemon.door.post("/v1/payments", &remote(BIN, 10_000)).expect(201);
    let id = text(&payment, "id").to_owned();
    for named in ["12345.0", "[1]", "\"one\""] {
        let answer = format!(r#"{{"Data":{{"Status":"Processed","QrPaymentId":{named}}},"StatusCode":0}}"#);
        till.bank.answer("GET", STATUS, Answer::json(answer));
        assert_eq!(looked_at(&till, &id)["state"], "waiting", "{named}");
    }
}

/// Promise: that one says before it is known to be paid, too: a cancel that finds it paid and not proven is no word that
/// nothing moved.
#[test]
fn a_cancel_that_finds_it_paid_to_somebody_says_so() {
    let shops = Shops::open(Dialect::Bank);
    let qr = shops.invoice(OTHER, 10_000);
    let id = shops.adopted(&qr, BIN, 10_000);
    shops.bank.pay(&qr);
    let cancel = shops.post(&format!("/v1/payments/{id}/cancel"), &json!({})).problem("not_cancellable");
    assert_eq!(cancel["money"], "unknown", "{cancel}");
    assert!(text(&cancel, "remedy").contains(&format!("kaspictl payment resolve {id}")), "{cancel}");
}

/// Promise: the same for an invoice of another organisation that is attached to one whose answer was lost.
#[test]
fn an_invoice_attached_under_another_organisation_is_not_its_money() {
    let shops = Shops::open(Dialect::Bank);
    let qr = shops.invoice(OTHER, 10_000);
    shops.bank.fault(&json!({"call": "remote_create", "fault": "drop_before"}));
    let lost = shops.post("/v1/payments", &remote(BIN, 10_000)).problem("outcome_unknown");
    let id = text(&lost, "payment").to_owned();
    let attach = json!({"attach": qr, "reason": "found in the app"});
    let attached = shops.post(&format!("/v1/payments/{id}/resolve"), &attach).expect(200);
    assert_eq!(attached["state"], "waiting");
    shops.bank.pay(&qr);
    assert_eq!(shops.looked_at(&id)["state"], "waiting");
    assert_eq!(shops.problems(), [("payment_of_another".to_owned(), id.clone())]);
    assert_eq!(report(&shops.here.0, BIN), (0, vec![id.clone()]));
    // After a restart too.
    let Shops { bank, here: (daemon, home), elsewhere } = shops;
    daemon.kill();
    let shops = Shops { bank, here: (Daemon::start(&home), home), elsewhere };
    assert_eq!(shops.problems(), [("payment_of_another".to_owned(), id.clone())]);
    assert_eq!(shops.resolve(&id, false).expect(200)["state"], "declined");
    assert_eq!(shops.problems(), []);
}

/// Promise: and for one that a file of an earlier system gives to another organisation.
#[test]
fn an_invoice_imported_under_another_organisation_is_not_its_money() {
    let shops = Shops::open(Dialect::Bank);
    let (theirs, ours) = (shops.invoice(OTHER, 10_000), shops.invoice(BIN, 20_000));
    let now = jiff::Timestamp::now();
    let rows = format!("create,{theirs},{BIN},10000,success,{now}\ncreate,{ours},{BIN},20000,success,{now}\n");
    assert_eq!(import_log(&shops.here.0, &rows).expect(200)["adopted"], 2);
    shops.bank.pay(&theirs);
    shops.bank.pay(&ours);
    let id = |qr: &str| text(&shops.here.0.door.get(&format!("/v1/payments/{qr}")).expect(200), "id").to_owned();
    let (theirs, ours) = (id(&theirs), id(&ours));
    assert_eq!((&shops.looked_at(&theirs)["state"], &shops.ended(&ours)["state"]), (&json!("waiting"), &json!("paid")));
    assert_eq!(shops.problems(), [("payment_of_another".to_owned(), theirs.clone())]);
    assert_eq!(report(&shops.here.0, BIN), (20_000, vec![theirs]));
}

/// Promise: one that is really the organisation's becomes paid by itself and is refunded as usual, in both dialects; and
/// one that is paid already when it is adopted is proven then, or refused.
#[test]
fn its_own_becomes_paid_as_usual() {
    for dialect in [Dialect::Bank, Dialect::Guide] {
        let shops = Shops::open(dialect);
        let qr = shops.invoice(BIN, 10_000);
        let id = shops.adopted(&qr, BIN, 10_000);
        shops.bank.pay(&qr);
        assert_eq!(shops.ended(&id)["state"], "paid");
        assert_eq!((shops.problems(), report(&shops.here.0, BIN)), (vec![], (10_000, vec![])));
        let refund = shops.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 3_000}));
        assert_eq!(refund.expect(200)["refunded_tiyn"], 3_000);
    }
    let shops = Shops::open(Dialect::Bank);
    let (ours, theirs) = (shops.invoice(BIN, 10_000), shops.invoice(OTHER, 10_000));
    shops.bank.pay(&ours);
    shops.bank.pay(&theirs);
    let id = shops.adopted(&ours, BIN, 10_000);
    assert_eq!(shops.ended(&id)["state"], "paid");
    let body = json!({"qr_payment_id": theirs, "organization_bin": BIN});
    let refused = shops.post("/v1/payments/adopt", &body).problem("not_found");
    assert!(text(&refused, "remedy").contains("another organisation"), "{refused}");
}

/// Promise: an adopted invoice whose total, once it is paid, is another than what was said is in no sum, and nothing is
/// corrected; a person may let the amount stand.
#[test]
fn an_adopted_invoice_of_another_total_is_in_no_sum() {
    let shops = Shops::open(Dialect::Bank);
    let qr = shops.invoice(BIN, 10_000);
    let id = shops.adopted(&qr, BIN, 5_000);
    shops.bank.pay(&qr);
    let looked = shops.looked_at(&id);
    assert_eq!((&looked["state"], &looked["amount_tiyn"]), (&json!("waiting"), &json!(5_000)));
    assert_eq!(shops.problems(), [("payment_amount_differs".to_owned(), id.clone())]);
    assert_eq!(report(&shops.here.0, BIN), (0, vec![id.clone()]));
    let closed = shops.resolve(&id, true).expect(200);
    assert_eq!((&closed["state"], &closed["amount_tiyn"]), (&json!("paid"), &json!(5_000)));
    assert_eq!((shops.problems(), report(&shops.here.0, BIN)), (vec![], (5_000, vec![])));
}

fn details(total: &str) -> Answer {
    Answer::json(format!(
        r#"{{"Data":{{"QrPaymentId":{{asked_id}},"TotalAmount":{total},"AvailableReturnAmount":{total}}},"StatusCode":0}}"#
    ))
}

fn taken_in(till: &Till) -> String {
    till.bank.answer("GET", DETAILS, Answer::json(r#"{"StatusCode":-1601}"#));
    let body = json!({"qr_payment_id": "48546395191", "organization_bin": BIN, "amount_tiyn": 10_000});
    let id = text(&till.daemon.door.post("/v1/payments/adopt", &body).expect(201), "id").to_owned();
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    id
}

fn looked_at(till: &Till, id: &str) -> Value {
    till.daemon.door.get(&format!("/v1/payments/{id}?wait=4s")).expect(200)
}

fn ended(till: &Till, id: &str) -> Value {
    till.daemon.door.get(&format!("/v1/payments/{id}?wait=30s")).expect(200)
}

/// Promise: where the details cannot be read for a while, nothing is proven and nothing is refused: it is in no sum, a
/// problem says so, and the next look that is answered ends it.
#[test]
fn what_cannot_be_proven_yet_is_asked_again() {
    let till = Till::open(Dialect::Bank, "[kaspi]\ntimeout = \"2s\"");
    let id = taken_in(&till);
    till.bank.answer("GET", DETAILS, Answer::json(r#"{"StatusCode":-999}"#));
    assert_eq!(looked_at(&till, &id)["state"], "waiting");
    assert_eq!(problems(&till.daemon), [("payment_unproven".to_owned(), id.clone())]);
    assert_eq!(report(&till.daemon, BIN), (0, vec![id.clone()]));
    till.bank.answer("GET", DETAILS, details("100.00"));
    assert_eq!(ended(&till, &id)["state"], "paid");
    assert_eq!((problems(&till.daemon), report(&till.daemon, BIN)), (vec![], (10_000, vec![])));
}

/// Promise: a refusal ends by the bank's later word too: a device that Kaspi had forgotten, registered by hand.
#[test]
fn a_refusal_that_was_a_forgotten_device_ends() {
    let till = Till::open(Dialect::Bank, "");
    let id = taken_in(&till);
    assert_eq!(looked_at(&till, &id)["state"], "waiting");
    let health = till.daemon.door.get("/v1/health").expect(200);
    let command = format!("kaspictl bin register {BIN} --trade-point 104039");
    assert!(text(&health["problems"][0], "remedy").contains(&command), "{health}");
    till.daemon.door.post(&format!("/v1/configs/{BIN}/register"), &json!({"trade_point_id": "104039"})).expect(200);
    till.bank.answer("GET", DETAILS, details("100.00"));
    assert_eq!(ended(&till, &id)["state"], "paid");
    assert_eq!((problems(&till.daemon), report(&till.daemon, BIN)), (vec![], (10_000, vec![])));
}

/// A bill of 100.00 that is seen paid while the details call it 10 000.00.
fn paid_of_another_total(till: &Till) -> String {
    till.bank.answer("GET", DETAILS, details("10000.00"));
    let payment = till.daemon.door.post("/v1/payments", &remote(BIN, 10_000)).expect(201);
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    let id = text(&payment, "id").to_owned();
    let seen = ended(till, &id);
    assert_eq!((&seen["state"], &seen["amount_tiyn"]), (&json!("paid"), &json!(10_000)));
    assert_eq!(problems(&till.daemon), [("payment_amount_differs".to_owned(), id.clone())]);
    assert_eq!(report(&till.daemon, BIN), (0, vec![id.clone()]));
    id
}

/// Promise: a bill of ours that the details call another total is paid, in no sum, and a problem; a later right total ends
/// it, a person's word ends it, and the same odd total raises it no more, another one does.
#[test]
fn an_odd_total_is_a_problem_until_it_is_right_or_accepted() {
    let till = Till::open(Dialect::Bank, "");
    let id = paid_of_another_total(&till);
    till.bank.answer("GET", DETAILS, details("100.00"));
    let refund = |till: &Till, id: &str| {
        till.daemon.door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 1_000}))
    };
    assert_eq!(refund(&till, &id).expect(200)["refunded_tiyn"], 1_000);
    assert_eq!((problems(&till.daemon), report(&till.daemon, BIN)), (vec![], (10_000, vec![])));

    let till = Till::open(Dialect::Bank, "");
    let id = paid_of_another_total(&till);
    let word = json!({"paid": true, "reason": "100.00 stands in the app"});
    till.daemon.door.post(&format!("/v1/payments/{id}/resolve"), &word).expect(200);
    assert_eq!((problems(&till.daemon), report(&till.daemon, BIN)), (vec![], (10_000, vec![])));
    // With our amount standing, refunds work as usual.
    assert_eq!(refund(&till, &id).expect(200)["refunded_tiyn"], 1_000);
    assert_eq!(problems(&till.daemon), []);
    till.bank.answer("GET", DETAILS, details("77.00"));
    refund(&till, &id).problem("not_refundable");
    assert_eq!(problems(&till.daemon), [("payment_amount_differs".to_owned(), id)]);
}

/// Promise: the same of a total that status v02 tells; a right one later ends it.
#[test]
fn an_odd_amount_of_a_status_ends_with_a_right_one() {
    let till = Till::open(Dialect::Bank, "[kaspi]\nstatus_version = \"v02\"");
    let status = |word: &str, amount: &str| {
        Answer::json(format!(r#"{{"Data":{{"Status":"{word}","Amount":{amount}}},"StatusCode":0}}"#))
    };
    let path = "/r3/v02/payment/status/*";
    till.bank.answer("GET", DETAILS, details("100.00"));
    let payment = till.daemon.door.post("/v1/payments", &remote(BIN, 10_000)).expect(201);
    let id = text(&payment, "id").to_owned();
    till.bank.answer("GET", path, status("RemotePaymentCreated", "1.00"));
    assert_eq!(looked_at(&till, &id)["state"], "waiting");
    assert_eq!(problems(&till.daemon), [("payment_amount_differs".to_owned(), id.clone())]);
    till.bank.answer("GET", path, status("Processed", "100.00"));
    let seen = ended(&till, &id);
    assert_eq!((&seen["state"], problems(&till.daemon)), (&json!("paid"), vec![]));
    assert_eq!(report(&till.daemon, BIN), (10_000, vec![]));
}

/// Promise: what a status calls its total is answered by a status or a person, not by details that call it ours.
#[test]
fn details_do_not_answer_for_a_status() {
    let till = Till::open(Dialect::Bank, "[kaspi]\nstatus_version = \"v02\"");
    let path = "/r3/v02/payment/status/*";
    let status =
        |amount: &str| Answer::json(format!(r#"{{"Data":{{"Status":"Processed","Amount":{amount}}},"StatusCode":0}}"#));
    till.bank.answer("GET", DETAILS, details("100.00"));
    till.bank.answer("GET", path, status("99.00"));
    let payment = till.daemon.door.post("/v1/payments", &remote(BIN, 10_000)).expect(201);
    let id = text(&payment, "id").to_owned();
    let target = format!("/v1/payments/{id}/refunds");
    let differs = [("payment_amount_differs".to_owned(), id.clone())];
    assert_eq!((&ended(&till, &id)["state"], problems(&till.daemon)), (&json!("paid"), differs.to_vec()));
    // The refund reads the details.
    till.daemon.door.post(&target, &json!({"amount_tiyn": 1_000})).problem("not_refundable");
    assert_eq!((problems(&till.daemon), report(&till.daemon, BIN)), (differs.to_vec(), (0, vec![id.clone()])));
    let word = json!({"paid": true, "reason": "100.00 stands in the app"});
    till.daemon.door.post(&format!("/v1/payments/{id}/resolve"), &word).expect(200);
    assert_eq!((problems(&till.daemon), report(&till.daemon, BIN)), (vec![], (10_000, vec![])));
    // And what was accepted of one stays so, whatever the other says.
    till.daemon.door.post(&target, &json!({"amount_tiyn": 1_000})).expect(200);
    assert_eq!(problems(&till.daemon), []);
}

/// Promise: a create whose answer has the number of a payment that is here is unknown and an alarm that names both, also
/// after a restart; the first keeps its number; a person ends the alarm.
#[test]
fn a_number_that_is_known_raises_an_alarm() {
    for (kind, path) in [("remote", "/r3/v01/remote/create"), ("link", "/r3/v01/qr/create-link")] {
        let mut till = Till::open(Dialect::Bank, "");
        let bill = |amount: u64| json!({"kind": kind, "amount_tiyn": amount, "phone_number": "77015211545"});
        let first = till.daemon.door.post("/v1/payments", &bill(10_000)).expect(201);
        let (number, id) = (text(&first, "qr_payment_id").to_owned(), text(&first, "id").to_owned());
        let again = format!(
            r#"{{"Data":{{"QrPaymentId":{number},"PaymentId":"0{number}","PaymentLink":"https://pay.kaspi.kz/pay/1"}},"StatusCode":0}}"#
        );
        till.bank.answer("POST", path, Answer::json(again));
        let failure = till.daemon.door.post("/v1/payments", &bill(20_000)).problem("outcome_unknown");
        assert_eq!((&failure["money"], &failure["retryable"]), (&json!("unknown"), &json!(false)));
        let second = text(&failure, "payment").to_owned();
        till = till.crash();
        let health = till.daemon.door.get("/v1/health").expect(200);
        let alarm = health["problems"].as_array().unwrap().iter().find(|found| found["code"] == "payment_number_taken");
        let alarm = alarm.unwrap_or_else(|| panic!("no alarm: {health}"));
        assert!(alarm["payment"] == second.as_str() && text(alarm, "detail").contains(&id), "{alarm}");
        assert!(text(alarm, "detail").contains(&number) && text(alarm, "remedy").contains(&second), "{alarm}");
        assert_eq!(till.daemon.door.get(&format!("/v1/payments/{number}")).expect(200)["id"], first["id"]);
        let word = json!({"abandon": true, "reason": "the bank says there is only one"});
        till.daemon.door.post(&format!("/v1/payments/{second}/resolve"), &word).expect(200);
        assert_eq!(problems(&till.daemon), [("payment_abandoned".to_owned(), second)]);
    }
}
