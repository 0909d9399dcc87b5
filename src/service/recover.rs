//! Start-up: calls that had begun when the daemon stopped may have happened. Nothing is sent; what nobody knows is
//! shown as such, before the first request is answered.

use super::{Service, Settings};
use crate::id::Reason;
use crate::operation::{Failure, LogStatus, State};
use crate::store::{Change, Closed, Ending, Event, Outcome, StoreError, Writing};

impl Service {
    /// Ends every call that an earlier run began and did not end; returns how many.
    ///
    /// # Errors
    /// `storage_failed`.
    pub async fn recover(&self) -> Result<usize, Failure> {
        let settings = self.live.get();
        self.store
            .write(move |writing| {
                let running = writing.running()?;
                for (intent, event) in &running {
                    let outcome = Outcome {
                        status: LogStatus::Pending,
                        error: Some("the daemon stopped before the answer came".to_owned()),
                        provider_code: None,
                        duration_ms: u64::try_from(writing.now.since(event.at).as_millis()).unwrap_or(u64::MAX),
                        ending: ending(&settings, event),
                    };
                    writing.append(None, Change::Ended { intent: *intent, outcome })?;
                    give_up_superseded(writing, event)?;
                }
                Ok(running.len())
            })
            .await
    }
}

/// A create that may have happened takes the place of the unknown payment it was to replace, as it would have with
/// its answer (design §6.5).
fn give_up_superseded(writing: &mut Writing<'_>, event: &Event) -> Result<(), StoreError> {
    let Change::CreateIntended { payment, .. } = &event.change else { return Ok(()) };
    let Some(old) = payment.supersedes else { return Ok(()) };
    let is_unknown = writing.payment(old)?.is_some_and(|row| row.state == State::Unknown);
    let reason = format!("superseded by {}, whose answer was lost when the daemon stopped", payment.id);
    if let (true, Ok(reason)) = (is_unknown, Reason::try_from(reason)) {
        writing.append(event.actor.clone(), Change::Resolved { payment: old, closed: Closed::Abandoned, reason })?;
    }
    Ok(())
}

fn ending(settings: &Settings, event: &Event) -> Ending {
    match &event.change {
        Change::CreateIntended { payment, .. } => Ending::Lost { dead_at: super::create::dead_at(settings, payment) },
        Change::RefundIntended { .. } => Ending::RefundPending,
        // A cancel moves no money and may be repeated: the next status read tells.
        _ => Ending::Nothing,
    }
}
