//! The Multi-BIN Setup Guide from its first step to its last table, against the sandbox, in both dialects.

use serde_json::{Value, json};

use crate::support::daemon::{Daemon, Home};
use crate::support::fixture::Dialect;
use crate::support::sandbox::Sandbox;

/// The guide's organisations.
const BINS: [&str; 2] = ["891027350515", "210440028324"];
/// A BIN with a valid control digit that no bank knows (wire §5).
const UNKNOWN_BIN: &str = "990140000007";

/// A bank and a daemon; `enrolled` also has both organisations, the first as default.
struct Shop {
    daemon: Daemon,
    bank: Sandbox,
    _home: Home,
}

impl Shop {
    #[track_caller]
    fn empty(dialect: Dialect) -> Self {
        let bank = Sandbox::start(dialect);
        let home = Home::new(&bank, "");
        Self { daemon: Daemon::start(&home), bank, _home: home }
    }

    #[track_caller]
    fn enrolled(dialect: Dialect) -> Self {
        let shop = Self::empty(dialect);
        for (bin, is_default) in BINS.into_iter().zip([true, false]) {
            let body = json!({"organization_bin": bin, "is_default": is_default, "description": format!("BIN {bin}")});
            shop.daemon.door.post("/v1/configs", &body).expect(201);
        }
        shop
    }

    #[track_caller]
    fn create(&self, body: &Value) -> Value {
        self.daemon.door.post("/v1/payments", body).expect(201)
    }

    #[track_caller]
    fn payment(&self, payment: &Value, wait: &str) -> Value {
        self.daemon.door.get(&format!("/v1/payments/{}{wait}", text(payment, "id"))).expect(200)
    }

    /// The trade point of an organisation as the daemon knows it.
    fn trade_point(&self, bin: &str) -> String {
        text(&self.daemon.door.get(&format!("/v1/configs/{bin}")).expect(200), "trade_point_id").to_owned()
    }
}

#[track_caller]
fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn remote(bin: Option<&str>) -> Value {
    let mut body =
        json!({"kind": "remote", "amount_tiyn": 10_000, "phone_number": "77015211545", "comment": "Order #123"});
    if let Some(bin) = bin {
        body["organization_bin"] = bin.into();
    }
    body
}

/// Steps 1 to 4, status, cancel, refund and audit, for two organisations: each tenge at the one it was meant for.
fn whole_path(dialect: Dialect) {
    let shop = Shop::empty(dialect);
    steps_one_to_three(&shop);
    selection(&shop);
    payments(&shop, dialect);
    audit(&shop);
}

#[track_caller]
fn steps_one_to_three(shop: &Shop) {
    for (bin, is_default) in BINS.into_iter().zip([true, false]) {
        let points = shop.daemon.door.get(&format!("/v1/trade-points/{bin}")).expect(200);
        assert_eq!(points["trade_points"].as_array().map(Vec::len), Some(1), "{points}");
        let body = json!({"organization_bin": bin, "is_default": is_default, "description": format!("BIN {bin}")});
        let config = shop.daemon.door.post("/v1/configs", &body).expect(201);
        assert_eq!(config["trade_point_id"], points["trade_points"][0]["id"]);
        assert_eq!((&config["shop_id"], &config["is_default"]), (&json!(8), &json!(is_default)));
        assert_eq!(config["standing"], "verified");
        assert_eq!(shop.bank.effect(bin, "registrations"), 1);
    }
    // Registering again is idempotent: the same token, so no second device.
    shop.daemon.door.post(&format!("/v1/configs/{}/register", BINS[0]), &json!({})).expect(200);
    assert_eq!(shop.bank.effect(BINS[0], "registrations"), 1);
}

#[track_caller]
fn selection(shop: &Shop) {
    let door = &shop.daemon.door;
    let chosen = |target: &str| {
        let selected = door.get(target).expect(200);
        (text(&selected["config"], "organization_bin").to_owned(), text(&selected, "reason").to_owned())
    };
    assert_eq!(chosen("/v1/select?shop_id=8"), (BINS[0].to_owned(), "default".to_owned()));
    let explicit = format!("/v1/select?shop_id=8&organization_bin={}", BINS[1]);
    assert_eq!(chosen(&explicit), (BINS[1].to_owned(), "explicit".to_owned()));
    // Only one default per shop: making the other one the default unmakes the first.
    for bin in [BINS[1], BINS[0]] {
        let change = json!({"is_default": true}).to_string();
        assert_eq!(door.send("PATCH", &format!("/v1/configs/{bin}"), &[], Some(&change)).status, 200);
        let configs = door.get("/v1/configs").expect(200);
        let defaults = configs["configs"].as_array().unwrap().iter().filter(|config| config["is_default"] == true);
        assert_eq!(defaults.map(|config| text(config, "organization_bin")).collect::<Vec<_>>(), [bin]);
    }
}

