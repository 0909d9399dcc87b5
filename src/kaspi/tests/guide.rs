#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::domain::Dialect;

/// The guide's example organisation.
fn triple() -> Triple {
    Triple::of_test(
        "891027350515".parse().unwrap(),
        "550e8400-e29b-41d4-a716-446655440000".parse().unwrap(),
        DeviceToken::try_from("577b4b39-1e7e-43d2-83c3-a0116118ef16".to_owned()).unwrap(),
        crate::store::Counterparty { bank: "https://bank.example".parse().unwrap(), dialect: Dialect::Guide },
    )
}

fn new(kind: Kind) -> NewPayment {
    NewPayment {
        kind,
        amount: Amount::from_tiyn(10_000).unwrap(),
        phone: Some("77015211545".parse().unwrap()),
        comment: Some("Order description".parse().unwrap()),
        external_id: "order-123".to_owned(),
    }
}

fn success(data: &str) -> Success<'_> {
    Success { dialect: Dialect::Guide, data: Some(data) }
}

/// The guide's bodies with its comments and spaces taken out.
fn assert_sends(call: Result<HttpCall, CallError>, path: &str, body: &str) {
    let call = call.unwrap();
    let body: String = body.lines().map(str::trim).collect::<String>().replace("\": ", "\":");
    assert_eq!((call.path.as_str(), std::str::from_utf8(&call.body.unwrap()).unwrap()), (path, body.as_str()));
}

#[test]
fn requests_are_the_guides_as_printed() {
    let (triple, id) = (triple(), "12737694350".parse().unwrap());
    assert_sends(
        register(triple.bin(), triple.trade_point()),
        "/r3/v01/device/register",
        r#"{
            "organizationBin": "891027350515",
            "tradePointId": "550e8400-e29b-41d4-a716-446655440000"
        }"#,
    );
    assert_sends(
        create(&triple, &new(Kind::Remote), '7'),
        "/r3/v01/remote/create/",
        r#"{
            "organizationBin": "891027350515",
            "deviceToken": "577b4b39-1e7e-43d2-83c3-a0116118ef16",
            "tradePointId": "550e8400-e29b-41d4-a716-446655440000",
            "phoneNumber": "77015211545",
            "amount": 10000,
            "comment": "Order description"
        }"#,
    );
    assert_sends(
        create(&triple, &new(Kind::Link), '7'),
        "/r3/v01/qr/create-link/",
        r#"{
            "organizationBin": "891027350515",
            "deviceToken": "577b4b39-1e7e-43d2-83c3-a0116118ef16",
            "tradePointId": "550e8400-e29b-41d4-a716-446655440000",
            "phoneNumber": "77015211545",
            "amount": 10000,
            "comment": "Order description",
            "merchantInvoiceId": "order-123"
        }"#,
    );
    assert_sends(
        create(&triple, &NewPayment { phone: None, comment: None, ..new(Kind::Link) }, '7'),
        "/r3/v01/qr/create-link/",
        r#"{
            "organizationBin": "891027350515",
            "deviceToken": "577b4b39-1e7e-43d2-83c3-a0116118ef16",
            "tradePointId": "550e8400-e29b-41d4-a716-446655440000",
            "amount": 10000,
            "merchantInvoiceId": "order-123"
        }"#,
    );
    assert_sends(
        cancel(&triple, &id),
        "/r3/v01/remote/cancel/",
        r#"{
            "organizationBin": "891027350515",
            "deviceToken": "577b4b39-1e7e-43d2-83c3-a0116118ef16",
            "QrPaymentId": "12737694350"
        }"#,
    );
    assert_sends(
        refund(&triple, &id, Amount::from_tiyn(5_000).unwrap()),
        "/r3/v01/payment/refund/",
        r#"{
            "organizationBin": "891027350515",
            "deviceToken": "577b4b39-1e7e-43d2-83c3-a0116118ef16",
            "QrPaymentId": "12737694350",
            "returnAmount": 5000
        }"#,
    );
    assert!(matches!(create(&triple, &new(Kind::Qr), '7'), Err(CallError::NotInDialect)));
    assert!(matches!(
        create(&triple, &NewPayment { phone: None, ..new(Kind::Remote) }, '7'),
        Err(CallError::Refused(_))
    ));
}

