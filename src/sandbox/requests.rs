//! What callers sent: the last requests, with tokens replaced by a short hash.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::moment::Moment;

use super::call::{BankCall, Dialect};
use super::faults::FaultKind;

/// How many requests are kept; all are counted.
const KEPT: usize = 1000;

/// One request and how it was answered.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RecordedRequest {
    /// Its number since the start.
    pub(super) seq: u64,
    /// The bank's time.
    pub(super) at: Moment,
    /// Which call it was read as.
    pub(super) call: BankCall,
    /// HTTP method.
    pub(super) method: String,
    /// Path with ids replaced by their names; the path itself when it belongs to no call.
    pub(super) path: String,
    /// What the server spoke.
    pub(super) dialect: Dialect,
    /// The caller's `X-Request-ID`.
    pub(super) x_request_id: Option<String>,
    /// The organisation it named.
    pub(super) organization_bin: Option<String>,
    /// Which token it carried, by a short hash.
    pub(super) token: Option<String>,
    /// Path and query parameters and the body, token replaced; a body that is no JSON by its length only.
    pub(super) body: Value,
    /// The bank's code of the answer; `null` when there was no envelope.
    pub(super) code: Option<i64>,
    /// The fault that was on order for it.
    pub(super) fault: Option<FaultKind>,
}

/// The log.
#[derive(Debug, Default)]
pub(super) struct Requests {
    last: VecDeque<RecordedRequest>,
    counts: BTreeMap<BankCall, u64>,
    /// Of the calls that name a payment.
    by_payment: HashMap<u64, BTreeMap<BankCall, u64>>,
    total: u64,
}

impl Requests {
    /// Notes a request under the next number.
    pub(super) fn note(&mut self, mut request: RecordedRequest) {
        self.total += 1;
        request.seq = self.total;
        *self.counts.entry(request.call).or_default() += 1;
        if let Some(payment) = named(&request.body) {
            *self.by_payment.entry(payment).or_default().entry(request.call).or_default() += 1;
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(request);
    }

    /// The last `limit`, oldest first.
    pub(super) fn last(&self, limit: usize) -> impl Iterator<Item = &RecordedRequest> {
        self.last.iter().skip(self.last.len().saturating_sub(limit))
    }

    /// How many of each call since the start.
    pub(super) fn counts(&self) -> &BTreeMap<BankCall, u64> {
        &self.counts
    }

    /// How many of each call named a payment, answered or not.
    pub(super) fn about(&self, payment: u64) -> Option<&BTreeMap<BankCall, u64>> {
        self.by_payment.get(&payment)
    }

    /// How many in all.
    pub(super) fn total(&self) -> u64 {
        self.total
    }
}

/// The payment a request is about, by its names in either dialect.
fn named(body: &Value) -> Option<u64> {
    let id = ["id", "QrPaymentId", "qrPaymentId"].into_iter().find_map(|name| body.get(name))?;
    id.as_u64().or_else(|| id.as_str()?.parse().ok())
}

/// A token by the first eight hex digits of its SHA-256: enough to tell tokens apart in a test.
pub(super) fn token_hash(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().take(4).fold(String::new(), |hash, byte| format!("{hash}{byte:02x}"))
}

/// The body for the log, and the organisation and token in it, by their names in either dialect.
pub(super) fn redacted(mut body: Value) -> (Value, Option<String>, Option<String>) {
    let (mut bin, mut token) = (None, None);
    if let Value::Object(fields) = &mut body {
        for (name, value) in fields.iter_mut() {
            if name.eq_ignore_ascii_case("organizationBin") {
                bin = value.as_str().map(str::to_owned);
            } else if name.eq_ignore_ascii_case("deviceToken") {
                let hash = token_hash(value.as_str().unwrap_or_default());
                *value = Value::String(format!("token {hash}"));
                token = Some(hash);
            }
        }
    }
    (body, bin, token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_stands_in_the_log() {
        for name in ["DeviceToken", "deviceToken", "devicetoken"] {
            let (body, bin, token) = redacted(serde_json::json!({"OrganizationBin": "1", name: "577b4b39"}));
            assert!(!body.to_string().contains("577b4b39"), "{body}");
            assert_eq!(bin.as_deref(), Some("1"));
            assert_eq!(token, Some(token_hash("577b4b39")));
        }
    }
}
