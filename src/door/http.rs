//! HTTP/1.1: bytes into an operation, a reply or failure into bytes, nothing else.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::UnixStream;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};
use zeroize::Zeroize;

use super::answer::{
    HttpAnswer, JSON, bytes, method_not_allowed, problem, reply, transferred, unreadable, with_header,
};
use super::closing::{Hour, LastCall, Peer};
use super::dispatch::{Dispatcher, Finished, Submission};
use super::inbox::Inbox;
use super::request::{self, read};
use super::routes::{Found, RouteId, find};
use super::stream;
use super::timeouts::{TimedStream, Timeouts};
use crate::access::{Permission, Presence};
use crate::allowance::Allowance;
use crate::failure::{Code, Failure, Money};
use crate::id::RequestKey;
use crate::metrics::DoorMeters;
use crate::operation::{FileFormat, Operation, Traffic};
use crate::transfer::{Transferred, Upload};

/// The description of this interface, made from the types by a test.
const OPENAPI: &[u8] = include_bytes!("openapi.json");

/// Of a refused request's body, at most this much is read before the answer.
const DRAINED: usize = 8 << 20;

/// How long a refused request may send nothing more before it is answered.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is counted for a request whose client went away before the answer, as nginx writes it.
const CLIENT_GONE: u16 = 499;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Serves one connection until the client goes away, takes too long, or the door closes.
pub(super) async fn serve(stream: UnixStream, begun: Inbox, dispatcher: Arc<Dispatcher>, stop: watch::Receiver<bool>) {
    let peer = match Peer::of(&stream) {
        Ok(peer) => peer,
        Err(error) => return tracing::warn!("a connection cannot be watched: {error}"),
    };
    let timeouts = Timeouts::new(&dispatcher.limits);
    let mut clock = Box::pin(sleep_until(Instant::now() + dispatcher.limits.request));
    let refused = |status| unreadable(status, &dispatcher.meters);
    let io = TokioIo::new(TimedStream::new((begun, stream), timeouts.clone(), refused));
    let requests = service_fn(|request: Request<Incoming>| {
        timeouts.head(request.headers());
        let (dispatcher, timeouts) = (Arc::clone(&dispatcher), timeouts.clone());
        async move { Ok::<_, Infallible>(respond(request, &dispatcher, &timeouts).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        // Who has closed only its writing side wants its answer; `peer` tells who is gone.
        .half_close(true)
        .max_buf_size(dispatcher.limits.head.max(8192))
        .serve_connection(io, requests);
    let mut connection = pin!(connection);
    let mut last_call = LastCall::new(stop);
    let mut gone = pin!(peer.gone());
    let mut told = false;
    poll_fn(|cx| {
        let mut polled = connection.as_mut().poll(cx);
        // Behind the look at what has come: a request that is there is answered.
        match last_call.hour(cx) {
            Hour::LastCall => timeouts.closing(),
            Hour::Closed if polled.is_pending() && !told => {
                told = true;
                timeouts.closing();
                connection.as_mut().graceful_shutdown();
                polled = connection.as_mut().poll(cx);
            }
            Hour::Open | Hour::Closed => {}
        }
        match polled {
            // A broken connection is the client's affair; what it asked for goes on.
            Poll::Ready(_) => Poll::Ready(()),
            // Half a request has asked for nothing yet, and half a file is seen to be one.
            Poll::Pending if told && timeouts.is_half_way() => Poll::Ready(()),
            Poll::Pending if timeouts.is_answering() && gone.as_mut().poll(cx).is_ready() => Poll::Ready(()),
            Poll::Pending => {
                ready!(timeouts.poll_late(&mut clock, cx));
                if told && dispatcher.allowances.untaken() > 0 {
                    dispatcher.left_untaken();
                }
                if timeouts.is_request_begun() {
                    peer.last_word(&refused(StatusCode::REQUEST_TIMEOUT));
                }
                Poll::Ready(())
            }
        }
    })
    .await;
}

async fn respond(request: Request<Incoming>, dispatcher: &Arc<Dispatcher>, timeouts: &Timeouts) -> HttpAnswer {
    timeouts.incoming();
    let key = key_of(request.headers());
    let known = key.clone().ok().flatten();
    let (head, body) = request.into_parts();
    let mut body = Some(body);
    let found = find(&head.method, head.uri.path());
    let mut counted = Counted { meters: &dispatcher.meters, route: found.route(), status: CLIENT_GONE };
    let asking = Asking { head: &head, found, key };
    let answer = answer(asking, &mut body, dispatcher, timeouts).await.unwrap_or_else(|mut failure| {
        failure.request_key = failure.request_key.or(known);
        problem(&failure)
    });
    counted.status = answer.status().as_u16();
    if let Some(unread) = body {
        drain(unread).await;
    }
    timeouts.answered();
    timeouts.saying();
    match dispatcher.refusal.is_some() || timeouts.is_closing() {
        true => with_header(answer, header::CONNECTION, HeaderValue::from_static("close")),
        false => answer,
    }
}

/// Reads what is left of a refused request, within reason: many clients write all of it before they read, and would
/// see a broken pipe instead of the answer. One that sends nothing more is answered soon.
async fn drain(mut body: Incoming) {
    let mut read = 0;
    while let Ok(Some(Ok(frame))) = timeout(PATIENCE, body.frame()).await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > DRAINED {
            return;
        }
    }
}

/// A request whose head has come.
struct Asking<'r> {
    head: &'r Parts,
    found: Found<'r>,
    key: Result<Option<RequestKey>, Failure>,
}

/// Counts a request when it is over, also one whose client has gone: then nobody takes its answer any more.
struct Counted<'d> {
    meters: &'d DoorMeters,
    route: Option<RouteId>,
    status: u16,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let (method, template) = self.route.map_or(("none", "none"), |route| (route.row().method, route.row().path));
        self.meters.answered(("http", method, template, self.status));
    }
}

