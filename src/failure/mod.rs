//! How an operation fails: typed, with whether money moved, and a remedy. No failure leaves it open what the caller is to
//! do next, and each code has its words in one catalogue ([`texts`], [`cashier`]).

mod cashier;
mod code;
pub mod texts;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use cashier::{Cashier, NEVER_SHOWN, cashier};
use code::usual;
pub use code::{Code, Money};

use crate::domain::TradePoint;
use crate::id::{OrganizationBin, PaymentId, RequestKey};
use crate::language::Language;

/// Why an operation was not carried out. Built by [`Failure::new`] and the `with_` methods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What went wrong.
    pub code: Code,
    /// Whether money moved.
    pub money: Money,
    /// The same request with the same key cannot double anything and may succeed later.
    pub retryable: bool,
    /// What exactly, in one sentence, without secrets.
    pub detail: String,
    /// What to do, where the catalogue's sentence for the code is not exact enough.
    pub hint: Option<String>,
    /// Kaspi's StatusCode.
    pub provider_code: Option<i64>,
    /// Kaspi's own words.
    pub provider_message: Option<String>,
    /// The caller's key.
    pub request_key: Option<RequestKey>,
    /// The payment it is about.
    pub payment: Option<PaymentId>,
    /// The organisation it is about.
    pub organization_bin: Option<OrganizationBin>,
    /// What to choose from, for `trade_point_choice`.
    pub trade_points: Vec<TradePoint>,
    /// When to try again, where that is known exactly: the door's `Retry-After`. It is no part of a frame, so a
    /// `detail` says it too.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure with the usual `money` and `retryable` of its code.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let (money, retryable) = usual(code);
        Self {
            code,
            money,
            retryable,
            detail: detail.into(),
            hint: None,
            provider_code: None,
            provider_message: None,
            request_key: None,
            payment: None,
            organization_bin: None,
            trade_points: Vec::new(),
            retry_after: None,
        }
    }

    /// [`Code::InvalidRequest`].
    #[must_use]
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, detail)
    }

    /// [`Code::NotFound`].
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Code::NotFound, detail)
    }

    /// Says otherwise whether money moved.
    #[must_use]
    pub fn with_money(mut self, money: Money) -> Self {
        self.money = money;
        self
    }

    /// Says otherwise whether the same request may be sent again.
    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.retryable = retryable;
        self
    }

    /// A remedy more exact than the catalogue's.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Names the payment.
    #[must_use]
    pub fn with_payment(mut self, payment: PaymentId) -> Self {
        self.payment = Some(payment);
        self
    }

    /// Names the organisation.
    #[must_use]
    pub fn with_bin(mut self, bin: &OrganizationBin) -> Self {
        self.organization_bin = Some(bin.clone());
        self
    }

    /// Adds what Kaspi said.
    #[must_use]
    pub fn with_provider(mut self, code: Option<i64>, message: Option<String>) -> Self {
        self.provider_code = code;
        self.provider_message = message;
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn with_retry_after(mut self, rest: Duration) -> Self {
        self.retry_after = Some(rest);
        self
    }

    /// What to do, for people.
    #[must_use]
    pub fn remedy(&self) -> String {
        self.remedy_in(Language::English)
    }

    /// The same in the reader's language, but for what is more exact than the catalogue, which has one.
    #[must_use]
    pub fn remedy_in(&self, language: Language) -> String {
        self.hint.clone().unwrap_or_else(|| {
            let bin = self.organization_bin.as_ref().map_or("BIN", OrganizationBin::as_str);
            let payment = self.payment.map_or_else(|| "PAYMENT".to_owned(), |id| id.to_string());
            texts::of(self.code).remedy.told(language).replace("{bin}", bin).replace("{payment}", &payment)
        })
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.word(), self.detail)
    }
}

impl std::error::Error for Failure {}
