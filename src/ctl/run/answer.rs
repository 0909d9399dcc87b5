//! What came of a command, shown and judged.

use super::call::changes;
use crate::client::{ClientError, Outcome};
use crate::ctl::exit::{self, Exit};
use crate::ctl::invocation::Invocation;
use crate::ctl::session::Session;
use crate::ctl::shell::quoted;
use crate::ctl::{json, text};
use crate::failure::{Code, Failure, Money};

impl Session<'_> {
    /// Shows what came of the command and judges it.
    pub(super) fn answer(&mut self, outcome: Result<Outcome, ClientError>, ask: &Invocation) -> Exit {
        match outcome {
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
