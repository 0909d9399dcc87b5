//! The bank's dialect, written from the manual's tables and the live captures (wire §4, §5, §3).
//!
//! Field names and types are taken literally: a binder more lenient than that is only suspected of the real
//! server (wire §5), and what passes here must pass there.

use hyper::Method;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::money::Amount;

use super::call::BankCall;
use super::clock::bank_date;
use super::faults::FaultPlan;
use super::ledger::{BankPayment, PaymentKind, PaymentPhase, Timers};
use super::refusal::BankRefusal;
use super::rules::{BankState, Caller, NoPayer, Wish};
use super::wire::{BankAnswer, CallArguments, Rejection, Route, RouteRow, UnreadableRequest, find, number, payment_id};

const CALLS: [RouteRow; 17] = [
    (Method::GET, "/r3/v01/partner/tradepoints/{organizationBin}", BankCall::TradePoints),
    (Method::POST, "/r3/v01/device/register", BankCall::DeviceRegister),
    (Method::POST, "/r3/v01/device/delete", BankCall::DeviceDelete),
    (Method::POST, "/r3/v01/qr/create", BankCall::QrCreate),
    (Method::POST, "/r3/v01/qr/create-link", BankCall::LinkCreate),
    (Method::GET, "/r3/v01/payment/status/{QrPaymentId}", BankCall::PaymentStatus),
    (Method::GET, V02_STATUS, BankCall::PaymentStatus),
    (Method::GET, "/r3/v01/payment/details", BankCall::PaymentDetails),
    (Method::POST, "/r3/v01/payment/return", BankCall::Refund),
    (Method::GET, "/r3/v01/remote/client-info", BankCall::ClientInfo),
    (Method::POST, "/r3/v01/remote/create", BankCall::RemoteCreate),
    (Method::POST, "/r3/v01/remote/cancel", BankCall::RemoteCancel),
    (Method::GET, "/r3/v01/health/ping", BankCall::Ping),
    (Method::POST, "/r3/v01/test/payment/scan", BankCall::TestScan),
    (Method::POST, "/r3/v01/test/payment/confirm", BankCall::TestConfirm),
    (Method::POST, "/r3/v01/test/payment/scanerror", BankCall::TestScanError),
    (Method::POST, "/r3/v01/test/payment/confirmerror", BankCall::TestConfirmError),
];

const V02_STATUS: &str = "/r3/v02/payment/status/{QrPaymentId}";

