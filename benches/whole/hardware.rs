//! A small cash register: the daemon held to a fifth of one processor and 32 MB.

use std::time::{Duration, Instant};

use kaspid::operation::VersionQuery;

use crate::door::{Http, Native, invoice};
use crate::floor::Echo;
use crate::group::{Bound, Group};
use crate::kaspid::{Looks, shop};
use crate::process::start_behind;
use crate::rounds;
use crate::support::behaviour::Till;
use crate::table::{Table, Times, timed};

/// Calls of each kind in a round.
const CALLS: usize = 100;

/// A till alone asks so often: what the daemon saves meanwhile is its own.
const PAUSE: Duration = Duration::from_millis(50);

/// Rounds of looks take a quarter of a minute each.
const MOST_ROUNDS: usize = 3;

/// The times of a call, of which each round's median and slowest hundredth are kept.
#[derive(Default)]
struct Call {
    usual: Times,
    slow: Times,
}

impl Call {
    fn round(&mut self, times: Vec<Duration>) {
        self.slow.round_of_slow(times.clone());
        self.usual.round(times);
    }

    fn tell(&self, table: &mut Table, what: &str) {
        let slow = format!("p99 {}", self.slow.told());
        table.line(&format!("20 % of a processor, 32 MB: {what}"), self.usual.told(), "", slow);
    }
}

#[derive(Default)]
struct Calls {
    noop: Call,
    read: Call,
    create: Call,
    alone: Call,
}

pub(crate) fn slow(table: &mut Table) {
    let group = match Group::new("small", &[Bound::Processor(20), Bound::Memory(32)]) {
        Ok(group) => group,
        Err(why) => return table.line("20 % of a processor, 32 MB", "skipped".to_owned(), "", why),
    };
    let mut x = Times::default();
    x.round(timed(CALLS, {
        let mut echo = Echo::start();
        move || echo.call()
    }));
    x.told_as(table, "X, an echo, not held");
    let Till { daemon, home, bank: _bank } = shop();
    assert!(daemon.stop().success());
    let began = Instant::now();
    let daemon = start_behind(&group.words(), &home);
    drop(Http::connect(&daemon).get("/v1/version"));
    let first = format!("{:.1} ms", began.elapsed().as_secs_f64() * 1e3);
    table.line("20 % of a processor, 32 MB: start to first answer", first, "", String::new());
    let mut native = Native::connect(&daemon);
    let mut looks = Looks::new(&mut native, CALLS);
    let mut calls = Calls::default();
    for _ in 0..rounds().min(MOST_ROUNDS) {
        calls.noop.round(timed(CALLS, || drop(native.call(VersionQuery))));
        calls.read.round(looks.round(&mut native));
        calls.create.round(timed(CALLS, || drop(native.call(invoice()))));
        calls.alone.round(paced(&mut native));
    }
    calls.noop.tell(table, "no-op");
    calls.read.tell(table, "read of the bank");
    calls.create.tell(table, "create, one behind the other");
    calls.alone.tell(table, "create, 20 a second at most");
    let number = |names| group.number(names).map_or_else(|| "?".to_owned(), |number| number.to_string());
    let most = number(["memory.peak", "memory.max_usage_in_bytes"]);
    let held = number(["cpu.stat:nr_throttled ", "cpu.stat:nr_throttled "]);
    let full = number(["memory.events:max ", "memory.failcnt"]);
    table.line(
        "20 % of a processor, 32 MB: memory charged to it at most",
        format!("{most} B"),
        "≤ 32 MB",
        format!("bound met {full} times, time ran out {held} times; pages of the program that were there before are not charged"),
    );
}

fn paced(native: &mut Native) -> Vec<Duration> {
    let rested = || std::thread::sleep(PAUSE);
    (0..CALLS)
        .flat_map(|_| {
            rested();
            timed(1, || drop(native.call(invoice())))
        })
        .collect()
}
