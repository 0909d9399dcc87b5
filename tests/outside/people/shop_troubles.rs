//! Smaller troubles of a shop: a link that is none, a name that should go.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::behaviour::{Till, behave};
use crate::support::fixture::{Answer, Dialect};
use crate::support::scripted_bank::BIN;
use crate::watch::trade_points::text;

/// A success without what the customer is to be shown may have happened, like one without a number (architecture §6.4):
/// nobody has seen it, so it is unknown until it is dead, a new key may be used at once for the same invoice, and the
/// number Kaspi gave stands in the log.
#[test]
fn a_link_without_a_link_may_have_happened() {
    let nothing = [
        (Dialect::Bank, "link", "/r3/v01/qr/create-link", r#"{"Data":{"PaymentId":12737694399},"StatusCode":0}"#),
        (
            Dialect::Bank,
            "qr",
            "/r3/v01/qr/create",
            r#"{"Data":{"QrPaymentId":12737694399,"QrToken":""},"StatusCode":0}"#,
        ),
        (Dialect::Guide, "link", "/r3/v01/qr/create-link/", r#"{"status":true,"data":{"QrPaymentId":"12737694399"}}"#),
    ];
    for (dialect, kind, path, body) in nothing {
        let till = Till::open(dialect, "");
        till.bank.answer("POST", path, Answer::json(body));
        let sale = json!({"kind": kind, "amount_tiyn": 10_000, "invoice": "order-1"});
        let problem = till.daemon.door.post("/v1/payments", &sale).problem("outcome_unknown");
        assert!(text(&problem, "remedy").contains("with a new key"), "{problem}");
        let payment = till.daemon.door.get(&format!("/v1/payments/{}", text(&problem, "payment"))).expect(200);
        assert_eq!((text(&payment, "state"), &payment["link"]), ("unknown", &Value::Null));
        assert!(payment["expires_at"].is_string(), "it dies by itself: {payment}");
        let log = till.daemon.door.get(&format!("/v1/log?operation={kind}")).expect(200);
        assert!(text(&log["rows"][0], "error_message").contains("12737694399"), "{log}");
        behave(&till.bank, dialect);
        till.daemon.door.post("/v1/payments", &sale).expect(201);
    }
}

/// A guide link that Kaspi sends to a phone reaches the customer without us: it is followed by its number.
#[test]
fn a_link_that_went_to_a_phone_is_followed() {
    let till = Till::open(Dialect::Guide, "");
    let body = r#"{"status":true,"data":{"QrPaymentId":"12737694399"}}"#;
    till.bank.answer("POST", "/r3/v01/qr/create-link/", Answer::json(body));
    let sale = json!({"kind": "link", "amount_tiyn": 10_000, "phone_number": "77015211545"});
    let payment = till.daemon.door.post("/v1/payments", &sale).expect(201);
    assert_eq!((text(&payment, "state"), text(&payment, "qr_payment_id")), ("waiting", "12737694399"));
}

/// A description goes with null, with an empty text, and with kaspictl; what is absent stays.
#[test]
fn a_description_can_be_taken_away() {
    let till = Till::open(Dialect::Bank, "");
    let change = |body: &str| till.daemon.door.ask(&format!("PATCH /v1/configs/{BIN}"), Some(body)).expect(200);
    for nothing in [r#"{"description":null}"#, r#"{"description":""}"#] {
        assert_eq!(change(r#"{"description":"Flowers"}"#)["description"], "Flowers");
        assert_eq!(change(r#"{"is_active":true}"#)["description"], "Flowers");
        assert_eq!(change(nothing)["description"], Value::Null);
    }
    change(r#"{"description":"Flowers"}"#);
    let mut kaspictl = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    kaspictl.arg("--socket").arg(till.daemon.socket()).args(["bin", "set", BIN, "--description", ""]);
    assert!(kaspictl.output().unwrap().status.success());
    let config = till.daemon.door.get(&format!("/v1/configs/{BIN}")).expect(200);
    assert_eq!(config["description"], Value::Null);
    till.daemon.door.ask(&format!("PATCH /v1/configs/{BIN}"), Some("{}")).problem("invalid_request");
}
