//! The running bank over real mTLS, one module per property.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

mod bank;
mod control;
mod faults;
mod guide;
mod tls;

use std::path::Path;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Bank, Dialect, Options, RunningBank};

/// First and second organisation of the default world.
const BIN: &str = super::GUIDE_BINS[0];
const OTHER_BIN: &str = super::GUIDE_BINS[1];
const PHONE: &str = "77015211545";

type Error = Box<dyn std::error::Error + Send + Sync>;

/// A bank with a caller that holds the merchant's certificate.
struct Sandbox {
    bank: RunningBank,
    tls: Arc<ClientConfig>,
}

/// What came back.
#[derive(Debug)]
struct Got {
    status: u16,
    headers: hyper::HeaderMap,
    text: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e} in {}", self.text))
    }
}

impl Sandbox {
    async fn of(dialect: Dialect) -> Self {
        let bank = Bank::start(Options { dialect, identities: true, ..Options::default() }).await.unwrap();
        let tls = client_config(&bank.places.directory, "client");
        Self { bank, tls }
    }

    /// One call on a connection of its own.
    async fn try_call(&self, method: &str, path: &str, body: &Value) -> Result<Got, Error> {
        let stream = self.connect(&self.tls).await?;
        exchange(stream, request(method, path, body)).await
    }

    async fn connect(
        &self,
        tls: &Arc<ClientConfig>,
    ) -> Result<impl AsyncRead + AsyncWrite + Unpin + Send + 'static, Error> {
        let stream = TcpStream::connect(address(&self.bank.places.url)).await?;
        let name = ServerName::try_from("127.0.0.1")?;
        Ok(TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?)
    }

    async fn get(&self, path: &str) -> Value {
        self.try_call("GET", path, &Value::Null).await.unwrap().json()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.try_call("POST", path, &body).await.unwrap().json()
    }

    async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let got = self.try_control(method, path, &body).await;
        assert_eq!(got.status, 200, "{method} {path}: {}", got.text);
        got.json()
    }

    async fn try_control(&self, method: &str, path: &str, body: &Value) -> Got {
        let stream = TcpStream::connect(address(&self.bank.places.control_url)).await.unwrap();
        exchange(stream, request(method, path, body)).await.unwrap()
    }

    async fn fault(&self, order: Value) {
        self.control("POST", "/faults", order).await;
    }

    /// One count of all organisations together.
    async fn effect(&self, name: &str) -> u64 {
        self.control("GET", "/effects", Value::Null).await["total"][name].as_u64().unwrap()
    }

    async fn last_request(&self) -> Value {
        self.control("GET", "/requests?limit=1", Value::Null).await["requests"][0].clone()
    }
}

fn address(url: &str) -> String {
    url.split_once("://").unwrap().1.to_owned()
}

fn client_config(directory: &Path, name: &str) -> Arc<ClientConfig> {
    let certificate = |file: String| CertificateDer::from_pem_file(directory.join(file)).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate("ca.crt".to_owned())).unwrap();
    let key = PrivateKeyDer::from_pem_file(directory.join(format!("{name}.key"))).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate(format!("{name}.cer"))], key)
        .unwrap();
    Arc::new(config)
}

fn request(method: &str, path: &str, body: &Value) -> Request<Full<Bytes>> {
    let bytes = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1")
        .header("x-request-id", "0123456789abcdef0123456789abcdef")
        .body(Full::new(bytes))
        .unwrap()
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Got, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let got = read(sender.send_request(request).await?).await;
    driver.abort();
    got
}

async fn read(response: Response<hyper::body::Incoming>) -> Result<Got, Error> {
    let (head, body) = response.into_parts();
    let bytes = body.collect().await?.to_bytes();
    Ok(Got { status: head.status.as_u16(), headers: head.headers, text: String::from_utf8(bytes.to_vec())? })
}
