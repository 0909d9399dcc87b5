//! What the daemon's requests say and what the bank's answers are, in both dialects. Read leniently and written as the
//! bank writes; whether an answer is believed is the daemon's own code.

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use serde_json::Value;

use super::bank::{Bank, Done, Given, ORGANISATIONS, Order};
use super::clock;
use crate::domain::{Dialect, Kind};
use crate::money::Amount;

/// Seconds between two looks at a code, by turns: a poll is seldom news.
const POLLING: [u64; 3] = [5, 20, 60];

/// A request as read.
pub(super) enum Heard {
    TradePoints(String),
    Register(String),
    Money(Given),
    Status(u64),
    Details(u64, String),
}

impl Heard {
    /// Whose request it is, if it says so.
    pub(super) fn bin(&self) -> Option<&str> {
        match self {
            Self::TradePoints(bin) | Self::Register(bin) => Some(bin),
            Self::Money(given) => Some(&given.bin),
            Self::Status(_) | Self::Details(..) => None,
        }
    }
}

/// Reads a request of the daemon.
pub(super) async fn read(request: Request<Full<Bytes>>, dialect: Dialect) -> Option<Heard> {
    let path = request.uri().path().trim_end_matches('/').to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let x_request_id = request.headers().get("x-request-id")?.to_str().ok()?.to_owned();
    let body = request.into_body().collect().await.ok()?.to_bytes();
    let last = path.rsplit('/').next()?;
    if path.contains("/partner/tradepoints/") {
        return Some(Heard::TradePoints(last.to_owned()));
    }
    if path.contains("/payment/status/") {
        return Some(Heard::Status(last.parse().ok()?));
    }
    if path.ends_with("/payment/details") {
        let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        return Some(Heard::Details(value("QrPaymentId")?.parse().ok()?, value("DeviceToken")?.to_owned()));
    }
    let body: Value = serde_json::from_slice(&body).ok()?;
    let bin = word(&body, "organizationBin")?;
    if path.ends_with("/device/register") {
        return Some(Heard::Register(bin));
    }
    let order = order(&path, &body, dialect)?;
    Some(Heard::Money(Given { order, bin, token: word(&body, "deviceToken")?, x_request_id }))
}

fn order(path: &str, body: &Value, dialect: Dialect) -> Option<Order> {
    let number = || word(body, "QrPaymentId")?.parse().ok();
    let amount = |name| tiyn(dialect, field(body, name)?);
    let create = |kind| Some(Order::Create { kind, amount: amount("amount")? });
    let end = path.split("/v01/").nth(1)?;
    match end {
        "remote/create" => create(Kind::Remote),
        "qr/create-link" => create(Kind::Link),
        "qr/create" => create(Kind::Qr),
        "remote/cancel" => Some(Order::Cancel { number: number()? }),
        "payment/return" => Some(Order::Refund { number: number()?, amount: amount("amount")? }),
        "payment/refund" => Some(Order::Refund { number: number()?, amount: amount("returnAmount")? }),
        _ => None,
    }
}

/// A field in the case of either dialect.
fn field<'v>(body: &'v Value, name: &str) -> Option<&'v Value> {
    let fields = body.as_object()?;
    fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn word(body: &Value, name: &str) -> Option<String> {
    let value = field(body, name)?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// Decimal tenge in the bank's dialect, tiyn in the guide's.
fn tiyn(dialect: Dialect, value: &Value) -> Option<u64> {
    match dialect {
        Dialect::Bank => Amount::from_tenge(&value.to_string()).ok().map(Amount::tiyn),
        Dialect::Guide => value.as_u64(),
    }
}

/// Does what was asked for and says what came of it.
pub(super) fn reply(bank: &mut Bank, heard: &Heard) -> String {
    let data = match heard {
        Heard::TradePoints(bin) => Ok(points(bank.dialect, bin)),
        Heard::Register(bin) => bank.register(bin).map(|token| match bank.dialect {
            Dialect::Bank => format!(r#"{{"DeviceToken":"{token}"}}"#),
            Dialect::Guide => format!(r#"{{"deviceToken":"{token}"}}"#),
        }),
        Heard::Status(number) => bank.status(*number).map(|status| match bank.dialect {
            Dialect::Bank => format!(r#"{{"Status":"{status}"}}"#),
            Dialect::Guide => format!(r#"{{"status":"{status}"}}"#),
        }),
        Heard::Details(number, token) => bank.details(*number, token).map(|(total, left)| {
            let (total, left) = (tenge(total), tenge(left));
            format!(r#"{{"QrPaymentId":{number},"TotalAmount":{total},"AvailableReturnAmount":{left}}}"#)
        }),
        Heard::Money(given) => match bank.carry_out(given, clock::now()) {
            Done::Refused(code) => Err(code),
            Done::Cancelled if bank.dialect == Dialect::Bank => Ok(r#"{"Status":"RemotePaymentCanceled"}"#.to_owned()),
            Done::Cancelled => Ok("{}".to_owned()),
            Done::Returned(id) => Ok(format!(r#"{{"ReturnOperationId":{id}}}"#)),
            Done::Bill(index) => Ok(made(bank, index)),
        },
    };
    match (bank.dialect, data) {
        (Dialect::Bank, Ok(data)) => format!(r#"{{"StatusCode":0,"Data":{data}}}"#),
        (Dialect::Bank, Err(code)) => format!(r#"{{"StatusCode":{code}}}"#),
        (Dialect::Guide, Ok(data)) => format!(r#"{{"status":true,"data":{data}}}"#),
        (Dialect::Guide, Err(code)) => format!(r#"{{"status":false,"data":{{"errors":{{"{code}":"no"}}}}}}"#),
    }
}

fn tenge(tiyn: u64) -> String {
    format!("{}.{:02}", tiyn / 100, tiyn % 100)
}

fn points(dialect: Dialect, bin: &str) -> String {
    let listed = ORGANISATIONS.iter().filter(|(known, _)| *known == bin);
    let points = listed.map(|(_, point)| match dialect {
        Dialect::Bank => format!(r#"{{"TradePointId":{point},"TradePointName":"Main"}}"#),
        Dialect::Guide => format!(r#"{{"id":"{point}","name":"Main"}}"#),
    });
    let points = points.collect::<Vec<_>>().join(",");
    match dialect {
        Dialect::Bank => format!("[{points}]"),
        Dialect::Guide => format!(r#"{{"tradepoints":[{points}]}}"#),
    }
}

fn made(bank: &Bank, index: usize) -> String {
    let bill = &bank.bills[index];
    let (number, every) = (bill.number, POLLING[index % POLLING.len()]);
    let timers = format!(r#""StatusPollingInterval":{every},"PaymentConfirmationTimeout":65"#);
    match (bank.dialect, bill.kind) {
        (Dialect::Bank, Kind::Remote) => format!(r#"{{"QrPaymentId":{number}}}"#),
        (Dialect::Bank, Kind::Link) => format!(
            r#"{{"PaymentLink":"https://pay.example/{number}","PaymentId":{number},"PaymentBehaviorOptions":{{{timers},"LinkActivationWaitTimeout":180}}}}"#
        ),
        (Dialect::Bank, Kind::Qr) => format!(
            r#"{{"QrToken":"{number}","QrPaymentId":{number},"QrPaymentBehaviorOptions":{{{timers},"QrCodeScanWaitTimeout":180}}}}"#
        ),
        (Dialect::Guide, _) => format!(r#"{{"QrPaymentId":"{number}","link":"https://pay.example/{number}"}}"#),
    }
}
