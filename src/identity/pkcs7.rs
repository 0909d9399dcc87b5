//! PKCS#7 (`.p7b`, `.p7c`, `.spc`): certificates in a SignedData that signs nothing, as authorities send chains.

use rustls::pki_types::CertificateDer;

use super::tlv::{CONTEXT_0, OID, SEQUENCE, only};

/// SignedData.
const SIGNED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];

/// The certificates, in the order of the file; `None` if it is no SignedData.
pub(super) fn certificates(file: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let content = only(file, SEQUENCE)?.inside(SEQUENCE)?;
    if content.first()?.of(OID)? != SIGNED {
        return None;
    }
    let signed = only(content.get(1)?.of(CONTEXT_0)?, SEQUENCE)?.inside(SEQUENCE)?;
    let set = signed.iter().find(|element| element.tag == CONTEXT_0)?.inside(CONTEXT_0)?;
    // Attribute certificates and the like have other tags.
    let certificates = set.iter().filter(|element| element.tag == SEQUENCE);
    Some(certificates.map(|element| CertificateDer::from(element.whole.to_vec())).collect())
}
