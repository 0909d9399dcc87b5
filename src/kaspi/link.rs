//! Connections to the bank, kept and reused by ourselves: a pooled client of the field does not tell whether a
//! request was given back unsent nor whether its connection ever answered, and money hangs on both.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::http::{Error as HttpError, HeaderValue, Method, Uri, header};
use hyper::{Request, Response};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout_at};
use tower_service::Service;

use super::ask::Ask;
use super::gate::undecided;
use super::trouble::Trouble;
use super::warm::QUIET;
use super::{date, tls};
use crate::moment::Moment;

/// Larger than any answer; a body that goes on is an answer we cannot read.
const LARGEST_BODY: usize = 1 << 20;

/// Idle connections kept for the next calls; more would only be closed by the bank.
const MOST_IDLE: usize = 32;

/// Pauses between tries that were never sent: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A request without its host: made anew for each try.
#[derive(Clone)]
pub(super) struct Call {
    /// Path and query. Secret: a query carries a token or a phone.
    pub(super) path: String,
    /// JSON of a POST; a GET has none.
    pub(super) body: Option<Bytes>,
}

/// A whole answer, whatever it says.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) http: u16,
    /// The bank's clock, from the `Date` header.
    pub(super) date: Option<Moment>,
    pub(super) body: Bytes,
}

/// Where calls go, and the connections there.
pub(super) struct Link {
    /// Scheme, host and port.
    origin: Uri,
    host: HeaderValue,
    /// What stands before every path; no slash at its end.
    prefix: String,
    connector: HttpsConnector<HttpConnector>,
    /// The most recently used last. The lock is held for a few lines, never across an await.
    resting: Mutex<Vec<Connection>>,
    /// When the last call began.
    used: Mutex<Instant>,
    /// How long a connection may rest and still carry a call.
    pub(super) idle: Duration,
    /// Told when a connection ends and when calls begin again after a quiet time, for [`super::warm`].
    pub(super) changed: Arc<Notify>,
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    /// Whether an answer ever came: only before the first can an alert be the late end of a TLS 1.3 handshake.
    answered: bool,
    /// When it was made or last answered.
    rested_since: Instant,
}

/// Why there is no connection.
struct Unreachable {
    why: String,
    certificate: bool,
    hopeless: bool,
}

/// How a request on a connection failed.
enum Failed {
    /// Given back: no byte of it was written.
    Unsent(Unreachable),
    /// Written, in part or whole.
    Lost(String),
}

