//! Tills that behave: each repeats a request with its key until the answer is final, whatever happens to the daemon
//! meanwhile, and writes down what it was told.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::chance::Chance;
use crate::support::http::{Answer, exchange, fresh_key, request};

/// The guide's organisations.
pub(crate) const BINS: [&str; 2] = ["891027350515", "210440028324"];
/// A till's pause before it repeats itself.
const PAUSE: Duration = Duration::from_millis(10);
/// The longest a till waits for one answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// A till that repeats itself this often is told nothing final: that is a broken promise too.
const MOST_REPEATS: usize = 3000;
/// A till that hears this often that another call is not finished tells its cashier so. Whether that was true is
/// looked at later.
const MOST_WAITS: usize = 100;

/// Another call on the payment is not finished, or a refund of it is in doubt.
pub(crate) const IN_PROGRESS: &str = "in_progress";

/// How often the tills asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    pub(crate) creates: usize,
    pub(crate) cancels: usize,
    pub(crate) refunds: usize,
    /// The same request with the same key once more.
    pub(crate) repeats: usize,
    /// Successes that were told to a repetition.
    pub(crate) replays: usize,
}

/// What a till wanted, and the final answer it got.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) what: What,
    pub(crate) key: String,
    pub(crate) bin: &'static str,
    /// No two intentions of a world have the same.
    pub(crate) amount: u64,
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Wanted {
    pub(crate) fn is_done(&self) -> bool {
        self.status < 300
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Create(&'static str),
    /// Of our payment.
    Cancel(String),
    Refund(String),
}

/// What the tills of a world share.
pub(crate) struct Shop {
    pub(crate) socket: PathBuf,
    pub(crate) kinds: &'static [&'static str],
    pub(crate) chance: Chance,
    pub(crate) closing: AtomicBool,
    /// Nobody begins anything new.
    pub(crate) resting: AtomicBool,
    pub(crate) calls: Mutex<Calls>,
    pub(crate) told: Mutex<Vec<Wanted>>,
    /// The customer pays the payment with this number at the bank.
    pub(crate) pay: Box<dyn Fn(&str) + Send + Sync>,
    next: AtomicU64,
}

impl Shop {
    pub(crate) fn new(
        socket: PathBuf,
        kinds: &'static [&'static str],
        chance: Chance,
        pay: Box<dyn Fn(&str) + Send + Sync>,
    ) -> Arc<Self> {
        let [closing, resting] = [const { AtomicBool::new(false) }; 2];
        let (calls, told, next) = (Mutex::default(), Mutex::default(), 1.into());
        Arc::new(Self { socket, kinds, chance, closing, resting, calls, told, pay, next })
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }

    /// Serves customers until the shop closes.
    pub(crate) fn work(&self) {
        while !self.is_closing() {
            if !self.resting.load(Ordering::Relaxed) {
                self.serve();
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn serve(&self) {
        let (kind, bin) = (self.chance.one_of(self.kinds), self.chance.one_of(&BINS));
        let amount = 100_000 + self.next.fetch_add(1, Ordering::Relaxed);
        let body = json!({"kind": kind, "amount_tiyn": amount, "phone_number": "77015211545", "organization_bin": bin});
        let sold = self.insist(What::Create(kind), bin, amount, "/v1/payments", &body);
        let (Some(id), Some(qr)) = (sold.body["id"].as_str(), sold.body["qr_payment_id"].as_str()) else { return };
        if !sold.is_done() {
            return;
        }
        match self.chance.below(4) {
            0 | 1 if kind == "remote" => {
                let target = format!("/v1/payments/{id}/cancel");
                self.insist(What::Cancel(id.to_owned()), bin, amount, &target, &json!({}));
            }
            0 => {}
            _ => {
                (self.pay)(qr);
                self.refund(id, bin);
            }
        }
    }

    /// Two refunds of different amounts, each with its own key.
    fn refund(&self, id: &str, bin: &'static str) {
        for _ in 0..2 {
            let amount = 1_000 + self.next.fetch_add(1, Ordering::Relaxed);
            let target = format!("/v1/payments/{id}/refunds");
            self.insist(What::Refund(id.to_owned()), bin, amount, &target, &json!({"amount_tiyn": amount}));
        }
    }

    /// Asks until the answer is final.
    fn insist(&self, what: What, bin: &'static str, amount: u64, target: &str, body: &Value) -> Wanted {
        let key = fresh_key();
        let (answer, repeats) = self.until_final(&key, target, body);
        let wanted = Wanted { what, key, bin, amount, status: answer.status, body: answer.json() };
        let mut calls = self.calls.lock().unwrap();
        match wanted.what {
            What::Create(_) => calls.creates += 1,
            What::Cancel(_) => calls.cancels += 1,
            What::Refund(_) => calls.refunds += 1,
        }
        calls.repeats += repeats;
        calls.replays += usize::from(repeats > 0 && wanted.is_done());
        self.told.lock().unwrap().push(wanted.clone());
        wanted
    }

    fn until_final(&self, key: &str, target: &str, body: &Value) -> (Answer, usize) {
        let mut waits = 0;
        for repeats in 0..MOST_REPEATS {
            if let Ok(answer) = self.send("POST", target, key, Some(body)) {
                let body = answer.json();
                waits += usize::from(body["code"] == IN_PROGRESS);
                if answer.status < 300 || body["retryable"] != true || waits == MOST_WAITS {
                    return (answer, repeats);
                }
            }
            std::thread::sleep(PAUSE);
        }
        panic!("POST {target} {body} with {key}: no final answer");
    }

    /// One attempt; the daemon may die at any moment of it.
    pub(crate) fn send(&self, method: &str, target: &str, key: &str, body: Option<&Value>) -> io::Result<Answer> {
        let stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = body.map(Value::to_string);
        let answer = exchange(stream, &request(method, target, &[("Idempotency-Key", key)], body.as_deref()))?;
        // Half an answer is none.
        serde_json::from_slice::<Value>(&answer.body).map_err(io::Error::other)?;
        Ok(answer)
    }

    /// What an admin does meanwhile: registers and enrols again, and closes some of what nobody knows.
    pub(crate) fn administer(&self) {
        while !self.is_closing() {
            if self.resting.load(Ordering::Relaxed) {
                std::thread::sleep(PAUSE);
                continue;
            }
            let bin = self.chance.one_of(&BINS);
            let _ = match self.chance.below(3) {
                0 => self.send("POST", &format!("/v1/configs/{bin}/register"), &fresh_key(), Some(&json!({}))),
                1 => self.send("POST", "/v1/configs", &fresh_key(), Some(&json!({"organization_bin": bin}))),
                _ => self.give_up(),
            };
            std::thread::sleep(PAUSE);
        }
    }

    fn give_up(&self) -> io::Result<Answer> {
        let unknown = self.send("GET", "/v1/payments?state=unknown&limit=20", &fresh_key(), None)?;
        let body = unknown.json();
        let Some(id) = body["payments"][0]["id"].as_str() else { return Ok(unknown) };
        let resolution = json!({"abandon": true, "reason": "the customer went home"});
        self.send("POST", &format!("/v1/payments/{id}/resolve"), &fresh_key(), Some(&resolution))
    }
}
