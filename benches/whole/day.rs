//! A working day in a minute: tills take, customers pay, some change their mind, some get their money back, and the daemon is
//! stopped twice and killed once in between. Memory and times are to be in the evening what they were in the morning.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::process::kib;
use crate::shopping::{Counter, Sale, Shopping};
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::BIN;
use crate::table::{Table, p99};

/// Payments, unless `KASPID_BENCH_DAY` says more.
const PAYMENTS: usize = 2_000;

/// At most so many a second.
const RATE: f64 = 50.0;

const TILLS: usize = 8;

/// A day is looked at in so many parts.
const PARTS: usize = 10;

const CONFIG: &str = "[limits]\nrate_per_uid = 100000\nburst_per_uid = 100000\n[payments]\none_per_invoice = false";

/// What the daemon goes through, and how much of the day is over then.
const EVENTS: [(f64, End); 3] = [(0.27, End::Stopped), (0.52, End::Killed), (0.77, End::Stopped)];

#[derive(Clone, Copy, Debug)]
enum End {
    Stopped,
    Killed,
}

/// What is known of the daemon at the end of each part.
#[derive(Default)]
struct Parts {
    resident: Vec<u64>,
    /// Of it what is no file.
    own: Vec<u64>,
    file: Vec<u64>,
}

fn payments() -> usize {
    let wanted = std::env::var("KASPID_BENCH_DAY").ok().and_then(|text| text.parse().ok());
    wanted.unwrap_or(PAYMENTS).max(PARTS * TILLS)
}

pub(crate) fn day(table: &mut Table) {
    let bank = Sandbox::start(Dialect::Bank);
    let home = Home::new(&bank, CONFIG);
    let daemon = Daemon::start(&home);
    daemon.door.enrol(BIN);
    let (count, next) = (payments(), AtomicUsize::new(0));
    let counter = Mutex::new(Counter::default());
    let shopping = Shopping::new(&home, &bank, &counter);
    let began = Instant::now();
    let (sold, sales) = channel();
    let (parts, creates, daemon) = std::thread::scope(|scope| {
        for _ in 0..TILLS {
            let (sold, next, shopping) = (sold.clone(), &next, &shopping);
            scope.spawn(move || keep_selling(began, (next, count), shopping, &sold));
        }
        drop(sold);
        watch(&sales, count, &home, daemon)
    });
    let took = began.elapsed();
    tell(table, &parts, &creates);
    let each = parts.file.last().map_or(0, |length| length / count as u64);
    table.line("day: file per payment", format!("{each} B"), "", format!("after each tenth {:?} KiB", parts.in_kib()));
    let rate = count as f64 / took.as_secs_f64();
    let counted = counter.into_inner().unwrap();
    table.line("day: payments a second", format!("{rate:.1}"), "50", format!("{count} payments; {counted}"));
    agree(table, &daemon, &bank, &counted);
}

/// One till: the next sale when its time has come.
fn keep_selling(began: Instant, (next, count): (&AtomicUsize, usize), shopping: &Shopping<'_>, sold: &Sender<Sale>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return;
        }
        std::thread::sleep(
            (began + Duration::from_secs_f64(number as f64 / RATE)).saturating_duration_since(Instant::now()),
        );
        let _ = sold.send(shopping.sell(number));
    }
}

/// Ends and starts the daemon in between, and looks at it at the end of each part.
fn watch(sales: &Receiver<Sale>, count: usize, home: &Home, mut daemon: Daemon) -> (Parts, Vec<Sale>, Daemon) {
    let (mut parts, mut events, mut all) = (Parts::default(), EVENTS.into_iter().peekable(), Vec::new());
    for sale in sales {
        all.push(sale);
        if all.len() * PARTS >= (parts.resident.len() + 1) * count {
            parts.resident.push(kib(daemon.pid(), "status", "VmRSS:"));
            parts.own.push(kib(daemon.pid(), "status", "RssAnon:"));
            parts.file.push(home.state().join("kaspid.redb").metadata().unwrap().len());
        }
        if let Some((_, end)) = events.next_if(|(when, _)| all.len() as f64 >= when * count as f64) {
            match end {
                End::Stopped => assert!(daemon.stop().success()),
                End::Killed => daemon.kill(),
            }
            daemon = Daemon::start(home);
        }
    }
    (parts, all, daemon)
}

impl Parts {
    fn in_kib(&self) -> Vec<u64> {
        self.file.iter().map(|length| length >> 10).collect()
    }
}

fn tell(table: &mut Table, parts: &Parts, sales: &[Sale]) {
    let (first, last) = (parts.resident.first().unwrap(), parts.resident.last().unwrap());
    table.line(
        "day: resident in the evening ÷ in the morning",
        format!("{:.2}", *last as f64 / *first as f64),
        "1 (flat)",
        format!("after each tenth {:?} KiB, without files {:?} KiB", parts.resident, parts.own),
    );
    let part = sales.len() / PARTS;
    let times = |sales: &[Sale]| -> Vec<Duration> { sales.iter().map(|sale| sale.create).collect() };
    let (morning, evening) = (times(&sales[..part]), times(&sales[sales.len() - part..]));
    let mut line = |what: &str, of: &dyn Fn(Vec<Duration>) -> Duration| {
        let [morning, evening] = [of(morning.clone()), of(evening.clone())].map(|time| time.as_secs_f64() * 1e3);
        let what = format!("day: {what} of creates, last tenth ÷ first");
        table.line(&what, format!("{:.2}", evening / morning), "1 (flat)", format!("{evening:.2} ÷ {morning:.2} ms"));
    };
    line("median", &|mut times| {
        times.sort_unstable();
        times[times.len() / 2]
    });
    line("p99", &p99);
}

/// What the log says was taken is what the bank took, but for creates whose answer the kill has cost.
fn agree(table: &mut Table, daemon: &Daemon, bank: &Sandbox, counted: &Counter) {
    let report = daemon.door.get("/v1/reports/day").expect(200);
    let of = &report["organizations"][0];
    let paid = of["payments"].as_u64().unwrap_or(0);
    let effects = bank.control("GET", "/effects", None);
    table.line(
        "day: paid by the report",
        paid.to_string(),
        &format!("{} by the tills", counted.paid),
        format!("the bank: {}", effects["total"]),
    );
}