#[track_caller]
fn payments(shop: &Shop, dialect: Dialect) {
    let first = shop.create(&remote(None));
    assert_eq!(text(&first, "organization_bin"), BINS[0], "no BIN named: the default's");
    let second = shop.create(&remote(Some(BINS[1])));
    assert_eq!(text(&second, "organization_bin"), BINS[1]);
    assert_eq!(text(&second, "trade_point_id"), shop.trade_point(BINS[1]));
    for bin in BINS {
        assert_eq!(shop.bank.effect(bin, "invoices"), 1, "{bin}");
    }

    // A link on the second organisation, paid, a part refunded.
    let link = json!({"kind": "link", "amount_tiyn": 10_000, "organization_bin": BINS[1], "invoice": "order-123"});
    let link = shop.create(&link);
    assert!(text(&link, "link").starts_with("https://"), "{link}");
    shop.bank.pay(text(&link, "qr_payment_id"));
    let paid = shop.payment(&link, "?wait=30s");
    assert_eq!((text(&paid, "state"), text(&paid, "organization_bin")), ("paid", BINS[1]));
    let target = format!("/v1/payments/{}/refunds", text(&paid, "id"));
    let refunded = shop.daemon.door.post(&target, &json!({"amount_tiyn": 5_000})).expect(200);
    assert_eq!(refunded["refunded_tiyn"], 5_000);
    assert_eq!(shop.bank.effect(BINS[1], "refunded_tiyn"), 5_000);
    assert_eq!(shop.bank.effect(BINS[0], "refunded_tiyn"), 0, "the other organisation paid nothing back");
    shop.daemon.door.post(&target, &json!({"amount_tiyn": 5_001})).problem("refund_exceeds_balance");

    // The first invoice is cancelled, the second one paid.
    let cancelled = shop.daemon.door.post(&format!("/v1/payments/{}/cancel", text(&first, "id")), &json!({}));
    assert_eq!(cancelled.expect(200)["state"], "cancelled");
    shop.bank.pay(text(&second, "qr_payment_id"));
    assert_eq!(shop.payment(&second, "?wait=30s")["state"], "paid");
    let late = shop.daemon.door.post(&format!("/v1/payments/{}/cancel", text(&second, "id")), &json!({}));
    assert_eq!(late.problem("not_cancellable")["money"], "moved");

    // By the digits of Kaspi's id, as the guide's status call.
    let by_digits = shop.daemon.door.get(&format!("/v1/payments/{}", text(&second, "qr_payment_id"))).expect(200);
    assert_eq!(by_digits["id"], second["id"]);
    if dialect == Dialect::Guide {
        let qr = json!({"kind": "qr", "amount_tiyn": 10_000});
        shop.daemon.door.post("/v1/payments", &qr).problem("not_in_dialect");
    }
}

/// KaspiPayLog: which BIN was used, for every operation, exported under the guide's names.
#[track_caller]
fn audit(shop: &Shop) {
    let log = shop.daemon.door.get("/v1/log?limit=1000").expect(200);
    let rows = log["rows"].as_array().unwrap();
    let find = |operation: &str, bin: &str| {
        rows.iter().find(|row| row["operation_type"] == operation && row["organization_bin"] == bin)
    };
    for (operation, bin) in [("create", BINS[0]), ("create", BINS[1]), ("link", BINS[1]), ("cancel", BINS[0])] {
        let row = find(operation, bin).unwrap_or_else(|| panic!("no {operation} of {bin} in {log}"));
        assert_eq!((&row["status"], &row["amount"]), (&json!("success"), &json!(10_000)), "{row}");
        assert_eq!(row["shop_id"], 8);
        assert!(row["kaspi_config_id"].is_u64() && row["external_id"].is_string(), "{row}");
    }
    assert_eq!(find("refund", BINS[1]).unwrap()["amount"], 5_000);
    assert!(find("link", BINS[0]).is_none() && find("refund", BINS[0]).is_none());
    let verified = shop.daemon.door.get("/v1/log/verify").expect(200);
    assert_eq!((&verified["ok"], &verified["first_bad"]), (&json!(true), &Value::Null));

    let export = shop.daemon.door.get("/v1/log/export?format=csv");
    assert_eq!(export.status, 200, "GET /v1/log/export: {}", export.text());
    let csv = export.text();
    let columns: Vec<&str> = csv.lines().next().unwrap_or_default().split(',').collect();
    for column in [
        "id",
        "shop_id",
        "kaspi_config_id",
        "operation_type",
        "external_id",
        "organization_bin",
        "amount",
        "status",
        "error_message",
        "created_at",
    ] {
        assert!(columns.contains(&column), "no column {column} in {columns:?}");
    }
    let head = format!("{}:{}", verified["events"], text(&verified, "head"));
    assert_eq!(export.header("x-kaspid-log-head"), Some(head.as_str()));
}

