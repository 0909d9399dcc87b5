//! The guide's dialect, written from the Multi-BIN Setup Guide's requests and replies, trailing slashes and all.
//!
//! What the guide does not print is as little as it allows: cancel and refund answer `{"status": true}`, and a
//! status is `data.status`.

use hyper::Method;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::money::Amount;

use super::call::BankCall;
use super::faults::FaultPlan;
use super::ledger::PaymentKind;
use super::refusal::BankRefusal;
use super::rules::{BankState, Caller, Wish};
use super::wire::{BankAnswer, CallArguments, Rejection, Route, RouteRow, UnreadableRequest, find, number, payment_id};

const CALLS: [RouteRow; 7] = [
    (Method::GET, "/r3/v01/partner/tradepoints/{organizationBin}", BankCall::TradePoints),
    (Method::POST, "/r3/v01/device/register", BankCall::DeviceRegister),
    (Method::POST, "/r3/v01/remote/create/", BankCall::RemoteCreate),
    (Method::GET, "/r3/v01/payment/status/{QrPaymentId}", BankCall::PaymentStatus),
    (Method::POST, "/r3/v01/remote/cancel/", BankCall::RemoteCancel),
    (Method::POST, "/r3/v01/payment/refund/", BankCall::Refund),
    (Method::POST, "/r3/v01/qr/create-link/", BankCall::LinkCreate),
];

/// The device of a trade point: this dialect names no DeviceId, so a pair has one device.
const DEVICE: &str = "guide";

