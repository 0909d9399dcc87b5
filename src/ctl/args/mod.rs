//! What was typed. Nothing here decides anything: [`super::plan`] turns it into an operation.

mod admin;
mod backup;
mod bin;
mod doctor;
mod identity;
mod log;
mod payment;
mod report;
mod statement;
mod setup;
pub(super) mod value;

pub(super) use admin::CompletionsArgs;
pub(super) use backup::{BackupArgs, CONFIG, RestoreArgs};
pub(super) use bin::{AddArgs, BinCommand, RemoveArgs, SetArgs};
pub(super) use doctor::{BugreportArgs, DoctorArgs};
pub(super) use identity::{HandedArgs, IdentityCommand, InstallArgs};
pub(super) use log::{ImportArgs, ImportCommand, LogCommand, LogExportArgs, LogFollowArgs, LogListArgs};
pub(super) use payment::{
    AdoptArgs, CreateArgs, LinkArgs, PayArgs, PayerArgs, PaymentCommand, PaymentListArgs, RefundArgs, ResolveArgs,
    SelectArgs,
};
pub(super) use report::ReportArgs;
pub(super) use setup::SetupArgs;
pub(super) use statement::StatementArgs;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::language::Language;

const ABOUT: &str = "Kaspi Pay from the command line: take payments, pay money back, set organisations (BINs) up.";

const AFTER: &str = "\
Exit codes:
  0  done
  1  refused or declined: nothing was paid by this command
  2  the command line is wrong
  3  the daemon cannot be reached
  4  not allowed
  5  still waiting at the time-out; ask again: kaspictl payment wait PAYMENT
  6  outcome unknown: look before you repeat
  7  Kaspi cannot be asked right now

Environment:
  KASPID_SOCKET  the daemon's socket, when --socket is not given

Examples:
  kaspictl status
  kaspictl doctor
  kaspictl bin add 891027350515 --default
  kaspictl pay 150.50 --phone 77015211545 --wait
  kaspictl payment refund 12737694350 50

Answers go to stdout, everything else to stderr. `kaspictl help COMMAND` has examples of each command.";

const METRICS: &str = "\
For Prometheus' node_exporter, from a timer:
  kaspictl metrics > /var/lib/prometheus/node-exporter/kaspid.prom.$$ &&
    mv /var/lib/prometheus/node-exporter/kaspid.prom.$$ /var/lib/prometheus/node-exporter/kaspid.prom

The same over HTTP:
  curl --unix-socket /run/kaspid/kaspid.sock http://kaspid/metrics";

/// The whole command line.
#[derive(Parser)]
#[command(name = "kaspictl", version, about = ABOUT, after_help = AFTER, max_term_width = 100)]
#[command(subcommand_required = true, arg_required_else_help = true, propagate_version = false)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options of every command.
#[derive(Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Global {
    /// The daemon's socket [default: $KASPID_SOCKET, else /run/kaspid/kaspid.sock]
    #[arg(long, global = true, value_name = "PATH")]
    pub(super) socket: Option<PathBuf>,
    /// Print the answer as JSON, in the shapes of the HTTP interface
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Print the HTTP request this command stands for, as a curl line, and do nothing
    #[arg(long, global = true, conflicts_with = "json")]
    pub(super) api: bool,
    /// Time zone of the dates you write and of the times you read [default: Asia/Almaty]
    #[arg(long, global = true, value_name = "ZONE")]
    pub(super) timezone: Option<String>,
    /// Language of payments, reports and failures as you read them: ru, kk or en [default: by your locale]
    #[arg(long, global = true, value_name = "LANGUAGE")]
    pub(super) lang: Option<Language>,
}

/// What to do.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Show how the daemon, the certificate, the organisations and the open payments are
    #[command(after_help = "Examples:\n  kaspictl status\n  kaspictl status --json")]
    Status,
    /// Look at everything that must be in order, and say for each thing that is not what to type
    Doctor(DoctorArgs),
    /// Set everything up, from the bank and the key to a first payment, by questions or from a file
    Setup(SetupArgs),
    /// Set up the organisations (BINs) the shop takes money for
    #[command(subcommand, arg_required_else_help = true)]
    Bin(BinCommand),
    /// Bill a customer in their Kaspi app, found by phone number
    Pay(PayArgs),
    /// Make a payment link and draw it as a QR code
    Link(LinkArgs),
    /// Make a QR code for the customer to scan
    #[command(after_help = payment::QR_EXAMPLES)]
    Qr(LinkArgs),
    /// Look at payments, wait for them, cancel them, pay them back
    #[command(subcommand, arg_required_else_help = true)]
    Payment(PaymentCommand),
    /// Ask Kaspi for the name behind a phone number, to ask the customer "is that you?"
    Payer(PayerArgs),
    /// Show which organisation a payment would use, and why
    Select(SelectArgs),
    /// Read the audit log
    #[command(subcommand, arg_required_else_help = true)]
    Log(LogCommand),
    /// Say what a day or a range of days brought, by organisation
    Report(ReportArgs),
    /// Write a line for each payment and refund, with sums, for the accountant
    Statement(StatementArgs),
    /// Take in the tables of an earlier system: organisations and the audit log
    #[command(subcommand, arg_required_else_help = true)]
    Import(ImportCommand),
    /// Make, take in, exchange and look at the key and certificate for Kaspi
    #[command(subcommand, arg_required_else_help = true)]
    Identity(IdentityCommand),
    /// Copy all that the daemon knows into a file, while it runs
    Backup(BackupArgs),
    /// Put a backup back, with the daemon stopped; later say that the gap has been looked at
    Restore(RestoreArgs),
    /// Make the daemon read its configuration and certificate again
    #[command(
        after_help = "A configuration with a mistake changes nothing; the daemon keeps the one it has.\n\nExample:\n  kaspictl reload"
    )]
    Reload,
    /// Print numbers for a monitoring system, as Prometheus text
    #[command(after_help = METRICS)]
    Metrics,
    /// Show what one caller may use: connections, requests a second, sizes, pages and waits
    #[command(after_help = "They are set in [limits] of kaspid.toml.\n\nExample:\n  kaspictl limits")]
    Limits,
    /// Write what support needs to know into one file, without secrets and personal data
    Bugreport(BugreportArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Print the version of kaspictl and of the running daemon
    Version,
}
