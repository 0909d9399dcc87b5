//! One connection to the bank: what a call on it came to, and whether a byte of the call left.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::http::{Uri, header};
use hyper::{Request, Response};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::time::Instant;
use tower_service::Service;

use super::{date, tls};
use crate::moment::Moment;

/// Larger than any answer; a body that goes on is an answer we cannot read.
const LARGEST_BODY: usize = 1 << 20;

/// A whole answer, whatever it says.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) http: u16,
    /// The bank's clock, from the `Date` header.
    pub(crate) date: Option<Moment>,
    pub(crate) body: Bytes,
}

impl HttpAnswer {
    /// The same should the bank repeat the token of the request anywhere in it, in any case: what is read of an answer is
    /// kept and shown. A token that could be a number of the bank's is looked for in texts only, by their readers.
    pub(super) fn without(self, token: Option<&str>) -> Self {
        let Some(token) = token.filter(|token| token.len() >= SECRET && token.bytes().any(|c| !c.is_ascii_digit()))
        else {
            return self;
        };
        let is_token = |window: &[u8]| window.eq_ignore_ascii_case(token.as_bytes());
        let Some(first) = self.body.windows(token.len()).position(is_token) else { return self };
        let mut body = self.body.to_vec();
        let mut at = first;
        while let Some(window) = body.get_mut(at..at + token.len()) {
            if is_token(window) {
                window.fill(b'*');
            }
            at += 1;
        }
        Self { body: body.into(), ..self }
    }
}

/// A token so short would be found in what is none.
const SECRET: usize = 6;

/// An open connection, with one call on it at a time.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Whether an answer ever came: only before the first can an alert be the late end of a TLS 1.3 handshake.
    answered: bool,
    /// When it was made or last answered.
    rested_since: Instant,
}

impl Connection {
    /// `ended` is told when the connection ends, and why if not in peace.
    pub(super) async fn open(
        mut connector: HttpsConnector<HttpConnector>,
        origin: Uri,
        ended: impl FnOnce(Option<Unreachable>) + Send + 'static,
    ) -> Result<Self, Unreachable> {
        std::future::poll_fn(|cx| connector.poll_ready(cx)).await.map_err(|e| Unreachable::by(e.as_ref()))?;
        let stream = connector.call(origin).await.map_err(|e| Unreachable::at_opening(e.as_ref()))?;
        Self::over(stream, ended).await
    }

    /// The same over a stream that is there.
    pub(super) async fn over<S>(
        stream: S,
        ended: impl FnOnce(Option<Unreachable>) + Send + 'static,
    ) -> Result<Self, Unreachable>
    where
        S: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (sender, driver) = http1::handshake(stream).await.map_err(|e| Unreachable::by(&e))?;
        tokio::spawn(async move {
            // The error reaches the call that waits on the connection, too, if there is one.
            ended(driver.await.err().map(|error| Unreachable::by(&error)));
        });
        Ok(Self { sender, answered: false, rested_since: Instant::now() })
    }

    /// Waits until the call before is wholly over; false if the connection ended.
    pub(super) async fn ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// How long nothing has come on it.
    pub(super) fn rested(&self) -> Duration {
        self.rested_since.elapsed()
    }

    /// Sends one request and reads all of its answer.
    pub(super) async fn converse(&mut self, request: Request<Full<Bytes>>) -> Result<HttpAnswer, ExchangeError> {
        let response = self.sender.try_send_request(request).await.map_err(|mut e| {
            let unsent = e.take_message().is_some();
            let error = e.into_error();
            // TLS 1.3 lets a client speak before the server has judged its certificate.
            let late_refusal = !self.answered && tls::inside(&error).is_some_and(tls::refuses_certificate);
            match unsent || late_refusal {
                true => ExchangeError::Unsent(Unreachable { at_once: self.answered, ..Unreachable::by(&error) }),
                false => ExchangeError::Lost(format!("the connection failed before an answer ({})", chain(&error))),
            }
        })?;
        self.answered = true;
        let answer = whole(response).await?;
        self.rested_since = Instant::now();
        Ok(answer)
    }
}

/// Why there is no connection.
pub(crate) struct Unreachable {
    /// What stands in the way, and what to do.
    pub(crate) why: String,
    /// Kaspi does not take our certificate.
    pub(crate) certificate: bool,
    /// What it says of it.
    pub(crate) refusal: Option<&'static str>,
    /// Another try would end the same.
    pub(crate) hopeless: bool,
    /// The connection had served before and ended at rest: another one is tried without a pause.
    pub(crate) at_once: bool,
}

/// How a request on a connection failed.
pub(crate) enum ExchangeError {
    /// Given back: no byte of it was written.
    Unsent(Unreachable),
    /// Written, in part or whole.
    Lost(String),
}

#[cfg(test)]
impl ExchangeError {
    /// There was no connection.
    pub(crate) fn unsent(why: &str) -> Self {
        Self::Unsent(Unreachable {
            why: why.to_owned(),
            certificate: false,
            refusal: None,
            hopeless: false,
            at_once: false,
        })
    }
}

async fn whole(response: Response<Incoming>) -> Result<HttpAnswer, ExchangeError> {
    let http = response.status().as_u16();
    let date = response.headers().get(header::DATE).and_then(|value| date::read_http(value.to_str().ok()?));
    let body = Limited::new(response.into_body(), LARGEST_BODY).collect().await;
    let body =
        body.map_err(|e| ExchangeError::Lost(format!("the answer broke off ({})", chain(e.as_ref()))))?.to_bytes();
    Ok(HttpAnswer { http, date, body })
}

impl Unreachable {
    /// Nothing but a change of the set-up helps.
    pub(super) fn for_good(why: String) -> Self {
        Self { why, certificate: false, refusal: None, hopeless: true, at_once: false }
    }

    /// Before there was a connection: what ends it then is no end of a call.
    fn at_opening(error: &(dyn Error + 'static)) -> Self {
        match tls::is_cut_off(error) {
            true => Self { why: tls::CUT_OFF.to_owned(), ..Self::by(error) },
            false => Self::by(error),
        }
    }

    fn by(error: &(dyn Error + 'static)) -> Self {
        let tls = tls::inside(error);
        let refusal = tls.and_then(tls::refusal);
        let remedy = tls.and_then(tls::remedy);
        let why = remedy.map_or_else(|| chain(error), |remedy| format!("{}; {remedy}", chain(error)));
        Self { why, certificate: refusal.is_some(), refusal, hopeless: remedy.is_some(), at_once: false }
    }
}

/// An error with its causes. These errors know hosts and ports but no path: requests are not connectors' matter.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = match cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind) {
            // rustls' own words end with the address of a page for programmers.
            Some(std::io::ErrorKind::UnexpectedEof) => "the other side closed it".to_owned(),
            _ => cause.to_string(),
        };
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
