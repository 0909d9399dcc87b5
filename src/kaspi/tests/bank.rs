#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::domain::Dialect;

fn triple() -> Triple {
    Triple::of_test(
        "891027350515".parse().unwrap(),
        "104039".parse().unwrap(),
        DeviceToken::try_from("577b4b39-1e7e-43d2-83c3-a0116118ef16".to_owned()).unwrap(),
        crate::store::Counterparty { bank: "https://bank.example".parse().unwrap(), dialect: Dialect::Bank },
    )
}

fn new(kind: Kind) -> NewPayment {
    NewPayment {
        kind,
        amount: Amount::from_tiyn(10_000).unwrap(),
        phone: Some("77015211545".parse().unwrap()),
        comment: Some("Заказ \"7\"".parse().unwrap()),
        external_id: "order-123".to_owned(),
    }
}

fn sent(call: Result<HttpCall, CallError>) -> (String, String) {
    let call = call.unwrap();
    (call.path, String::from_utf8(call.body.unwrap().to_vec()).unwrap())
}

fn success(data: &str) -> Success<'_> {
    Success { dialect: Dialect::Bank, data: Some(data) }
}

const TOKEN: &str = "577b4b39-1e7e-43d2-83c3-a0116118ef16";

#[test]
fn requests_are_the_manuals_byte_for_byte() {
    let triple = triple();
    let id: QrPaymentId = "12737694350".parse().unwrap();
    let amount = Amount::from_tiyn(15_050).unwrap();
    for (call, path, body) in [
        (
            register(triple.bin(), triple.trade_point()),
            "/r3/v01/device/register",
            r#"{"OrganizationBin":"891027350515","DeviceId":"kaspid-891027350515-104039","TradePointId":104039}"#
                .to_owned(),
        ),
        (
            delete_device(&triple),
            "/r3/v01/device/delete",
            format!(r#"{{"OrganizationBin":"891027350515","DeviceToken":"{TOKEN}"}}"#),
        ),
        (
            create(&triple, &new(Kind::Remote), '8'),
            "/r3/v01/remote/create",
            format!(
                r#"{{"OrganizationBin":"891027350515","Amount":100,"PhoneNumber":"87015211545","DeviceToken":"{TOKEN}","Comment":"Заказ \"7\""}}"#
            ),
        ),
        (
            create(&triple, &NewPayment { comment: None, ..new(Kind::Remote) }, '7'),
            "/r3/v01/remote/create",
            format!(
                r#"{{"OrganizationBin":"891027350515","Amount":100,"PhoneNumber":"77015211545","DeviceToken":"{TOKEN}"}}"#
            ),
        ),
        (
            create(&triple, &new(Kind::Link), '7'),
            "/r3/v01/qr/create-link",
            format!(
                r#"{{"OrganizationBin":"891027350515","DeviceToken":"{TOKEN}","Amount":100,"ExternalId":"order-123"}}"#
            ),
        ),
        (
            create(&triple, &NewPayment { amount, ..new(Kind::Qr) }, '7'),
            "/r3/v01/qr/create",
            format!(
                r#"{{"OrganizationBin":"891027350515","DeviceToken":"{TOKEN}","Amount":150.50,"ExternalId":"order-123"}}"#
            ),
        ),
        (
            cancel(&triple, &id),
            "/r3/v01/remote/cancel",
            format!(r#"{{"OrganizationBin":"891027350515","QrPaymentId":12737694350,"DeviceToken":"{TOKEN}"}}"#),
        ),
        (
            refund(&triple, &id, amount),
            "/r3/v01/payment/return",
            format!(
                r#"{{"OrganizationBin":"891027350515","DeviceToken":"{TOKEN}","QrPaymentId":12737694350,"Amount":150.50}}"#
            ),
        ),
    ] {
        assert_eq!(sent(call), (path.to_owned(), body));
    }
}

#[test]
fn secrets_in_queries_are_percent_encoded() {
    let token = DeviceToken::try_from("a b&c=d/é".replace('é', "%+")).unwrap();
    let id = "12737694350".parse().unwrap();
    let call = details(&token, &id);
    assert_eq!(call.path, "/r3/v01/payment/details?QrPaymentId=12737694350&DeviceToken=a%20b%26c%3Dd%2F%25%2B");
    assert!(call.body.is_none());
    let call = payer(&token, &"77015211545".parse().unwrap(), '7');
    assert_eq!(call.path, "/r3/v01/remote/client-info?phoneNumber=77015211545&deviceToken=a%20b%26c%3Dd%2F%25%2B");
}

#[test]
fn ids_the_bank_cannot_have_are_refused_here() {
    let kind = |call: Result<HttpCall, CallError>| match call {
        Err(CallError::Refused(Refusal { kind, code: None, .. })) => kind,
        _ => panic!("not refused"),
    };
    for id in ["550e8400-e29b-41d4-a716-446655440000", "0104039", "1.0", "99999999999999999999"] {
        assert_eq!(kind(register(triple().bin(), &id.parse().unwrap())), RefusalKind::TradePointMissing, "{id}");
    }
    for id in ["9223372036854775808", "99999999999999999999"] {
        assert_eq!(kind(cancel(&triple(), &id.parse().unwrap())), RefusalKind::PaymentNotFound, "{id}");
    }
    let nobody = NewPayment { phone: None, ..new(Kind::Remote) };
    assert_eq!(kind(create(&triple(), &nobody, '7')), RefusalKind::Other);
}

/// The live capture of 2023 (docs/wire.md, sources) and the variations of its options.
#[test]
fn a_link_is_read() {
    let data = r#"{"PaymentLink":"https://pay.kaspi.kz/pay/123","ExpireDate":"2023-04-12T15:03:00.123+06:00",
        "PaymentId":154387128,"PaymentMethods":["Red"],"PaymentBehaviorOptions":{"StatusPollingInterval":5,
        "LinkActivationWaitTimeout":180,"PaymentConfirmationTimeout":65}}"#;
    let link = created(&success(data), Kind::Link, None).unwrap();
    assert_eq!(link.qr_payment_id.as_str(), "154387128");
    assert_eq!(link.link.as_deref(), Some("https://pay.kaspi.kz/pay/123"));
    assert_eq!(link.life, Some(Duration::from_secs(180)));
    assert_eq!(link.poll_every, Some(Duration::from_secs(5)));
    assert_eq!(link.confirm_within, Some(Duration::from_secs(65)));
    assert_eq!(link.expires_at.unwrap().to_string(), "2023-04-12T09:03:00.123Z");
}

#[test]
fn a_qr_is_read_with_options_in_any_case_and_as_text() {
    let data = r#"{"QrToken":"51236903777280167836178166503744993984459","QrPaymentId":"12737694350","PaymentId":1,
        "QrPaymentBehaviorOptions":{"statusPollingInterval":"5","qrCodeScanWaitTimeout":"180"}}"#;
    let qr = created(&success(data), Kind::Qr, None).unwrap();
    assert_eq!(qr.qr_payment_id.as_str(), "12737694350");
    assert_eq!(qr.qr_token.as_deref(), Some("51236903777280167836178166503744993984459"));
    assert_eq!((qr.life, qr.poll_every), (Some(Duration::from_secs(180)), Some(Duration::from_secs(5))));
    assert_eq!((qr.confirm_within, qr.expires_at), (None, None));
}

