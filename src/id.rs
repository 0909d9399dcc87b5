//! Checked identifiers. A value of one of these types has passed its check, wherever it came from.
//!
//! [`DeviceToken`] and [`PhoneNumber`] are secrets: their `Debug` is redacted and they have no `Display`.

mod bank;
mod phone;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

pub use bank::{BankUrl, OurBank};
pub use phone::PhoneNumber;

/// A text that is not the identifier it should be; says what is wrong and never repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAnId(String);

fn not(what: impl Into<String>) -> NotAnId {
    NotAnId(what.into())
}

/// A newtype over text with a check, read and written as that text everywhere. Where one thing may be written in
/// several ways, the third part makes them one text, so that equal things compare equal.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:expr) => { text_id! { $(#[$doc])* $name, $check, |text| text } };
    ($(#[$doc:meta])* $name:ident, $check:expr, $one_way:expr) => {
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema), schemars(with = "String"))]
        $(#[$doc])*
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Self::try_from(text.to_owned())
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;
            fn try_from(text: String) -> Result<Self, NotAnId> {
                let check: fn(&str) -> Result<(), NotAnId> = $check;
                let one_way: fn(String) -> String = $one_way;
                check(&text)?;
                Ok(Self(one_way(text)))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// One line in the language of patterns: what is no control character.
#[cfg(test)]
const LINE: &str = r"^[^\x00-\x1f\x7f-\x9f]*$";

fn printable(what: &str, text: &str, most: usize) -> Result<(), NotAnId> {
    if text.is_empty() || text.len() > most {
        return Err(not(format!("{what} has 1 to {most} characters, this one has {}", text.len())));
    }
    match text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        true => Ok(()),
        false => Err(not(format!("{what} is printable ASCII"))),
    }
}

fn line(what: &str, text: &str, most: usize) -> Result<(), NotAnId> {
    let length = text.chars().count();
    if text.chars().any(char::is_control) {
        return Err(not(format!("{what} is one line without control characters")));
    }
    if length > most {
        Err(not(format!("{what} has at most {most} characters, this one has {length}")))
    } else {
        Ok(())
    }
}

text_id! {
    /// A BIN, or the IIN of a sole proprietor: 12 digits whose last is a control digit.
    ///
    /// An IIN names a person: journal and metrics use the config's number instead.
    #[cfg_attr(test, schemars(extend("pattern" = "^[0-9]{12}$", "format" = "kz-bin", "examples" = ["891027350515"])))]
    OrganizationBin, check_bin
}

text_id! {
    /// A trade point of an organisation, 1–36 characters: an integer in the dialect `bank`, any text in the dialect `guide`.
    #[cfg_attr(test, schemars(extend(
        "minLength" = 1, "maxLength" = 36, "pattern" = "^[A-Za-z0-9_.:-]+$", "examples" = ["104039"]
    )))]
    TradePointId, |text| match text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b)) {
        true => printable("a trade point id", text, 36),
        false => Err(not("a trade point id is letters, digits and - _ . :")),
    }
}

text_id! {
    /// Kaspi's number of a payment, globally unique: 1–20 digits. Zeros before it mean nothing and are not kept.
    ///
    /// The `PaymentId` of a link is the same thing. Nothing but zeros is what broken writers send for "none".
    #[cfg_attr(test, schemars(extend(
        "minLength" = 1, "maxLength" = 20, "pattern" = "^0*[1-9][0-9]*$", "examples" = ["12737694350"]
    )))]
    QrPaymentId,
    |text| match (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
        true if text.bytes().any(|b| b != b'0') => Ok(()),
        true => Err(not("a QrPaymentId is above 0")),
        false => Err(not("a QrPaymentId is 1 to 20 digits")),
    },
    |text| text.trim_start_matches('0').to_owned()
}

text_id! {
    /// `Idempotency-Key`: one intention of the caller, 1–128 printable ASCII characters.
    #[cfg_attr(test, schemars(extend("minLength" = 1, "maxLength" = 128, "pattern" = "^[ -~]+$", "examples" = ["order-123"])))]
    RequestKey, |text| printable("an Idempotency-Key", text, 128)
}

