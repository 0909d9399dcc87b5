//! What is wrong with a request to the control interface.

use hyper::StatusCode;

/// A request the control interface cannot do: HTTP status and a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{1}")]
pub struct Complaint(pub(super) StatusCode, pub(super) String);

impl Complaint {
    pub(super) fn bad(sentence: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, sentence.into())
    }

    pub(super) fn absent(sentence: impl Into<String>) -> Self {
        Self(StatusCode::NOT_FOUND, sentence.into())
    }

    /// The HTTP status it is answered with.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.0.as_u16()
    }

    pub(super) fn conflict(sentence: impl Into<String>) -> Self {
        Self(StatusCode::CONFLICT, sentence.into())
    }
}
