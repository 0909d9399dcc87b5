//! The gate: the only place where an answer of Kaspi becomes a value, a refusal or "may have happened"
//! (wire §7). A readable envelope decides, whatever the HTTP code.

use crate::domain::Dialect;
use crate::message::{shortened, without_phones};

use super::connection::HttpAnswer;
use super::error::{CallError, Provider, Refusal, RefusalKind, unreadable};
use super::fields::{self, JsonFields};

/// The call an answer belongs to. Of two it changes what an answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallKind {
    /// The read that settles which dialect the bank speaks.
    TradePoints,
    Register,
    DeleteDevice,
    Create,
    Status,
    Details,
    Cancel,
    /// −99000006 asks to try a refund again: it may have happened.
    Refund,
    Payer,
    Ping,
}

impl CallKind {
    /// In the order of their definition, which is their place in [`super::record::Record`].
    pub(super) const ALL: [Self; 10] = [
        Self::TradePoints,
        Self::Register,
        Self::DeleteDevice,
        Self::Create,
        Self::Status,
        Self::Details,
        Self::Cancel,
        Self::Refund,
        Self::Payer,
        Self::Ping,
    ];

    /// As a label.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::TradePoints => "trade_points",
            Self::Register => "register",
            Self::DeleteDevice => "delete_device",
            Self::Create => "create",
            Self::Status => "status",
            Self::Details => "details",
            Self::Cancel => "cancel",
            Self::Refund => "refund",
            Self::Payer => "payer",
            Self::Ping => "ping",
        }
    }
}

/// The `data` of a success, as raw JSON; `None` where the call gives none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Success<'a> {
    /// Which envelope it came in.
    pub(super) dialect: Dialect,
    /// What is inside.
    pub(super) data: Option<&'a str>,
}

impl<'a> Success<'a> {
    /// The `data` as an object.
    pub(super) fn object(&self) -> Option<JsonFields<'a>> {
        JsonFields::read(self.data?)
    }
}

/// What an envelope says.
enum Envelope<'a> {
    Value(Success<'a>),
    /// Never empty: an answer that says no without a reason carries one `(None, None)`.
    Errors(Dialect, Vec<Provider>),
}

/// Judges an answer to a call made in `dialect`; `None` takes either and tells which.
pub(super) fn judge(answer: &HttpAnswer, call: CallKind, dialect: Option<Dialect>) -> Result<Success<'_>, CallError> {
    let body = std::str::from_utf8(&answer.body).ok();
    // .NET begins a text with a byte order mark where nobody stops it.
    let envelope = body.map(|body| body.strip_prefix('\u{feff}').unwrap_or(body)).and_then(read);
    let Some(envelope) = envelope else {
        return Err(undecided(unreadable(answer.http), None));
    };
    let (found, result) = match envelope {
        Envelope::Value(success) => (success.dialect, Ok(success)),
        Envelope::Errors(found, errors) => (found, Err(refused(found, errors, call))),
    };
    match dialect {
        Some(expected) if expected != found => Err(foreign(call, found, result)),
        _ => result,
    }
}

/// An answer that decides nothing.
pub(super) fn undecided(why: impl Into<String>, provider: Option<Provider>) -> CallError {
    CallError::MayHaveHappened { why: why.into(), provider }
}

/// A success whose `data` lacks what the call must give.
pub(super) fn incomplete(what: &str) -> CallError {
    undecided(format!("Kaspi reports success without {what}"), None)
}

/// An envelope of the other dialect. Only where nothing but the dialect is at stake does it settle anything, and
/// not if all it says is "error": any gateway on the way could have written that.
fn foreign(call: CallKind, found: Dialect, result: Result<Success<'_>, CallError>) -> CallError {
    let provider = match result {
        Ok(_) | Err(CallError::Refused(_)) if call == CallKind::TradePoints => return CallError::OtherDialect(found),
        Err(CallError::Refused(Refusal { code, text, .. })) => Some((code, text)),
        Err(CallError::MayHaveHappened { provider, .. }) => provider,
        Ok(_) | Err(_) => None,
    };
    undecided(format!("the answer came in the {found} dialect"), provider)
}

