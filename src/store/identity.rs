//! What the log says of the key and the certificate in use: that they changed, and that their end is near. The last that
//! was said stands in `meta`, so that each is said once, whatever restarts come between.

use super::event::{Change, IdentityTold, Note};
use super::reading::Reading;
use super::writing::Writing;
use super::{Refused, StoreError};
use crate::domain::Actor;

/// The `meta` entry: the certificates' SHA-256, and the days of the last warning as two bytes.
const META: &str = "identity";

/// No warning yet.
const UNTOLD: u16 = u16::MAX;

/// What was last said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IdentityMark {
    pub(crate) fingerprint: [u8; 32],
    /// The warning was given for so many days.
    pub(crate) warned: Option<u16>,
}

/// What was last said of the identity.
pub(crate) fn identity_mark(reading: &Reading) -> Result<Option<IdentityMark>, StoreError> {
    let Some(bytes) = reading.meta(META)? else { return Ok(None) };
    let mark = bytes.split_first_chunk::<32>().and_then(|(fingerprint, days)| {
        let days = u16::from_be_bytes(days.try_into().ok()?);
        Some(IdentityMark { fingerprint: *fingerprint, warned: (days != UNTOLD).then_some(days) })
    });
    mark.map(Some).ok_or_else(|| StoreError::Codec("what was said of the identity cannot be read".to_owned()))
}

impl Writing<'_> {
    /// Says it once and for all.
    pub(crate) fn tell_identity(
        &mut self,
        actor: Option<Actor>,
        mark: IdentityMark,
        note: Note,
    ) -> Result<(), Refused> {
        let told = match mark.warned {
            None => IdentityTold::Changed { fingerprint: mark.fingerprint },
            Some(days) => IdentityTold::Expiring { fingerprint: mark.fingerprint, days },
        };
        self.append(actor, Change::Identity { told, note })?;
        self.mark_identity(mark)
    }

    /// Remembers it as said.
    pub(crate) fn mark_identity(&mut self, mark: IdentityMark) -> Result<(), Refused> {
        let days = mark.warned.unwrap_or(UNTOLD).to_be_bytes();
        Ok(self.put_meta(META, &[mark.fingerprint.as_slice(), &days].concat())?)
    }
}
