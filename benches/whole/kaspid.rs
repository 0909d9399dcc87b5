//! The daemon, measured.

use std::time::{Duration, Instant};

use kaspid::id::PaymentId;
use kaspid::operation::{GetPayment, Reply, VersionQuery};

use crate::door::{Http, Native, invoice};
use crate::floor::{self, Echo, Flush, Raw};
use crate::peers::{self, Peer};
use crate::process::{kib, processor_time};
use crate::rounds;
use crate::support::behaviour::Till;
use crate::support::daemon::Daemon;
use crate::support::fixture::Dialect;
use crate::table::{Table, Times, timed};

/// Nobody is told to slow down, and nothing but the calls asks the bank.
pub(crate) const FREE: &str =
    "[limits]\nrate_per_uid = 1000000\nburst_per_uid = 1000000\n[follow]\nremote_sweep = \"off\"\nrate = 100000";

/// Calls of each kind in a round.
const CALLS: usize = 300;

/// Tills at once.
const TILLS: usize = 64;

pub(crate) const CREATE: (&str, &str) = ("/r3/v01/remote/create", r#"{"Amount":100.00,"PhoneNumber":"77015211545"}"#);
const STATUS: &str = "/r3/v01/payment/status/12737000001?deviceToken=577b4b39-1e7e-43d2-83c3-a0116118ef16";

/// A look this long after the one before asks the bank, however many there were.
const ASKED: Duration = Duration::from_secs(16);
pub(crate) const SERVICE: &str = r#"{"organization_bin":"891027350515","amount":10000,"phone":"77015211545"}"#;

pub(crate) fn shop() -> Till {
    let till = Till::open(Dialect::Bank, FREE);
    till.bank.forgets();
    till
}

fn made(native: &mut Native) -> PaymentId {
    match native.call(invoice()) {
        Reply::Created(payment) | Reply::Payment(payment) => payment.id,
        other => panic!("{other:?}"),
    }
}

/// The times of each kind of call.
#[derive(Default)]
struct Calls {
    x: Times,
    u: Times,
    f: Times,
    noop: Times,
    noop_http: Times,
    read: Times,
    create: Times,
    /// By each sidecar that is there.
    sidecars: Vec<(&'static str, Times)>,
    service: Times,
    curl: Times,
    /// Creates, and what they took of the processor.
    creates: usize,
    cpu: Duration,
}

/// Payments that the bank is asked about, and when it was last.
pub(crate) struct Looks {
    payments: Vec<PaymentId>,
    last: Instant,
}

impl Looks {
    /// At so many payments, made for it. What is learned by the first is written down; later ones learn nothing.
    pub(crate) fn new(native: &mut Native, payments: usize) -> Self {
        let mut looks = Self { payments: (0..payments).map(|_| made(native)).collect(), last: Instant::now() };
        looks.round(native);
        looks
    }

    pub(crate) fn round(&mut self, native: &mut Native) -> Vec<Duration> {
        // The bank is asked about an invoice at most every fifteen seconds.
        std::thread::sleep(ASKED.saturating_sub(self.last.elapsed()));
        let mut left = self.payments.iter();
        let times = timed(self.payments.len(), || {
            let payment = left.next().unwrap().to_string().parse().unwrap();
            drop(native.call(GetPayment { payment, wait: None }));
        });
        self.last = Instant::now();
        times
    }
}

/// One call after the other: nothing, a read of the bank, a durable create.
pub(crate) fn calls(table: &mut Table) {
    let till = shop();
    let (mut native, mut http) = (Native::connect(&till.daemon), Http::connect(&till.daemon));
    let (mut echo, mut raw, flush) = (Echo::start(), Raw::connect(&till.bank), Flush::new());
    let mut python = Peer::python(&till.bank);
    let bank = &till.bank;
    let sidecars = [("nginx", Peer::nginx(bank)), ("haproxy", Peer::haproxy(bank)), ("stunnel", Peer::stunnel(bank))];
    let mut sidecars: Vec<_> = sidecars.into_iter().filter_map(|(name, peer)| Some((name, peer?))).collect();
    let mut looks = Looks::new(&mut native, CALLS);
    let named = |(name, _): &(&'static str, Peer)| (*name, Times::default());
    let mut calls = Calls { sidecars: sidecars.iter().map(named).collect(), ..Calls::default() };
    for _ in 0..rounds() {
        calls.x.round(timed(CALLS, || echo.call()));
        calls.u.round(timed(CALLS, || raw.call("GET", STATUS, None)));
        calls.f.round(timed(CALLS, || flush.call()));
        calls.noop.round(timed(CALLS, || drop(native.call(VersionQuery))));
        calls.noop_http.round(timed(CALLS, || drop(http.get("/v1/version"))));
        calls.read.round(looks.round(&mut native));
        let before = processor_time(till.daemon.pid());
        calls.create.round(timed(CALLS, || drop(native.call(invoice()))));
        calls.cpu += processor_time(till.daemon.pid()) - before;
        calls.creates += CALLS;
        for ((_, peer), (_, times)) in sidecars.iter_mut().zip(&mut calls.sidecars) {
            peer.connect();
            times.round(timed(CALLS, || peer.call("GET", STATUS, None)));
        }
        if let Some(python) = &mut python {
            python.connect();
            calls.service.round(timed(CALLS / 4, || python.call("POST", "/payments", Some(SERVICE))));
        }
        calls.curl.round(timed(10, || peers::curl(&till.bank, CREATE.0, CREATE.1)));
    }
    calls.tell(table);
}

impl Calls {
    fn tell(&self, table: &mut Table) {
        let x = self.x.told_as(table, "X, an echo");
        let u = self.u.told_as(table, "U, a raw TLS call");
        let f = self.f.told_as(table, "F, a flush");
        let least = x + u + 2.0 * f;
        let mut line = |what: &str, times: &Times, figure: f64, unit: &str, budget: &str| {
            table.line(what, format!("{figure:.2}{unit}"), budget, times.told());
        };
        line("no-op, native", &self.noop, self.noop.median() / x, " X", "≤ 2.5 X (2)");
        line("no-op, HTTP", &self.noop_http, self.noop_http.median() / x, " X", "≤ 3.5 X (2)");
        line("read of the bank: (p50 − U) / X", &self.read, (self.read.median() - u) / x, "", "≤ nginx (2.5)");
        for (name, times) in &self.sidecars {
            line(&format!("the same by {name} as sidecar"), times, (times.median() - u) / x, "", "");
        }
        line("create: p50 / (X + U + 2F)", &self.create, self.create.median() / least, "", "≤ 2.0 (1.3)");
        line("the same by FastAPI, pooled", &self.service, self.service.median() / least, "", "");
        line("the same by curl, no books", &self.curl, self.curl.median() / least, "", "");
        let each = self.cpu.as_secs_f64() * 1e6 / self.creates as f64;
        table.line("create: processor time", format!("{each:.0} µs"), "≤ 300 µs", format!("{} creates", self.creates));
    }
}

impl Times {
    pub(crate) fn told_as(&self, table: &mut Table, what: &str) -> f64 {
        table.line(what, format!("{:.1} µs", self.median()), "", self.told());
        self.median()
    }
}

/// Sixty-four tills at once, and what each create leaves on the disk.
pub(crate) fn crowd(table: &mut Table) {
    const EACH: usize = 150;
    let till = shop();
    let serve = |times: usize| {
        let mut tills: Vec<Native> = (0..TILLS).map(|_| Native::connect(&till.daemon)).collect();
        let began = Instant::now();
        std::thread::scope(|scope| {
            for native in &mut tills {
                scope.spawn(move || (0..times).for_each(|_| drop(native.call(invoice()))));
            }
        });
        (TILLS * times) as f64 / began.elapsed().as_secs_f64()
    };
    serve(10);
    let before = processor_time(till.daemon.pid());
    let mut rates: Vec<f64> = (0..rounds()).map(|_| serve(EACH)).collect();
    let cpu = (processor_time(till.daemon.pid()) - before).as_secs_f64() * 1e6 / (rounds() * TILLS * EACH) as f64;
    rates.sort_unstable_by(f64::total_cmp);
    let spread = format!("{:.0}–{:.0}", rates[0], rates[rates.len() - 1]);
    table.line("creates a second, 64 tills", format!("{:.0}", rates[rates.len() / 2]), "≥ 20,000 (28,000)", spread);
    table.line("create: processor time, 64 tills", format!("{cpu:.0} µs"), "≤ 50 µs", String::new());
    table.line(
        "resident after 64 tills",
        format!("{} KiB", kib(till.daemon.pid(), "status", "VmRSS:")),
        "≤ 12 MB",
        String::new(),
    );
    let length = till.home.state().join("kaspid.redb").metadata().unwrap().len();
    let events = Http::connect(&till.daemon).get("/v1/log?limit=1&order=desc")["rows"][0]["id"].as_u64().unwrap();
    table.line(
        "file per event, in a crowd",
        format!("{} B", length / events),
        "≤ 300 B (200)",
        format!("{length} B, {events} events"),
    );
    alone(table);
}

/// The file of a shop where each create comes alone.
fn alone(table: &mut Table) {
    let till = shop();
    let mut native = Native::connect(&till.daemon);
    (0..5000).for_each(|_| drop(native.call(invoice())));
    let length = till.home.state().join("kaspid.redb").metadata().unwrap().len();
    let events = Http::connect(&till.daemon).get("/v1/log?limit=1&order=desc")["rows"][0]["id"].as_u64().unwrap() + 1;
    table.line(
        "file per event, one commit each",
        format!("{} B", length / events),
        "≤ 300 B (200)",
        format!("{length} B, {events} events"),
    );
}

/// What it holds when nobody asks.
pub(crate) fn memory(table: &mut Table) {
    let till = shop();
    let pid = till.daemon.pid();
    let size = std::fs::metadata(env!("CARGO_BIN_EXE_kaspid")).unwrap().len();
    table.line(
        "program file",
        format!("{:.2} MiB", size as f64 / f64::from(1 << 20)),
        "≤ 6 MiB (5)",
        format!("{size} B"),
    );
    let figure = |file: &str, name: &str| format!("{} KiB", kib(pid, file, name));
    table.line(
        "resident, idle",
        figure("status", "VmRSS:"),
        "≤ 7 MB (5)",
        format!("{} of it the program file", figure("status", "RssFile:")),
    );
    table.line("proportional, idle", figure("smaps_rollup", "Pss:"), "≤ 3 MB (2.5)", String::new());
}

/// From the start of the process to the first answer.
pub(crate) fn start(table: &mut Table) {
    let mut till = shop();
    let mut native = Native::connect(&till.daemon);
    (0..200).for_each(|_| drop(native.call(invoice())));
    let [mut s, mut stopped, mut killed] = <[Times; 3]>::default();
    let first = |daemon: &Daemon| drop(Http::connect(daemon).get("/v1/version"));
    for _ in 0..rounds() {
        s.round(timed(20, floor::spawn));
        for (times, kill) in [(&mut stopped, false), (&mut killed, true)] {
            let Till { daemon, home, bank } = till;
            if kill {
                daemon.kill();
            } else {
                assert!(daemon.stop().success());
            }
            let began = Instant::now();
            let daemon = Daemon::start(&home);
            first(&daemon);
            times.round(vec![began.elapsed()]);
            till = Till { daemon, home, bank };
        }
    }
    let s = s.told_as(table, "S, spawn and wait");
    table.line("start to first answer", format!("{:.1} S", stopped.median() / s), "≤ 5 S", stopped.told());
    table.line("the same after kill -9", format!("{:.1} S", killed.median() / s), "≤ 5 S", killed.told());
}

/// What is asked of a log: many events against few.
pub(crate) fn queries(table: &mut Table) {
    let targets = [
        "/v1/log?limit=20&bin=210440028324",
        "/v1/log?limit=20&from=2030-01-01T00:00:00Z",
        "/v1/log?limit=20&status=failed",
        "/v1/log?limit=20&operation=refund",
        "/v1/payments?limit=20&state=paid",
        "/v1/payments?limit=20&bin=210440028324",
    ];
    let (few, many) = (filled(500), filled(60_000));
    for target in targets {
        let [mut of_few, mut of_many] = <[Times; 2]>::default();
        for _ in 0..rounds() {
            of_few.round(timed(10, || drop(Http::connect(&few.daemon).get(target))));
            of_many.round(timed(10, || drop(Http::connect(&many.daemon).get(target))));
        }
        let ratio = format!("{:.1}", of_many.median() / of_few.median());
        table.line(&format!("{target}: 120,000 events ÷ 1,000"), ratio, "≤ 1.5", of_many.told());
    }
}

/// A shop with so many payments.
fn filled(payments: usize) -> Till {
    let till = shop();
    fill(&till, payments);
    till
}

/// Takes so many payments, or some fewer.
pub(crate) fn fill(till: &Till, payments: usize) {
    std::thread::scope(|scope| {
        for _ in 0..TILLS {
            let mut native = Native::connect(&till.daemon);
            scope.spawn(move || (0..payments / TILLS).for_each(|_| drop(native.call(invoice()))));
        }
    });
}
