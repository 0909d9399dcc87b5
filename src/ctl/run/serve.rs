//! A command, from its questions to its exit code.

use super::call::{at_once, changes, patience};
use super::follow::{RECONNECTS, known};
use super::{files, tail};
use crate::client::{Client, ClientError, Outcome};
use crate::ctl::exit::{self, Exit};
use crate::ctl::handed::{self, Source};
use crate::ctl::input::{self, NoInput};
use crate::ctl::invocation::{Confirm, Goal, Invocation, Key};
use crate::ctl::session::Session;
use crate::ctl::text;
use crate::domain::State;
use crate::failure::Code;
use crate::operation::{GetPayment, Operation, Reply, Resolve, ResolvePayment, Select};

impl Session<'_> {
    /// Carries a command out, from its questions to its exit code.
    pub(in crate::ctl) async fn serve(&mut self, mut ask: Invocation) -> Exit {
        if ask.goal == Goal::Answer && !changes(&ask.operation) {
            self.out.only_reads();
        }
        if let Err(error) = self.complete(&mut ask) {
            self.out.say(&format!("kaspictl: {error}"));
            return Exit::Usage;
        }
        let handed = ask.handed.as_ref().map(|paths| handed::fill(&mut ask.operation, paths, self.out));
        let source = match handed.transpose() {
            Ok(source) => source.flatten(),
            Err(error) => {
                self.out.say(&format!("kaspictl: {error}"));
                return Exit::Refused;
            }
        };
        if let Some(transfer) = ask.transfer.take() {
            return files::transfer(self, &ask, &transfer).await;
        }
        let client = match Client::connect(&self.socket, "kaspictl").await {
            Ok(client) => client,
            Err(error) => return self.no_daemon(&error, &ask.operation),
        };
        if let Some(Confirm::Rehearse) = ask.confirm {
            return self.rehearse(&client, &ask).await;
        }
        if !self.is_agreed(&client, &ask).await {
            self.out.say("kaspictl: nothing was done, no money moved: nobody said yes");
            return Exit::Refused;
        }
        if let Some(Key { key, made: true }) = &ask.key {
            self.out.say(&format!("key: {key}"));
        }
        match (&ask.operation, ask.goal) {
            (Operation::PaymentGet(get), Goal::Final(limit)) => {
                let Some(outcome) = self.wait(client, &get.payment, limit.duration()).await else {
                    return Exit::Waiting;
                };
                if let Err(error) = &outcome {
                    self.out.say(&format!("kaspictl: {error}"));
                    self.out.say(&text::left(&get.payment, None, &self.reader));
                    return Exit::Waiting;
                }
                self.answer(outcome.map(|payment| payment.map(Reply::Payment)), &ask)
            }
            (Operation::LogList(query), Goal::Follow) => tail::follow(self, client, query).await,
            _ => self.ask(client, ask, source).await,
        }
    }

    /// Reads what does not stand on the command line, and asks before what cannot be undone.
    fn complete(&mut self, ask: &mut Invocation) -> Result<(), NoInput> {
        match (&ask.confirm, &ask.operation) {
            (Some(Confirm::Forget(bin)), _) => input::forgotten(bin, self.out)?,
            // Whoever has typed a number sees whose it is before anybody is billed.
            (None, Operation::Create(create)) if self.out.watched => {
                if let Some(phone) = &create.phone_number {
                    self.out.say(&format!("{} for {}", create.amount_tiyn, phone.spelled()));
                }
            }
            _ => {}
        }
        if let (Operation::Enrol(enrol), Some(file)) = (&mut ask.operation, &ask.token_file) {
            enrol.device_token = Some(input::token(file)?);
        }
        Ok(())
    }

    /// Asks a person, with what is known of it, before money leaves or a payment of Kaspi is called ours; programs are not asked.
    async fn is_agreed(&mut self, client: &Client, ask: &Invocation) -> bool {
        if !input::is_somebody_there() {
            return true;
        }
        let question = match (&ask.confirm, &ask.operation) {
            (Some(Confirm::PayBack), Operation::Refund(back)) => {
                text::pay_back(back, known(client, &back.payment).await.as_ref(), &self.reader)
            }
            (Some(Confirm::Attach), Operation::Resolve(ResolvePayment { payment, resolution })) => {
                let Resolve::Attach { qr_payment_id, .. } = resolution else { return true };
                let known = known(client, payment).await;
                let Some(known) = known else { return true };
                text::attach(qr_payment_id, &known, &self.reader)
            }
            _ => return true,
        };
        input::is_agreed(&question, self.out)
    }

    /// Says what a command would do, as far as that can be known without doing it.
    async fn rehearse(&mut self, client: &Client, ask: &Invocation) -> Exit {
        let (question, would) = match &ask.operation {
            Operation::Create(create) => {
                let select = Select { shop_id: create.shop_id, organization_bin: create.organization_bin.clone() };
                (Operation::Select(select), text::would_bill(create, &self.reader))
            }
            Operation::Refund(back) => {
                let known = known(client, &back.payment).await;
                let look = GetPayment { payment: back.payment.clone(), wait: None };
                (Operation::PaymentGet(look), text::would_pay_back(back, known.as_ref(), &self.reader))
            }
            _ => return Exit::Usage,
        };
        let looked = Invocation::once(question);
        let outcome = client.send(None, patience(&looked.operation), looked.operation.clone()).await;
        let is_well = matches!(outcome, Ok(Ok(_)));
        let exit = self.answer(outcome, &looked);
        if is_well {
            self.out.say(&would);
        }
        exit
    }

    fn no_daemon(&mut self, error: &ClientError, operation: &Operation) -> Exit {
        if matches!(operation, Operation::Version(_)) && !self.json {
            self.out.data(concat!("kaspictl  ", env!("CARGO_PKG_VERSION"), "\n"));
        }
        self.out.say(&format!("kaspictl: {error}"));
        exit::of_client(error, false)
    }

    /// Asks the next daemon where this one stops: what only reads, and what cannot happen twice under its key.
    async fn sent(&self, client: &mut Client, ask: &Invocation) -> Result<Outcome, ClientError> {
        let key = ask.key.as_ref().map(|key| &key.key);
        let mut outcome = client.send(key, patience(&ask.operation), at_once(&ask.operation)).await;
        let may_repeat = key.is_some() || !changes(&ask.operation);
        for _ in 0..RECONNECTS {
            let is_stopping = matches!(&outcome, Ok(Err(failure)) if failure.code == Code::ShuttingDown);
            if !is_stopping || !may_repeat {
                break;
            }
            let Ok(next) = Client::connect(&self.socket, "kaspictl").await else { break };
            *client = next;
            outcome = client.send(key, patience(&ask.operation), at_once(&ask.operation)).await;
        }
        outcome
    }

    async fn ask(&mut self, mut client: Client, mut ask: Invocation, source: Option<Source>) -> Exit {
        let mut outcome = self.sent(&mut client, &ask).await;
        if let (Ok(Err(failure)), Operation::GenerateIdentity(generate)) = (&outcome, &mut ask.operation)
            && failure.code == Code::IdentityWaiting
            && input::thrown_away(self.out)
        {
            generate.replace = true;
            outcome = client.send(None, patience(&ask.operation), at_once(&ask.operation)).await;
        }
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
                if let (Exit::Done, Some(source)) = (exit, source) {
                    self.out.say(&source.remove());
                }
                code.inspect(|code| self.out.data(&format!("\n{code}")));
                exit
            }
        }
    }
}
