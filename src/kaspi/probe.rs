//! One look at the way to the bank, step by step, so that the first step that fails names the cause. A read and
//! nothing else is sent, over a connection of its own; nothing is tried twice.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{CertificateError, Error as TlsError};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::connection::{Connection, ExchangeError, HttpAnswer};
use super::gate::{self, judge, undecided};
use super::link::Link;
use super::{CallContext, CallError, Kaspi, get, tls};
use crate::id::{BankUrl, OrganizationBin};
use crate::moment::Moment;

/// For each of the four steps: all of them end within three times as long as a person waits without wondering.
const STEP: Duration = Duration::from_secs(3);

/// What is asked at the end of the way.
#[derive(Clone, Debug)]
pub enum Question {
    /// `GET health/ping`; bank dialect only (wire §4.1).
    Ping,
    /// The trade points of an organisation: the read that both dialects have.
    TradePoints(OrganizationBin),
}

/// How far the look came. A step after a failed one is [`ProbeStep::Untried`].
#[derive(Debug)]
pub struct Probe {
    /// Whose name and port were looked for.
    pub host: String,
    /// See `host`.
    pub port: u16,
    /// The host's addresses.
    pub dns: ProbeStep,
    /// A connection to one of them.
    pub tcp: ProbeStep,
    /// The server's certificate, as we trust it.
    pub tls: ProbeStep,
    /// The answer to the question, which also proves that the bank takes our certificate: TLS 1.3 lets a client
    /// speak before the server has judged it.
    pub answer: ProbeStep,
    /// The bank's clock and ours at the same moment, to a second or so.
    pub clocks: Option<(Moment, Moment)>,
}

/// How a step ended.
#[derive(Debug)]
pub enum ProbeStep {
    /// What came of it, for people.
    Done(String),
    /// What stands in the way.
    Failed(ProbeObstacle),
    /// A step before it failed.
    Untried,
}

/// What stands in the way. No text of it is the bank's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeObstacle {
    /// Nothing came within the step's time, in whole seconds.
    #[error("nothing came within {0} s")]
    TimedOut(u64),
    /// No address for the name.
    #[error("{0}")]
    NoAddress(String),
    /// Nobody listens at the port.
    #[error("nobody listens there, or a firewall turns the connection away")]
    Refused,
    /// The network or a firewall.
    #[error("{0}")]
    Unreachable(String),
    /// The server's certificate is of nobody we trust.
    #[error("the server's certificate is not trusted")]
    UntrustedServer,
    /// The server's certificate is another host's.
    #[error("the server's certificate is another host's")]
    OtherHost,
    /// The server's certificate is not valid at our time.
    #[error("the server's certificate is not valid now")]
    NotValidNow,
    /// The bank refuses our certificate.
    #[error("the bank refuses our certificate: {0}")]
    OurCertificate(&'static str),
    /// The server speaks none of our versions, key exchanges or ciphers.
    #[error("{}", tls::NOTHING_IN_COMMON)]
    NothingInCommon,
    /// The other side ended the handshake without a word of TLS.
    #[error("{}", tls::CUT_OFF)]
    CutOff,
    /// What answers speaks no TLS.
    #[error("{}", tls::NO_TLS)]
    NoTls,
    /// Anything else of TLS.
    #[error("{0}")]
    Tls(String),
    /// Connected, and the question was not answered as it must be.
    #[error("no usable answer")]
    Answer(CallError),
}

impl Probe {
    fn new(host: &str, port: u16) -> Self {
        let (dns, tcp, tls, answer) = (ProbeStep::Untried, ProbeStep::Untried, ProbeStep::Untried, ProbeStep::Untried);
        Self { host: host.to_owned(), port, dns, tcp, tls, answer, clocks: None }
    }
}

/// Looks at the way to the bank at `url`, as far as it can be gone: without a client, which needs a certificate, to
/// the TCP connection, and without a question to the end of the handshake. Takes 12 s at most.
pub async fn probe(url: &BankUrl, kaspi: Option<&Kaspi>, question: Option<&Question>) -> Probe {
    let base: hyper::Uri = url.as_str().parse().unwrap_or_default();
    // An IPv6 address stands in brackets there and nowhere else.
    let host = base.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let mut probe = Probe::new(&host, base.port_u16().unwrap_or(443));
    let Some(addresses) = step(&mut probe.dns, addresses(&host, probe.port)).await else { return probe };
    let Some(stream) = step(&mut probe.tcp, tcp(addresses)).await else { return probe };
    let Some(kaspi) = kaspi else { return probe };
    let link = &kaspi.link;
    let Some(connection) = step(&mut probe.tls, handshake(link, &host, stream)).await else { return probe };
    let Some(question) = question else { return probe };
    let Some((answer, ours)) = step(&mut probe.answer, ask(link, connection, question)).await else { return probe };
    probe.clocks = answer.date.map(|bank| (bank, ours));
    if let Err(trouble) = judged(&answer, question) {
        probe.answer = ProbeStep::Failed(ProbeObstacle::Answer(trouble));
    }
    probe
}

