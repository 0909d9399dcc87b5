//! A request as it goes to the bank.

use hyper::body::Bytes;
use serde::Serialize;

use super::error::CallError;

/// A request without its host: made anew for each try.
#[derive(Clone)]
pub(super) struct HttpCall {
    /// Path and query. Secret: a query carries a token or a phone.
    pub(super) path: String,
    /// JSON of a POST; a GET has none.
    pub(super) body: Option<Bytes>,
}

pub(super) fn get(path: String) -> HttpCall {
    HttpCall { path, body: None }
}

/// A POST of `body`. Serialising plain structs to memory does not fail; if it did, nothing was sent.
pub(super) fn json(path: &str, body: &impl Serialize) -> Result<HttpCall, CallError> {
    let unwritable = |e: serde_json::Error| CallError::NeverSent { why: e.to_string(), certificate: false };
    let body = serde_json::to_vec(body).map_err(unwritable)?;
    Ok(HttpCall { path: path.to_owned(), body: Some(Bytes::from(body)) })
}

/// Percent-encodes a value of a query: all but RFC 3986's unreserved characters.
pub(super) fn query_value(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
