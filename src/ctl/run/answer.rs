//! What came of a command, shown and judged.

use std::io::Write;
use std::path::Path;

use super::call::changes;
use crate::client::{ClientError, Outcome};
use crate::ctl::exit::{self, Exit};
use crate::ctl::invocation::Invocation;
use crate::ctl::save::{Existing, Output};
use crate::ctl::session::Session;
use crate::ctl::shell::quoted;
use crate::ctl::{json, text};
use crate::failure::{Code, Failure, Money};
use crate::operation::{RangeReport, Reply};

impl Session<'_> {
    /// Shows what came of the command and judges it.
    pub(super) fn answer(&mut self, outcome: Result<Outcome, ClientError>, ask: &Invocation) -> Exit {
        match outcome {
            Ok(Ok(Reply::Range(report))) if ask.page.is_some() => self.page(&report, ask.page.as_deref()),
            Ok(Ok(reply)) => {
                match self.json {
                    true => self.out.data(&json::reply(&reply)),
                    false => self.out.show(&text::reply(&reply, &self.reader)),
                }
                if let Some(next) = text::next(&reply, &self.reader) {
                    self.out.say(&next);
                }
                exit::of_reply(&reply, ask.goal)
            }
            Ok(Err(failure)) => self.failed(&failure, ask),
            Err(ClientError::Lost(why)) if ask.key.is_some() => self.failed(&lost(&why, ask), ask),
            Err(error) => {
                let changes = changes(&ask.operation);
                self.out.say(&format!("kaspictl: {error}"));
                if changes {
                    self.out.say("what to do: look what came of it before you repeat it: kaspictl status, kaspictl bin list, kaspictl log list --newest-first");
                }
                exit::of_client(&error, changes)
            }
        }
    }

    /// Writes a report as a page.
    fn page(&mut self, report: &RangeReport, file: Option<&Path>) -> Exit {
        let page = text::page(report, &self.reader);
        let written = Output::begin(file, Existing::Replaced).and_then(|output| match output {
            Output::Stdout => {
                self.out.data(&page);
                Ok(())
            }
            Output::Stream(mut stream) => stream.write_all(page.as_bytes()),
            Output::File(mut file) => file.write(page.as_bytes()).and_then(|()| file.finish()),
        });
        match written {
            Ok(()) => {
                if let Some(file) = file.filter(|file| file.as_os_str() != "-") {
                    let words = self.reader.words("страница записана", "бет жазылды", "the page is in");
                    self.out.say(&format!("{words}: {}", file.display()));
                }
                Exit::Done
            }
            Err(error) => {
                let place = file.unwrap_or(Path::new("-")).display().to_string();
                self.out.say(&format!("kaspictl: cannot write {place}: {error}"));
                Exit::Refused
            }
        }
    }

    fn failed(&mut self, failure: &Failure, ask: &Invocation) -> Exit {
        if self.json {
            self.out.data(&json::problem(failure));
        } else {
            self.out.say(text::failure(failure, &self.reader).trim_end());
        }
        if let (true, Some(key)) = (failure.retryable, &ask.key) {
            let command = self.words.with(key);
            self.out.say(&format!("to try the same again, which cannot happen twice: {command}"));
        }
        exit::of_failure(failure)
    }
}

/// A lost answer of a call with a key: the key makes it safe to ask again.
fn lost(why: &str, ask: &Invocation) -> Failure {
    let money = if ask.operation.moves_money() { Money::Unknown } else { Money::NotMoved };
    let failure = Failure::new(Code::OutcomeUnknown, format!("the answer of kaspid was lost ({why})"));
    let key = ask.key.as_ref().map(|key| key.key.clone());
    let look = key.as_ref().map_or_else(String::new, |key| quoted(["--key", key.as_str()].into_iter()));
    let hint = format!(
        "Repeat the same command with the same key: it answers what came of the first. To look only: kaspictl payment list {look}"
    );
    Failure { request_key: key, ..failure.with_money(money).with_retryable(true).with_hint(hint) }
}
