//! What a file is, told by what is in it and by nothing else: the one place that judges it.

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::request::CertReq;
use zeroize::Zeroizing;

use super::tlv::{BIT_STRING, CONTEXT_0, INTEGER, OCTETS, OID, SEQUENCE, first};
use super::trouble::{FileRole, Unfit};
use super::{pem, pkcs7};

/// One thing in a file.
pub(super) enum FilePart {
    Certificate(CertificateDer<'static>),
    /// A private key in PKCS#8, PKCS#1 or SEC1.
    Key(Zeroizing<Vec<u8>>),
    Locked(LockedKey),
    /// A PKCS#12 file, which is opened when something of it is wanted.
    Store(Zeroizing<Vec<u8>>),
    /// What is neither key nor certificate, for people.
    Other(&'static str),
}

/// A private key behind a passphrase.
pub(super) enum LockedKey {
    /// `ENCRYPTED PRIVATE KEY`, in DER.
    Pkcs8(Vec<u8>),
    /// OpenSSL's old way.
    Traditional { info: String, locked: Vec<u8> },
}

/// Larger than any chain or key; a wrong path must not fill the memory.
pub(super) const LARGEST: usize = 1 << 20;

/// Everything in a file that was to be `wanted`; at least one.
pub(super) fn items(bytes: &[u8], wanted: FileRole) -> Result<Vec<FilePart>, Unfit> {
    if bytes.len() > LARGEST {
        return Err(Unfit::TooLarge);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = bytes.trim_ascii();
    if text.is_empty() {
        return Err(Unfit::Empty);
    }
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.starts_with(b"-\0-\0") {
        return Err(Unfit::Utf16);
    }
    if pem::is_pem(bytes) {
        return of_pem(bytes);
    }
    if let Some(items) = of_der(bytes)? {
        return Ok(items);
    }
    // Base64 without its BEGIN and END, as some mail programs and web pages leave it.
    let bare: Zeroizing<Vec<u8>> =
        Zeroizing::new(text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect());
    if bare.starts_with(b"MI")
        && let Some(der) = pem::decode(&bare)
        && let Some(items) = of_der(&der)?
    {
        return Ok(items);
    }
    match text {
        _ if text.starts_with(b"<") => Err(Unfit::WebPage { wanted }),
        _ if text.starts_with(b"PuTTY-User-Key-File") => Ok(vec![FilePart::Other("a key of PuTTY")]),
        _ if text.starts_with(b"ssh-") || text.starts_with(b"ecdsa-") => {
            Ok(vec![FilePart::Other("a public key of OpenSSH")])
        }
        _ if bytes.starts_with(b"\xfe\xed\xfe\xed") => Ok(vec![FilePart::Other("a Java keystore (JKS)")]),
        _ => Err(Unfit::Unknown { wanted }),
    }
}

fn of_pem(bytes: &[u8]) -> Result<Vec<FilePart>, Unfit> {
    let mut items = Vec::new();
    for pem::Section { label, dek_info, der } in pem::sections(bytes)? {
        match dek_info {
            Some(info) => items.push(FilePart::Locked(LockedKey::Traditional { info, locked: der.to_vec() })),
            None if label == "OPENSSH PRIVATE KEY" => items.push(FilePart::Other("a key of OpenSSH")),
            None if label.ends_with("PARAMETERS") => items.push(FilePart::Other("parameters")),
            None => match of_der(&der)? {
                Some(found) => items.extend(found),
                None => return Err(Unfit::Damaged { what: format!("its {label} is not whole") }),
            },
        }
    }
    Ok(items)
}

/// What DER is, by the elements it begins with; `None` if it is none of what is known.
fn of_der(der: &[u8]) -> Result<Option<Vec<FilePart>>, Unfit> {
    if der.starts_with(&[SEQUENCE, 0x80]) {
        return Err(Unfit::Ber);
    }
    // `openssl x509 -trustout` puts more behind a certificate.
    let Some((whole, _)) = first(der).filter(|(whole, _)| whole.tag == SEQUENCE) else { return Ok(None) };
    let Some(parts) = whole.inside(SEQUENCE) else { return Ok(None) };
    let tags: Vec<u8> = parts.iter().map(|part| part.tag).collect();
    let der = whole.whole;
    let item = match tags.as_slice() {
        [SEQUENCE, SEQUENCE, BIT_STRING] => signed(der)?,
        [INTEGER, SEQUENCE, OCTETS, ..]
        | [INTEGER, OCTETS, ..]
        | [INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, ..] => FilePart::Key(Zeroizing::new(der.to_vec())),
        [SEQUENCE, OCTETS] => FilePart::Locked(LockedKey::Pkcs8(der.to_vec())),
        [SEQUENCE, BIT_STRING] | [INTEGER, INTEGER] => FilePart::Other("a public key"),
        [INTEGER, SEQUENCE] | [INTEGER, SEQUENCE, SEQUENCE] => FilePart::Store(Zeroizing::new(der.to_vec())),
        [OID, CONTEXT_0] => {
            let found = pkcs7::certificates(der);
            return Ok(found.map(|found| match found.is_empty() {
                true => vec![FilePart::Other("a PKCS#7 file without certificates")],
                false => found.into_iter().map(FilePart::Certificate).collect(),
            }));
        }
        _ => return Ok(None),
    };
    Ok(Some(vec![item]))
}

/// Something signed: a certificate, a request for one, or a list of revoked ones.
fn signed(der: &[u8]) -> Result<FilePart, Unfit> {
    match Certificate::from_der(der) {
        Ok(_) => Ok(FilePart::Certificate(CertificateDer::from(der.to_vec()))),
        Err(_) if CertReq::from_der(der).is_ok() => Ok(FilePart::Other("a certificate request (CSR)")),
        Err(_) if <x509_cert::crl::CertificateList>::from_der(der).is_ok() => {
            Ok(FilePart::Other("a revocation list (CRL)"))
        }
        Err(error) => Err(Unfit::Damaged { what: format!("its certificate: {error}") }),
    }
}

/// What there is where something else was wanted, for people.
pub(super) fn instead(items: &[FilePart]) -> String {
    let mut words: Vec<&str> = items
        .iter()
        .map(|item| match item {
            FilePart::Certificate(_) => "a certificate",
            FilePart::Key(_) | FilePart::Locked(_) => "a private key",
            FilePart::Store(_) => "a PKCS#12 file",
            FilePart::Other(what) => what,
        })
        .collect();
    words.dedup();
    words.join(", ")
}
