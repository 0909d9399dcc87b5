//! The guide's dialect: its examples as printed, its error texts, and nothing of the bank's.

use serde_json::{Value, json};

use super::{BIN, Dialect, OTHER_BIN, PHONE, Sandbox};

const POINT: &str = "550e8400-e29b-41d4-a716-446655440000";
const OTHER_POINT: &str = "660f9511-f30c-52e5-b827-557766551111";
const TOKEN: &str = "577b4b39-1e7e-43d2-83c3-a0116118ef16";
const OTHER_TOKEN: &str = "688c5d4a-2f8f-54e3-94d4-b1227229g27";

async fn registered() -> Sandbox {
    let bank = Sandbox::of(Dialect::Guide).await;
    for (bin, point, token) in [(BIN, POINT, TOKEN), (OTHER_BIN, OTHER_POINT, OTHER_TOKEN), (BIN, POINT, TOKEN)] {
        let reply = bank.post("/r3/v01/device/register", json!({"organizationBin": bin, "tradePointId": point})).await;
        assert_eq!(reply, json!({"status": true, "data": {"deviceToken": token}}));
    }
    bank
}

fn create() -> Value {
    json!({"organizationBin": BIN, "deviceToken": TOKEN, "tradePointId": POINT, "phoneNumber": PHONE,
        "amount": 10000, "comment": "Order description"})
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

#[tokio::test]
async fn the_guides_examples_work_as_printed() {
    let bank = registered().await;
    let points = bank.get(&format!("/r3/v01/partner/tradepoints/{BIN}")).await;
    assert_eq!(
        points,
        json!({"status": true, "data": {"tradepoints": [{"id": POINT, "name": "Main Office", "city": "Almaty"}]}})
    );
    let made = bank.post("/r3/v01/remote/create/", create()).await;
    assert_eq!(made, json!({"status": true, "data": {"QrPaymentId": "12737694350"}}));
    let status = bank.get("/r3/v01/payment/status/12737694350").await;
    assert_eq!(status, json!({"status": true, "data": {"status": "RemotePaymentCreated"}}));
    bank.control("POST", "/payments/12737694350/pay", Value::Null).await;
    let refund =
        json!({"organizationBin": BIN, "deviceToken": TOKEN, "QrPaymentId": "12737694350", "returnAmount": 5000});
    assert_eq!(bank.post("/r3/v01/payment/refund/", refund).await, json!({"status": true}));
    let link = bank.post("/r3/v01/qr/create-link/", with(create(), "merchantInvoiceId", json!("order-123"))).await;
    assert!(link["data"]["link"].as_str().unwrap().starts_with("https://kaspi.kz/pay?qrId="), "{link}");
    let second = bank.post("/r3/v01/remote/create/", create()).await["data"]["QrPaymentId"].clone();
    let cancel = json!({"organizationBin": BIN, "deviceToken": TOKEN, "QrPaymentId": second});
    assert_eq!(bank.post("/r3/v01/remote/cancel/", cancel).await, json!({"status": true}));
    let effects = bank.control("GET", "/effects", Value::Null).await["by_bin"][BIN].clone();
    for (name, count) in [("invoices", 2), ("links", 1), ("refunds", 1), ("cancels", 1), ("refunded_tiyn", 5000)] {
        assert_eq!(effects[name], count, "{name}");
    }
}

#[tokio::test]
async fn each_row_of_the_troubleshooting_table_has_its_words() {
    let bank = registered().await;
    let refused = async |body: Value| bank.post("/r3/v01/remote/create/", body).await["error"].clone();
    let unregistered = with(create(), "organizationBin", json!("990140000007"));
    assert_eq!(refused(unregistered).await, "Организация не зарегистрирована в Kaspi Pay");
    assert_eq!(refused(with(create(), "deviceToken", json!(OTHER_TOKEN))).await, "Invalid deviceToken");
    assert_eq!(refused(with(create(), "deviceToken", json!("nobody's"))).await, "Invalid deviceToken");
    assert_eq!(refused(with(create(), "tradePointId", json!(OTHER_POINT))).await, "Trade point is not active");
    bank.control("POST", &format!("/trade-points/{BIN}/kiosk"), Value::Null).await;
    assert_eq!(refused(with(create(), "tradePointId", json!("kiosk"))).await, "Invalid deviceToken", "of another pair");
    bank.control("PATCH", &format!("/trade-points/{BIN}/{POINT}"), json!({"active": false})).await;
    assert_eq!(refused(create()).await, "Trade point is not active");
    let text = json!({"status": false, "data": {"errors": {"-1601": "Покупка не найдена"}}});
    assert_eq!(bank.get("/r3/v01/payment/status/1").await, text);
    assert_eq!(bank.effect("invoices").await, 0);
}

#[tokio::test]
async fn amounts_are_integers_of_tiyn() {
    let bank = registered().await;
    for amount in [json!(100.5), json!("10000"), Value::Null] {
        let got =
            bank.try_call("POST", "/r3/v01/remote/create/", &with(create(), "amount", amount.clone())).await.unwrap();
        assert_eq!(got.status, 400, "{amount}");
    }
    bank.post("/r3/v01/remote/create/", create()).await;
    assert_eq!(bank.effect("asked_tiyn").await, 10_000);
}

#[tokio::test]
async fn the_banks_requests_are_not_read() {
    let bank = registered().await;
    let create = json!({"OrganizationBin": BIN, "DeviceToken": TOKEN, "Amount": 100, "PhoneNumber": PHONE});
    for (path, status) in [
        ("/r3/v01/remote/create", 404),
        ("/r3/v01/remote/create/", 400),
        ("/r3/v01/payment/return", 404),
        ("/r3/v01/qr/create", 404),
        ("/r3/v01/device/delete", 404),
        ("/r3/v01/device/register", 400),
    ] {
        assert_eq!(bank.try_call("POST", path, &create).await.unwrap().status, status, "{path}");
    }
    assert_eq!(bank.try_call("GET", "/r3/v01/health/ping", &Value::Null).await.unwrap().status, 404);
    assert_eq!(bank.effect("invoices").await, 0);
}

#[tokio::test]
async fn a_link_needs_neither_phone_nor_trade_point() {
    let bank = registered().await;
    let body = json!({"organizationBin": BIN, "deviceToken": TOKEN, "amount": 1});
    assert_eq!(bank.post("/r3/v01/qr/create-link/", body).await["data"]["QrPaymentId"], "12737694350");
    let payment = bank.control("GET", "/payments/12737694350", Value::Null).await;
    assert_eq!((&payment["kind"], &payment["status"]), (&json!("link"), &json!("QrTokenCreated")));
    bank.control("POST", "/payments/12737694350/scan", Value::Null).await;
    assert_eq!(bank.get("/r3/v01/payment/status/12737694350").await["data"]["status"], "Wait");
}
