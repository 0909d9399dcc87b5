//! What is wrong with the shop's own things.

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::{Till, doctor};
use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::BIN;

/// A trade point that is gone stops the organisation; an unknown payment waits for a person.
#[test]
fn what_stops_sales_is_named() {
    let till = Till::open(Dialect::Bank, "[verify]\nconfirm = \"1s\"");
    till.bank.fault(&json!({"call": "remote_create", "fault": "drop_after"}));
    let payment = json!({"kind": "remote", "amount_tiyn": 20_000, "phone_number": "77015211545"});
    let problem = till.daemon.door.post("/v1/payments", &payment).problem("outcome_unknown");
    let id = problem["payment"].as_str().unwrap();
    let said = till.doctor();
    said.blames("payments", "nobody here knows whether a payment of", &format!("kaspictl payment show {id}"));
    assert_eq!(said.check("payments")["payment"], id);
    let reason = json!({"abandon": true, "reason": "test"});
    till.daemon.door.post(&format!("/v1/payments/{id}/resolve"), &reason).expect(200);
    assert_eq!(till.doctor().failed(), Vec::<&str>::new());

    // An organisation without any trade point is another case for the bank.
    till.bank.control("POST", &format!("/trade-points/{BIN}/777"), None);
    let points = till.daemon.door.get(&format!("/v1/trade-points/{BIN}")).expect(200);
    let config = till.daemon.door.get(&format!("/v1/configs/{BIN}")).expect(200);
    let point = config["trade_point_id"].as_str().unwrap();
    assert!(points["trade_points"].as_array().unwrap().len() > 1, "{points}");
    till.bank.control("DELETE", &format!("/trade-points/{BIN}/{point}"), None);
    let verify = || till.daemon.door.post(&format!("/v1/configs/{BIN}/verify"), &json!({})).expect(200);
    while verify()["standing"] != "suspended" {
        std::thread::sleep(Duration::from_millis(50));
    }
    let said = till.doctor();
    said.blames("bin", "trade_point_missing", &format!("kaspictl bin verify {BIN}"));
    assert_eq!(said.check("bin")["organization_bin"], BIN);
}

/// Backups that nobody has made for days.
#[test]
fn stale_backups_are_seen() {
    let bank = Sandbox::start(Dialect::Bank);
    let home = Home::new(&bank, "");
    // Backups are of a shop that was begun.
    assert!(Daemon::start(&home).stop().success());
    let backup = Till::todays_backup(&home.state());
    std::fs::create_dir_all(backup.parent().unwrap()).unwrap();
    let file = std::fs::File::create(&backup).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(5 * 86_400)).unwrap();
    let _daemon = Daemon::start(&home);
    let said = doctor(&home.socket(), &home.config());
    said.blames("backup", "is 5 days old", "kaspictl backup FILE");
}
