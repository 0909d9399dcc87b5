//! The program `kaspi-sandbox`: its arguments and its life.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

use super::customer::{self, CustomerError};
use super::serve::{self, ServeError, ServeOptions};
use super::stop::Stop;
use super::tour::{self, TourError, TourPage};
use super::{CannotStart, Dialect, Options, RunningBank, Timers, daemon};
use crate::daemon::DaemonError;

const AFTER: &str = "\
Without a command: the tour, in both dialects.

Examples:
  kaspi-sandbox
  kaspi-sandbox tour --dialect guide
  kaspi-sandbox serve
  kaspi-sandbox serve --dir ./shop --dialect guide
  kaspi-sandbox serve --bank-only --port 8443
  kaspi-sandbox pay 12737694350

Everything stays on this computer: 127.0.0.1 and a Unix socket. No real money, no real Kaspi.";

/// Kaspi Pay without a bank contract: a stateful Kaspi r3 behind mTLS, and a kaspid beside it.
#[derive(Debug, Parser)]
#[command(name = "kaspi-sandbox", version, after_help = AFTER, max_term_width = 100)]
struct SandboxArguments {
    #[command(subcommand)]
    command: Option<SandboxCommand>,
}

/// What may be typed, for its manual page.
#[cfg(test)]
pub(crate) fn arguments() -> clap::Command {
    <SandboxArguments as clap::CommandFactory>::command()
}

#[derive(Debug, Subcommand)]
enum SandboxCommand {
    /// Show and check the main job: two BINs, payments, a refund, a cancel, the audit log
    Tour(TourArguments),
    /// Keep a bank and a daemon up, to play with and to integrate against
    Serve(Serve),
    /// Be the customer: pay a payment of a sandbox that runs
    Pay(CustomerArguments),
    /// Be the customer: decline a payment of a sandbox that runs
    Decline(CustomerArguments),
    /// The daemon of the other two commands, as a process of its own.
    #[command(name = daemon::ENTRY, hide = true)]
    Daemon {
        /// Its configuration.
        config: PathBuf,
    },
}

/// Behind the tour.
const NEXT: &str = "\
All is as it must be. Next, a shop to play with: kaspi-sandbox serve
(in a checkout: cargo run --release -- serve)";

#[derive(Debug, clap::Args)]
struct TourArguments {
    /// Only this dialect [default: both, one after the other]
    #[arg(long, value_enum)]
    dialect: Option<Dialect>,
}

const SERVE: &str = "\
One JSON line on stdout says where everything is; what people read goes to
stderr.

With --dir, a second start goes on with the daemon's organisations, payments
and log, in the same dialect and, while they are free, on the same ports. The
bank keeps its certificates and is new otherwise: it does not know the
payments of the run before.

Examples:
  kaspi-sandbox serve
  kaspi-sandbox serve --dir ./shop
  kaspi-sandbox serve --dir ./shop | jq -r .socket
  kaspi-sandbox serve --bank-only --identities --dir ./bank";

const CUSTOMER: &str = "\
QRPAYMENTID is printed with each payment. A link or QR is scanned first.

Examples:
  kaspi-sandbox pay 12737694350
  kaspi-sandbox decline 12737694350 --dir ./shop";

#[derive(Debug, clap::Args)]
#[command(after_help = CUSTOMER)]
struct CustomerArguments {
    /// Which payment
    #[arg(value_name = "QRPAYMENTID")]
    number: u64,
    /// Where the sandbox keeps its files
    #[arg(long, value_name = "DIR", default_value = "/var/lib/kaspi-sandbox")]
    dir: PathBuf,
}

#[derive(Debug, clap::Args)]
#[command(after_help = SERVE)]
struct Serve {
    /// Keep the files here; without it they are removed at the end
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// What the bank speaks [default: bank, or what DIR was made in]
    #[arg(long, value_enum)]
    dialect: Option<Dialect>,
    /// Port of the bank on 127.0.0.1 [default: the last one of DIR, or a free one]
    #[arg(long)]
    port: Option<u16>,
    /// Port of the control interface [default: the last one of DIR, or a free one]
    #[arg(long, value_name = "PORT")]
    control_port: Option<u16>,
    /// How many times as fast as real time the bank's clock runs; 0 stops it
    #[arg(long, default_value_t = 1, value_name = "N")]
    speed: u32,
    /// Also write expired and foreign certificates, to see them refused
    #[arg(long)]
    identities: bool,
    /// The bank alone, without a daemon beside it
    #[arg(long)]
    bank_only: bool,
}

