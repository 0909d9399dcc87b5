//! The bank's front: TLS with a required client certificate, HTTP/1.1 with keep-alive.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, DATE, HeaderValue, LOCATION};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::RootCertStore;
use rustls::server::{ServerConfig, VerifierBuilderError, WebPkiClientVerifier};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::authority::{Authority, CannotCertify};
use super::call::BankCall;
use super::counter::{self, Delivery, Parcel};
use super::faults::FaultKind;
use super::shared::SharedBank;
use super::wire::BankAnswer;

/// Largest request body; the longest real one is a few hundred bytes.
pub(super) const BODY_LIMIT: usize = 1024 * 1024;
/// How long a connection may stand idle or take to send a request's head.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after a failed accept, such as too many open files, so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The TLS side could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum CannotSecure {
    /// No certificate.
    #[error(transparent)]
    Certificate(#[from] CannotCertify),
    /// rustls refused the certificate or the versions.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
    /// rustls refused the client authority.
    #[error("cannot set up the check of client certificates")]
    Verifier(#[from] VerifierBuilderError),
}

/// TLS 1.2 and 1.3 that lets in only certificates of `authority`.
pub(super) fn acceptor(authority: &Authority) -> Result<TlsAcceptor, CannotSecure> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.root())?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
    let (certificate, key) = authority.server()?;
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Accepts until the task is aborted; its connections end with it.
pub(super) async fn accept<F>(listener: TcpListener, mut connection: impl FnMut(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection of a caller, from handshake to close.
pub(super) async fn connection(shared: Arc<SharedBank>, acceptor: TlsAcceptor, stream: TcpStream) {
    shared.connections.accepted();
    let plan = shared.state().faults.plan(BankCall::Connect, None);
    tokio::time::sleep(plan.delay).await;
    if plan.kind() == Some(FaultKind::DropBefore) {
        return;
    }
    // Latency of small answers matters more here than packets.
    let _ = stream.set_nodelay(true);
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await else {
        shared.connections.handshake_failed();
        return;
    };
    let _open = shared.connections.open();
    let mut closing = shared.connections.closing();
    let service = service_fn(|request| answer(&shared, request));
    let mut http = hyper::server::conn::http1::Builder::new();
    // The Date is the bank's, not this computer's: lives are counted from it.
    http.auto_date_header(false).timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    // What a connection ends with is the caller's to see; there is nothing to do about it here.
    let _ = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
}

/// A fault that closes the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed by a fault on order")]
struct ClosedByFault;

async fn answer(shared: &SharedBank, request: Request<Incoming>) -> Result<Response<ReplyBody>, ClosedByFault> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_LIMIT).collect().await else {
        return Ok(response(&BankAnswer::page(413, "Payload Too Large"), ""));
    };
    let Delivery { delay, date, parcel } = counter::serve(&mut shared.state(), &head, body.to_bytes());
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
    match parcel {
        Parcel::Whole(answer) => Ok(response(&answer, &date)),
        Parcel::Half(answer) => Ok(response(&answer, &date).map(ReplyBody::halved)),
        Parcel::Redirect => {
            let mut redirect = response(&BankAnswer::page(307, "Temporary Redirect"), &date);
            redirect.headers_mut().insert(LOCATION, HeaderValue::from_static("/elsewhere"));
            Ok(redirect)
        }
        Parcel::Nothing => Err(ClosedByFault),
    }
}

fn response(answer: &BankAnswer, date: &str) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::whole(answer.body.clone()));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    if let Ok(date) = HeaderValue::from_str(date) {
        response.headers_mut().insert(DATE, date);
    }
    response
}

/// A body that announces its full length and sends all of it, or half of it and then breaks.
struct ReplyBody {
    announced: u64,
    data: Option<Bytes>,
    breaks: Break,
}

/// How a body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Break {
    /// With its last byte.
    Never,
    /// After its data; the pause lets hyper send them first.
    Flushing,
    /// Now.
    Now,
}

impl ReplyBody {
    fn whole(body: String) -> Self {
        let data = Bytes::from(body);
        let announced = u64::try_from(data.len()).unwrap_or(u64::MAX);
        Self { announced, data: Some(data).filter(|data| !data.is_empty()), breaks: Break::Never }
    }

    fn halved(self) -> Self {
        let data = self.data.map(|data| data.slice(..data.len() / 2));
        Self { data, breaks: Break::Flushing, ..self }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.breaks {
            Break::Never => Poll::Ready(None),
            Break::Flushing => {
                self.breaks = Break::Now;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Break::Now => Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.breaks == Break::Never
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if self.is_end_stream() { 0 } else { self.announced })
    }
}
