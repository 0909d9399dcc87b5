//! Clocks: whoever sets the wall clock or puts the computer to sleep loses, ends or doubles no payment. Deadlines and
//! due times run with the clock since boot; the wall clock is for records, which stand in the order of their numbers.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::support::clock::FastShop;

const DAY: i64 = 24 * 3600;
const SPEED: u32 = 30;
/// Life of a link or QR here.
const SCAN: Duration = Duration::from_secs(60);
/// For what must happen, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(40);

/// Waits until this is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn words(shop: &FastShop, id: &str) -> Vec<String> {
    shop.events(id).into_iter().map(|(what, _)| what).collect()
}

#[track_caller]
fn is_chained(shop: &FastShop) {
    assert_eq!(shop.daemon.door.get("/v1/log/verify").expect(200)["ok"], true);
}

/// The clock is set a day ahead: a customer who still has time keeps it, and a payment ends once, when the bank says
/// so.
#[test]
fn a_day_ahead_ends_nothing_early() {
    let shop = FastShop::open(SPEED, SCAN);
    let ((link, link_qr), (invoice, invoice_qr)) = (shop.take("link"), shop.take("remote"));
    shop.clock.set_wall(DAY);
    let asked = shop.asked(&link_qr);
    until("the next looks", || shop.asked(&link_qr) >= asked + 2);
    let over = |qr: &str| shop.bank.control("GET", &format!("/payments/{qr}"), None)["state"]["phase"] == "failed";
    let state = shop.state(&link);
    assert!(state == "waiting" || over(&link_qr), "the link is {state} before the bank says so");
    let asked = shop.asked(&invoice_qr);
    let seen = shop.daemon.door.get(&format!("/v1/payments/{invoice}")).expect(200);
    assert_eq!((&seen["state"], shop.asked(&invoice_qr) > asked), (&"waiting".into(), true), "{seen}");
    shop.bank.pay(&invoice_qr);
    let paid = shop.daemon.door.get(&format!("/v1/payments/{invoice}?wait=10m")).expect(200);
    assert_eq!((&paid["state"], &paid["late"]), (&"paid".into(), &false.into()), "{paid}");
    until("the link's end", || ["declined", "expired"].contains(&shop.state(&link).as_str()));
    assert!(over(&link_qr), "it ended before the bank said so");
    let told = shop.events(&link);
    assert_eq!(told.iter().filter(|(what, _)| !is_open(what)).count(), 1, "{told:?}");
    // Records have the time that the clock showed.
    assert!(told.last().unwrap().1.since(told[0].1) >= Duration::from_secs(DAY.unsigned_abs()), "{told:?}");
    is_chained(&shop);
}

fn is_open(what: &str) -> bool {
    ["payment.created", "payment.waiting"].contains(&what)
}

/// The clock is set back a day: nothing lives a day longer or is asked about more often, and the log stands in the
/// order of its numbers though its times go back. This bank never says that a link has died, as the manual allows.
#[test]
fn a_day_back_ends_nothing_late() {
    let shop = FastShop::open(SPEED, SCAN);
    let (link, qr) = shop.take("link");
    shop.bank
        .fault(&json!({"call": "payment_status", "fault": "unknown_status", "text": "QrTokenCreated", "times": 0}));
    let began = shop.clock.elapsed();
    shop.clock.set_wall(-DAY);
    until("the link's end", || shop.state(&link) == "expired");
    shop.bank.control("DELETE", "/faults", None);
    let took = (shop.clock.elapsed() - began).as_secs();
    assert!(shop.asked(&qr) <= took / 5 + 2, "asked {} times in {took} s", shop.asked(&qr));
    let told = shop.events(&link);
    assert!(told.last().unwrap().1 < told[0].1, "{told:?}");
    assert_eq!(told.iter().filter(|(what, _)| !is_open(what)).count(), 1, "{told:?}");
    // What is taken now, by a clock that is a day behind, is no older or newer than it is.
    let (later, later_qr) = shop.take("qr");
    until("a look", || shop.asked(&later_qr) >= 1);
    shop.bank.pay(&later_qr);
    assert_eq!(shop.daemon.door.get(&format!("/v1/payments/{later}?wait=10m")).expect(200)["state"], "paid");
    assert_eq!(words(&shop, &later).last().map(String::as_str), Some("payment.paid"));
    is_chained(&shop);
}

