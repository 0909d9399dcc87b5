//! One question to the daemon: its operation, its key, and how the end of it is judged and shown.

use std::path::PathBuf;

use crate::id::{NotAnId, OrganizationBin, RequestKey};
use crate::moment::Span;
use crate::operation::Operation;

/// One operation for the daemon.
pub(super) struct Invocation {
    /// It. A create carries its `wait` as an HTTP client would send it.
    pub(super) operation: Operation,
    /// Of a create, cancel or refund.
    pub(super) key: Option<Key>,
    /// When the command is done.
    pub(super) goal: Goal,
    /// Where the device token of an enrolment is; it never stands on a command line.
    pub(super) token_file: Option<PathBuf>,
    /// Where the files of an identity are.
    pub(super) handed: Option<HandedPaths>,
    /// A thing to say yes to before anything is sent.
    pub(super) confirm: Option<Confirm>,
    /// Draw the payment's code even when stdout is not a terminal.
    pub(super) draw: bool,
    /// Where a page of the answer goes, for a browser.
    pub(super) page: Option<PathBuf>,
    /// The file that is sent or kept, where the operation is streamed.
    pub(super) transfer: Option<Transfer>,
}

/// The files of an identity. What is in them never stands on a command line.
#[derive(Default)]
pub(super) struct HandedPaths {
    pub(super) key: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) chain: Option<PathBuf>,
    pub(super) pkcs12: Option<PathBuf>,
    pub(super) passphrase: Option<PathBuf>,
    /// Remove the file with the key once the daemon keeps it.
    pub(super) remove: bool,
}

/// The file of a streamed operation.
pub(super) enum Transfer {
    /// The answer goes there, or to stdout.
    Save(Option<PathBuf>),
    /// The request is this, or stdin for `-`.
    Send(PathBuf),
}

/// The name of one intention.
pub(super) struct Key {
    /// As sent.
    pub(super) key: RequestKey,
    /// Made here, so the caller does not know it yet.
    pub(super) made: bool,
}

/// When a command is done, which decides its exit code (architecture §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// There is an answer.
    Answer,
    /// The customer is billed.
    Billed,
    /// The payment is final; waits at most this long.
    Final(Span),
    /// Somebody has seen enough of the log.
    Follow,
    /// The payment is cancelled.
    Cancelled,
    /// The money is paid back.
    PaidBack,
}

/// Deleting a device stops the refunds of its payments.
pub(super) enum Confirm {
    /// Kaspi forgets the device of this organisation: a person types its BIN to agree, and whoever is not there has not agreed.
    Forget(OrganizationBin),
    /// Money leaves: a person at a terminal says yes. A program that asks means it.
    PayBack,
    /// A payment of Kaspi is said to be ours: a person at a terminal has compared the two.
    Attach,
    /// Nothing is done: what would be is said.
    Rehearse,
}

impl Invocation {
    /// Asks once and shows the answer.
    pub(super) fn once(operation: impl Into<Operation>) -> Self {
        let operation = operation.into();
        Self {
            operation,
            key: None,
            goal: Goal::Answer,
            token_file: None,
            handed: None,
            confirm: None,
            draw: false,
            page: None,
            transfer: None,
        }
    }

    /// The same with a key, made here unless the caller gave one.
    pub(super) fn keyed(mut self, key: Option<RequestKey>, goal: Goal) -> Result<Self, NotAnId> {
        self.key = Some(match key {
            Some(key) => Key { key, made: false },
            None => Key { key: fresh_key()?, made: true },
        });
        self.goal = goal;
        Ok(self)
    }
}

/// A key for one intention that nobody has named.
fn fresh_key() -> Result<RequestKey, NotAnId> {
    uuid::Uuid::new_v4().to_string().parse()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

    use super::*;

    #[test]
    fn keys_made_here_differ() {
        assert_ne!(fresh_key().unwrap(), fresh_key().unwrap());
    }
}
