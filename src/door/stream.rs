//! Bodies that do not fit into a message: an upload on its way to the service, a download on its way to the client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::timeouts::Timeouts;
use crate::allowance::Allowance;
use crate::failure::{Code, Failure};
use crate::operation::FileFormat;
use crate::transfer::{Download, Gone, UploadSender};

/// The pieces of a [`Download`] as a body: cut off, without its last chunk, where the operation breaks off.
#[derive(Debug)]
pub(super) struct Pieces {
    download: Download,
    timeouts: Timeouts,
    begun: bool,
    /// Of what is under way; given back with the body.
    _allowance: Option<Allowance>,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = BrokenOff;

    /// hyper asks for the next piece when the client has taken enough of those before.
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        if !self.begun {
            self.begun = true;
            self.timeouts.sending();
        }
        Poll::Ready(match ready!(self.download.poll_next(cx)) {
            Ok(Some(bytes)) => {
                self.timeouts.sending();
                Some(Ok(Frame::data(bytes)))
            }
            Ok(None) => {
                self.timeouts.answered();
                None
            }
            Err(Gone) => Some(Err(BrokenOff)),
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.download.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// The operation could not give the rest; its reason is in the journal.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
pub(super) struct BrokenOff;

/// The answer of a download.
pub(super) fn answer(mut download: Download, timeouts: Timeouts, allowance: Option<Allowance>) -> Response<Pieces> {
    let headers = std::mem::take(&mut download.headers);
    let kind = HeaderValue::from_static(download.content_type);
    let mut answer = Response::new(Pieces { download, timeouts, begun: false, _allowance: allowance });
    *answer.status_mut() = StatusCode::OK;
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    for (name, value) in headers {
        match HeaderValue::try_from(value) {
            Ok(value) => drop(answer.headers_mut().insert(HeaderName::from_static(name), value)),
            Err(error) => tracing::error!("{name}, a header of ours, cannot be sent: {error}"),
        }
    }
    answer
}

/// Hands an upload over piece by piece. The connection's clock bounds each piece, and stands still while the
/// operation is busy with the ones before.
///
/// # Errors
/// `too_large`, or `invalid_request` where the client broke off; the operation notices, too. What the operation
/// itself makes of the upload is its outcome.
pub(super) async fn feed(
    mut body: Incoming,
    sink: UploadSender,
    most: u64,
    timeouts: &Timeouts,
) -> Result<(), Failure> {
    let too_large = || {
        Failure::new(Code::TooLarge, format!("the file is longer than {most} bytes"))
            .with_hint("Split the file; rows that are here already are skipped.")
    };
    if body.size_hint().lower() > most {
        return Err(too_large());
    }
    let mut taken = 0_u64;
    loop {
        timeouts.uploading();
        let Some(frame) = body.frame().await else { break };
        let frame = frame.map_err(|_| Failure::invalid("the body ends before its announced end"))?;
        timeouts.taking();
        let Ok(bytes) = frame.into_data() else { continue };
        taken = taken.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if taken > most {
            return Err(too_large());
        }
        if sink.piece(bytes).await == Err(Gone) {
            return Ok(());
        }
    }
    sink.end().await;
    timeouts.complete();
    Ok(())
}

/// What programs call a table that they send.
const UPLOADS: [(&str, FileFormat); 6] = [
    ("text/csv", FileFormat::Csv),
    ("text/tab-separated-values", FileFormat::Csv),
    ("text/plain", FileFormat::Csv),
    ("application/x-ndjson", FileFormat::Jsonl),
    ("application/json", FileFormat::Jsonl),
    // A file of which the sender knows nothing.
    ("application/octet-stream", FileFormat::Csv),
];

/// How an uploaded file is said to be written, by its `Content-Type`. What it is, is told from itself.
///
/// # Errors
/// `invalid_request` naming what there is.
pub(super) fn format(headers: &HeaderMap) -> Result<FileFormat, Failure> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|given| given.to_str().ok()).unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim();
    let found = UPLOADS.iter().find(|(known, _)| kind.eq_ignore_ascii_case(known));
    found.map(|(_, format)| *format).ok_or_else(|| {
        Failure::invalid(
            "an import is text/csv, text/tab-separated-values, text/plain, application/x-ndjson or application/json",
        )
        .with_hint("Send it with its Content-Type, for instance: curl -H 'Content-Type: text/csv' -T FILE -X POST")
    })
}
