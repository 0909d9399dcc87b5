//! The socket: accepts, tells the encodings apart, keeps the limits, and closes behind the last operation.
//!
//! `listen` makes or takes over the socket; `native` and `http` turn bytes into an `Operation` and a
//! `Reply` into bytes; `dispatch` is what both ask to carry it out; `routes` is the HTTP interface in one table.

#[cfg(any(fuzzing, test))]
pub mod fuzzed;
mod answer;
mod boundary;
mod calls;
mod closing;
mod dispatch;
mod http;
mod inbox;
mod limits;
mod listen;
mod native;
#[cfg(test)]
mod openapi;
mod timeouts;
mod parse;
mod picture;
mod outbox;
pub mod problem;
mod request;
pub mod routes;
mod scribes;
mod stream;
#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use interprocess::local_socket::tokio::{Listener, Stream, prelude::*};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::access::{Caller, Rules};
use crate::allowance::{Allowances, Bounds};
use crate::failure::Failure;
use crate::metrics::DoorMeters;
use crate::peer_groups::{self, UserDatabase};
use crate::user_names::UserNames;

use closing::stopped_unasked;
use dispatch::Dispatcher;
pub use dispatch::Handler;
use inbox::Inbox;
pub use limits::Limits;
use limits::{Entry, Gate, Permit, TOLD_WITHIN};
pub use listen::{ListenError, inherited, listen};
use scribes::Scribes;

/// How long to leave the listener alone when the process has no descriptor left for a connection: the kernel
/// says "ready" at once again, and nothing tells when one is free.
const RESPITE: Duration = Duration::from_millis(100);

/// Serves a socket.
#[derive(Debug)]
pub struct Door {
    answer: Handler,
    limits: Limits,
    /// Exchanged at a reload; every request looks at the newest.
    rules: watch::Receiver<Arc<Rules>>,
    pulse: mpsc::Receiver<oneshot::Sender<()>>,
    meters: Arc<DoorMeters>,
}

/// Asks whether the accept loop is alive, for the watchdog.
#[derive(Clone, Debug)]
pub struct Pulse(mpsc::Sender<oneshot::Sender<()>>);

impl Pulse {
    /// True once the accept loop has answered; false if it has ended. Bound the time yourself.
    pub async fn beat(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.is_ok() && answered.await.is_ok()
    }
}

/// What every connection starts with.
#[derive(Clone)]
struct ConnectionContext {
    answer: Handler,
    limits: Limits,
    rules: watch::Receiver<Arc<Rules>>,
    users: UserDatabase,
    names: UserNames,
    /// When the missing names of the rules were last looked up.
    looked_up: Arc<tokio::sync::Mutex<Option<Instant>>>,
    gate: Arc<Gate>,
    allowances: Arc<Allowances>,
    scribes: Scribes,
    /// Turns true when the door closes.
    stop: watch::Receiver<bool>,
    meters: Arc<DoorMeters>,
    /// See [`Dispatcher::_open`].
    open: mpsc::Sender<()>,
}

impl Door {
    /// A door to whatever `answer` is; what happens at it is counted in `meters`.
    #[must_use]
    pub fn new(
        answer: Handler,
        limits: Limits,
        rules: watch::Receiver<Arc<Rules>>,
        meters: Arc<DoorMeters>,
    ) -> (Self, Pulse) {
        let (ask, pulse) = mpsc::channel(1);
        (Self { answer, limits, rules, pulse, meters }, Pulse(ask))
    }

