//! A stateful Kaspi r3 for people without a bank contract: POS developers, demos and tests.
//!
//! ```text
//! server (mTLS, HTTP) -> counter -> bank | guide -> rules -> world + ledger
//! bytes                  faults     one dialect     refusals  organisations, payments
//! control (plain HTTP) ------------------------------^ acts as the customer, orders faults, counts effects
//! ```
//!
//! It is written from `docs/wire.md` and the guide alone and shares no wire type with [`crate::kaspi`], so a
//! mistake in one is seen by the other. [`Bank::start`] runs it inside a process; [`cli`] is the program:
//!
//! ```text
//! cli -> tour | serve -> shop -> daemon (a second process) + Bank
//! ```

mod authority;
mod bank;
mod call;
pub mod cli;
mod clock;
mod connections;
mod control;
mod counter;
mod customer;
mod daemon;
mod faults;
mod files;
mod guide;
mod ledger;
mod phone;
mod refusal;
mod requests;
mod rules;
mod serve;
mod server;
mod shared;
mod shop;
mod stop;
mod tour;
mod wire;
mod world;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use hyper::Method;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

pub use authority::{Authority, CannotCertify, NotSignable, PemIdentity, Validity};
pub use call::{BankCall, Dialect};
pub use control::Complaint;
pub use faults::{Fault, FaultKind};
pub use files::{CannotWrite, Places};
pub use ledger::Timers;
pub use server::CannotSecure;
pub use world::GUIDE_BINS;

use connections::Connections;
use files::Directory;
use rules::BankState;
use shared::SharedBank;

/// How to start a [`Bank`].
#[derive(Clone, Debug)]
pub struct Options {
    /// What it speaks.
    pub dialect: Dialect,
    /// Where its files go; `None` is a temporary directory that is removed when it stops.
    pub directory: Option<PathBuf>,
    /// Port of the bank on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Port of the control interface on 127.0.0.1; 0 takes a free one.
    pub control_port: u16,
    /// How many times as fast as real time its clock runs.
    pub speed: u32,
    /// How long it waits for customers.
    pub timers: Timers,
    /// Also write certificates that must not be let in: `expired.*` and `stranger.*`.
    pub identities: bool,
    /// Number of the first payment. A bank gives no number twice, so one that follows another begins above it.
    pub first_payment: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            dialect: Dialect::default(),
            directory: None,
            port: 0,
            control_port: 0,
            speed: 1,
            timers: Timers::default(),
            identities: false,
            first_payment: ledger::FIRST_ID,
        }
    }
}

/// Why a [`Bank`] did not start.
#[derive(Debug, thiserror::Error)]
pub enum CannotStart {
    /// No certificates or no TLS.
    #[error(transparent)]
    Secure(#[from] CannotSecure),
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] CannotWrite),
    /// A port could not be had.
    #[error("cannot listen on 127.0.0.1:{port} (choose another port, or 0 for a free one)")]
    Listen {
        /// The port asked for.
        port: u16,
        /// Why not.
        source: io::Error,
    },
}

impl From<CannotCertify> for CannotStart {
    fn from(cannot: CannotCertify) -> Self {
        Self::Secure(cannot.into())
    }
}

/// The bank of the sandbox.
#[derive(Debug)]
pub struct Bank;

impl Bank {
    /// Makes certificates, writes the files (`sandbox.json` last) and listens. Runs on the current tokio
    /// runtime until it is stopped or dropped.
    ///
    /// # Errors
    /// [`CannotStart`]; nothing runs then.
    pub async fn start(options: Options) -> Result<RunningBank, CannotStart> {
        let directory = Directory::make(options.directory)?;
        directory.forget(PLACES)?;
        let (authority, was_kept) = authority(&directory)?;
        let acceptor = server::acceptor(&authority)?;
        let (bank, url) = listen(options.port, "https").await?;
        let (control, control_url) = listen(options.control_port, "http").await?;
        let ca_file = directory.write("ca.crt", authority.root_pem())?;
        let (certificate_file, key_file) = match directory.identity("client").filter(|_| was_kept) {
            Some(files) => files,
            None => directory.write_identity("client", &authority.client(MERCHANT, Validity::Current)?)?,
        };
        if options.identities {
            write_unwelcome(&authority, &directory)?;
        }
        let token = token(&directory)?;
        let places = Places {
            url,
            phone_url: format!("{control_url}{}#{token}", phone::PAGE),
            control_url,
            dialect: options.dialect,
            directory: directory.path().to_owned(),
            ca_file,
            certificate_file,
            key_file,
            organization_bins: GUIDE_BINS,
        };
        let mut state = BankState::new(options.dialect, options.speed, options.timers);
        state.ledger.first_id = options.first_payment;
        let shared =
            Arc::new(SharedBank { state: Mutex::new(state), connections: Connections::new(), authority, token });
        let (front, behind) = (Arc::clone(&shared), Arc::clone(&shared));
        let tasks = vec![
            tokio::spawn(server::accept(bank, move |stream| {
                server::connection(Arc::clone(&front), acceptor.clone(), stream)
            })),
            tokio::spawn(server::accept(control, move |stream| control::connection(Arc::clone(&behind), stream))),
        ];
        let running = RunningBank { places, shared, tasks, directory };
        running.directory.write(PLACES, &running.announcement())?;
        Ok(running)
    }
}

