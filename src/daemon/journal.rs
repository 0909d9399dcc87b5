//! Where events go: the journal with structured fields when systemd has connected us to it, else stderr.
//!
//! A field is written in the code as the journal will have it, but for the case: `kaspid.config` is `KASPID_CONFIG`. On stderr
//! it is `config`, and the number of a [notice](crate::notice), which only the journal can look up, is left out.

use nix::sys::stat::fstat;
use tracing::field::Field;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
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
    let journal =
        is_journal().then(tracing_journald::layer).and_then(Result::ok).map(|layer| layer.with_field_prefix(None));
    let started = match journal {
        Some(layer) => registry().with(layer).with(level).try_init(),
        None => {
            let text = fmt::layer().with_writer(std::io::stderr).with_ansi(false).fmt_fields(debug_fn(field));
            registry().with(text).with(level).try_init()
        }
    };
    // Already started: a test or the sandbox runs us in its own process.
    drop(started);
}

/// A field on stderr. The message comes first.
fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn std::fmt::Debug) -> std::fmt::Result {
    match field.name() {
        "message" => write!(writer, "{value:?}"),
        "message_id" => Ok(()),
        name => write!(writer, " {}={value:?}", name.strip_prefix("kaspid.").unwrap_or(name)),
    }
}