async fn answer(
    asking: Asking<'_>,
    body: &mut Option<Incoming>,
    dispatcher: &Arc<Dispatcher>,
    timeouts: &Timeouts,
) -> Result<HttpAnswer, Failure> {
    let Asking { head, found, key } = asking;
    dispatcher.take_turn()?;
    not_from_a_browser(head)?;
    let (route, parameter) = match found {
        Found::Route(route, parameter) => (route, parameter),
        Found::OtherMethod(allowed) => return Ok(method_not_allowed(&allowed)),
        Found::Nothing => {
            return Err(
                Failure::not_found("there is no such path").with_hint("Look at /openapi.json for the paths there are.")
            );
        }
    };
    let permission = dispatcher.permission(route.row()).await?;
    let key = key?;
    let traffic = route.row().traffic;
    let (body, file, format) = match traffic {
        Traffic::Upload => {
            let format = stream::format(&head.headers)?;
            (Bytes::new(), body.take(), format)
        }
        Traffic::Message | Traffic::Download => {
            (whole(body, &head.headers, dispatcher.limits.body).await?, None, FileFormat::default())
        }
    };
    timeouts.complete();
    let parts =
        request::Parts { parameter: &parameter, query: head.uri.query().unwrap_or_default(), body: &body, format };
    let operation = read(route, parts);
    wipe(body);
    let Some(operation) = operation? else {
        return Ok(bytes(StatusCode::OK, JSON, Bytes::from_static(OPENAPI)));
    };
    let allowance = dispatcher.room(operation.id().length()).await?;
    let permitted = Permitted { operation, key, permission, allowance };
    match traffic {
        Traffic::Message => run(route, dispatcher, permitted).await,
        Traffic::Upload | Traffic::Download => {
            transferred(route, run_stream(dispatcher, permitted, file, timeouts).await?, timeouts)
        }
    }
}

/// What a caller asks who may.
struct Permitted {
    operation: Operation,
    key: Option<RequestKey>,
    permission: Permission,
    allowance: Allowance,
}

impl Permitted {
    fn heard_by(self, presence: Presence) -> Submission {
        let Self { operation, key, permission, allowance } = self;
        Submission { operation, key, presence, allowance, permission: Some(permission) }
    }
}

/// Waits for the outcome. If the client goes away, only the waiting ends.
async fn run(route: RouteId, dispatcher: &Arc<Dispatcher>, permitted: Permitted) -> Result<HttpAnswer, Failure> {
    let (done, outcome) = oneshot::channel();
    // This ends when the client goes: the receiver is gone then, and its presence over.
    let (_there, presence) = Presence::begin();
    let money = if permitted.operation.moves_money() { Money::Unknown } else { Money::NotMoved };
    dispatcher.launch(permitted.heard_by(presence), move |answered| drop(done.send(reply(route, answered))));
    let cut_off = || Failure::new(Code::ShuttingDown, "the daemon is stopping").with_money(money);
    outcome.await.unwrap_or_else(|_| Err(cut_off()))
}

