//! The wire between the daemon and the bank, and all that goes wrong on it. Requests are read and answers written
//! here in both dialects; whether an answer is believed is the daemon's own code.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use serde_json::Value;
use tokio::time::sleep;

use super::bank::{Bank, Done, Given, ORGANISATIONS, Order};
use super::chance::Chance;
use super::clock;
use super::fate::{self, note, step};
use crate::kaspi::{Failed, Wire, WireAnswer};
use crate::money::Amount;
use crate::operation::{Dialect, Kind};

/// A request as read.
enum Heard {
    TradePoints(String),
    Register(String),
    Money(Given),
    Status(u64),
    Details(u64, String),
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// No connection: surely not sent.
    Unsent,
    /// Lost before the bank; the connection breaks, or nothing more is heard.
    Lost {
        silent: bool,
    },
    /// Waits on its way, and is carried out after nobody waits for its answer any more.
    Late,
    /// Done, and the answer lost.
    Unheard {
        silent: bool,
    },
    /// Done, and answered so that nobody can tell.
    Garbled(&'static str),
    /// Not done, and answered the same way.
    Refused(&'static str),
    /// The device is forgotten first.
    Forgotten,
}

const GARBLED: [&str; 6] =
    ["", "<html>502</html>", "{", r#"{"StatusCode":0}"#, r#"{"StatusCode":-999}"#, r#"{"StatusCode":-777}"#];
const TRY_AGAIN: &str = r#"{"StatusCode":-99000006,"Message":"error"}"#;

/// The bank behind the wire; a cheap handle.
#[derive(Clone)]
pub(super) struct Line(Arc<Mutex<(Bank, Troubles)>>);

/// How much goes wrong.
struct Troubles {
    chance: Chance,
    /// In percent, of calls of each kind: reads, creates, cancels, refunds, balances.
    rates: [u64; 5],
}

impl Troubles {
    fn new(mut chance: Chance) -> Self {
        let usual = chance.one_of(&[0, 2, 5, 10, 25]);
        let mut rates = [usual; 5];
        if chance.percent(60) {
            rates[chance.below(5) as usize] = chance.one_of(&[20, 50, 80]);
        }
        Self { chance, rates }
    }

    fn pick(&mut self, heard: &Heard) -> Fault {
        let kind = match heard {
            Heard::TradePoints(_) | Heard::Register(_) | Heard::Status(_) => 0,
            Heard::Money(Given { order: Order::Create { .. }, .. }) => 1,
            Heard::Money(Given { order: Order::Cancel { .. }, .. }) => 2,
            Heard::Money(Given { order: Order::Refund { .. }, .. }) => 3,
            Heard::Details(..) => 4,
        };
        if !self.chance.percent(self.rates[kind]) {
            return Fault::None;
        }
        let silent = self.chance.percent(50);
        // An envelope of the other dialect there is a bank that has changed, which is another story.
        let is_of_points = matches!(heard, Heard::TradePoints(_));
        let garbled = if is_of_points {
            GARBLED[0]
        } else if kind == 3 && silent {
            TRY_AGAIN
        } else {
            self.chance.one_of(&GARBLED)
        };
        match self.chance.below(100) {
            0..10 => Fault::Unsent,
            10..30 => Fault::Lost { silent },
            30..50 if matches!(heard, Heard::Money(_)) => Fault::Late,
            30..70 => Fault::Unheard { silent },
            70..85 => Fault::Garbled(garbled),
            85..95 => Fault::Refused(garbled),
            _ => Fault::Forgotten,
        }
    }
}

impl Line {
    pub(super) fn new(bank: Bank, chance: Chance) -> Self {
        Self(Arc::new(Mutex::new((bank, Troubles::new(chance)))))
    }

    fn both(&self) -> MutexGuard<'_, (Bank, Troubles)> {
        self.0.lock().unwrap()
    }

    /// Looks at the bank's books as they stand now.
    pub(super) fn look<T>(&self, look: impl FnOnce(&mut Bank) -> T) -> T {
        let bank = &mut self.both().0;
        bank.catch_up();
        look(bank)
    }

    /// How much goes wrong from now on, in percent of each kind of call; gives what it was.
    pub(super) fn set_rates(&self, rates: [u64; 5]) -> [u64; 5] {
        std::mem::replace(&mut self.both().1.rates, rates)
    }

    /// For the daemon.
    pub(super) fn wire(&self) -> Wire {
        let line = self.clone();
        Arc::new(move |request| {
            let line = line.clone();
            Box::pin(async move {
                let answer = line.converse(request).await;
                if fate::is_dead() { pending().await } else { answer }
            })
        })
    }

    async fn converse(self, request: Request<Full<Bytes>>) -> Result<WireAnswer, Failed> {
        let path = request.uri().path().to_owned();
        let dialect = self.both().0.dialect;
        let heard = read(request, dialect).await.unwrap_or_else(|| panic!("the bank cannot read {path}"));
        let (fault, there, back) = {
            let (bank, troubles) = &mut *self.both();
            let travel = |chance: &mut Chance| Duration::from_millis(chance.magnitude(10, 2_000));
            let (fault, there, back) =
                (troubles.pick(&heard), travel(&mut troubles.chance), travel(&mut troubles.chance));
            if fault == Fault::Forgotten {
                bank.forget(heard.bin().unwrap_or_default());
            }
            (fault, there, back)
        };
        note(|| format!("{path}: {fault:?}"));
        if fault == Fault::Unsent {
            return Err(Failed::unsent("no connection"));
        }
        step("wire.sent");
        sleep(there).await;
        if fate::is_dead() {
            return pending().await;
        }
        match fault {
            Fault::Lost { silent: true } => return pending().await,
            Fault::Lost { silent: false } => return Err(Failed::Lost("cut".to_owned())),
            Fault::Refused(body) => return Ok(answer(502, body.to_owned())),
            Fault::Late => {
                if let Heard::Money(given) = heard {
                    self.look(|bank| bank.later(given));
                }
                return pending().await;
            }
            _ => {}
        }
        let body = self.look(|bank| reply(bank, &heard));
        note(|| format!("{path}: {body}"));
        step("wire.done");
        sleep(back).await;
        step("wire.answered");
        match fault {
            Fault::Unheard { silent: true } => pending().await,
            Fault::Unheard { silent: false } => Err(Failed::Lost("cut".to_owned())),
            Fault::Garbled(garbled) => Ok(answer(200, garbled.to_owned())),
            _ => Ok(answer(200, body)),
        }
    }
}

impl Heard {
    fn bin(&self) -> Option<&str> {
        match self {
            Self::TradePoints(bin) | Self::Register(bin) => Some(bin),
            Self::Money(given) => Some(&given.bin),
            Self::Status(_) | Self::Details(..) => None,
        }
    }
}

fn answer(http: u16, body: String) -> WireAnswer {
    WireAnswer { http, date: Some(clock::bank()), body: Bytes::from(body) }
}

async fn read(request: Request<Full<Bytes>>, dialect: Dialect) -> Option<Heard> {
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

fn reply(bank: &mut Bank, heard: &Heard) -> String {
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
    let (number, timers) = (bill.number, r#""StatusPollingInterval":5,"PaymentConfirmationTimeout":65"#);
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
