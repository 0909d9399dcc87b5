//! The dialect of the Multi-BIN Setup Guide: bodies and paths exactly as it prints them, amounts in tiyn.

use serde::Serialize;

use super::error::CallError;
use super::fields::{self, JsonFields};
use super::gate::Success;
use super::http_call::{HttpCall, json};
use super::{Created, NewPayment, StatusRead};
use crate::domain::{Kind, TradePoint};
use crate::id::{Comment, DeviceToken, OrganizationBin, QrPaymentId, TradePointId};
use crate::moment::Moment;
use crate::money::Amount;
use crate::store::Triple;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Register<'a> {
    organization_bin: &'a str,
    trade_point_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreateBody<'a> {
    organization_bin: &'a str,
    device_token: &'a str,
    trade_point_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<String>,
    amount: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    /// Links only.
    #[serde(skip_serializing_if = "Option::is_none")]
    merchant_invoice_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OfPayment<'a> {
    organization_bin: &'a str,
    device_token: &'a str,
    #[serde(rename = "QrPaymentId")]
    qr_payment_id: &'a str,
    /// Refunds only.
    #[serde(skip_serializing_if = "Option::is_none")]
    return_amount: Option<u64>,
}

pub(super) fn register(bin: &OrganizationBin, trade_point: &TradePointId) -> Result<HttpCall, CallError> {
    let register = Register { organization_bin: bin.as_str(), trade_point_id: trade_point.as_str() };
    json("/r3/v01/device/register", &register)
}

pub(super) fn create(triple: &Triple, new: &NewPayment, phone_prefix: char) -> Result<HttpCall, CallError> {
    let (path, phone_number, merchant_invoice_id) = match new.kind {
        Kind::Remote => ("/r3/v01/remote/create/", Some(new.payer(phone_prefix)?), None),
        Kind::Link => {
            let phone = new.phone.as_ref().map(|phone| phone.with_prefix(phone_prefix));
            ("/r3/v01/qr/create-link/", phone, Some(new.external_id.as_str()))
        }
        Kind::Qr => return Err(CallError::NotInDialect),
    };
    json(
        path,
        &CreateBody {
            organization_bin: triple.bin().as_str(),
            device_token: triple.token().expose(),
            trade_point_id: triple.trade_point().as_str(),
            phone_number,
            amount: new.amount.tiyn(),
            comment: new.comment.as_ref().map(Comment::as_str),
            merchant_invoice_id,
        },
    )
}

pub(super) fn cancel(triple: &Triple, id: &QrPaymentId) -> Result<HttpCall, CallError> {
    json("/r3/v01/remote/cancel/", &of_payment(triple, id, None))
}

pub(super) fn refund(triple: &Triple, id: &QrPaymentId, amount: Amount) -> Result<HttpCall, CallError> {
    json("/r3/v01/payment/refund/", &of_payment(triple, id, Some(amount.tiyn())))
}

fn of_payment<'a>(triple: &'a Triple, id: &'a QrPaymentId, return_amount: Option<u64>) -> OfPayment<'a> {
    OfPayment {
        organization_bin: triple.bin().as_str(),
        device_token: triple.token().expose(),
        qr_payment_id: id.as_str(),
        return_amount,
    }
}

/// `data.tradepoints[] {id, name, city}`. One that cannot be read spoils the list: a point that is left out
/// would look closed.
pub(super) fn trade_points(success: &Success<'_>) -> Option<Vec<TradePoint>> {
    let listed = success.object()?.raw("tradepoints")?;
    fields::items(listed)?.into_iter().map(|item| trade_point(&JsonFields::read(item.get())?)).collect()
}

fn trade_point(fields: &JsonFields<'_>) -> Option<TradePoint> {
    let id = fields.word("id")?.parse().ok()?;
    Some(TradePoint { id, name: fields.name("name").unwrap_or_default(), city: fields.name("city") })
}

pub(super) fn device_token(success: &Success<'_>) -> Option<DeviceToken> {
    success.object()?.text("deviceToken")?.try_into().ok()
}

/// `date` is the reply's own clock. The invoice that we sent is not a number that the bank gave.
pub(super) fn created(success: &Success<'_>, sent: &str, date: Option<Moment>) -> Option<Created> {
    let data = success.object()?;
    let is_echo = data.word("externalId").is_some_and(|named| named == sent);
    let keys: &[&str] =
        if is_echo { &["QrPaymentId", "qrPaymentId"] } else { &["QrPaymentId", "qrPaymentId", "externalId"] };
    let qr_payment_id = data.first_payment_id(keys)?;
    Some(Created {
        qr_payment_id,
        link: data.text("link"),
        qr_token: None,
        life: None,
        poll_every: None,
        confirm_within: None,
        expires_at: None,
        date,
    })
}

/// The status in `data`, or `data` itself if it is text. An amount in it has no known unit and is not read.
pub(super) fn status(success: &Success<'_>, id: &QrPaymentId) -> Option<StatusRead> {
    let status = fields::text(success.data?).or_else(|| word_of_status(success, id))?;
    let read = StatusRead { status, amount: None, transaction_id: None, date: None };
    Some(read).filter(|read| fields::is_status(&read.status))
}

/// `status` or `Status` in `data`, if that is about this payment.
pub(super) fn word_of_status(success: &Success<'_>, id: &QrPaymentId) -> Option<String> {
    let data = success.object().filter(|data| data.is_about(id, &["QrPaymentId", "qrPaymentId"]))?;
    match (data.text("status"), data.text("Status")) {
        // Two words of one thing that differ are none.
        (Some(one), Some(other)) if one != other => None,
        (one, other) => one.or(other),
    }
}

pub(super) fn return_operation_id(success: &Success<'_>) -> Option<String> {
    let data = success.object()?;
    data.word("ReturnOperationId").or_else(|| data.word("returnOperationId"))
}

#[cfg(test)]
#[path = "tests/guide.rs"]
mod tests;
