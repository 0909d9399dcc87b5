//! What both dialects need of HTTP: a request taken apart, an answer before it becomes bytes.

use hyper::Method;
use hyper::body::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::call::BankCall;
use super::refusal::BankRefusal;

/// A call found by method and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// Which call.
    pub(super) call: BankCall,
    /// The path with ids replaced by their names.
    pub(super) template: &'static str,
    /// What stood in place of the name.
    pub(super) id: String,
}

impl Route {
    /// A route without an id.
    pub(super) fn plain(call: BankCall, template: &'static str) -> Self {
        Self { call, template, id: String::new() }
    }
}

/// A row of a dialect's table of calls: method, path, call. `{…}` at the end of a path takes one segment.
pub(super) type RouteRow = (Method, &'static str, BankCall);

/// Looks a path up in a table.
pub(super) fn find(table: &[RouteRow], method: &Method, path: &str) -> Option<Route> {
    table.iter().find_map(|(allowed, template, call)| {
        if allowed != method {
            return None;
        }
        match template.split_once('{') {
            None => (*template == path).then(|| Route::plain(*call, template)),
            Some((prefix, _)) => {
                let id = path.strip_prefix(prefix).filter(|id| !id.is_empty() && !id.contains('/'))?;
                Some(Route { call: *call, template, id: id.to_owned() })
            }
        }
    })
}

/// The rest of a request: what a call reads its arguments from.
#[derive(Debug)]
pub(super) struct CallArguments {
    /// From the path.
    pub(super) id: String,
    /// Decoded query parameters.
    pub(super) query: Vec<(String, String)>,
    /// The body as it came.
    pub(super) body: Bytes,
}

impl CallArguments {
    /// A query parameter by its name in any of the given spellings.
    pub(super) fn parameter(&self, names: &[&str]) -> Result<&str, UnreadableRequest> {
        let found = self.query.iter().find(|(name, _)| names.contains(&name.as_str()));
        let missing = || UnreadableRequest(format!("the query parameter {} is missing", names.join(" or ")));
        found.map(|(_, value)| value.as_str()).ok_or_else(missing)
    }

    /// The id in the path as a payment's number.
    pub(super) fn payment_id(&self) -> Result<u64, UnreadableRequest> {
        payment_id(&self.id)
    }

    /// The JSON body.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, UnreadableRequest> {
        serde_json::from_slice(&self.body).map_err(|e| UnreadableRequest(e.to_string()))
    }

    /// All arguments as one JSON value for the request log.
    pub(super) fn for_the_log(&self) -> Value {
        if self.body.is_empty() {
            let mut fields: Map<String, Value> =
                self.query.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
            if !self.id.is_empty() {
                fields.insert("id".to_owned(), Value::String(self.id.clone()));
            }
            return Value::Object(fields);
        }
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(value @ Value::Object(_)) => value,
            _ => Value::String(format!("{} bytes that are no JSON object", self.body.len())),
        }
    }
}

/// Digits as a payment's number.
pub(super) fn payment_id(text: &str) -> Result<u64, UnreadableRequest> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| UnreadableRequest("QrPaymentId is not a number".to_owned()))
}

/// A number as it was written, for amounts; text and everything else is not one.
pub(super) fn number(raw: &RawValue) -> Result<&str, UnreadableRequest> {
    let text = raw.get();
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || c == '-');
    if begins { Ok(text) } else { Err(UnreadableRequest("the amount is not a JSON number".to_owned())) }
}

/// A request that the server's binder cannot read: another dialect, a missing or mistyped field. Answered 400
/// without an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnreadableRequest(pub(super) String);

/// Why a call has no value.
#[derive(Debug)]
pub(super) enum Rejection {
    /// Could not be read.
    Unreadable(UnreadableRequest),
    /// Read and refused.
    Refused(BankRefusal),
    /// Too many calls, 429.
    TooMany,
}

impl From<UnreadableRequest> for Rejection {
    fn from(unreadable: UnreadableRequest) -> Self {
        Self::Unreadable(unreadable)
    }
}

impl From<BankRefusal> for Rejection {
    fn from(refusal: BankRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// An answer before it becomes bytes.
#[derive(Clone, Debug)]
pub(super) struct BankAnswer {
    /// HTTP status.
    pub(super) status: u16,
    /// `Content-Type`.
    pub(super) content_type: &'static str,
    /// The body.
    pub(super) body: String,
    /// The bank's code, if there is an envelope.
    pub(super) code: Option<i64>,
}

impl BankAnswer {
    /// An envelope with its code.
    pub(super) fn envelope(envelope: &impl Serialize, code: i64) -> Self {
        match serde_json::to_string(envelope) {
            Ok(body) => Self { status: 200, content_type: "application/json; charset=utf-8", body, code: Some(code) },
            Err(_) => Self::page(500, "Internal Server Error"),
        }
    }

    /// A page for people, as web servers answer before or instead of the application.
    pub(super) fn page(status: u16, title: &str) -> Self {
        let body = format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>");
        Self { status, content_type: "text/html", body, code: None }
    }

    /// A request that could not be read.
    pub(super) fn unreadable(unreadable: &UnreadableRequest) -> Self {
        let body = serde_json::json!({"detail": unreadable.0, "title": "Bad Request"}).to_string();
        Self { status: 400, content_type: "application/problem+json", body, code: None }
    }
}

/// Takes a query apart.
pub(super) fn query(text: &str) -> Vec<(String, String)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decoded(k), decoded(v))).collect()
}

/// Percent-decoding; what is not a valid escape stays as it is.
fn decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let escape = tail.get(..2).filter(|_| byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(decoded) = escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(decoded);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            out.push(if byte == b'+' { b' ' } else { byte });
            rest = tail;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let pairs = query("QrPaymentId=1&DeviceToken=a%2Bb%20c%&x&=");
        assert_eq!(pairs.first(), Some(&("QrPaymentId".to_owned(), "1".to_owned())));
        assert_eq!(pairs.get(1), Some(&("DeviceToken".to_owned(), "a+b c%".to_owned())));
    }

    #[test]
    fn a_template_takes_exactly_one_segment() {
        let table = [(Method::GET, "/a/{id}", BankCall::Ping)];
        assert_eq!(find(&table, &Method::GET, "/a/7").map(|route| route.id), Some("7".to_owned()));
        for path in ["/a/", "/a/7/", "/a/7/8", "/b/7"] {
            assert_eq!(find(&table, &Method::GET, path), None, "{path}");
        }
        assert_eq!(find(&table, &Method::POST, "/a/7"), None);
    }

    #[test]
    fn only_a_json_number_is_an_amount() {
        for (json, number_or) in [("100.50", Some("100.50")), ("-1", Some("-1")), ("\"100\"", None), ("true", None)] {
            let raw = RawValue::from_string(json.to_owned()).ok();
            assert_eq!(raw.as_deref().and_then(|raw| number(raw).ok()), number_or, "{json}");
        }
    }
}
