//! What must not be read from the file alone: how device tokens and the secret behind keyed hashes lie in it, and the
//! marks by which the log knows tokens that it does not hold.
//!
//! With a seal both are sealed, each for its place; without one they lie as they are. All of a file is sealed with one
//! seal, whose number stands in `meta`.

use redb::Table;
use ring::hmac;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{StoreError, codec};
use crate::id::{DeviceToken, OrganizationBin, TradePointId};
use crate::seal::{Seal, SealId};

/// The `meta` entry of the secret behind [`Secrets::hash`].
pub(super) const SECRET: &str = "secret";

/// The `meta` entry of the number of the seal; none where nothing is sealed.
pub(super) const SEAL: &str = "seal";

/// What stands at a (BIN, trade point). `None` remembers a device that was deleted at Kaspi on purpose: nothing registers it
/// again by itself.
pub(super) type Device = Option<DeviceToken>;

/// How what stands at a (BIN, trade point) lies in the file. The first two are stored as an `Option` of a token was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Laid {
    /// Deleted at Kaspi on purpose.
    Deleted,
    /// As it is.
    Plain(DeviceToken),
    /// Sealed for its place.
    Sealed(Vec<u8>),
}

/// A keyed hash of a token and where it stands: enough to notice another token, and nothing to find it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TokenMark(pub(super) [u8; 16]);

/// The secrets of an open file.
pub(super) struct Secrets {
    seal: Option<Seal>,
    secret: Zeroizing<Vec<u8>>,
}

impl Secrets {
    /// Those of a file: its seal, and the secret as it lies there.
    pub(super) fn opened(seal: Option<Seal>, stored: Zeroizing<Vec<u8>>) -> Result<Self, StoreError> {
        let secret = match &seal {
            Some(seal) => seal.open(SECRET, &stored).map_err(StoreError::Sealed)?,
            None => stored,
        };
        Ok(Self { seal, secret })
    }

    /// The same secret under another seal, or none.
    pub(super) fn under(&self, seal: Option<&Seal>) -> Self {
        Self { seal: seal.cloned(), secret: self.secret.clone() }
    }

    /// New ones, for a file that holds nothing.
    pub(super) fn new(seal: Option<&Seal>) -> Self {
        let secret = [*uuid::Uuid::new_v4().as_bytes(), *uuid::Uuid::new_v4().as_bytes()].concat();
        Self { seal: seal.cloned(), secret: Zeroizing::new(secret) }
    }

    /// The number of the seal, as it stands in `meta`.
    pub(super) fn seal_id(&self) -> Option<SealId> {
        self.seal.as_ref().map(Seal::id)
    }

    /// Writes the secret and the number of its seal.
    pub(super) fn put(&self, meta: &mut Table<'_, &'static str, &'static [u8]>) -> Result<(), StoreError> {
        let laid = match &self.seal {
            Some(seal) => seal.seal(SECRET, &self.secret).map(Zeroizing::new).map_err(StoreError::Sealed)?,
            None => self.secret.clone(),
        };
        meta.insert(SECRET, laid.as_slice())?;
        if let Some(seal) = &self.seal {
            meta.insert(SEAL, seal.id().bytes().as_slice())?;
        }
        Ok(())
    }

    /// What stands at a (BIN, trade point), as it lies in the file.
    pub(super) fn lay(&self, point: (&str, &str), device: &Device) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let laid = match (device, &self.seal) {
            (None, _) => Laid::Deleted,
            (Some(token), None) => Laid::Plain(token.clone()),
            (Some(token), Some(seal)) => {
                Laid::Sealed(seal.seal(&place(point), token.expose().as_bytes()).map_err(StoreError::Sealed)?)
            }
        };
        codec::encode(&laid).map(Zeroizing::new)
    }

    /// What lies at a (BIN, trade point).
    pub(super) fn take(&self, point: (&str, &str), stored: &[u8]) -> Result<Device, StoreError> {
        match (codec::decode(stored)?, &self.seal) {
            (Laid::Deleted, _) => Ok(None),
            (Laid::Plain(token), _) => Ok(Some(token)),
            (Laid::Sealed(sealed), Some(seal)) => {
                let opened = seal.open(&place(point), &sealed).map_err(StoreError::Sealed)?;
                let text = std::str::from_utf8(&opened).ok().map(str::to_owned);
                let token = text.and_then(|text| DeviceToken::try_from(text).ok());
                token.map(Some).ok_or_else(|| StoreError::Codec("what was sealed as a token is none".to_owned()))
            }
            (Laid::Sealed(_), None) => {
                Err(StoreError::Codec("a device token is sealed in a file that says it is not".to_owned()))
            }
        }
    }

    /// The mark of a token at its place.
    pub(super) fn mark(&self, bin: &OrganizationBin, trade_point: &TradePointId, token: &DeviceToken) -> TokenMark {
        let mut hmac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.secret));
        // None of these holds a zero byte, so no two of them make the same bytes.
        for part in ["token", bin.as_str(), trade_point.as_str(), token.expose()] {
            hmac.update(part.as_bytes());
            hmac.update(&[0]);
        }
        TokenMark(hmac.sign().as_ref().first_chunk().copied().unwrap_or_default())
    }

    /// A keyed hash, by which a phone or a request can be compared and not read.
    pub(super) fn hash(&self, text: &str) -> [u8; 8] {
        let digest = Sha256::new().chain_update(self.secret.as_slice()).chain_update(text).finalize();
        digest.first_chunk().copied().unwrap_or_default()
    }
}

/// Said of tokens where nobody may open them.
pub(super) fn locked() -> StoreError {
    StoreError::Codec("device tokens are not open here".to_owned())
}

/// The place that a sealed token is bound to.
fn place((bin, trade_point): (&str, &str)) -> String {
    format!("device\0{bin}\0{trade_point}")
}
