//! The guide's troubleshooting table, row by row and in both dialects: what the till gets, what kaspictl prints, what
//! the log says, how often the bank is asked, and how it heals.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::daemon::Daemon;
use crate::support::fixture::Dialect;
use crate::support::scripted_bank::BIN;
use crate::watch::trade_points::{Shop, remote, text};

/// A BIN with a valid control digit that no bank knows (wire §5).
const UNKNOWN_BIN: &str = "990140000007";
/// The guide's second organisation.
const OTHER_BIN: &str = "210440028324";
const DIALECTS: [Dialect; 2] = [Dialect::Bank, Dialect::Guide];

/// `kaspictl ARGS`, which must end like this: its exit code, stdout and stderr.
#[track_caller]
fn kaspictl(daemon: &Daemon, args: &[&str], status: i32) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    let output = command.args(args).env("KASPID_SOCKET", daemon.socket()).output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert_eq!(output.status.code(), Some(status), "kaspictl {args:?}: {said}");
    said
}

/// A till and a person try to take money and are refused with this code: nothing moved, the same words for both, a
/// command to type, and a sentence for the cashier in three languages.
#[track_caller]
fn refused_everywhere(shop: &Shop, code: &str, command: &str) -> Value {
    let problem = shop.daemon.door.post("/v1/payments", &remote()).problem(code);
    assert_eq!((&problem["money"], &problem["retryable"]), (&json!("not_moved"), &json!(false)), "{problem}");
    assert!(text(&problem, "remedy").contains(command), "{problem}");
    for (language, word) in [("ru", "деньги"), ("kk", "ақша"), ("en", "no money")] {
        assert!(text(&problem["cashier"], language).contains(word), "{problem}");
    }
    let said = kaspictl(&shop.daemon, &["pay", "100", "--phone", "77015211545"], 1);
    for part in [code, "money         not moved", text(&problem, "remedy"), text(&problem, "detail")] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    problem
}

fn payments(shop: &Shop) -> usize {
    shop.daemon.door.get("/v1/payments").expect(200)["payments"].as_array().unwrap().len()
}

/// Row 1 at enrolment: "Организация не зарегистрирована в Kaspi Pay". Named to who enrols, kept in the log, and gone
/// once the merchant has a contract and a trade point.
#[test]
fn an_organisation_that_is_not_registered_cannot_be_enrolled_until_it_is() {
    let provider = [json!(-14_000_002), Value::Null];
    for (dialect, provider_code) in DIALECTS.into_iter().zip(provider) {
        let shop = Shop::open(dialect, "");
        let refused = shop.daemon.door.post("/v1/configs", &json!({"organization_bin": UNKNOWN_BIN}));
        let problem = refused.problem("organization_not_registered");
        assert_eq!((&problem["money"], &problem["provider_code"]), (&json!("not_moved"), &provider_code));
        assert!(text(&problem, "remedy").ends_with(&format!("kaspictl bin trade-points {UNKNOWN_BIN}")), "{problem}");
        let said = kaspictl(&shop.daemon, &["bin", "add", UNKNOWN_BIN], 1);
        assert!(said.contains("organization_not_registered") && said.contains(text(&problem, "remedy")), "{said}");
        let looks = shop.log("verify");
        assert_eq!(looks.len(), 2);
        for row in &looks {
            assert_eq!((&row["status"], &row["organization_bin"]), (&json!("failed"), &json!(UNKNOWN_BIN)));
            assert_eq!((&row["provider_code"], &row["kaspi_config_id"]), (&provider_code, &Value::Null));
        }
        shop.bank.control("POST", &format!("/organizations/{UNKNOWN_BIN}"), None);
        shop.bank.control("POST", &format!("/trade-points/{UNKNOWN_BIN}/104099"), None);
        let said = kaspictl(&shop.daemon, &["bin", "add", UNKNOWN_BIN], 0);
        assert!(said.contains("verified"), "{said}");
    }
}

/// Row 1 of an organisation that took money before: the bank ends the contract. The bank's dialect has no word for it
/// on a payment, so there the point is what is not found; the look that follows names it in both.
#[test]
fn an_organisation_that_is_no_longer_registered_is_suspended_and_comes_back() {
    let first = ["trade_point_inactive", "organization_not_registered"];
    for (dialect, code) in DIALECTS.into_iter().zip(first) {
        let shop = Shop::open(dialect, "");
        let (start, point) = (shop.now(), shop.point());
        shop.bank.control("DELETE", &format!("/organizations/{BIN}"), None);
        refused_everywhere(&shop, code, "kaspictl bin");
        let asked = shop.asked("remote_create");
        // Two tills' attempts, and at most one registration for them.
        assert_eq!((asked, shop.asked("device_register") <= 2), (2, true));
        shop.home.change("[verify]\nconfirm = \"1s\"");
        kaspictl(&shop.daemon, &["reload"], 0);
        shop.until(start, "config.suspended");
        refused_everywhere(&shop, "organization_not_registered", &format!("kaspictl bin trade-points {BIN}"));
        assert_eq!((shop.asked("remote_create"), payments(&shop)), (asked, 0));
        let said = kaspictl(&shop.daemon, &["bin", "verify", BIN], 1);
        assert!(said.contains("suspended (organization_not_registered)"), "{said}");

        let suspended = shop.now();
        shop.bank.control("POST", &format!("/organizations/{BIN}"), None);
        shop.bank.control("POST", &point, None);
        shop.until(suspended, "config.restored");
        // Its devices went with the contract: the guide's second row heals by itself.
        shop.daemon.door.post("/v1/payments", &remote()).expect(201);
    }
}

