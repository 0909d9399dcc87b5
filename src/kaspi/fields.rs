//! A JSON object read key by key, with every number still in the bank's own digits.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::id::QrPaymentId;
use crate::money::Amount;

/// An object of a reply. A key that stands twice makes the whole object unreadable: two readers could take
/// different values from it, and one of them may be an id or an amount. `null` is the same as absent.
pub(super) struct JsonFields<'a>(Vec<(String, &'a RawValue)>);

impl<'a> JsonFields<'a> {
    /// Reads `text` as one object and nothing behind it.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The raw JSON of a key, exactly spelt.
    pub(super) fn raw(&self, key: &str) -> Option<&'a str> {
        self.present().find(|&(name, _)| name == key).map(|(_, raw)| raw)
    }

    /// The raw JSON of a key in any case; `None` too if several keys differ only in case.
    pub(super) fn raw_in_any_case(&self, key: &str) -> Option<&'a str> {
        let mut found = self.present().filter(|(name, _)| name.eq_ignore_ascii_case(key));
        let (_, raw) = found.next()?;
        found.next().is_none().then_some(raw)
    }

    /// Keys with the raw JSON of their values, in the order they came.
    pub(super) fn present(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, raw)| (name.as_str(), raw.get())).filter(|&(_, raw)| raw != "null")
    }

    /// A text under a key.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        text(self.raw(key)?)
    }

    /// A name under a key, as it may be kept and shown: one line of at most [`LONGEST_NAME`] characters.
    pub(super) fn name(&self, key: &str) -> Option<String> {
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        Some(self.text(key)?.chars().take(LONGEST_NAME).map(shown).collect())
    }

    /// A text or an integer under a key, as text.
    pub(super) fn word(&self, key: &str) -> Option<String> {
        word(self.raw(key)?)
    }

    /// The number under the first of these keys that is there; one that cannot be read is none.
    pub(super) fn first_payment_id(&self, keys: &[&str]) -> Option<QrPaymentId> {
        number(keys.iter().find_map(|key| self.raw(key))?)
    }

    /// Whether this may be said of a payment: a number under one of these keys is its own; an answer need not name any.
    pub(super) fn is_about(&self, id: &QrPaymentId, keys: &[&str]) -> bool {
        // One that cannot be read names somebody else's.
        keys.iter().filter_map(|key| self.raw(key)).all(|raw| number(raw).is_some_and(|named| named == *id))
    }

    /// Decimal tenge under a key, read digit by digit.
    pub(super) fn tenge(&self, key: &str) -> Option<Amount> {
        Amount::from_tenge(self.raw(key)?).ok()
    }
}

/// A payment's number, as digits or number.
fn number(raw: &str) -> Option<QrPaymentId> {
    word(raw)?.parse().ok()
}

/// Whether a text can be a status, known or not: all it is compared with, kept in and shown on expects one word or so.
pub(super) fn is_status(text: &str) -> bool {
    (1..=LONGEST_STATUS).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// A JSON string.
pub(super) fn text(raw: &str) -> Option<String> {
    serde_json::from_str(raw).ok()
}

/// A JSON string or integer as text.
pub(super) fn word(raw: &str) -> Option<String> {
    text(raw).or_else(|| raw.parse::<i128>().ok().map(|_| raw.to_owned()))
}

/// A JSON array as the raw JSON of its items.
pub(super) fn items(raw: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw).ok()
}

impl<'de: 'a, 'a> Deserialize<'de> for JsonFields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields: Self::Value = Vec::new();
                while let Some((name, raw)) = map.next_entry::<String, &RawValue>()? {
                    if fields.len() == MOST_FIELDS || fields.iter().any(|(known, _)| *known == name) {
                        return Err(de::Error::custom("a key stands twice, or there are too many"));
                    }
                    fields.push((name, raw));
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(Object).map(JsonFields)
    }
}

/// Characters of a trade point's name: the bank's carry the address (wire §4.1).
const LONGEST_NAME: usize = 255;

/// Bytes of a status; the longest we know has 21.
const LONGEST_STATUS: usize = 128;

/// More keys than any reply has; bounds the search for duplicates.
const MOST_FIELDS: usize = 256;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn ids_come_as_digits_or_number() {
        let fields = JsonFields::read(
            r#"{"a":12737694350,"b":"12737694350","c":0,"d":-1,"e":1.5,"f":null,"g":"x","h":99999999999999999999}"#,
        )
        .unwrap();
        for (key, id) in [
            ("a", Some("12737694350")),
            ("b", Some("12737694350")),
            ("c", None),
            ("d", None),
            ("e", None),
            ("f", None),
            ("g", None),
            ("h", Some("99999999999999999999")),
        ] {
            assert_eq!(fields.first_payment_id(&[key]).as_ref().map(QrPaymentId::as_str), id, "{key}");
        }
    }

    #[test]
    fn amounts_keep_their_digits() {
        let fields = JsonFields::read(r#"{"a":200.00,"b":99999999.99,"c":"5","d":0.001,"e":1e2}"#).unwrap();
        let tiyn = |key| fields.tenge(key).map(Amount::tiyn);
        assert_eq!([tiyn("a"), tiyn("b"), tiyn("e")], [Some(20_000), Some(9_999_999_999), Some(10_000)]);
        assert_eq!([tiyn("c"), tiyn("d")], [None, None]);
    }

    #[test]
    fn a_key_that_stands_twice_makes_an_object_unreadable() {
        assert!(JsonFields::read(r#"{"a":1,"b":2,"a":1}"#).is_none());
        assert!(JsonFields::read(r#"{"a":1,"\u0061":2}"#).is_none());
        assert!(JsonFields::read(r#"{"a":1} {}"#).is_none());
        assert!(JsonFields::read("[]").is_none());
        let cases = JsonFields::read(r#"{"a":1,"A":2,"b":3}"#).unwrap();
        assert_eq!((cases.raw_in_any_case("a"), cases.raw_in_any_case("B")), (None, Some("3")));
    }
}
