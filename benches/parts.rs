//! What the parts of a call cost, in time and in allocations: `cargo bench --bench parts`. The whole is measured beside its floor
//! in benches/whole.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench may")]

use divan::{AllocProfiler, Bencher, black_box};

use kaspid::frame::{self, Answer, Call};
use kaspid::money::Amount;
use kaspid::operation::{CreatePayment, Payment, Payments, Reply};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

/// What a till asks for.
const CREATE: &str = r#"{"kind":"remote","organization_bin":"891027350515","amount_tiyn":15050,"phone_number":"77015211545","wait":"30s"}"#;

/// What it is told.
const PAYMENT: &str = r#"{"id":"01a22454-8360-77fa-860a-d86ce42c118f","qr_payment_id":"12737696349","kind":"remote","state":"paid",
"kaspi_status":"Processed","shop_id":8,"organization_bin":"891027350515","description":null,"trade_point_id":"104039",
"trade_point_name":"Main Office (Almaty, Abay Avenue 10)","amount_tiyn":10000,"refunded_tiyn":0,"refunded_elsewhere_tiyn":0,
"refunds":[],"phone":"7*******545","comment":null,"invoice":null,"link":null,"qr_token":null,
"expires_at":"2026-11-29T22:44:08.161Z","request_key":"f0e82648-5993-47f4-af36-18f6d6791948","supersedes":null,"late":false,
"created_at":"2026-11-28T22:44:08.160Z","updated_at":"2026-11-28T22:44:08.163Z","paid_at":"2026-11-28T22:44:08.161Z",
"paid_at_source":"bank"}"#;

fn create() -> CreatePayment {
    serde_json::from_str(CREATE).unwrap()
}

fn payment() -> Payment {
    serde_json::from_str(PAYMENT).unwrap()
}

fn answer(rows: usize) -> Answer {
    let payments = Payments { payments: vec![payment(); rows], next: None };
    Answer { id: 1, result: Ok(Reply::Payments(payments)) }
}

fn main() {
    divan::main();
}

#[divan::bench]
fn a_create_read_from_json(bencher: Bencher<'_, '_>) {
    bencher.bench(|| serde_json::from_str::<CreatePayment>(black_box(CREATE)));
}

#[divan::bench]
fn a_create_written_as_a_frame(bencher: Bencher<'_, '_>) {
    let call = Call { id: 1, key: None, deadline_ms: None, operation: create().into() };
    bencher.bench(|| frame::encode(black_box(&call)));
}

#[divan::bench]
fn a_create_read_from_a_frame(bencher: Bencher<'_, '_>) {
    let bytes = frame::encode(&Call { id: 1, key: None, deadline_ms: None, operation: create().into() }).unwrap();
    bencher.bench(|| frame::decode::<Call>(black_box(&bytes[4..])));
}

#[divan::bench(args = [1, 100, 1000])]
fn payments_written_as_json(bencher: Bencher<'_, '_>, rows: usize) {
    let payments = Payments { payments: vec![payment(); rows], next: None };
    bencher.bench(|| serde_json::to_vec(black_box(&payments)));
}

#[divan::bench(args = [1, 100, 1000])]
fn payments_written_as_a_frame(bencher: Bencher<'_, '_>, rows: usize) {
    let answer = answer(rows);
    bencher.bench(|| frame::encode(black_box(&answer)));
}

#[divan::bench]
fn an_amount_read_from_tenge(bencher: Bencher<'_, '_>) {
    bencher.bench(|| Amount::from_tenge(black_box("12 345 678.90")));
}

#[divan::bench]
fn a_configuration_read(bencher: Bencher<'_, '_>) {
    let text = include_str!("../packaging/kaspid.toml");
    let path = std::path::Path::new("/etc/kaspid/kaspid.toml");
    bencher.bench(|| kaspid::config::Configuration::parse(black_box(text), path));
}
