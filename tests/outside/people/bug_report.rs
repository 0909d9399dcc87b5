//! The bundle for support: an allow-list, and none of what a busy shop has told the daemon.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::behaviour::{Till, paid};
use crate::support::fixture::{Answer, Dialect};
use crate::support::scripted_bank::{BIN, TOKEN};

const PHONE: &str = "77015211545";
const COMMENT: &str = "Birthday cake for Aigerim";
const INVOICE: &str = "INV-2026-0042";
const DESCRIPTION: &str = "Cvety na Abaya";
const SAYS: &str = "Klient Qwertina Z. ne nayden";

fn bugreport(socket: &Path, config: &Path, file: &Path) -> Output {
    let mut kaspictl = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    kaspictl.arg("--socket").arg(socket).arg("bugreport").arg(file).arg("--config").arg(config);
    kaspictl.output().unwrap()
}

/// Everything personal and secret that went through the daemon.
fn busy_run(till: &Till) -> Vec<String> {
    let door = &till.daemon.door;
    let change = json!({"description": DESCRIPTION});
    assert_eq!(door.send("PATCH", &format!("/v1/configs/{BIN}"), &[], Some(&change.to_string())).status, 200);
    let pay = |invoice: &str| json!({"kind": "remote", "amount_tiyn": 98_765_432, "phone_number": PHONE, "comment": COMMENT, "invoice": invoice});
    let payment = door.post("/v1/payments", &pay(INVOICE)).expect(201);
    till.bank.answer("GET", "/r3/v01/payment/status/*", paid(Dialect::Bank));
    door.get(&format!("/v1/payments/{}?wait=30s", payment["id"].as_str().unwrap())).expect(200);
    let no = format!(r#"{{"StatusCode":990000028,"Message":"{SAYS} {PHONE} {TOKEN}"}}"#);
    till.bank.answer("POST", "/r3/v01/remote/create", Answer::json(no));
    door.post("/v1/payments", &pay("INV-2026-0043")).problem("declined");
    till.bank.answer("POST", "/r3/v01/remote/create", Answer::page(500, SAYS));
    let unknown = door.post("/v1/payments", &pay("INV-2026-0044")).problem("outcome_unknown");
    vec![
        payment["id"].as_str().unwrap().to_owned(),
        payment["qr_payment_id"].as_str().unwrap().to_owned(),
        unknown["payment"].as_str().unwrap().to_owned(),
    ]
}

/// Nothing of a customer, no organisation by its number, no secret; and what support needs is there.
#[test]
fn a_report_names_nobody() {
    let till = Till::open(Dialect::Bank, "");
    let mut secrets = busy_run(&till);
    let key = std::fs::read_to_string(&till.bank.key_file).unwrap();
    let certificate = std::fs::read_to_string(&till.bank.certificate_file).unwrap();
    let pem = |text: &str| {
        text.lines().filter(|line| line.len() > 20 && !line.starts_with("-----")).map(str::to_owned).collect::<Vec<_>>()
    };
    secrets.extend(pem(&key));
    secrets.extend(pem(&certificate));
    secrets.extend(
        [TOKEN, PHONE, "7015211545", COMMENT, INVOICE, "INV-2026", DESCRIPTION, "Qwertina", BIN].map(str::to_owned),
    );
    secrets.extend(["98765432", "987654", "987 654", "till.example", "key-"].map(str::to_owned));

    let file = till.home.path().join("report.json");
    let output = bugreport(till.daemon.socket(), &till.home.config(), &file);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    for (number, secret) in secrets.iter().enumerate() {
        // By its number: this output is kept, too.
        assert!(!text.contains(secret.as_str()), "secret {number} stands in the report");
    }
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["format"], &report["settings"]["kaspi"]["url"]), (&json!(2), &json!(till.bank.url)));
    assert_eq!(report["health"]["payments"]["unknown"], 1);
    assert_eq!(
        (&report["organisations"][0]["config_id"], &report["organisations"][0]["dialect"]),
        (&json!(1), &json!("bank"))
    );
    let failures = report["latest_failures"].as_array().unwrap();
    assert!(failures.iter().any(|row| row["provider_code"] == 990000028), "{failures:?}");
    let failed = |check: &&Value| check["status"] == "failed" && check["check"] == "payments";
    assert!(report["doctor"].as_array().unwrap().iter().any(|check| failed(&check)));
    assert_eq!(report["log_head"].as_str().unwrap().len(), 64);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("it holds: versions") && said.contains("it leaves out: keys"), "{said}");

    // A second one does not touch the first.
    let output = bugreport(till.daemon.socket(), &till.home.config(), &file);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

/// Without a daemon there is a smaller report, with the reason in it.
#[test]
fn a_dead_daemon_is_reported() {
    let files = tempfile::tempdir().unwrap();
    let config = files.path().join("kaspid.toml");
    std::fs::write(&config, "[daemon]\nsockett = \"x\"\n").unwrap();
    let file = files.path().join("report.json");
    let output = bugreport(&files.path().join("no.sock"), &config, &file);
    assert!(output.status.success(), "{output:?}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!((&report["health"], &report["settings"]), (&Value::Null, &Value::Null));
    let check = &report["doctor"].as_array().unwrap().iter().find(|check| check["status"] == "failed").unwrap();
    assert!(check["check"] == "config" && check["found"].as_str().unwrap().contains("sockett"), "{check}");
}
