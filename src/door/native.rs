//! The native encoding: frames into operations, outcomes into frames, nothing else.
//!
//! One task reads and writes a connection; each operation runs in a task of its own and sends its answer back. While
//! [`IN_FLIGHT`] calls have no answer that is taken, nothing more is read.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout};

use super::calls::{Arriving, OpenCall, ReadyCall, Room, clock, count, overdue, room, until};
use super::closing::{Peer, stopped, stopped_unasked};
use super::dispatch::{Dispatcher, Finished, Outcome, Submission};
use super::inbox::Inbox;
use super::limits::{IN_FLIGHT, TAKEN_WITHIN};
use super::outbox::{AnswerFrame, Outbox};
use crate::access::Presence;
use crate::allowance::Allowance;
use crate::failure::{Code, Failure};
use crate::frame::{self, Answer, Call, FrameError, Hello, PROTOCOL, Welcome};
use crate::id::RequestKey;

/// Why no more is read.
enum End {
    /// The client is gone.
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

/// What may still come from the client.
enum Input {
    /// More calls.
    Open,
    /// No more bytes, or none that are looked at; what was asked before is answered.
    Closed,
    /// The same, and the client is told why behind the last answer.
    Refused(Box<Failure>),
}

/// One connection.
struct Conversation {
    stream: UnixStream,
    peer: Peer,
    dispatcher: Arc<Dispatcher>,
    input: Input,
    /// Bytes that are not a whole frame yet, and since when there are some.
    inbox: Inbox,
    begun: Instant,
    /// The next call, until there is room for its answer: nothing behind it is looked at.
    held: Option<(ReadyCall, Room)>,
    /// Calls without an answer.
    open: HashMap<u32, OpenCall>,
    serial: u64,
    /// Where operations and clocks send; at most two answers per open call.
    answers: mpsc::UnboundedSender<Arriving>,
    /// Answers that are not taken, and when the client last took something or had nothing to take.
    outbox: Outbox,
    taken: Instant,
    /// Over with the connection.
    presence: Presence,
}

/// Serves one connection until the client goes away, takes too long, breaks the protocol, or the door closes.
/// Calls that run are answered first, whatever the reason.
pub(super) async fn serve(
    stream: UnixStream,
    inbox: Inbox,
    dispatcher: Arc<Dispatcher>,
    mut stop: watch::Receiver<bool>,
) {
    let peer = match Peer::of(&stream) {
        Ok(peer) => peer,
        Err(error) => return tracing::warn!("a connection cannot be watched: {error}"),
    };
    let (answers, mut arriving) = mpsc::unbounded_channel();
    let now = Instant::now();
    let (_there, presence) = Presence::begin();
    let mut talk = Conversation {
        stream,
        peer,
        dispatcher,
        input: Input::Open,
        inbox,
        begun: now,
        held: None,
        open: HashMap::new(),
        serial: 0,
        answers,
        outbox: Outbox::default(),
        taken: now,
        presence,
    };
    let greeted = tokio::select! {
        greeted = talk.greet() => greeted,
        () = stopped_unasked(&mut stop) => Err(End::Gone),
    };
    match greeted {
        Ok(()) => talk.converse(&mut arriving, &mut stop).await,
        Err(end @ End::Told(_)) => {
            talk.refuse(end);
            talk.converse(&mut arriving, &mut stop).await;
        }
        Err(End::Gone) => {}
    }
    talk.open.into_values().filter_map(|call| call.clock).for_each(|clock| clock.abort());
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
        let welcome = frame::encode(&Welcome { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() })?;
        match timeout(self.dispatcher.limits.request, self.stream.write_all(&welcome)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return Err(End::Gone),
        }
        let Hello { protocol, client } = hello?;
        if protocol != PROTOCOL {
            return Err(End::Gone);
        }
        let name: String = client.chars().filter(|c| !c.is_control()).take(64).collect();
        {
            let (uid, pid) = (self.dispatcher.caller.uid, self.dispatcher.caller.pid);
            tracing::debug!(kaspid.uid = uid, kaspid.pid = pid, "hello from {name:?}");
        }
        match &self.dispatcher.refusal {
            Some(refusal) => Err(End::told(refusal.clone())),
            None => Ok(()),
        }
    }

