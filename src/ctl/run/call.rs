//! How an operation is sent, and what a lost answer of it leaves open.

use std::time::Duration;

use crate::operation::{Effect, Operation};

/// Longer than the daemon needs for a refund that the bank leaves in doubt (`refund_settle`, 60 s by default).
pub(super) const PATIENCE: Duration = Duration::from_secs(180);

/// A create answers as soon as the customer is billed, so that there is something to show during the wait.
pub(super) fn at_once(operation: &Operation) -> Operation {
    let mut operation = operation.clone();
    if let Operation::Create(create) = &mut operation {
        create.wait = None;
    }
    operation
}

/// How long to wait for an answer. Reading the log takes as long as it is.
pub(super) fn patience(operation: &Operation) -> Option<Duration> {
    match operation {
        Operation::LogVerify(_) | Operation::ReportDay(_) | Operation::ReportRange(_) => None,
        _ => Some(PATIENCE),
    }
}

/// True if a lost answer leaves open whether something has changed.
pub(super) fn changes(operation: &Operation) -> bool {
    operation.row().effect != Effect::Reads
}