text_id! {
    /// The merchant's own number of a sale, 1–128 characters; sent to Kaspi as `ExternalId` or `merchantInvoiceId`.
    #[cfg_attr(test, schemars(extend("minLength" = 1, "maxLength" = 128, "pattern" = LINE, "examples" = ["order-123"])))]
    Invoice, |text| if text.is_empty() { Err(not("an invoice is not empty")) } else { line("an invoice", text, 128) }
}

text_id! {
    /// What the customer reads on an invoice, at most 200 characters.
    #[cfg_attr(test, schemars(extend("maxLength" = 200, "pattern" = LINE, "examples" = ["Two coffees"])))]
    Comment, |text| line("a comment", text, 200)
}

text_id! {
    /// A name for people, at most 255 characters.
    #[cfg_attr(test, schemars(extend("maxLength" = 255, "pattern" = LINE, "examples" = ["Main shop"])))]
    Description, |text| line("a description", text, 255)
}

impl Description {
    /// What a caller gave as a description: an empty one is none.
    #[must_use]
    pub fn given(self) -> Option<Self> {
        Some(self).filter(|text| !text.as_str().trim().is_empty())
    }
}

text_id! {
    /// Why a person did something, kept in the audit log: 1–255 characters, not all of them blanks.
    #[cfg_attr(test, schemars(extend(
        "minLength" = 1, "maxLength" = 255,
        "pattern" = r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x1f\x7f-\x9f]*$", "examples" = ["Seen in the app"]
    )))]
    Reason, |text| if text.trim().is_empty() { Err(not("a reason is not empty")) } else { line("a reason", text, 255) }
}

fn check_bin(text: &str) -> Result<(), NotAnId> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    if digits.len() != 12 || text.len() != 12 {
        return Err(not("a BIN or IIN has 12 digits"));
    }
    match (control_digit(&digits), digits.last()) {
        (Some(control), Some(&last)) if control == last => Ok(()),
        _ => Err(not(format!(
            "{text} is not a BIN or IIN: its last digit does not fit the others; check it for a typing error"
        ))),
    }
}

/// The control digit over the first eleven digits, or `None` where no number is issued (wire §5).
fn control_digit(digits: &[u32]) -> Option<u32> {
    let sum = |weights: [u32; 11]| digits.iter().zip(weights).map(|(d, w)| d * w).sum::<u32>() % 11;
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]].map(sum).into_iter().find(|&s| s < 10)
}

/// Kaspi's secret for an organisation at a trade point: 1–256 printable ASCII characters. Never told again.
///
/// It is never parsed: one of the guide's is not a GUID. Serialised only on its way in (enrolment) and into the store; no
/// reply has a field of this type.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(with = "String", extend("minLength" = 1, "maxLength" = 256, "writeOnly" = true, "pattern" = "^[ -~]+$"))
)]
#[serde(try_from = "String", into = "String")]
pub struct DeviceToken(Zeroizing<String>);

impl DeviceToken {
    /// The secret itself: for the bytes to Kaspi and to the store, nothing else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for DeviceToken {
    type Error = NotAnId;
    fn try_from(text: String) -> Result<Self, NotAnId> {
        let text = Zeroizing::new(text);
        printable("a DeviceToken", &text, 256)?;
        Ok(Self(text))
    }
}

impl From<DeviceToken> for String {
    fn from(token: DeviceToken) -> String {
        token.0.to_string()
    }
}

impl std::hash::Hash for DeviceToken {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.expose().hash(state);
    }
}

impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceToken([redacted])")
    }
}

/// Our id of a payment: a UUIDv7, so ids sort by the time of the intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(extend("examples" = ["019305c1-7d5a-7b0e-8a52-6f1f4c0a9d11"]))
)]
#[serde(transparent)]
pub struct PaymentId(Uuid);

impl PaymentId {
    /// A new id for a payment about to be intended.
    #[must_use]
    pub fn fresh() -> Self {
        #[cfg(test)]
        if crate::chance::seeded::is_sown() {
            return Self::made_at(crate::moment::Moment::now());
        }
        Self(Uuid::now_v7())
    }

    /// A new id for a payment that was made then, so that it stands where it belongs among the others.
    #[must_use]
    pub fn made_at(at: crate::moment::Moment) -> Self {
        let [_, _, _, _, _, _, random @ ..] = crate::chance::uuid().into_bytes();
        Self(uuid::Builder::from_unix_timestamp_millis(u64::try_from(at.millis()).unwrap_or(0), &random).into_uuid())
    }

