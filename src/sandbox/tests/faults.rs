//! Faults on order, in both dialects: what the caller sees and what really happened.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{BIN, Dialect, PHONE, Sandbox};

/// A sandbox with a registered device, and what a create looks like there.
struct Till {
    bank: Sandbox,
    token: String,
    guide: bool,
}

impl Till {
    async fn of(dialect: Dialect) -> Self {
        let bank = Sandbox::of(dialect).await;
        let guide = dialect == Dialect::Guide;
        let body = match guide {
            true => json!({"organizationBin": BIN, "tradePointId": POINT}),
            false => json!({"OrganizationBin": BIN, "TradePointId": 104_039, "DeviceId": "till"}),
        };
        let reply = bank.post("/r3/v01/device/register", body).await;
        let token = if guide { &reply["data"]["deviceToken"] } else { &reply["Data"]["DeviceToken"] };
        let token = token.as_str().unwrap().to_owned();
        Self { bank, token, guide }
    }

    async fn both() -> [Self; 2] {
        [Self::of(Dialect::Bank).await, Self::of(Dialect::Guide).await]
    }

    async fn create(&self) -> Result<super::Got, super::Error> {
        let (path, body) = match self.guide {
            true => (
                "/r3/v01/remote/create/",
                json!({"organizationBin": BIN, "deviceToken": self.token, "tradePointId": POINT,
                    "phoneNumber": PHONE, "amount": 10000}),
            ),
            false => (
                "/r3/v01/remote/create",
                json!({"OrganizationBin": BIN, "DeviceToken": self.token, "Amount": 100, "PhoneNumber": PHONE}),
            ),
        };
        self.bank.try_call("POST", path, &body).await
    }

    async fn fault(&self, fault: &str) {
        self.bank.fault(json!({"call": "remote_create", "fault": fault})).await;
    }

    /// The next create is well and is the `nth` real one.
    async fn recovers(&self, nth: u64) {
        let reply = self.create().await.unwrap().json();
        let well = reply["StatusCode"] == 0 || reply["status"] == true;
        assert!(well, "{reply}");
        assert_eq!(self.bank.effect("invoices").await, nth);
    }
}

const POINT: &str = "550e8400-e29b-41d4-a716-446655440000";

#[tokio::test]
async fn dropped_connections_are_before_or_after_the_effect() {
    for till in Till::both().await {
        till.fault("drop_before").await;
        assert!(till.create().await.is_err());
        assert_eq!(till.bank.effect("invoices").await, 0);
        till.fault("drop_after").await;
        assert!(till.create().await.is_err());
        assert_eq!(till.bank.last_request().await["fault"], "drop_after");
        till.recovers(2).await;
    }
}

#[tokio::test]
async fn broken_answers_come_after_the_effect() {
    for till in Till::both().await {
        till.fault("error_5xx").await;
        let got = till.create().await.unwrap();
        assert_eq!(got.status, 500);
        assert!(serde_json::from_str::<Value>(&got.text).is_err());
        till.fault("empty").await;
        let got = till.create().await.unwrap();
        assert_eq!((got.status, got.text.as_str()), (200, ""));
        till.fault("html").await;
        let got = till.create().await.unwrap();
        assert!(got.status == 200 && got.text.starts_with("<html>"));
        till.fault("cut").await;
        assert!(till.create().await.is_err(), "half a body is no body");
        till.recovers(5).await;
    }
}

#[tokio::test]
async fn half_of_a_cut_answer_really_arrives() {
    let till = Till::of(Dialect::Bank).await;
    till.bank.fault(json!({"call": "payment_status", "fault": "cut"})).await;
    let stream = till.bank.connect(&till.bank.tls).await.unwrap();
    let (mut read, mut write) = tokio::io::split(stream);
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    write.write_all(b"GET /r3/v01/payment/status/7 HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut text = Vec::new();
    let _ = read.read_to_end(&mut text).await;
    let text = String::from_utf8_lossy(&text);
    let body = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}")).1;
    assert!(body.starts_with('{') && !body.ends_with('}'), "{text}");
}

