//! One seal: what it seals and opens, and why it does not.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

/// Which seal it is; tells nothing of its key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SealId([u8; 8]);

impl SealId {
    /// As stored.
    #[must_use]
    pub fn bytes(&self) -> [u8; 8] {
        self.0
    }

    /// From what is stored.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for SealId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What was typed is no number of a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no number of a seal, which is 16 digits 0-9 and a-f, as the daemon's refusal names it")]
pub struct NotASealId;

impl FromStr for SealId {
    type Err = NotASealId;

    fn from_str(text: &str) -> Result<Self, NotASealId> {
        let is_one = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        let number = u64::from_str_radix(text, 16).ok().filter(|_| is_one);
        number.map(|number| Self(number.to_be_bytes())).ok_or(NotASealId)
    }
}

impl fmt::Debug for SealId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealId({self})")
    }
}

/// A key that seals. Cheap to clone; `Debug` shows its number only.
#[derive(Clone)]
pub struct Seal {
    key: Arc<LessSafeKey>,
    id: SealId,
}

/// Why a value was not sealed or opened, or why there is no seal.
#[derive(Debug, thiserror::Error)]
pub enum SealTrouble {
    /// The credential cannot be read.
    #[error("the seal's credential {path} cannot be read: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Too short to be a secret, or too long to be meant.
    #[error(
        "the seal's credential {0} must hold {LEAST} to {MOST} bytes; make one with: head -c 32 /dev/urandom | \
         systemd-creds encrypt --name=kaspid.seal - /etc/credstore.encrypted/kaspid.seal"
    )]
    Length(PathBuf),
    /// Sealed with a seal that is not here.
    #[error(
        "it is sealed with seal {0}, which is not the one that is here; put the credential kaspid.seal back, or give the \
         former one as kaspid.seal.old for one start"
    )]
    Other(SealId),
    /// Sealed, and no seal is here.
    #[error("it is sealed with seal {0}, and there is no credential kaspid.seal; put it back")]
    Missing(SealId),
    /// Neither as it was sealed nor where.
    #[error("what is sealed there is damaged, or was put there from another place")]
    Damaged,
    /// No randomness, or nothing to encrypt with.
    #[error("the system's cryptography failed")]
    System,
}

impl SealTrouble {
    /// What is left where the seal is lost for good, as the end of a message; nothing where it is not that.
    #[must_use]
    pub fn last_resort(&self) -> String {
        match self {
            Self::Other(id) | Self::Missing(id) => format!(
                ". Only if the seal is lost for good: kaspid forget-sealed {id} gives up what it sealed and keeps all else"
            ),
            Self::Unreadable { .. } | Self::Length(_) | Self::Damaged | Self::System => String::new(),
        }
    }
}

/// Fewer bytes could be guessed.
const LEAST: usize = 16;

/// More are a file that was not meant.
pub(super) const MOST: usize = 4096;

impl Seal {
    /// The seal that a secret makes; `path` is where it was read.
    ///
    /// # Errors
    /// [`SealTrouble::Length`].
    pub fn from_secret(secret: &[u8], path: &Path) -> Result<Self, SealTrouble> {
        if !(LEAST..=MOST).contains(&secret.len()) {
            return Err(SealTrouble::Length(path.to_owned()));
        }
        let key = derived::<32>(secret, b"kaspid seal 1 key")?;
        let key = UnboundKey::new(&AES_256_GCM, key.as_slice()).map_err(|_| SealTrouble::System)?;
        let id = SealId(*derived::<8>(secret, b"kaspid seal 1 id")?);
        Ok(Self { key: Arc::new(LessSafeKey::new(key)), id })
    }

    /// Which one it is.
    #[must_use]
    pub fn id(&self) -> SealId {
        self.id
    }

    /// Seals a value for its place: the seal's number, a random nonce, the encrypted value, its tag.
    ///
    /// # Errors
    /// [`SealTrouble::System`].
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>, SealTrouble> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| SealTrouble::System)?;
        let mut sealed = Vec::with_capacity(8 + NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(plain);
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut sealed)
            .map_err(|_| SealTrouble::System)?;
        sealed.extend_from_slice(tag.as_ref());
        sealed.splice(0..0, self.id.0.into_iter().chain(nonce));
        Ok(sealed)
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// [`SealTrouble::Other`] for another seal's, [`SealTrouble::Damaged`].
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealTrouble> {
        let id = id_of(sealed)?;
        if id != self.id {
            return Err(SealTrouble::Other(id));
        }
        let (nonce, value) = sealed.get(8..).and_then(|rest| rest.split_first_chunk()).ok_or(SealTrouble::Damaged)?;
        let mut value = Zeroizing::new(value.to_vec());
        let plain = self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(place), &mut value);
        let length = plain.map_err(|_| SealTrouble::Damaged)?.len();
        value.truncate(length);
        Ok(value)
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seal").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The number of the seal that a sealed value names.
pub(super) fn id_of(sealed: &[u8]) -> Result<SealId, SealTrouble> {
    sealed.first_chunk().map(|id| SealId(*id)).ok_or(SealTrouble::Damaged)
}

/// Bytes that follow from the secret and from nothing else, for one use.
fn derived<const N: usize>(secret: &[u8], purpose: &'static [u8]) -> Result<Zeroizing<[u8; N]>, SealTrouble> {
    struct OkmLength(usize);
    impl KeyType for OkmLength {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut bytes = Zeroizing::new([0; N]);
    let salt = Salt::new(HKDF_SHA256, b"kaspid.seal");
    let filled = salt.extract(secret).expand(&[purpose], OkmLength(N)).and_then(|okm| okm.fill(bytes.as_mut_slice()));
    filled.map(|()| bytes).map_err(|_| SealTrouble::System)
}
