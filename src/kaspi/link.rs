//! Connections to the bank, kept and reused by ourselves: a pooled client of the field does not tell whether a
//! request was given back unsent nor whether its connection ever answered, and money hangs on both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper::http::{Error as HttpError, HeaderValue, Method, Uri, header};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use tokio::sync::Notify;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::connection::{Connection, ExchangeError, HttpAnswer, Unreachable};
use super::context::CallContext;
use super::error::CallError;
use super::gate::undecided;
use super::http_call::HttpCall;
use super::record::{OutageKind, Record};
use super::setup::KaspiSetup;
use super::tls::Trust;

/// After this long without a call no connection is made ahead: a closed shop leaves the bank alone at night.
pub(super) const QUIET: Duration = Duration::from_secs(3_600);

/// Idle connections kept for the next calls; more would only be closed by the bank.
const MOST_IDLE: usize = 32;

/// Pauses between tries that were never sent: doubled from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Kaspi takes calls from known addresses only; what others see is not published (wire §1).
const NO_CONNECTION: &str =
    "no connection within the time; check the network and that the bank allows this machine's address";

/// Where calls go, and the connections there.
pub(super) struct Link {
    /// Scheme, host and port.
    origin: Uri,
    host: HeaderValue,
    tcp: HttpConnector,
    /// Whom we trust and who we are: for [`super::probe`], too.
    pub(super) trust: Trust,
    /// The most recently used last. The lock is held for a few lines, never across an await.
    resting: Mutex<Vec<Connection>>,
    /// When the last call began.
    used: Mutex<Instant>,
    /// How long a connection may rest and still carry a call.
    pub(super) idle: Duration,
    /// Told when a connection ends and when calls begin again after a quiet time, for [`super::warm`].
    pub(super) changed: Arc<Notify>,
    record: Arc<Record>,
    /// Where calls go instead.
    #[cfg(test)]
    pub(super) wire: Option<Wire>,
}

/// A bank in this process: what comes of each request.
#[cfg(test)]
pub(crate) type Wire = Arc<dyn Fn(Request<Full<Bytes>>) -> BoxFuture<Result<HttpAnswer, ExchangeError>> + Send + Sync>;

#[cfg(test)]
type BoxFuture<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send>>;

