#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::*;
use crate::domain::Dialect::{Bank, Guide};
use hyper::body::Bytes;

use proptest::prelude::*;

fn answer(body: &str) -> HttpAnswer {
    HttpAnswer { http: 200, date: None, body: Bytes::copy_from_slice(body.as_bytes()) }
}

/// In one word: what the gate makes of a body.
fn verdict(body: &str, call: CallKind, dialect: Option<Dialect>) -> String {
    match judge(&answer(body), call, dialect) {
        Ok(success) => format!("value {} {}", success.dialect, success.data.unwrap_or("-")),
        Err(CallError::Refused(refusal)) => format!("refused {:?} {:?}", refusal.kind, refusal.code),
        Err(CallError::MayHaveHappened { provider: None, .. }) => "may have happened".to_owned(),
        Err(CallError::MayHaveHappened { provider: Some((code, text)), .. }) => {
            format!("may have happened {code:?} {text:?}")
        }
        Err(CallError::OtherDialect(dialect)) => format!("other dialect {dialect}"),
        Err(trouble) => panic!("{trouble}"),
    }
}

/// wire §6 line by line, without −101001 and the two that decide nothing of some call.
const LISTED: [(i64, RefusalKind); 22] = [
    (-10_000, RefusalKind::ClientCertificate),
    (-1_501, RefusalKind::DeviceTokenInvalid),
    (-1_502, RefusalKind::DeviceInactive),
    (-1_503, RefusalKind::DeviceElsewhere),
    (-1_601, RefusalKind::PaymentNotFound),
    (-14_000_002, RefusalKind::OrganizationNotRegistered),
    (-99_000_001, RefusalKind::PaymentNotFound),
    (-99_000_002, RefusalKind::TradePointMissing),
    (-99_000_003, RefusalKind::WrongTradePoint),
    (-99_000_005, RefusalKind::ExceedsBalance),
    (-99_000_011, RefusalKind::NotRefundable),
    (-99_000_020, RefusalKind::PartialImpossible),
    (990_000_018, RefusalKind::TradePointInactive),
    (990_000_026, RefusalKind::CannotTakeQr),
    (990_000_028, RefusalKind::WrongAmount),
    (990_000_033, RefusalKind::NoPaymentMethods),
    (-1_401, RefusalKind::Other),
    (-1_404, RefusalKind::Other),
    (990_000_029, RefusalKind::Other),
    (990_000_031, RefusalKind::Other),
    (990_000_032, RefusalKind::Other),
    (99_000_010, RefusalKind::Other),
];