/// Runs one step within its time and keeps how it ended.
async fn step<T>(kept: &mut ProbeStep, work: impl Future<Output = Result<(T, String), ProbeObstacle>>) -> Option<T> {
    let began = Instant::now();
    let (step, value) = match timeout(STEP, work).await {
        Ok(Ok((value, what))) => (ProbeStep::Done(format!("{what}, {} ms", began.elapsed().as_millis())), Some(value)),
        Ok(Err(obstacle)) => (ProbeStep::Failed(obstacle), None),
        Err(_) => (ProbeStep::Failed(ProbeObstacle::TimedOut(STEP.as_secs())), None),
    };
    *kept = step;
    value
}

async fn addresses(host: &str, port: u16) -> Result<(Vec<SocketAddr>, String), ProbeObstacle> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(|e| ProbeObstacle::NoAddress(e.to_string()))?;
    let found: Vec<SocketAddr> = found.collect();
    match found.first() {
        None => Err(ProbeObstacle::NoAddress("the name has none".to_owned())),
        Some(first) => {
            let said = match host.parse::<std::net::IpAddr>() {
                Ok(_) => format!("{host} is an address"),
                Err(_) => format!("{host} is {}", first.ip()),
            };
            Ok((found, said))
        }
    }
}

/// The first address that takes a connection; one after the other, as the client does.
async fn tcp(addresses: Vec<SocketAddr>) -> Result<(TcpStream, String), ProbeObstacle> {
    let mut why = ProbeObstacle::Refused;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok((stream, format!("connected to {address}"))),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => why = ProbeObstacle::Refused,
            Err(error) => why = ProbeObstacle::Unreachable(error.to_string()),
        }
    }
    Err(why)
}

async fn handshake(link: &Link, host: &str, stream: TcpStream) -> Result<(Connection, String), ProbeObstacle> {
    let name = ServerName::try_from(host.to_owned()).map_err(|e| ProbeObstacle::Tls(e.to_string()))?;
    let connector = TlsConnector::from(link.trust.client().map_err(|e| ProbeObstacle::Tls(e.to_string()))?);
    let stream = connector.connect(name, stream).await.map_err(|e| match tls::is_cut_off(&e) {
        true => ProbeObstacle::CutOff,
        false => obstacle(tls::inside(&e), &e.to_string()),
    })?;
    let version = match stream.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
        _ => "TLS 1.2",
    };
    let connection = Connection::over(TokioIo::new(stream), drop).await;
    let connection = connection.map_err(|unreachable| ProbeObstacle::Tls(unreachable.why))?;
    Ok((connection, format!("{version}, the server's certificate is trusted")))
}

fn obstacle(error: Option<&TlsError>, text: &str) -> ProbeObstacle {
    if let Some(refusal) = error.and_then(tls::refusal) {
        return ProbeObstacle::OurCertificate(refusal);
    }
    match error {
        Some(TlsError::InvalidCertificate(why)) => match why {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                ProbeObstacle::OtherHost
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => ProbeObstacle::NotValidNow,
            _ => ProbeObstacle::UntrustedServer,
        },
        Some(foreign) if tls::has_nothing_in_common(foreign) => ProbeObstacle::NothingInCommon,
        Some(other) if tls::is_no_tls(other) => ProbeObstacle::NoTls,
        _ => ProbeObstacle::Tls(text.to_owned()),
    }
}

/// A whole answer, and our time when it was written.
async fn ask(
    link: &Link,
    mut connection: Connection,
    question: &Question,
) -> Result<((HttpAnswer, Moment), String), ProbeObstacle> {
    let (path, said) = match question {
        Question::Ping => ("/r3/v01/health/ping".to_owned(), "answers a ping"),
        Question::TradePoints(bin) => (format!("/r3/v01/partner/tradepoints/{bin}"), "lists trade points"),
    };
    let unbuilt = |e: hyper::http::Error| ProbeObstacle::Tls(e.to_string());
    let request = link.request(&CallContext::fresh(STEP), &get(path)).map_err(unbuilt)?;
    let began = Moment::now();
    let answer = match connection.converse(request).await {
        Ok(answer) => answer,
        Err(ExchangeError::Unsent(why)) => {
            return Err(why.refusal.map_or(ProbeObstacle::Tls(why.why), ProbeObstacle::OurCertificate));
        }
        Err(ExchangeError::Lost(why)) => return Err(ProbeObstacle::Answer(undecided(why, None))),
    };
    Ok(((answer, began.after(Moment::now().since(began) / 2)), said.to_owned()))
}

/// An envelope that says yes, in either dialect.
fn judged(answer: &HttpAnswer, question: &Question) -> Result<(), CallError> {
    let call = match question {
        Question::Ping => gate::CallKind::Ping,
        Question::TradePoints(_) => gate::CallKind::TradePoints,
    };
    judge(answer, call, None).map(drop)
}
