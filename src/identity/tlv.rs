//! DER as far as it is needed to tell one kind of file from another and to open PKCS#12 and PKCS#7: tag, length, body.
//! Nothing here calls itself, so no file is too deep; what does not fit is `None`.

/// One element.
#[derive(Clone, Copy)]
pub(super) struct Tlv<'a> {
    pub(super) tag: u8,
    pub(super) body: &'a [u8],
    /// With its tag and length.
    pub(super) whole: &'a [u8],
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
/// `[0]`, with elements in it.
pub(super) const CONTEXT_0: u8 = 0xa0;

/// The elements in `bytes`, one after the other, to the end.
pub(super) fn elements(mut bytes: &[u8]) -> Option<Vec<Tlv<'_>>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (element, rest) = first(bytes)?;
        found.push(element);
        bytes = rest;
    }
    Some(found)
}

/// The first element and what comes after it.
pub(super) fn first(bytes: &[u8]) -> Option<(Tlv<'_>, &[u8])> {
    let (&[tag, short], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(short), rest),
        // Four bytes of length are more than any file here has.
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            (digits.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), rest)
        }
        _ => return None,
    };
    let (body, rest) = rest.split_at_checked(length)?;
    let whole = bytes.get(..bytes.len() - rest.len())?;
    Some((Tlv { tag, body, whole }, rest))
}

/// The one element that `bytes` are, if it has this tag.
pub(super) fn only(bytes: &[u8], tag: u8) -> Option<Tlv<'_>> {
    let (element, rest) = first(bytes)?;
    (element.tag == tag && rest.is_empty()).then_some(element)
}

impl<'a> Tlv<'a> {
    /// The elements in it, if it has this tag.
    pub(super) fn inside(&self, tag: u8) -> Option<Vec<Tlv<'a>>> {
        if self.tag == tag { elements(self.body) } else { None }
    }

    /// The body, if it has this tag.
    pub(super) fn of(&self, tag: u8) -> Option<&'a [u8]> {
        (self.tag == tag).then_some(self.body)
    }

    /// A small number.
    pub(super) fn number(&self) -> Option<u32> {
        let digits = self.of(INTEGER)?;
        let digits = digits.strip_prefix(&[0]).unwrap_or(digits);
        if digits.len() > 4 || digits.is_empty() && self.body.is_empty() {
            return None;
        }
        Some(digits.iter().fold(0, |number, &byte| number << 8 | u32::from(byte)))
    }
}

/// An identifier as people write it, for what is not known here.
pub(super) fn dotted(oid: &[u8]) -> String {
    let Some((&head, _)) = oid.split_first() else { return "nothing".to_owned() };
    let top = (head / 40).min(2);
    let mut parts = vec![u64::from(top), u64::from(head - top * 40)];
    let mut value = 0_u64;
    for &byte in oid.iter().skip(1).take(64) {
        value = value.wrapping_shl(7) | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            parts.push(value);
            value = 0;
        }
    }
    parts.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}
