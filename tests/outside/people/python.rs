//! Ten lines for a POS developer (architecture §1): no library, no key, no token.

use std::process::Command;

use crate::support::behaviour::{Till, paid};
use crate::support::fixture::Dialect;

/// A client of Python's standard library takes a payment, waits for it, and knows what to tell the cashier.
#[test]
fn ten_lines_of_python_take_a_payment() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("SKIPPED: python3 is not here");
        return;
    }
    let till = Till::open(Dialect::Bank, "");
    till.bank.answer("GET", "/r3/v01/payment/status/*", paid(Dialect::Bank));
    let output =
        Command::new("python3").args(["-c", include_str!("till.py")]).arg(till.daemon.socket()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), "paid", "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(till.bank.seen_at("POST", "/r3/v01/remote/create", "").len(), 1);
}
