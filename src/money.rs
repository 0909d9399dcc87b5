//! Exact amounts. One unit inside and on the socket: the tiyn, 1/100 tenge (the guide says "kopecks").
//!
//! No amount passes through a binary float: people type and read tenge text, the bank's dialect gets
//! and gives a JSON decimal that is read digit by digit.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount of money in tiyn, a hundred of which are a tenge: 10000 is 100 tenge. At most 99 999 999.99 tenge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(extend("maximum" = Self::LIMIT.0, "examples" = [10000]))
)]
#[serde(try_from = "u64", into = "u64")]
pub struct Amount(u64);

/// Why a text or number is not an [`Amount`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAmount {
    /// Not digits with an optional fraction.
    #[error("not an amount: write tenge as 150 or 150.50")]
    Malformed,
    /// More than two digits behind the point, and not zeros.
    #[error("an amount has at most two digits behind the point (1 tiyn is 0.01 tenge)")]
    Fraction,
    /// Above [`Amount::LIMIT`].
    #[error("an amount is at most 99999999.99 tenge")]
    TooLarge,
}

impl Amount {
    /// 99 999 999.99 tenge, the largest amount any public source names for Kaspi (wire §5).
    pub const LIMIT: Amount = Amount(9_999_999_999);
    /// Nothing.
    pub const ZERO: Amount = Amount(0);

    /// An amount of `tiyn`.
    ///
    /// # Errors
    /// [`NotAnAmount::TooLarge`] above [`Amount::LIMIT`].
    pub fn from_tiyn(tiyn: u64) -> Result<Self, NotAnAmount> {
        if tiyn > Self::LIMIT.0 { Err(NotAnAmount::TooLarge) } else { Ok(Self(tiyn)) }
    }

    /// The amount in tiyn.
    #[must_use]
    pub fn tiyn(self) -> u64 {
        self.0
    }

    /// True for no money at all.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or `None` above the limit.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        Self::from_tiyn(self.0.checked_add(other.0)?).ok()
    }

    /// The difference, or `None` below zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Reads tenge as people and the bank write it: `150`, `150.5`, `150.50`, `1.5E2`.
    ///
    /// # Errors
    /// [`NotAnAmount`] for anything that is not a decimal number of whole tiyn within the limit.
    pub fn from_tenge(text: &str) -> Result<Self, NotAnAmount> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            None => (text, 0),
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().map_err(|_| NotAnAmount::Malformed)?),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            None => (mantissa, ""),
            Some((_, "")) => return Err(NotAnAmount::Malformed),
            Some(parts) => parts,
        };
        let digits = format!("{whole}{fraction}");
        if whole.is_empty() || digits.len() > 64 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NotAnAmount::Malformed);
        }
        // digits * 10^shift is the amount in tiyn.
        let shift = i64::from(exponent) + 2 - i64::try_from(fraction.len()).map_err(|_| NotAnAmount::Malformed)?;
        scale(digits.trim_start_matches('0'), shift)
    }

    /// The bank dialect's decimal tenge: `100` for whole tenge, else two digits, `150.50`.
    #[must_use]
    pub fn to_tenge(self) -> String {
        match self.0 % 100 {
            0 => format!("{}", self.0 / 100),
            tiyn => format!("{}.{tiyn:02}", self.0 / 100),
        }
    }
}

/// `digits * 10^shift` as an amount; digits that would be cut off must be zeros.
fn scale(digits: &str, shift: i64) -> Result<Amount, NotAnAmount> {
    if digits.is_empty() {
        return Ok(Amount::ZERO);
    }
    let moved = usize::try_from(shift.unsigned_abs()).map_err(|_| NotAnAmount::Malformed)?;
    let text = if shift >= 0 {
        if digits.len() + moved > 19 {
            return Err(NotAnAmount::TooLarge);
        }
        format!("{digits}{}", "0".repeat(moved))
    } else {
        let (kept, cut) = digits.split_at(digits.len().saturating_sub(moved));
        if cut.bytes().any(|b| b != b'0') {
            return Err(NotAnAmount::Fraction);
        }
        kept.to_owned()
    };
    Amount::from_tiyn(text.parse().map_err(|_| NotAnAmount::TooLarge)?)
}

