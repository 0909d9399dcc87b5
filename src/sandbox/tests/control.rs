//! The control interface: strict, in sentences, and true to what happened.

use serde_json::{Value, json};

use super::{BIN, Dialect, PHONE, Sandbox};

async fn with_invoice() -> (Sandbox, String) {
    let bank = Sandbox::of(Dialect::Bank).await;
    let register = json!({"OrganizationBin": BIN, "DeviceId": "till", "TradePointId": 104_039});
    let token =
        bank.post("/r3/v01/device/register", register).await["Data"]["DeviceToken"].as_str().unwrap().to_owned();
    let create = json!({"OrganizationBin": BIN, "DeviceToken": token, "Amount": 100, "PhoneNumber": PHONE});
    assert_eq!(bank.post("/r3/v01/remote/create", create).await["Data"]["QrPaymentId"], 12_737_694_350_u64);
    (bank, token)
}

const PAYMENT: &str = "/payments/12737694350";
const STATUS: &str = "/r3/v01/payment/status/12737694350";

#[tokio::test]
async fn mistakes_are_named() {
    let (bank, _) = with_invoice().await;
    for (method, path, body, status, says) in [
        ("POST", "/faults", json!({"call": "remote_create", "fault": "drop_after", "tmies": 2}), 400, "tmies"),
        ("POST", "/faults", json!({"call": "remote_crate", "fault": "empty"}), 400, "remote_crate"),
        ("POST", "/clock", json!({"advance": "soon"}), 400, "duration"),
        ("POST", "/clock", Value::Null, 400, "advance"),
        ("POST", "/payments/1/pay", Value::Null, 404, "no payment 1"),
        ("POST", "/payments/12737694350/scan", Value::Null, 409, "force"),
        ("POST", "/payments/12737694350/refund-elsewhere", Value::Null, 409, "nothing to send back"),
        ("POST", "/trade-points/891027350515/kiosk", Value::Null, 400, "integer"),
        ("POST", "/organizations/891027350516", Value::Null, 400, "891027350516"),
        ("GET", "/payment", Value::Null, 404, "GET / lists"),
        ("GET", "/requests?limit=x", Value::Null, 400, "limit"),
    ] {
        let got = bank.try_control(method, path, &body).await;
        assert_eq!(got.status, status, "{method} {path}: {}", got.text);
        assert!(got.json()["error"].as_str().unwrap().contains(says), "{says:?} in {}", got.text);
    }
    assert!(bank.try_control("GET", "/", &Value::Null).await.text.contains("POST   /faults"));
}

#[tokio::test]
async fn a_program_that_runs_the_bank_controls_it_without_http() {
    let (bank, _) = with_invoice().await;
    let running = &bank.bank;
    let paid = running.control(&hyper::Method::POST, &format!("{PAYMENT}/pay"), &Value::Null).unwrap();
    assert_eq!(paid["status"], "Processed");
    let complaint = running.control(&hyper::Method::POST, &format!("{PAYMENT}/pay"), &Value::Null).unwrap_err();
    assert_eq!((complaint.status(), complaint.to_string().contains("Processed")), (409, true));
}

#[tokio::test]
async fn requests_are_kept_without_their_token() {
    let (bank, token) = with_invoice().await;
    let got = bank.try_control("GET", "/requests", &Value::Null).await;
    assert!(!got.text.contains(&token));
    let create = &got.json()["requests"][1];
    assert_eq!(create["path"], "/r3/v01/remote/create");
    assert_eq!(create["x_request_id"], "0123456789abcdef0123456789abcdef");
    assert_eq!((&create["organization_bin"], &create["body"]["PhoneNumber"]), (&json!(BIN), &json!(PHONE)));
    assert_eq!(create["body"]["DeviceToken"], format!("token {}", create["token"].as_str().unwrap()));
    let details = format!("/r3/v01/payment/details?QrPaymentId=12737694350&DeviceToken={token}");
    bank.get(&details).await;
    let last = bank.last_request().await;
    assert!(!last.to_string().contains(&token));
    assert_eq!((&last["token"], &last["code"]), (&create["token"], &json!(-1601)));
}

#[tokio::test]
async fn a_forced_payment_is_late_and_a_forced_error_contradicts() {
    let (bank, _) = with_invoice().await;
    bank.control("POST", "/clock", json!({"advance": "24h"})).await;
    assert_eq!(bank.get(STATUS).await["Data"]["Status"], "Error");
    assert_eq!(bank.try_control("POST", &format!("{PAYMENT}/pay"), &Value::Null).await.status, 409);
    bank.control("POST", &format!("{PAYMENT}/pay"), json!({"force": true})).await;
    assert_eq!(bank.get(STATUS).await["Data"]["Status"], "Processed");
    bank.control("POST", &format!("{PAYMENT}/decline"), json!({"force": true})).await;
    assert_eq!(bank.get(STATUS).await["Data"]["Status"], "Error");
}