/// The file that tells the rest.
const PLACES: &str = "sandbox.json";
/// The authority, from one run in a directory to the next.
const AUTHORITY: &str = "authority.pem";
/// What the phone's page shows to be itself.
const TOKEN: &str = "phone-token";
/// Its name.
const ROOT: &str = "Kaspi sandbox root";
/// Subject of the merchant's certificate.
const MERCHANT: &str = "Cvety test shop";

/// The authority of the run before, so that a shop whose machine was started again has not lost its certificate; and whether
/// there was one.
fn authority(directory: &Directory) -> Result<(Authority, bool), CannotStart> {
    if let Some(authority) = directory.read(AUTHORITY).and_then(|kept| Authority::again(ROOT, &kept)) {
        return Ok((authority, true));
    }
    let authority = Authority::new(ROOT)?;
    directory.write_secret(AUTHORITY, &authority.kept())?;
    Ok((authority, false))
}

/// What the phone's page shows to be itself, from one run in a directory to the next: a page that is open goes on.
fn token(directory: &Directory) -> Result<String, CannotWrite> {
    if let Some(kept) = directory.read(TOKEN).and_then(|kept| kept.parse::<Uuid>().ok()) {
        return Ok(kept.simple().to_string());
    }
    let token = Uuid::new_v4().simple().to_string();
    directory.write_secret(TOKEN, &token)?;
    Ok(token)
}

/// Certificates for tests of the refusal: one that has ended and one of somebody else's authority.
fn write_unwelcome(authority: &Authority, directory: &Directory) -> Result<(), CannotStart> {
    directory.write_identity("expired", &authority.client(MERCHANT, Validity::Expired)?)?;
    let stranger = Authority::new("Stranger root")?;
    directory.write_identity("stranger", &stranger.client(MERCHANT, Validity::Current)?)?;
    directory.write("stranger-ca.crt", stranger.root_pem())?;
    Ok(())
}

async fn listen(port: u16, scheme: &str) -> Result<(TcpListener, String), CannotStart> {
    let cannot = |source| CannotStart::Listen { port, source };
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map_err(cannot)?;
    let url = format!("{scheme}://{}", listener.local_addr().map_err(cannot)?);
    Ok((listener, url))
}

/// A bank that runs. Dropping it stops it as well, without waiting.
#[derive(Debug)]
pub struct RunningBank {
    /// Where to find everything.
    pub places: Places,
    shared: Arc<SharedBank>,
    /// The two accept loops; connections belong to their loop and end with it.
    tasks: Vec<JoinHandle<()>>,
    /// Removed last if it is temporary.
    directory: Directory,
}

impl RunningBank {
    /// What the bank knows, for those inside of this process who act as its customers.
    fn state(&self) -> MutexGuard<'_, BankState> {
        self.shared.state()
    }

    /// [`Places`] as one line of JSON.
    #[must_use]
    pub fn announcement(&self) -> String {
        serde_json::to_string(&self.places).map(|line| line + "\n").unwrap_or_default()
    }

    /// What a request to the control interface does, without HTTP: for a program that runs the bank itself.
    ///
    /// # Errors
    /// [`Complaint`], in a sentence.
    pub fn control(&self, method: &Method, path: &str, body: &Value) -> Result<Value, Complaint> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        control::run(&self.shared, method, path, body.as_bytes(), control::SHOWN)
    }

    /// Closes both ports and every connection, and removes a temporary directory.
    pub async fn stop(mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            // It ends as cancelled, which is what was asked.
            let _ = task.await;
        }
    }
}

impl Drop for RunningBank {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

#[cfg(test)]
mod tests;