#[test]
fn the_whole_path_in_the_banks_dialect() {
    whole_path(Dialect::Bank);
}

#[test]
fn the_whole_path_in_the_guides_dialect() {
    whole_path(Dialect::Guide);
}

/// Troubleshooting, row 1: "Организация не зарегистрирована в Kaspi Pay".
#[test]
fn an_organisation_kaspi_does_not_know_is_named() {
    for dialect in [Dialect::Bank, Dialect::Guide] {
        let shop = Shop::empty(dialect);
        let refused = shop.daemon.door.post("/v1/configs", &json!({"organization_bin": UNKNOWN_BIN}));
        let problem = refused.problem("organization_not_registered");
        assert_eq!(problem["money"], "not_moved");
        assert_eq!(shop.daemon.door.get("/v1/configs").expect(200)["configs"], json!([]));
    }
}

/// Troubleshooting, row 2: "Invalid deviceToken". The daemon registers the device again and the till notices nothing.
#[test]
fn a_forgotten_token_is_renewed_once() {
    for dialect in [Dialect::Bank, Dialect::Guide] {
        let shop = Shop::enrolled(dialect);
        shop.bank.control("POST", &format!("/devices/{}/forget", BINS[1]), Some(&json!({"register_again": "another"})));
        let payment = shop.create(&remote(Some(BINS[1])));
        assert_eq!(payment["state"], "waiting");
        assert_eq!(shop.bank.effect(BINS[1], "invoices"), 1);
        assert_eq!(shop.bank.effect(BINS[1], "registrations"), 2);
    }
}

/// The same row when Kaspi gives the same token again: no loop, and a remedy.
#[test]
fn a_token_that_stays_refused_is_told() {
    let shop = Shop::enrolled(Dialect::Bank);
    let forget = json!({"register_again": "same_refused"});
    shop.bank.control("POST", &format!("/devices/{}/forget", BINS[1]), Some(&forget));
    shop.daemon.door.post("/v1/payments", &remote(Some(BINS[1]))).problem("device_token_invalid");
    assert_eq!(shop.bank.effect(BINS[1], "invoices"), 0);
}

/// Troubleshooting, row 3: "Trade point is not active". Told each time, and over as soon as it is over.
#[test]
fn a_trade_point_that_is_off_is_told() {
    for dialect in [Dialect::Bank, Dialect::Guide] {
        let shop = Shop::enrolled(dialect);
        let point = format!("/trade-points/{}/{}", BINS[1], shop.trade_point(BINS[1]));
        shop.bank.control("PATCH", &point, Some(&json!({"active": false})));
        for _ in 0..2 {
            shop.daemon.door.post("/v1/payments", &remote(Some(BINS[1]))).problem("trade_point_inactive");
        }
        shop.bank.control("PATCH", &point, Some(&json!({"active": true})));
        shop.create(&remote(Some(BINS[1])));
        assert_eq!(shop.bank.effect(BINS[1], "invoices"), 1);
    }
}

/// Troubleshooting, row 4: "Payment created but with wrong BIN" cannot be: a BIN of another shop, an unknown one and
/// an inactive one are refused before anything is sent, and nothing falls back to another organisation.
#[test]
fn money_never_goes_to_the_wrong_organisation() {
    let shop = Shop::enrolled(Dialect::Guide);
    let mut foreign = remote(Some(BINS[0]));
    foreign["shop_id"] = 9.into();
    shop.daemon.door.post("/v1/payments", &foreign).problem("bin_not_allowed");
    shop.daemon.door.post("/v1/payments", &remote(Some(UNKNOWN_BIN))).problem("bin_not_allowed");
    let inactive = json!({"is_active": false}).to_string();
    let target = format!("/v1/configs/{}", BINS[0]);
    assert_eq!(shop.daemon.door.send("PATCH", &target, &[], Some(&inactive)).status, 200);
    shop.daemon.door.post("/v1/payments", &remote(Some(BINS[0]))).problem("bin_inactive");
    let defaulted = shop.daemon.door.post("/v1/payments", &remote(None));
    assert!(defaulted.status >= 400, "fell back to another organisation: {}", defaulted.text());
    for bin in BINS {
        assert_eq!(shop.bank.effect(bin, "invoices"), 0, "{bin}");
    }
}

/// A shop without a default never gets "the first active one" (architecture §6.1).
#[test]
fn without_a_default_a_bin_must_be_named() {
    let shop = Shop::empty(Dialect::Bank);
    shop.daemon.door.post("/v1/configs", &json!({"organization_bin": BINS[0]})).expect(201);
    shop.daemon.door.post("/v1/payments", &remote(None)).problem("no_default_bin");
    shop.daemon.door.get("/v1/select").problem("no_default_bin");
    shop.create(&remote(Some(BINS[0])));
}
