//! What an identity is read from.

use std::path::Path;

/// The files an identity is read from.
#[derive(Clone, Copy, Debug)]
pub struct IdentityFiles<'a> {
    /// In any form; with the key in it, where both are one file.
    pub certificate: &'a Path,
    /// In any form.
    pub key: &'a Path,
    /// The key's passphrase on one line; one newline at its end is not part of it.
    pub passphrase: Option<&'a Path>,
}

/// A file that was handed over: its bytes, and what people call it.
#[derive(Clone, Copy)]
pub struct Handed<'a> {
    /// For messages.
    pub name: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
}