#[test]
fn every_listed_code_is_a_refusal_in_both_dialects() {
    for (code, kind) in LISTED {
        for call in [CallKind::Status, CallKind::Refund] {
            let wanted = format!("refused {kind:?} Some({code})");
            for body in [
                format!(r#"{{"StatusCode":{code},"Message":"Любой текст"}}"#),
                format!(r#"{{"StatusCode":{code}}}"#),
                format!(r#"{{"Data":null,"Message":"","StatusCode":{code}}}"#),
            ] {
                assert_eq!(verdict(&body, call, Some(Bank)), wanted, "{body}");
            }
            let body = format!(r#"{{"status":false,"data":{{"errors":{{"{code}":"Любой текст"}}}}}}"#);
            assert_eq!(verdict(&body, call, Some(Guide)), wanted, "{body}");
        }
    }
}

#[test]
fn codes_that_do_not_decide_may_have_happened_and_are_kept() {
    for code in [-999, 1, -1, 500, -99_000_018, 99_000_033, i64::MIN, i64::MAX] {
        let wanted = format!("may have happened Some({code}) Some(\"x\")");
        let body = format!(r#"{{"StatusCode":{code},"Message":"x"}}"#);
        assert_eq!(verdict(&body, CallKind::Status, Some(Bank)), wanted);
        let body = format!(r#"{{"status":false,"data":{{"errors":{{"{code}":"x"}}}}}}"#);
        assert_eq!(verdict(&body, CallKind::Status, Some(Guide)), wanted);
    }
}

#[test]
fn a_refund_to_be_tried_again_may_have_happened() {
    let body = r#"{"StatusCode":-99000006}"#;
    assert_eq!(verdict(body, CallKind::Refund, Some(Bank)), "may have happened Some(-99000006) None");
    assert_eq!(verdict(body, CallKind::Status, Some(Bank)), "refused Other Some(-99000006)");
}

#[test]
fn the_guides_texts_are_refusals() {
    for (text, kind) in [
        ("Организация не зарегистрирована в Kaspi Pay", RefusalKind::OrganizationNotRegistered),
        ("Invalid deviceToken", RefusalKind::DeviceTokenInvalid),
        ("  invalid devicetoken. ", RefusalKind::DeviceTokenInvalid),
        ("Trade point is not active", RefusalKind::TradePointInactive),
    ] {
        let wanted = format!("refused {kind:?} None");
        assert_eq!(verdict(&format!(r#"{{"status":false,"error":"{text}"}}"#), CallKind::Status, Some(Guide)), wanted);
        let body = format!(r#"{{"status":false,"data":{{"errors":{{"deviceToken":"{text}"}}}}}}"#);
        assert_eq!(verdict(&body, CallKind::Status, Some(Guide)), wanted);
        // The bank's numbers decide alone, whatever the text.
        let body = format!(r#"{{"StatusCode":77,"Message":"{text}"}}"#);
        assert!(verdict(&body, CallKind::Status, Some(Bank)).starts_with("may have happened Some(77)"));
        // -999 means "temporarily unavailable", whatever the text.
        let body = format!(r#"{{"status":false,"data":{{"errors":{{"-999":"{text}"}}}}}}"#);
        assert!(verdict(&body, CallKind::Status, Some(Guide)).starts_with("may have happened Some(-999)"));
    }
    let unlisted = r#"{"status":false,"error":"Сервис временно недоступен"}"#;
    assert_eq!(
        verdict(unlisted, CallKind::Status, Some(Guide)),
        "may have happened None Some(\"Сервис временно недоступен\")"
    );
}

/// Servers of one house write a refusal's text under either name; beside a success it is a greeting.
#[test]
fn a_refusals_text_is_read_under_message_too() {
    for name in ["message", "Message", "MESSAGE"] {
        let body = format!(r#"{{"status":false,"{name}":"Invalid deviceToken"}}"#);
        assert_eq!(verdict(&body, CallKind::Refund, Some(Guide)), "refused DeviceTokenInvalid None");
        let body = format!(r#"{{"status":true,"data":[],"{name}":"Invalid deviceToken"}}"#);
        assert_eq!(verdict(&body, CallKind::Status, Some(Guide)), "value guide []");
    }
    let both = r#"{"status":false,"message":"Invalid deviceToken","error":"x"}"#;
    assert_eq!(verdict(both, CallKind::Refund, Some(Guide)), "may have happened None Some(\"x\")");
}

/// A byte order mark changes nothing, and two are no envelope.
#[test]
fn a_byte_order_mark_is_skipped() {
    let code = "\u{feff}{\"StatusCode\":-1501}";
    assert_eq!(verdict(code, CallKind::Create, Some(Bank)), "refused DeviceTokenInvalid Some(-1501)");
    assert_eq!(verdict("\u{feff}\r\n{\"status\":true}", CallKind::Status, Some(Guide)), "value guide -");
    assert_eq!(verdict(&format!("\u{feff}{code}"), CallKind::Create, Some(Bank)), "may have happened");
}

/// The bank's words without its numbers: the guide's dialect has the same refusals, and no doubt that is none.
#[test]
fn the_banks_words_are_its_refusals() {
    let verdicts = |text: &str, call: CallKind| {
        let bodies = [
            format!(r#"{{"status":false,"error":"{text}"}}"#),
            format!(r#"{{"status":false,"data":{{"errors":{{"payment":" {text}. "}}}}}}"#),
            format!(r#"{{"status":false,"data":{{"errors":{{"400":"{text}"}}}}}}"#),
        ];
        bodies.map(|body| verdict(&body, call, Some(Guide)))
    };
    for (text, kind) in [
        ("Отсутствует сертификат клиента", RefusalKind::ClientCertificate),
        ("Устройство с заданным идентификатором не найдено", RefusalKind::DeviceTokenInvalid),
        ("Устройство не активно (отключено или удалено)", RefusalKind::DeviceInactive),
        ("Устройство уже добавлено в другую торговую точку", RefusalKind::DeviceElsewhere),
        ("Покупка не найдена", RefusalKind::PaymentNotFound),
        (
            "Отсутствуют торговые точки, необходимо создать торговую точку в приложении Kaspi Pay",
            RefusalKind::OrganizationNotRegistered,
        ),
        ("Покупка с заданным идентификатором не найдена", RefusalKind::PaymentNotFound),
        ("Торговая точка не найдена", RefusalKind::TradePointMissing),
        ("Торговая точка покупки не соответствует текущему устройству", RefusalKind::WrongTradePoint),
        ("Сумма возврата не может превышать сумму покупки", RefusalKind::ExceedsBalance),
        ("Невозможно вернуть покупку (несоответствующий статус покупки)", RefusalKind::NotRefundable),
        ("Частичный возврат невозможен", RefusalKind::PartialImpossible),
        ("Торговая точка отключена", RefusalKind::TradePointInactive),
        ("Торговая точка не принимает оплату с QR", RefusalKind::CannotTakeQr),
        ("Указана неверная сумма операции", RefusalKind::WrongAmount),
        ("Нет доступных методов оплаты", RefusalKind::NoPaymentMethods),
    ] {
        for call in [CallKind::Create, CallKind::Refund, CallKind::Cancel, CallKind::Status] {
            for told in verdicts(text, call) {
                assert!(told.starts_with(&format!("refused {kind:?} ")), "{text}: {told}");
            }
        }
    }
    let again = "Ошибка возврата, необходимо попробовать еще раз и при повторении ошибки обратиться в банк";
    assert!(verdicts(again, CallKind::Create).iter().all(|told| told.starts_with("refused Other ")));
    for (text, call) in [
        (again, CallKind::Refund),
        ("Сервис временно недоступен", CallKind::Create),
        ("Сервис временно недоступен", CallKind::Refund),
        ("Успешный статус операции", CallKind::Create),
        ("Покупка не найдена, попробуйте позже", CallKind::Refund),
    ] {
        for told in verdicts(text, call) {
            assert!(told.starts_with("may have happened"), "{text}: {told}");
        }
    }
}

#[test]
fn several_reasons_refuse_only_if_all_are_listed() {
    let body = r#"{"status":false,"data":{"errors":{"-1501":"a","990000018":"b"}}}"#;
    assert_eq!(verdict(body, CallKind::Status, Some(Guide)), "refused DeviceTokenInvalid Some(-1501)");
    let body = r#"{"status":false,"data":{"errors":{"-1501":"a","7":"b"}}}"#;
    assert_eq!(verdict(body, CallKind::Status, Some(Guide)), "may have happened Some(7) Some(\"b\")");
}

#[test]
fn values_come_in_every_order_with_or_without_message() {
    for (body, dialect, wanted) in [
        (r#"{"Data":{"A":1},"StatusCode":0}"#, Bank, r#"value bank {"A":1}"#),
        (r#"{"StatusCode":0,"Message":"OK","Data":[1]}"#, Bank, "value bank [1]"),
        (r#"{"StatusCode":0}"#, Bank, "value bank -"),
        (r#"{"StatusCode":0,"Data":null,"New":{}}"#, Bank, "value bank -"),
        (r#"{"status":true,"data":{"a":1},"http_code":200}"#, Guide, r#"value guide {"a":1}"#),
        (r#"{"status":true,"data":{"errors":[]}}"#, Guide, r#"value guide {"errors":[]}"#),
        (r#"{"status":true}"#, Guide, "value guide -"),
    ] {
        assert_eq!(verdict(body, CallKind::Status, Some(dialect)), wanted, "{body}");
        assert_eq!(verdict(body, CallKind::TradePoints, None), wanted, "{body}");
    }
}

#[test]
fn what_is_no_envelope_decides_nothing() {
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "<html>502 Bad Gateway</html>",
        r#"{"StatusCode":"0"}"#,
        r#"{"StatusCode":0.0}"#,
        r#"{"StatusCode":true}"#,
        r#"{"StatusCode":null}"#,
        r#"{"StatusCode":-1501"#,
        r#"{"StatusCode":-1501}{"StatusCode":0}"#,
        r#"{"StatusCode":-1501,"StatusCode":0}"#,
        r#"{"StatusCode":0,"Data":{},"Data":{}}"#,
        r#"{"statuscode":0}"#,
        r#"{"status":"true"}"#,
        r#"{"status":1}"#,
        r#"{"status":404,"error":"Not Found"}"#,
        r#"{"status":null}"#,
        r#"{"Status":true}"#,
        // Read either way, or saying two things at once.
        r#"{"status":true,"StatusCode":0}"#,
        r#"{"status":false,"StatusCode":-1501}"#,
        r#"{"status":true,"error":"Invalid deviceToken"}"#,
        r#"{"status":true,"data":{"errors":{"-1501":"x"}}}"#,
        r#"{"status":false,"data":{"errors":{"-1501":"x","-1501":"y"}}}"#,
        r#"{"status":false,"data":{"errors":"x"}}"#,
    ] {
        for dialect in [Some(Bank), Some(Guide), None] {
            assert_eq!(verdict(body, CallKind::TradePoints, dialect), "may have happened", "{body}");
        }
    }
    assert_eq!(verdict("{\"status\":false}", CallKind::Status, Some(Guide)), "may have happened None None");
    let not_utf8 =
        HttpAnswer { http: 200, date: None, body: Bytes::from_static(b"{\"StatusCode\":0,\"Message\":\"\xff\"}") };
    assert!(matches!(judge(&not_utf8, CallKind::Status, None), Err(CallError::MayHaveHappened { .. })));
}

#[test]
fn the_other_dialect_is_told_apart_only_by_the_trade_points() {
    let (value, refusal, noise) =
        (r#"{"status":true}"#, r#"{"status":false,"error":"Invalid deviceToken"}"#, r#"{"status":false,"error":"x"}"#);
    assert_eq!(verdict(value, CallKind::TradePoints, Some(Bank)), "other dialect guide");
    assert_eq!(verdict(refusal, CallKind::TradePoints, Some(Bank)), "other dialect guide");
    assert_eq!(verdict(noise, CallKind::TradePoints, Some(Bank)), "may have happened None Some(\"x\")");
    assert_eq!(verdict(r#"{"StatusCode":0}"#, CallKind::TradePoints, Some(Guide)), "other dialect bank");
    for call in [CallKind::Refund, CallKind::Status] {
        assert_eq!(verdict(value, call, Some(Bank)), "may have happened");
        assert_eq!(verdict(refusal, call, Some(Bank)), "may have happened None Some(\"Invalid deviceToken\")");
        assert_eq!(verdict(r#"{"StatusCode":-1501}"#, call, Some(Guide)), "may have happened Some(-1501) None");
    }
}

#[test]
fn a_text_is_one_bounded_line_without_the_secret_of_the_request() {
    let body = format!(r#"{{"StatusCode":-1501,"Message":"no\n{}"}}"#, "я".repeat(600));
    let Err(CallError::Refused(refusal)) = judge(&answer(&body), CallKind::Status, Some(Bank)) else { panic!() };
    let text = refusal.text.unwrap();
    assert!(text.starts_with("no я") && text.chars().count() == 500);

    // What lies across the cut is masked too.
    for (secret, text) in [("77015211545", "77015211545"), ("577b4b39-e7a0", "577b4b39-e7a0")] {
        let body = format!(r#"{{"StatusCode":-1501,"Message":"{}{text}"}}"#, "я".repeat(492));
        let Err(trouble) = judge(&answer(&body), CallKind::Status, Some(Bank)) else { panic!() };
        let shown = format!("{:?}", trouble.without(Some(secret)));
        assert!(!shown.contains(&text[..5]), "{shown}");
    }

    let body = r#"{"status":false,"error":"Token 577b4b39 of 77015211545 is unknown"}"#;
    let Err(trouble) = judge(&answer(body), CallKind::Status, Some(Guide)) else { panic!() };
    let trouble = trouble.without(Some("577b4b39")).without(Some("77015211545")).without(None).without(Some(""));
    assert!(format!("{trouble:?}").contains("Token [redacted] of 7701***1545 is unknown"));
}

proptest! {
    /// Zero is a value, a listed code a refusal, and everything else decides nothing.
    #[test]
    fn every_code_falls_on_one_side(code: i64, near in -99_000_025_i64..-98_999_999) {
        for code in [code, near, code % 1_000_000_000] {
            let found = verdict(&format!(r#"{{"StatusCode":{code}}}"#), CallKind::Refund, Some(Bank));
            let listed = LISTED.iter().any(|(known, _)| *known == code) || code == -101_001;
            let wanted = if code == 0 { "value" } else if listed { "refused" } else { "may have happened" };
            prop_assert!(found.starts_with(wanted), "{}: {}", code, found);
        }
    }

    /// Whatever the bytes, they are judged, and noise is never a value or a refusal.
    #[test]
    fn noise_decides_nothing(bytes: Vec<u8>, text in r#"[{}\[\]":,a-z0-9 -]{0,40}"#) {
        for body in [Bytes::from(bytes), Bytes::from(text)] {
            let judged = judge(&HttpAnswer { http: 200, date: None, body }, CallKind::TradePoints, None).is_err();
            prop_assert!(judged);
        }
    }
}

/// Every code that is counted by itself is one that decides something, and no listed one is missing: a code with its
/// own reaction is found by trying all that could be.
#[test]
fn counted_codes_are_the_listed_ones() {
    for code in CODES {
        assert!(code == -999 || kind_of_code(code).is_some(), "{code}");
    }
    let near = |from: i64| (from - 60..=from + 60).chain([from]);
    let tried = [-1_500, -10_000, -101_001, -14_000_002, -99_000_010, 99_000_010, 990_000_020];
    for code in tried.into_iter().flat_map(near) {
        assert_eq!(kind_of_code(code).is_some(), CODES.contains(&code) && code != -999, "{code}");
    }
}
