//! What the log says of the key and the certificate in use: that they changed, and that their end is near. The last that
//! was said stands in `meta`, so that each is said once, whatever restarts come between.

use std::fs::{File, TryLockError};
use std::path::Path;

use redb::{Builder, ReadableDatabase, StorageBackend};

use super::event::{Change, IdentityTold, Note};
use super::file::{CACHE_BYTES, inaccessible, not_opened, unbroken};
use super::overlay::Overlay;
use super::place::Place;
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

/// What a state tells of an identity to who looks at its file from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HadIdentity {
    /// One was in use here.
    Yes,
    /// None ever was, or there is no state yet.
    No,
    /// It cannot be told now; why, and what to do.
    Untold(String),
    /// The state cannot be read, and no daemon would start on it.
    Unreadable(String),
}

/// Whether an identity was ever in use with the state in `dir`. Changes nothing, also not in a state that was not closed.
pub(crate) fn had_identity(dir: &Path) -> HadIdentity {
    match looked_at(dir) {
        Ok(Some(_)) => HadIdentity::Yes,
        Ok(None) => HadIdentity::No,
        Err(StoreError::InUse(_)) => {
            HadIdentity::Untold("a daemon runs on this state, and may have one: kaspictl status".to_owned())
        }
        // Who asks is no daemon.
        Err(StoreError::Unreadable { is_denied: true, why, .. }) => {
            HadIdentity::Untold(format!("whether there was one, you may not see: {why}"))
        }
        Err(error) => HadIdentity::Unreadable(error.to_string()),
    }
}

fn looked_at(dir: &Path) -> Result<Option<IdentityMark>, StoreError> {
    let (place, true) = Place::find(dir)? else { return Ok(None) };
    let path = &place.file;
    let file = File::open(path).map_err(|error| inaccessible(path, &error))?;
    // Asked and let go at once: a daemon that starts meanwhile must find it free.
    match file.try_lock_shared().and_then(|()| file.unlock().map_err(TryLockError::Error)) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(StoreError::InUse(path.clone())),
        Err(TryLockError::Error(error)) => return Err(inaccessible(path, &error)),
    }
    // Killed, or cut short with the machine, it is mended, in memory.
    let overlay = Overlay::over(file).map_err(|error| inaccessible(path, &error))?;
    // redb would make a new one of it.
    if overlay.len().is_ok_and(|len| len == 0) {
        return Err(StoreError::Codec(format!("{} is empty", path.display())));
    }
    unbroken(path, || {
        let whole = Builder::new().set_cache_size(CACHE_BYTES).create_with_backend(overlay);
        let whole = whole.map_err(|error| not_opened(path, &error))?;
        identity_mark(&Reading::new(whole.begin_read()?, None))
    })
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
