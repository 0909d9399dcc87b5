//! A reload ends what ran on the settings before it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::behaviour::Till;
use crate::support::fixture::Dialect;
use crate::support::scripted_bank::BIN;

/// Promise: an address that was mistyped and takes connections without a word keeps nobody from selling once it is put right: what
/// waits for it is ended, and the organisation is looked at again at once.
#[test]
fn a_wrong_address_that_is_put_right_is_forgotten() {
    let till = Till::open(Dialect::Bank, "");
    let door = &till.daemon.door;
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let right = std::fs::read_to_string(till.home.config()).unwrap();
    till.home.change(&format!("[kaspi]\nurl = \"https://{}\"", silent.local_addr().unwrap()));
    door.post("/v1/reload", &json!({})).expect(200);
    let stands = |standing: &str| {
        let begun = Instant::now();
        loop {
            let config = door.get(&format!("/v1/configs/{BIN}")).expect(200);
            if config["standing"] == standing {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(10), "not {standing}: {config}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    stands("suspended");
    // The look at the wrong address is on its way.
    silent.accept().unwrap();
    std::fs::write(till.home.config(), right).unwrap();
    door.post("/v1/reload", &json!({})).expect(200);
    stands("verified");
    let sale = json!({"kind": "remote", "amount_tiyn": 10_000, "phone_number": "77015211545"});
    door.post("/v1/payments", &sale).expect(201);
}
