//! Why a command line means nothing.

use crate::ctl::when::NotATime;
use crate::id::NotAnId;

/// A command line that means nothing, beyond what clap can tell.
#[derive(Debug, thiserror::Error)]
pub(in crate::ctl) enum Usage {
    /// A phone number, a key.
    #[error(transparent)]
    Id(#[from] NotAnId),
    /// A date, a time, a zone.
    #[error(transparent)]
    Time(#[from] NotATime),
    /// Options that only mean something together.
    #[error("{0}")]
    Incomplete(&'static str),
    /// A name that promises another kind of file than can be written.
    #[error("{name} names {kind}, which is not what would be written: {instead}")]
    OtherFile {
        /// The file as typed.
        name: String,
        /// What programs take a file of such a name for.
        kind: &'static str,
        /// What to type.
        instead: String,
    },
    /// With --api, what works without the daemon or asks it for many things.
    #[error("{0} stands for no single HTTP request")]
    NoRequest(&'static str),
}
