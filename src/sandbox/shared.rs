//! What the bank's front and its control interface share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::authority::Authority;
use super::connections::Connections;
use super::rules::BankState;

/// What all tasks of one bank share.
#[derive(Debug)]
pub(super) struct SharedBank {
    /// One lock for everything the bank knows: calls are short, and their order is then the bank's order.
    pub(super) state: Mutex<BankState>,
    pub(super) connections: Connections,
    /// Signs requests for client certificates, as the bank does by e-mail.
    pub(super) authority: Authority,
    /// What the phone's page shows to be itself.
    pub(super) token: String,
}

impl SharedBank {
    /// Locks the state. A panic elsewhere does not end the bank: every change is made after its checks.
    pub(super) fn state(&self) -> MutexGuard<'_, BankState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
