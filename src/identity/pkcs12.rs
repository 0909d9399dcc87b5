//! PKCS#12 (`.p12`, `.pfx`), modern and legacy: keys and certificates of it, as they stand in RFC 7292.

use hmac::{Hmac, KeyInit, Mac};
use rustls::pki_types::CertificateDer;
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use super::locks::{Effort, bmp, open, pkcs12_key};
use super::tlv::{CONTEXT_0, OCTETS, OID, SEQUENCE, Tlv, dotted, elements, only};
use super::trouble::Unfit;

const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const ENCRYPTED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
/// The kinds of bags; one byte more says which.
const BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01];
const SHA1: &[u8] = &[0x2b, 0x0e, 0x03, 0x02, 0x1a];
/// SHA-2; one byte more says which.
const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

/// What a file holds.
#[derive(Default)]
pub(super) struct Bags {
    /// Each a PKCS#8 key.
    pub(super) keys: Vec<Zeroizing<Vec<u8>>>,
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

/// Opens the file. Without a passphrase an empty one is tried, with which many programs write.
pub(super) fn read(file: &[u8], passphrase: Option<&[u8]>, effort: &mut Effort) -> Result<Bags, Unfit> {
    opened(file, passphrase.unwrap_or_default(), effort).map_err(|why| match why {
        Unfit::WrongPassphrase if passphrase.is_none() => Unfit::PassphraseNeeded,
        Unfit::Cipher { what } => Unfit::StoreCipher { what },
        Unfit::Costly { what } => Unfit::StoreCostly { what },
        other => other,
    })
}

fn opened(file: &[u8], given: &[u8], effort: &mut Effort) -> Result<Bags, Unfit> {
    let (safe, mac) = parts(file).ok_or_else(damaged)?;
    if let Some(mac) = mac {
        // An empty passphrase is written as two zeros or as nothing at all.
        let forms = [bmp(given), Zeroizing::new(Vec::new())];
        let tried = forms.iter().take(if given.is_empty() { 2 } else { 1 });
        let fits = tried.map(|form| mac_fits(&mac, form, safe, effort)).collect::<Result<Vec<_>, _>>()?;
        if !fits.contains(&true) {
            return Err(Unfit::WrongPassphrase);
        }
    }
    let mut bags = Bags::default();
    for content in only(safe, SEQUENCE).and_then(|it| it.inside(SEQUENCE)).ok_or_else(damaged)? {
        bags.add(&contents(&content, given, effort)?, given, effort)?;
    }
    Ok(bags)
}

fn damaged() -> Unfit {
    Unfit::Damaged { what: "it is no whole PKCS#12 file".to_owned() }
}

/// What is protected, and the MAC over it.
fn parts(file: &[u8]) -> Option<(&[u8], Option<Vec<Tlv<'_>>>)> {
    let parts = only(file, SEQUENCE)?.inside(SEQUENCE)?;
    let content = parts.get(1)?.inside(SEQUENCE)?;
    let safe = (content.first()?.of(OID)? == DATA).then(|| only(content.get(1)?.of(CONTEXT_0)?, OCTETS))??;
    let mac = match parts.get(2) {
        Some(mac) => Some(mac.inside(SEQUENCE)?),
        None => None,
    };
    Some((safe.body, mac))
}

/// Whether the MAC is right, which it is under the right passphrase; one of a kind that is not known proves nothing.
fn mac_fits(mac: &[Tlv<'_>], passphrase: &[u8], safe: &[u8], effort: &mut Effort) -> Result<bool, Unfit> {
    let read = || -> Option<_> {
        let digest = mac.first()?.inside(SEQUENCE)?;
        let oid = digest.first()?.inside(SEQUENCE)?.first()?.of(OID)?;
        let rounds = mac.get(2).map_or(Some(1), Tlv::number)?;
        Some((oid, digest.get(1)?.of(OCTETS)?, mac.get(1)?.of(OCTETS)?, rounds))
    };
    let (oid, sum, salt, rounds) = read().ok_or_else(damaged)?;
    effort.spend(rounds)?;
    let salted = (salt, rounds);
    macro_rules! fits {
        ($digest:ty, $length:literal) => {{
            let key = pkcs12_key::<$digest>(3, passphrase, salted, $length);
            let mac = Hmac::<$digest>::new_from_slice(&key).map_err(|_| damaged())?;
            mac.chain_update(safe).verify_slice(sum).is_ok()
        }};
    }
    Ok(match (oid, oid.strip_prefix(SHA2)) {
        (SHA1, _) => fits!(Sha1, 20),
        (_, Some([1])) => fits!(Sha256, 32),
        (_, Some([2])) => fits!(Sha384, 48),
        (_, Some([3])) => fits!(Sha512, 64),
        _ => true,
    })
}

/// The bags of one part, opened where it is locked.
fn contents(content: &Tlv<'_>, passphrase: &[u8], effort: &mut Effort) -> Result<Zeroizing<Vec<u8>>, Unfit> {
    let parts = content.inside(SEQUENCE).ok_or_else(damaged)?;
    let oid = parts.first().and_then(|it| it.of(OID)).ok_or_else(damaged)?;
    let body = parts.get(1).and_then(|it| it.of(CONTEXT_0)).ok_or_else(damaged)?;
    match oid {
        DATA => only(body, OCTETS).map(|it| Zeroizing::new(it.body.to_vec())).ok_or_else(damaged),
        ENCRYPTED => {
            let read = || -> Option<_> {
                let data = only(body, SEQUENCE)?.inside(SEQUENCE)?.get(1)?.inside(SEQUENCE)?;
                Some((data.get(1)?.whole, octets(data.get(2)?)?))
            };
            let (algorithm, locked) = read().ok_or_else(damaged)?;
            open(algorithm, &locked, passphrase, effort)
        }
        other => Err(Unfit::Cipher { what: format!("content {}", dotted(other)) }),
    }
}

/// `[0] IMPLICIT OCTET STRING`, whole or in pieces.
fn octets(element: &Tlv<'_>) -> Option<Vec<u8>> {
    match element.tag {
        0x80 => Some(element.body.to_vec()),
        CONTEXT_0 => Some(elements(element.body)?.iter().flat_map(|piece| piece.body).copied().collect()),
        _ => None,
    }
}

impl Bags {
    fn add(&mut self, safe: &[u8], passphrase: &[u8], effort: &mut Effort) -> Result<(), Unfit> {
        // Opened with a wrong passphrase it may have had a padding by chance.
        let bags = only(safe, SEQUENCE).and_then(|it| it.inside(SEQUENCE)).ok_or(Unfit::WrongPassphrase)?;
        for bag in bags {
            let parts = bag.inside(SEQUENCE).ok_or_else(damaged)?;
            let kind = parts.first().and_then(|it| it.of(OID)).ok_or_else(damaged)?;
            let body = parts.get(1).and_then(|it| it.of(CONTEXT_0)).ok_or_else(damaged)?;
            match kind.strip_prefix(BAG) {
                Some([1]) => self.keys.push(Zeroizing::new(body.to_vec())),
                Some([2]) => self.keys.push(shrouded(body, passphrase, effort)?),
                Some([3]) => self.certificates.extend(certificate(body)),
                // Revocation lists, secrets and nested safes are nothing for us.
                _ => {}
            }
        }
        Ok(())
    }
}

fn shrouded(body: &[u8], passphrase: &[u8], effort: &mut Effort) -> Result<Zeroizing<Vec<u8>>, Unfit> {
    let parts = only(body, SEQUENCE).and_then(|it| it.inside(SEQUENCE)).ok_or_else(damaged)?;
    match (parts.first(), parts.get(1).and_then(|it| it.of(OCTETS))) {
        (Some(algorithm), Some(locked)) => {
            let key = open(algorithm.whole, locked, passphrase, effort)?;
            // As with the bags: what comes out under a wrong passphrase and a lucky padding is no key.
            let is_key = only(&key, SEQUENCE).and_then(|it| it.inside(SEQUENCE)).is_some();
            if is_key { Ok(key) } else { Err(Unfit::WrongPassphrase) }
        }
        _ => Err(damaged()),
    }
}

/// An X.509 certificate; other kinds are passed over.
fn certificate(body: &[u8]) -> Option<CertificateDer<'static>> {
    let parts = only(body, SEQUENCE)?.inside(SEQUENCE)?;
    let der = only(parts.get(1)?.of(CONTEXT_0)?, OCTETS)?.body;
    Some(CertificateDer::from(der.to_vec()))
}
