//! What happens at a till for one sale, whatever becomes of the daemon meanwhile: a cut call is made again under its key.

use std::collections::BTreeMap;
use std::fmt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::daemon::Home;
use crate::support::http::{Answer, exchange, request};
use crate::support::sandbox::Sandbox;

/// A daemon that is away is back within this.
const PATIENCE: Duration = Duration::from_secs(60);

/// Nothing tells a till that a socket is there again.
const AGAIN: Duration = Duration::from_millis(5);

/// One sale.
pub(crate) struct Sale {
    /// From the request to its answer, with all that came in between.
    pub(crate) create: Duration,
}

/// How sales ended.
#[derive(Default)]
pub(crate) struct Counter {
    pub(crate) paid: usize,
    declined: usize,
    refunded: usize,
    repeated: usize,
    /// Codes of failures, and states that a sale should not end in.
    others: BTreeMap<String, usize>,
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { paid, declined, refunded, repeated, others } = self;
        write!(f, "{paid} paid, {declined} declined, {refunded} refunded, {repeated} calls repeated, else {others:?}")
    }
}

/// The shop, its customers, and the bank's side of them.
pub(crate) struct Shopping<'a> {
    socket: PathBuf,
    bank: &'a Sandbox,
    counter: &'a Mutex<Counter>,
}

impl<'a> Shopping<'a> {
    pub(crate) fn new(home: &Home, bank: &'a Sandbox, counter: &'a Mutex<Counter>) -> Self {
        Self { socket: home.socket(), bank, counter }
    }

    /// Every twentieth customer says no; every tenth gets a part back.
    pub(crate) fn sell(&self, number: usize) -> Sale {
        let began = Instant::now();
        let created = self.ask("POST", "/v1/payments", &format!("sale-{number}"), Some(&wanted(number)));
        let sale = Sale { create: began.elapsed() };
        let body = created.json();
        let (Some(id), Some(bank_id)) = (body["id"].as_str(), body["qr_payment_id"].as_str()) else {
            self.count(|counter| counter.other(&body));
            return sale;
        };
        let says_no = number % 20 == 7;
        let act = if says_no { "decline" } else { "pay" };
        self.bank.control("POST", &format!("/payments/{bank_id}/{act}"), None);
        let ended = self.wait_for(id);
        match ended["state"].as_str() {
            Some("paid") => self.count(|counter| counter.paid += 1),
            Some("declined" | "cancelled" | "expired") if says_no => self.count(|counter| counter.declined += 1),
            _ => self.count(|counter| counter.other(&ended)),
        }
        if number % 10 == 3 && ended["state"] == "paid" {
            self.pay_back(id, number);
        }
        sale
    }

    /// Until it is over. A wait that the daemon's end cuts short says how it stands; the till waits on.
    fn wait_for(&self, id: &str) -> Value {
        let until = Instant::now() + PATIENCE;
        loop {
            let payment = self.ask("GET", &format!("/v1/payments/{id}?wait=60s"), "", None).json();
            if payment["state"] != "waiting" || Instant::now() >= until {
                return payment;
            }
        }
    }

    fn pay_back(&self, id: &str, number: usize) {
        let part = json!({"amount_tiyn": 1_000});
        let answer = self.ask("POST", &format!("/v1/payments/{id}/refunds"), &format!("back-{number}"), Some(&part));
        match answer.status {
            200..300 => self.count(|counter| counter.refunded += 1),
            _ => self.count(|counter| counter.other(&answer.json())),
        }
    }

    /// Until there is an answer that another try would not change.
    fn ask(&self, method: &str, target: &str, key: &str, body: Option<&Value>) -> Answer {
        let body = body.map(Value::to_string);
        let headers = [("Idempotency-Key", key)];
        let headers = if key.is_empty() { &[] } else { headers.as_slice() };
        let bytes = request(method, target, headers, body.as_deref());
        let until = Instant::now() + PATIENCE;
        loop {
            let answer = UnixStream::connect(&self.socket).and_then(|stream| exchange(stream, &bytes));
            match answer {
                Ok(answer) if answer.status < 400 || answer.json()["retryable"] != true => return answer,
                other => assert!(Instant::now() < until, "{method} {target}: {other:?}"),
            }
            self.count(|counter| counter.repeated += 1);
            std::thread::sleep(AGAIN);
        }
    }

    fn count(&self, count: impl FnOnce(&mut Counter)) {
        count(&mut self.counter.lock().unwrap());
    }
}

impl Counter {
    fn other(&mut self, body: &Value) {
        let what = body["code"].as_str().or(body["state"].as_str()).unwrap_or("?").to_owned();
        *self.others.entry(what).or_default() += 1;
    }
}

fn wanted(number: usize) -> Value {
    let amount = 5_000 + number % 1_000;
    match number % 3 {
        0 => json!({"kind": "remote", "amount_tiyn": amount, "phone_number": "77015211545"}),
        1 => json!({"kind": "qr", "amount_tiyn": amount}),
        _ => json!({"kind": "link", "amount_tiyn": amount}),
    }
}
