//! The client against a real other side: mTLS on loopback, TLS 1.2 and 1.3.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod outcome;
mod pki;
mod reuse;
mod server;
mod setup;
mod wire;

use std::time::Duration;

use super::*;
use crate::domain::Kind;
use server::{Act, Seen, Server};

fn triple(dialect: Dialect) -> Triple {
    Triple::of_test(
        "891027350515".parse().unwrap(),
        "104039".parse().unwrap(),
        DeviceToken::try_from("577b4b39-1e7e-43d2-83c3-a0116118ef16".to_owned()).unwrap(),
        at_bank(dialect),
    )
}

/// Whose tokens and numbers the tests have: a server is at another port each time, and formerly was this one.
const BANK: &str = "https://bank.example";

fn at_bank(dialect: Dialect) -> Counterparty {
    Counterparty { bank: BANK.parse().unwrap(), dialect }
}

fn bank_at(url: &str) -> OurBank {
    OurBank { url: url.parse().unwrap(), formerly: vec![BANK.parse().unwrap()] }
}

fn remote() -> NewPayment {
    NewPayment {
        kind: Kind::Remote,
        amount: Amount::from_tiyn(10_000).unwrap(),
        phone: Some("77015211545".parse().unwrap()),
        comment: None,
        external_id: "order-123".to_owned(),
    }
}

fn number() -> QrPaymentId {
    "12737694350".parse().unwrap()
}

fn payment() -> NumberAt {
    triple(Dialect::Bank).named(&number())
}

/// A client of `server` with a certificate it takes.
fn client(server: &Server) -> Kaspi {
    client_as(server, &server.pki.client, Duration::from_secs(30))
}

fn client_as(server: &Server, identity: &ClientIdentity, idle: Duration) -> Kaspi {
    let endpoint = Endpoint {
        bank: bank_at(&server.url),
        ca_file: Some(server.pki.ca_file.clone()),
        status_version: "v02".to_owned(),
        timeout: Duration::from_secs(20),
        idle,
        phone_prefix: '7',
    };
    Kaspi::new(endpoint, identity, Arc::default()).unwrap()
}

const CREATED: &str = r#"{"StatusCode":0,"Data":{"QrPaymentId":12737694350}}"#;
const WAITING: &str = r#"{"Data":{"Status":"Wait"},"StatusCode":0}"#;