/// Row 2: "Invalid deviceToken". Registered again once, the till notices nothing, and every request stands in the log.
#[test]
fn an_expired_token_is_replaced_and_every_request_is_in_the_log() {
    for dialect in DIALECTS {
        let shop = Shop::open(dialect, "");
        shop.bank.control("POST", &format!("/devices/{BIN}/forget"), None);
        let payment = shop.daemon.door.post("/v1/payments", &remote()).expect(201);
        assert_eq!((shop.asked("remote_create"), shop.asked("device_register")), (2, 2));
        assert_eq!(shop.bank.effect(BIN, "invoices"), 1);

        let rows = shop.log("create");
        let [done, refused] = rows.as_slice() else { panic!("{rows:?}") };
        assert_eq!((&done["status"], &done["external_id"]), (&json!("success"), &payment["qr_payment_id"]));
        assert_eq!((&refused["status"], &refused["payment_id"]), (&json!("failed"), &payment["id"]));
        assert_eq!(refused["provider_code"], if dialect == Dialect::Bank { json!(-1501) } else { Value::Null });
        assert!(text(refused, "error_message").ends_with("sent again with another token"), "{refused}");
        let sent = shop.bank.control("GET", "/requests", None);
        let sent = sent["requests"].as_array().unwrap().iter().filter(|sent| sent["call"] == "remote_create");
        let numbers: Vec<_> = sent.map(|sent| sent["x_request_id"].clone()).collect();
        assert_eq!(numbers, [refused["x_request_id"].clone(), done["x_request_id"].clone()]);

        let of_payment = shop.daemon.door.get(&format!("/v1/log?payment={}", text(&payment, "id"))).expect(200);
        assert_eq!(of_payment["rows"].as_array().unwrap().len(), 2);
        assert_eq!(shop.daemon.door.get("/v1/log/verify?rebuild=true").expect(200)["ok"], true);
        let cancelled = shop.daemon.door.post(&format!("/v1/payments/{}/cancel", text(&payment, "id")), &json!({}));
        assert_eq!(cancelled.expect(200)["state"], "cancelled");
        assert_eq!(shop.asked("remote_cancel"), 1);
    }
}

/// Row 2 with several organisations: what is sent again goes to the same one, whichever lost its token, and no call
/// carries another's (BIN, trade point, token).
#[test]
fn what_is_sent_again_stays_with_its_organisation() {
    for dialect in DIALECTS {
        let shop = Shop::open(dialect, "");
        shop.daemon.door.post("/v1/configs", &json!({"organization_bin": OTHER_BIN})).expect(201);
        for (bin, other) in [(BIN, OTHER_BIN), (OTHER_BIN, BIN)] {
            let moved = || (shop.bank.effect(bin, "invoices"), shop.bank.effect(bin, "refunds"));
            let others = || (shop.bank.effect(other, "invoices"), shop.bank.effect(other, "refunds"));
            let (before, untouched) = (moved(), others());
            let forget = || shop.bank.control("POST", &format!("/devices/{bin}/forget"), None);
            forget();
            let mut sale = remote();
            sale["organization_bin"] = bin.into();
            let payment = shop.daemon.door.post("/v1/payments", &sale).expect(201);
            assert_eq!((text(&payment, "organization_bin"), moved()), (bin, (before.0 + 1, before.1)));
            shop.bank.pay(text(&payment, "qr_payment_id"));
            forget();
            let refunds = format!("/v1/payments/{}/refunds", text(&payment, "id"));
            shop.daemon.door.post(&refunds, &json!({"amount_tiyn": 100})).expect(200);
            assert_eq!(moved(), (before.0 + 1, before.1 + 1));
            assert_eq!(others(), untouched, "{other} has got what was {bin}'s");
        }
    }
}

/// Row 2 when Kaspi gives the same token again: told with its remedy, no loop however often the till tries, and over
/// as soon as the bank has put it right.
#[test]
fn a_token_that_stays_refused_is_not_registered_in_a_loop() {
    for dialect in DIALECTS {
        let shop = Shop::open(dialect, "");
        shop.bank.control("POST", &format!("/devices/{BIN}/forget"), Some(&json!({"register_again": "same_refused"})));
        for _ in 0..5 {
            refused_everywhere(&shop, "device_token_invalid", &format!("kaspictl bin register {BIN}"));
        }
        assert_eq!((shop.asked("remote_create"), shop.asked("device_register")), (10, 2));
        assert_eq!((shop.bank.effect(BIN, "invoices"), payments(&shop)), (0, 0));
        let registered = shop.log("register");
        assert_eq!(text(&registered[1], "error_message"), "Kaspi gave the same token again");
        // A person may ask again at any time.
        kaspictl(&shop.daemon, &["bin", "register", BIN], 0);
        assert_eq!(shop.asked("device_register"), 3);
        shop.bank.control("POST", &format!("/devices/{BIN}/restore"), None);
        kaspictl(&shop.daemon, &["pay", "100", "--phone", "77015211545"], 0);
        assert_eq!(shop.bank.effect(BIN, "invoices"), 1);
    }
}

