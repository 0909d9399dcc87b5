//! PEM, whatever stands around it: bag attributes in any encoding, Windows' line ends, a byte order mark.

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use super::trouble::Unfit;

/// One section.
pub(super) struct Section {
    pub(super) label: String,
    /// What stands behind `DEK-Info:`, where OpenSSL has encrypted it in its old way.
    pub(super) dek_info: Option<String>,
    pub(super) der: Zeroizing<Vec<u8>>,
}

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";

/// Whether there is any.
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    find(bytes, BEGIN).is_some()
}

/// Every section, in the order of the file.
pub(super) fn sections(mut bytes: &[u8]) -> Result<Vec<Section>, Unfit> {
    let damaged = |what: &str| Unfit::Damaged { what: what.to_owned() };
    let mut found = Vec::new();
    while let Some((_, rest)) = cut(bytes, BEGIN) {
        let (label, rest) = cut(rest, DASHES).ok_or_else(|| damaged("a BEGIN line is cut off"))?;
        let label = String::from_utf8_lossy(label).into_owned();
        let end = format!("-----END {label}-----");
        let (body, rest) = cut(rest, end.as_bytes()).ok_or_else(|| damaged("its END line is missing"))?;
        found.push(section(label, body)?);
        bytes = rest;
    }
    Ok(found)
}

fn section(label: String, body: &[u8]) -> Result<Section, Unfit> {
    let mut dek_info = None;
    let mut text = Zeroizing::new(Vec::with_capacity(body.len()));
    for line in body.split(|&byte| byte == b'\n' || byte == b'\r') {
        match cut(line, b":") {
            // No letter of base64 is a colon: this is a header.
            Some((b"DEK-Info", info)) => dek_info = Some(String::from_utf8_lossy(info).trim().to_owned()),
            Some(_) => {}
            None => text.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace())),
        }
    }
    let der = decode(&text).ok_or_else(|| Unfit::Damaged { what: format!("the text of its {label} is not base64") })?;
    Ok(Section { label, dek_info, der })
}

/// Base64 without its padding or with it.
pub(super) fn decode(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = Zeroizing::new(std::str::from_utf8(text).ok()?.trim_end_matches('=').to_owned());
    let mut der = Zeroizing::new(vec![0; text.len() / 4 * 3 + 3]);
    let length = base64ct::Base64Unpadded::decode(text.as_bytes(), &mut der).ok()?.len();
    der.truncate(length);
    Some(der)
}

/// A section as openssl writes it, into `out`.
pub(super) fn write(out: &mut Zeroizing<Vec<u8>>, label: &str, der: &[u8]) {
    let text = Zeroizing::new(Base64::encode_string(der));
    // Room at once: a vector that grows leaves copies of a key behind.
    let mut grown = Zeroizing::new(Vec::with_capacity(out.len() + text.len() * 66 / 64 + 2 * label.len() + 64));
    grown.extend_from_slice(out);
    grown.extend_from_slice(format!("-----BEGIN {label}-----\n").as_bytes());
    for line in text.as_bytes().chunks(64) {
        grown.extend_from_slice(line);
        grown.push(b'\n');
    }
    grown.extend_from_slice(format!("-----END {label}-----\n").as_bytes());
    *out = grown;
}

/// What stands before and behind the first `mark`.
fn cut<'a>(bytes: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = find(bytes, mark)?;
    Some((bytes.get(..at)?, bytes.get(at + mark.len()..)?))
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}
