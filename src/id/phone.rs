//! Whom an invoice goes to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{NotAnId, not};

/// A Kazakh mobile number: `+7 701 521-15-45`, `87015211545`, `77015211545` or `7015211545`.
///
/// Kept as its ten national digits; what is sent to Kaspi is `[payments] phone_prefix` and the ten digits.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(with = "String", extend("minLength" = 10, "maxLength" = 32, "pattern" = PHONE, "examples" = ["+7 701 521 15 45"]))
)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// Eleven digits behind a 7 or, without a plus, an 8, or ten that begin with a mobile code, with blanks, brackets and
/// dashes between them.
#[cfg(test)]
const PHONE: &str = concat!(
    r"^(\+[ ()\xa0-]*7|[ ()\xa0-]*[78])([ ()\xa0-]*[0-9]){10}[ ()\xa0-]*$",
    r"|^[ ()\xa0-]*7[ ()\xa0-]*(0[ ()\xa0-]*[0-9]|4[ ()\xa0-]*7|7[ ()\xa0-]*[15678])([ ()\xa0-]*[0-9]){7}[ ()\xa0-]*$"
);

impl PhoneNumber {
    /// The full number as Kaspi wants it, for instance `77015211545` with prefix `7`.
    #[must_use]
    pub fn with_prefix(&self, prefix: char) -> String {
        format!("{prefix}{}", self.0)
    }

    /// For the eyes of whoever has typed it: `+7 701 521 15 45`.
    #[must_use]
    pub fn spelled(&self) -> String {
        let part = |range| self.0.get(range).unwrap_or_default();
        format!("+7 {} {} {} {}", part(0..3), part(3..6), part(6..8), part(8..10))
    }

    /// What may be stored and shown: `7701***1545`.
    #[must_use]
    pub fn masked(&self) -> String {
        let part = |range| self.0.get(range).unwrap_or_default();
        format!("7{}***{}", part(0..3), part(6..10))
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        let wrong = || {
            not(
                "a phone number is a Kazakh mobile number such as +7 701 521 15 45: 11 digits that begin with 7 or 8, or 10 that begin with a mobile code such as 701",
            )
        };
        let international = text.starts_with('+');
        let mut digits: String =
            text.chars().filter(|c| !" ()-\u{a0}".contains(*c)).skip(usize::from(international)).collect();
        if text.chars().count() > 32 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        match (digits.len(), digits.as_bytes().first()) {
            (10, _) if !international && has_mobile_code(&digits) => Ok(Self(digits)),
            (11, Some(b'7')) => Ok(Self(digits.split_off(1))),
            (11, Some(b'8')) if !international => Ok(Self(digits.split_off(1))),
            _ => Err(wrong()),
        }
    }
}

/// The mobile codes of Kazakhstan: 700 to 709, 747, 771, 775 to 778 (architecture §7). Ten digits that begin with another one are
/// eleven of which one is missing, and to complete them would bill a stranger: `7701521154` is no `77015211545`.
fn has_mobile_code(digits: &str) -> bool {
    let code = digits.get(..3).and_then(|code| code.parse::<u16>().ok());
    code.is_some_and(|code| matches!(code, 700..=709 | 747 | 771 | 775..=778))
}

impl FromStr for PhoneNumber {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        Self::try_from(text.to_owned())
    }
}

impl From<PhoneNumber> for String {
    fn from(phone: PhoneNumber) -> String {
        phone.with_prefix('7')
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber({})", self.masked())
    }
}
