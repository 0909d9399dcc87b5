//! A file of an identity into memory, and why nothing was sent.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::identity::IdentityTrouble;
use crate::operation::HandedFile;

/// More than any key or certificate; the daemon takes no larger request.
const LARGEST: u64 = 256 << 10;

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(in crate::ctl) enum NotHanded {
    /// A file.
    #[error("cannot read {}: {source}", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is in it.
    #[error("nothing was sent: {0}")]
    Unfit(#[from] IdentityTrouble),
    /// A key in a file of its own.
    #[error(
        "nothing was sent: {} holds a private key and no certificate: give that too, --cert FILE (the .cer or .p7b that the \
         bank sent back)",
        .0.display()
    )]
    KeyAlone(PathBuf),
    /// What was called PKCS#12.
    #[error(
        "nothing was sent: {} is no PKCS#12 file: give a key and its certificate as --key FILE --cert FILE",
        .0.display()
    )]
    NotBoth(PathBuf),
    /// What is to be removed is a link, and the key would stay behind it.
    #[error(
        "nothing was sent: {} is a link to {}, and removing it would leave the key there; name that file, or leave \
         --remove-source out",
        .file.display(), .target.display()
    )]
    Link {
        /// Which.
        file: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// What is to be removed is a pipe or a device.
    #[error("nothing was sent: {} is no file that could be removed; leave --remove-source out", .0.display())]
    NotAFile(PathBuf),
    /// The passphrase.
    #[error("the passphrase in {} is not UTF-8 text: save its file anew", .0.display())]
    NotText(PathBuf),
    /// The terminal.
    #[error("the passphrase cannot be asked for: {0}; give it with --passphrase-file")]
    NoTerminal(io::Error),
}

pub(super) fn read(path: &Path) -> Result<HandedFile, NotHanded> {
    read_from(path, File::open(path))
}

/// All of a file that is open; `path` is what people call it.
pub(super) fn read_from(path: &Path, opened: io::Result<impl Read>) -> Result<HandedFile, NotHanded> {
    let unreadable = |source| NotHanded::Unreadable { file: path.to_owned(), source };
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
    opened.and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        return Err(unreadable(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "no key or certificate is larger than 256 KiB",
        )));
    }
    Ok(HandedFile::new(bytes))
}
