//! A private key that TLS can sign with.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use zeroize::{Zeroize, Zeroizing};

use super::items::LockedKey;
use super::locks::{Effort, open, open_traditional};
use super::tlv::{BIT_STRING, CONTEXT_0, INTEGER, OCTETS, OID, SEQUENCE, Tlv, dotted, only};
use super::trouble::Unfit;

/// A key that can sign, and its bytes, to be kept.
pub(super) struct UsableKey {
    pub(super) signing: Arc<dyn SigningKey>,
    pub(super) der: Zeroizing<Vec<u8>>,
}

impl UsableKey {
    /// Judges a plain key in PKCS#8, PKCS#1 or SEC1.
    pub(super) fn new(der: Zeroizing<Vec<u8>>) -> Result<Self, Unfit> {
        if let Some(kind) = useless(&der) {
            return Err(Unfit::KeyKind { kind });
        }
        if curve(&der).is_some_and(|it| it.tag == SEQUENCE) {
            return Err(Unfit::CurveSpelledOut);
        }
        let damaged = |what: &dyn std::fmt::Display| Unfit::Damaged { what: format!("its key: {what}") };
        let mut key = PrivateKeyDer::try_from(der.to_vec()).map_err(|e| damaged(&e))?;
        let signing = ring::sign::any_supported_type(&key);
        key.zeroize();
        // rustls says no more than that none of its readers took it.
        let signing = signing.map_err(|_| damaged(&"its parts do not belong together"))?;
        Ok(Self { signing, der })
    }

    /// Its public half, as certificates have it.
    pub(super) fn public(&self) -> Option<Vec<u8>> {
        self.signing.public_key().map(|public| public.to_vec())
    }
}

/// A locked key, opened.
pub(super) fn unlocked(
    key: &LockedKey,
    passphrase: Option<&[u8]>,
    effort: &mut Effort,
) -> Result<Zeroizing<Vec<u8>>, Unfit> {
    let passphrase = passphrase.ok_or(Unfit::PassphraseNeeded)?;
    let der = match key {
        LockedKey::Traditional { info, locked } => open_traditional(info, locked, passphrase)?,
        LockedKey::Pkcs8(der) => {
            let damaged = || Unfit::Damaged { what: "its encrypted key is not whole".to_owned() };
            let parts = only(der, SEQUENCE).and_then(|it| it.inside(SEQUENCE)).ok_or_else(damaged)?;
            let [algorithm, locked] = parts.as_slice() else { return Err(damaged()) };
            open(algorithm.whole, locked.of(OCTETS).ok_or_else(damaged)?, passphrase, effort)?
        }
    };
    // Under a wrong passphrase the padding is right by chance once in 256 times, and what comes out is no key.
    if only(&der, SEQUENCE).and_then(|it| it.inside(SEQUENCE)).is_none() {
        return Err(Unfit::WrongPassphrase);
    }
    Ok(der)
}

/// What a PEM section of this key is called.
pub(super) fn label(der: &[u8]) -> &'static str {
    match parts(der).get(1).map(|part| part.tag) {
        Some(INTEGER) => "RSA PRIVATE KEY",
        Some(OCTETS) => "EC PRIVATE KEY",
        _ => "PRIVATE KEY",
    }
}

fn parts(der: &[u8]) -> Vec<Tlv<'_>> {
    only(der, SEQUENCE).and_then(|it| it.inside(SEQUENCE)).unwrap_or_default()
}

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// Kazakhstan's arc: the keys of its national authority (НУЦ РК) that are not RSA.
const KAZAKHSTAN: &[u8] = &[0x2a, 0x83, 0x0e];

/// The kind of a key with which TLS here cannot sign; `None` for one with which it can, or that is no key.
fn useless(der: &[u8]) -> Option<String> {
    let parts = parts(der);
    match parts.get(1)?.tag {
        INTEGER if parts.len() < 9 => Some("a DSA key".to_owned()),
        INTEGER => short_rsa(&parts),
        OCTETS => curve(der)?.of(OID).and_then(useless_curve),
        _ => {
            let algorithm = parts.get(1)?.inside(SEQUENCE)?;
            let oid = algorithm.first()?.of(OID)?;
            match oid {
                RSA => short_rsa(&self::parts(parts.get(2)?.of(OCTETS)?)),
                EC => curve(der)?.of(OID).and_then(useless_curve),
                ED25519 => None,
                RSA_PSS => Some("an RSA key that is for PSS only".to_owned()),
                DSA => Some("a DSA key".to_owned()),
                oid if oid.starts_with(KAZAKHSTAN) => Some("a GOST key of the national authority".to_owned()),
                other => Some(format!("a key of kind {}", dotted(other))),
            }
        }
    }
}

/// The element that says which curve, where it is an EC key: a name, or all that makes the curve.
fn curve(der: &[u8]) -> Option<Tlv<'_>> {
    let parts = parts(der);
    match parts.get(1)?.tag {
        // SEC1 may leave its curve out.
        OCTETS => parts.get(2)?.inside(CONTEXT_0)?.first().copied(),
        SEQUENCE => of_algorithm(parts.get(1)?),
        _ => None,
    }
}

fn of_algorithm<'a>(algorithm: &Tlv<'a>) -> Option<Tlv<'a>> {
    let parts = algorithm.inside(SEQUENCE)?;
    (parts.first()?.of(OID)? == EC).then(|| parts.get(1).copied())?
}

/// Whether two public keys, as certificates have them, are one: a certificate may spell out the curve that the key names.
pub(super) fn is_same_public(one: &[u8], other: &[u8]) -> bool {
    let point = |public: &'_ [u8]| -> Option<Vec<u8>> {
        let parts = parts(public);
        of_algorithm(parts.first()?)?;
        parts.get(1)?.of(BIT_STRING).map(<[u8]>::to_vec)
    };
    one == other || point(one).is_some_and(|point_of_one| point(other) == Some(point_of_one))
}

fn useless_curve(curve: &[u8]) -> Option<String> {
    match curve {
        P256 | P384 => None,
        P521 => Some("a P-521 key".to_owned()),
        other => Some(format!("a key on the curve {}", dotted(other))),
    }
}

/// ring signs with 2048 to 8192 bits.
fn short_rsa(parts: &[Tlv<'_>]) -> Option<String> {
    let modulus = parts.get(1)?.of(INTEGER)?;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let leading = usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    let bits = modulus.len() * 8 - leading;
    (!(2048..=8192).contains(&bits)).then(|| format!("an RSA key of {bits} bits"))
}
