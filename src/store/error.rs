//! Why the store does not do what it was asked.

use std::path::{Path, PathBuf};

use super::layout::LAYOUT;
use super::remedy::RestoreCommand;
use crate::failure::{Code, Failure};
use crate::seal::SealTrouble;

/// Why the state cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another daemon has the file.
    #[error("{0} is in use: another kaspid runs on this state directory; stop it first (systemctl stop kaspid)")]
    InUse(PathBuf),
    /// The file cannot be opened.
    #[error("cannot open {path}: {why}; {remedy}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What redb or the system says.
        why: String,
        /// What to do.
        remedy: &'static str,
        /// The caller is not let in.
        is_denied: bool,
    },
    /// The file that is open does not have its name any more: somebody removed or replaced it under the running daemon.
    #[error(
        "{0} was removed or replaced while the daemon runs: nothing new is begun, for the next start would not know of it"
    )]
    Displaced(PathBuf),
    /// Something else in the place of the state.
    #[error(
        "{path} is {what}, and the state is a file of that name: move it to another place and bring the file back, or put a \
         backup back ({restore}). Nothing was changed"
    )]
    NotAFile {
        /// The place.
        path: PathBuf,
        /// What is there, in words.
        what: &'static str,
        /// What puts a backup back.
        restore: RestoreCommand,
    },
    /// A link in the place of the state directory, and nothing where it leads.
    #[error(
        "the state directory {path} is a link to {target}, and there is nothing: if that is a disk of its own, mount it and \
         start again; if the disk is lost, make a folder of kaspid's user in place of the link and put a backup back \
         ({restore}). No new state was begun"
    )]
    FolderLinkToNothing {
        /// The link.
        path: PathBuf,
        /// What it names.
        target: PathBuf,
        /// What puts a backup back.
        restore: RestoreCommand,
    },
    /// A link in the place of the state, and nothing where it leads.
    #[error(
        "{path} is a link to {target}, and there is nothing: if that is a disk of its own, mount it and start again; if \
         the disk is lost, remove the link and put a backup back ({restore}). No new state was begun"
    )]
    LinkToNothing {
        /// The link.
        path: PathBuf,
        /// What it names.
        target: PathBuf,
        /// What puts a backup back.
        restore: RestoreCommand,
    },
    /// No state, where there was one.
    #[error(
        "{path} is missing, and {trace} beside it says that there was a state. No new one was begun: bring the file back, \
         or put a backup back ({restore}). Only to begin anew, without the payments and the log there \
         were, move {trace} and whatever else is beside it to another folder and start again"
    )]
    Gone {
        /// Where it should be.
        path: PathBuf,
        /// What was found beside it.
        trace: String,
        /// What puts the newest backup back.
        restore: RestoreCommand,
    },
    /// Written by a newer program.
    #[error(
        "the state was written by a newer kaspid (layout {0}; this one reads up to {LAYOUT}): install that version again"
    )]
    Newer(u8),
    /// Written by an older program, and it could not be brought to this layout.
    #[error(
        "{path} has layout {from} and could not be brought to {LAYOUT}: {why}. It is left as it is: make room for a second \
         file of its size beside it if that is missing, and start again; or install the kaspid that wrote it"
    )]
    Migration {
        /// Which file.
        path: PathBuf,
        /// Its layout.
        from: u8,
        /// What went wrong.
        why: String,
    },
    /// The state is sealed with what is not here, or sealing failed.
    #[error("the state's device tokens cannot be opened: {}{}", .0, .0.last_resort())]
    Sealed(#[source] SealTrouble),
    /// A stored value does not read back.
    #[error("the state is damaged: {0}")]
    Codec(String),
    /// The disk or the file failed.
    #[error("{0}")]
    Io(String),
    /// The file could not be opened again after a failure.
    #[error("the state file is closed after a failure and could not be opened again yet")]
    Closed,
}

impl StoreError {
    /// Of a daemon of this configuration, which the commands in its words then name.
    pub(crate) fn under(mut self, config: &Path) -> Self {
        if let Self::NotAFile { restore, .. }
        | Self::FolderLinkToNothing { restore, .. }
        | Self::LinkToNothing { restore, .. }
        | Self::Gone { restore, .. } = &mut self
        {
            restore.with(config);
        }
        self
    }
}

macro_rules! storage_errors {
    ($($error:ty),*) => { $(impl From<$error> for StoreError {
        fn from(error: $error) -> Self { Self::Io(error.to_string()) }
    }
    impl From<$error> for Refused {
        fn from(error: $error) -> Self { Self::Storage(error.into()) }
    })* };
}
storage_errors!(std::io::Error, redb::StorageError, redb::TableError, redb::TransactionError, redb::CommitError);

impl From<&StoreError> for Failure {
    fn from(error: &StoreError) -> Self {
        let failure = Failure::new(Code::StorageFailed, error.to_string());
        match error {
            StoreError::Displaced(_) => failure.with_hint(DISPLACED),
            _ => failure,
        }
    }
}

/// What to do about a file that has lost its name.
pub(crate) const DISPLACED: &str = "Move the file back to its place, if it is there, before the daemon is stopped. Else save what the daemon has, outside of \
     the state directory: kaspictl backup FILE; then stop it and put that back: kaspictl restore FILE";

/// Why a job gave up: a refusal leaves the transaction to the others, a storage failure takes it down.
pub(crate) enum Refused {
    /// In words for the caller; the job has written nothing.
    Failure(Box<Failure>),
    /// The disk or the file failed.
    Storage(StoreError),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}
