//! Start-up: calls that had begun when the daemon stopped may have happened. Nothing is sent; what nobody knows is
//! shown as such, before the first request is answered.

use super::create::dead_at;
use super::outcome::record;
use crate::domain::LogStatus;
use crate::failure::Failure;
use crate::service::Settings;
use crate::store::{CallOutcome, Change, Ending, Event, Store};
use std::sync::Arc;

/// Ends every call that an earlier run began and did not end; returns how many.
///
/// # Errors
/// `storage_failed`.
pub(in crate::service) async fn recover(store: &Store, settings: Arc<Settings>) -> Result<usize, Failure> {
    store
        .write(move |writing| {
            let running = writing.running()?;
            for (intent, event) in &running {
                let outcome = CallOutcome {
                    status: LogStatus::Pending,
                    error: Some("the daemon stopped before the answer came".to_owned()),
                    provider_code: None,
                    // The wall clocks of two runs are all there is to tell it by.
                    duration_ms: u64::try_from(writing.now.since(event.at).as_millis()).unwrap_or(u64::MAX),
                    ending: ending(&settings, event),
                };
                record(writing, *intent, outcome)?;
            }
            Ok(running.len())
        })
        .await
}

fn ending(settings: &Settings, event: &Event) -> Ending {
    match &event.change {
        Change::CreateIntended { payment, .. } => Ending::Lost { dead_at: dead_at(settings, payment) },
        Change::RefundIntended { .. } => Ending::RefundLost,
        // A cancel moves no money and may be repeated: the next status read tells.
        _ => Ending::Nothing,
    }
}
