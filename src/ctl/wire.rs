//! HTTP over the daemon's socket, for the operations whose request or answer is a file: those are streamed, which
//! the native encoding cannot.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tokio::sync::oneshot;

use crate::client::ClientError;

/// Bytes read from a file at a time.
const PIECE: usize = 64 << 10;

/// A daemon that is there answers the smallest question within it.
const GREETING: Duration = Duration::from_secs(10);

/// A request: method, path with query, and the file it carries.
pub(super) struct Outgoing {
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) content_type: Option<&'static str>,
    pub(super) body: FileBody,
}

/// Connects and asks; the answer's body is read as it comes.
///
/// # Errors
/// `Unreachable` and `Permission`: nothing was asked. `Lost`: what came of it is not known.
pub(super) async fn ask(socket: &Path, request: Outgoing) -> Result<Response<Incoming>, ClientError> {
    // A file may take minutes to be made, so its wait says nothing of who answers at all.
    let version =
        Outgoing { method: "GET", target: "/v1/version".to_owned(), content_type: None, body: FileBody::none() };
    let deaf = |_| ClientError::Unreachable { socket: socket.to_owned(), source: ErrorKind::TimedOut.into() };
    drop(tokio::time::timeout(GREETING, sent(socket, version)).await.map_err(deaf)??);
    sent(socket, request).await
}

async fn sent(socket: &Path, request: Outgoing) -> Result<Response<Incoming>, ClientError> {
    let Outgoing { method, target, content_type, body } = request;
    let stream = UnixStream::connect(socket).await.map_err(|source| match source.kind() {
        ErrorKind::PermissionDenied => ClientError::Permission { socket: socket.to_owned(), source },
        _ => ClientError::Unreachable { socket: socket.to_owned(), source },
    })?;
    let lost = |error: &dyn std::fmt::Display| ClientError::Lost(error.to_string());
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|error| lost(&error))?;
    // Its errors are those of the request and of the answer's body.
    tokio::spawn(async move { drop(connection.await) });
    let mut request = Request::builder().method(method).uri(target).header(header::HOST, "kaspid");
    if let Some(kind) = content_type {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    if content_type.is_some() {
        request = request.header(header::EXPECT, "100-continue");
    }
    let (go, gate) = oneshot::channel();
    let body = FileBody { gate: Some(gate), ..body };
    let mut request = request.body(body).map_err(|error| lost(&error))?;
    let go = Mutex::new(Some(go));
    hyper::ext::on_informational(&mut request, move |_| {
        let go = go.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Without a receiver the file is on its way already.
        let _ = go.map(|go| go.send(()));
    });
    sender.send_request(request).await.map_err(|error| lost(&error))
}

/// What has gone over the wire, for those who watch.
#[derive(Clone, Debug, Default)]
pub(super) struct Count {
    bytes: Arc<AtomicU64>,
    lines: Arc<AtomicU64>,
}

impl Count {
    /// Counts bytes, and the line ends in them.
    pub(super) fn add(&self, bytes: &[u8]) {
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        self.bytes.fetch_add(count(bytes.len()), Ordering::Relaxed);
        self.lines.fetch_add(count(bytes.iter().filter(|byte| **byte == b'\n').count()), Ordering::Relaxed);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn lines(&self) -> u64 {
        self.lines.load(Ordering::Relaxed)
    }
}

/// A file as a request's body, or none. Its reads block, which nobody minds: the thread has nothing else to do.
pub(super) struct FileBody {
    source: Option<Box<dyn Read + Send>>,
    length: Option<u64>,
    count: Count,
    /// Opens when the daemon wants the file: one that is refused is not sent, and its refusal can be read.
    gate: Option<oneshot::Receiver<()>>,
}

impl FileBody {
    /// No body.
    pub(super) fn none() -> Self {
        Self { source: None, length: Some(0), count: Count::default(), gate: None }
    }

    /// The file, or stdin for `-`, and its length where it is known.
    pub(super) fn open(path: &Path, count: Count) -> io::Result<Self> {
        if path.as_os_str() == "-" {
            return Ok(Self { source: Some(Box::new(io::stdin())), length: None, count, gate: None });
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::other("it is a folder"));
        }
        let length = metadata.is_file().then_some(metadata.len());
        Ok(Self { source: Some(Box::new(file)), length, count, gate: None })
    }

    /// Bytes, where they are known.
    pub(super) fn length(&self) -> Option<u64> {
        self.length
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(gate) = &mut self.gate {
            // A sender that is gone opens it, too.
            let _ = ready!(Pin::new(gate).poll(cx));
            self.gate = None;
        }
        let Some(source) = &mut self.source else { return Poll::Ready(None) };
        let mut piece = vec![0; PIECE];
        let read = loop {
            match source.read(&mut piece) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        Poll::Ready(match read {
            Ok(0) => None,
            Ok(length) => {
                piece.truncate(length);
                self.count.add(&piece);
                Some(Ok(Frame::data(piece.into())))
            }
            Err(error) => Some(Err(error)),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_none()
    }

    /// A file that grows meanwhile is sent as long as it was; one that shrinks breaks the request off.
    fn size_hint(&self) -> SizeHint {
        match (self.length, self.count.bytes()) {
            (Some(length), sent) => SizeHint::with_exact(length.saturating_sub(sent)),
            (None, _) => SizeHint::default(),
        }
    }
}
