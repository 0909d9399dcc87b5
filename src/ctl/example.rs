//! kaspictl for a program that shows people a command line and carries it out itself, as the sandbox's tour
//! does: what is shown cannot differ from what is done.

use clap::Parser;

use super::args::Cli;
use super::plan::{self, Plan};
use super::text;
use super::when::Person;
use crate::failure::Failure;
use crate::id::RequestKey;
use crate::operation::{Operation, Reply};

/// Where the times of the examples are.
const ZONE: &str = "Asia/Almaty";

/// What a command line asks of the daemon.
pub(crate) struct Example {
    /// The operation.
    pub(crate) operation: Operation,
    /// Its key; made here if the command line has none.
    pub(crate) key: Option<RequestKey>,
}

impl Example {
    /// Reads `words`, the program's name first.
    ///
    /// # Errors
    /// A sentence for people, as kaspictl would say it.
    pub(crate) fn read(words: &[String]) -> Result<Self, String> {
        let cli = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        let reader = Person::named(ZONE).map_err(|error| error.to_string())?;
        match plan::of(cli, &reader).map_err(|error| error.to_string())? {
            Plan::Invocation(ask) => Ok(Self { operation: ask.operation, key: ask.key.map(|key| key.key) }),
            Plan::Completions(_) | Plan::Restore(_) | Plan::Doctor(_) | Plan::Bugreport(_) | Plan::Setup(_) => {
                Err("this command is not one question to the daemon".to_owned())
            }
        }
    }
}

/// An answer as kaspictl prints it.
pub(crate) fn answer(reply: &Reply) -> String {
    Person::named(ZONE).map_or_else(|error| error.to_string(), |reader| text::reply(reply, &reader))
}

/// A failure as kaspictl prints it.
pub(crate) fn failure(failure: &Failure) -> String {
    Person::named(ZONE).map_or_else(|error| error.to_string(), |reader| text::failure(failure, &reader))
}

/// A code as kaspictl draws it; `None` if `content` does not fit into one.
pub(crate) fn qr(content: &str, terminal: bool) -> Option<String> {
    text::draw(content, terminal).ok()
}
