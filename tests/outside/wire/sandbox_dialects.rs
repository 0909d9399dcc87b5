//! The sandbox against the fixtures: it takes the manual's and the guide's exact requests and answers in the shape of
//! their answers. Together with `every_fixture` neither side can drift with the other.

use serde_json::{Map, Value};

use crate::support::fixture::{Dialect, Fixture, Ids, Request};
use crate::support::http;
use crate::support::sandbox::Sandbox;
use crate::support::scripted_bank::TOKEN;
use crate::support::tls_client::TlsClient;

/// A sandbox and what it has given so far.
struct Bank {
    dialect: Dialect,
    sandbox: Sandbox,
    client: TlsClient,
    token: String,
}

impl Bank {
    #[track_caller]
    fn with_device(dialect: Dialect) -> Self {
        let sandbox = Sandbox::start(dialect);
        let client = TlsClient::of(&sandbox.place);
        let mut bank = Self { dialect, sandbox, client, token: TOKEN.to_owned() };
        let registered = bank.call("device-register", "");
        let token = match dialect {
            Dialect::Bank => &registered["Data"]["DeviceToken"],
            Dialect::Guide => &registered["data"]["deviceToken"],
        };
        bank.token = token.as_str().unwrap_or_else(|| panic!("no token in {registered}")).to_owned();
        bank
    }

    /// Sends the first request of a file and compares the answer's shape with the file's first answer.
    #[track_caller]
    fn call(&self, name: &str, qr_payment_id: &str) -> Value {
        let fixture = Fixture::load(self.dialect, name);
        let got = self.send(&fixture.requests[0], qr_payment_id).expect(200);
        let ids = Ids { payment_id: String::new(), qr_payment_id: qr_payment_id.to_owned() };
        let printed = ids.fill(&fixture.answers[0].body);
        let wanted: Value = serde_json::from_str(&printed).unwrap();
        same_shape(&wanted, &got).unwrap_or_else(|e| panic!("{name}: {e}\n  fixture {wanted}\n  sandbox {got}"));
        got
    }

    #[track_caller]
    fn send(&self, request: &Request, qr_payment_id: &str) -> http::Answer {
        let fill = |text: &str| {
            let ids = Ids { payment_id: "our-id-1".to_owned(), qr_payment_id: qr_payment_id.to_owned() };
            amounts(&ids.fill(text).replace("{device_id}", "kaspid-test-1").replace(TOKEN, &self.token))
        };
        let body = Some(fill(&request.body)).filter(|body| !body.is_empty());
        let id = uuid::Uuid::new_v4().simple().to_string();
        let headers = [("X-Request-ID", id.as_str())];
        self.client.send(&http::request(&request.method, &fill(&request.path), &headers, body.as_deref()))
    }

    /// Makes a payment with a file's request; returns its id at the bank.
    #[track_caller]
    fn create(&self, name: &str) -> String {
        let made = self.call(name, "");
        let data = if self.dialect == Dialect::Bank { &made["Data"] } else { &made["data"] };
        let id = ["QrPaymentId", "PaymentId"].iter().map(|key| &data[key]).find(|id| !id.is_null());
        let id = id.unwrap_or_else(|| panic!("no id in {made}"));
        id.as_str().map_or_else(|| id.to_string(), str::to_owned)
    }
}

/// `{tenge 100}` as the manual prints it: with two decimals.
fn amounts(text: &str) -> String {
    let Some((before, rest)) = text.split_once("{tenge ") else { return text.to_owned() };
    let (amount, after) = rest.split_once('}').unwrap();
    let zeros = match amount.split_once('.').map(|(_, part)| part.len()) {
        None => ".00",
        Some(1) => "0",
        Some(_) => "",
    };
    format!("{before}{amount}{zeros}{after}")
}

/// The same keys with the same types. Values are the bank's own; `Message` may be there or not (wire §5).
fn same_shape(wanted: &Value, got: &Value) -> Result<(), String> {
    match (wanted, got) {
        (Value::Object(wanted), Value::Object(got)) => same_keys(wanted, got),
        (Value::Array(wanted), Value::Array(got)) => {
            got.iter().zip(wanted.iter().cycle()).try_for_each(|(got, wanted)| same_shape(wanted, got))
        }
        _ if std::mem::discriminant(wanted) == std::mem::discriminant(got) => Ok(()),
        _ => Err(format!("{got} where the fixture has {wanted}")),
    }
}

