//! `--json`: exactly the shapes of the HTTP interface (architecture §7), one document on one line.

use serde::Serialize;

use crate::door::problem::Problem;
use crate::failure::Failure;
use crate::operation::{LogRow, Reply};

/// An answer as its HTTP body.
pub(super) fn reply(reply: &Reply) -> String {
    line(&reply.document())
}

/// A row of the log, as in a list or a file of JSON lines.
pub(super) fn row(row: &LogRow) -> String {
    line(row)
}

/// A failure as its `application/problem+json`.
pub(super) fn problem(failure: &Failure) -> String {
    line(&Problem::from(failure))
}

/// Every reply is numbers, texts, lists and objects with text keys, which serde_json always writes.
fn line(value: &impl Serialize) -> String {
    serde_json::to_string(value).map(|text| text + "\n").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot unwrap has failed")]

    use serde_json::Value;

    use super::*;
    use crate::ctl::samples;
    use crate::failure::Code;

    /// Each reply as it is printed, byte by byte: scripts read this. `tests/fixtures/ctl/replies.jsonl` has
    /// one line for each sample, in order; `KASPID_BLESS=1 cargo test ctl::json` writes it anew.
    #[test]
    fn replies_are_printed_as_recorded() {
        let recorded = include_str!("../../tests/fixtures/ctl/replies.jsonl");
        let printed: String = samples::replies().iter().map(reply).collect();
        if std::env::var_os("KASPID_BLESS").is_some() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/ctl/replies.jsonl"), &printed).unwrap();
        }
        for (printed, recorded) in printed.lines().zip(recorded.lines()) {
            assert_eq!(printed, recorded);
        }
        assert_eq!(printed.lines().count(), recorded.lines().count());
    }

    #[test]
    fn a_failure_is_a_problem_document() {
        for &code in Code::ALL {
            let text = problem(&Failure::new(code, "why").with_provider(Some(-1601), Some("no".to_owned())));
            let value: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["type"], format!("urn:kaspid:{}", code.word()));
            assert_eq!(value["status"], code.status());
            assert_eq!((&value["code"], &value["detail"]), (&code.word().into(), &"why".into()));
            assert_eq!(value["provider_code"], -1601);
            assert!(["ru", "kk", "en"].iter().all(|language| value["cashier"][language].is_string()));
            assert!(value["remedy"].is_string() && value["title"].is_string() && value["money"].is_string());
            assert!(value["request_key"].is_null() && value["payment"].is_null());
        }
    }
}
