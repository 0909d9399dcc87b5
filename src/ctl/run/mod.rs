//! Asks the daemon and shows what it says.

mod files;
mod follow;
mod tail;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::ask::{Ask, Goal, Key};
use super::exit::{self, Exit};
use super::input::{self, NoInput};
use super::session::Session;
use super::shell::quoted;
use super::{json, text};
use crate::client::{Client, ClientError, Outcome};
use crate::domain::State;
use crate::failure::{Code, Failure, Money};
use crate::operation::{Effect, Operation, Reply};

/// Longer than the daemon needs for a refund that the bank leaves in doubt (`refund_settle`, 60 s by default).
const PATIENCE: Duration = Duration::from_secs(180);

impl Session<'_> {
    /// Carries a command out, from its questions to its exit code.
    pub(super) async fn serve(&mut self, mut ask: Ask) -> Exit {
        if let Err(error) = self.complete(&mut ask) {
            self.out.say(&format!("kaspictl: {error}"));
            return Exit::Usage;
        }
        if let Some(transfer) = ask.transfer.take() {
            return self.transfer(&ask, &transfer).await;
        }
        let client = match Client::connect(&self.socket, "kaspictl").await {
            Ok(client) => client,
            Err(error) => return self.no_daemon(&error, &ask.operation),
        };
        if let Some(Key { key, made: true }) = &ask.key {
            self.out.say(&format!("key: {key}"));
        }
        match (&ask.operation, ask.goal) {
            (Operation::PaymentGet(get), Goal::Final(limit)) => {
                let outcome = self.wait(client, &get.payment, limit.duration()).await;
                self.answer(outcome.map(|payment| payment.map(Reply::Payment)), &ask)
            }
            (Operation::LogList(query), Goal::Follow) => self.follow_log(client, query).await,
            _ => self.ask(client, ask).await,
        }
    }

    /// Reads what does not stand on the command line, and asks before what cannot be undone.
    fn complete(&mut self, ask: &mut Ask) -> Result<(), NoInput> {
        if let Some(confirm) = &ask.confirm {
            input::confirmed(confirm, self.out)?;
        }
        if let (Operation::Enrol(enrol), Some(file)) = (&mut ask.operation, &ask.token_file) {
            enrol.device_token = Some(input::token(file)?);
        }
        Ok(())
    }

    fn no_daemon(&mut self, error: &ClientError, operation: &Operation) -> Exit {
        if matches!(operation, Operation::Version(_)) && !self.json {
            self.out.data(concat!("kaspictl  ", env!("CARGO_PKG_VERSION"), "\n"));
        }
        self.out.say(&format!("kaspictl: {error}"));
        exit::of_client(error, false)
    }

    async fn ask(&mut self, client: Client, ask: Ask) -> Exit {
        let key = ask.key.as_ref().map(|key| &key.key);
        let outcome = client.send(key, patience(&ask.operation), at_once(&ask.operation)).await;
        let payment = outcome.as_ref().ok().and_then(|told| told.as_ref().ok()?.payment().cloned());
        match (payment, ask.goal) {
            (Some(payment), Goal::Final(limit)) if payment.state == State::Waiting => {
                self.billed(&client, &payment, ask.draw).await;
                self.wait_for_customer(client, payment, limit.duration(), &ask).await
            }
            (payment, _) => {
                let code = match &payment {
                    Some(payment) => self.code(&client, payment, ask.draw).await,
                    None => None,
                };
                let exit = self.answer(outcome, &ask);
                code.inspect(|code| self.out.data(&format!("\n{code}")));
                exit
            }
        }
    }

    /// Shows what came of the command and judges it.
    fn answer(&mut self, outcome: Result<Outcome, ClientError>, ask: &Ask) -> Exit {
        match outcome {
            Ok(Ok(reply)) => {
                let data = if self.json { json::reply(&reply) } else { text::reply(&reply, &self.zone) };
                self.out.data(&data);
                if let Some(next) = text::next(&reply) {
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

    fn failed(&mut self, failure: &Failure, ask: &Ask) -> Exit {
        if self.json {
            self.out.data(&json::problem(failure));
        } else {
            self.out.say(text::failure(failure).trim_end());
        }
        if let (true, Some(key)) = (failure.retryable, &ask.key) {
            let command = self.words.with(key);
            self.out.say(&format!("to try the same again, which cannot happen twice: {command}"));
        }
        exit::of_failure(failure)
    }
}

/// A lost answer of a call with a key: the key makes it safe to ask again.
fn lost(why: &str, ask: &Ask) -> Failure {
    let money = if ask.operation.moves_money() { Money::Unknown } else { Money::NotMoved };
    let failure = Failure::new(Code::OutcomeUnknown, format!("the answer of kaspid was lost ({why})"));
    let key = ask.key.as_ref().map(|key| key.key.clone());
    let look = key.as_ref().map_or_else(String::new, |key| quoted(["--key", key.as_str()].into_iter()));
    let hint = format!(
        "Repeat the same command with the same key: it answers what came of the first. To look only: kaspictl payment list {look}"
    );
    Failure { request_key: key, ..failure.with_money(money).with_retryable(true).with_hint(hint) }
}

/// A create answers as soon as the customer is billed, so that there is something to show during the wait.
fn at_once(operation: &Operation) -> Operation {
    let mut operation = operation.clone();
    if let Operation::Create(create) = &mut operation {
        create.wait = None;
    }
    operation
}

/// How long to wait for an answer. Reading the log takes as long as it is.
fn patience(operation: &Operation) -> Option<Duration> {
    match operation {
        Operation::LogVerify(_) | Operation::ReportDay(_) | Operation::ReportRange(_) => None,
        _ => Some(PATIENCE),
    }
}

/// True if a lost answer leaves open whether something has changed.
fn changes(operation: &Operation) -> bool {
    operation.row().effect != Effect::Reads
}
