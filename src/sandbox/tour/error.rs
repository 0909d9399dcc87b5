//! Why a tour ends early.

use crate::client::ClientError;
use crate::failure::Failure;
use crate::sandbox::daemon::CannotRun;
use crate::sandbox::shop::CannotOpen;

/// Why the tour did not end well.
#[derive(Debug, thiserror::Error)]
pub enum TourError {
    /// Bank or daemon did not start.
    #[error(transparent)]
    Open(#[from] CannotOpen),
    /// The daemon did not stop in order.
    #[error(transparent)]
    Stop(#[from] CannotRun),
    /// The daemon gave no answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The daemon did not do what it must do.
    #[error("{line}: {failure}; {}", failure.remedy())]
    Refused {
        /// What was asked.
        line: String,
        /// What it said.
        failure: Box<Failure>,
    },
    /// An answer, or the bank's books, are not what they must be.
    #[error("{0}")]
    Wrong(String),
    /// The same with what the daemon wrote last.
    #[error("{error}\nthe daemon's log ends:\n{log}")]
    Logged {
        /// What went wrong.
        error: Box<TourError>,
        /// The last lines.
        log: String,
    },
}

/// Holds or is the sentence that ends the tour.
pub(super) fn must(holds: bool, sentence: impl FnOnce() -> String) -> Result<(), TourError> {
    if holds { Ok(()) } else { Err(TourError::Wrong(sentence())) }
}
