//! The bank's dialect (wire §4.1, §5): PascalCase, 64-bit ids, decimal tenge.

use std::ops::Range;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use super::error::{CallError, Refusal, RefusalKind};
use super::fields::{self, JsonFields};
use super::gate::Success;
use super::http_call::{HttpCall, json, query_value};
use super::{Created, NewPayment, PaymentDetails, StatusRead, date};
use crate::domain::{Kind, TradePoint};
use crate::id::{DeviceToken, OrganizationBin, PhoneNumber, QrPaymentId, TradePointId};
use crate::moment::Moment;
use crate::money::Amount;
use crate::store::Triple;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Register<'a> {
    organization_bin: &'a str,
    device_id: String,
    trade_point_id: &'a RawValue,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeviceBody<'a> {
    organization_bin: &'a str,
    device_token: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CreateRemote<'a> {
    organization_bin: &'a str,
    amount: &'a RawValue,
    phone_number: String,
    device_token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CreateScanned<'a> {
    organization_bin: &'a str,
    device_token: &'a str,
    amount: &'a RawValue,
    external_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CancelBody<'a> {
    organization_bin: &'a str,
    qr_payment_id: &'a RawValue,
    device_token: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Return<'a> {
    organization_bin: &'a str,
    device_token: &'a str,
    qr_payment_id: &'a RawValue,
    amount: &'a RawValue,
}

pub(super) fn register(bin: &OrganizationBin, trade_point: &TradePointId) -> Result<HttpCall, CallError> {
    let id = trade_point.as_str();
    let trade_point_id = integer(id).ok_or_else(|| {
        let why = format!("trade point {id} is not a number, as the bank's are: look the trade points up again");
        Refusal::ours(RefusalKind::TradePointMissing, why)
    })?;
    json(
        "/r3/v01/device/register",
        &Register { organization_bin: bin.as_str(), device_id: device_id(bin, id), trade_point_id: &trade_point_id },
    )
}

/// Stable, so that registering again gives the same token; of its own for each (BIN, trade point), as −1503
/// demands; letters, digits and `-` only; 39 characters at most (wire §4.3).
fn device_id(bin: &OrganizationBin, trade_point: &str) -> String {
    format!("kaspid-{bin}-{trade_point}")
}

pub(super) fn delete_device(triple: &Triple) -> Result<HttpCall, CallError> {
    let device = DeviceBody { organization_bin: triple.bin().as_str(), device_token: triple.token().expose() };
    json("/r3/v01/device/delete", &device)
}

pub(super) fn create(triple: &Triple, new: &NewPayment, phone_prefix: char) -> Result<HttpCall, CallError> {
    let amount = tenge(new.amount)?;
    let (organization_bin, device_token) = (triple.bin().as_str(), triple.token().expose());
    let scanned = CreateScanned { organization_bin, device_token, amount: &amount, external_id: &new.external_id };
    match new.kind {
        Kind::Qr => json("/r3/v01/qr/create", &scanned),
        Kind::Link => json("/r3/v01/qr/create-link", &scanned),
        Kind::Remote => json(
            "/r3/v01/remote/create",
            &CreateRemote {
                organization_bin,
                amount: &amount,
                phone_number: new.payer(phone_prefix)?,
                device_token,
                comment: new.comment.as_ref().map(crate::id::Comment::as_str),
            },
        ),
    }
}

pub(super) fn details(token: &DeviceToken, id: &QrPaymentId) -> HttpCall {
    let token = query_value(token.expose());
    HttpCall { path: format!("/r3/v01/payment/details?QrPaymentId={id}&DeviceToken={token}"), body: None }
}

pub(super) fn payer(token: &DeviceToken, phone: &PhoneNumber, phone_prefix: char) -> HttpCall {
    let (phone, token) = (phone.with_prefix(phone_prefix), query_value(token.expose()));
    HttpCall { path: format!("/r3/v01/remote/client-info?phoneNumber={phone}&deviceToken={token}"), body: None }
}

pub(super) fn cancel(triple: &Triple, id: &QrPaymentId) -> Result<HttpCall, CallError> {
    let cancel = CancelBody {
        organization_bin: triple.bin().as_str(),
        qr_payment_id: &payment_number(id)?,
        device_token: triple.token().expose(),
    };
    json("/r3/v01/remote/cancel", &cancel)
}

pub(super) fn refund(triple: &Triple, id: &QrPaymentId, amount: Amount) -> Result<HttpCall, CallError> {
    let refund = Return {
        organization_bin: triple.bin().as_str(),
        device_token: triple.token().expose(),
        qr_payment_id: &payment_number(id)?,
        amount: &tenge(amount)?,
    };
    json("/r3/v01/payment/return", &refund)
}

/// A JSON integer of exactly these digits; `None` where the digits are not how the bank writes that number.
fn integer(digits: &str) -> Option<Box<RawValue>> {
    let number: i64 = digits.parse().ok()?;
    if number.to_string() != digits { None } else { RawValue::from_string(digits.to_owned()).ok() }
}

