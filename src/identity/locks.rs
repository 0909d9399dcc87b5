//! What keys are locked with: PBES2 of the pkcs8 crate, and what older programs write, PBES1, PKCS#12's own and OpenSSL's
//! `Proc-Type`. The older ones protect little; that they are read at all spares a shop a conversion by hand, in which keys
//! are left lying about.

use aes::{Aes128, Aes192, Aes256};
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, InnerIvInit, KeyIvInit};
use des::{Des, TdesEde3};
use md5::Md5;
use pkcs8::der::Decode;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{Kdf, Parameters};
use rc2::Rc2;
use sha1::Sha1;
use sha2::Digest;
use sha2::digest::block_api::BlockSizeUser;
use zeroize::Zeroizing;

use super::tlv::{OCTETS, OID, SEQUENCE, dotted, only};
use super::trouble::Unfit;

/// More rounds than any program asks for; as many take a second or two.
const MOST_ROUNDS: u32 = 2_000_000;

/// Of one file in all. An honest PKCS#12 file is opened three times: for its MAC, its certificates and its key.
const MOST_IN_A_FILE: u32 = 3 * MOST_ROUNDS;

/// scrypt's memory: openssl asks for 16 MiB and takes no more than twice as much.
const MOST_MEMORY: u64 = 32 << 20;

/// What was locked, wiped when dropped.
pub(super) type Open = Result<Zeroizing<Vec<u8>>, Unfit>;

/// PBES2.
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
/// PBES1 of PKCS#5; one byte more says which.
const PKCS5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05];
/// PKCS#12's own; one byte more says which.
const PKCS12_PBE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];

/// What opening one file has cost so far: a file of many parts, each of which is affordable, must not keep the machine busy.
pub(super) struct Effort {
    left: u32,
}

impl Effort {
    /// Nothing was spent on the file yet.
    pub(super) fn of_a_file() -> Self {
        Self { left: MOST_IN_A_FILE }
    }

    /// Takes these rounds, before they are made.
    pub(super) fn spend(&mut self, rounds: u32) -> Result<(), Unfit> {
        if rounds > MOST_ROUNDS {
            return Err(Unfit::Costly { what: format!("{rounds} rounds of its passphrase") });
        }
        let left = self.left.checked_sub(rounds);
        let costly = || Unfit::Costly { what: format!("more than {MOST_IN_A_FILE} rounds of its passphrase in all") };
        self.left = left.ok_or_else(costly)?;
        Ok(())
    }
}

/// Opens what the AlgorithmIdentifier `algorithm` (in DER) says how to open.
pub(super) fn open(algorithm: &[u8], locked: &[u8], passphrase: &[u8], effort: &mut Effort) -> Open {
    let damaged = || Unfit::Damaged { what: "how it is encrypted cannot be read".to_owned() };
    let parts = only(algorithm, SEQUENCE).and_then(|it| it.inside(SEQUENCE)).ok_or_else(damaged)?;
    let oid = parts.first().and_then(|it| it.of(OID)).ok_or_else(damaged)?;
    if oid == PBES2 {
        return pbes2(algorithm, locked, passphrase, effort);
    }
    let (salt, rounds) = parts.get(1).and_then(salted).ok_or_else(damaged)?;
    effort.spend(rounds)?;
    match (oid.strip_prefix(PKCS5), oid.strip_prefix(PKCS12_PBE)) {
        (Some([3]), _) => unlock::<cbc::Decryptor<Des>>(&pbkdf1::<Md5>(passphrase, salt, rounds), 8, locked),
        (Some([10]), _) => unlock::<cbc::Decryptor<Des>>(&pbkdf1::<Sha1>(passphrase, salt, rounds), 8, locked),
        (_, Some([which @ 3..=6])) => of_pkcs12(*which, &bmp(passphrase), (salt, rounds), locked),
        _ => Err(Unfit::Cipher { what: dotted(oid) }),
    }
}

fn salted<'a>(parameters: &super::tlv::Tlv<'a>) -> Option<(&'a [u8], u32)> {
    let parts = parameters.inside(SEQUENCE)?;
    Some((parts.first()?.of(OCTETS)?, parts.get(1)?.number()?))
}

