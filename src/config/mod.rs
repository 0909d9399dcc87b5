//! `kaspid.toml` to a checked [`Configuration`]. Every setting is one row of the [`table`], and from the rows follow the
//! typed sections, their defaults, what is refused and how, the shipped file, the manual's table and what a report for
//! support tells. Unknown keys are refused by name; relative paths begin at the file. `kaspid check` and the daemon
//! share this code.

mod error;
mod file;
mod row;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod value;

use std::path::{Path, PathBuf};

use crate::id::OurBank;

pub use error::ConfigError;
pub use row::{SectionRows, Setting, SettingRow};
pub use table::{
    AccessSettings, Configuration, DaemonSettings, FollowSettings, IdentitySettings, KaspiSettings, LimitSettings,
    LogSettings, PaymentSettings, SECTIONS, VerifySettings,
};
pub use value::{PhonePrefix, ShopRule, StatusVersion, Supersede};

impl KaspiSettings {
    /// The bank we speak to, and the addresses it had before.
    #[must_use]
    pub fn bank(&self) -> OurBank {
        OurBank { url: self.url.clone(), formerly: self.formerly.clone() }
    }
}

impl Configuration {
    /// Reads and checks a file and, behind it, those that end with `.toml` in the folder `conf.d` beside it, in the order of
    /// their names: of each setting holds what the last of them says, and of `[[access.shop]]` all that they say together.
    ///
    /// # Errors
    /// [`ConfigError`], which names the file and the key.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        file::load(path)
    }

    /// The same as if a file of `conf.d` held this text: what it would be read as before it is put there.
    ///
    /// # Errors
    /// As [`Configuration::load`].
    pub fn load_with(path: &Path, proposed: (&Path, &str)) -> Result<Self, ConfigError> {
        file::load_with(path, Some(proposed))
    }

    /// The files that are read behind the one at `path`, in their order.
    ///
    /// # Errors
    /// [`ConfigError::Unreadable`], which names the folder.
    pub fn further(path: &Path) -> Result<Vec<PathBuf>, ConfigError> {
        file::further(path)
    }

    /// Checks the text of a file; `path` is where relative paths begin and what errors name.
    ///
    /// # Errors
    /// [`ConfigError`], which names the file and the key.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        file::parse(&[(text, path)], path)
    }
}
