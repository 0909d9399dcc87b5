//! The work on what is kept, and how it fails.

use crate::failure::{Code, Failure};
use crate::identity::{Elsewhere, IdentityTrouble, Vault, WaitingKey};

/// Files and keys are not for the async threads.
pub(in crate::service::upkeep) async fn off_the_threads<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Failure::new(Code::StorageFailed, "the work on the key stopped; see the journal")))
}

pub(super) fn unkept(error: &IdentityTrouble) -> Failure {
    match error {
        IdentityTrouble::LinkInPlace { .. } => Failure::invalid(error.to_string())
            .with_hint("Put the file in the place of the link, as root, then give the command again"),
        _ => Failure::new(Code::StorageFailed, error.to_string()),
    }
}

pub(super) fn elsewhere(other: &Elsewhere) -> Failure {
    Failure::new(Code::IdentityElsewhere, other.to_string()).with_hint(other.remedy())
}

/// The key that waits; one whose certificate is in use was left by a crash.
pub(in crate::service::upkeep) fn waiting(vault: &Vault) -> Result<Option<WaitingKey>, Failure> {
    let Some(waits) = vault.waiting().map_err(|error| unkept(&error))? else { return Ok(None) };
    let answered = vault.identity().ok().flatten().is_some_and(|identity| waits.is_key_of(&identity));
    Ok(Some(waits).filter(|_| !answered))
}
