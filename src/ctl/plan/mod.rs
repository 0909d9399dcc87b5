//! What is meant: a command line as an operation, its key, and how the end of it is judged and shown.

mod bin;
mod identity;
mod log;
mod payment;
mod usage;
#[cfg(test)]
mod tests;

use clap_complete::Shell;

use super::args::{BugreportArgs, Cli, Command, DoctorArgs, RestoreArgs, SetupArgs};
use super::invocation::{Invocation, Transfer};
use super::when::Person;
use crate::operation::{
    AcknowledgeRestore, Backup, Diagnose, HealthQuery, LimitsQuery, MetricsQuery, Reload, VersionQuery,
};

pub(super) use usage::Usage;

/// What to do.
pub(super) enum Plan {
    /// Ask the daemon.
    Invocation(Box<Invocation>),
    /// Print a completion script.
    Completions(Shell),
    /// Put a backup back.
    Restore(RestoreArgs),
    /// Look at everything.
    Doctor(DoctorArgs),
    /// Set everything up.
    Setup(SetupArgs),
    /// Write down what support needs.
    Bugreport(BugreportArgs),
}

/// The plan of a command line.
pub(super) fn of(cli: Cli, reader: &Person) -> Result<Plan, Usage> {
    let ask = match cli.command {
        Command::Completions(_) if cli.global.api => return Err(Usage::NoRequest("completions")),
        Command::Completions(args) => return Ok(Plan::Completions(args.shell)),
        Command::Restore(RestoreArgs { acknowledge: true, .. }) => Invocation::once(AcknowledgeRestore),
        Command::Restore(_) if cli.global.api => return Err(Usage::NoRequest("restore")),
        Command::Restore(args) => return Ok(Plan::Restore(args)),
        Command::Backup(args) => {
            Invocation { transfer: Some(Transfer::Save(Some(args.file))), ..Invocation::once(Backup) }
        }
        // What the daemon does of it.
        Command::Doctor(_) if cli.global.api => Invocation::once(Diagnose),
        Command::Doctor(args) => return Ok(Plan::Doctor(args)),
        Command::Setup(_) if cli.global.api => return Err(Usage::NoRequest("setup")),
        Command::Setup(args) => return Ok(Plan::Setup(args)),
        Command::Bugreport(_) if cli.global.api => return Err(Usage::NoRequest("bugreport")),
        Command::Bugreport(args) => return Ok(Plan::Bugreport(args)),
        Command::Status => Invocation::once(HealthQuery),
        Command::Version => Invocation::once(VersionQuery),
        Command::Metrics => Invocation::once(MetricsQuery),
        Command::Limits => Invocation::once(LimitsQuery),
        Command::Reload => Invocation::once(Reload),
        Command::Identity(command) => identity::ask(command),
        Command::Bin(command) => bin::ask(command),
        Command::Pay(args) => payment::pay(args)?,
        Command::Link(args) => payment::code(args, crate::domain::Kind::Link)?,
        Command::Qr(args) => payment::code(args, crate::domain::Kind::Qr)?,
        Command::Payment(command) => payment::ask(command, reader)?,
        Command::Payer(args) => payment::payer(args)?,
        Command::Select(args) => payment::select(args),
        Command::Log(command) => log::ask(command, reader, cli.global.json)?,
        Command::Report(args) => log::report(args),
        Command::Statement(_) if cli.global.timezone.is_some() => {
            return Err(Usage::Incomplete(
                "the days and times of a statement are the shop's, [daemon] timezone: --timezone does not go with it",
            ));
        }
        Command::Statement(args) => log::statement(args, cli.global.lang, cli.global.json)?,
        Command::Import(command) => log::import(command),
    };
    Ok(Plan::Invocation(Box::new(ask)))
}
