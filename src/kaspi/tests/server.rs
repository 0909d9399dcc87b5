//! A bank that answers by script, byte by byte where a test needs it to break off.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls::version::{TLS12, TLS13};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::pki::Pki;

/// What the bank does with a request.
#[derive(Clone)]
pub(super) enum Act {
    /// HTTP 200 and this body, then wait for the next.
    Reply(&'static str),
    /// This code and body.
    Http(u16, &'static str),
    /// These bytes, then the end of the connection.
    Break(String),
    /// HTTP 200 and this body, then the end of the connection, unannounced.
    ReplyAndClose(&'static str),
    /// Nothing, ever.
    Silence,
}

/// A request as it came.
#[derive(Debug)]
pub(super) struct Seen {
    /// Method, path and query.
    pub(super) line: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
    /// Which connection it came on, from 1.
    pub(super) connection: usize,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

pub(super) struct Server {
    pub(super) url: String,
    pub(super) pki: Arc<Pki>,
    /// How many TCP connections came in.
    connections: watch::Receiver<usize>,
    /// Requests in the order they came whole.
    pub(super) seen: mpsc::UnboundedReceiver<Seen>,
    accepting: JoinHandle<()>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Tls {
    V12,
    V13,
}

impl Server {
    /// Answers the n-th request, whatever its connection, with the n-th act; the last one repeats.
    pub(super) async fn start(tls: Tls, acts: &[Act]) -> Self {
        Self::start_with(tls, acts, TcpListener::bind("127.0.0.1:0").await.unwrap(), Arc::new(Pki::new()))
    }

    pub(super) fn start_with(tls: Tls, acts: &[Act], listener: TcpListener, pki: Arc<Pki>) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config(&pki, tls)));
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let (tell, seen) = mpsc::unbounded_channel();
        let (count, connections) = watch::channel(0);
        let script = Script { acts: acts.to_vec(), requests: Arc::default(), tell };
        let accepting = tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                count.send_modify(|count| *count += 1);
                let connection = *count.borrow();
                tokio::spawn(serve(acceptor.clone(), tcp, script.clone(), connection));
            }
        });
        Self { url, pki, connections, seen, accepting }
    }

    pub(super) fn connections(&self) -> usize {
        *self.connections.borrow()
    }

    /// Waits for the `n`-th connection.
    pub(super) async fn connected(&self, n: usize) {
        self.connections.clone().wait_for(|count| *count >= n).await.unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn config(pki: &Pki, tls: Tls) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(pki.ca.clone()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build().unwrap();
    let version = match tls {
        Tls::V12 => &TLS12,
        Tls::V13 => &TLS13,
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![pki.server.0.clone()], pki.server.1.clone_key())
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

#[derive(Clone)]
struct Script {
    acts: Vec<Act>,
    requests: Arc<AtomicUsize>,
    tell: mpsc::UnboundedSender<Seen>,
}

async fn serve(acceptor: TlsAcceptor, tcp: TcpStream, script: Script, connection: usize) -> io::Result<()> {
    let mut stream = acceptor.accept(tcp).await?;
    loop {
        let seen = request(&mut stream, connection).await?;
        let nth = script.requests.fetch_add(1, Ordering::SeqCst);
        let _gone = script.tell.send(seen);
        let (answer, goes_on) = match &script.acts[nth.min(script.acts.len() - 1)] {
            Act::Reply(body) => (http(200, body), true),
            Act::Http(code, body) => (http(*code, body), true),
            Act::Break(bytes) => (bytes.clone(), false),
            Act::ReplyAndClose(body) => (http(200, body), false),
            Act::Silence => std::future::pending().await,
        };
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
        if !goes_on {
            return stream.shutdown().await;
        }
    }
}

fn http(code: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {code} x\r\nDate: Wed, 22 Oct 2025 10:04:05 GMT\r\nContent-Length: {length}\r\n\r\n{body}")
}

async fn request(stream: &mut TlsStream<TcpStream>, connection: usize) -> io::Result<Seen> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap();
    let mut lines = text.lines();
    let line = lines.next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
    let headers = lines.map(|line| line.split_once(": ").map(|(n, v)| (n.to_owned(), v.to_owned())).unwrap()).collect();
    let mut seen = Seen { line, headers, body: String::new(), connection };
    let length: usize = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head + 4 + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    seen.body = String::from_utf8(bytes[head + 4..].to_vec()).unwrap();
    Ok(seen)
}
