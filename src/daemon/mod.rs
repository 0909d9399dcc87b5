//! Wiring, signals and the order of starting and stopping.
//!
//! Start: configuration → journal → state (its lock keeps a second daemon out) → recovery → socket → READY.
//! Stop: no more connections and money calls, waiters answer what is known, running calls finish and are
//! recorded; what is not finished by [`STOP_WITHIN`] is found by the next start's recovery.

mod forget;
mod cli;
mod journal;
mod notify;
mod process;

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use interprocess::local_socket::tokio::Listener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

#[cfg(test)]
pub(crate) use cli::arguments;
pub use cli::main;
pub(crate) use process::hide_memory;

use crate::access::Rules;
use crate::config::LimitSettings;
use crate::door::{self, Door, Handler, ListenError};
use crate::failure::Failure;
use crate::identity::IdentityTrouble;
use crate::notice;
use crate::service::{Background, Live, Service, Settings, SettingsError};
use crate::store::{self, Store, StoreError};

/// How long running calls may take to finish after SIGTERM; the unit's TimeoutStopSec is above it.
const STOP_WITHIN: Duration = Duration::from_secs(40);

/// How long threads that still compute may hold up the end of the process.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// Two are enough: the work is waiting for the bank, and the writer has a thread of its own.
const WORKERS: usize = 2;

/// No more than there are processors for this process: on one, they would only wake each other.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS)
}

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Configuration, identity or trust.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// What the daemon keeps of its identity.
    #[error(transparent)]
    Identity(#[from] IdentityTrouble),
    /// The state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The state directory.
    #[error("cannot use the state directory {path}: {source}; {}", crate::store::remedy(.source))]
    StateDir {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The socket.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Recovery could not be recorded.
    #[error("start-up recovery could not be stored: {0}")]
    Recovery(Failure),
    /// Threads, signals or the system's notification socket.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
}

/// Runs the daemon until SIGTERM or SIGINT.
///
/// # Errors
/// [`DaemonError`]: it did not start.
pub fn run(config: &Path) -> Result<(), DaemonError> {
    let settings = Settings::load(config)?;
    journal::start();
    for warning in &settings.warnings {
        warn!("{warning}");
    }
    let dir = &settings.config.daemon.state_dir;
    let told = |error: StoreError| error.under(config);
    store::state_dir(dir).map_err(told)?;
    make_state_dir(dir)?;
    let store = notify::while_opening(|| Store::open(dir, &settings.seals).map_err(told))?;
    // Behind the state's lock: another daemon may be writing until then.
    if let Ok(vault) = settings.place.vault() {
        vault.settle()?;
    }
    let limits = limits(&settings.config.limits);
    let socket = settings.config.daemon.socket.clone();
    let live = Arc::new(Live::new(config.to_owned(), settings));
    let (service, background) = Service::new(store, live.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers()).enable_all().build()?;
    let ended = runtime.block_on(async {
        let recovered = service.recover().await.map_err(DaemonError::Recovery)?;
        if recovered > 0 {
            warn!(
                message_id = notice::RECOVERED.id,
                "{recovered} calls were under way when the daemon last stopped: see kaspictl status"
            );
        }
        let listener = listener(&socket)?;
        serve(service, background, listener, limits, live.rules()).await
    });
    // What still runs on a thread of its own reads or computes: all that was to be written is.
    runtime.shutdown_timeout(LEAVE_WITHIN);
    ended
}

fn make_state_dir(path: &Path) -> Result<(), DaemonError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| DaemonError::StateDir { path: path.to_owned(), source })
}

fn listener(socket: &Path) -> Result<Listener, DaemonError> {
    Ok(match door::inherited()? {
        Some(listener) => listener,
        None => door::listen(socket)?,
    })
}

async fn serve(
    service: Service,
    background: Background,
    listener: Listener,
    limits: door::Limits,
    rules: tokio::sync::watch::Receiver<Arc<Rules>>,
) -> Result<(), DaemonError> {
    let signals = Signals::listen()?;
    let runner = service.clone();
    let answer = Handler::new(move |admitted| {
        let service = runner.clone();
        async move { service.run(admitted).await }
    });
    let runner = service.clone();
    let answer = answer.with_streams(move |admitted, upload| {
        let service = runner.clone();
        async move { service.run_stream(admitted, upload).await }
    });
    let noting = service.clone();
    let answer = answer.with_denials(move |caller, row| {
        let service = noting.clone();
        async move { service.denied(caller, row).await }
    });
    let meters = service.door_meters();
    let (door, pulse) = Door::new(answer, limits, rules, meters.clone());
    let (stop, stopping) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(door.serve(listener, async {
        // A dropped sender means the same: the daemon is ending.
        let _ = stopping.await;
    }));
    service.work(background);
    notify::ready();
    info!(message_id = notice::READY.id, "kaspid {} is ready", env!("CARGO_PKG_VERSION"));
    let (watchdog, standing) = (notify::watchdog(pulse, service.clone()), notify::standing(service.clone()));
    until_told(signals, &service).await;
    standing.iter().for_each(JoinHandle::abort);
    notify::stopping();
    info!(message_id = notice::STOPPING.id, "stopping: running calls finish first");
    service.stop();
    drop(stop);
    if tokio::time::timeout(STOP_WITHIN, serving).await.is_err() {
        let running = meters.running().join(", ");
        error!(
            "stopping with calls that did not end in time: {running}; what moves money is settled at the next start"
        );
    }
    watchdog.iter().for_each(JoinHandle::abort);
    // Not left to the end of the process: a file that is closed opens without a repair.
    if let Err(failure) = service.finish() {
        error!("the head of the log could not be read: {}", failure.detail);
    }
    Ok(())
}

/// What the daemon hears from outside of its socket, from the moment on in which this was made.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// Returns at SIGTERM or SIGINT; SIGHUP reloads and says how it went.
async fn until_told(mut signals: Signals, service: &Service) {
    loop {
        tokio::select! {
            biased;
            _ = signals.terminate.recv() => return,
            _ = signals.interrupt.recv() => return,
            hangup = signals.hangup.recv() => match hangup {
                // Not waited for: a look at a bank that is away takes seconds, and a SIGTERM does not wait for it.
                Some(()) => drop(tokio::spawn(reload(service.clone()))),
                None => return,
            },
        }
    }
}

async fn reload(service: Service) {
    let how = match service.reload().await {
        Ok(reloaded) => format!("taking payments; reloaded, changed: {}", reloaded.changed.join(", ")),
        Err(_) => "taking payments; reload failed, the old settings stay in force: see the journal".to_owned(),
    };
    notify::status(how).await;
}

fn limits(config: &LimitSettings) -> door::Limits {
    door::Limits {
        connections: config.connections,
        connections_per_uid: config.connections_per_uid,
        rate_per_uid: config.rate_per_uid,
        burst_per_uid: config.burst_per_uid,
        ..door::Limits::default()
    }
}