fn read(body: &str) -> Option<Envelope<'_>> {
    let envelope = JsonFields::read(body)?;
    match (envelope.raw("StatusCode"), envelope.raw("status").filter(|raw| matches!(*raw, "true" | "false"))) {
        (Some(code), None) => bank(&envelope, code.parse().ok()?),
        (None, Some(status)) => guide(&envelope, status == "true"),
        // Neither is no envelope; both could be read either way.
        _ => None,
    }
}

fn bank<'a>(envelope: &JsonFields<'a>, code: i64) -> Option<Envelope<'a>> {
    if code == 0 {
        return Some(Envelope::Value(Success { dialect: Dialect::Bank, data: envelope.raw("Data") }));
    }
    // The test endpoints spell it `message` (wire §3).
    let text = envelope.raw_in_any_case("message").and_then(fields::text);
    Some(Envelope::Errors(Dialect::Bank, vec![(Some(code), worded(text))]))
}

fn guide<'a>(envelope: &JsonFields<'a>, ok: bool) -> Option<Envelope<'a>> {
    let data = envelope.raw("data");
    let said = envelope.text("error").or_else(|| {
        // Beside a success it is a greeting.
        envelope.raw_in_any_case("message").filter(|_| !ok).and_then(fields::text)
    });
    let mut errors: Vec<Provider> = said.map(|text| (None, worded(Some(text)))).into_iter().collect();
    if let Some(listed) = data.and_then(JsonFields::read).and_then(|data| data.raw("errors")) {
        // PHP writes an empty map as an array.
        match JsonFields::read(listed) {
            Some(listed) => {
                errors.extend(listed.present().map(|(code, raw)| (code.parse().ok(), worded(fields::text(raw)))))
            }
            None if listed != "[]" => return None,
            None => {}
        }
    }
    match (ok, errors.is_empty()) {
        (true, true) => Some(Envelope::Value(Success { dialect: Dialect::Guide, data })),
        // "Done" and an error at once: not readable as either.
        (true, false) => None,
        (false, true) => Some(Envelope::Errors(Dialect::Guide, vec![(None, None)])),
        (false, false) => Some(Envelope::Errors(Dialect::Guide, errors)),
    }
}

/// A provider's text as it may be shown: one line, without phones, as long as the log keeps it, not empty.
fn worded(text: Option<String>) -> Option<String> {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    let text: String = text?.trim().chars().map(shown).collect();
    // Masked before it is cut: half a phone number is one nobody would find.
    Some(shortened(&without_phones(&text)).to_owned()).filter(|text| !text.is_empty())
}

/// A refusal if every reason given is a listed one; otherwise something else happened too.
fn refused(dialect: Dialect, errors: Vec<Provider>, call: CallKind) -> CallError {
    let mut kind = None;
    for (code, text) in &errors {
        let by_text = || kind_of_text(text.as_deref()?, call).filter(|_| dialect == Dialect::Guide);
        let found = match *code {
            Some(code) if decides_nothing(code, call) => None,
            Some(code) => kind_of_code(code).or_else(by_text),
            None => by_text(),
        };
        if found.is_none() && code.is_some_and(|code| decides_nothing(code, call)) {
            return undecided("Kaspi gives a reason that decides nothing", Some((*code, text.clone())));
        }
        match (found, kind) {
            (None, _) => {
                let why = "Kaspi gives a reason that is on no list";
                return undecided(why, Some((*code, text.clone())));
            }
            (found, None) => kind = found,
            (Some(_), Some(_)) => {}
        }
    }
    match (kind, errors.into_iter().next()) {
        (Some(kind), Some((code, text))) => CallError::Refused(Refusal { kind, code, text }),
        _ => undecided("Kaspi says no without a reason", None),
    }
}

/// Codes that ask to try again: what they are said of may have happened.
fn decides_nothing(code: i64, call: CallKind) -> bool {
    code == -999 || (code == -99_000_006 && call == CallKind::Refund)
}

