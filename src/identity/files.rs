//! Where an identity is.

use std::path::Path;

/// The files an identity is read from.
#[derive(Clone, Copy, Debug)]
pub struct IdentityFiles<'a> {
    /// PEM or DER.
    pub certificate: &'a Path,
    /// PEM or DER.
    pub key: &'a Path,
    /// The key's passphrase on one line; one newline at its end is not part of it.
    pub passphrase: Option<&'a Path>,
}