    /// Accepts until `stop` is ready, then drains: nothing more is accepted, idle connections close, running
    /// operations finish and are answered, also those whose client is gone. Returns after the last of them;
    /// bound that time with a time-out around this call.
    pub async fn serve(mut self, listener: Listener, stop: impl Future<Output = ()>) {
        let (closing, stopping) = watch::channel(false);
        let (open, mut closed) = mpsc::channel(1);
        let context = ConnectionContext {
            answer: self.answer,
            allowances: Allowances::new(Bounds {
                connection: self.limits.untaken,
                all: self.limits.untaken_in_all,
                patience: self.limits.request,
            }),
            scribes: Scribes::new(),
            gate: Gate::new(self.limits.clone(), Arc::clone(&self.meters)),
            limits: self.limits,
            rules: self.rules,
            users: UserDatabase::default(),
            names: UserNames::default(),
            looked_up: Arc::default(),
            stop: stopping,
            meters: self.meters,
            open,
        };
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = listener.accept() => match accepted {
                    Ok(Stream::UdSocket(stream)) => context.receive(stream.into()),
                    Err(error) => rest(&error).await,
                },
                Some(asked) = self.pulse.recv() => drop(asked.send(())),
            }
        }
        drop(listener);
        closing.send_replace(true);
        drop(context);
        // Nobody sends: this is ready when the last connection and operation have let go of their end.
        let _ = closed.recv().await;
    }
}

async fn rest(error: &io::Error) {
    tracing::warn!("a connection cannot be accepted: {error}");
    // The client was gone before it was accepted: the next one may be fine.
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) {
        sleep(RESPITE).await;
    }
}

impl ConnectionContext {
    /// Serves one connection in a task of its own.
    fn receive(&self, stream: UnixStream) {
        let peer = match stream.peer_cred() {
            Ok(peer) => peer,
            Err(error) => return tracing::warn!("the kernel does not say who connects: {error}"),
        };
        let (permit, refusal) = match self.gate.enter(peer.uid()) {
            Entry::Permitted(permit) => (permit, None),
            Entry::Refused(permit, failure) => (permit, Some(failure)),
            Entry::Closed => return,
        };
        let context = self.clone();
        tokio::spawn(async move {
            let caller = context.identify(&stream, &peer).await;
            context.look_up_names().await;
            context.converse(stream, caller, permit, refusal).await;
        });
    }

    /// A name of the rules may have been made since they were read. One looks at a time, for all who wait.
    async fn look_up_names(&self) {
        let came = Instant::now();
        let rules = Arc::clone(&self.rules.borrow());
        if !rules.has_missing() {
            return;
        }
        let mut looked = self.looked_up.lock().await;
        if looked.is_none_or(|looked| looked < came) {
            let begun = Instant::now();
            // An error means that the runtime is ending.
            let _ = tokio::task::spawn_blocking(move || rules.look_up_missing()).await;
            *looked = Some(begun);
        }
    }

    async fn identify(&self, stream: &UnixStream, peer: &tokio::net::unix::UCred) -> Caller {
        let (uid, gid) = (peer.uid(), peer.gid());
        let groups = match peer_groups::of_peer(stream.as_fd()) {
            Ok(groups) => groups.into(),
            Err(_) => self.users.groups(uid, gid).await,
        };
        // The kernel writes 0 for a process of another PID namespace.
        Caller { uid, name: self.names.of(uid).await, gid, pid: peer.pid().filter(|&pid| pid != 0), groups }
    }

    async fn converse(self, mut stream: UnixStream, caller: Caller, permit: Permit, refusal: Option<Failure>) {
        let limits = match refusal {
            None => self.limits,
            Some(_) => Limits { idle: TOLD_WITHIN, request: TOLD_WITHIN, ..self.limits },
        };
        let mut stop = self.stop.clone();
        let mut begun = Inbox::default();
        tokio::select! {
            read = timeout(limits.idle, begun.read_from(&mut stream)) => match read {
                Ok(Ok(1..)) => {}
                Ok(Ok(0) | Err(_)) | Err(_) => return,
            },
            () = stopped_unasked(&mut stop) => return,
        }
        let account = Arc::clone(&permit.account);
        let allowances = self.allowances.connection(caller.uid);
        let (answer, rules, meters) = (self.answer, self.rules, self.meters);
        let dispatcher = Arc::new(Dispatcher {
            answer,
            rules,
            limits,
            caller,
            account,
            allowances,
            meters,
            scribes: self.scribes,
            refusal,
            _open: self.open,
        });
        match begun.first() {
            Some(0) => native::serve(stream, begun, dispatcher, self.stop).await,
            Some(b'A'..=b'Z') => http::serve(stream, begun, dispatcher, self.stop).await,
            _ => {}
        }
        // The place is the connection's, not that of an operation that outlives it.
        drop(permit);
    }
}
