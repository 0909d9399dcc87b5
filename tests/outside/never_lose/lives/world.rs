//! One bank and one daemon whose time runs fast, and everything that happens to them.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use super::life::{Act, Life, SCAN, life};
use super::readers::Readers;
use crate::support::chance::Chance;
use crate::support::clock::Clock;
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::http::{Answer, exchange, fresh_key, request};
use crate::support::sandbox::Sandbox;

/// How many times as fast as ours time runs for the bank and the daemon.
const SPEED: u32 = 60;
/// Tills that take payments at the same time.
const TILLS: usize = 8;
const BINS: [&str; 2] = ["891027350515", "210440028324"];
/// By the daemon's clock. Longer than any step of time, so that no step cuts a call off.
const CONFIG: &str = "
[kaspi]
timeout = \"5h\"
idle = \"10m\"
[payments]
refund_settle = \"10h\"
[limits]
rate_per_uid = 100000
burst_per_uid = 100000
";
/// What goes wrong at the bank when it is asked for a status, and how often; 0 until it is taken back.
const TROUBLES: [(&str, &str, u32); 9] = [
    ("payment_status", "error_5xx", 0),
    ("connect", "drop_before", 0),
    ("payment_status", "drop_before", 40),
    ("payment_status", "unknown_status", 0),
    ("payment_status", "unknown_status", 200),
    ("payment_status", "unknown_code", 50),
    ("payment_status", "cut", 20),
    ("payment_status", "html", 30),
    ("payment_details", "drop_after", 20),
];

/// A payment that was taken, and its life.
pub(crate) struct Taken {
    pub(crate) life: Life,
    pub(crate) id: String,
    pub(crate) qr: String,
    /// How often the till asked to cancel it.
    pub(crate) cancels: usize,
}

pub(crate) struct World {
    pub(crate) bank: Sandbox,
    pub(crate) daemon: Option<Daemon>,
    pub(crate) taken: Vec<Taken>,
    /// How often a daemon was started after the first.
    pub(crate) restarts: usize,
    home: Home,
    clock: Clock,
    chance: Chance,
    /// Cancels that have no answer yet; true is a final one.
    underway: Vec<(usize, JoinHandle<bool>)>,
    /// When what happens to which payment.
    plan: BinaryHeap<Reverse<(Duration, usize, Act)>>,
    pub(crate) readers: Option<Readers>,
}

impl World {
    /// With so many payments open.
    pub(crate) fn begin(lives: usize, chance: &Chance) -> Self {
        let (clock, bank) = (Clock::new(SPEED), Sandbox::start_at_speed(Dialect::Bank, SPEED));
        bank.control("POST", "/timers", Some(&json!({"scan": format!("{}s", SCAN.as_secs())})));
        let home = Home::new(&bank, CONFIG);
        let mut world = Self {
            readers: Some(Readers::begin(&home.socket())),
            daemon: None,
            bank,
            home,
            clock,
            taken: Vec::new(),
            restarts: 0,
            chance: chance.clone(),
            plan: BinaryHeap::new(),
            underway: Vec::new(),
        };
        world.start();
        let door = &world.daemon.as_ref().unwrap().door;
        door.enrol(BINS[0]);
        door.post("/v1/configs", &json!({"organization_bin": BINS[1]})).expect(201);
        world.take(lives);
        world
    }

    fn start(&mut self) {
        self.daemon = Some(self.clock.start(&self.home));
    }

    /// Takes payments at several tills; nobody acts before all are open.
    fn take(&mut self, lives: usize) {
        let (chance, socket) = (&self.chance, &self.home.socket());
        let till = |till: usize| {
            let mut taken = Vec::new();
            for number in (till..lives).step_by(TILLS) {
                taken.push(take_one(socket, life(chance), number, chance.one_of(&BINS)));
            }
            taken
        };
        self.taken = std::thread::scope(|scope| {
            let tills: Vec<_> = (0..TILLS).map(|number| scope.spawn(move || till(number))).collect();
            tills.into_iter().flat_map(|till| till.join().expect("every payment is taken")).collect()
        });
        let now = self.clock.elapsed();
        for (index, one) in self.taken.iter().enumerate() {
            self.plan.extend(one.life.acts.iter().map(|(after, act)| Reverse((now + *after, index, *act))));
        }
    }

    /// Lets everybody act whose time has come.
    fn let_act(&mut self) {
        let (ended, underway) = self.underway.drain(..).partition(|(_, cancel)| cancel.is_finished());
        self.underway = underway;
        let ended: Vec<(usize, JoinHandle<bool>)> = ended;
        for (index, cancel) in ended {
            if !cancel.join().unwrap() {
                // The till tries again.
                self.plan.push(Reverse((self.clock.elapsed() + Duration::from_secs(20), index, Act::Cancel)));
            }
        }
        while let Some(Reverse((at, index, act))) = self.plan.peek().copied() {
            if at > self.clock.elapsed() {
                return;
            }
            self.plan.pop();
            self.act(index, act);
        }
    }

