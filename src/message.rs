//! Messages of the bank, of earlier systems and of our own as the log keeps them: no phone number can be read in them, and
//! they fit the guide's column.

/// Characters of the guide's `error_message`.
pub(crate) const LONGEST: usize = 500;

/// A text in which nobody can read a phone number: of each run of eleven digits that begins with 7 or 8, or of ten that
/// begin with 7, the middle is masked.
pub(crate) fn without_phones(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let (digits, behind) = from.split_at(from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len()));
        shown.push_str(before);
        match (digits.len(), digits.as_bytes().first()) {
            (11, Some(b'7' | b'8')) | (10, Some(b'7')) => {
                shown.extend(digits.chars().take(digits.len() - 7));
                shown.push_str("***");
                shown.extend(digits.chars().skip(digits.len() - 4));
            }
            _ => shown.push_str(digits),
        }
        rest = behind;
    }
    shown + rest
}

/// The beginning of a text, as long as the column is.
pub(crate) fn shortened(text: &str) -> &str {
    text.char_indices().nth(LONGEST).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_masked_wherever_it_stands_and_a_number_is_not() {
        assert_eq!(without_phones("77015211545: no; 7015211545"), "7701***1545: no; 701***1545");
        assert_eq!(without_phones("payment 12737694350 of 891027350515"), "payment 12737694350 of 891027350515");
    }

    #[test]
    fn a_long_text_fits_the_column() {
        assert_eq!(shortened(&"ж".repeat(501)).chars().count(), LONGEST);
        assert_eq!(shortened("short"), "short");
    }
}