fn pbes2(algorithm: &[u8], locked: &[u8], passphrase: &[u8], effort: &mut Effort) -> Open {
    let unknown = |what: &dyn std::fmt::Display| Unfit::Cipher { what: what.to_string() };
    let scheme = EncryptionScheme::from_der(algorithm).map_err(|_| unknown(&"PBES2 with an unusual cipher"))?;
    scheme.pbes2().map_or(Ok(()), |parameters| within_reason(parameters, effort))?;
    let mut bytes = Zeroizing::new(locked.to_vec());
    let length = match scheme.decrypt_in_place(passphrase, &mut bytes) {
        Ok(plain) => plain.len(),
        Err(error @ (pkcs8::pkcs5::Error::NoPbes1CryptSupport | pkcs8::pkcs5::Error::UnsupportedAlgorithm { .. })) => {
            return Err(unknown(&error));
        }
        // A wrong passphrase shows as bad padding, or now and then as a plain text that is no key.
        Err(_) => return Err(Unfit::WrongPassphrase),
    };
    bytes.truncate(length);
    Ok(bytes)
}

fn within_reason(parameters: &Parameters, effort: &mut Effort) -> Result<(), Unfit> {
    match &parameters.kdf {
        Kdf::Pbkdf2(pbkdf2) => effort.spend(pbkdf2.iteration_count),
        Kdf::Scrypt(scrypt) => {
            let memory =
                scrypt.cost_parameter.checked_mul(u64::from(scrypt.block_size)).and_then(|it| it.checked_mul(128));
            match memory {
                // Its work is that of about as many rounds as it has blocks.
                Some(memory @ 0..=MOST_MEMORY) if scrypt.parallelization <= 4 => {
                    let blocks = memory / 128 * u64::from(scrypt.parallelization);
                    effort.spend(u32::try_from(blocks).unwrap_or(u32::MAX))
                }
                _ => Err(Unfit::Costly { what: "more than 32 MiB of memory".to_owned() }),
            }
        }
        _ => Err(Unfit::Cipher { what: "PBES2 with an unusual key derivation".to_owned() }),
    }
}

/// Key and IV, 16 bytes in all.
fn pbkdf1<D: Digest>(passphrase: &[u8], salt: &[u8], rounds: u32) -> Zeroizing<Vec<u8>> {
    let mut made = Zeroizing::new(D::new().chain_update(passphrase).chain_update(salt).finalize().to_vec());
    for _ in 1..rounds {
        made = Zeroizing::new(D::digest(made.as_slice()).to_vec());
    }
    made.truncate(16);
    made
}

/// The ciphers of RFC 7292, appendix C, but for RC4, which nobody writes.
fn of_pkcs12(which: u8, passphrase: &[u8], salted: (&[u8], u32), locked: &[u8]) -> Open {
    let made = |id, length| pkcs12_key::<Sha1>(id, passphrase, salted, length);
    let length = match which {
        3 => 24,
        6 => 5,
        _ => 16,
    };
    let (mut key, iv) = (made(1, length), made(2, 8));
    if which == 4 {
        // Two-key 3DES: the first once more at the end.
        let first: Vec<u8> = key.iter().take(8).copied().collect();
        key.extend_from_slice(&first);
    }
    if which >= 5 {
        let bits = key.len() * 8;
        let cipher = Rc2::new_with_eff_key_len(&key, bits);
        let iv = iv.as_slice().try_into().map_err(|_| Unfit::WrongPassphrase)?;
        return finish(cbc::Decryptor::inner_iv_init(cipher, iv), locked);
    }
    unlock::<cbc::Decryptor<TdesEde3>>(&[key.as_slice(), iv.as_slice()].concat(), 24, locked)
}

