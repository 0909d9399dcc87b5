//! The command line: what was typed ([`args`]) becomes an operation ([`plan`]), is asked of the daemon
//! ([`run`]), and the reply becomes text or JSON and an exit code. The answer goes to stdout and everything else to
//! stderr, and an answer that did not come is never told as "nothing happened".
//!
//! Data stands above and commands below: a file imports only from modules above its own in this list:

mod socket;
mod complete;
mod args;
mod when;
mod shell;
mod visible;
mod invocation;
mod plan;
mod api;
mod exit;
mod json;
mod text;
mod held;
mod unfinished;
mod save;
mod wire;
mod commands;
mod out;
mod input;
mod handed;
mod repeat;
mod session;
mod restore;
mod doctor;
mod setup;
mod bugreport;
mod run;
pub(crate) mod example;
#[cfg(test)]
mod samples;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use clap_complete::CompleteEnv;
use clap_complete::env::Shells;

use args::Cli;
use bugreport::Bugreport;
use commands::Commands;
use doctor::Doctor;
use exit::Exit;
use out::Out;
use plan::{Plan, Usage};
use repeat::Words;
use restore::Restore;
use session::Session;
use setup::Setup;
use when::Person;

use crate::daemon::hide_memory;
use crate::language::of_locale;

/// What may be typed, for its manual page.
#[cfg(test)]
pub(crate) fn arguments() -> clap::Command {
    Cli::command()
}

/// Runs this process's command line. Errors are said on stderr, with their causes.
#[must_use]
pub fn main() -> ExitCode {
    // Keys, tokens and passphrases pass through it.
    hide_memory();
    // Asked by a shell, it says what fits and ends here.
    CompleteEnv::with_factory(Cli::command).complete();
    let mut out = Out::standard();
    let exit = command_line(std::env::args_os().collect(), std::env::var_os("KASPID_SOCKET"), &mut out);
    out.finish(exit).into()
}

/// The same with everything it reads given.
fn command_line(typed: Vec<OsString>, socket: Option<OsString>, out: &mut Out) -> Exit {
    let words = Words::of(&typed);
    let cli = match Cli::try_parse_from(typed) {
        Ok(cli) => cli,
        Err(error) => return misunderstood(&error, out),
    };
    let socket = socket::named(cli.global.socket.clone(), socket);
    let (json, api) = (cli.global.json, cli.global.api);
    let commands = Commands::of(&cli);
    let language = cli.global.lang.unwrap_or_else(of_locale);
    let planned = Person::named(cli.global.timezone.as_deref().unwrap_or(when::USUAL))
        .map_err(Usage::from)
        .map(|reader| reader.reading(language))
        .and_then(|reader| Ok((plan::of(cli, &reader)?, reader)));
    if planned.is_ok() {
        out.as_typed(commands);
    }
    match planned {
        Err(usage) => misunderstood(&Cli::command().error(ErrorKind::ValueValidation, usage), out),
        Ok((Plan::Completions(shell), _)) => completions(shell, out),
        // clap asks for a file unless --acknowledge is there, which is a question to the daemon.
        Ok((Plan::Restore(args), reader)) => {
            Restore { file: args.file.unwrap_or_default(), config: args.config }.run(out, &reader, json)
        }
        Ok((Plan::Invocation(ask), _)) if api => {
            out.data(&format!("{}\n", api::curl(&ask, &socket)));
            Exit::Done
        }
        Ok((Plan::Invocation(ask), reader)) => {
            talk(Session { out, reader, json, socket, words }, async |session| session.serve(*ask).await)
        }
        Ok((Plan::Doctor(args), reader)) => {
            let doctor = Doctor { config: args.config };
            talk(Session { out, reader, json, socket, words }, async |session| doctor.run(session).await)
        }
        Ok((Plan::Setup(args), reader)) => {
            let setup = Setup { answers: args.answers, undo: args.undo, config: args.config };
            talk(Session { out, reader, json, socket, words }, async |session| setup.run(session).await)
        }
        Ok((Plan::Bugreport(args), reader)) => {
            let bugreport = Bugreport { file: args.file, config: args.config };
            talk(Session { out, reader, json, socket, words }, async |session| bugreport.run(session).await)
        }
    }
}

/// Help and versions are asked for, everything else is a mistake.
fn misunderstood(error: &clap::Error, out: &mut Out) -> Exit {
    let text = error.render().to_string();
    if error.use_stderr() {
        out.say(text.trim_end());
        Exit::Usage
    } else {
        out.data(&text);
        Exit::Done
    }
}

/// The script asks kaspictl itself at each TAB, which asks the daemon for BINs and payments.
fn completions(shell: clap_complete::Shell, out: &mut Out) -> Exit {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let writer = shells.completer(&shell.to_string());
    let written =
        writer.map(|writer| writer.write_registration("COMPLETE", "kaspictl", "kaspictl", "kaspictl", &mut script));
    match written {
        Some(Ok(())) => {
            out.data(&String::from_utf8_lossy(&script));
            Exit::Done
        }
        _ => {
            out.say(&format!("kaspictl: there is no script for {shell}"));
            Exit::Refused
        }
    }
}

/// One connection needs one thread.
fn talk(mut session: Session<'_>, work: impl AsyncFnOnce(&mut Session<'_>) -> Exit) -> Exit {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(Box::pin(work(&mut session))),
        Err(error) => {
            session.out.say(&format!("kaspictl: nothing was done: this machine gives no event queue: {error}"));
            Exit::Unreachable
        }
    }
}