/// The computer sleeps for a day and an hour. The clock of tokio's timers stands still in that time, so by it the next
/// look at an invoice is ten minutes away; it is looked at within seconds of waking up.
#[test]
fn what_became_due_in_a_suspend_is_due_after_it() {
    let shop = FastShop::open(SPEED, SCAN);
    let (invoice, _) = shop.take("remote");
    let (link, link_qr) = shop.take("link");
    shop.bank.pay(&link_qr);
    let head = shop.daemon.door.get("/v1/events").expect(200)["next"].as_u64().unwrap();
    let span = Duration::from_secs(25 * 3600);
    shop.clock.suspend(span);
    shop.bank.control("POST", "/clock", Some(&json!({"advance": "25h"})));
    let awake = shop.clock.elapsed();
    until("the end of both", || {
        let target = format!("/v1/events?after={head}&wait=1m");
        drop(shop.daemon.door.get(&target).expect(200));
        shop.state(&invoice) == "expired" && shop.state(&link) == "paid"
    });
    let took = shop.clock.elapsed() - awake;
    assert!(took < Duration::from_secs(500), "{took:?} after waking up");
    assert_eq!(words(&shop, &invoice).iter().filter(|what| !is_open(what)).count(), 1);
    is_chained(&shop);
}

/// The daemon itself stands still while the world goes on.
#[test]
fn a_stopped_daemon_catches_up() {
    let shop = FastShop::open(SPEED, SCAN);
    let ((link, link_qr), (other, other_qr)) = (shop.take("link"), shop.take("qr"));
    shop.daemon.signal(Signal::SIGSTOP);
    shop.bank.pay(&other_qr);
    let phase = |qr: &str| shop.bank.control("GET", &format!("/payments/{qr}"), None)["state"]["phase"].clone();
    until("the link's end at the bank", || phase(&link_qr) == "failed");
    shop.daemon.signal(Signal::SIGCONT);
    until("both ends", || {
        ["expired", "declined"].contains(&shop.state(&link).as_str()) && shop.state(&other) == "paid"
    });
    for id in [&link, &other] {
        let told = words(&shop, id);
        assert_eq!(told.iter().filter(|what| !is_open(what)).count(), 1, "{told:?}");
    }
    is_chained(&shop);
}

/// A link has run out, the shop closes for the weekend with its computer off, and the customer pays all the same: the
/// late looks of that time are made up for when the shop opens.
#[test]
fn a_late_payment_of_a_weekend_is_found_on_monday() {
    let shop = FastShop::open(SPEED, SCAN);
    let (link, qr) = shop.take("link");
    until("the link's end", || ["expired", "declined"].contains(&shop.state(&link).as_str()));
    let FastShop { daemon, home, clock, bank } = shop;
    daemon.kill();
    bank.control("POST", &format!("/payments/{qr}/pay"), Some(&json!({"force": true})));
    clock.pass(Duration::from_secs(61 * 3600));
    bank.control("POST", "/clock", Some(&json!({"advance": "61h"})));
    let shop = FastShop { daemon: clock.start(&home), home, clock, bank };
    until("the money", || shop.state(&link) == "paid");
    assert_eq!(words(&shop, &link).last().map(String::as_str), Some("payment.paid"));
    // Looked at again once, and not at every start from now on.
    let asked = shop.asked(&qr);
    let shop = shop.crash();
    let (other, other_qr) = shop.take("qr");
    until("a look at another", || shop.asked(&other_qr) >= 1);
    assert_eq!((shop.asked(&qr), shop.state(&other).as_str()), (asked, "waiting"));
}
