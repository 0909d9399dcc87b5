//! The native encoding: frames into operations, outcomes into frames, nothing else.
//!
//! One task reads and writes a connection; each operation runs in a task of its own and sends its outcome
//! back. While [`IN_FLIGHT`] calls wait, or the client does not read, nothing more is read.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout};
use zeroize::Zeroize;

use super::closing::stopped;
use super::dispatch::{Dispatcher, Outcome, Submission};
use super::limits::IN_FLIGHT;
use crate::access::Presence;
use crate::failure::{Code, Failure, Money};
use crate::frame::{self, Answer, Call, FrameError, Hello, PROTOCOL, Welcome};
use crate::id::RequestKey;
use crate::metrics::DoorMeters;
use crate::operation::{Effect, Operation, Row};

/// Why a conversation ends.
enum End {
    /// The client is gone, or does not take its answers.
    Gone,
    /// The client is told why.
    Told(Box<Failure>),
}

impl From<FrameError> for End {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Closed | FrameError::Cut | FrameError::Io(_) => Self::Gone,
            FrameError::TooLarge { .. } => Self::told(Failure::new(Code::TooLarge, error.to_string())),
            FrameError::Malformed { .. } | FrameError::Trailing { .. } => {
                Self::told(Failure::invalid(error.to_string()))
            }
        }
    }
}

impl End {
    fn told(failure: Failure) -> Self {
        Self::Told(Box::new(failure))
    }
}

/// One connection.
struct Conversation {
    stream: UnixStream,
    dispatcher: Arc<Dispatcher>,
    /// Bytes that are not a whole frame yet, and since when there are some.
    inbox: Vec<u8>,
    begun: Instant,
    /// Calls without an answer, with the clock of each that has a deadline.
    open: HashMap<u32, Option<AbortHandle>>,
    /// Where operations and clocks send; at most two answers per open call.
    outcomes: mpsc::UnboundedSender<(u32, Outcome)>,
    /// Over with the connection.
    presence: Presence,
}

/// Serves one connection until the client goes away, takes too long, breaks the protocol, or the door closes.
/// Calls that run are answered first, whatever the reason.
pub(super) async fn serve(
    stream: UnixStream,
    inbox: Vec<u8>,
    dispatcher: Arc<Dispatcher>,
    mut stop: watch::Receiver<bool>,
) {
    let (outcomes, mut arriving) = mpsc::unbounded_channel();
    let begun = Instant::now();
    let (_there, presence) = Presence::begin();
    let mut talk = Conversation { stream, dispatcher, inbox, begun, open: HashMap::new(), outcomes, presence };
    let greeted = tokio::select! {
        greeted = talk.greet() => greeted,
        () = stopped(&mut stop) => Err(End::Gone),
    };
    let end = match greeted {
        Ok(()) => talk.converse(&mut arriving, &mut stop).await,
        Err(end) => end,
    };
    if let End::Told(failure) = end
        && talk.finish(&mut arriving).await.is_ok()
    {
        let last = Answer { id: frame::CONNECTION, result: Err(*failure) };
        // The client may be gone by now.
        let _ = talk.send(&last).await;
    }
    talk.open.into_values().flatten().for_each(|clock| clock.abort());
}

impl Conversation {
    async fn greet(&mut self) -> Result<(), End> {
        let hello = loop {
            // Nobody has a version to speak before Hello is read; a bad one is told after a Welcome.
            match self.next::<Hello>() {
                Ok(Some(hello)) => break Ok(hello),
                Ok(None) => self.receive(self.begun + self.dispatcher.limits.request).await?,
                Err(error) => break Err(error),
            }
        };
        self.send(&Welcome { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() }).await?;
        let Hello { protocol, client } = hello?;
        if protocol != PROTOCOL {
            return Err(End::Gone);
        }
        let name: String = client.chars().filter(|c| !c.is_control()).take(64).collect();
        tracing::debug!(client = name, uid = self.dispatcher.caller.uid, pid = self.dispatcher.caller.pid, "hello");
        match &self.dispatcher.refusal {
            Some(refusal) => Err(End::told(refusal.clone())),
            None => Ok(()),
        }
    }

    async fn converse(
        &mut self,
        arriving: &mut mpsc::UnboundedReceiver<(u32, Outcome)>,
        stop: &mut watch::Receiver<bool>,
    ) -> End {
        let mut quiet_since = Instant::now();
        loop {
            if let Err(end) = self.begin_calls() {
                return end;
            }
            let reading = self.open.len() < IN_FLIGHT;
            let late = match (self.inbox.is_empty(), self.open.is_empty()) {
                (false, _) if reading => Some(self.begun + self.dispatcher.limits.request),
                (true, true) => Some(quiet_since + self.dispatcher.limits.idle),
                _ => None,
            };
            let was_empty = self.inbox.is_empty();
            tokio::select! {
                biased;
                Some(first) = arriving.recv() => {
                    if self.send_all(first, arriving).await.is_err() {
                        return End::Gone;
                    }
                    quiet_since = Instant::now();
                    // A call that had to wait for its place has its time from now on.
                    self.begun = if reading { self.begun } else { quiet_since };
                }
                read = self.stream.read_buf(&mut self.inbox), if reading => match read {
                    Ok(0) | Err(_) => return End::Gone,
                    Ok(_) if was_empty => self.begun = Instant::now(),
                    Ok(_) => {}
                },
                () = stopped(stop) => return End::told(Failure::new(Code::ShuttingDown, "the daemon is stopping")),
                () = until(late) => return End::Gone,
            }
        }
    }

