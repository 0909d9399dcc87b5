//! Why setup goes no further.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::client::ClientError;
use crate::ctl::exit::{self, Exit};
use crate::failure::Failure;

/// Why it went no further. All that was done stays done, and the next call goes on behind it.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetupError {
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{}: {why}", .path.display())]
    Answers { path: PathBuf, why: String },
    #[error("{0} is not answered: write it into the file, or run kaspictl setup at a terminal")]
    Unanswered(&'static str),
    #[error(
        "there is no terminal to ask at: kaspictl setup --answers FILE; what stands in one tells kaspictl help setup"
    )]
    NobodyAnswers,
    #[error("nobody answers any more")]
    Left,
    #[error("{command}: {why}")]
    Command { command: String, why: String },
    #[error("{0}")]
    NotHere(String),
    /// A bill of which nobody knows whether it was, or will be, paid.
    #[error("{0}")]
    InDoubt(String),
    #[error("{}; {}", .0.detail, .0.remedy())]
    Refused(Box<Failure>),
    #[error(transparent)]
    NoAnswer(#[from] ClientError),
}

impl SetupError {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::File { source, .. } if source.kind() == ErrorKind::PermissionDenied => Exit::Denied,
            Self::Unanswered(_) | Self::NobodyAnswers | Self::Left | Self::Answers { .. } => Exit::Usage,
            Self::InDoubt(_) => Exit::Unknown,
            Self::Refused(failure) => exit::of_failure(failure),
            Self::NoAnswer(error) => exit::of_client(error, false),
            _ => Exit::Refused,
        }
    }
}
