//! The bank's dialect: every call of wire §4, its live shapes and its codes.

use serde_json::{Value, json};

use super::{BIN, Dialect, OTHER_BIN, PHONE, Sandbox};

async fn registered() -> (Sandbox, String) {
    let bank = Sandbox::of(Dialect::Bank).await;
    let token = token(&bank, BIN, 104_039, "till-1").await;
    (bank, token)
}

async fn token(bank: &Sandbox, bin: &str, point: i64, device: &str) -> String {
    let body = json!({"OrganizationBin": bin, "DeviceId": device, "TradePointId": point});
    let reply = bank.post("/r3/v01/device/register", body).await;
    reply["Data"]["DeviceToken"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned()
}

fn invoice(token: &str, amount: Value) -> Value {
    json!({"OrganizationBin": BIN, "DeviceToken": token, "Amount": amount, "PhoneNumber": PHONE, "Comment": "Заказ 1"})
}

async fn paid_invoice(bank: &Sandbox, token: &str) -> u64 {
    let id =
        bank.post("/r3/v01/remote/create", invoice(token, json!(100))).await["Data"]["QrPaymentId"].as_u64().unwrap();
    bank.control("POST", &format!("/payments/{id}/pay"), Value::Null).await;
    id
}

async fn status(bank: &Sandbox, id: u64) -> Value {
    bank.get(&format!("/r3/v01/payment/status/{id}")).await["Data"]["Status"].clone()
}

#[tokio::test]
async fn a_link_has_the_shape_of_the_live_capture() {
    let (bank, token) = registered().await;
    let body = json!({"OrganizationBin": BIN, "DeviceToken": token, "Amount": 30000, "ExternalId": "order-1"});
    let got = bank.try_call("POST", "/r3/v01/qr/create-link", &body).await.unwrap();
    let reply = got.json();
    let keys =
        ["\"PaymentLink\":", "\"ExpireDate\":", "\"PaymentId\":", "\"PaymentBehaviorOptions\":", "\"StatusCode\":0}"];
    let places: Vec<_> =
        keys.iter().map(|key| got.text.find(key).unwrap_or_else(|| panic!("{key} in {}", got.text))).collect();
    assert!(got.text.starts_with("{\"Data\":") && places.is_sorted(), "{}", got.text);
    assert!(reply.get("Message").is_none());
    assert_eq!(reply["Data"]["PaymentId"].to_string().len(), 11);
    assert_eq!(
        reply["Data"]["PaymentBehaviorOptions"],
        json!({"StatusPollingInterval": 5, "LinkActivationWaitTimeout": 180, "PaymentConfirmationTimeout": 65})
    );
    let expires = reply["Data"]["ExpireDate"].as_str().unwrap();
    assert_eq!((expires.len(), &expires[19..20], &expires[23..]), (29, ".", "+05:00"), "{expires}");
    let date = jiff::fmt::rfc2822::parse(got.headers["date"].to_str().unwrap()).unwrap().timestamp();
    let life = expires.parse::<jiff::Timestamp>().unwrap().as_second() - date.as_second();
    assert!((178..=181).contains(&life), "ExpireDate minus Date is the life, not {life}");
}

#[tokio::test]
async fn a_qr_goes_from_created_over_wait_to_processed_by_the_test_calls() {
    let (bank, token) = registered().await;
    let body = json!({"OrganizationBin": BIN, "DeviceToken": token, "Amount": 200.00});
    let data = bank.post("/r3/v01/qr/create", body).await["Data"].clone();
    assert_eq!(data["QrToken"].as_str().unwrap().len(), 41);
    assert_eq!(data["QrPaymentBehaviorOptions"]["QrCodeScanWaitTimeout"], 180);
    let id = data["QrPaymentId"].as_u64().unwrap();
    let emulate = json!({"qrPaymentId": id.to_string()});
    assert_eq!(bank.post("/r3/v01/test/payment/confirmerror", emulate.clone()).await["StatusCode"], -1601);
    assert_eq!(status(&bank, id).await, "QrTokenCreated");
    let reply = bank.post("/r3/v01/test/payment/scan", emulate.clone()).await;
    assert_eq!(reply, json!({"StatusCode": 0, "message": "OK"}));
    assert_eq!(status(&bank, id).await, "Wait");
    bank.post("/r3/v01/test/payment/confirm", emulate).await;
    assert_eq!(status(&bank, id).await, "Processed");
    let v02 = bank.get(&format!("/r3/v02/payment/status/{id}")).await;
    assert_eq!((&v02["Data"]["Amount"], &v02["Data"]["IsOffer"]), (&json!(200), &json!(false)));
}

#[tokio::test]
async fn amounts_are_decimal_tenge_and_only_numbers() {
    let (bank, token) = registered().await;
    for amount in [json!(0), json!(-5), json!(1.005), json!(100_000_000)] {
        let reply = bank.post("/r3/v01/remote/create", invoice(&token, amount.clone())).await;
        assert_eq!(reply, json!({"StatusCode": 990_000_028, "Message": "Указана неверная сумма операции"}), "{amount}");
    }
    let got = bank.try_call("POST", "/r3/v01/remote/create", &invoice(&token, json!("100"))).await.unwrap();
    assert_eq!(got.status, 400);
    assert_eq!(bank.effect("invoices").await, 0);
    bank.post("/r3/v01/remote/create", invoice(&token, json!(150.5))).await;
    assert_eq!(bank.effect("asked_tiyn").await, 15_050);
}

#[tokio::test]
async fn refunds_add_up_until_nothing_is_left() {
    let (bank, token) = registered().await;
    let id = paid_invoice(&bank, &token).await;
    let body = |amount: f64| json!({"OrganizationBin": BIN, "DeviceToken": token, "QrPaymentId": id, "Amount": amount});
    let details = format!("/r3/v01/payment/details?QrPaymentId={id}&DeviceToken={token}");
    for left in ["50.50", "1"] {
        let reply = bank.post("/r3/v01/payment/return", body(49.5)).await;
        assert!(reply["Data"]["ReturnOperationId"].is_u64(), "{reply}");
        let got = bank.try_call("GET", &details, &Value::Null).await.unwrap().text;
        assert!(got.contains(&format!("\"TotalAmount\":100,\"AvailableReturnAmount\":{left},")), "{got}");
    }
    assert_eq!(bank.post("/r3/v01/payment/return", body(1.01)).await["StatusCode"], -99_000_005);
    bank.control("PATCH", &format!("/trade-points/{BIN}/104039"), json!({"partial_refunds": false})).await;
    assert_eq!(bank.post("/r3/v01/payment/return", body(0.5)).await["StatusCode"], -99_000_020);
    assert_eq!((bank.effect("refunds").await, bank.effect("refunded_tiyn").await), (2, 9_900));
    assert_eq!(status(&bank, id).await, "Processed", "no status tells of a refund");
}

#[tokio::test]
async fn what_is_not_paid_is_not_returned_and_what_is_paid_not_cancelled() {
    let (bank, token) = registered().await;
    let id =
        bank.post("/r3/v01/remote/create", invoice(&token, json!(100))).await["Data"]["QrPaymentId"].as_u64().unwrap();
    let refund = json!({"OrganizationBin": BIN, "DeviceToken": token, "QrPaymentId": id, "Amount": 1});
    assert_eq!(bank.post("/r3/v01/payment/return", refund).await["StatusCode"], -99_000_011);
    let cancel = |id: u64| json!({"OrganizationBin": BIN, "DeviceToken": token, "QrPaymentId": id});
    let cancelled = bank.post("/r3/v01/remote/cancel", cancel(id)).await;
    assert_eq!(cancelled, json!({"Data": {"Status": "RemotePaymentCanceled"}, "StatusCode": 0}));
    assert_eq!(status(&bank, id).await, "RemotePaymentCanceled");
    let paid = paid_invoice(&bank, &token).await;
    assert_eq!(bank.post("/r3/v01/remote/cancel", cancel(paid)).await["StatusCode"], -99_000_001);
    assert_eq!((status(&bank, paid).await, bank.effect("cancels").await), (json!("Processed"), 1));
}

#[tokio::test]
async fn a_token_works_only_at_its_own_organisation_and_trade_point() {
    let (bank, token) = registered().await;
    let foreign = self::token(&bank, OTHER_BIN, 104_040, "till-2").await;
    let mixed = json!({"OrganizationBin": BIN, "DeviceToken": foreign, "Amount": 1, "PhoneNumber": PHONE});
    let reply = bank.post("/r3/v01/remote/create", mixed).await;
    assert_eq!(reply, json!({"StatusCode": -1501, "Message": "Устройство с заданным идентификатором не найдено"}));

    let id = paid_invoice(&bank, &token).await;
    bank.control("POST", &format!("/trade-points/{BIN}/104041"), json!({"name": "Kiosk"})).await;
    let kiosk = self::token(&bank, BIN, 104_041, "till-3").await;
    for (bin, token) in [(BIN, &kiosk), (OTHER_BIN, &foreign)] {
        let refund = json!({"OrganizationBin": bin, "DeviceToken": token, "QrPaymentId": id, "Amount": 1});
        assert_eq!(bank.post("/r3/v01/payment/return", refund).await["StatusCode"], -99_000_003);
        let details = format!("/r3/v01/payment/details?QrPaymentId={id}&DeviceToken={token}");
        assert_eq!(bank.get(&details).await["StatusCode"], -1601);
    }
    let moved = json!({"OrganizationBin": BIN, "DeviceId": "till-1", "TradePointId": 104_041});
    assert_eq!(bank.post("/r3/v01/device/register", moved).await["StatusCode"], -1503);
    assert_eq!(bank.effect("refunds").await, 0);
}

#[tokio::test]
async fn a_deleted_device_is_dead_and_registering_again_revives_nothing() {
    let (bank, old) = registered().await;
    let id = paid_invoice(&bank, &old).await;
    let delete = json!({"OrganizationBin": BIN, "DeviceToken": old});
    assert_eq!(bank.post("/r3/v01/device/delete", delete.clone()).await, json!({"StatusCode": 0}));
    assert_eq!(bank.post("/r3/v01/device/delete", delete).await["StatusCode"], -1501);
    let qr = json!({"OrganizationBin": BIN, "DeviceToken": old, "Amount": 1});
    assert_eq!(bank.post("/r3/v01/qr/create", qr).await["StatusCode"], -1502);
    let new = token(&bank, BIN, 104_039, "till-1").await;
    assert_ne!(new, old);
    let refund = json!({"OrganizationBin": BIN, "DeviceToken": new, "QrPaymentId": id, "Amount": 1});
    assert_eq!(bank.post("/r3/v01/payment/return", refund).await["StatusCode"], 0, "same trade point, new device");
    assert_eq!((bank.effect("registrations").await, bank.effect("deletes").await), (2, 1));
}

#[tokio::test]
async fn a_payer_is_looked_up_fifty_times_a_minute() {
    let (bank, token) = registered().await;
    let path = |phone: &str| format!("/r3/v01/remote/client-info?phoneNumber={phone}&deviceToken={token}");
    assert!(bank.get(&path(PHONE)).await["Data"]["ClientName"].is_string());
    assert_eq!(bank.get(&path("77010000000")).await, json!({"StatusCode": 990_000_032}), "this code has no text");
    for _ in 2..50 {
        assert_eq!(bank.get(&path(PHONE)).await["StatusCode"], 0);
    }
    assert_eq!(bank.try_call("GET", &path(PHONE), &Value::Null).await.unwrap().status, 429);
    bank.control("POST", "/clock", json!({"advance": "60s"})).await;
    assert_eq!(bank.get(&path(PHONE)).await["StatusCode"], 0);
}

#[tokio::test]
async fn lists_pings_and_unknown_things() {
    let (bank, token) = registered().await;
    let points = bank.get(&format!("/r3/v01/partner/tradepoints/{BIN}")).await;
    assert_eq!(points["Data"][0]["TradePointId"], 104_039);
    assert!(points["Data"][0]["TradePointName"].as_str().unwrap().starts_with("Main Office (Almaty"));
    let none = bank.get("/r3/v01/partner/tradepoints/990140000007").await;
    assert_eq!(none["StatusCode"], -14_000_002);
    assert_eq!(bank.get("/r3/v01/health/ping").await, json!({"StatusCode": 0}));
    assert_eq!(
        bank.get("/r3/v01/payment/status/1").await,
        json!({"StatusCode": -1601, "Message": "Покупка не найдена"})
    );
    let nobody = json!({"OrganizationBin": BIN, "DeviceToken": token, "Amount": 1, "PhoneNumber": "77010000000"});
    assert_eq!(bank.post("/r3/v01/remote/create", nobody).await["StatusCode"], 990_000_032);
}

#[tokio::test]
async fn the_guides_requests_are_not_read() {
    let (bank, token) = registered().await;
    let create = json!({"organizationBin": BIN, "deviceToken": token, "tradePointId": "104039",
        "phoneNumber": PHONE, "amount": 10000});
    let refund = json!({"organizationBin": BIN, "deviceToken": token, "QrPaymentId": "12737694350", "returnAmount": 1});
    for (path, body, status) in [
        ("/r3/v01/remote/create/", &create, 400),
        ("/r3/v01/qr/create-link/", &create, 400),
        ("/r3/v01/payment/refund/", &refund, 404),
        ("/r3/v01/device/register", &create, 400),
    ] {
        assert_eq!(bank.try_call("POST", path, body).await.unwrap().status, status, "{path}");
    }
    assert_eq!((bank.effect("invoices").await, bank.effect("links").await), (0, 0));
}