/// A trailing slash is taken too: production integrations send one (wire §5).
pub(super) fn route(method: &Method, path: &str) -> Option<Route> {
    find(&CALLS, method, path.strip_suffix('/').unwrap_or(path))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Register {
    organization_bin: String,
    device_id: String,
    trade_point_id: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete {
    organization_bin: String,
    device_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateQr {
    organization_bin: String,
    device_token: String,
    amount: Box<RawValue>,
    external_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateRemote {
    organization_bin: String,
    device_token: String,
    amount: Box<RawValue>,
    phone_number: String,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Return {
    organization_bin: String,
    device_token: String,
    qr_payment_id: u64,
    amount: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Cancel {
    organization_bin: String,
    device_token: String,
    qr_payment_id: u64,
}

/// The one lower-case request of the manual.
#[derive(Deserialize)]
struct Emulate {
    #[serde(rename = "qrPaymentId")]
    qr_payment_id: String,
}

/// `Data` before `StatusCode` and no `Message` on success, as in the live capture (wire §5).
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a, T: Serialize> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    status_code: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TradePointRow<'a> {
    trade_point_id: i64,
    trade_point_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct QrMade<'a> {
    qr_token: &'a str,
    expire_date: String,
    qr_payment_id: u64,
    payment_methods: &'a [String],
    qr_payment_behavior_options: QrOptions,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct QrOptions {
    status_polling_interval: u64,
    qr_code_scan_wait_timeout: u64,
    payment_confirmation_timeout: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LinkMade<'a> {
    payment_link: String,
    expire_date: String,
    payment_id: u64,
    payment_methods: &'a [String],
    payment_behavior_options: LinkOptions,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LinkOptions {
    status_polling_interval: u64,
    link_activation_wait_timeout: u64,
    payment_confirmation_timeout: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Details {
    qr_payment_id: u64,
    total_amount: Box<RawValue>,
    available_return_amount: Box<RawValue>,
    transaction_date: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StatusV02<'a> {
    status: &'static str,
    transaction_id: String,
    product_type: &'static str,
    is_offer: bool,
    amount: Box<RawValue>,
    store_name: &'a str,
    city: &'a str,
}

/// Answers one call.
pub(super) fn answer(state: &mut BankState, route: &Route, asked: &CallArguments, plan: &FaultPlan) -> BankAnswer {
    match perform(state, route, asked, plan) {
        Ok(answer) => answer,
        Err(Rejection::Refused(refusal)) => refused(refusal, refusal.text()),
        Err(Rejection::Unreadable(unreadable)) => BankAnswer::unreadable(&unreadable),
        Err(Rejection::TooMany) => BankAnswer::page(429, "Too Many Requests"),
    }
}

/// A refusal's envelope; errors carry no `Data`.
pub(super) fn refused(refusal: BankRefusal, message: Option<&str>) -> BankAnswer {
    BankAnswer::envelope(&Envelope::<()> { data: None, message, status_code: refusal.0 }, refusal.0)
}

fn done<T: Serialize>(data: T) -> BankAnswer {
    BankAnswer::envelope(&Envelope { data: Some(data), message: None, status_code: 0 }, 0)
}

fn done_without_data() -> BankAnswer {
    BankAnswer::envelope(&Envelope::<()> { data: None, message: None, status_code: 0 }, 0)
}

fn perform(
    state: &mut BankState,
    route: &Route,
    asked: &CallArguments,
    plan: &FaultPlan,
) -> Result<BankAnswer, Rejection> {
    match route.call {
        BankCall::TradePoints => trade_points(state, asked),
        BankCall::DeviceRegister => register(state, asked),
        BankCall::DeviceDelete => {
            let Delete { organization_bin, device_token } = asked.json()?;
            state.delete_device(Caller { bin: &organization_bin, token: &device_token })?;
            Ok(done_without_data())
        }
        BankCall::QrCreate => create_qr(state, asked, PaymentKind::Qr),
        BankCall::LinkCreate => create_qr(state, asked, PaymentKind::Link),
        BankCall::PaymentStatus if route.template == V02_STATUS => status_v02(state, asked),
        BankCall::PaymentStatus => {
            let status = state.status(asked.payment_id()?)?.status();
            Ok(done(serde_json::json!({ "Status": status })))
        }
        BankCall::PaymentDetails => details(state, asked),
        BankCall::Refund => refund(state, asked, plan),
        BankCall::ClientInfo => client_info(state, asked),
        BankCall::RemoteCreate => create_remote(state, asked),
        BankCall::RemoteCancel => {
            let Cancel { organization_bin, device_token, qr_payment_id } = asked.json()?;
            state.cancel(Caller { bin: &organization_bin, token: &device_token }, qr_payment_id)?;
            Ok(done(serde_json::json!({ "Status": "RemotePaymentCanceled" })))
        }
        BankCall::Ping => Ok(done_without_data()),
        BankCall::TestScan | BankCall::TestConfirm | BankCall::TestScanError | BankCall::TestConfirmError => {
            let Emulate { qr_payment_id } = asked.json()?;
            state.emulate(payment_id(&qr_payment_id)?, route.call)?;
            // These replies spell the text in lower case (wire §4).
            Ok(BankAnswer::envelope(&serde_json::json!({"StatusCode": 0, "message": "OK"}), 0))
        }
        BankCall::Connect | BankCall::Unknown => Ok(BankAnswer::page(404, "Not Found")),
    }
}

fn trade_points(state: &mut BankState, asked: &CallArguments) -> Result<BankAnswer, Rejection> {
    let rows = state.trade_points(&asked.id)?.into_iter().filter_map(|point| {
        let trade_point_id = point.id.parse().ok()?;
        Some(TradePointRow { trade_point_id, trade_point_name: &point.name })
    });
    Ok(done(rows.collect::<Vec<_>>()))
}

fn register(state: &mut BankState, asked: &CallArguments) -> Result<BankAnswer, Rejection> {
    let Register { organization_bin, device_id, trade_point_id } = asked.json()?;
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if device_id.is_empty() || !device_id.bytes().all(allowed) {
        return Err(UnreadableRequest("DeviceId is Latin letters, digits, - and _".to_owned()).into());
    }
    let token = state.register(&organization_bin, &trade_point_id.to_string(), &device_id)?;
    Ok(done(serde_json::json!({ "DeviceToken": token })))
}

fn create_qr(state: &mut BankState, asked: &CallArguments, kind: PaymentKind) -> Result<BankAnswer, Rejection> {
    let CreateQr { organization_bin, device_token, amount, external_id } = asked.json()?;
    let amount = Amount::from_tenge(number(&amount)?).ok();
    let wish = Wish { kind, amount, phone: None, comment: None, external_id, trade_point: None };
    let caller = Caller { bin: &organization_bin, token: &device_token };
    let payment = state.create(caller, wish)?.clone();
    let point = state.world.open_trade_point(&organization_bin, &payment.order.trade_point)?;
    Ok(match kind {
        PaymentKind::Link => done(link_made(&payment, &point.payment_methods)),
        PaymentKind::Qr | PaymentKind::Remote => done(qr_made(&payment, &point.payment_methods)),
    })
}

fn qr_made<'a>(payment: &'a BankPayment, payment_methods: &'a [String]) -> QrMade<'a> {
    let Timers { poll, scan, confirm, .. } = payment.timers;
    QrMade {
        qr_token: &payment.token,
        expire_date: bank_date(payment.expires()),
        qr_payment_id: payment.id,
        payment_methods,
        qr_payment_behavior_options: QrOptions {
            status_polling_interval: poll.duration().as_secs(),
            qr_code_scan_wait_timeout: scan.duration().as_secs(),
            payment_confirmation_timeout: confirm.duration().as_secs(),
        },
    }
}

fn link_made<'a>(payment: &BankPayment, payment_methods: &'a [String]) -> LinkMade<'a> {
    let Timers { poll, scan, confirm, .. } = payment.timers;
    LinkMade {
        payment_link: format!("https://pay.kaspi.kz/pay/{}", payment.token),
        expire_date: bank_date(payment.expires()),
        payment_id: payment.id,
        payment_methods,
        payment_behavior_options: LinkOptions {
            status_polling_interval: poll.duration().as_secs(),
            link_activation_wait_timeout: scan.duration().as_secs(),
            payment_confirmation_timeout: confirm.duration().as_secs(),
        },
    }
}

fn create_remote(state: &mut BankState, asked: &CallArguments) -> Result<BankAnswer, Rejection> {
    let CreateRemote { organization_bin, device_token, amount, phone_number, comment } = asked.json()?;
    let amount = Amount::from_tenge(number(&amount)?).ok();
    let phone = Some(phone_number);
    let wish = Wish { kind: PaymentKind::Remote, amount, phone, comment, external_id: None, trade_point: None };
    let id = state.create(Caller { bin: &organization_bin, token: &device_token }, wish)?.id;
    Ok(done(serde_json::json!({ "QrPaymentId": id })))
}

/// Everything but `Status` is optional, and there is nothing else to say before the payment.
fn status_v02(state: &mut BankState, asked: &CallArguments) -> Result<BankAnswer, Rejection> {
    let payment = state.status(asked.payment_id()?)?.clone();
    let order = &payment.order;
    let point = state.world.listed(&order.bin).into_iter().find(|point| point.id == order.trade_point);
    let (PaymentPhase::Paid { .. }, Some(point)) = (payment.phase, point) else {
        return Ok(done(serde_json::json!({ "Status": payment.status() })));
    };
    Ok(done(StatusV02 {
        status: payment.status(),
        transaction_id: payment.id.to_string(),
        product_type: "Gold",
        is_offer: false,
        amount: tenge(order.amount)?,
        store_name: &point.name,
        city: &point.city,
    }))
}

fn details(state: &mut BankState, asked: &CallArguments) -> Result<BankAnswer, Rejection> {
    let id = payment_id(asked.parameter(&["QrPaymentId"])?)?;
    let token = asked.parameter(&["DeviceToken"])?;
    let now = state.clock.now();
    let (payment, paid_at) = state.details(id, token)?;
    Ok(done(Details {
        qr_payment_id: id,
        total_amount: tenge(payment.order.amount)?,
        available_return_amount: tenge(payment.shown_balance(now))?,
        transaction_date: bank_date(paid_at),
    }))
}

fn refund(state: &mut BankState, asked: &CallArguments, plan: &FaultPlan) -> Result<BankAnswer, Rejection> {
    let Return { organization_bin, device_token, qr_payment_id, amount } = asked.json()?;
    let amount = Amount::from_tenge(number(&amount)?).ok();
    let caller = Caller { bin: &organization_bin, token: &device_token };
    let id = state.refund(caller, qr_payment_id, amount, plan.late_balance)?;
    Ok(done(serde_json::json!({ "ReturnOperationId": id })))
}

/// The manual's table and its example disagree about the case of these two names; both are taken.
fn client_info(state: &mut BankState, asked: &CallArguments) -> Result<BankAnswer, Rejection> {
    let phone = asked.parameter(&["phoneNumber", "PhoneNumber"])?;
    let token = asked.parameter(&["deviceToken", "DeviceToken"])?;
    let name = state.payer(phone, token).map_err(|no| match no {
        NoPayer::Refused(refusal) => Rejection::Refused(refusal),
        NoPayer::TooMany => Rejection::TooMany,
    })?;
    Ok(done(serde_json::json!({ "ClientName": name })))
}

/// An amount as a JSON number, written digit by digit.
fn tenge(amount: Amount) -> Result<Box<RawValue>, UnreadableRequest> {
    RawValue::from_string(amount.to_tenge()).map_err(|e| UnreadableRequest(e.to_string()))
}
