//! What the log says of a call that is not a payment's: a look, a registration, a deletion.

use super::failure::failure_of;
use crate::domain::{LogStatus, OperationType};
use crate::id::OrganizationBin;
use crate::kaspi::{CallContext, CallError};
use crate::moment::Moment;
use crate::store::{Note, StoreError, Writing};

/// How an administrative call ended, for the log.
pub(in crate::service) fn tried(
    operation: OperationType,
    ask: &CallContext,
    began: Moment,
    trouble: Option<&CallError>,
) -> Note {
    let failure = trouble.map(failure_of);
    Note {
        status: if failure.is_some() { LogStatus::Failed } else { LogStatus::Success },
        provider_code: failure.as_ref().and_then(|failure| failure.provider_code),
        error: failure.map(|failure| failure.detail),
        x_request_id: Some(ask.x_request_id.to_string()),
        duration_ms: u64::try_from(Moment::now().since(began).as_millis()).ok(),
        ..Note::done(operation)
    }
}

/// Names the config of a BIN in a note, or the BIN alone.
pub(in crate::service) fn of_bin(writing: &Writing<'_>, note: Note, bin: &OrganizationBin) -> Result<Note, StoreError> {
    Ok(match writing.config(bin)? {
        Some(row) => note.of(&row),
        None => Note { organization_bin: Some(bin.clone()), ..note },
    })
}
