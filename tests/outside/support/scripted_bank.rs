//! A Kaspi server that is not our sandbox: it plays answers it was given and keeps every request byte for byte.
//! Written on plain sockets, so that it can also do what no HTTP library lets a server do.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::support::fixture::Answer;

/// What a till of the guide is told first: the trade points and tokens that the fixtures are written with.
pub(crate) const TOKEN: &str = "577b4b39-1e7e-43d2-83c3-a0116118ef16";
/// The guide's first organisation.
pub(crate) const BIN: &str = "891027350515";
/// Longer than any test may wait for a request.
const PATIENCE: Duration = Duration::from_secs(20);

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// As sent, in order; names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) at: Instant,
}

impl Seen {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The QrPaymentId of a request that has one in its query.
    fn asked_id(&self) -> &str {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        query.split('&').find_map(|pair| pair.strip_prefix("QrPaymentId=")).unwrap_or("0")
    }

    fn mentions(&self, marker: &str) -> bool {
        self.target.contains(marker) || self.body.contains(marker)
    }
}

/// Answers for a path, or for those of its requests that mention a marker. The last answer is repeated.
struct Rule {
    method: String,
    /// Without the query; a trailing `*` takes any rest.
    path: String,
    marker: Option<String>,
    answers: VecDeque<Answer>,
}

impl Rule {
    fn takes(&self, seen: &Seen) -> bool {
        let path = match self.path.strip_suffix('*') {
            Some(prefix) => seen.path().starts_with(prefix),
            None => seen.path() == self.path,
        };
        path && self.method == seen.method && self.marker.as_ref().is_none_or(|marker| seen.mentions(marker))
    }
}

#[derive(Default)]
struct State {
    /// The newest rule that takes a request answers it.
    rules: Vec<Rule>,
    seen: Vec<Seen>,
    /// While set, answers for paths that begin so are held back.
    held: Option<String>,
    /// Requests are answered and not kept: a run may have millions.
    forgets: bool,
    stopping: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    next_id: AtomicU64,
}

/// The server; stops when dropped.
pub(crate) struct ScriptedBank {
    pub(crate) url: String,
    pub(crate) ca_file: PathBuf,
    pub(crate) certificate_file: PathBuf,
    pub(crate) key_file: PathBuf,
    address: SocketAddr,
    shared: Arc<Shared>,
    _files: tempfile::TempDir,
}

impl ScriptedBank {
    /// A bank that knows nothing yet: every request gets a 404 page.
    pub(crate) fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let [ca_file, certificate_file, key_file] =
            ["ca.crt", "client.cer", "client.key"].map(|name| files.path().join(name));
        let pki = Pki::make();
        std::fs::write(&ca_file, &pki.ca_pem).unwrap();
        std::fs::write(&certificate_file, &pki.client_pem).unwrap();
        std::fs::write(&key_file, &pki.client_key_pem).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            next_id: AtomicU64::new(12_737_000_000),
        });
        let (config, accepting) = (pki.server, shared.clone());
        std::thread::spawn(move || accept(&listener, &config, &accepting));
        let url = format!("https://{address}");
        Self { url, ca_file, certificate_file, key_file, address, shared, _files: files }
    }

    /// Answers every request of this method and path from now on.
    pub(crate) fn answer(&self, method: &str, path: &str, answer: Answer) {
        self.rule(method, path, None, [answer]);
    }

    /// The same for those requests that mention `marker` in target or body.
    pub(crate) fn answer_for(&self, method: &str, path: &str, marker: &str, answer: Answer) {
        self.rule(method, path, Some(marker), [answer]);
    }

    /// One answer after the other; the last is repeated.
    pub(crate) fn answers(&self, method: &str, path: &str, answers: impl IntoIterator<Item = Answer>) {
        self.rule(method, path, None, answers);
    }

    fn rule(&self, method: &str, path: &str, marker: Option<&str>, answers: impl IntoIterator<Item = Answer>) {
        let rule = Rule {
            method: method.to_owned(),
            path: path.to_owned(),
            marker: marker.map(str::to_owned),
            answers: answers.into_iter().collect(),
        };
        self.shared.state.lock().unwrap().rules.push(rule);
    }

    /// Holds all answers back until [`Self::release`].
    pub(crate) fn hold(&self) {
        self.hold_at("");
    }

    /// The same for paths that begin so, and for no others.
    pub(crate) fn hold_at(&self, prefix: &str) {
        self.shared.state.lock().unwrap().held = Some(prefix.to_owned());
        self.shared.changed.notify_all();
    }

    /// Lets held answers go.
    pub(crate) fn release(&self) {
        self.shared.state.lock().unwrap().held = None;
        self.shared.changed.notify_all();
    }

    /// Keeps no request from now on.
    #[allow(dead_code, reason = "for measuring")]
    pub(crate) fn forgets(&self) {
        self.shared.state.lock().unwrap().forgets = true;
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.state.lock().unwrap().seen.clone()
    }

    /// The requests so far to this method and path that mention `marker`.
    pub(crate) fn seen_at(&self, method: &str, path: &str, marker: &str) -> Vec<Seen> {
        let fits = |seen: &Seen| seen.method == method && seen.path() == path && seen.mentions(marker);
        self.seen().into_iter().filter(fits).collect()
    }

    /// Waits until `count` requests to this method and path have come.
    pub(crate) fn wait_for(&self, method: &str, path: &str, count: usize) {
        let state = self.shared.state.lock().unwrap();
        let few = |state: &mut State| {
            state.seen.iter().filter(|seen| seen.method == method && seen.path() == path).count() < count
        };
        let (_state, waited) = self.shared.changed.wait_timeout_while(state, PATIENCE, few).unwrap();
        assert!(!waited.timed_out(), "the daemon did not send {count} × {method} {path}");
    }
}