    /// Waits for what runs. The client may have gone: the operations go on without it.
    async fn finish(&mut self, arriving: &mut mpsc::UnboundedReceiver<(u32, Outcome)>) -> Result<(), End> {
        while !self.open.is_empty() {
            let Some(first) = arriving.recv().await else { return Ok(()) };
            self.send_all(first, arriving).await?;
        }
        Ok(())
    }

    /// Begins every call that is whole and has a place.
    fn begin_calls(&mut self) -> Result<(), End> {
        while self.open.len() < IN_FLIGHT {
            match self.next::<Call>()? {
                Some(call) => self.begin(call)?,
                None => break,
            }
        }
        Ok(())
    }

    fn begin(&mut self, call: Call) -> Result<(), End> {
        let Call { id, key, deadline_ms, operation } = call;
        if id == frame::CONNECTION || self.open.contains_key(&id) {
            return Err(End::told(Failure::invalid(format!("call id {id} is 0 or of a call without an answer yet"))));
        }
        let (outcomes, dispatcher) = (self.outcomes.clone(), &self.dispatcher);
        let bad_key = |error| Failure::invalid(format!("key: {error}"));
        let key: Result<Option<RequestKey>, Failure> = key.map(|key| key.parse().map_err(bad_key)).transpose();
        let known = key.clone().ok().flatten();
        let row = operation.row();
        let clock = match dispatcher.take_turn().and(key) {
            // The channel is ours: it is open as long as this call is.
            Err(mut failure) => {
                failure.request_key = known;
                count(&dispatcher.meters, row, Some(&failure));
                let _ = outcomes.send((id, Err(failure)));
                None
            }
            Ok(key) => {
                let clock = deadline_ms.map(|ms| self.clock(id, ms, overdue(&operation, key.is_some(), ms)));
                let meters = Arc::clone(&dispatcher.meters);
                let until = deadline_ms.map(|ms| Instant::now() + Duration::from_millis(u64::from(ms)));
                let presence = self.presence.clone();
                let presence = until.map_or(presence.clone(), |until| presence.at_most_until(until));
                let submission = Submission { operation, key, presence, permission: None };
                self.dispatcher.launch(submission, move |outcome| {
                    count(&meters, row, outcome.as_ref().err());
                    drop(outcomes.send((id, outcome)));
                });
                clock
            }
        };
        self.open.insert(id, clock);
        Ok(())
    }

    /// Answers a call with `failure` when its caller's time is up.
    fn clock(&self, id: u32, ms: u32, failure: Failure) -> AbortHandle {
        let outcomes = self.outcomes.clone();
        let clock = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(u64::from(ms))).await;
            let _ = outcomes.send((id, Err(failure)));
        });
        clock.abort_handle()
    }

    /// The next whole frame.
    fn next<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let Some((body, length)) = frame::split(&self.inbox, self.dispatcher.limits.body)? else { return Ok(None) };
        let value = frame::decode(body);
        // A key or a token may have stood in it.
        if let Some(read) = self.inbox.get_mut(..length) {
            read.zeroize();
        }
        self.inbox.drain(..length);
        self.begun = Instant::now();
        value.map(Some)
    }

    async fn receive(&mut self, late: Instant) -> Result<(), End> {
        tokio::select! {
            read = self.stream.read_buf(&mut self.inbox) => match read {
                Ok(0) | Err(_) => Err(End::Gone),
                Ok(_) => Ok(()),
            },
            () = sleep_until(late) => Err(End::Gone),
        }
    }

    /// Writes `first` and whatever else is ready, in one piece. An answer that comes after the deadline's is
    /// for nobody.
    async fn send_all(
        &mut self,
        first: (u32, Outcome),
        arriving: &mut mpsc::UnboundedReceiver<(u32, Outcome)>,
    ) -> Result<(), End> {
        let mut frames = Vec::new();
        let mut next = Some(first);
        while let Some((id, result)) = next {
            if let Some(clock) = self.open.remove(&id) {
                clock.inspect(AbortHandle::abort);
                frames.extend(encode(Answer { id, result })?);
            }
            next = arriving.try_recv().ok();
        }
        self.write(&frames).await
    }

    async fn send(&mut self, value: &impl serde::Serialize) -> Result<(), End> {
        let frame = frame::encode(value)?;
        self.write(&frame).await
    }

    /// A client that does not read for as long as an idle one may stay is gone, too.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), End> {
        match timeout(self.dispatcher.limits.idle, self.stream.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::Gone),
        }
    }
}

/// A reply that does not fit into a frame is told as such; lists are bounded, so it takes very long texts.
fn encode(answer: Answer) -> Result<Vec<u8>, FrameError> {
    match frame::encode(&answer) {
        Err(error @ FrameError::TooLarge { .. }) => {
            let failure = Failure::new(Code::TooLarge, format!("the reply: {error}"))
                .with_hint("Ask for less at a time with limit.");
            frame::encode(&Answer { id: answer.id, result: Err(failure) })
        }
        encoded => encoded,
    }
}

/// Counts a call by what it came to, in the statuses of HTTP, whether or not its caller still waits.
fn count(meters: &DoorMeters, row: &'static Row, failure: Option<&Failure>) {
    let status = failure.map_or(200, |failure| failure.code.status());
    meters.answered(("native", row.method, row.path, status));
}

/// What a caller hears whose deadline has passed. The operation goes on; with a key it can be joined.
fn overdue(operation: &Operation, keyed: bool, ms: u32) -> Failure {
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

async fn until(late: Option<Instant>) {
    match late {
        Some(late) => sleep_until(late).await,
        None => std::future::pending().await,
    }
}