    async fn converse(&mut self, arriving: &mut mpsc::UnboundedReceiver<Arriving>, stop: &mut watch::Receiver<bool>) {
        let mut quiet_since = Instant::now();
        let mut stopping = false;
        while self.goes_on() {
            let reading = self.may_begin() && matches!(self.input, Input::Open);
            let late = self.late(reading, quiet_since, stopping);
            let was_empty = self.inbox.is_empty();
            let (mut reader, mut writer) = self.stream.split();
            tokio::select! {
                biased;
                Some(ready) = arriving.recv() => {
                    self.take_in(ready, arriving);
                    quiet_since = Instant::now();
                }
                written = self.outbox.write(&mut writer), if !self.outbox.is_empty() => match written {
                    Ok(()) => self.taken = Instant::now(),
                    Err(_) => return,
                },
                room = room(&mut self.held), if self.held.is_some() => self.go_on(room),
                read = self.inbox.read_from(&mut reader), if reading => match read {
                    Ok(0) => self.input = Input::Closed,
                    Err(_) => return,
                    Ok(_) if was_empty => self.begun = Instant::now(),
                    Ok(_) => {}
                },
                () = stopped(stop), if !stopping => {
                    stopping = true;
                    self.taken = Instant::now();
                    self.refuse(End::told(Failure::new(Code::ShuttingDown, "the daemon is stopping")));
                }
                () = self.peer.gone() => return,
                () = until(late) => {
                    if stopping {
                        self.dispatcher.left_untaken();
                    }
                    return;
                }
            }
            if !reading {
                // A call that had to wait for its place has its time from now on.
                self.begun = Instant::now();
            }
        }
    }

    /// Begins what has a place, and is true while something is to be done.
    fn goes_on(&mut self) -> bool {
        if let Err(end) = self.begin_calls() {
            self.refuse(end);
        }
        if self.open.is_empty()
            && matches!(self.input, Input::Refused(_))
            && let Input::Refused(failure) = std::mem::replace(&mut self.input, Input::Closed)
        {
            self.put_out(AnswerFrame::of(&Answer { id: frame::CONNECTION, result: Err(*failure) }, None));
        }
        let waiting = self.held.is_some() || !self.open.is_empty() || !self.outbox.is_empty();
        waiting || matches!(self.input, Input::Open)
    }

    /// Looks at nothing more that the client sends, or has sent and has no place yet.
    fn refuse(&mut self, end: End) {
        self.inbox.clear();
        self.held = None;
        self.input = match end {
            End::Gone => Input::Closed,
            End::Told(failure) => Input::Refused(failure),
        };
    }

    /// Whether another call has a place: it is one until its answer is taken.
    fn may_begin(&self) -> bool {
        self.held.is_none() && self.open.len() + self.outbox.len() < IN_FLIGHT
    }

    /// When the client has taken too long: with its request, with its answers, or with doing nothing.
    fn late(&self, reading: bool, quiet_since: Instant, stopping: bool) -> Option<Instant> {
        let limits = &self.dispatcher.limits;
        let taking = if stopping { TAKEN_WITHIN } else { limits.idle };
        let untaken = (!self.outbox.is_empty()).then(|| self.taken + taking);
        let half_a_request = (!self.inbox.is_empty() && reading).then(|| self.begun + limits.request);
        let idle =
            (self.inbox.is_empty() && self.open.is_empty() && self.held.is_none()).then(|| quiet_since + limits.idle);
        [untaken, half_a_request, idle].into_iter().flatten().min()
    }

    /// Begins every call that is whole and has a place.
    fn begin_calls(&mut self) -> Result<(), End> {
        // What came before the client closed its side is asked; what comes behind a refusal is not.
        while self.may_begin() && !matches!(self.input, Input::Refused(_)) {
            match self.next::<Call>()? {
                Some(call) => self.begin(call)?,
                None => break,
            }
        }
        Ok(())
    }