#[tokio::test]
async fn money_sent_back_elsewhere_is_gone() {
    let (bank, _) = with_invoice().await;
    bank.control("POST", &format!("{PAYMENT}/pay"), Value::Null).await;
    let after = bank.control("POST", &format!("{PAYMENT}/refund-elsewhere"), json!({"amount_tiyn": 2500})).await;
    assert_eq!(after["shown_return_tiyn"], 7500);
    bank.control("POST", &format!("{PAYMENT}/refund-elsewhere"), Value::Null).await;
    assert_eq!((bank.effect("refunds").await, bank.effect("refunded_elsewhere_tiyn").await), (0, 10_000));
}

#[tokio::test]
async fn trade_points_come_and_go() {
    let (bank, token) = with_invoice().await;
    let qr = json!({"OrganizationBin": BIN, "DeviceToken": token, "Amount": 1});
    let point = format!("/trade-points/{BIN}/104039");
    let code = async || bank.post("/r3/v01/qr/create", qr.clone()).await["StatusCode"].clone();
    for (change, expected) in [
        (json!({"active": false}), 990_000_018),
        (json!({"active": true, "accepts_qr": false}), 990_000_026),
        (json!({"accepts_qr": true, "payment_methods": []}), 990_000_033),
        (json!({"payment_methods": ["Red"], "name": "Renamed"}), 0),
    ] {
        bank.control("PATCH", &point, change).await;
        assert_eq!(code().await, expected);
    }
    bank.control("DELETE", &point, Value::Null).await;
    assert_eq!(code().await, -99_000_002);
    let list = format!("/r3/v01/partner/tradepoints/{BIN}");
    assert_eq!(bank.get(&list).await["StatusCode"], -14_000_002);
    bank.control("POST", &point, Value::Null).await;
    assert_eq!(code().await, 0);
    assert_eq!(bank.get(&list).await["Data"][0]["TradePointName"], "Renamed");
    bank.control("DELETE", &format!("/organizations/{BIN}"), Value::Null).await;
    assert_eq!(code().await, -1501);
}

#[tokio::test]
async fn a_new_organisation_starts_without_trade_points() {
    let (bank, _) = with_invoice().await;
    bank.control("POST", "/organizations/990140000007", Value::Null).await;
    let list = "/r3/v01/partner/tradepoints/990140000007";
    assert_eq!(bank.get(list).await["StatusCode"], -14_000_002);
    bank.control("POST", "/trade-points/990140000007/7", json!({"name": "Shop 7"})).await;
    assert_eq!(bank.get(list).await["Data"], json!([{"TradePointId": 7, "TradePointName": "Shop 7"}]));
}

#[tokio::test]
async fn timers_and_clock_move_what_the_bank_says() {
    let (bank, token) = with_invoice().await;
    bank.control("POST", "/timers", json!({"scan": "2s", "poll": "1s"})).await;
    bank.control("POST", "/timers", json!({"confirm": "1s"})).await;
    let qr = json!({"OrganizationBin": BIN, "DeviceToken": token, "Amount": 1});
    let made = bank.post("/r3/v01/qr/create", qr).await;
    assert_eq!(
        made["Data"]["QrPaymentBehaviorOptions"],
        json!({"StatusPollingInterval": 1, "QrCodeScanWaitTimeout": 2, "PaymentConfirmationTimeout": 1})
    );
    let status = format!("/r3/v01/payment/status/{}", made["Data"]["QrPaymentId"]);
    bank.control("POST", "/clock", json!({"advance": "2s"})).await;
    assert_eq!(bank.get(&status).await["Data"]["Status"], "Error");
    assert_eq!(bank.get(STATUS).await["Data"]["Status"], "RemotePaymentCreated", "made under the old timers");
}

#[tokio::test]
async fn forgotten_and_disabled_devices_are_told_apart() {
    let (bank, token) = with_invoice().await;
    let qr = json!({"OrganizationBin": BIN, "DeviceToken": token, "Amount": 1});
    let disabled = bank.control("POST", &format!("/devices/{BIN}/disable"), Value::Null).await;
    assert_eq!(disabled["devices"], 1);
    assert_eq!(bank.post("/r3/v01/qr/create", qr).await["StatusCode"], -1502);
    let register = json!({"OrganizationBin": BIN, "DeviceId": "till", "TradePointId": 104_039});
    let next = bank.post("/r3/v01/device/register", register.clone()).await["Data"]["DeviceToken"].clone();
    bank.control("POST", &format!("/devices/{BIN}/forget"), json!({"register_again": "same_refused"})).await;
    assert_eq!(bank.post("/r3/v01/device/register", register).await["Data"]["DeviceToken"], next);
    let qr = json!({"OrganizationBin": BIN, "DeviceToken": next, "Amount": 1});
    assert_eq!(bank.post("/r3/v01/qr/create", qr).await["StatusCode"], -1501);
}
