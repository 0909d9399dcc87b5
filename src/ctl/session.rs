//! What every command works with.

use std::path::PathBuf;

use super::out::Out;
use super::repeat::Words;
use super::when::Person;

/// Everything a command needs besides itself.
pub(super) struct Session<'a> {
    /// Where answers go.
    pub(super) out: &'a mut Out,
    /// Of the times shown.
    pub(super) reader: Person,
    /// Data for programs.
    pub(super) json: bool,
    /// Where the daemon is.
    pub(super) socket: PathBuf,
    /// What was typed.
    pub(super) words: Words,
}
