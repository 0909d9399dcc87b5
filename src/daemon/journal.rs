//! Where events go: the journal with structured fields when systemd has connected us to it, else stderr.

use nix::sys::stat::fstat;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

/// `error`, `warn`, `info` (the default), `debug` or `trace`.
const LEVEL: &str = "KASPID_LOG";

/// Whether stderr is what systemd has connected to the journal: it names it by device and inode, and whoever was started by a
/// program of the journal's has the name too, and another stderr.
fn is_journal() -> bool {
    let Ok(stderr) = fstat(std::io::stderr()) else { return false };
    std::env::var("JOURNAL_STREAM").is_ok_and(|named| named == format!("{}:{}", stderr.st_dev, stderr.st_ino))
}

/// Starts it; the first caller in a process wins.
pub(super) fn start() {
    let level = std::env::var(LEVEL).ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let journal = is_journal().then(tracing_journald::layer).and_then(Result::ok);
    let started = match journal {
        Some(layer) => registry().with(layer).with(level).try_init(),
        None => registry().with(fmt::layer().with_writer(std::io::stderr).with_ansi(false)).with(level).try_init(),
    };
    // Already started: a test or the sandbox runs us in its own process.
    drop(started);
}
