//! A failure as RFC 9457 writes it.

use serde::Serialize;

use crate::domain::TradePoint;
use crate::failure::{Cashier, Code, Failure, Money, cashier, texts};
use crate::id::{PaymentId, RequestKey};
use crate::operation::BadRow;

/// Why something was not done (RFC 9457).
///
/// It is also what `kaspictl --json` prints.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Problem<'f> {
    /// `urn:kaspid:` and the code.
    pub r#type: String,
    /// A few words, the same for every failure of the code.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong; stable.
    pub code: Code,
    /// What exactly.
    pub detail: &'f str,
    /// What to do.
    pub remedy: String,
    /// The same request with the same key cannot double anything and may succeed later.
    pub retryable: bool,
    /// Whether money moved.
    pub money: Money,
    /// Kaspi's StatusCode.
    pub provider_code: Option<i64>,
    /// Kaspi's own words.
    pub provider_message: Option<&'f str>,
    /// The caller's key.
    pub request_key: Option<&'f RequestKey>,
    /// The payment it is about.
    pub payment: Option<PaymentId>,
    /// What the cashier reads.
    pub cashier: Cashier,
    /// What to choose from; only with `trade_point_choice`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub trade_points: &'f [TradePoint],
    /// The rows of a file that are not good, the first hundred; only of imports.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub rows: &'f [BadRow],
    /// How many more there are; only of imports.
    #[serde(skip_serializing_if = "is_none")]
    pub more_rows: u64,
    /// What the file was understood as; only of imports.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub understood: &'f str,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

impl<'f> From<&'f Failure> for Problem<'f> {
    fn from(failure: &'f Failure) -> Self {
        Self {
            r#type: format!("urn:kaspid:{}", failure.code.word()),
            title: texts::of(failure.code).title.en,
            status: failure.code.status(),
            code: failure.code,
            detail: &failure.detail,
            remedy: failure.remedy(),
            retryable: failure.retryable,
            money: failure.money,
            provider_code: failure.provider_code,
            provider_message: failure.provider_message.as_deref(),
            request_key: failure.request_key.as_ref(),
            payment: failure.payment,
            cashier: cashier(failure),
            trade_points: &failure.trade_points,
            rows: &[],
            more_rows: 0,
            understood: "",
        }
    }
}

/// `Retry-After` in seconds, for the statuses that have one.
pub(super) fn retry_after(failure: &Failure) -> Option<u64> {
    match failure.code.status() {
        _ if failure.retry_after.is_some() => failure.retry_after.map(|rest| rest.as_secs()),
        429 => Some(1),
        503 => Some(5),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

    use super::*;

    /// The shape as the design prints it, key by key.
    #[test]
    fn a_problem_has_the_keys_of_the_contract() {
        let failure = Failure::new(Code::BinInactive, "the BIN is off");
        let value = serde_json::to_value(Problem::from(&failure)).unwrap();
        let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        let mut wanted = vec![
            "type",
            "title",
            "status",
            "code",
            "detail",
            "remedy",
            "retryable",
            "money",
            "provider_code",
            "provider_message",
            "request_key",
            "payment",
            "cashier",
        ];
        wanted.sort_unstable();
        assert_eq!(keys, wanted);
        assert_eq!(value["type"], "urn:kaspid:bin_inactive");
        assert_eq!((&value["status"], &value["money"]), (&409.into(), &"not_moved".into()));
        assert!(value["cashier"]["kk"].is_string() && value["provider_code"].is_null());
    }
}