/// Feeds a streamed operation its file, if it takes one, and waits for the outcome. A client that goes away before
/// the end of its file cuts the operation off; after it, only the waiting ends.
async fn run_stream(
    dispatcher: &Arc<Dispatcher>,
    permitted: Permitted,
    file: Option<Incoming>,
    timeouts: &Timeouts,
) -> Result<Finished<Transferred>, Failure> {
    let (sink, upload) = Upload::channel();
    let (done, outcome) = oneshot::channel();
    // A key keeps money from moving twice, and no file moves any.
    let submission = Submission { key: None, ..permitted.heard_by(Presence::default()) };
    dispatcher.launch_stream(submission, upload, move |answered| drop(done.send(answered)));
    match file {
        Some(file) => stream::feed(file, sink, dispatcher.limits.upload, timeouts).await?,
        None => sink.end().await,
    }
    outcome.await.map_err(|_| Failure::new(Code::ShuttingDown, "the daemon is stopping"))
}

/// A page in a browser on this machine must not reach the daemon through whatever forwards to the socket.
fn not_from_a_browser(request: &Parts) -> Result<(), Failure> {
    let refused = |what: &str| {
        let hint =
            "Call the socket from a program, with the host name kaspid: curl --unix-socket SOCKET http://kaspid/";
        Err(Failure::new(Code::Denied, format!("requests with {what} are refused")).with_hint(hint))
    };
    let headers = &request.headers;
    if headers.contains_key(header::ORIGIN) {
        return refused("an Origin header");
    }
    if headers.contains_key(header::REFERER) {
        return refused("a Referer header");
    }
    let ours = |host: &[u8]| {
        // Some libraries write a port, which a Unix socket does not have.
        let end = host.iter().rposition(|byte| !byte.is_ascii_digit()).filter(|&end| host.get(end) == Some(&b':'));
        let host = end.and_then(|end| host.get(..end)).unwrap_or(host);
        host.is_empty() || [&b"kaspid"[..], b"localhost"].iter().any(|our| host.eq_ignore_ascii_case(our))
    };
    let named = headers.get_all(header::HOST).iter().map(HeaderValue::as_bytes);
    let authority = request.uri.authority().map(|authority| authority.as_str().as_bytes());
    if named.chain(authority).all(ours) { Ok(()) } else { refused("a Host other than kaspid or localhost") }
}

fn key_of(headers: &HeaderMap) -> Result<Option<RequestKey>, Failure> {
    let wrong = |why: String| Failure::invalid(format!("the Idempotency-Key header: {why}"));
    let mut keys = headers.get_all(KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    if keys.next().is_some() {
        return Err(wrong("there is more than one".to_owned()));
    }
    let text = key.to_str().map_err(|_| wrong("it is printable ASCII".to_owned()))?;
    text.parse().map(Some).map_err(|error| wrong(format!("{error}")))
}

/// Reads the body, within the limit; the connection's clock bounds the time.
async fn whole(body: &mut Option<Incoming>, headers: &HeaderMap, limit: usize) -> Result<Bytes, Failure> {
    let too_large = || Failure::new(Code::TooLarge, format!("the body is longer than {limit} bytes"));
    let announced = body.as_ref().map_or(0, |body| body.size_hint().lower());
    if announced > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(too_large());
    }
    let Some(body) = body.take().filter(|body| !body.is_end_stream()) else { return Ok(Bytes::new()) };
    let body =
        Limited::new(body, limit).collect().await.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => too_large(),
            None => Failure::invalid("the body ends before its announced end"),
        })?;
    let body = body.to_bytes();
    if !body.is_empty() {
        json_type(headers)?;
    }
    Ok(body)
}

/// A key or a token may have stood in it. What hyper still reads into is not ours to wipe: it is written over by the next
/// request, and freed with the connection.
fn wipe(body: Bytes) {
    if let Ok(mut body) = body.try_into_mut() {
        body.as_mut().zeroize();
    }
}

fn json_type(headers: &HeaderMap) -> Result<(), Failure> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let kind = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match kind.eq_ignore_ascii_case(JSON) {
        true => Ok(()),
        false => Err(Failure::invalid("the body is JSON: send Content-Type: application/json (curl: --json)")),
    }
}