    /// Answers a call that cannot be begun, begins one for whose answer there is room, and keeps any other until there is.
    fn begin(&mut self, call: Call) -> Result<(), End> {
        let Call { id, key, deadline_ms, operation } = call;
        if id == frame::CONNECTION || self.open.contains_key(&id) {
            return Err(End::told(Failure::invalid(format!("call id {id} is 0 or of a call without an answer yet"))));
        }
        let bad_key = |error| Failure::invalid(format!("key: {error}"));
        let key: Result<Option<RequestKey>, Failure> = key.map(|key| key.parse().map_err(bad_key)).transpose();
        let known = key.clone().ok().flatten();
        let deadline = deadline_ms.map(|ms| (ms, Instant::now() + Duration::from_millis(u64::from(ms))));
        let ready = ReadyCall { id, key: known, deadline, operation };
        match self.dispatcher.take_turn().and(key) {
            Err(failure) => self.decline(ready, failure),
            Ok(_) => {
                let (dispatcher, length) = (Arc::clone(&self.dispatcher), ready.operation.id().length());
                match dispatcher.allowances.take_now(length) {
                    Some(allowance) => self.launch(ready, allowance),
                    None => self.held = Some((ready, Box::pin(async move { dispatcher.room(length).await }))),
                }
            }
        }
        Ok(())
    }

    /// Answers a call that is not begun.
    fn decline(&mut self, call: ReadyCall, mut failure: Failure) {
        failure.request_key = call.key;
        count(&self.dispatcher.meters, call.operation.row(), Some(&failure));
        self.put_out(AnswerFrame::of(&Answer { id: call.id, result: Err(failure) }, None));
    }

    fn launch(&mut self, call: ReadyCall, allowance: Allowance) {
        let ReadyCall { id, key, deadline, operation } = call;
        self.serial += 1;
        let (serial, answers) = (self.serial, self.answers.clone());
        // The channel is ours: it is open as long as this call is.
        let answer = move |outcome: Outcome, allowance| {
            let frame = AnswerFrame::of(&Answer { id, result: outcome }, allowance);
            let _ = answers.send(Arriving { id, serial, frame });
        };
        let clock = deadline.map(|(ms, at)| clock(at, overdue(&operation, key.is_some(), ms), answer.clone()));
        let (meters, row) = (Arc::clone(&self.dispatcher.meters), operation.row());
        let presence = self.presence.clone();
        let presence = deadline.map_or(presence.clone(), |(_, at)| presence.at_most_until(at));
        let submission = Submission { operation, key, presence, allowance, permission: None };
        self.dispatcher.launch(submission, move |Finished { outcome, allowance }| {
            count(&meters, row, outcome.as_ref().err());
            answer(outcome, allowance);
        });
        self.open.insert(id, OpenCall { serial, clock });
    }

    /// Begins the call that is kept, or answers that there is no room.
    fn go_on(&mut self, room: Result<Allowance, Failure>) {
        match (self.held.take(), room) {
            (Some((call, _)), Ok(allowance)) => self.launch(call, allowance),
            (Some((call, _)), Err(failure)) => self.decline(call, failure),
            (None, _) => {}
        }
    }

    /// The next whole frame.
    fn next<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>, FrameError> {
        let Some((body, length)) = frame::split(&self.inbox, self.dispatcher.limits.body)? else { return Ok(None) };
        let value = frame::decode(body);
        self.inbox.pass(length);
        self.begun = Instant::now();
        value.map(Some)
    }

    async fn receive(&mut self, late: Instant) -> Result<(), End> {
        tokio::select! {
            read = self.inbox.read_from(&mut self.stream) => match read {
                Ok(0) | Err(_) => Err(End::Gone),
                Ok(_) => Ok(()),
            },
            () = sleep_until(late) => Err(End::Gone),
        }
    }

    /// Takes in `first` and whatever else is ready, to be written in one piece. An answer that comes after the deadline's
    /// is for nobody.
    fn take_in(&mut self, first: Arriving, arriving: &mut mpsc::UnboundedReceiver<Arriving>) {
        let mut next = Some(first);
        while let Some(Arriving { id, serial, frame }) = next {
            if self.open.get(&id).is_some_and(|call| call.serial == serial) {
                let clock = self.open.remove(&id).and_then(|call| call.clock);
                clock.inspect(AbortHandle::abort);
                self.put_out(frame);
            }
            next = arriving.try_recv().ok();
        }
    }

    fn put_out(&mut self, frame: AnswerFrame) {
        if self.outbox.is_empty() {
            self.taken = Instant::now();
        }
        self.outbox.add(frame);
    }
}