impl Link {
    /// `base` has a host and the scheme `https`.
    pub(super) fn new(base: &Uri, tls: rustls::ClientConfig, idle: Duration) -> Result<Self, HttpError> {
        let authority = base.authority().map_or("", |authority| authority.as_str());
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(15)));
        let mut connector = HttpsConnector::from((tcp, tls));
        connector.enforce_https();
        Ok(Self {
            origin: Uri::builder().scheme("https").authority(authority).path_and_query("/").build()?,
            host: HeaderValue::from_str(authority)?,
            prefix: base.path().trim_end_matches('/').to_owned(),
            connector,
            idle,
            resting: Mutex::default(),
            used: Mutex::new(Instant::now()),
            changed: Arc::default(),
        })
    }

    /// Sends `call` and reads the whole answer before the deadline. Only what was never sent is tried again.
    pub(super) async fn exchange(&self, ask: &Ask, call: &Call) -> Result<Answer, Trouble> {
        self.note_use();
        let mut pause = FIRST_PAUSE;
        loop {
            let Unreachable { why, certificate, hopeless } = match self.attempt(ask, call).await? {
                Ok(answer) => return Ok(answer),
                Err(unreachable) => unreachable,
            };
            if certificate || hopeless || Instant::now() + pause >= ask.deadline {
                return Err(Trouble::NeverSent { why, certificate });
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn note_use(&self) {
        let before = std::mem::replace(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        if before.elapsed() > QUIET {
            self.changed.notify_one();
        }
    }

    async fn attempt(&self, ask: &Ask, call: &Call) -> Result<Result<Answer, Unreachable>, Trouble> {
        let request = self.request(ask, call).map_err(|e| never(format!("the request cannot be built: {e}")))?;
        let mut connection = match timeout_at(ask.deadline, self.connection()).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(unreachable)) => return Ok(Err(unreachable)),
            Err(_) => return Err(never("no connection within the time".to_owned())),
        };
        match timeout_at(ask.deadline, converse(&mut connection, request)).await {
            Ok(Ok(answer)) => {
                self.rest(connection);
                Ok(Ok(answer))
            }
            Ok(Err(Failed::Unsent(unreachable))) => Ok(Err(unreachable)),
            Ok(Err(Failed::Lost(why))) => Err(undecided(why, None)),
            // Dropping the connection closes it: a late answer must not be taken for another call's.
            Err(_) => Err(undecided("no answer within the time", None)),
        }
    }

    fn request(&self, ask: &Ask, call: &Call) -> Result<Request<Full<Bytes>>, HttpError> {
        let method = if call.body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{}", self.prefix, call.path))
            .header(header::HOST, &self.host)
            .header(header::ACCEPT, "application/json")
            .header("X-Request-ID", ask.x_request_id.to_string());
        if call.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(Full::new(call.body.clone().unwrap_or_default()))
    }

    /// One that rests and is still open, else a new one.
    async fn connection(&self) -> Result<Connection, Unreachable> {
        while let Some(mut connection) = self.take() {
            if connection.sender.ready().await.is_ok() {
                return Ok(connection);
            }
        }
        self.connect().await
    }

    /// The freshest open connection. One that rested too long is closed instead: something on the way may have
    /// forgotten it, and a request into it would be a payment in doubt.
    fn take(&self) -> Option<Connection> {
        let mut resting = self.resting();
        while let Some(connection) = resting.pop() {
            if connection.rested_since.elapsed() > self.idle {
                // All others rested longer.
                resting.clear();
                return None;
            }
            if !connection.sender.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rest(&self, mut connection: Connection) {
        connection.rested_since = Instant::now();
        self.keep(connection);
    }

    fn keep(&self, connection: Connection) {
        let mut resting = self.resting();
        if resting.len() == MOST_IDLE {
            resting.remove(0);
        }
        resting.push(connection);
    }

    /// Makes a connection ahead of the next call.
    pub(super) async fn make_ahead(&self) -> bool {
        let made = self.connect().await;
        made.map(|connection| self.keep(connection)).is_ok()
    }

    /// How long the freshest open connection has rested.
    pub(super) fn rested(&self) -> Option<Duration> {
        let resting = self.resting();
        let open = resting.iter().rev().find(|connection| !connection.sender.is_closed())?;
        Some(open.rested_since.elapsed())
    }

    /// How long ago the last call began.
    pub(super) fn unused(&self) -> Duration {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    async fn connect(&self) -> Result<Connection, Unreachable> {
        let mut connector = self.connector.clone();
        std::future::poll_fn(|cx| connector.poll_ready(cx)).await.map_err(|e| unreachable(e.as_ref()))?;
        let stream = connector.call(self.origin.clone()).await.map_err(|e| unreachable(e.as_ref()))?;
        let (sender, driver) = http1::handshake(stream).await.map_err(|e| unreachable(&e))?;
        let changed = Arc::clone(&self.changed);
        tokio::spawn(async move {
            // Its error, if any, reaches the call that waits on the connection.
            let _ended = driver.await;
            changed.notify_one();
        });
        Ok(Connection { sender, answered: false, rested_since: Instant::now() })
    }
}

/// Sends one request and reads all of its answer.
async fn converse(connection: &mut Connection, request: Request<Full<Bytes>>) -> Result<Answer, Failed> {
    let response = connection.sender.try_send_request(request).await.map_err(|mut e| {
        let unsent = e.take_message().is_some();
        let error = e.into_error();
        // TLS 1.3 lets a client speak before the server has judged its certificate.
        let late_refusal = !connection.answered && tls::inside(&error).is_some_and(tls::refuses_certificate);
        match unsent || late_refusal {
            true => Failed::Unsent(unreachable(&error)),
            false => Failed::Lost(format!("the connection failed before an answer ({})", chain(&error))),
        }
    })?;
    connection.answered = true;
    whole(response).await
}

async fn whole(response: Response<Incoming>) -> Result<Answer, Failed> {
    let http = response.status().as_u16();
    let date = response.headers().get(header::DATE).and_then(|value| date::read_http(value.to_str().ok()?));
    let body = Limited::new(response.into_body(), LARGEST_BODY).collect().await;
    let body = body.map_err(|e| Failed::Lost(format!("the answer broke off ({})", chain(e.as_ref()))))?.to_bytes();
    Ok(Answer { http, date, body })
}

fn never(why: String) -> Trouble {
    Trouble::NeverSent { why, certificate: false }
}

fn unreachable(error: &(dyn Error + 'static)) -> Unreachable {
    let tls = tls::inside(error);
    let certificate = tls.is_some_and(tls::refuses_certificate);
    let hopeless = tls.is_some_and(tls::distrusts_server);
    let remedy = match (certificate, hopeless) {
        (true, _) => "; Kaspi does not take our certificate: check it with kaspictl identity show",
        (_, true) => "; the server's certificate is not trusted: name the bank's CA in [kaspi] ca_file",
        _ => "",
    };
    Unreachable { why: format!("{}{remedy}", chain(error)), certificate, hopeless }
}

/// An error with its causes. These errors know hosts and ports but no path: requests are not connectors' matter.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
