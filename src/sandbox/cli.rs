//! The program `kaspi-sandbox`: its arguments and its life.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;

use super::{Bank, CannotStart, Dialect, Options, Running, Timers};

/// A stateful Kaspi r3 behind mTLS, on this computer only.
#[derive(Debug, Parser)]
#[command(name = "kaspi-sandbox", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run until SIGTERM or Ctrl-C.
    Serve(Serve),
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// Keep the files here; without it they are removed at the end.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// What the bank speaks.
    #[arg(long, value_enum, default_value_t)]
    dialect: Dialect,
    /// Port of the bank on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Port of the control interface; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    control_port: u16,
    /// How many times as fast as real time the bank's clock runs; 0 stops it.
    #[arg(long, default_value_t = 1, value_name = "N")]
    speed: u32,
    /// Also write expired and foreign certificates, to see them refused.
    #[arg(long)]
    identities: bool,
    /// The bank alone, without a daemon beside it.
    #[arg(long, required = true)]
    bank_only: bool,
}

/// Why the program ended badly.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line, with clap's own words; help and version are of this kind too.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The bank.
    #[error("the sandbox did not start")]
    Start(#[from] CannotStart),
    /// The runtime or the signals.
    #[error("the sandbox cannot run")]
    Run(#[from] io::Error),
}

/// Runs the program with its arguments, program name included.
///
/// # Errors
/// [`Error`]; a stop by signal is none.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<(), Error> {
    let Arguments { command: Command::Serve(serve) } = Arguments::try_parse_from(arguments)?;
    // Before anything is written, so that a signal always ends in the orderly way.
    let stop = stop_signals()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let bank = runtime.block_on(Bank::start(serve.options()))?;
    announce(&bank);
    wait(stop);
    runtime.block_on(bank.stop());
    Ok(())
}

impl Serve {
    fn options(self) -> Options {
        let Self { dir, dialect, port, control_port, speed, identities, bank_only: _ } = self;
        let timers = Timers::default();
        Options { dialect, directory: dir, port, control_port, speed, timers, identities }
    }
}

/// The read end of a pipe that a signal writes to; waiting on it needs no async and no polling.
fn stop_signals() -> io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    pipe::register(SIGTERM, write.try_clone()?)?;
    pipe::register(SIGINT, write)?;
    Ok(read)
}

/// One line for programs on stdout, the rest for people on stderr. Nobody may be listening: not an error.
fn announce(bank: &Running) {
    let places = &bank.places;
    let _ = io::stdout().write_all(bank.announcement().as_bytes()).and_then(|()| io::stdout().flush());
    let _ = writeln!(
        io::stderr(),
        "The bank listens at {} and speaks the {} dialect; the customer's side is {}.\n\
         Try: curl --cacert {ca} --cert {cert} --key {key} {}/r3/v01/partner/tradepoints/{}\n\
         Ctrl-C ends it.",
        places.url,
        if places.dialect == Dialect::Bank { "bank's" } else { "guide's" },
        places.control_url,
        places.url,
        places.organization_bins.first().unwrap_or(&""),
        ca = places.ca_file.display(),
        cert = places.certificate_file.display(),
        key = places.key_file.display(),
    );
}

fn wait(mut stop: UnixStream) {
    loop {
        match stop.read(&mut [0]) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}