/// The key derivation of RFC 7292, appendix B.2; `id` says for what: 1 key, 2 IV, 3 MAC.
pub(super) fn pkcs12_key<D: Digest + BlockSizeUser>(
    id: u8,
    passphrase: &[u8],
    (salt, rounds): (&[u8], u32),
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let block = D::block_size();
    let filled =
        |bytes: &[u8]| -> Vec<u8> { bytes.iter().copied().cycle().take(bytes.len().div_ceil(block) * block).collect() };
    let mut input = Zeroizing::new([filled(salt), filled(passphrase)].concat());
    let mut made = Zeroizing::new(Vec::with_capacity(length + block));
    while made.len() < length {
        let mut hash = D::new().chain_update(vec![id; block]).chain_update(input.as_slice()).finalize();
        for _ in 1..rounds {
            hash = D::digest(hash);
        }
        made.extend_from_slice(&hash);
        for part in input.chunks_mut(block) {
            let mut carry = 1_u16;
            let addend: Vec<u8> = hash.iter().copied().cycle().take(block).collect();
            for (byte, add) in part.iter_mut().zip(addend).rev() {
                let [high, low] = (u16::from(*byte) + u16::from(add) + carry).to_be_bytes();
                (*byte, carry) = (low, u16::from(high));
            }
        }
    }
    made.truncate(length);
    made
}

/// A passphrase as PKCS#12 has it: UTF-16 with a zero behind.
pub(super) fn bmp(passphrase: &[u8]) -> Zeroizing<Vec<u8>> {
    let units: Zeroizing<Vec<u16>> = Zeroizing::new(match std::str::from_utf8(passphrase) {
        Ok(text) => text.encode_utf16().collect(),
        Err(_) => passphrase.iter().copied().map(u16::from).collect(),
    });
    Zeroizing::new(units.iter().chain(&[0]).flat_map(|unit| unit.to_be_bytes()).collect())
}

/// OpenSSL's `Proc-Type: 4,ENCRYPTED`: `info` is what stands behind `DEK-Info:`.
pub(super) fn open_traditional(info: &str, locked: &[u8], passphrase: &[u8]) -> Open {
    let (cipher, iv) = info.split_once(',').unwrap_or((info, ""));
    let (cipher, iv) = (cipher.trim().to_ascii_uppercase(), hex(iv.trim()).unwrap_or_default());
    let made = |length: usize| {
        let salt = iv.get(..8).unwrap_or_default();
        let mut key = Zeroizing::new(Vec::with_capacity(48));
        let mut last = Zeroizing::new(Vec::new());
        while key.len() < length {
            let hash = Md5::new().chain_update(last.as_slice()).chain_update(passphrase).chain_update(salt).finalize();
            last = Zeroizing::new(hash.to_vec());
            key.extend_from_slice(&last);
        }
        key.truncate(length);
        key.extend_from_slice(&iv);
        key
    };
    match cipher.as_str() {
        "DES-CBC" => unlock::<cbc::Decryptor<Des>>(&made(8), 8, locked),
        "DES-EDE3-CBC" => unlock::<cbc::Decryptor<TdesEde3>>(&made(24), 24, locked),
        "AES-128-CBC" => unlock::<cbc::Decryptor<Aes128>>(&made(16), 16, locked),
        "AES-192-CBC" => unlock::<cbc::Decryptor<Aes192>>(&made(24), 24, locked),
        "AES-256-CBC" => unlock::<cbc::Decryptor<Aes256>>(&made(32), 32, locked),
        _ => Err(Unfit::Cipher { what: cipher.chars().filter(|c| c.is_ascii_graphic()).take(32).collect() }),
    }
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    Some(digits?.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect())
}

/// Opens with `made`: a key of `key` bytes and the IV behind it.
fn unlock<C: KeyIvInit + BlockModeDecrypt>(made: &[u8], key: usize, locked: &[u8]) -> Open {
    let (key, iv) = made.split_at_checked(key).ok_or(Unfit::WrongPassphrase)?;
    let damaged = |_| Unfit::Damaged { what: "its DEK-Info has no whole IV".to_owned() };
    finish(C::new_from_slices(key, iv).map_err(damaged)?, locked)
}

fn finish<C: BlockModeDecrypt>(cipher: C, locked: &[u8]) -> Open {
    let mut bytes = Zeroizing::new(locked.to_vec());
    let length = cipher.decrypt_padded::<Pkcs7>(&mut bytes).map_err(|_| Unfit::WrongPassphrase)?.len();
    bytes.truncate(length);
    Ok(bytes)
}
