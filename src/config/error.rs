//! Why a configuration cannot be used.

use std::path::PathBuf;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error(
        "cannot read {path}: {source}; mend it, take it out of conf.d if it is there, or name another file with --config"
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML, or has a key that does not exist.
    #[error("{path}: {message}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// Where and what, with the nearest right key.
        message: String,
    },
    /// A value that cannot be meant.
    #[error("{path}: [{section}] {key}: {message}")]
    Judged {
        /// Which file.
        path: PathBuf,
        /// Which section.
        section: &'static str,
        /// Which key.
        key: &'static str,
        /// What is wrong and what to write.
        message: String,
    },
}
