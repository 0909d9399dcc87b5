//! Events are facts: what an event says of a payment or an organisation is as of its sequence number, byte for byte
//! the same whenever and however it is read.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use kaspid::client::Client;
use kaspid::moment::Span;
use kaspid::operation::{EventQuery, Reply};
use serde_json::{Value, json};

use crate::doors::rights::{as_nobody, open_to_all};
use crate::support::behaviour::{Till, paid};
use crate::support::fixture::{Answer, Dialect};
use crate::support::http::{Door, exchange, request};
use crate::support::scripted_bank::BIN;

const OTHER: &str = "210440028324";
const CREATE: &str = "/r3/v01/remote/create";
const CANCEL: &str = "/r3/v01/remote/cancel";
const STATUS: &str = "/r3/v01/payment/status/*";
const RETURN: &str = "/r3/v01/payment/return";
const DETAILS: &str = "/r3/v01/payment/details";

/// Short enough to see a refund in doubt settled.
const QUICK: &str = "[kaspi]\ntimeout = \"2s\"\n[payments]\nrefund_settle = \"4s\"\none_per_invoice = false";

/// A page of one event, as it came.
type Page = Vec<u8>;

/// Follows the events one by one, from the first to the last there is once it is told to end.
struct Reader {
    closing: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Page>>,
}

impl Reader {
    fn over_http(door: &Door) -> Self {
        let door = door.clone();
        Self::begin(move |closing| {
            let (mut pages, mut after) = (Vec::new(), 0);
            loop {
                let is_last = closing.load(Ordering::Relaxed);
                let target = format!("/v1/events?after={after}&limit=1&wait=1s");
                let body = exchange(door.connect(), &request("GET", &target, &[], None)).unwrap().body;
                let page: Value = serde_json::from_slice(&body).unwrap();
                match page["events"].as_array().unwrap().is_empty() {
                    true if is_last => return pages,
                    true => {}
                    false => pages.push(body),
                }
                after = page["next"].as_u64().unwrap();
            }
        })
    }

