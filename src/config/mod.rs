//! `kaspid.toml` to a checked [`Configuration`]. Every setting is one row of the [`table`], and from the rows follow the
//! typed sections, their defaults, what is refused and how, the shipped file, the manual's table and what a report for
//! support tells. Unknown keys are refused by name; relative paths begin at the file. `kaspid check` and the daemon
//! share this code.

mod file;
mod row;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod value;

use std::path::{Path, PathBuf};

use crate::id::OurBank;

pub use row::{SectionRows, Setting, SettingRow};
pub use table::{
    AccessSettings, Configuration, DaemonSettings, FollowSettings, IdentitySettings, KaspiSettings, LimitSettings,
    PaymentSettings, SECTIONS, VerifySettings,
};
pub use value::{PhonePrefix, ShopRule, StatusVersion, Supersede};

impl KaspiSettings {
    /// The bank we speak to, and the addresses it had before.
    #[must_use]
    pub fn bank(&self) -> OurBank {
        OurBank { url: self.url.clone(), formerly: self.formerly.clone() }
    }
}

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}; name another file with --config")]
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

impl Configuration {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`ConfigError`], which names the file and the key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// Checks the text of a file; `path` is where relative paths begin and what errors name.
    ///
    /// # Errors
    /// [`ConfigError`], which names the file and the key.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        file::parse(text, path)
    }
}