impl TryFrom<u64> for Amount {
    type Error = NotAnAmount;
    fn try_from(tiyn: u64) -> Result<Self, NotAnAmount> {
        Self::from_tiyn(tiyn)
    }
}

impl From<Amount> for u64 {
    fn from(amount: Amount) -> u64 {
        amount.0
    }
}

/// For people: `12 500.50 ₸`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tenge(self.0, f)
    }
}

fn tenge(tiyn: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let whole = (tiyn / 100).to_string();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            f.write_str("\u{a0}")?;
        }
        write!(f, "{digit}")?;
    }
    write!(f, ".{:02}\u{a0}₸", tiyn % 100)
}

/// A sum of amounts in tiyn. It has no limit of one payment, and is below zero where more went back than came in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Total(i64);

impl Total {
    /// Nothing.
    pub const ZERO: Total = Total(0);

    /// A total of so many tiyn.
    #[must_use]
    pub fn from_tiyn(tiyn: i64) -> Self {
        Self(tiyn)
    }

    /// The total in tiyn.
    #[must_use]
    pub fn tiyn(self) -> i64 {
        self.0
    }

    /// True for no money at all.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// With one more amount, or `None` beyond 64 bits.
    #[must_use]
    pub fn with(self, amount: Amount) -> Option<Self> {
        self.0.checked_add_unsigned(amount.0).map(Self)
    }

    /// Both together, or `None` beyond 64 bits.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or `None` beyond 64 bits.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl Total {
    /// For tables: `-12500.50`, with two digits behind the point.
    #[must_use]
    pub fn to_tenge(self) -> String {
        let (sign, tiyn) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        format!("{sign}{}.{:02}", tiyn / 100, tiyn % 100)
    }
}

/// For people: `-12 500.50 ₸`.
impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 0 {
            f.write_str("-")?;
        }
        tenge(self.0.unsigned_abs(), f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Tenge text and back is exact from 1 tiyn to the limit.
        #[test]
        fn tenge_round_trips(tiyn in 1..=Amount::LIMIT.tiyn()) {
            let amount = Amount::from_tiyn(tiyn).unwrap();
            prop_assert_eq!(Amount::from_tenge(&amount.to_tenge()), Ok(amount));
            prop_assert_eq!(Amount::from_tenge(&format!("{}.{:02}", tiyn / 100, tiyn % 100)), Ok(amount));
            prop_assert_eq!(Amount::from_tenge(&format!("{tiyn}e-2")), Ok(amount));
        }

        /// Whatever the text, the answer is an amount or an error, never a panic and never a rounded amount.
        #[test]
        fn any_text_is_judged(text in "[0-9.eE+-]{0,24}") {
            if let Ok(amount) = Amount::from_tenge(&text) {
                prop_assert!(amount <= Amount::LIMIT);
            }
        }
    }

    #[test]
    fn the_bank_gets_decimal_tenge() {
        assert_eq!(Amount(10_000).to_tenge(), "100");
        assert_eq!(Amount(15_050).to_tenge(), "150.50");
        assert_eq!(Amount(1).to_tenge(), "0.01");
    }

    #[test]
    fn decimals_of_every_writer_are_read() {
        for (text, tiyn) in
            [("200.00", 20_000), ("11.0", 1_100), ("1.0E7", 1_000_000_000), ("0", 0), ("0.01", 1), ("7.000", 700)]
        {
            assert_eq!(Amount::from_tenge(text).map(Amount::tiyn), Ok(tiyn), "{text}");
        }
        for text in ["", "-1", "+1", "1.", ".5", "0.001", "1,5", "1e", "NaN", "1e99", "100000000", "٣"] {
            assert!(Amount::from_tenge(text).is_err(), "{text}");
        }
    }

    #[test]
    fn people_read_tenge() {
        assert_eq!(Amount(1_250_050).to_string(), "12\u{a0}500.50\u{a0}₸");
        assert_eq!(Amount(5).to_string(), "0.05\u{a0}₸");
    }
}