#[tokio::test]
async fn a_refusal_on_order_has_no_effect_and_the_codes_own_text() {
    let [bank, guide] = Till::both().await;
    for till in [&bank, &guide] {
        till.bank.fault(json!({"call": "remote_create", "fault": "refuse", "code": -999})).await;
    }
    let reply = bank.create().await.unwrap().json();
    assert_eq!(reply, json!({"StatusCode": -999, "Message": "Сервис временно недоступен"}));
    let reply = guide.create().await.unwrap().json();
    assert_eq!(reply, json!({"status": false, "data": {"errors": {"-999": "Сервис временно недоступен"}}}));
    for till in [bank, guide] {
        till.recovers(1).await;
    }
}

#[tokio::test]
async fn unlisted_codes_and_missing_ids_come_after_the_effect() {
    let [bank, guide] = Till::both().await;
    for till in [&bank, &guide] {
        till.fault("unknown_code").await;
        till.fault("no_id").await;
    }
    assert_eq!(bank.create().await.unwrap().json()["StatusCode"], -77_000_077);
    assert_eq!(bank.create().await.unwrap().json(), json!({"Data": {}, "StatusCode": 0}));
    assert_eq!(guide.create().await.unwrap().json()["data"]["errors"]["-77000077"], "Неизвестная ошибка");
    assert_eq!(guide.create().await.unwrap().json(), json!({"status": true, "data": {}}));
    for till in [bank, guide] {
        till.recovers(3).await;
    }
}

#[tokio::test]
async fn a_redirect_has_no_effect_and_leads_nowhere() {
    for till in Till::both().await {
        till.fault("redirect").await;
        let got = till.create().await.unwrap();
        assert_eq!((got.status, got.headers["location"].to_str().unwrap()), (307, "/elsewhere"));
        assert_eq!(till.bank.try_call("POST", "/elsewhere", &json!({})).await.unwrap().status, 404);
        assert_eq!(till.bank.last_request().await["call"], "unknown");
        till.recovers(1).await;
    }
}

#[tokio::test]
async fn an_unknown_status_is_told_once() {
    for till in Till::both().await {
        till.recovers(1).await;
        till.bank.fault(json!({"call": "payment_status", "fault": "unknown_status", "text": "Frozen"})).await;
        let path = "/r3/v01/payment/status/12737694350";
        assert!(till.bank.try_call("GET", path, &Value::Null).await.unwrap().text.contains("\"Frozen\""));
        assert!(till.bank.try_call("GET", path, &Value::Null).await.unwrap().text.contains("RemotePaymentCreated"));
    }
}

#[tokio::test]
async fn a_delayed_answer_is_late_but_its_effect_is_not() {
    let till = Till::of(Dialect::Bank).await;
    till.bank.fault(json!({"call": "remote_create", "fault": "delay", "ms": 300})).await;
    till.bank.fault(json!({"call": "remote_create", "fault": "drop_after"})).await;
    let asked = Instant::now();
    let (lost, seen) = tokio::join!(till.create(), async {
        while till.bank.effect("invoices").await == 0 {
            tokio::task::yield_now().await;
        }
        asked.elapsed()
    });
    assert!(lost.is_err(), "a delay goes together with another fault");
    assert!(asked.elapsed() >= Duration::from_millis(300) && seen < asked.elapsed());
}

#[tokio::test]
async fn a_connection_can_fail_before_any_request() {
    let till = Till::of(Dialect::Bank).await;
    till.bank.fault(json!({"call": "connect", "fault": "drop_before"})).await;
    assert!(till.bank.connect(&till.bank.tls).await.is_err());
    till.recovers(1).await;
}

#[tokio::test]
async fn a_late_balance_falls_when_its_time_has_come() {
    let till = Till::of(Dialect::Bank).await;
    till.recovers(1).await;
    let id = 12_737_694_350_u64;
    till.bank.control("POST", &format!("/payments/{id}/pay"), Value::Null).await;
    till.bank.fault(json!({"call": "refund", "fault": "late_balance", "ms": 60_000})).await;
    till.bank.fault(json!({"call": "refund", "fault": "drop_after"})).await;
    let refund = json!({"OrganizationBin": BIN, "DeviceToken": till.token, "QrPaymentId": id, "Amount": 40});
    assert!(till.bank.try_call("POST", "/r3/v01/payment/return", &refund).await.is_err());
    let details = format!("/r3/v01/payment/details?QrPaymentId={id}&DeviceToken={}", till.token);
    assert_eq!(till.bank.get(&details).await["Data"]["AvailableReturnAmount"], 100);
    till.bank.control("POST", "/clock", json!({"advance": "60s"})).await;
    assert_eq!(till.bank.get(&details).await["Data"]["AvailableReturnAmount"], 60);
}
