//! How single values are read.

use crate::money::{Amount, NotAnAmount};

/// Tenge, `150` or `150.50`, more than nothing.
pub(in crate::ctl) fn amount(text: &str) -> Result<Amount, String> {
    // The bank's decimals may have an exponent; people who type one have made a mistake.
    if text.contains(['e', 'E']) {
        return Err(NotAnAmount::Malformed.to_string());
    }
    match Amount::from_tenge(text) {
        Ok(amount) if amount.is_zero() => Err("an amount is more than 0".to_owned()),
        Ok(amount) => Ok(amount),
        Err(_) if text.starts_with('-') => Err("an amount is more than 0".to_owned()),
        Err(error @ NotAnAmount::Malformed) if text.contains(',') => Err(format!("{error}, with a point")),
        Err(error) => Err(error.to_string()),
    }
}

/// An answer to a question that has two.
pub(in crate::ctl) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("answer yes or no".to_owned()),
    }
}

/// A page's size.
pub(in crate::ctl) fn limit(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(limit @ 1..=1000) => Ok(limit),
        _ => Err("a page has 1 to 1000 rows".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

    use super::*;

    #[test]
    fn amounts_are_tenge_and_more_than_nothing() {
        assert_eq!(amount("150.50").unwrap().tiyn(), 15_050);
        assert_eq!(amount("150").unwrap().tiyn(), 15_000);
        for text in ["0", "0.00", "-1", "1.005", "150,50", "100000000", ""] {
            assert!(amount(text).is_err(), "{text}");
        }
        assert!(amount("150,50").unwrap_err().ends_with("with a point"));
    }

    #[test]
    fn pages_have_a_size() {
        assert_eq!(limit("1000"), Ok(1000));
        assert!(limit("0").is_err() && limit("1001").is_err() && limit("many").is_err());
    }
}
