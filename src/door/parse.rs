//! Text of a request into the types of the vocabulary, with errors that name the place.

use serde::de::DeserializeOwned;
use serde_path_to_error::Error;

use crate::failure::Failure;

/// A JSON object, the whole text and nothing but it. Unknown and repeated fields are refused.
///
/// # Errors
/// `invalid_request` with field, line and column; the value itself is not repeated, it may be a secret.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    // Windows programs write a mark of the byte order before their text.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // serde would also read a struct from an array, by the order of its fields.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Failure::invalid("the body: a JSON object is expected"));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| wrong("the body", &error))?;
    match reader.end() {
        Ok(()) => Ok(value),
        Err(error) => Err(Failure::invalid(format!("the body: {error}"))),
    }
}

/// Query parameters.
///
/// # Errors
/// `invalid_request` naming the parameter.
pub(super) fn query<T: DeserializeOwned>(text: &str) -> Result<T, Failure> {
    let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(text.as_bytes()));
    serde_path_to_error::deserialize(reader).map_err(|error| wrong("the query", &error))
}

fn wrong<E: std::fmt::Display>(place: &str, error: &Error<E>) -> Failure {
    let text = error.inner().to_string();
    // "invalid type: string "…", expected …" repeats the value.
    let text = match text.strip_prefix("invalid ").and_then(|rest| rest.split_once(", expected ")) {
        Some((_, expected)) => format!("expected {}", in_words(expected)),
        None if text == "invalid digit found in string" => format!("expected {WHOLE}"),
        None => text,
    };
    match error.path().to_string().as_str() {
        "." => Failure::invalid(format!("{place}: {text}")),
        field => Failure::invalid(format!("{place}: {field}: {text}")),
    }
}

const WHOLE: &str = "a whole number, 0 or more";

/// Rust's names of numbers are no words for the author of a request.
fn in_words(expected: &str) -> String {
    let number = ["u64", "u32", "u16"].iter().find_map(|name| expected.strip_prefix(name));
    number.map_or_else(|| expected.to_owned(), |place| format!("{WHOLE},{place}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

    use super::*;
    use crate::operation::{
        CreatePayment, Enrol, LogQuery, Nothing, PaymentQuery, RefundPayment, ResolveBody, ResolvePayment, Shape,
    };

    fn refusal<T: DeserializeOwned>(body: &str) -> String {
        json::<T>(body.as_bytes()).err().expect("refused").detail
    }

    fn resolution(body: &str) -> Result<ResolvePayment, Failure> {
        let body = json::<ResolveBody>(body.as_bytes())?;
        ResolvePayment::join("12737694350".parse().unwrap(), Nothing {}, body)
    }

    #[test]
    fn a_body_that_cannot_be_read_names_the_place() {
        let wrong = refusal::<CreatePayment>("{\"kind\":\"remote\",\n \"amount_tiyn\":\"100\"}");
        assert_eq!(wrong, "the body: amount_tiyn: expected a whole number, 0 or more, at line 2 column 20");
        for (body, part) in [
            (r#"{"kind":"remote","amount_tiyn":1,"amount":2}"#, "unknown field `amount`"),
            (r#"{"kind":"remote","kind":"link","amount_tiyn":1}"#, "duplicate field `kind`"),
            (r#"{"kind":"cash","amount_tiyn":1}"#, "kind: unknown variant `cash`"),
            (r#"{"kind":"remote"}"#, "missing field `amount_tiyn`"),
            (r#"{"kind":"remote","amount_tiyn":1} x"#, "trailing characters at line 1"),
            (r#"{"kind":"remote","amount_tiyn":-1}"#, "amount_tiyn: "),
            (r#"{"kind":"remote","amount_tiyn":1.5}"#, "amount_tiyn: "),
            (r#"{"kind":"remote","amount_tiyn":1"#, "EOF"),
            (r#"["remote",1]"#, "a JSON object is expected"),
            ("", "a JSON object is expected"),
        ] {
            let wrong = refusal::<CreatePayment>(body);
            assert!(wrong.contains(part), "{body}: {wrong}");
        }
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_repeated() {
        let wrong = refusal::<Enrol>(r#"{"organization_bin":"891027350515","device_token":77015211545}"#);
        assert!(wrong.contains("device_token: expected") && !wrong.contains("7701"), "{wrong}");
        let wrong = refusal::<Enrol>(r#"{"organization_bin":"891027350515","is_default":"77015211545"}"#);
        assert!(wrong.contains("is_default: expected a boolean") && !wrong.contains("7701"), "{wrong}");
    }

    #[test]
    fn queries_are_typed_and_strict() {
        let log: LogQuery = query("from=2026-11-24T00:00:00Z&bin=891027350515&limit=5&order=desc").unwrap();
        assert_eq!((log.limit, log.bin.unwrap().as_str()), (Some(5), "891027350515"));
        for (text, part) in [
            ("stat=paid", "unknown field `stat`"),
            ("limit=many", "limit: "),
            ("limit=1&limit=2", "duplicate field `limit`"),
            ("state=", "state: unknown variant"),
            ("since=yesterday", "since: "),
        ] {
            let wrong = query::<PaymentQuery>(text).expect_err(text).detail;
            assert!(wrong.contains(part), "{text}: {wrong}");
        }
        assert!(query::<Nothing>("x=1").is_err() && query::<Nothing>("").is_ok());
    }

    #[test]
    fn an_empty_object_is_a_whole_refund_and_an_array_is_none() {
        assert_eq!(json::<RefundPayment>(b" {} ").unwrap(), RefundPayment::default());
        assert!(json::<RefundPayment>(b"[500]").is_err());
        assert!(json::<RefundPayment>(b"null").is_err());
    }

    #[test]
    fn resolve_is_exactly_one_of_four() {
        let id = crate::id::PaymentId::fresh();
        for (form, good) in [
            ("\"attach\":\"12737694350\"".to_owned(), true),
            ("\"abandon\":true".to_owned(), true),
            ("\"abandon\":false".to_owned(), false),
            (format!("\"refund\":\"{id}\",\"happened\":false"), true),
            (format!("\"refund\":\"{id}\""), false),
            ("\"paid\":false".to_owned(), true),
            ("\"paid\":true,\"abandon\":true".to_owned(), false),
        ] {
            let body = format!("{{{form},\"reason\":\"looked at the phone\"}}");
            let read = resolution(&body);
            assert_eq!(read.is_ok(), good, "{body}");
        }
        assert!(resolution("{\"abandon\":true}").is_err(), "a reason is needed");
        assert!(resolution("{\"reason\":\"x\"}").is_err());
    }
}
