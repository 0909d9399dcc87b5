//! The bank 40 ms away: a create takes one round trip of it, the first of a day too.

use std::time::Duration;

use crate::distance::Distance;
use crate::door::{Native, invoice};
use crate::floor::{Flush, Raw};
use crate::kaspid::{self, CREATE, FREE, SERVICE};
use crate::peers::{self, Peer};
use crate::rounds;
use crate::support::behaviour::behave;
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::scripted_bank::{BIN, ScriptedBank};
use crate::table::{Table, Times, timed};

/// A round trip is twice this.
const ONE_WAY: Duration = Duration::from_millis(20);

/// How long a connection may rest: the shipped half minute makes a bench of hours.
const IDLE: Duration = Duration::from_secs(2);

/// Calls of each kind in a round.
const CALLS: usize = 10;

#[derive(Default)]
struct Calls {
    rtt: Times,
    flush: Times,
    create: Times,
    near: Times,
    service: Times,
    curl: Times,
}

/// The first create after something that may have cost the connection.
#[derive(Default)]
struct Firsts {
    started: Times,
    just_started: Times,
    rested: Times,
    closed: Times,
    just_closed: Times,
}

struct Shop {
    daemon: Daemon,
    home: Home,
    way: Distance,
    bank: ScriptedBank,
}

impl Shop {
    fn open() -> Self {
        let bank = ScriptedBank::start();
        behave(&bank, Dialect::Bank);
        bank.forgets();
        let way = Distance::to(&bank, ONE_WAY);
        let idle = format!("{FREE}\n[kaspi]\nidle = \"{}s\"", IDLE.as_secs());
        let home = Home::new(way.place(&bank), &idle);
        let daemon = Daemon::start(&home);
        daemon.door.enrol(BIN);
        Self { daemon, home, way, bank }
    }

    fn start_again(self) -> Self {
        let Self { daemon, home, way, bank } = self;
        assert!(daemon.stop().success());
        Self { daemon: Daemon::start(&home), home, way, bank }
    }

    fn create(&self) -> Vec<Duration> {
        let mut native = Native::connect(&self.daemon);
        timed(1, || drop(native.call(invoice())))
    }

    /// The same as soon as a connection has been made ahead, which is an event that the way sees.
    fn create_behind(&self, usable: usize) -> Vec<Duration> {
        assert!(self.way.wait_for_more_than(usable), "no connection was made ahead");
        // The daemon has written its last word of the handshake and is about to keep the connection.
        std::thread::sleep(ONE_WAY);
        self.create()
    }
}

pub(crate) fn far(table: &mut Table) {
    let shop = Shop::open();
    let mut calls = Calls::default();
    let mut native = Native::connect(&shop.daemon);
    let near_by = kaspid::shop();
    let mut near = Native::connect(&near_by.daemon);
    let (mut raw, flush) = (Raw::connect(shop.way.place(&shop.bank)), Flush::new());
    let mut python = Peer::python(shop.way.place(&shop.bank));
    for _ in 0..rounds() {
        calls.rtt.round(timed(CALLS, || raw.call("POST", CREATE.0, Some(CREATE.1))));
        calls.flush.round(timed(CALLS, || flush.call()));
        calls.create.round(timed(CALLS, || drop(native.call(invoice()))));
        calls.near.round(timed(CALLS, || drop(near.call(invoice()))));
        if let Some(python) = &mut python {
            python.connect();
            calls.service.round(timed(CALLS, || python.call("POST", "/payments", Some(SERVICE))));
        }
        calls.curl.round(timed(2, || peers::curl(shop.way.place(&shop.bank), CREATE.0, CREATE.1)));
    }
    drop((native, python));
    let mut firsts = Firsts::default();
    firsts.measure(shop);
    calls.tell(table, &firsts);
}

impl Firsts {
    fn measure(&mut self, mut shop: Shop) {
        for round in 0..rounds() {
            let usable = shop.way.usable();
            shop = shop.start_again();
            self.started.round(shop.create_behind(usable));
            shop = shop.start_again();
            self.just_started.round(shop.create());
            // The end of the rest falls elsewhere in the life of a connection made ahead each time.
            std::thread::sleep(IDLE + IDLE.mul_f64(round as f64 / rounds() as f64));
            self.rested.round(shop.create());
            let usable = shop.way.usable();
            shop.way.cut();
            self.closed.round(shop.create_behind(usable));
            shop.way.cut();
            // Long enough for the daemon to see the end; a request into it would be a payment in doubt.
            std::thread::sleep(Duration::from_millis(5));
            self.just_closed.round(shop.create());
        }
    }
}

impl Calls {
    fn tell(&self, table: &mut Table, firsts: &Firsts) {
        let rtt = self.rtt.told_as(table, "RTT, a raw TLS call over the long way");
        let flush = self.flush.told_as(table, "F, a flush");
        let budget = |share: f64, flushes: f64, words: &str| {
            format!("≤ {words} = {:.1} ms", rtt.mul_add(share, flushes * flush) / 1e3)
        };
        let mut line = |what: &str, times: &Times, budget: &str| {
            table.line(what, format!("{:.3} RTT", times.median() / rtt), budget, times.told());
        };
        line("create, the bank 40 ms away", &self.create, &budget(1.06, 2.5, "1.06 RTT + 2.5 F"));
        if !self.service.is_empty() {
            line("the same by FastAPI, pooled", &self.service, "");
        }
        line("the same by curl, no books", &self.curl, "");
        let more = format!("{:.3} RTT", (self.create.median() - self.near.median()) / rtt);
        table.line("a create more than with the bank beside it", more, "1 RTT", self.near.told());
        let mut line = |what: &str, times: &Times, budget: &str| {
            table.line(what, format!("{:.3} RTT", times.median() / rtt), budget, times.told());
        };
        let first = budget(1.10, 2.0, "1.10 RTT + 2 F");
        line("first create after a start", &firsts.started, &first);
        line("first create after a rest longer than [kaspi] idle", &firsts.rested, &first);
        line("first create after the bank closed everything", &firsts.closed, &first);
        let handshake = "3 RTT: no connection can be there yet";
        line("create in the moment of the start", &firsts.just_started, handshake);
        line("create in the moment after a close", &firsts.just_closed, handshake);
    }
}
