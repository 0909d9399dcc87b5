//! Where events go: the journal with structured fields when systemd has connected us to it, else stderr.

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

/// `error`, `warn`, `info` (the default), `debug` or `trace`.
const LEVEL: &str = "KASPID_LOG";

/// Starts it; the first caller in a process wins.
pub(super) fn start() {
    let level = std::env::var(LEVEL).ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    // systemd sets JOURNAL_STREAM exactly when stderr is connected to the journal.
    let journal = std::env::var_os("JOURNAL_STREAM").and_then(|_| tracing_journald::layer().ok());
    let started = match journal {
        Some(layer) => registry().with(layer).with(level).try_init(),
        None => registry().with(fmt::layer().with_writer(std::io::stderr).with_ansi(false)).with(level).try_init(),
    };
    // Already started: a test or the sandbox runs us in its own process.
    drop(started);
}
