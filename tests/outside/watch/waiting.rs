//! Waiting: however many wait for a payment, Kaspi is asked as if one did; a waiter that goes away ends its own wait
//! and nothing else; and a wait that was cut goes on by id or by key.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use kaspid::client::Client;
use kaspid::domain::State;
use kaspid::id::PaymentRef;
use kaspid::moment::Span;
use kaspid::operation::GetPayment;
use serde_json::json;

use crate::support::clock::FastShop;
use crate::support::http::{Answer, exchange, fresh_key, request};

const SPEED: u32 = 20;
/// Waiters of each encoding; half of them go away.
const WAITERS: usize = 100;
/// Time of the daemon in which Kaspi is asked for them.
const SPAN: Duration = Duration::from_secs(40);

/// Most asks for a link or QR in this time: the bank's interval is 5 s; one at each end.
fn of_a_link(span: Duration) -> u64 {
    span.as_secs() / 5 + 2
}

/// Most asks for an invoice in this time: 3, 8 and 15 s, then every 15 s; the first may come at once.
fn of_an_invoice(span: Duration) -> u64 {
    4 + span.as_secs() / 15
}

fn waiter(shop: &FastShop, id: &str) -> UnixStream {
    let mut stream = shop.daemon.door.connect();
    std::io::Write::write_all(&mut stream, &request("GET", &format!("/v1/payments/{id}?wait=10m"), &[], None)).unwrap();
    stream
}

fn answer(stream: UnixStream) -> Answer {
    crate::support::http::read_answer(&mut std::io::BufReader::new(stream)).unwrap()
}

/// 100 waiters in each encoding on one payment; half of them hang up, the others are told.
#[track_caller]
fn cost_one_poller(kind: &str, most: fn(Duration) -> u64) {
    let shop = FastShop::open(SPEED, Duration::from_secs(600));
    let (id, qr) = shop.take(kind);
    let began = shop.clock.elapsed();
    let mut streams: Vec<UnixStream> = (0..WAITERS).map(|_| waiter(&shop, &id)).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = Arc::new(runtime.block_on(Client::connect(shop.daemon.socket(), "waiters")).unwrap());
    let named: PaymentRef = id.parse().unwrap();
    let mut calls: Vec<_> = (0..WAITERS)
        .map(|_| {
            let (client, payment) = (client.clone(), named.clone());
            let wait = Some(Span::from_secs(600));
            runtime.spawn(async move { client.call(None, None, GetPayment { payment, wait }).await })
        })
        .collect();
    // However slow the machine is, they wait until Kaspi was asked at least twice.
    while shop.clock.elapsed() < began + SPAN || (shop.asked(&qr) < 2 && shop.clock.elapsed() < began + 10 * SPAN) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let (asked, span) = (shop.asked(&qr), shop.clock.elapsed() - began);
    eprintln!("{kind}: {asked} asks in {span:?} for {} waiters", 2 * WAITERS);
    assert!((2..=most(span)).contains(&asked), "{asked} asks in {span:?}, {} at most", most(span));
    streams.truncate(WAITERS / 2);
    calls.drain(WAITERS / 2..).for_each(|call| call.abort());
    shop.bank.pay(&qr);
    for stream in streams {
        assert_eq!(answer(stream).expect(200)["state"], "paid");
    }
    for call in calls {
        let told = runtime.block_on(call).unwrap().unwrap();
        assert!(matches!(&told, Ok(payment) if payment.state == State::Paid), "{told:?}");
    }
    let (asked, span) = (shop.asked(&qr), shop.clock.elapsed() - began);
    assert!(asked <= most(span), "{asked} asks in {span:?}, {} at most", most(span));
}

#[test]
fn two_hundred_waiters_on_a_link_cost_one_poller() {
    cost_one_poller("link", of_a_link);
}

#[test]
fn two_hundred_waiters_on_an_invoice_cost_one_poller() {
    cost_one_poller("remote", of_an_invoice);
}

/// The daemon dies under a create that waits and under a wait by id; both go on with the next daemon, and there is one
/// payment at the bank.
#[test]
fn a_cut_wait_goes_on_by_id_and_by_key() {
    let shop = FastShop::open(SPEED, Duration::from_secs(600));
    let key = fresh_key();
    let body = json!({"kind": "link", "amount_tiyn": 15_000, "wait": "10m"}).to_string();
    let create = || request("POST", "/v1/payments", &[("Idempotency-Key", &key)], Some(&body));
    let mut cut = shop.daemon.door.connect();
    std::io::Write::write_all(&mut cut, &create()).unwrap();
    let found = || shop.daemon.door.get(&format!("/v1/payments?key={key}&state=waiting")).expect(200);
    let id = loop {
        if let Some(id) = found()["payments"][0]["id"].as_str() {
            break id.to_owned();
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let by_id = waiter(&shop, &id);
    let shop = shop.crash();
    assert!(exchange(cut, b"").is_err() && exchange(by_id, b"").is_err(), "a dead daemon answered");
    let (by_id, mut by_key) = (waiter(&shop, &id), shop.daemon.door.connect());
    std::io::Write::write_all(&mut by_key, &create()).unwrap();
    let qr = found_qr(&shop, &id);
    shop.bank.pay(&qr);
    let (by_id, by_key) = (answer(by_id).expect(200), answer(by_key).expect(200));
    for told in [&by_id, &by_key] {
        assert_eq!((&told["id"], &told["state"]), (&json!(id), &json!("paid")), "{told}");
    }
    assert_eq!(shop.bank.control("GET", "/effects", None)["total"]["links"], 1);
}

fn found_qr(shop: &FastShop, id: &str) -> String {
    let row = shop.daemon.door.get(&format!("/v1/payments/{id}")).expect(200);
    row["qr_payment_id"].as_str().unwrap().to_owned()
}

/// Kaspi forbids to ask for an invoice on a timer: when all who waited for one have hung up, nobody asks any more. A
/// wait of each encoding, and that of a create.
#[test]
fn nobody_asks_for_waiters_that_have_gone() {
    let shop = FastShop::open(SPEED, Duration::from_secs(600));
    let (id, qr) = shop.take("remote");
    let by_http = waiter(&shop, &id);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = runtime.block_on(Client::connect(shop.daemon.socket(), "waiter")).unwrap();
    let native = runtime.spawn(async move {
        let payment: PaymentRef = id.parse().unwrap();
        let wait = Some(Span::from_secs(600));
        client.call(None, None, GetPayment { payment, wait }).await
    });
    let key = fresh_key();
    let body = json!({"kind": "remote", "amount_tiyn": 5_000, "phone_number": "77015211545", "wait": "10m"});
    let create = request("POST", "/v1/payments", &[("Idempotency-Key", &key)], Some(&body.to_string()));
    let mut by_create = shop.daemon.door.connect();
    std::io::Write::write_all(&mut by_create, &create).unwrap();
    let created = || shop.daemon.door.get(&format!("/v1/payments?key={key}&state=waiting")).expect(200);
    let other = loop {
        if let Some(qr) = created()["payments"][0]["qr_payment_id"].as_str() {
            break qr.to_owned();
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let asked = || shop.asked(&qr) + shop.asked(&other);
    while shop.asked(&qr) < 2 || shop.asked(&other) < 1 {
        std::thread::sleep(Duration::from_millis(10));
    }
    native.abort();
    drop((by_http, by_create, runtime));
    // A look under way ends.
    std::thread::sleep(Duration::from_millis(500));
    let (before, began) = (asked(), shop.clock.elapsed());
    while shop.clock.elapsed() < began + SPAN {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(asked(), before);
}