#[test]
fn a_payment_is_read_under_each_of_its_names() {
    for data in [
        r#"{"QrPaymentId":"12737694350","link":"https://kaspi.kz/pay?qrId=xyz"}"#,
        r#"{"qrPaymentId":12737694350,"link":"https://kaspi.kz/pay?qrId=xyz"}"#,
        r#"{"externalId":"12737694350","link":"https://kaspi.kz/pay?qrId=xyz"}"#,
        r#"{"externalId":"order-123","QrPaymentId":"12737694350","link":"https://kaspi.kz/pay?qrId=xyz"}"#,
    ] {
        let payment = created(&success(data), "order-1", None).unwrap();
        assert_eq!(payment.qr_payment_id.as_str(), "12737694350", "{data}");
        assert_eq!(payment.link.as_deref(), Some("https://kaspi.kz/pay?qrId=xyz"));
        assert_eq!((payment.life, payment.expires_at), (None, None));
    }
    // What we sent is not a number that the bank gave; one that it gave beside it is.
    let echo = r#"{"externalId":"55501","link":"https://kaspi.kz/pay?qrId=xyz"}"#;
    assert_eq!(created(&success(echo), "55501", None), None);
    let both = r#"{"externalId":"55501","QrPaymentId":"12737694350"}"#;
    assert_eq!(created(&success(both), "55501", None).unwrap().qr_payment_id.as_str(), "12737694350");
    // One that cannot be read is not passed over.
    let unreadable = r#"{"QrPaymentId":"oops","qrPaymentId":"12737694350"}"#;
    assert_eq!(created(&success(unreadable), "order-1", None), None);
    for data in ["{}", "[]", "true", r#"{"externalId":"order-123"}"#, r#"{"QrPaymentId":""}"#, r#"{"qrpaymentid":"1"}"#]
    {
        assert_eq!(created(&success(data), "order-1", None), None, "{data}");
    }
}

#[test]
fn a_status_is_read_in_each_of_its_places() {
    let id: QrPaymentId = "12737694350".parse().unwrap();
    for data in [
        r#"{"status":"Processed"}"#,
        r#"{"Status":"Processed","amount":1}"#,
        r#""Processed""#,
        r#"{"status":"Processed","QrPaymentId":"012737694350"}"#,
    ] {
        assert_eq!(status(&success(data), &id).unwrap().status, "Processed", "{data}");
    }
    for data in ["{}", r#""""#, "1", r#"{"status":true}"#, r#"{"status":"Processed","qrPaymentId":12737694351}"#] {
        assert_eq!(status(&success(data), &id), None, "{data}");
    }
}

#[test]
fn trade_points_and_a_token_are_read() {
    let listed = r#"{"tradepoints":[{"id":"550e8400-e29b-41d4-a716-446655440000","name":"Main Office","city":"Almaty"},{"id":7}]}"#;
    let points = trade_points(&success(listed)).unwrap();
    let read: Vec<_> = points.iter().map(|p| (p.id.as_str(), p.name.as_str(), p.city.as_deref())).collect();
    assert_eq!(read, [("550e8400-e29b-41d4-a716-446655440000", "Main Office", Some("Almaty")), ("7", "", None)]);
    assert_eq!(trade_points(&success(r#"{"tradepoints":[]}"#)), Some(Vec::new()));
    assert_eq!(trade_points(&success("{}")), None);
    assert_eq!(trade_points(&success(r#"{"tradepoints":[{"name":"x"}]}"#)), None);

    let token = device_token(&success(r#"{"deviceToken":"688c5d4a-2f8f-54e3-94d4-b1227229g27"}"#)).unwrap();
    assert_eq!(token.expose(), "688c5d4a-2f8f-54e3-94d4-b1227229g27");
    assert!(device_token(&success(r#"{"deviceToken":""}"#)).is_none());
}