impl Drop for ScriptedBank {
    fn drop(&mut self) {
        if let Ok(mut state) = self.shared.state.lock() {
            state.stopping = true;
            state.held = None;
        }
        self.shared.changed.notify_all();
        // Wakes the accept loop, which then sees that it is to stop.
        drop(TcpStream::connect(self.address));
    }
}

/// A CA, a server certificate for the loopback address and a client certificate.
struct Pki {
    ca_pem: String,
    client_pem: String,
    client_key_pem: String,
    server: Arc<ServerConfig>,
}

impl Pki {
    fn make() -> Self {
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        ca.distinguished_name.push(rcgen::DnType::CommonName, "Scripted bank CA");
        let ca_key = KeyPair::generate().unwrap();
        let ca_certificate = ca.self_signed(&ca_key).unwrap();
        let issuer = Issuer::new(ca, ca_key);
        let issue = |name: &str, usage| {
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.extended_key_usages = vec![usage];
            let key = KeyPair::generate().unwrap();
            (params.signed_by(&key, &issuer).unwrap(), key)
        };
        let (server, server_key) = issue("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth);
        let (client, client_key) = issue("till.example", ExtendedKeyUsagePurpose::ClientAuth);
        Self {
            ca_pem: ca_certificate.pem(),
            client_pem: client.pem(),
            client_key_pem: client_key.serialize_pem(),
            server: server_config(ca_certificate.der().clone(), server.der().clone(), &server_key),
        }
    }
}

fn server_config(
    ca: CertificateDer<'static>,
    certificate: CertificateDer<'static>,
    key: &KeyPair,
) -> Arc<ServerConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(ca).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![certificate], key)
        .unwrap();
    Arc::new(config)
}

fn accept(listener: &TcpListener, config: &Arc<ServerConfig>, shared: &Arc<Shared>) {
    for stream in listener.incoming().flatten() {
        if shared.state.lock().unwrap().stopping {
            return;
        }
        let (config, shared) = (config.clone(), shared.clone());
        std::thread::spawn(move || {
            // The daemon may hang up at any time; that ends this connection and nothing else.
            let _ = serve(stream, config, &shared);
        });
    }
}

fn serve(stream: TcpStream, config: Arc<ServerConfig>, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    while let Some(seen) = read_request(&mut stream)? {
        let answer = shared.take(seen);
        stream.get_mut().write_all(&answer.to_bytes(shared.next_id.fetch_add(1, Ordering::Relaxed)))?;
        stream.get_mut().flush()?;
        if answer.cut > 0 {
            return Ok(());
        }
    }
    Ok(())
}

fn read_request(stream: &mut impl BufRead) -> std::io::Result<Option<Seen>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(Seen { method, target, headers, body, at: Instant::now() }))
}

impl Shared {
    /// Notes a request, waits while answers are held, and picks the answer.
    fn take(&self, seen: Seen) -> Answer {
        let mut state = self.state.lock().unwrap();
        if !state.forgets {
            state.seen.push(seen.clone());
        }
        self.changed.notify_all();
        let held = |state: &mut State| state.held.as_ref().is_some_and(|prefix| seen.path().starts_with(prefix));
        let mut state = self.changed.wait_while(state, held).unwrap();
        let Some(rule) = state.rules.iter_mut().rev().find(|rule| rule.takes(&seen)) else {
            return Answer::page(404, "Not Found");
        };
        let answer = match rule.answers.len() {
            0 => Answer::page(404, "Not Found"),
            1 => rule.answers[0].clone(),
            _ => rule.answers.pop_front().unwrap(),
        };
        Answer { body: answer.body.replace("{asked_id}", seen.asked_id()), ..answer }
    }
}

/// The server itself: it insists on a client certificate, plays its answers in order, keeps what it was sent, and
/// hangs up in the middle of a cut one.
#[test]
fn the_scripted_bank_plays() {
    let curl = |bank: &ScriptedBank, with_certificate: bool| {
        let mut curl = std::process::Command::new("curl");
        curl.args(["-sS", "--max-time", "10", "-d", "{\"a\":1.00}", "-H", "X-Request-ID: 1", "--cacert"])
            .arg(&bank.ca_file);
        if with_certificate {
            curl.arg("--cert").arg(&bank.certificate_file).arg("--key").arg(&bank.key_file);
        }
        curl.arg(format!("{}/r3/v01/x?y=1", bank.url)).output()
    };
    let bank = ScriptedBank::start();
    let cut = Answer { cut: 10, ..Answer::json("{") };
    bank.answers("POST", "/r3/*", [Answer::json("{\"id\":{next_id}}"), cut]);
    let Ok(first) = curl(&bank, true) else {
        eprintln!("SKIPPED: curl is not here");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&first.stdout), "{\"id\":12737000000}", "{first:?}");
    assert!(!curl(&bank, true).unwrap().status.success(), "a cut body arrived whole");
    assert!(!curl(&bank, false).unwrap().status.success(), "came in without a certificate");
    let seen = bank.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[0].method.as_str(), seen[0].target.as_str()), ("POST", "/r3/v01/x?y=1"));
    assert_eq!((seen[0].body.as_str(), seen[0].header("x-request-id")), ("{\"a\":1.00}", Some("1")));
}
