//! Why a call to Kaspi gave no value: what surely did not happen, what may have, and who refused.

use crate::domain::Dialect;
use crate::id::BankUrl;

/// How a call failed. The four outcomes of wire §7 are `Ok`, [`CallError::Refused`],
/// [`CallError::NeverSent`] and [`CallError::MayHaveHappened`]; no text in here carries a token or a phone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Kaspi said no: nothing happened.
    #[error("Kaspi refuses: {0}")]
    Refused(Refusal),
    /// No byte of the request reached Kaspi: nothing happened, and the same call may be made again.
    #[error("Kaspi could not be reached: {why}")]
    NeverSent {
        /// What stood in the way, and what to do where that is known.
        why: String,
        /// Kaspi refused our certificate: trying again does not help.
        certificate: bool,
    },
    /// The request went out and no answer that decides came back. For a read: "could not ask".
    #[error("it is not known whether it happened: {why}")]
    MayHaveHappened {
        /// What came instead of an answer.
        why: String,
        /// Code and text of an answer that is on no list, kept raw.
        provider: Option<Provider>,
    },
    /// The dialect has no such call; nothing was sent.
    #[error("the bank of this organisation has no such call")]
    NotInDialect,
    /// What was to be asked about is of another bank than the one we speak to; nothing was sent.
    #[error("it is of the bank at {0}")]
    OtherBank(BankUrl),
    /// A trade-point answer in the other dialect than the expected one.
    #[error("the bank answers in the {0} dialect now")]
    OtherDialect(Dialect),
}

/// Said of an answer that no envelope can be read from.
pub(super) fn unreadable(http: u16) -> String {
    let said = format!("HTTP {http} came without a readable envelope");
    match http {
        401 | 403 | 407 | 451 | 511 => format!(
            "{said}: the page of a firewall or proxy on the way, or of a bank that does not know this machine's address"
        ),
        _ => said,
    }
}

impl CallError {
    /// Whether the server has no such path, by its HTTP code: it has read the request all the same.
    #[must_use]
    pub fn is_no_such_path(&self) -> bool {
        matches!(self, Self::MayHaveHappened { why, provider: None } if [404, 405].iter().any(|http| *why == unreadable(*http)))
    }

    /// The same, should Kaspi's text repeat a secret of the request.
    pub(super) fn without(mut self, secret: Option<&str>) -> Self {
        let text = match &mut self {
            Self::Refused(refusal) => refusal.text.as_mut(),
            Self::MayHaveHappened { provider: Some((_, text)), .. } => text.as_mut(),
            Self::MayHaveHappened { provider: None, .. }
            | Self::NeverSent { .. }
            | Self::NotInDialect
            | Self::OtherBank(_)
            | Self::OtherDialect(_) => None,
        };
        if let (Some(text), Some(secret)) = (text, secret.filter(|secret| !secret.is_empty())) {
            *text = text.replace(secret, "[redacted]");
            // A text that was cut may end with the beginning of it.
            let cut = (TELLING..secret.len()).rev().filter_map(|length| secret.get(..length));
            if let Some(begun) = cut.into_iter().find(|begun| text.ends_with(begun)) {
                text.truncate(text.len() - begun.len());
                text.push_str("[redacted]");
            }
        }
        self
    }
}

/// So much of the beginning of a secret tells something of it.
const TELLING: usize = 4;

/// Kaspi's own code and text.
pub type Provider = (Option<i64>, Option<String>);

/// A refusal of Kaspi, or one it would surely make, found before sending (then `code` is `None`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What to do about it.
    pub kind: RefusalKind,
    /// Kaspi's StatusCode.
    pub code: Option<i64>,
    /// Kaspi's own words.
    pub text: Option<String>,
}

impl Refusal {
    /// Refused here, because Kaspi could not but refuse it.
    pub(super) fn ours(kind: RefusalKind, text: impl Into<String>) -> CallError {
        CallError::Refused(Refusal { kind, code: None, text: Some(text.into()) })
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.text, self.code) {
            (Some(text), Some(code)) => write!(f, "{text} ({code})"),
            (Some(text), None) => f.write_str(text),
            (None, Some(code)) => write!(f, "code {code} ({:?})", self.kind),
            (None, None) => write!(f, "{:?}", self.kind),
        }
    }
}

/// The class of reaction to a refusal (wire §6, the guide's troubleshooting).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// −1501, "Invalid deviceToken": register the device again, then once more.
    DeviceTokenInvalid,
    /// −1502: the device was switched off or deleted; register again, and tell a person.
    DeviceInactive,
    /// −1503: the DeviceId stands at another trade point. Never repeat by itself.
    DeviceElsewhere,
    /// −14000002, "Организация не зарегистрирована в Kaspi Pay": the merchant acts.
    OrganizationNotRegistered,
    /// 990000018, "Trade point is not active": the merchant acts; look the trade points up again.
    TradePointInactive,
    /// −99000002: look the trade points up again.
    TradePointMissing,
    /// −1601, −99000001: no such payment.
    PaymentNotFound,
    /// −99000003: the device stands at another trade point than the payment.
    WrongTradePoint,
    /// −99000005: more than is left of the payment.
    ExceedsBalance,
    /// −99000011: not paid, or already paid back.
    NotRefundable,
    /// −99000020: only the whole payment can be paid back.
    PartialImpossible,
    /// 990000028: the amount is wrong.
    WrongAmount,
    /// −10000: Kaspi sees no client certificate. Affects every organisation.
    ClientCertificate,
    /// 990000026: the trade point takes no QR payments.
    CannotTakeQr,
    /// 990000033: the customer or merchant has no way to pay.
    NoPaymentMethods,
    /// Listed without a text.
    Other,
    /// Kaspi registered a device and gave the token that stands for another (BIN, trade point) here.
    TokenOfAnother,
}