    /// What the bank does not allow any more does not happen.
    fn act(&mut self, index: usize, act: Act) {
        let one = &mut self.taken[index];
        let customer = |verb: &str, force: bool| {
            let target = format!("/payments/{}/{verb}", one.qr);
            let answer = self.bank.try_control("POST", &target, Some(&json!({"force": force})));
            assert!([200, 409].contains(&answer.status), "{}", answer.text());
        };
        match act {
            Act::Scan => customer("scan", false),
            Act::Pay => customer("pay", false),
            Act::Decline => customer("decline", false),
            Act::PayLate => customer("pay", true),
            Act::Cancel => {
                one.cancels += 1;
                let (socket, target) = (self.home.socket(), format!("/v1/payments/{}/cancel", one.id));
                let key = format!("cancel-{}", one.qr);
                let cancel = std::thread::spawn(move || {
                    let answer = send(&socket, "POST", &target, &key, &json!({}));
                    answer.is_ok_and(|answer| answer.status == 200 || answer.json()["code"] == "not_cancellable")
                });
                self.underway.push((index, cancel));
            }
        }
    }

    /// Time runs, and everybody acts.
    fn live(&mut self, span: Duration) {
        let until = self.clock.elapsed() + span;
        while self.clock.elapsed() < until {
            self.let_act();
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Minutes of trouble: the bank down or out of its mind, the daemon stopped or killed.
    pub(crate) fn go_wrong(&mut self) {
        let mut troubles = TROUBLES.to_vec();
        while !troubles.is_empty() {
            let (call, fault, times) = troubles.swap_remove(self.chance.one_of(&[0, 1, 2]) % troubles.len());
            self.bank.fault(&json!({"call": call, "fault": fault, "times": times}));
            if call == "connect" {
                self.bank.control("POST", "/connections/close", None);
            }
            self.live(Duration::from_secs(20 + self.chance.below(20)));
            if self.chance.below(2) == 0 {
                self.restart(Duration::from_secs(self.chance.below(30)));
            }
            self.bank.control("DELETE", "/faults", None);
        }
    }

    /// The daemon stops in order or dies; it is down for a while.
    fn restart(&mut self, down: Duration) {
        match self.chance.below(2) {
            0 => assert!(self.daemon.take().unwrap().stop().success(), "{}", self.home.stderr()),
            _ => self.daemon.take().unwrap().kill(),
        }
        self.live(down);
        self.start();
        self.restarts += 1;
    }

    /// The rest of two days in steps, until after the last look at an invoice that ran out. The daemon is off from the
    /// twentieth to the twenty-eighth hour: the last look at most links falls into that.
    pub(crate) fn grow_old(&mut self) {
        while !self.underway.is_empty() {
            self.live(Duration::from_secs(1));
        }
        let minutes = |count, each: u64| std::iter::repeat_n(Duration::from_secs(60 * each), count);
        let day = minutes(8, 10).chain(minutes(19, 60));
        day.for_each(|step| self.pass(step));
        self.daemon.take().unwrap().kill();
        minutes(2, 240).for_each(|step| self.pass(step));
        self.start();
        self.restarts += 1;
        minutes(3, 60).chain(minutes(6, 240)).for_each(|step| self.pass(step));
        while !self.plan.is_empty() || !self.underway.is_empty() {
            self.live(Duration::from_secs(1));
        }
    }

    /// Time passes at once; the daemon does most of what that makes due before it goes on.
    fn pass(&mut self, span: Duration) {
        // The daemon's first: so it never hears of an end that its own clock has not come to.
        self.clock.pass(span);
        self.bank.control("POST", "/clock", Some(&json!({"advance": format!("{}ms", span.as_millis())})));
        self.let_act();
        let mut asked = 0;
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(30));
            let now = self.bank.control("GET", "/requests?limit=0", None)["count"].as_u64().unwrap();
            if now == asked {
                return;
            }
            asked = now;
        }
    }
}

/// Asks until it is taken.
fn take_one(socket: &std::path::Path, life: Life, number: usize, bin: &str) -> Taken {
    let body = json!({
        "kind": life.kind,
        "amount_tiyn": 100_000 + number,
        "phone_number": "77015211545",
        "organization_bin": bin,
    });
    let key = fresh_key();
    loop {
        let Ok(answer) = send(socket, "POST", "/v1/payments", &key, &body) else { continue };
        let made = answer.json();
        assert!(answer.status < 300 || made["retryable"] == true, "{}", answer.text());
        if answer.status < 300 {
            let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("no {name}: {made}")).to_owned();
            return Taken { life, id: text("id"), qr: text("qr_payment_id"), cancels: 0 };
        }
    }
}

fn send(socket: &std::path::Path, method: &str, target: &str, key: &str, body: &Value) -> io::Result<Answer> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    exchange(stream, &request(method, target, &[("Idempotency-Key", key)], Some(&body.to_string())))
}
