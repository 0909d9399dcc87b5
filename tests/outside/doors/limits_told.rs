//! What one caller may use is told as it is felt.

use std::process::Command;

use crate::support::behaviour::Till;
use crate::support::fixture::Dialect;

/// The limits that are told are those of the file and of the door: a page of one row more is refused.
#[test]
fn the_limits_told_are_those_in_force() {
    let till = Till::open(Dialect::Bank, "[limits]\nrate_per_uid = 300\nburst_per_uid = 400\n");
    let told = till.daemon.door.get("/v1/limits").expect(200);
    assert_eq!((told["rate_per_uid"].as_u64(), told["burst_per_uid"].as_u64()), (Some(300), Some(400)), "{told}");
    let rows = told["rows"].as_u64().unwrap();
    till.daemon.door.get(&format!("/v1/payments?limit={rows}")).expect(200);
    till.daemon.door.ask(&format!("GET /v1/payments?limit={}", rows + 1), None).problem("invalid_request");
    let mut kaspictl = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    let output = kaspictl.arg("--socket").arg(till.daemon.socket()).arg("limits").output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("300 a second, 400 at once"), "{shown}");
}
