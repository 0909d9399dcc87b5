//! An exchange is not noticed by anybody who sells.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use serde_json::json;

use super::{BIN, Shop, subject};
use crate::support::daemon::Daemon;
use crate::support::http::{exchange, fresh_key, request};

/// Payments in flight.
const PAYMENTS: usize = 500;

#[test]
fn payments_in_flight_end_well_while_the_identity_rotates_twice() {
    let shop = Shop::new(
        "[limits]\nconnections = 1200\nconnections_per_uid = 1100\nrate_per_uid = 10000\nburst_per_uid = 10000\n\
         [payments]\none_per_invoice = false",
    );
    let daemon = Daemon::start(&shop.home);
    for name in ["first", "second", "third"] {
        shop.make(name, if name == "second" { "rsa" } else { "ec" });
    }
    shop.ctl("identity import --key first.key --cert first.crt", 0);
    daemon.door.enrol(BIN);
    // The bank takes its time, so that both exchanges happen while payments are under way.
    shop.bank.fault(&json!({"call": "remote_create", "fault": "delay", "ms": 6000, "times": 0}));
    let (together, answered) = (Arc::new(Barrier::new(PAYMENTS + 1)), Arc::new(AtomicUsize::new(0)));
    let tills: Vec<_> = (0..PAYMENTS)
        .map(|_| {
            let (door, together, answered) = (daemon.door.clone(), together.clone(), answered.clone());
            let sell = move || {
                let sale = json!({"kind": "remote", "amount_tiyn": 10_000, "phone_number": "77015211545"}).to_string();
                let asked = request("POST", "/v1/payments", &[("Idempotency-Key", &fresh_key())], Some(&sale));
                let stream = door.connect();
                together.wait();
                let answer = exchange(stream, &asked).unwrap();
                answered.fetch_add(1, Ordering::SeqCst);
                (answer.status, answer.text())
            };
            std::thread::Builder::new().stack_size(256 << 10).spawn(sell).unwrap()
        })
        .collect();
    together.wait();
    for (name, of) in [("second", "first"), ("third", "second")] {
        assert!(subject(&daemon).contains(&format!("CN={of}")));
        shop.ctl(&format!("identity rotate --key {name}.key --cert {name}.crt"), 0);
        assert!(subject(&daemon).contains(&format!("CN={name}")));
    }
    let during = PAYMENTS - answered.load(Ordering::SeqCst);
    let failed: Vec<_> =
        tills.into_iter().map(|till| till.join().unwrap()).filter(|(status, _)| *status != 201).collect();
    assert!(failed.is_empty(), "{} failed, the first: {:?}", failed.len(), failed.first());
    assert!(during > PAYMENTS / 2, "{during} were under way when the second exchange was done");
    assert_eq!(shop.bank.effect(BIN, "invoices"), PAYMENTS as u64);
    let changed = daemon.door.get("/v1/events?after=0&limit=1000");
    assert!(changed.text().contains("\"identity.changed\""));
}