/// Row 2 when somebody has switched the device off: replaced, and a person is told, until a person has looked.
#[test]
fn a_device_that_was_switched_off_is_replaced_and_told() {
    let shop = Shop::open(Dialect::Bank, "");
    let link = json!({"kind": "link", "amount_tiyn": 10_000});
    shop.bank.control("POST", &format!("/devices/{BIN}/disable"), None);
    // The bank says −1502 of a link, and −1501 of an invoice.
    shop.daemon.door.post("/v1/payments", &link).expect(201);
    let alarms = || {
        let health = shop.daemon.door.get("/v1/health").expect(200);
        health["problems"].as_array().unwrap().iter().filter(|problem| problem["code"] == "device_alarm").count()
    };
    assert_eq!(alarms(), 1);
    // The schedule's own look, which a refused call brings forward, does not hide it.
    let start = shop.now();
    shop.bank.control("PATCH", &shop.point(), Some(&json!({"active": false})));
    shop.daemon.door.post("/v1/payments", &remote()).problem("trade_point_inactive");
    shop.until(start, "config.verified");
    assert_eq!(alarms(), 1);
    shop.verify();
    assert_eq!(alarms(), 0);
}

/// Row 3: "Trade point is not active". Told each time by the bank, with the guide's remedy, over as soon as it is over.
#[test]
fn a_trade_point_that_is_not_active_is_told_and_over_when_it_is() {
    for (dialect, provider_code) in DIALECTS.into_iter().zip([json!(990_000_018), Value::Null]) {
        let shop = Shop::open(dialect, "");
        shop.bank.control("PATCH", &shop.point(), Some(&json!({"active": false})));
        let problem = refused_everywhere(&shop, "trade_point_inactive", &format!("kaspictl bin trade-points {BIN}"));
        assert_eq!(problem["provider_code"], provider_code);
        assert_eq!((shop.asked("remote_create"), shop.asked("device_register"), payments(&shop)), (2, 1, 0));
        let rows = shop.log("create");
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().all(|row| row["status"] == "failed" && row["provider_code"] == provider_code), "{rows:?}");
        let listed = kaspictl(&shop.daemon, &["bin", "trade-points", BIN], 0);
        assert!(listed.contains("Main Office"), "{listed}");
        shop.bank.control("PATCH", &shop.point(), Some(&json!({"active": true})));
        kaspictl(&shop.daemon, &["pay", "100", "--phone", "77015211545"], 0);
    }
}

/// Row 4: "Payment created but with wrong BIN" cannot be. What would be one is refused before the bank hears of it,
/// and nothing takes another organisation instead.
#[test]
fn a_payment_with_a_wrong_bin_is_never_sent() {
    for dialect in DIALECTS {
        let shop = Shop::open(dialect, "");
        let wrong = |bin: &str, shop_id: u32| {
            let mut body = remote();
            (body["organization_bin"], body["shop_id"]) = (bin.into(), shop_id.into());
            body
        };
        for body in [wrong(UNKNOWN_BIN, 8), wrong(BIN, 9)] {
            let problem = shop.daemon.door.post("/v1/payments", &body).problem("bin_not_allowed");
            assert!(text(&problem, "remedy").ends_with("kaspictl bin list"), "{problem}");
        }
        // A typing error is caught by the control digit.
        shop.daemon.door.post("/v1/payments", &wrong("891027350516", 8)).problem("invalid_request");
        let pay = ["pay", "100", "--phone", "77015211545", "--bin"];
        let said = kaspictl(&shop.daemon, &[&pay[..], &[UNKNOWN_BIN]].concat(), 1);
        assert!(said.contains("bin_not_allowed") && said.contains("not moved"), "{said}");
        kaspictl(&shop.daemon, &[&pay[..], &["891027350516"]].concat(), 2);
        kaspictl(&shop.daemon, &["bin", "deactivate", BIN], 0);
        refused_everywhere(&shop, "bin_inactive", &format!("kaspictl bin activate {BIN}"));
        assert_eq!((shop.asked("remote_create"), payments(&shop)), (0, 0));
        assert!(shop.log("create").is_empty(), "nothing was intended");
        kaspictl(&shop.daemon, &["bin", "activate", BIN], 0);
        let taken = kaspictl(&shop.daemon, &["pay", "100", "--phone", "77015211545", "--bin", BIN], 0);
        assert!(taken.contains(BIN), "{taken}");
    }
}
