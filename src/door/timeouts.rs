//! How long an HTTP connection may take: a wrapper around the stream that notices bytes, and a clock that
//! knows whether it waits for a client, for a request's end or for an answer. hyper's own header timer cannot
//! tell an idle connection from a slow request.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::time::{Instant, Sleep};

use super::limits::Limits;

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between two requests, or while an answer is being taken.
    Idle(Instant),
    /// Part of a request has come.
    Request(Instant),
    /// The operation runs; it has its own limits.
    Running,
    /// A long body comes in; each piece has the time of a request.
    Upload(Instant),
    /// A long body goes out; a client that takes nothing of it is as good as idle.
    Download(Instant),
}

/// Shared by the stream, the requests' handler and the clock of one connection.
#[derive(Clone, Debug)]
pub(super) struct Timeouts {
    /// Held for an instruction or two.
    phase: Arc<Mutex<Phase>>,
    request: std::time::Duration,
    idle: std::time::Duration,
}

impl Timeouts {
    pub(super) fn new(limits: &Limits) -> Self {
        let phase = Arc::new(Mutex::new(Phase::Request(Instant::now())));
        Self { phase, request: limits.request, idle: limits.idle }
    }

    fn phase(&self) -> std::sync::MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes have come, or a request whose bytes came with the one before it is begun.
    pub(super) fn incoming(&self) {
        let mut phase = self.phase();
        if matches!(*phase, Phase::Idle(_)) {
            *phase = Phase::Request(Instant::now());
        }
    }

    /// The request is complete.
    pub(super) fn complete(&self) {
        *self.phase() = Phase::Running;
    }

    /// The answer is ready.
    pub(super) fn answered(&self) {
        *self.phase() = Phase::Idle(Instant::now());
    }

    /// The next piece of a long body is waited for.
    pub(super) fn uploading(&self) {
        *self.phase() = Phase::Upload(Instant::now());
    }

    /// A piece of a long answer is taken.
    pub(super) fn sending(&self) {
        *self.phase() = Phase::Download(Instant::now());
    }

    /// True while nothing would be lost by closing that the client does not notice: a request has begun and is not
    /// complete, or an answer has begun and is not complete.
    pub(super) fn is_half_way(&self) -> bool {
        matches!(*self.phase(), Phase::Request(_) | Phase::Upload(_) | Phase::Download(_))
    }

    fn deadline(&self) -> Option<Instant> {
        match *self.phase() {
            Phase::Idle(since) | Phase::Download(since) => Some(since + self.idle),
            Phase::Request(since) | Phase::Upload(since) => Some(since + self.request),
            Phase::Running => None,
        }
    }

    /// Ready once the connection has taken too long. Poll it after the connection: it looks at the phase anew
    /// each time, so that a change of phase needs no waking.
    pub(super) fn poll_late(&self, clock: &mut Pin<Box<Sleep>>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline() else { return Poll::Pending };
        if clock.deadline() != deadline {
            clock.as_mut().reset(deadline);
        }
        clock.as_mut().poll(cx)
    }
}

/// The stream of one connection, beginning with the bytes that were read to tell its encoding.
#[derive(Debug)]
pub(super) struct TimedStream {
    begun: Vec<u8>,
    stream: UnixStream,
    timeouts: Timeouts,
}

impl TimedStream {
    pub(super) fn new(begun: Vec<u8>, stream: UnixStream, timeouts: Timeouts) -> Self {
        Self { begun, stream, timeouts }
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if !self.begun.is_empty() {
            let count = self.begun.len().min(buf.remaining());
            self.begun.drain(..count).for_each(|byte| buf.put_slice(&[byte]));
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.timeouts.incoming();
        }
        polled
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