fn payment_number(id: &QrPaymentId) -> Result<Box<RawValue>, CallError> {
    let not_theirs =
        || Refusal::ours(RefusalKind::PaymentNotFound, format!("{id} is not a payment number of the bank"));
    integer(id.as_str()).ok_or_else(not_theirs)
}

fn tenge(amount: Amount) -> Result<Box<RawValue>, CallError> {
    let unsendable = |_| Refusal::ours(RefusalKind::WrongAmount, "the amount cannot be written as a number");
    RawValue::from_string(amount.to_tenge()).map_err(unsendable)
}

/// `Data[] {TradePointId, TradePointName}`. One that cannot be read spoils the list: a point that is left out
/// would look closed.
pub(super) fn trade_points(success: &Success<'_>) -> Option<Vec<TradePoint>> {
    fields::items(success.data?)?.into_iter().map(|item| trade_point(&JsonFields::read(item.get())?)).collect()
}

fn trade_point(fields: &JsonFields<'_>) -> Option<TradePoint> {
    let id = fields.word("TradePointId")?.parse().ok()?;
    Some(TradePoint { id, name: fields.name("TradePointName").unwrap_or_default(), city: None })
}

pub(super) fn device_token(success: &Success<'_>) -> Option<DeviceToken> {
    success.object()?.text("DeviceToken")?.try_into().ok()
}

/// `date` is the reply's own clock.
pub(super) fn created(success: &Success<'_>, kind: Kind, date: Option<Moment>) -> Option<Created> {
    let data = success.object()?;
    // A link calls the same number PaymentId.
    let keys = if kind == Kind::Link { ["PaymentId", "QrPaymentId"] } else { ["QrPaymentId", "PaymentId"] };
    let qr_payment_id = data.first_payment_id(&keys)?;
    let options = OPTIONS.into_iter().find_map(|key| JsonFields::read(data.raw_in_any_case(key)?));
    let seconds = |keys: &[&str]| keys.iter().find_map(|key| seconds(options.as_ref()?.raw_in_any_case(key)?));
    let expires_at = data.text("ExpireDate").and_then(|text| moment(&text));
    let left = || Some(expires_at?.since(date?)).filter(|left| !left.is_zero() && left.as_secs() <= LONGEST_TIMER);
    Some(Created {
        qr_payment_id,
        link: data.text("PaymentLink"),
        qr_token: data.word("QrToken"),
        life: seconds(&["LinkActivationWaitTimeout", "QrCodeScanWaitTimeout"]).or_else(left),
        poll_every: seconds(&["StatusPollingInterval"]),
        confirm_within: seconds(&["PaymentConfirmationTimeout"]),
        expires_at,
        date,
    })
}

/// The options object is named differently by QR and link (wire §5).
const OPTIONS: [&str; 2] = ["PaymentBehaviorOptions", "QrPaymentBehaviorOptions"];

/// A year in seconds.
const LONGEST_TIMER: u64 = 31_536_000;

/// Whole seconds, as number or text; zero and more than a year are no timers.
fn seconds(raw: &str) -> Option<Duration> {
    let seconds: u64 = fields::word(raw)?.trim().parse().ok()?;
    (1..=LONGEST_TIMER).contains(&seconds).then_some(Duration::from_secs(seconds))
}

/// The years 2000 to 2099 in milliseconds since 1970. 0001-01-01 and 9999-12-31 are what many a server writes for no
/// date at all, and a payment dated so would be in no day's report.
const OUR_CENTURY: Range<i64> = 946_684_800_000..4_102_444_800_000;

fn moment(text: &str) -> Option<Moment> {
    date::read(text).filter(|at| OUR_CENTURY.contains(&at.millis()))
}

pub(super) fn status(success: &Success<'_>, id: &QrPaymentId) -> Option<StatusRead> {
    let data = success.object()?;
    if !data.is_about(id, &["QrPaymentId", "PaymentId"]) {
        return None;
    }
    Some(StatusRead {
        status: data.text("Status").filter(|text| fields::is_status(text))?,
        amount: data.tenge("Amount"),
        transaction_id: data.word("TransactionId"),
        date: None,
    })
}

pub(super) fn detailed(success: &Success<'_>, id: &QrPaymentId) -> Option<PaymentDetails> {
    let data = success.object()?;
    // Another payment's balance would settle the wrong refund.
    if !data.is_about(id, &["QrPaymentId", "PaymentId"]) {
        return None;
    }
    Some(PaymentDetails {
        total: data.tenge("TotalAmount")?,
        available_return: data.tenge("AvailableReturnAmount")?,
        transaction_date: data.text("TransactionDate").and_then(|text| moment(&text)),
    })
}

pub(super) fn payer_name(success: &Success<'_>) -> Option<String> {
    success.object()?.text("ClientName")
}

pub(super) fn return_operation_id(success: &Success<'_>) -> Option<String> {
    success.object()?.word("ReturnOperationId")
}

#[cfg(test)]
#[path = "tests/bank.rs"]
mod tests;
