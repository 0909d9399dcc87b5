//! What is meant: a command line as an operation, its key, and how the end of it is judged and shown.

mod bin;
mod log;
mod payment;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap_complete::Shell;

use super::args::{BugreportArgs, Cli, Command, DoctorArgs, IdentityCommand, RestoreArgs};
use super::bugreport::Bugreport;
use super::doctor::Doctor;
use super::restore::Restore;
use super::when::{NotATime, Zone};
use crate::id::{NotAnId, OrganizationBin, RequestKey};
use crate::moment::Span;
use crate::operation::Operation;

/// What to do.
pub(super) enum Plan {
    /// Ask the daemon.
    Ask(Box<Ask>),
    /// Print a completion script.
    Completions(Shell),
    /// Put a backup back.
    Restore(Restore),
    /// Look at everything.
    Doctor(Doctor),
    /// Write down what support needs.
    Bugreport(Bugreport),
}

/// One operation for the daemon.
pub(super) struct Ask {
    /// It. A create carries its `wait` as an HTTP client would send it.
    pub(super) operation: Operation,
    /// Of a create, cancel or refund.
    pub(super) key: Option<Key>,
    /// When the command is done.
    pub(super) goal: Goal,
    /// Where the device token of an enrolment is; it never stands on a command line.
    pub(super) token_file: Option<PathBuf>,
    /// A thing to say yes to before anything is sent.
    pub(super) confirm: Option<Confirm>,
    /// Draw the payment's code even when stdout is not a terminal.
    pub(super) draw: bool,
    /// The file that is sent or kept, where the operation is streamed.
    pub(super) transfer: Option<Transfer>,
}

/// The file of a streamed operation.
pub(super) enum Transfer {
    /// The answer goes there, or to stdout.
    Save(Option<PathBuf>),
    /// The request is this, or stdin for `-`.
    Send(PathBuf),
}

/// The name of one intention.
pub(super) struct Key {
    /// As sent.
    pub(super) key: RequestKey,
    /// Made here, so the caller does not know it yet.
    pub(super) made: bool,
}

/// When a command is done, which decides its exit code (architecture §8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// There is an answer.
    Answer,
    /// The customer is billed.
    Billed,
    /// The payment is final; waits at most this long.
    Final(Span),
    /// Somebody has seen enough of the log.
    Follow,
    /// The payment is cancelled.
    Cancelled,
    /// The money is paid back.
    PaidBack,
}

/// Deleting a device stops the refunds of its payments.
pub(super) struct Confirm {
    /// What a person types to agree.
    pub(super) bin: OrganizationBin,
}

/// A command line that means nothing, beyond what clap can tell.
#[derive(Debug, thiserror::Error)]
pub(super) enum Usage {
    /// A phone number, a key.
    #[error(transparent)]
    Id(#[from] NotAnId),
    /// A date, a time, a zone.
    #[error(transparent)]
    Time(#[from] NotATime),
    /// Options that only mean something together.
    #[error("{0}")]
    Incomplete(&'static str),
    /// With --api, what works without the daemon or asks it for many things.
    #[error("{0} stands for no single HTTP request")]
    NoRequest(&'static str),
}

impl Ask {
    /// Asks once and shows the answer.
    fn once(operation: Operation) -> Self {
        Self { operation, key: None, goal: Goal::Answer, token_file: None, confirm: None, draw: false, transfer: None }
    }

    /// The same with a key, made here unless the caller gave one.
    fn keyed(mut self, key: Option<RequestKey>, goal: Goal) -> Result<Self, Usage> {
        self.key = Some(match key {
            Some(key) => Key { key, made: false },
            None => Key { key: super::args::value::fresh_key()?, made: true },
        });
        self.goal = goal;
        Ok(self)
    }
}

/// The plan of a command line.
pub(super) fn of(cli: Cli, zone: &Zone) -> Result<Plan, Usage> {
    let ask = match cli.command {
        Command::Completions(_) if cli.global.api => return Err(Usage::NoRequest("completions")),
        Command::Completions(args) => return Ok(Plan::Completions(args.shell)),
        Command::Restore(RestoreArgs { acknowledge: true, .. }) => Ask::once(Operation::AcknowledgeRestore),
        Command::Restore(_) if cli.global.api => return Err(Usage::NoRequest("restore")),
        // clap asks for a file unless --acknowledge is there.
        Command::Restore(args) => {
            return Ok(Plan::Restore(Restore { file: args.file.unwrap_or_default(), config: args.config }));
        }
        Command::Backup(args) => {
            Ask { transfer: Some(Transfer::Save(Some(args.file))), ..Ask::once(Operation::Backup) }
        }
        // What the daemon does of it.
        Command::Doctor(_) if cli.global.api => Ask::once(Operation::Diagnose),
        Command::Doctor(DoctorArgs { config }) => return Ok(Plan::Doctor(Doctor { config })),
        Command::Bugreport(_) if cli.global.api => return Err(Usage::NoRequest("bugreport")),
        Command::Bugreport(BugreportArgs { file, config }) => return Ok(Plan::Bugreport(Bugreport { file, config })),
        Command::Status => Ask::once(Operation::Health),
        Command::Version => Ask::once(Operation::Version),
        Command::Metrics => Ask::once(Operation::Metrics),
        Command::Reload => Ask::once(Operation::Reload),
        Command::Identity(IdentityCommand::Show) => Ask::once(Operation::Identity),
        Command::Bin(command) => bin::ask(command),
        Command::Pay(args) => payment::pay(args)?,
        Command::Link(args) => payment::code(args, crate::domain::Kind::Link)?,
        Command::Qr(args) => payment::code(args, crate::domain::Kind::Qr)?,
        Command::Payment(command) => payment::ask(command, zone)?,
        Command::Payer(args) => payment::payer(args)?,
        Command::Select(args) => payment::select(args),
        Command::Log(command) => log::ask(command, zone, cli.global.json)?,
        Command::Report(args) => log::report(args),
        Command::Import(command) => log::import(command)?,
    };
    Ok(Plan::Ask(Box::new(ask)))
}
