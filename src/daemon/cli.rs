//! The daemon's own command line.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::forget::forget_sealed;
use super::process::hide_memory;
use super::run;
use crate::config::Configuration;
use crate::failure::Failure;
use crate::moment::Moment;
use crate::seal::SealId;
use crate::service::Settings;
use crate::store::{HadIdentity, had_identity};

/// Kaspi Pay for a shop's own software: owns the key, keeps the organisations apart, answers on a local socket.
#[derive(Parser)]
#[command(
    name = "kaspid",
    version,
    after_help = "Examples:\n  kaspid --config /etc/kaspid/kaspid.toml\n  kaspid check --config ./kaspid.toml\n\nSIGHUP reads the configuration again, SIGTERM lets running calls finish and stops.\nKASPID_LOG=debug shows more."
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<DaemonCommand>,
    /// The configuration.
    #[arg(long, global = true, value_name = "FILE", default_value = "/etc/kaspid/kaspid.toml")]
    config: PathBuf,
}

/// What may be typed, for its manual page.
#[cfg(test)]
pub(crate) fn arguments() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

#[derive(Subcommand)]
enum DaemonCommand {
    /// Judge a configuration, its key, certificate and CA file with the daemon's own code; changes nothing.
    Check,
    /// Give up a seal that is lost for good: what it sealed is put aside, all else stays; only while no daemon runs.
    #[command(
        after_help = "For a state that was sealed with the credential kaspid.seal, when neither it nor a copy of it is left. \
                      Payments, organisations and the log stay. Afterwards each organisation is registered again with \
                      kaspictl bin register BIN, which gives it the same token at Kaspi, and a key that the daemon kept \
                      itself is brought in again. What is asked again with a key of before may answer key_conflict: the \
                      secret that compared requests is gone too. The old state and the sealed key stay beside the new \
                      ones, under names that are printed.\n\nExample:\n  kaspid forget-sealed 0123456789abcdef"
    )]
    ForgetSealed {
        /// The seal's number, as the refused start prints it.
        #[arg(value_name = "SEAL")]
        seal: Option<SealId>,
    },
}

/// The program: 0 done, 1 failed with the reason on stderr, 2 usage.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    hide_memory();
    let result = match arguments.command {
        Some(DaemonCommand::Check) => check(&arguments.config),
        Some(DaemonCommand::ForgetSealed { seal }) => forget_sealed(&arguments.config, seal),
        None => run(&arguments.config).map_err(Into::into),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

fn check(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let settings = Settings::look(path)?;
    settings.check_trust()?;
    let mut out = std::io::stdout().lock();
    for warning in &settings.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    if let Some(why) = settings.hidden {
        writeln!(out, "warning: {why}")?;
    } else if settings.identity().is_none() {
        writeln!(out, "warning: {}", no_identity(&settings)?)?;
    }
    // A daemon starts with it, to be asked what it knows; a reload refuses it in place of one that works, and so does this.
    if let Some(unfit) = settings.unfit(Moment::now()) {
        return Err(unfit.into());
    }
    if let Some(identity) = settings.identity_view(Moment::now()) {
        writeln!(out, "the certificate {}", identity.life())?;
    }
    for further in Configuration::further(path)? {
        writeln!(out, "read behind it: {}", further.display())?;
    }
    writeln!(out, "{}: in order", path.display())?;
    Ok(())
}

/// What to say of none: one that was never made is what a shop begins with, and one that was in use is lost.
fn no_identity(settings: &Settings) -> Result<String, Box<dyn std::error::Error>> {
    let said = |failure: &Failure| format!("{}. {}", failure.detail, failure.remedy());
    match had_identity(&settings.config.daemon.state_dir) {
        HadIdentity::Yes => Err(said(&settings.identity_gone()).into()),
        HadIdentity::No => Ok(said(&settings.no_identity())),
        HadIdentity::Unreadable(why) => Err(why.into()),
        HadIdentity::Untold(why) => Ok(format!("no key and certificate for Kaspi is kept here; {why}")),
    }
}

/// The whole chain of causes; stderr may be closed, and that is no reason to panic.
fn complain(error: &dyn std::error::Error) {
    let mut err = std::io::stderr().lock();
    let _ = write!(err, "kaspid: {error}");
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Transparent errors repeat their cause's words.
        if !said.contains(&error.to_string()) {
            said = error.to_string();
            let _ = write!(err, ": {said}");
        }
        cause = error.source();
    }
    let _ = writeln!(err);
}
