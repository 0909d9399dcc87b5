//! How a connection hears that the door closes, or that its client has gone.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as Blocking;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};

use super::limits::FIRST_WORD;

/// Ready when the door closes.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the door is gone altogether.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The same for a connection on which nothing was asked yet. Who connected a moment before the stop is about to ask, and is told
/// what becomes of it instead of finding the connection broken.
pub(super) async fn stopped_unasked(stop: &mut watch::Receiver<bool>) {
    stopped(stop).await;
    sleep(FIRST_WORD).await;
}

/// The end of a connection when the door closes: first whatever is asked is still answered, and told that it is the last; then
/// nothing more is.
pub(super) struct LastCall {
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    over: Option<Pin<Box<Sleep>>>,
}

/// How far that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hour {
    Open,
    LastCall,
    Closed,
}

impl LastCall {
    pub(super) fn new(mut stop: watch::Receiver<bool>) -> Self {
        Self { stop: Box::pin(async move { stopped(&mut stop).await }), over: None }
    }

    /// Wakes whoever polls when it changes.
    pub(super) fn hour(&mut self, cx: &mut Context<'_>) -> Hour {
        if self.over.is_none() && self.stop.as_mut().poll(cx).is_ready() {
            self.over = Some(Box::pin(sleep(FIRST_WORD)));
        }
        match &mut self.over {
            None => Hour::Open,
            Some(over) => match over.as_mut().poll(cx) {
                Poll::Pending => Hour::LastCall,
                Poll::Ready(()) => Hour::Closed,
            },
        }
    }
}

/// The client's end of a connection. One that has closed its writing side still wants its answer; one that has closed both
/// wants nothing, and only the kernel's EPOLLHUP tells them apart.
#[derive(Debug)]
pub(super) struct Peer(AsyncFd<OwnedFd>);

impl Peer {
    /// Looks at a descriptor of its own: what the connection reads and writes is not disturbed.
    #[expect(
        deprecated,
        reason = "what replaces it is unsafe; an OwnedFd stays the same open descriptor while it lives"
    )]
    pub(super) fn of(stream: &UnixStream) -> io::Result<Self> {
        let own = stream.as_fd().try_clone_to_owned()?;
        // Urgent data, which a Unix socket does not have: what is left is the hang-up, which is told unasked.
        AsyncFd::with_interest(own, Interest::PRIORITY).map(Self)
    }

    /// Ready when nobody is there any more.
    pub(super) async fn gone(&self) {
        // An error means that the runtime is ending.
        let _ = self.0.ready(Interest::PRIORITY).await;
    }

    /// A last word on a connection that is closed next: as much as the client's end has room for, without waiting for it.
    pub(super) fn last_word(&self, bytes: &[u8]) {
        // Who is not there hears nothing, and loses nothing.
        let _ = self.0.get_ref().try_clone().and_then(|own| Blocking::from(own).write(bytes));
    }
}
