//! How long an HTTP connection may take: a wrapper around the stream that notices bytes, and a clock that
//! knows whether it waits for a client, for a request's end or for an answer. hyper's own header timer cannot
//! tell an idle connection from a slow request.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use hyper::StatusCode;
use hyper::header::HeaderMap;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::time::{Instant, Sleep};

use super::boundary::Boundary;
use super::inbox::Inbox;
use super::limits::{Limits, TAKEN_WITHIN};

/// What a connection is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Between two requests, or while an answer is being taken.
    Idle(Instant),
    /// Part of a request has come.
    Request(Instant),
    /// The operation runs; it has its own limits.
    Running,
    /// It is busy with a piece of a long body.
    Taking,
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
    /// An answer of ours is not written to its end: what hyper writes is not its own.
    saying: Arc<AtomicBool>,
    /// Where in its bytes the connection is; held as shortly.
    boundary: Arc<Mutex<Boundary>>,
    /// Of a request behind the one at hand something has come.
    more: Arc<AtomicBool>,
    /// Since when the door closes.
    closing: Arc<Mutex<Option<Instant>>>,
    request: std::time::Duration,
    idle: std::time::Duration,
}

impl Timeouts {
    pub(super) fn new(limits: &Limits) -> Self {
        let phase = Arc::new(Mutex::new(Phase::Request(Instant::now())));
        let (saying, more, boundary, closing) = (Arc::default(), Arc::default(), Arc::default(), Arc::default());
        Self { phase, saying, boundary, more, closing, request: limits.request, idle: limits.idle }
    }

    fn phase(&self) -> std::sync::MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn boundary(&self) -> std::sync::MutexGuard<'_, Boundary> {
        self.boundary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// hyper has read a head; to be told before it reads on.
    pub(super) fn head(&self, headers: &HeaderMap) {
        self.boundary().head(headers);
    }

    /// How many of these bytes hyper gets at once.
    fn take(&self, bytes: &[u8]) -> usize {
        self.boundary().take(bytes)
    }

    fn is_between(&self) -> bool {
        self.boundary().is_between()
    }

    /// What hyper was handed has gone by; `is_held`: more has come than empty lines.
    fn handed(&self, is_held: bool) {
        let is_in_head = self.boundary().is_in_head();
        self.more.store(is_held || is_in_head, Ordering::Release);
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
        self.boundary().answered();
        *self.phase() = Phase::Idle(Instant::now());
    }

    /// The next piece of a long body is waited for.
    pub(super) fn uploading(&self) {
        *self.phase() = Phase::Upload(Instant::now());
    }

    /// hyper has an answer of ours, or a piece of one, to write.
    pub(super) fn saying(&self) {
        self.saying.store(true, Ordering::Release);
    }

    /// What hyper had is written. A request of which part has come already is begun now: its bytes tell nobody any more.
    fn said(&self) {
        self.saying.store(false, Ordering::Release);
        if self.more.load(Ordering::Acquire) {
            self.incoming();
        }
    }

    fn is_saying(&self) -> bool {
        self.saying.load(Ordering::Acquire)
    }

    /// A piece of a long body has come, and the operation is busy with it.
    pub(super) fn taking(&self) {
        *self.phase() = Phase::Taking;
    }

    /// The door closes: an answer that is ready is taken soon or not at all.
    pub(super) fn closing(&self) {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
    }

    /// Whether the door closes: what is answered now is the last on its connection.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// True while the client has nothing to do but to wait for its answer or to take it.
    pub(super) fn is_answering(&self) -> bool {
        matches!(*self.phase(), Phase::Running | Phase::Download(_) | Phase::Idle(_))
    }

    /// A piece of a long answer is taken.
    pub(super) fn sending(&self) {
        self.saying();
        *self.phase() = Phase::Download(Instant::now());
    }

    /// True while nothing would be lost by closing that the client does not notice: a request has begun and is not
    /// complete, or an answer has begun and is not complete.
    pub(super) fn is_half_way(&self) -> bool {
        matches!(*self.phase(), Phase::Request(_) | Phase::Upload(_) | Phase::Download(_))
    }

    /// True while a request has begun and is not complete, and nothing of an answer has been written for it.
    pub(super) fn is_request_begun(&self) -> bool {
        matches!(*self.phase(), Phase::Request(_) | Phase::Upload(_)) && !self.is_saying()
    }

