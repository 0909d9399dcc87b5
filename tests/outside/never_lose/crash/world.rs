//! One bank, one state directory, and a daemon that dies again and again.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use super::till::{BINS, Shop};
use super::{Counts, books};
use crate::support::chance::Chance;
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::http::fresh_key;
use crate::support::sandbox::Sandbox;

const TILLS: usize = 6;
/// A point that nobody comes by for this long is given up for a kill at this instant.
const UNREACHED: Duration = Duration::from_millis(1500);
/// Faults are short, so that settling what they leave is short too.
const CONFIG: &str = "
[kaspi]
timeout = \"1s\"
[payments]
refund_settle = \"2s\"
[follow]
remote_sweep = \"off\"
[limits]
rate_per_uid = 100000
burst_per_uid = 100000
";
const CALLS: [&str; 7] =
    ["remote_create", "link_create", "refund", "remote_cancel", "payment_status", "payment_details", "connect"];
const FAULTS: [&str; 6] = ["drop_before", "drop_after", "error_5xx", "empty", "cut", "delay"];

pub(crate) struct World {
    bank: Arc<Sandbox>,
    home: Home,
    shop: Arc<Shop>,
    threads: Vec<JoinHandle<()>>,
    /// Whose token each token is.
    tokens: HashMap<String, String>,
}

/// Calls have little time here, and a busy machine may take it all.
fn enrol(daemon: &Daemon, config: &serde_json::Value) {
    let enrolled = (0..20).any(|_| {
        let answer = daemon.door.post("/v1/configs", config);
        answer.status == 201 || answer.problem("kaspi_unavailable").is_null()
    });
    assert!(enrolled, "{config} could not be enrolled");
}

impl World {
    pub(crate) fn begin(dialect: Dialect, chance: &Chance) -> Self {
        let bank = Arc::new(Sandbox::start(dialect));
        let home = Home::new(&*bank, CONFIG);
        let first = Daemon::start(&home);
        enrol(&first, &json!({"organization_bin": BINS[0], "is_default": true}));
        enrol(&first, &json!({"organization_bin": BINS[1]}));
        let kinds: &[&str] = match dialect {
            Dialect::Bank => &["remote", "link", "qr"],
            Dialect::Guide => &["remote", "link"],
        };
        let customer = bank.clone();
        // A payment that has run out or is cancelled cannot be paid; that is the bank's to say.
        let pay = Box::new(move |qr: &str| drop(customer.try_control("POST", &format!("/payments/{qr}/pay"), None)));
        let shop = Shop::new(home.socket(), kinds, chance.clone(), pay);
        let mut threads: Vec<_> = (0..TILLS)
            .map(|_| {
                let shop = shop.clone();
                std::thread::spawn(move || shop.work())
            })
            .collect();
        let admin = shop.clone();
        threads.push(std::thread::spawn(move || admin.administer()));
        Self { bank, home, shop, threads, tokens: HashMap::new() }
    }

    /// Dies every death, lets the tills finish, and compares the books.
    pub(crate) fn end(mut self, deaths: &[&str], counts: &mut Counts) {
        for death in deaths {
            self.order_faults();
            let died_at = self.die(death, counts);
            *counts.kills.entry(died_at.to_owned()).or_default() += 1;
            self.check_tokens();
            books::check_effects(&self.bank);
        }
        self.bank.control("DELETE", "/faults", None);
        self.shop.resting.store(false, Ordering::Relaxed);
        let daemon = Daemon::start(&self.home);
        self.shop.closing.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("a till saw a promise broken");
        }
        self.check_tokens();
        let told = self.shop.told.lock().unwrap();
        books::compare(&daemon, &self.bank, &told, &mut counts.found);
        counts.chains += 1;
        let calls = self.shop.calls.lock().unwrap();
        counts.calls.creates += calls.creates;
        counts.calls.cancels += calls.cancels;
        counts.calls.refunds += calls.refunds;
        counts.calls.repeats += calls.repeats;
        counts.calls.replays += calls.replays;
    }

    fn order_faults(&self) {
        for _ in 0..self.shop.chance.below(4) {
            let (call, mut fault) = (self.shop.chance.one_of(&CALLS), self.shop.chance.one_of(&FAULTS));
            if call == "connect" {
                fault = "drop_before";
            }
            self.bank.fault(&json!({"call": call, "fault": fault, "ms": 1 + self.shop.chance.below(100)}));
        }
    }

    /// Starts a daemon and sees it die; says where.
    fn die<'a>(&self, death: &'a str, counts: &mut Counts) -> &'a str {
        let mut command = self.home.command();
        // What the writer does when it rests is seen when the tills do.
        let is_quiet = death.starts_with("writer.rest");
        self.shop.resting.store(is_quiet, Ordering::Relaxed);
        if death != "instant" {
            let times = if is_quiet { 1 } else { 1 + self.shop.chance.below(4) };
            command.env("KASPID_FAIL_POINT", format!("{death}:{times}"));
        }
        let mut daemon = Daemon::spawn(&self.home, command);
        if death == "instant" && self.shop.chance.below(4) == 0 {
            // Before it is ready, perhaps in the middle of recovery.
            std::thread::sleep(Duration::from_millis(self.shop.chance.below(60)));
            daemon.kill();
            return death;
        }
        if daemon.until("READY=1").is_none() {
            assert!(daemon.was_killed(), "it ended by itself:\n{}", self.home.stderr());
            return death;
        }
        self.check_chain(counts);
        if death == "instant" {
            std::thread::sleep(Duration::from_millis(5 + self.shop.chance.below(150)));
            daemon.kill();
            return death;
        }
        if daemon.ends_within(UNREACHED) {
            assert!(daemon.was_killed(), "it ended by itself:\n{}", self.home.stderr());
            return death;
        }
        daemon.kill();
        "instant"
    }

    /// The chain after a crash; the daemon may die again while it answers.
    fn check_chain(&self, counts: &mut Counts) {
        if let Ok(answer) = self.shop.send("GET", "/v1/log/verify", &fresh_key(), None)
            && answer.status == 200
        {
            assert_eq!(answer.json()["ok"], true, "{}", answer.text());
            counts.chains += 1;
        }
    }

    /// No organisation's call carried another's token.
    fn check_tokens(&mut self) {
        let seen = self.bank.control("GET", "/requests?limit=1000", None);
        for request in seen["requests"].as_array().unwrap() {
            let (Some(bin), Some(token)) = (request["organization_bin"].as_str(), request["token"].as_str()) else {
                continue;
            };
            let owner = self.tokens.entry(token.to_owned()).or_insert_with(|| bin.to_owned());
            assert_eq!(owner, bin, "another organisation's token: {request}");
        }
    }
}

/// The items of all pages of a list.
pub(crate) fn pages(daemon: &Daemon, target: &str, name: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut after = String::new();
    loop {
        let page = daemon.door.get(&format!("{target}limit=1000{after}")).expect(200);
        items.extend(page[name].as_array().unwrap().iter().cloned());
        match &page["next"] {
            Value::Null => return items,
            Value::String(next) => after = format!("&after={next}"),
            next => after = format!("&after={next}"),
        }
    }
}