/// Finds a call.
pub(super) fn route(method: &Method, path: &str) -> Option<Route> {
    find(&CALLS, method, path)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Register {
    organization_bin: String,
    trade_point_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateRemote {
    organization_bin: String,
    device_token: String,
    trade_point_id: String,
    phone_number: String,
    amount: Box<RawValue>,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateLink {
    organization_bin: String,
    device_token: String,
    /// Not marked as required, unlike in `remote/create/`.
    trade_point_id: Option<String>,
    phone_number: Option<String>,
    amount: Box<RawValue>,
    comment: Option<String>,
    merchant_invoice_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancel {
    organization_bin: String,
    device_token: String,
    #[serde(rename = "QrPaymentId")]
    qr_payment_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refund {
    organization_bin: String,
    device_token: String,
    #[serde(rename = "QrPaymentId")]
    qr_payment_id: String,
    return_amount: Box<RawValue>,
}

/// Answers one call.
pub(super) fn answer(state: &mut BankState, route: &Route, asked: &CallArguments, plan: &FaultPlan) -> BankAnswer {
    match perform(state, route, asked, plan) {
        Ok(data) => BankAnswer::envelope(&data, 0),
        Err(Rejection::Refused(refusal)) => refused(refusal, refusal.text()),
        Err(Rejection::Unreadable(unreadable)) => BankAnswer::unreadable(&unreadable),
        Err(Rejection::TooMany) => BankAnswer::page(429, "Too Many Requests"),
    }
}

/// An error: the guide's own sentence where it has one, else the code and text in `data.errors`.
pub(super) fn refused(refusal: BankRefusal, text: Option<&str>) -> BankAnswer {
    let body = match refusal.guide_text() {
        Some(text) => json!({"status": false, "error": text}),
        None => json!({"status": false, "data": {"errors": {refusal.0.to_string(): text.unwrap_or_default()}}}),
    };
    BankAnswer::envelope(&body, refusal.0)
}

fn perform(
    state: &mut BankState,
    route: &Route,
    asked: &CallArguments,
    plan: &FaultPlan,
) -> Result<serde_json::Value, Rejection> {
    match route.call {
        BankCall::TradePoints => {
            let points = state.trade_points(&asked.id)?.into_iter();
            let rows = points.map(|point| json!({"id": point.id, "name": point.name, "city": point.city}));
            Ok(json!({"status": true, "data": {"tradepoints": rows.collect::<Vec<_>>()}}))
        }
        BankCall::DeviceRegister => register(state, asked),
        BankCall::RemoteCreate => create_remote(state, asked),
        BankCall::LinkCreate => create_link(state, asked),
        BankCall::PaymentStatus => {
            let status = state.status(asked.payment_id()?)?.status();
            Ok(json!({"status": true, "data": {"status": status}}))
        }
        BankCall::RemoteCancel => {
            let Cancel { organization_bin, device_token, qr_payment_id } = asked.json()?;
            let caller = Caller { bin: &organization_bin, token: &device_token };
            state.cancel(caller, payment_id(&qr_payment_id)?)?;
            Ok(json!({"status": true}))
        }
        BankCall::Refund => {
            let Refund { organization_bin, device_token, qr_payment_id, return_amount } = asked.json()?;
            let caller = Caller { bin: &organization_bin, token: &device_token };
            state.refund(caller, payment_id(&qr_payment_id)?, tiyn(&return_amount)?, plan.late_balance)?;
            Ok(json!({"status": true}))
        }
        // Not in this dialect; the table has no row for them.
        BankCall::DeviceDelete
        | BankCall::QrCreate
        | BankCall::PaymentDetails
        | BankCall::ClientInfo
        | BankCall::Ping
        | BankCall::TestScan
        | BankCall::TestConfirm
        | BankCall::TestScanError
        | BankCall::TestConfirmError
        | BankCall::Connect
        | BankCall::Unknown => Err(UnreadableRequest("no such call".to_owned()).into()),
    }
}

fn register(state: &mut BankState, asked: &CallArguments) -> Result<serde_json::Value, Rejection> {
    let Register { organization_bin, trade_point_id } = asked.json()?;
    // One device per pair, so its name carries the pair: the registry's rule is one trade point per device.
    let device = format!("{DEVICE}-{organization_bin}-{trade_point_id}");
    let token = state.register(&organization_bin, &trade_point_id, &device)?;
    Ok(json!({"status": true, "data": {"deviceToken": token}}))
}

fn create_remote(state: &mut BankState, asked: &CallArguments) -> Result<serde_json::Value, Rejection> {
    let CreateRemote { organization_bin, device_token, trade_point_id, phone_number, amount, comment } =
        asked.json()?;
    let wish = Wish {
        kind: PaymentKind::Remote,
        amount: tiyn(&amount)?,
        phone: Some(phone_number),
        comment,
        external_id: None,
        trade_point: Some(trade_point_id),
    };
    let payment = state.create(Caller { bin: &organization_bin, token: &device_token }, wish)?;
    Ok(json!({"status": true, "data": {"QrPaymentId": payment.id.to_string()}}))
}

fn create_link(state: &mut BankState, asked: &CallArguments) -> Result<serde_json::Value, Rejection> {
    let link: CreateLink = asked.json()?;
    let wish = Wish {
        kind: PaymentKind::Link,
        amount: tiyn(&link.amount)?,
        phone: link.phone_number,
        comment: link.comment,
        external_id: link.merchant_invoice_id,
        trade_point: link.trade_point_id,
    };
    let payment = state.create(Caller { bin: &link.organization_bin, token: &link.device_token }, wish)?;
    let url = format!("https://kaspi.kz/pay?qrId={}", payment.token);
    Ok(json!({"status": true, "data": {"link": url, "QrPaymentId": payment.id.to_string()}}))
}

/// An integer of tiyn. A fraction cannot be read; a number that is no amount of money is `None`.
fn tiyn(raw: &RawValue) -> Result<Option<Amount>, UnreadableRequest> {
    let text = number(raw)?;
    if text.contains(['.', 'e', 'E']) {
        return Err(UnreadableRequest("the amount is not an integer of minor units".to_owned()));
    }
    Ok(text.parse().ok().and_then(|tiyn| Amount::from_tiyn(tiyn).ok()))
}
