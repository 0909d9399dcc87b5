//! One request at the counter: find the call, let the fault on order happen, note it, give what to send.

use std::time::Duration;

use hyper::body::Bytes;
use hyper::http::request::Parts;
use serde_json::Value;

use super::call::{BankCall, Dialect};
use super::clock::http_date;
use super::faults::{FaultKind, FaultPlan};
use super::refusal::BankRefusal;
use super::requests::{RecordedRequest, redacted};
use super::rules::BankState;
use super::wire::{BankAnswer, CallArguments, Route, query};
use super::{bank, guide};

/// The code of `unknown_code` when the order names none; no manual lists it.
const UNLISTED_CODE: i64 = -77_000_077;
/// Its text.
const UNLISTED_TEXT: &str = "Неизвестная ошибка";
/// The status of `unknown_status` when the order names none: known from another API only (wire §8).
const UNHEARD_STATUS: &str = "QrTokenScanned";
/// The names an id has in either dialect.
const IDS: [&str; 5] = ["QrPaymentId", "qrPaymentId", "externalId", "PaymentId", "ReturnOperationId"];

/// What goes over the wire, and when.
#[derive(Debug)]
pub(super) struct Delivery {
    /// Real time to wait first; the effect has happened.
    pub(super) delay: Duration,
    /// The bank's `Date`.
    pub(super) date: String,
    /// What to send.
    pub(super) parcel: Parcel,
}

/// What to send.
#[derive(Debug)]
pub(super) enum Parcel {
    /// An answer.
    Whole(BankAnswer),
    /// The first half of an answer.
    Half(BankAnswer),
    /// 307 to a place that does not exist.
    Redirect,
    /// Nothing: the connection is closed.
    Nothing,
}

/// Answers one request in full. The state is locked by the caller for this call only.
pub(super) fn serve(state: &mut BankState, head: &Parts, body: Bytes) -> Delivery {
    let path = head.uri.path();
    let route = match state.dialect {
        Dialect::Bank => bank::route(&head.method, path),
        Dialect::Guide => guide::route(&head.method, path),
    };
    let id = route.as_ref().map(|route| route.id.clone()).unwrap_or_default();
    let asked = CallArguments { id, query: head.uri.query().map(query).unwrap_or_default(), body };
    let (logged, mut bin, token) = redacted(asked.for_the_log());
    let call = route.as_ref().map_or(BankCall::Unknown, |route| route.call);
    if call == BankCall::TradePoints {
        bin = Some(asked.id.clone());
    }
    let plan = state.faults.plan(call, bin.as_deref());
    let (parcel, code) = act(state, route.as_ref(), &asked, &plan);
    let x_request_id = head.headers.get("x-request-id").and_then(|value| value.to_str().ok());
    state.requests.note(RecordedRequest {
        seq: 0,
        at: state.clock.now(),
        call,
        method: head.method.to_string(),
        path: route.map_or_else(|| path.to_owned(), |route| route.template.to_owned()),
        dialect: state.dialect,
        x_request_id: x_request_id.map(str::to_owned),
        organization_bin: bin,
        token,
        body: logged,
        code,
        fault: plan.kind(),
    });
    Delivery { delay: plan.delay, date: http_date(state.clock.now()), parcel }
}

/// Lets the call and its fault happen; gives the parcel and the code of its envelope, if it has one.
fn act(state: &mut BankState, route: Option<&Route>, asked: &CallArguments, plan: &FaultPlan) -> (Parcel, Option<i64>) {
    let Some(route) = route else {
        return (Parcel::Whole(BankAnswer::page(404, "Not Found")), None);
    };
    let code = plan.fault.as_ref().and_then(|fault| fault.code);
    match plan.kind() {
        Some(FaultKind::DropBefore) => return (Parcel::Nothing, None),
        Some(FaultKind::Redirect) => return (Parcel::Redirect, None),
        Some(FaultKind::Refuse) => return whole(refused(state.dialect, code.unwrap_or_default(), None)),
        _ => {}
    }
    let answer = match state.dialect {
        Dialect::Bank => bank::answer(state, route, asked, plan),
        Dialect::Guide => guide::answer(state, route, asked, plan),
    };
    match plan.kind() {
        Some(FaultKind::DropAfter) => (Parcel::Nothing, None),
        Some(FaultKind::Cut) => (Parcel::Half(answer), None),
        Some(FaultKind::Error5xx) => {
            let status = code.and_then(|code| u16::try_from(code).ok()).unwrap_or(500);
            whole(BankAnswer::page(status, "Internal Server Error"))
        }
        Some(FaultKind::Html) => whole(BankAnswer::page(200, "Технические работы")),
        Some(FaultKind::Empty) => whole(BankAnswer { body: String::new(), code: None, ..answer }),
        Some(FaultKind::UnknownCode) => {
            let text = plan.fault.as_ref().and_then(|fault| fault.text.as_deref()).unwrap_or(UNLISTED_TEXT);
            whole(refused(state.dialect, code.unwrap_or(UNLISTED_CODE), Some(text)))
        }
        Some(FaultKind::NoId) => whole(with_data(answer, remove_ids)),
        Some(FaultKind::UnknownStatus) => {
            let text = plan.fault.as_ref().and_then(|fault| fault.text.as_deref()).unwrap_or(UNHEARD_STATUS);
            whole(with_data(answer, |data| replace_status(data, text)))
        }
        _ => whole(answer),
    }
}

fn whole(answer: BankAnswer) -> (Parcel, Option<i64>) {
    let code = answer.code;
    (Parcel::Whole(answer), code)
}

/// A refusal in the dialect's envelope, with the code's own text if none is given.
fn refused(dialect: Dialect, code: i64, text: Option<&str>) -> BankAnswer {
    let refusal = BankRefusal(code);
    let text = text.or(refusal.text());
    match dialect {
        Dialect::Bank => bank::refused(refusal, text),
        Dialect::Guide => guide::refused(refusal, text),
    }
}

/// The same answer with something done to its data.
fn with_data(answer: BankAnswer, change: impl Fn(&mut Value)) -> BankAnswer {
    let Ok(mut envelope) = serde_json::from_str::<Value>(&answer.body) else { return answer };
    for name in ["Data", "data"] {
        if let Some(data) = envelope.get_mut(name) {
            change(data);
        }
    }
    BankAnswer { body: envelope.to_string(), ..answer }
}

fn remove_ids(data: &mut Value) {
    if let Value::Object(fields) = data {
        fields.retain(|name, _| !IDS.contains(&name.as_str()));
    }
}

fn replace_status(data: &mut Value, text: &str) {
    for name in ["Status", "status"] {
        if let Some(status) = data.get_mut(name) {
            *status = Value::from(text);
        }
    }
}
