//! The seals of one start: which one seals from now on, and which one may still have to be opened.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::key::{MOST, Seal, SealId, SealTrouble, id_of};

/// The credential that seals.
const CURRENT: &str = "kaspid.seal";

/// The one it takes over from: what is sealed with it is sealed anew at start, or unsealed where there is no other.
const FORMER: &str = "kaspid.seal.old";

/// By what a sealed file is told from a plain one: no PEM and no DER begins so.
const SIGN: &[u8] = b"kaspid sealed 1\n";

/// The seals that are here. Without one everything lies in plain files of mode 0600.
#[derive(Clone, Debug, Default)]
pub struct Seals {
    current: Option<Seal>,
    former: Option<Seal>,
}

impl Seals {
    /// The seals among the credentials that this process was started with. Read once: they are those of the whole run.
    ///
    /// # Errors
    /// [`SealTrouble`]: one is there and cannot be used.
    pub fn of_this_process() -> Result<Self, SealTrouble> {
        std::env::var_os("CREDENTIALS_DIRECTORY")
            .map_or_else(|| Ok(Self::default()), |dir| Self::within(Path::new(&dir)))
    }

    /// The seals in a folder of credentials.
    pub(super) fn within(dir: &Path) -> Result<Self, SealTrouble> {
        Ok(Self { current: read(&dir.join(CURRENT))?, former: read(&dir.join(FORMER))? })
    }

    /// The seal of what is written from now on.
    #[must_use]
    pub fn current(&self) -> Option<&Seal> {
        self.current.as_ref()
    }

    /// The seal of this number, if it is here.
    ///
    /// # Errors
    /// [`SealTrouble::Other`] or [`SealTrouble::Missing`].
    pub fn of(&self, id: SealId) -> Result<&Seal, SealTrouble> {
        let found = [&self.current, &self.former].into_iter().flatten().find(|seal| seal.id() == id);
        found.ok_or(match self.current {
            Some(_) => SealTrouble::Other(id),
            None => SealTrouble::Missing(id),
        })
    }

    /// A whole file as it is to lie on the disk: sealed where there is a seal.
    ///
    /// # Errors
    /// [`SealTrouble::System`].
    pub fn wrap(&self, place: &str, plain: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealTrouble> {
        let wrapped = match &self.current {
            Some(seal) => [SIGN, &seal.seal(place, plain)?].concat(),
            None => plain.to_vec(),
        };
        Ok(Zeroizing::new(wrapped))
    }

    /// With which seal a file as it lies on the disk is sealed; none for a plain one.
    ///
    /// # Errors
    /// [`SealTrouble::Damaged`].
    pub fn seal_of(wrapped: &[u8]) -> Result<Option<SealId>, SealTrouble> {
        wrapped.strip_prefix(SIGN).map(id_of).transpose()
    }

    /// What was wrapped, and whether it is to be wrapped anew: it is not sealed as it would be now.
    ///
    /// # Errors
    /// [`SealTrouble`]: its seal is not here, or it is damaged.
    pub fn unwrap(&self, place: &str, wrapped: &[u8]) -> Result<(Zeroizing<Vec<u8>>, bool), SealTrouble> {
        let Some(sealed) = wrapped.strip_prefix(SIGN) else {
            return Ok((Zeroizing::new(wrapped.to_vec()), self.current.is_some()));
        };
        let id = id_of(sealed)?;
        let plain = self.of(id)?.open(place, sealed)?;
        Ok((plain, self.current.as_ref().map(Seal::id) != Some(id)))
    }
}

fn read(path: &Path) -> Result<Option<Seal>, SealTrouble> {
    let unreadable = |source| SealTrouble::Unreadable { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    // Room for all of it at once: a vector that grows leaves copies of a secret behind.
    let mut secret = Zeroizing::new(Vec::with_capacity(MOST + 2));
    file.take(u64::try_from(MOST).unwrap_or(u64::MAX) + 1).read_to_end(&mut secret).map_err(unreadable)?;
    Seal::from_secret(&secret, path).map(Some)
}