fn same_keys(wanted: &Map<String, Value>, got: &Map<String, Value>) -> Result<(), String> {
    let optional = |key: &&String| !matches!(key.as_str(), "Message" | "message");
    let keys = |map: &Map<String, Value>| {
        let mut keys: Vec<String> = map.keys().filter(optional).cloned().collect();
        keys.sort();
        keys
    };
    if keys(wanted) != keys(got) {
        return Err(format!("keys {:?} where the fixture has {:?}", keys(got), keys(wanted)));
    }
    wanted.iter().filter(|(key, _)| got.contains_key(*key)).try_for_each(|(key, value)| same_shape(value, &got[key]))
}

/// Every call of the bank's manual, in an order in which each can succeed.
#[test]
fn the_sandbox_speaks_the_banks_dialect() {
    let bank = Bank::with_device(Dialect::Bank);
    bank.call("tradepoints", "");
    bank.call("health-ping", "");
    bank.call("client-info", "");
    let invoice = bank.create("remote-create");
    bank.call("payment-status", &invoice);
    bank.call("remote-cancel", &invoice);
    bank.create("qr-create-link");
    let qr = bank.create("qr-create");
    bank.call("test-payment-scan", &qr);
    bank.call("test-payment-confirm", &qr);
    let status = bank.call("payment-status", &qr);
    assert_eq!(status["Data"]["Status"], "Processed");
    bank.call("payment-details", &qr);
    bank.call("payment-return", &qr);
    for error in ["test-payment-scanerror", "test-payment-confirmerror"] {
        let failing = bank.create("qr-create");
        if error == "test-payment-confirmerror" {
            bank.call("test-payment-scan", &failing);
        }
        bank.call(error, &failing);
        assert_eq!(bank.call("payment-status", &failing)["Data"]["Status"], "Error", "{error}");
    }
    bank.call("device-delete", "");
}

/// Every call of the guide.
#[test]
fn the_sandbox_speaks_the_guides_dialect() {
    let bank = Bank::with_device(Dialect::Guide);
    bank.call("tradepoints", "");
    let invoice = bank.create("remote-create");
    bank.call("payment-status", &invoice);
    bank.call("remote-cancel", &invoice);
    let link = bank.create("qr-create-link");
    bank.sandbox.pay(&link);
    bank.call("payment-refund", &link);
}

/// Success has no `Message` and `Data` before `StatusCode`, as in the live capture (wire §5).
#[test]
fn the_sandbox_orders_its_keys_as_the_live_bank() {
    let bank = Bank::with_device(Dialect::Bank);
    let fixture = Fixture::load(Dialect::Bank, "tradepoints");
    let text = bank.send(&fixture.requests[0], "").text();
    assert!(
        text.starts_with("{\"Data\":") && text.contains("\"StatusCode\":0}") && !text.contains("Message"),
        "{text}"
    );
}

/// The comparison itself.
#[test]
fn shapes_differ_by_key_and_type() {
    let wanted = serde_json::json!({"Data": {"QrPaymentId": 1}, "StatusCode": 0});
    let same = |text: &str| same_shape(&wanted, &serde_json::from_str(text).unwrap()).is_ok();
    assert!(same(r#"{"StatusCode":0,"Message":"OK","Data":{"QrPaymentId":12737694350}}"#));
    assert!(!same(r#"{"StatusCode":0,"Data":{"QrPaymentId":"1"}}"#));
    assert!(!same(r#"{"StatusCode":0,"Data":{"qrPaymentId":1}}"#));
    assert!(!same(r#"{"StatusCode":0}"#));
    assert_eq!(amounts(r#"{"A":{tenge 100}}"#), r#"{"A":100.00}"#);
    assert_eq!(amounts(r#"{"A":{tenge 150.5}}"#), r#"{"A":150.50}"#);
    assert_eq!(amounts(r#"{"A":{tenge 0.01}}"#), r#"{"A":0.01}"#);
}