/// Every code of wire §6: those that are counted by themselves.
pub(super) const CODES: [i64; 25] = [
    -999,
    -1_401,
    -1_404,
    -1_501,
    -1_502,
    -1_503,
    -1_601,
    -10_000,
    -101_001,
    -14_000_002,
    -99_000_001,
    -99_000_002,
    -99_000_003,
    -99_000_005,
    -99_000_006,
    -99_000_011,
    -99_000_020,
    99_000_010,
    990_000_018,
    990_000_026,
    990_000_028,
    990_000_029,
    990_000_031,
    990_000_032,
    990_000_033,
];

/// Every code of wire §6 except −999. The number decides, not the text, which is optional and differs.
fn kind_of_code(code: i64) -> Option<RefusalKind> {
    Some(match code {
        -10_000 => RefusalKind::ClientCertificate,
        -1_501 => RefusalKind::DeviceTokenInvalid,
        -1_502 => RefusalKind::DeviceInactive,
        -1_503 => RefusalKind::DeviceElsewhere,
        -1_601 | -99_000_001 => RefusalKind::PaymentNotFound,
        -14_000_002 => RefusalKind::OrganizationNotRegistered,
        -99_000_002 => RefusalKind::TradePointMissing,
        -99_000_003 => RefusalKind::WrongTradePoint,
        -99_000_005 => RefusalKind::ExceedsBalance,
        -99_000_011 => RefusalKind::NotRefundable,
        -99_000_020 => RefusalKind::PartialImpossible,
        990_000_018 => RefusalKind::TradePointInactive,
        990_000_026 => RefusalKind::CannotTakeQr,
        990_000_028 => RefusalKind::WrongAmount,
        990_000_033 => RefusalKind::NoPaymentMethods,
        -99_000_006 | -1_401 | -1_404 | 990_000_029 | 990_000_031 | 990_000_032 | 99_000_010 | -101_001 => {
            RefusalKind::Other
        }
        _ => return None,
    })
}

/// The bank's own words for its codes, in lower case: where the guide's dialect has no numbers, it may have these.
const TEXTS: [(&str, i64); 18] = [
    ("сервис временно недоступен", -999),
    ("отсутствует сертификат клиента", -10_000),
    ("устройство с заданным идентификатором не найдено", -1_501),
    ("устройство не активно (отключено или удалено)", -1_502),
    ("устройство уже добавлено в другую торговую точку", -1_503),
    ("покупка не найдена", -1_601),
    ("отсутствуют торговые точки, необходимо создать торговую точку в приложении kaspi pay", -14_000_002),
    ("покупка с заданным идентификатором не найдена", -99_000_001),
    ("торговая точка не найдена", -99_000_002),
    ("торговая точка покупки не соответствует текущему устройству", -99_000_003),
    ("сумма возврата не может превышать сумму покупки", -99_000_005),
    ("ошибка возврата, необходимо попробовать еще раз и при повторении ошибки обратиться в банк", -99_000_006),
    ("невозможно вернуть покупку (несоответствующий статус покупки)", -99_000_011),
    ("частичный возврат невозможен", -99_000_020),
    ("торговая точка отключена", 990_000_018),
    ("торговая точка не принимает оплату с qr", 990_000_026),
    ("указана неверная сумма операции", 990_000_028),
    ("нет доступных методов оплаты", 990_000_033),
];

/// The guide's "Troubleshooting" texts, and the bank's word for word: they mean what their codes mean.
fn kind_of_text(text: &str, call: CallKind) -> Option<RefusalKind> {
    let text = text.trim().trim_end_matches('.').to_lowercase();
    if let Some((_, code)) = TEXTS.iter().find(|(listed, _)| *listed == text) {
        return kind_of_code(*code).filter(|_| !decides_nothing(*code, call));
    }
    Some(match text.as_str() {
        "организация не зарегистрирована в kaspi pay" => {
            RefusalKind::OrganizationNotRegistered
        }
        "invalid devicetoken" => RefusalKind::DeviceTokenInvalid,
        "trade point is not active" => RefusalKind::TradePointInactive,
        _ => return None,
    })
}

#[cfg(test)]
#[path = "tests/gate.rs"]
mod tests;
