//! The native client as another program uses it: the example of the repository, against a real daemon.

use crate::support::behaviour::{Till, paid};
use crate::support::fixture::Dialect;
use crate::support::scripted_bank::BIN;

#[path = "../../../examples/sell.rs"]
#[allow(dead_code, reason = "its main is for the command line")]
mod sell;

/// Promise: the example sells, and the same key again is the same sale.
#[test]
fn the_example_takes_a_payment_once() {
    let till = Till::open(Dialect::Bank, "");
    till.bank.answer("GET", "/r3/v01/payment/status/*", paid(Dialect::Bank));
    let words = [till.daemon.socket().to_str().unwrap(), BIN, "15050", "77015211545", "order-1"].map(str::to_owned);
    for _ in 0..2 {
        assert_eq!(sell::run(&words).unwrap(), format!("Paid to {BIN}"));
    }
    assert_eq!(till.bank.seen().iter().filter(|seen| seen.path() == "/r3/v01/remote/create").count(), 1);
    let other = [&words[..2], &["20000".to_owned()], &words[3..]].concat();
    let told = sell::run(&other).unwrap();
    assert!(told.starts_with("KeyConflict, money NotMoved"), "{told}");
}