    fn native(socket: PathBuf) -> Self {
        Self::begin(move |closing| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let client = Client::connect(&socket, "facts").await.unwrap();
                let (mut pages, mut after) = (Vec::new(), 0);
                loop {
                    let is_last = closing.load(Ordering::Relaxed);
                    let query = EventQuery { after: Some(after), limit: Some(1), wait: Some(Span::from_secs(1)) };
                    let reply = client.send(None, None, query.into()).await.unwrap().unwrap();
                    let bytes = postcard::to_stdvec(&reply).unwrap();
                    let Reply::Events(page) = reply else { panic!("{reply:?}") };
                    match page.events.is_empty() {
                        true if is_last => return pages,
                        true => {}
                        false => pages.push(bytes),
                    }
                    after = page.next;
                }
            })
        })
    }

    fn begin(read: impl FnOnce(Arc<AtomicBool>) -> Vec<Page> + Send + 'static) -> Self {
        let closing = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&closing);
        Self { closing, thread: std::thread::spawn(move || read(told)) }
    }

    fn end(self) -> Vec<Page> {
        self.closing.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// All events, over HTTP and natively.
fn all(till: &Till) -> [Vec<Page>; 2] {
    [Reader::over_http(&till.daemon.door), Reader::native(till.daemon.socket().to_owned())].map(Reader::end)
}

fn events(pages: &[Page]) -> Vec<Value> {
    let event = |body: &Page| serde_json::from_slice::<Value>(body).unwrap()["events"][0].clone();
    pages.iter().map(event).collect()
}

fn body(tiyn: u64) -> Value {
    json!({"kind": "remote", "amount_tiyn": tiyn, "phone_number": "77015211545"})
}

fn invoice(till: &Till) -> String {
    till.daemon.door.post("/v1/payments", &body(20_000)).expect(201)["id"].as_str().unwrap().to_owned()
}

fn lost() -> Answer {
    Answer::page(502, "Bad Gateway")
}

fn balance(tenge: &str) -> Answer {
    Answer::json(format!(
        r#"{{"Data":{{"QrPaymentId":{{asked_id}},"TotalAmount":200.00,"AvailableReturnAmount":{tenge}}},"StatusCode":0}}"#
    ))
}

/// Looks until the payment is in this state: a read younger than some seconds is answered from memory.
#[track_caller]
fn until(till: &Till, id: &str, state: &str) {
    for _ in 0..400 {
        if till.daemon.door.get(&format!("/v1/payments/{id}")).expect(200)["state"] == state {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{id} is not {state}");
}

/// Taken, seen, paid, and paid back: twice in part, once lost and found in the balance, once lost and told by a person.
fn paid_back(till: &Till) {
    let (door, bank) = (&till.daemon.door, &till.bank);
    let id = invoice(till);
    bank.answer("GET", STATUS, Answer::json(r#"{"Data":{"Status":"Wait"},"StatusCode":0}"#));
    door.get(&format!("/v1/payments/{id}")).expect(200);
    bank.answer("GET", STATUS, paid(Dialect::Bank));
    until(till, &id, "paid");
    let refunds = format!("/v1/payments/{id}/refunds");
    bank.answer("GET", DETAILS, balance("200.00"));
    door.post(&refunds, &json!({"amount_tiyn": 1_000})).expect(200);
    bank.answer("GET", DETAILS, balance("190.00"));
    door.post(&refunds, &json!({"amount_tiyn": 2_000})).expect(200);
    // Lost, and called failed by an unchanged balance.
    bank.answer("GET", DETAILS, balance("170.00"));
    bank.answers("POST", RETURN, [lost(), Answer::json(r#"{"Data":{"ReturnOperationId":{next_id}},"StatusCode":0}"#)]);
    door.post(&refunds, &json!({"amount_tiyn": 3_000})).problem("kaspi_unavailable");
    // It had happened: found before the next one, which is sent.
    bank.answer("GET", DETAILS, balance("140.00"));
    door.post(&refunds, &json!({"amount_tiyn": 500})).expect(200);
    // Lost again, and nobody can tell.
    bank.answers("GET", DETAILS, [balance("135.00"), lost()]);
    bank.answers("POST", RETURN, [lost(), Answer::json(r#"{"Data":{"ReturnOperationId":{next_id}},"StatusCode":0}"#)]);
    door.post(&refunds, &json!({"amount_tiyn": 700})).problem("outcome_unknown");
    let payment = door.get(&format!("/v1/payments/{id}")).expect(200);
    let refund = payment["refunds"].as_array().unwrap().iter().find(|refund| refund["status"] == "pending").unwrap();
    let resolve = json!({"refund": refund["id"], "happened": true, "reason": "seen in the app"});
    door.post(&format!("/v1/payments/{id}/resolve"), &resolve).expect(200);
    bank.answer("GET", STATUS, Answer::json(r#"{"Data":{"Status":"RemotePaymentCreated"},"StatusCode":0}"#));
}

/// Lost, given up, found, paid late, seen by an admin; lost and replaced; refused; cancelled.
fn doubted(till: &Till) {
    let (door, bank) = (&till.daemon.door, &till.bank);
    let unknown = || {
        bank.answers("POST", CREATE, [lost(), Answer::json(r#"{"Data":{"QrPaymentId":{next_id}},"StatusCode":0}"#)]);
        let problem = door.post("/v1/payments", &body(20_000)).problem("outcome_unknown");
        problem["payment"].as_str().unwrap().to_owned()
    };
    let first = unknown();
    let resolve = format!("/v1/payments/{first}/resolve");
    door.post(&resolve, &json!({"abandon": true, "reason": "the customer left"})).expect(200);
    bank.answer("GET", STATUS, paid(Dialect::Bank));
    bank.answer("GET", DETAILS, balance("200.00"));
    door.post(&resolve, &json!({"attach": "12738000001", "reason": "found in the app"})).expect(200);
    until(till, &first, "paid");
    door.post(&resolve, &json!({"paid": true, "reason": "the customer was called"})).expect(200);
    bank.answer("GET", STATUS, Answer::json(r#"{"Data":{"Status":"RemotePaymentCreated"},"StatusCode":0}"#));
    let mut again = body(20_000);
    (again["supersedes"], again["reason"]) = (unknown().into(), "the phone shows nothing".into());
    let replacement = door.post("/v1/payments", &again).expect(201)["id"].as_str().unwrap().to_owned();
    refused(till);
    bank.answers("POST", CANCEL, [lost()]);
    bank.answer("GET", STATUS, Answer::json(r#"{"Data":{"Status":"RemotePaymentCanceled"},"StatusCode":0}"#));
    door.post(&format!("/v1/payments/{replacement}/cancel"), &json!({})).expect(200);
}

/// A create that the bank refuses.
fn refused(till: &Till) {
    let created = Answer::json(r#"{"Data":{"QrPaymentId":{next_id}},"StatusCode":0}"#);
    till.bank.answers("POST", CREATE, [Answer::json(r#"{"StatusCode":990000032}"#), created]);
    assert!(till.daemon.door.post("/v1/payments", &body(20_000)).status >= 400);
}

/// Adopted with money that had gone back, and imported with what an earlier log says of it.
fn taken_in(till: &Till) {
    till.bank.answer("GET", STATUS, paid(Dialect::Bank));
    till.bank.answer("GET", DETAILS, balance("150.00"));
    let adopt = json!({"qr_payment_id": "12738000002", "organization_bin": BIN});
    till.daemon.door.post("/v1/payments/adopt", &adopt).expect(201);
    let log = format!(
        "operation_type,external_id,organization_bin,amount,status,created_at\n\
         create,900000000001,{BIN},10000,success,2025-01-01 10:00:00\n\
         refund,900000000001,{BIN},2500,success,2025-01-02 10:00:00\n\
         refund,900000000001,{BIN},500,success,2025-01-03 10:00:00\n\
         create,900000000002,{BIN},10000,success,2025-01-01 10:00:00\n\
         cancel,900000000002,{BIN},10000,success,2025-01-01 11:00:00\n"
    );
    let head = format!(
        "POST /v1/import/log HTTP/1.1\r\nHost: kaspid\r\nConnection: close\r\nContent-Type: text/csv\r\nContent-Length: {}\r\n\r\n",
        log.len()
    );
    exchange(till.daemon.door.connect(), &[head.as_bytes(), log.as_bytes()].concat()).unwrap().expect(200);
}

fn organisations(till: &Till) {
    let door = &till.daemon.door;
    let change = |change: Value| {
        door.send("PATCH", &format!("/v1/configs/{BIN}"), &[], Some(&change.to_string())).expect(200);
    };
    change(json!({"description": "Main BIN"}));
    door.post(&format!("/v1/configs/{BIN}/verify"), &json!({})).expect(200);
    change(json!({"is_active": false}));
    change(json!({"is_active": true}));
}

/// Read live while payments go through all they can go through, read again from the beginning, after a power cut, and
/// after everything was made anew from the log and compared: the same bytes, over HTTP and natively.
#[test]
fn an_event_is_the_same_whenever_it_is_read() {
    let till = Till::open(Dialect::Bank, QUICK);
    let live = [Reader::over_http(&till.daemon.door), Reader::native(till.daemon.socket().to_owned())];
    paid_back(&till);
    doubted(&till);
    taken_in(&till);
    organisations(&till);
    let live = live.map(Reader::end);
    assert!(live[0].len() >= 35, "{} events", live[0].len());
    assert_eq!(live[0].len(), live[1].len());
    assert!(all(&till) == live, "read later they are others");
    let till = till.crash();
    assert!(all(&till) == live, "after a restart they are others");
    let verified = till.daemon.door.get("/v1/log/verify?rebuild=true").expect(200);
    assert_eq!((&verified["ok"], &verified["differences"]), (&json!(true), &json!([])));
    assert!(all(&till) == live, "after a rebuild they are others");
    // Pages of any size tell the same.
    let page = till.daemon.door.get("/v1/events?after=0&limit=1000").expect(200);
    assert_eq!(page["events"].as_array().unwrap(), &events(&live[0]));
}

/// Each event of a payment says what the payment was when it was written: its type is its state, and a refund stands in
/// it as it stood.
#[test]
fn an_event_tells_its_own_time() {
    let till = Till::open(Dialect::Bank, QUICK);
    paid_back(&till);
    let page = till.daemon.door.get("/v1/events?after=0&limit=1000").expect(200);
    let told = page["events"].as_array().unwrap().iter().filter(|event| event["payment"].is_object());
    let told: Vec<_> = told
        .map(|event| {
            let refunds = event["payment"]["refunds"].as_array().unwrap().iter();
            let refunds = refunds.map(|refund| refund["status"].as_str().unwrap()).collect::<Vec<_>>();
            let word = |value: &Value| value.as_str().unwrap().to_owned();
            (word(&event["type"]), word(&event["payment"]["state"]), refunds.join(" "))
        })
        .collect();
    let expected = [
        ("payment.created", "creating", ""),
        ("payment.waiting", "waiting", ""),
        ("payment.waiting", "waiting", ""),
        ("payment.paid", "paid", ""),
        ("payment.refunded", "paid", "success"),
        ("payment.refunded", "paid", "success success"),
        ("payment.refund_pending", "paid", "success success pending"),
        ("payment.refund_failed", "paid", "success success failed"),
        ("payment.refunded", "paid", "success success success"),
        ("payment.refunded", "paid", "success success success success"),
        ("payment.refund_pending", "paid", "success success success success pending"),
        ("payment.refunded", "paid", "success success success success success"),
    ];
    let expected = expected.map(|(what, state, refunds)| (what.to_owned(), state.to_owned(), refunds.to_owned()));
    assert_eq!(told, expected);
}

/// A caller reads the events of what it may see, also of a payment that is not kept.
#[test]
fn events_are_of_what_the_caller_sees() {
    let name = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(65534)).unwrap().map(|user| user.name);
    let Some(name) = name else {
        eprintln!("SKIPPED: user 65534 has no name here");
        return;
    };
    let rule =
        format!("[access]\npay = [\"root\", \"{name}\"]\n[[access.shop]]\nwho = \"{name}\"\nbins = [\"{OTHER}\"]");
    let Some(till) = open_to_all(&rule) else { return };
    till.daemon.door.post("/v1/configs", &json!({"organization_bin": OTHER})).expect(201);
    refused(&till);
    invoice(&till);
    let theirs = json!({"kind": "link", "amount_tiyn": 300, "organization_bin": OTHER});
    till.daemon.door.post("/v1/payments", &theirs).expect(201);
    let (status, page) = as_nobody(&till, "GET", "/v1/events?after=0&limit=1000", None);
    assert_eq!(status, 200, "{page}");
    let told = page["events"].as_array().unwrap().iter();
    let whose = |event: &Value| {
        event["payment"].as_object().or(event["config"].as_object()).unwrap()["organization_bin"].clone()
    };
    let told: Vec<_> = told.map(|event| (event["type"].as_str().unwrap(), whose(event))).collect();
    let expected = ["config.changed", "payment.created", "payment.waiting"].map(|what| (what, json!(OTHER)));
    assert_eq!(told, expected);
}

/// A create that surely moves nothing: its begin is told while it is under way, in the same bytes once it is over, and
/// its end is told too, so that nobody waits for a payment that is none.
#[test]
fn a_refused_create_does_not_vanish_from_the_events() {
    let till = Till::open(Dialect::Bank, "");
    let before = all(&till);
    till.bank.hold_at(CREATE);
    std::thread::scope(|scope| {
        scope.spawn(|| refused(&till));
        till.bank.wait_for("POST", CREATE, 1);
        let meanwhile = all(&till);
        till.bank.release();
        assert_eq!(meanwhile[0].len(), before[0].len() + 1);
        let begun = events(&meanwhile[0]).pop().unwrap();
        assert_eq!((&begun["type"], &begun["payment"]["state"]), (&json!("payment.created"), &json!("creating")));
        let id = begun["payment"]["id"].as_str().unwrap().to_owned();
        // The end is told before it is answered.
        let target = format!("/v1/events?after={}&wait=20s", begun["seq"]);
        let told = till.daemon.door.get(&target).expect(200);
        let end = &told["events"][0];
        assert_eq!((&end["type"], &end["payment"]["state"]), (&json!("payment.declined"), &json!("declined")));
        assert_eq!(end["payment"]["id"], *id);
        let after = all(&till);
        for (after, meanwhile) in after.iter().zip(&meanwhile) {
            assert_eq!(after.len(), meanwhile.len() + 1);
            assert!(after.starts_with(meanwhile), "what was told is told otherwise now");
        }
        till.daemon.door.get(&format!("/v1/payments/{id}")).problem("not_found");
    });
}
