//! HTTP/1.1 as a till without any library would write it: bytes out, bytes in.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

/// Longer than any answer a test asks to wait for.
const PATIENCE: Duration = Duration::from_secs(90);

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {} {}", self.status, self.text()))
    }

    /// The body of an answer that must have this status.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// The body of a failure that must have this code, with what every failure must have.
    #[track_caller]
    pub(crate) fn problem(&self, code: &str) -> Value {
        let body = self.json();
        assert_eq!(body["code"], code, "{}: {body}", self.status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(body["status"], self.status);
        assert_eq!(body["type"], format!("urn:kaspid:{code}"));
        for field in ["title", "detail", "remedy"] {
            assert!(body[field].as_str().is_some_and(|text| !text.is_empty()), "{field} is empty: {body}");
        }
        for language in ["ru", "kk", "en"] {
            assert!(body["cashier"][language].is_string(), "no words for the cashier in {language}: {body}");
        }
        body
    }
}

/// Writes a request and reads its answer; the connection is not used again.
pub(crate) fn exchange(mut stream: impl Read + Write, request: &[u8]) -> std::io::Result<Answer> {
    // A server may answer and close before it has read all: the answer counts then, not the broken pipe.
    let written = stream.write_all(request).and_then(|()| stream.flush());
    read_answer(&mut BufReader::new(stream)).map_err(|e| written.err().unwrap_or(e))
}

/// The bytes of a request.
pub(crate) fn request(method: &str, target: &str, headers: &[(&str, &str)], body: Option<&str>) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: kaspid\r\nConnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if let Some(body) = body {
        text.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len()));
    }
    format!("{text}\r\n{}", body.unwrap_or_default()).into_bytes()
}

/// Reads one answer.
pub(crate) fn read_answer(stream: &mut impl BufRead) -> std::io::Result<Answer> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let status = line.split_whitespace().nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("not HTTP: {line:?}")))?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.trim().to_owned())),
            None => break,
        }
    }
    let mut answer = Answer { status, headers, body: Vec::new() };
    answer.body = read_body(stream, &answer)?;
    Ok(answer)
}

fn read_body(stream: &mut impl BufRead, head: &Answer) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if head.header("transfer-encoding") == Some("chunked") {
        loop {
            let mut size = String::new();
            stream.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk)?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
    match head.header("content-length").and_then(|length| length.parse().ok()) {
        Some(length) => {
            body = vec![0; length];
            stream.read_exact(&mut body)?;
        }
        None => drop(stream.read_to_end(&mut body)?),
    }
    Ok(body)
}

/// The daemon's socket, from outside.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    socket: PathBuf,
}

/// A key that no other call of this run has.
pub(crate) fn fresh_key() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("key-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Door {
    pub(crate) fn at(socket: &Path) -> Self {
        Self { socket: socket.to_owned() }
    }

    /// A connection of its own.
    #[track_caller]
    pub(crate) fn connect(&self) -> UnixStream {
        let stream = UnixStream::connect(&self.socket).unwrap_or_else(|e| panic!("{}: {e}", self.socket.display()));
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Any request.
    #[track_caller]
    pub(crate) fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: Option<&str>) -> Answer {
        exchange(self.connect(), &request(method, target, headers, body))
            .unwrap_or_else(|e| panic!("{method} {target}: {e}"))
    }

    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], None)
    }

    /// A POST with this key.
    #[track_caller]
    pub(crate) fn post_with_key(&self, key: &str, target: &str, body: &Value) -> Answer {
        self.send("POST", target, &[("Idempotency-Key", key)], Some(&body.to_string()))
    }

    /// A POST with a key of its own.
    #[track_caller]
    pub(crate) fn post(&self, target: &str, body: &Value) -> Answer {
        self.post_with_key(&fresh_key(), target, body)
    }

    /// `METHOD /target` and a body, as the fixtures write what the socket is asked.
    #[track_caller]
    pub(crate) fn ask(&self, line: &str, body: Option<&str>) -> Answer {
        let (method, target) = line.split_once(' ').unwrap_or_else(|| panic!("not METHOD /target: {line}"));
        let key = fresh_key();
        self.send(method, target, &[("Idempotency-Key", &key)], body.filter(|body| !body.is_empty()))
    }

    /// Enrols the guide's first organisation as the default of the shop.
    #[track_caller]
    pub(crate) fn enrol(&self, bin: &str) -> Value {
        self.post("/v1/configs", &serde_json::json!({"organization_bin": bin, "is_default": true})).expect(201)
    }
}