impl Link {
    /// `base` has a host and the scheme `https`.
    pub(super) fn new(base: &Uri, trust: Trust, idle: Duration, record: Arc<Record>) -> Result<Self, HttpError> {
        let authority = base.authority().map_or("", |authority| authority.as_str());
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(15)));
        Ok(Self {
            origin: Uri::builder().scheme("https").authority(authority).path_and_query("/").build()?,
            host: HeaderValue::from_str(authority)?,
            tcp,
            trust,
            idle,
            resting: Mutex::default(),
            used: Mutex::new(Instant::now()),
            changed: Arc::default(),
            record,
            #[cfg(test)]
            wire: None,
        })
    }

    /// Sends `call` and reads the whole answer before the deadline. Only what was never sent is tried again.
    pub(super) async fn exchange(&self, ask: &CallContext, call: &HttpCall) -> Result<HttpAnswer, CallError> {
        self.note_use();
        let mut pause = FIRST_PAUSE;
        loop {
            let Unreachable { why, certificate, hopeless, at_once, .. } = match self.attempt(ask, call).await? {
                Ok(answer) => return Ok(answer),
                Err(unreachable) => unreachable,
            };
            if at_once {
                continue;
            }
            if certificate || hopeless || Instant::now() + pause >= ask.deadline {
                // Whoever reads it can tell a mistyped address from a bank that is away.
                let address = self.host.to_str().unwrap_or_default();
                return Err(CallError::NeverSent { why: format!("{address}: {why}"), certificate });
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

    async fn attempt(&self, ask: &CallContext, call: &HttpCall) -> Result<Result<HttpAnswer, Unreachable>, CallError> {
        let request = self.request(ask, call).map_err(|e| never(format!("the request cannot be built: {e}")))?;
        if Instant::now() >= ask.deadline {
            return Err(never("its time was up before it began".to_owned()));
        }
        #[cfg(test)]
        if let Some(wire) = &self.wire {
            return came_to(timeout_at(ask.deadline, wire(request)).await);
        }
        let mut connection = match timeout_at(ask.deadline, self.connection()).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(unreachable)) => return Ok(Err(unreachable)),
            Err(_) => return Err(never(NO_CONNECTION.to_owned())),
        };
        let conversed = timeout_at(ask.deadline, connection.converse(request)).await;
        if matches!(conversed, Ok(Ok(_))) {
            self.keep(connection);
        }
        came_to(conversed)
    }

    pub(super) fn request(&self, ask: &CallContext, call: &HttpCall) -> Result<Request<Full<Bytes>>, HttpError> {
        let method = if call.body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::builder()
            .method(method)
            .uri(&call.path)
            .header(header::HOST, &self.host)
            .header(header::ACCEPT, "application/json")
            // A compressed envelope would be none: we unpack nothing.
            .header(header::ACCEPT_ENCODING, "identity")
            .header(header::USER_AGENT, concat!("kaspid/", env!("CARGO_PKG_VERSION")))
            .header("X-Request-ID", ask.x_request_id.to_string());
        if call.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(Full::new(call.body.clone().unwrap_or_default()))
    }

    /// One that rests and is still open, else a new one.
    async fn connection(&self) -> Result<Connection, Unreachable> {
        while let Some(mut connection) = self.take() {
            if connection.ready().await {
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
            if connection.rested() > self.idle {
                // All others rested longer.
                resting.clear();
                return None;
            }
            if !connection.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    fn resting(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a connection for the next call, and none that could not carry one any more.
    fn keep(&self, connection: Connection) {
        let mut resting = self.resting();
        resting.retain(|kept| !kept.is_closed() && kept.rested() <= self.idle);
        if resting.len() == MOST_IDLE {
            resting.remove(0);
        }
        resting.push(connection);
    }

    /// Makes a connection ahead of the next call; that it cannot be made is trouble before anybody pays.
    pub(super) async fn make_ahead(&self, within: Duration) -> bool {
        match timeout(within, self.connect()).await {
            Ok(Ok(connection)) => {
                self.record.connected();
                self.keep(connection);
                true
            }
            Ok(Err(Unreachable { why, certificate, .. })) => {
                let kind = if certificate { OutageKind::Certificate } else { OutageKind::Unreachable };
                self.record.failed(kind, why);
                false
            }
            Err(_) => {
                self.record.failed(OutageKind::Unreachable, NO_CONNECTION.to_owned());
                false
            }
        }
    }

    /// How long the freshest open connection has rested.
    pub(super) fn rested(&self) -> Option<Duration> {
        let resting = self.resting();
        let open = resting.iter().rev().find(|connection| !connection.is_closed())?;
        Some(open.rested())
    }

    /// How long ago the last call began.
    pub(super) fn unused(&self) -> Duration {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    async fn connect(&self) -> Result<Connection, Unreachable> {
        let tls = self.trust.client().map_err(|error| Unreachable::for_good(error.to_string()))?;
        let mut connector = HttpsConnector::from((self.tcp.clone(), tls));
        connector.enforce_https();
        let (changed, record) = (Arc::clone(&self.changed), Arc::clone(&self.record));
        // TLS 1.3 tells late that our certificate is refused: also on a connection that carries no call.
        let ended = move |end: Option<Unreachable>| {
            if let Some(Unreachable { why, certificate: true, .. }) = end {
                record.failed(OutageKind::Certificate, why);
            }
            changed.notify_one();
        };
        Connection::open(connector, self.origin.clone(), ended).await
    }

    /// Whether there is anybody to trust; reads the system's roots.
    pub(super) fn check_trust(&self) -> Result<(), KaspiSetup> {
        self.trust.client().map(drop)
    }
}

/// What an attempt came to that was over within its time, or not.
fn came_to(
    conversed: Result<Result<HttpAnswer, ExchangeError>, Elapsed>,
) -> Result<Result<HttpAnswer, Unreachable>, CallError> {
    match conversed {
        Ok(Ok(answer)) => Ok(Ok(answer)),
        Ok(Err(ExchangeError::Unsent(unreachable))) => Ok(Err(unreachable)),
        Ok(Err(ExchangeError::Lost(why))) => Err(undecided(why, None)),
        // Its connection is dropped, which closes it: a late answer must not be taken for another call's.
        Err(_) => Err(undecided("no answer within the time", None)),
    }
}

fn never(why: String) -> CallError {
    CallError::NeverSent { why, certificate: false }
}
