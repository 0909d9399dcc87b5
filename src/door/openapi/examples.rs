//! Examples, of which none is made up here: requests are those that the tests of the door send, replies those that
//! `kaspictl --json` is held to.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::request::tests::sample;
use super::super::routes::RouteId;
use crate::operation::OperationId;

/// The replies as they are printed, one a line.
const REPLIES: &str = include_str!("../../../tests/fixtures/ctl/replies.jsonl");

/// The first recorded reply that has these fields.
pub(super) fn recorded(fields: &BTreeSet<String>) -> Option<Value> {
    let reply = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let keys = |reply: &Value| reply.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    REPLIES.lines().map(reply).find(|reply| keys(reply) == *fields)
}

/// A body that the route takes.
pub(super) fn body(route: RouteId) -> Option<Value> {
    match route.operation() {
        Some(OperationId::Create) => Some(json!({
            "kind": "remote", "amount_tiyn": 10000, "phone_number": "+7 701 521 15 45", "organization_bin": "891027350515",
            "invoice": "order-123", "comment": "Two coffees",
        })),
        Some(OperationId::ChangeConfig) => Some(json!({ "is_default": true })),
        Some(OperationId::Refund) => Some(json!({ "amount_tiyn": 5000 })),
        _ => sample(route).and_then(|operation| operation.written().body).map(Value::from),
    }
}

/// What a caller is told whose BIN takes no payments.
pub(super) fn problem() -> Value {
    use super::super::problem::Problem;
    use crate::failure::{Code, Failure};
    serde_json::to_value(Problem::from(&Failure::new(Code::BinInactive, "the BIN 891027350515 is switched off")))
        .unwrap()
}