    fn deadline(&self) -> Option<Instant> {
        match *self.phase() {
            Phase::Idle(since) => {
                let closing = *self.closing.lock().unwrap_or_else(PoisonError::into_inner);
                Some(closing.map_or(since + self.idle, |closing| since.max(closing) + TAKEN_WITHIN))
            }
            Phase::Download(since) => Some(since + self.idle),
            Phase::Request(since) | Phase::Upload(since) => Some(since + self.request),
            Phase::Running | Phase::Taking => None,
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

/// The stream of one connection, beginning with the bytes that were read to tell its encoding. A request at a time.
///
/// What is no request, hyper refuses by itself, with a status and no words; this writes `refused` of that status instead.
#[derive(Debug)]
pub(super) struct TimedStream<R> {
    /// What has come and hyper was not handed yet.
    held: Inbox,
    stream: UnixStream,
    timeouts: Timeouts,
    refused: R,
    /// What is left of a refusal that is being written.
    instead: Option<Vec<u8>>,
}

/// How an answer begins that hyper makes by itself; others of its own are 100 Continue.
const REFUSED: &[u8] = b"HTTP/1.1 4";

impl<R: Fn(StatusCode) -> Vec<u8> + Unpin> TimedStream<R> {
    pub(super) fn new((begun, stream): (Inbox, UnixStream), timeouts: Timeouts, refused: R) -> Self {
        Self { held: begun, stream, timeouts, refused, instead: None }
    }

    /// Hands out what is held.
    fn read_held(&mut self, buf: &mut ReadBuf<'_>) {
        let count = self.held.len().min(buf.remaining());
        let taken = self.timeouts.take(self.held.get(..count).unwrap_or_default());
        buf.put_slice(self.held.get(..taken).unwrap_or_default());
        self.held.pass(taken);
    }

    /// Holds back what of the bytes behind `before` is another request's, or a body that hyper has not told yet.
    fn hold_back(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let came = buf.filled().get(before..).unwrap_or_default();
        let taken = self.timeouts.take(came);
        self.held.append(came.get(taken..).unwrap_or_default());
        buf.set_filled(before + taken);
    }

    /// The status of bytes that are hyper's own refusal.
    fn status_of_refusal(&self, bytes: &[u8]) -> Option<StatusCode> {
        let is_own = bytes.starts_with(REFUSED) && !self.timeouts.is_saying();
        let status = bytes.get("HTTP/1.1 ".len().."HTTP/1.1 400".len()).filter(|_| is_own)?;
        StatusCode::from_bytes(status).ok()
    }

    /// Writes our words instead of `bytes`, if those are hyper's own.
    fn poll_instead(&mut self, bytes: &[u8], cx: &mut Context<'_>) -> Poll<Option<io::Result<()>>> {
        if self.instead.is_none() {
            let Some(status) = self.status_of_refusal(bytes) else { return Poll::Ready(None) };
            self.instead = Some((self.refused)(status));
        }
        while let Some(rest) = self.instead.as_mut().filter(|rest| !rest.is_empty()) {
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest)) {
                Ok(count) => drop(rest.drain(..count.min(rest.len()))),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
        Poll::Ready(Some(Ok(())))
    }
}

impl<R: Fn(StatusCode) -> Vec<u8> + Unpin> AsyncRead for TimedStream<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if self.held.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
            if buf.filled().len() > before {
                self.hold_back(buf, before);
                if !self.timeouts.is_between() {
                    self.timeouts.incoming();
                }
            }
        } else {
            self.read_held(buf);
        }
        let is_held = self.held.iter().any(|byte| !b"\r\n".contains(byte));
        self.timeouts.handed(is_held);
        Poll::Ready(Ok(()))
    }
}

impl<R: Fn(StatusCode) -> Vec<u8> + Unpin> AsyncWrite for TimedStream<R> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match ready!(self.poll_instead(bytes, cx)) {
            Some(written) => Poll::Ready(written.map(|()| bytes.len())),
            None => Pin::new(&mut self.stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = parts.iter().find(|part| !part.is_empty()).map(|part| &**part).unwrap_or_default();
        match ready!(self.poll_instead(first, cx)) {
            Some(written) => Poll::Ready(written.map(|()| parts.iter().map(|part| part.len()).sum())),
            None => Pin::new(&mut self.stream).poll_write_vectored(cx, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper asks for it when it has written all it has.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.timeouts.said();
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