#[test]
fn without_options_a_life_is_measured_by_the_banks_own_clock() {
    let data = r#"{"PaymentId":1,"ExpireDate":"2001-01-01T06:03:00+06"}"#;
    let date = date::read("2001-01-01T00:00:00Z");
    let life = |data, date| created(&success(data), Kind::Link, date).unwrap().life;
    assert_eq!(life(data, date), Some(Duration::from_secs(180)));
    assert_eq!(life(data, None), None);
    assert_eq!(life(r#"{"PaymentId":1,"ExpireDate":"2000-01-01T06:03:00+06"}"#, date), None);
    let absurd =
        r#"{"PaymentId":1,"PaymentBehaviorOptions":{"LinkActivationWaitTimeout":-1,"StatusPollingInterval":0}}"#;
    let link = created(&success(absurd), Kind::Link, date).unwrap();
    assert_eq!((link.life, link.poll_every), (None, None));
}

#[test]
fn a_create_without_a_number_is_no_create() {
    for data in [
        "null",
        "[]",
        "{}",
        "\"1\"",
        r#"{"QrPaymentId":null}"#,
        r#"{"QrPaymentId":0}"#,
        r#"{"QrPaymentId":-5}"#,
        r#"{"QrPaymentId":1.5}"#,
        r#"{"QrPaymentId":"abc"}"#,
        r#"{"QrPaymentId":1,"QrPaymentId":2}"#,
    ] {
        assert_eq!(created(&success(data), Kind::Remote, None), None, "{data}");
    }
    assert_eq!(created(&Success { dialect: Dialect::Bank, data: None }, Kind::Remote, None), None);
}

#[test]
fn lists_statuses_and_balances_are_read() {
    let points = trade_points(&success(
        r#"[{"TradePointId":104039,"TradePointName":"Main Office [Almaty]"},{"TradePointId":"7","X":1}]"#,
    ))
    .unwrap();
    let ids: Vec<_> = points.iter().map(|point| (point.id.as_str(), point.name.as_str())).collect();
    assert_eq!(ids, [("104039", "Main Office [Almaty]"), ("7", "")]);
    assert_eq!(trade_points(&success("[]")), Some(Vec::new()));
    assert_eq!(trade_points(&success(r#"[{"TradePointName":"x"}]"#)), None);
    assert_eq!(trade_points(&success("{}")), None);

    let id: QrPaymentId = "35".parse().unwrap();
    let read =
        status(&success(r#"{"Status":"Processed","Amount":200.00,"TransactionId":123,"LoanTerm":null}"#), &id).unwrap();
    assert_eq!((read.status.as_str(), read.transaction_id.as_deref()), ("Processed", Some("123")));
    assert_eq!(read.amount.map(Amount::tiyn), Some(20_000));
    assert_eq!(status(&success(r#"{"Status":"SomethingNew"}"#), &id).unwrap().status, "SomethingNew");
    assert!([r#"{"Status":""}"#, r#"{"Status":1}"#, "{}"].iter().all(|data| status(&success(data), &id).is_none()));

    // What is said of another payment is not said of this one.
    let said = |key: &str, number: u64| format!(r#"{{"Status":"Processed","{key}":{number}}}"#);
    for key in ["QrPaymentId", "PaymentId"] {
        assert!(status(&success(&said(key, 35)), &id).is_some() && status(&success(&said(key, 36)), &id).is_none());
    }

    let data = r#"{"QrPaymentId":35,"TotalAmount":200.00,"AvailableReturnAmount":11.5,"TransactionDate":"2021-11-3T10:00:00+06"}"#;
    let details = detailed(&success(data), &id).unwrap();
    assert_eq!((details.total.tiyn(), details.available_return.tiyn()), (20_000, 1_150));
    assert_eq!(details.transaction_date.unwrap().to_string(), "2021-11-03T04:00:00.000Z");
    for data in [
        r#"{"QrPaymentId":36,"TotalAmount":200.00,"AvailableReturnAmount":11.5}"#,
        r#"{"QrPaymentId":35,"TotalAmount":200.00}"#,
        r#"{"QrPaymentId":35,"TotalAmount":200.00,"AvailableReturnAmount":0.001}"#,
    ] {
        assert_eq!(detailed(&success(data), &id), None, "{data}");
    }
}
