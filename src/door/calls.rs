//! What becomes of one call of a native connection: it is ready, waits for room, is open, and its answer arrives.

use std::pin::Pin;

use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until};

use super::dispatch::Outcome;
use super::outbox::AnswerFrame;
use crate::allowance::Allowance;
use crate::failure::{Code, Failure, Money};
use crate::id::RequestKey;
use crate::metrics::DoorMeters;
use crate::operation::{Effect, Operation, Row};

/// A call without an answer.
pub(super) struct OpenCall {
    /// Its own, for the caller may use its id again once a deadline was told.
    pub(super) serial: u64,
    /// Of a deadline.
    pub(super) clock: Option<AbortHandle>,
}

/// A call that can be begun once there is room for its answer.
pub(super) struct ReadyCall {
    pub(super) id: u32,
    pub(super) key: Option<RequestKey>,
    /// As the caller wrote it, and when it is.
    pub(super) deadline: Option<(u32, Instant)>,
    pub(super) operation: Operation,
}

/// Room that is waited for.
pub(super) type Room = Pin<Box<dyn Future<Output = Result<Allowance, Failure>> + Send>>;

/// An answer that is ready, with the call it belongs to.
pub(super) struct Arriving {
    pub(super) id: u32,
    pub(super) serial: u64,
    pub(super) frame: AnswerFrame,
}

/// Answers a call with `failure` when its caller's time is up.
pub(super) fn clock(
    at: Instant,
    failure: Failure,
    answer: impl FnOnce(Outcome, Option<Allowance>) + Send + 'static,
) -> AbortHandle {
    let clock = tokio::spawn(async move {
        sleep_until(at).await;
        answer(Err(failure), None);
    });
    clock.abort_handle()
}

/// Counts a call by what it came to, in the statuses of HTTP, whether or not its caller still waits.
pub(super) fn count(meters: &DoorMeters, row: &'static Row, failure: Option<&Failure>) {
    let status = failure.map_or(200, |failure| failure.code.status());
    meters.answered(("native", row.method, row.path, status));
}

/// What a caller hears whose deadline has passed. The operation goes on; with a key it can be joined.
pub(super) fn overdue(operation: &Operation, keyed: bool, ms: u32) -> Failure {
    let text = |what: &str| format!("no answer within the caller's deadline of {ms} ms; {what}");
    if operation.row().effect == Effect::Reads {
        return Failure::new(Code::KaspiUnavailable, text("ask again"));
    }
    let failure = Failure::new(Code::InProgress, text("it goes on: ask again with the same key"));
    match operation.moves_money() {
        true => failure.with_money(Money::Unknown).with_retryable(keyed),
        false => failure,
    }
}

/// Ready when there is room for the call that is kept.
pub(super) async fn room(held: &mut Option<(ReadyCall, Room)>) -> Result<Allowance, Failure> {
    match held {
        Some((_, room)) => room.await,
        None => std::future::pending().await,
    }
}

pub(super) async fn until(late: Option<Instant>) {
    match late {
        Some(late) => sleep_until(late).await,
        None => std::future::pending().await,
    }
}