/// Why the program ended badly.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The command line, with clap's own words; help and version are of this kind too.
    #[error(transparent)]
    Usage(#[from] clap::Error),
    /// The bank.
    #[error("the sandbox did not start")]
    Start(#[from] CannotStart),
    /// The tour.
    #[error(transparent)]
    Tour(#[from] TourError),
    /// Bank and daemon.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The customer.
    #[error(transparent)]
    Customer(#[from] CustomerError),
    /// The daemon, in its own process.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// A signal during the tour.
    #[error("stopped by a signal")]
    Stopped,
    /// The runtime or the signals.
    #[error("the sandbox cannot run")]
    Run(#[from] io::Error),
}

/// Runs the program with its arguments, program name included.
///
/// # Errors
/// [`SandboxError`]; a stop of `serve` by signal is none.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<(), SandboxError> {
    let command = match SandboxArguments::try_parse_from(arguments)?.command {
        // It has its own signals and its own runtime.
        Some(SandboxCommand::Daemon { config }) => return Ok(daemon::run(&config)?),
        command => command,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    // Before anything is written, so that a signal always ends in the orderly way.
    let stop = runtime.block_on(async { Stop::listen() })?;
    match command {
        Some(SandboxCommand::Pay(customer)) => runtime.block_on(acts(&customer, "pay")),
        Some(SandboxCommand::Decline(customer)) => runtime.block_on(acts(&customer, "decline")),
        Some(SandboxCommand::Serve(serve)) if serve.bank_only => bank_only(&runtime, serve, stop),
        Some(SandboxCommand::Serve(serve)) => Ok(runtime.block_on(serve::run(serve.wish(), stop))?),
        Some(SandboxCommand::Tour(TourArguments { dialect: Some(dialect) })) => {
            runtime.block_on(show(&[dialect], stop))
        }
        _ => runtime.block_on(show(&[Dialect::Bank, Dialect::Guide], stop)),
    }
}

async fn acts(customer: &CustomerArguments, act: &str) -> Result<(), SandboxError> {
    let said = customer::act(&customer.dir, customer.number, act).await?;
    Ok(writeln!(io::stdout(), "{said}")?)
}

async fn show(dialects: &[Dialect], mut stop: Stop) -> Result<(), SandboxError> {
    tokio::select! {
        shown = tours(dialects) => shown,
        () = stop.told() => Err(SandboxError::Stopped),
    }
}

async fn tours(dialects: &[Dialect]) -> Result<(), SandboxError> {
    let mut page = TourPage::standard();
    for dialect in dialects {
        tour::run(*dialect, &mut page).await?;
    }
    page.paragraph(NEXT);
    Ok(page.finish()?)
}

fn bank_only(runtime: &Runtime, serve: Serve, mut stop: Stop) -> Result<(), SandboxError> {
    let bank = runtime.block_on(serve::bank_alone(serve.wish()))?;
    announce(&bank);
    // Whoever has started the unit may go on.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    runtime.block_on(stop.told());
    runtime.block_on(bank.stop());
    Ok(())
}

impl Serve {
    fn wish(self) -> ServeOptions {
        let Self { dir, dialect, port, control_port, speed, identities, bank_only: _ } = self;
        let options = Options { directory: dir, speed, timers: Timers::default(), identities, ..Options::default() };
        ServeOptions { options, dialect, port, control_port }
    }
}

/// One line for programs on stdout, the rest for people on stderr. Nobody may be listening: not an error.
fn announce(bank: &RunningBank) {
    let places = &bank.places;
    let _ = io::stdout().write_all(bank.announcement().as_bytes()).and_then(|()| io::stdout().flush());
    let _ = writeln!(
        io::stderr(),
        "The bank listens at {} and speaks the {} dialect; the customer's side is {},\n\
         as a page {}\n\
         Try: curl --cacert {ca} --cert {cert} --key {key} {}/r3/v01/partner/tradepoints/{}\n\
         Ctrl-C ends it.",
        places.url,
        places.dialect.word(),
        places.control_url,
        places.phone_url,
        places.url,
        places.organization_bins.first().unwrap_or(&""),
        ca = places.ca_file.display(),
        cert = places.certificate_file.display(),
        key = places.key_file.display(),
    );
}
