//! Outcomes into answers of HTTP: the status, the headers and the bytes.

use http_body_util::{Either, Full};
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::dispatch::Finished;
use super::picture;
use super::problem::{Problem, retry_after};
use super::routes::RouteId;
use super::stream::{self, Pieces};
use super::timeouts::Timeouts;
use crate::allowance::Allowance;
use crate::failure::{Code, Failure};
use crate::metrics::{CONTENT_TYPE, DoorMeters};
use crate::operation::Reply;
use crate::transfer::Transferred;

pub(super) const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";

/// An answer: a message, or a file in pieces.
pub(super) type HttpAnswer = Response<Either<Full<Bytes>, Pieces>>;

/// The answer of an operation that takes or gives a file.
pub(super) fn transferred(
    route: RouteId,
    answered: Finished<Transferred>,
    timeouts: &Timeouts,
) -> Result<HttpAnswer, Failure> {
    let Finished { outcome, allowance } = answered;
    match outcome? {
        Transferred::Reply(value) => reply(route, Finished { outcome: Ok(*value), allowance }),
        Transferred::Download(download) => Ok(stream::answer(download, timeouts.clone(), allowance).map(Either::Right)),
        Transferred::Refused(rows) => {
            let failure = rows.failure();
            let (more_rows, understood) = (rows.more, rows.understood.as_str());
            let problem = Problem { rows: &rows.rows, more_rows, understood, ..Problem::from(&failure) };
            Ok(document(&failure, &problem))
        }
    }
}

/// The status and body of a reply: a document, unless it is a picture or text.
pub(super) fn reply(route: RouteId, answered: Finished<Reply>) -> Result<HttpAnswer, Failure> {
    let Finished { outcome, allowance } = answered;
    let reply = outcome?;
    let status = if reply.is_new() { StatusCode::CREATED } else { StatusCode::OK };
    Ok(match reply {
        Reply::Picture(value) if route == RouteId::PicturePng => {
            bytes(status, "image/png", held(picture::png(&value.content)?, allowance))
        }
        Reply::Picture(value) => bytes(status, "image/svg+xml", held(picture::svg(&value.content)?, allowance)),
        Reply::Metrics(value) => bytes(status, CONTENT_TYPE, held(value.text.into_bytes(), allowance)),
        document => bytes(status, JSON, held(text(&document.document()), allowance)),
    })
}

pub(super) fn problem(failure: &Failure) -> HttpAnswer {
    document(failure, &Problem::from(failure))
}

fn document(failure: &Failure, problem: &Problem<'_>) -> HttpAnswer {
    let status = StatusCode::from_u16(failure.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let answer = bytes(status, PROBLEM, text(problem));
    match retry_after(failure) {
        Some(seconds) => with_header(answer, header::RETRY_AFTER, HeaderValue::from(seconds)),
        None => answer,
    }
}

/// The answer to what is no request, written out: hyper's own says nothing but its status.
pub(super) fn unreadable(status: StatusCode, meters: &DoorMeters) -> Vec<u8> {
    meters.answered(("http", "none", "none", status.as_u16()));
    let failure = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE | StatusCode::URI_TOO_LONG => {
            Failure::new(Code::TooLarge, "the request line or its headers are too long, or there are too many headers")
                .with_hint("A request has at most 16 KiB and 100 headers before its body: send less of them.")
        }
        StatusCode::REQUEST_TIMEOUT => {
            Failure::invalid("the request did not come to its end in time: nothing was done")
                .with_hint("Send the whole request at once, with the Content-Length of its body.")
        }
        _ => Failure::invalid("this is not a request of HTTP/1.1: its first line or a header of it cannot be read"),
    };
    // Half a request has done nothing, and the same one sent whole is a good one.
    let retryable = status == StatusCode::REQUEST_TIMEOUT;
    let body = text(&Problem { status: status.as_u16(), retryable, ..Problem::from(&failure) });
    let (code, length) = (status.as_str(), body.len());
    let reason = status.canonical_reason().unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {code} {reason}\r\ncontent-type: {PROBLEM}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    [head.into_bytes(), body].concat()
}

/// The one status that no code has: the path is right, so it is not `not_found`.
pub(super) fn method_not_allowed(allowed: &str) -> HttpAnswer {
    let failure = Failure::invalid(format!("this path has other methods: {allowed}"));
    let problem = Problem { status: StatusCode::METHOD_NOT_ALLOWED.as_u16(), ..Problem::from(&failure) };
    let answer = bytes(StatusCode::METHOD_NOT_ALLOWED, PROBLEM, text(&problem));
    match HeaderValue::from_str(allowed) {
        Ok(allowed) => with_header(answer, header::ALLOW, allowed),
        Err(_) => answer,
    }
}

/// Our own shapes always are JSON: their keys are text and their numbers finite.
fn text(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// Bytes of an answer, which give back what they hold when the last of them is written.
struct HeldBytes {
    bytes: Vec<u8>,
    _allowance: Option<Allowance>,
}

impl AsRef<[u8]> for HeldBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn held(mut bytes: Vec<u8>, allowance: Option<Allowance>) -> Bytes {
    bytes.shrink_to_fit();
    if let Some(allowance) = &allowance {
        allowance.fit(bytes.len());
    }
    Bytes::from_owner(HeldBytes { bytes, _allowance: allowance })
}

pub(super) fn bytes(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> HttpAnswer {
    let mut answer = Response::new(Either::Left(Full::new(body.into())));
    *answer.status_mut() = status;
    with_header(answer, header::CONTENT_TYPE, HeaderValue::from_static(kind))
}

pub(super) fn with_header(mut answer: HttpAnswer, name: HeaderName, value: HeaderValue) -> HttpAnswer {
    answer.headers_mut().insert(name, value);
    answer
}
