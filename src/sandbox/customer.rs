//! The customer of a sandbox that runs in another process, over its control interface.

use std::io;
use std::path::{Path, PathBuf};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use super::PLACES;

/// Why the customer did not act.
#[derive(Debug, thiserror::Error)]
pub enum CustomerError {
    /// No sandbox has written down where it is.
    #[error("{} does not tell where the sandbox is: {why}; start one, kaspi-sandbox serve --dir {}", .file.display(), .dir.display())]
    Unknown {
        /// What was read.
        file: PathBuf,
        /// Its folder.
        dir: PathBuf,
        /// Why not.
        why: String,
    },
    /// It does not answer.
    #[error("the sandbox does not answer at {address}: {why}; start it again: kaspi-sandbox serve")]
    Away {
        /// Where it should be.
        address: String,
        /// Why not.
        why: String,
    },
    /// It answers no.
    #[error("{0}")]
    Refused(String),
}

/// Pays or declines a payment; what the sandbox says of it then.
///
/// # Errors
/// [`CustomerError`]; nothing has happened then.
pub(super) async fn act(dir: &Path, number: u64, act: &str) -> Result<String, CustomerError> {
    let address = address(dir)?;
    let away = |why: String| CustomerError::Away { address: address.clone(), why };
    let answer = post(&address, &format!("/payments/{number}/{act}")).await.map_err(|error| away(error.to_string()))?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
    if let Some(refused) = text("error") {
        return Err(CustomerError::Refused(refused));
    }
    Ok(format!("payment {number}: {}", text("status").unwrap_or_default()))
}

/// Where the control interface is, as the sandbox has written it down.
fn address(dir: &Path) -> Result<String, CustomerError> {
    let file = dir.join(PLACES);
    let read = std::fs::read_to_string(&file).map_err(|error| error.to_string());
    let places = read.and_then(|text| serde_json::from_str::<Value>(&text).map_err(|error| error.to_string()));
    let address = places.and_then(|places| {
        let url = places.get("control_url").and_then(Value::as_str);
        url.and_then(|url| url.strip_prefix("http://")).map(str::to_owned).ok_or_else(|| "no control_url".to_owned())
    });
    address.map_err(|why| CustomerError::Unknown { file, dir: dir.to_owned(), why })
}

async fn post(address: &str, path: &str) -> io::Result<Value> {
    let stream = TcpStream::connect(address.trim_end_matches('/')).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    tokio::spawn(async move { drop(connection.await) });
    let request = Request::builder().method("POST").uri(path).header(header::HOST, address);
    let request = request.body(Full::new(Bytes::new())).map_err(io::Error::other)?;
    let answer = sender.send_request(request).await.map_err(io::Error::other)?;
    let body = answer.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    serde_json::from_slice(&body).map_err(io::Error::other)
}