    /// The sixteen bytes, as stored.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// From the sixteen stored bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl FromStr for PaymentId {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        text.parse().map(Self).map_err(|_| not("a payment id is a UUID"))
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// How a caller names a payment: our id, or the digits of its QrPaymentId.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(untagged, extend("examples" = ["12737694350"])))]
pub enum PaymentRef {
    /// Our id.
    Id(PaymentId),
    /// Kaspi's number.
    QrPaymentId(QrPaymentId),
}

impl FromStr for PaymentRef {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        (text.parse().map(Self::Id))
            .or_else(|_| text.parse().map(Self::QrPaymentId))
            .map_err(|_| not("a payment is named by its id (a UUID) or by the digits of its QrPaymentId"))
    }
}

impl fmt::Display for PaymentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => fmt::Display::fmt(id, f),
            Self::QrPaymentId(id) => fmt::Display::fmt(id, f),
        }
    }
}

/// The shop a config belongs to (the guide's `shop_id`).
pub type ShopId = u32;

/// The row number of a config (the guide's `kaspi_pay_config.id`), from 1; journal and metrics name an
/// organisation by it.
pub type ConfigId = u64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_guides_bins_and_the_published_vectors_pass() {
        for bin in ["891027350515", "210440028324", "990140000007", "990140000806"] {
            assert!(bin.parse::<OrganizationBin>().is_ok(), "{bin}");
        }
        for bin in ["891027350516", "990140000820", "99014000000", "9901400000070", "99014000000x", "", "٩٩٠١٤٠٠٠٠٠٠٧"]
        {
            assert!(bin.parse::<OrganizationBin>().is_err(), "{bin}");
        }
    }

    /// A number is one number however many zeros stand before it.
    #[test]
    fn a_payments_number_is_a_number() {
        let number = |text: &str| text.parse::<QrPaymentId>().map(String::from).ok();
        assert_eq!(number("048546395191").as_deref(), Some("48546395191"));
        assert_eq!(number("48546395191").as_deref(), Some("48546395191"));
        assert_eq!(number("20").as_deref(), Some("20"));
        for text in ["", "0", "000", "-1", "1.0", "٣", " 1", "100000000000000000000"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn a_phone_is_read_in_every_usual_form_and_shown_masked() {
        for text in ["77015211545", "+7 701 521 15 45", "8 (701) 521-15-45", "7015211545"] {
            let phone: PhoneNumber = text.parse().unwrap();
            assert_eq!(phone.with_prefix('8'), "87015211545");
            assert_eq!(phone.masked(), "7701***1545");
            assert_eq!(format!("{phone:?}"), "PhoneNumber(7701***1545)");
        }
        // One digit short, or of no mobile code: nothing is completed.
        for text in ["7701521154", "770 152 11 54", "8701521154", "7272501234", "7105211545", "7795211545"] {
            assert!(text.parse::<PhoneNumber>().is_err(), "{text}");
        }
        for code in ["700", "709", "747", "771", "775", "778"] {
            assert!(format!("{code}1234567").parse::<PhoneNumber>().is_ok(), "{code}");
        }
        for text in ["", "+87015211545", "1234567890", "770152115450", "770152115", "phone", "+7701521154٥"] {
            assert!(text.parse::<PhoneNumber>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_token_is_opaque_and_never_shows() {
        let token = DeviceToken::try_from("688c5d4a-2f8f-54e3-94d4-b1227229g27".to_owned()).unwrap();
        assert_eq!(format!("{token:?}"), "DeviceToken([redacted])");
        assert!(DeviceToken::try_from(String::new()).is_err());
        assert!(DeviceToken::try_from("x".repeat(257)).is_err());
        let wrong = DeviceToken::try_from("secret\u{7}".to_owned()).unwrap_err();
        assert!(!wrong.to_string().contains("secret"));
    }

    proptest! {
        /// Whatever the text, it is judged and never panics.
        #[test]
        fn any_text_is_judged(text in "\\PC{0,16}") {
            let _ = text.parse::<OrganizationBin>();
            let _ = text.parse::<PhoneNumber>();
            let _ = text.parse::<PaymentRef>();
        }
    }
}
