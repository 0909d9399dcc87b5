//! A payment to see that all of it works, paid back at once.

use super::answers::TrialAnswer;
use super::record::Trial;
use super::{Ended, SetupError, Steps};
use crate::ctl::args::value;
use crate::domain::{Kind, State};
use crate::id::{NotAnId, PhoneNumber, RequestKey};
use crate::money::Amount;
use crate::operation::{ConfigQuery, CreatePayment, GetPayment, Payment};

/// A phone of the sandbox's customers.
const PHONE: &str = "77015211545";

impl Steps<'_, '_> {
    pub(super) async fn trial(&mut self) -> Result<Ended, SetupError> {
        if self.record.trial.as_ref().is_some_and(|trial| trial.is_over) {
            return Ok(Ended::Already);
        }
        let configs = self.ask(ConfigQuery { shop_id: None }).await?.configs;
        if configs.iter().any(|config| config.is_active) {
            self.ask_for_a_trial()?;
        }
        let Some(trial) = self.answers.trial.clone() else { return Ok(Ended::Skipped) };
        self.head("A payment, to see that it works");
        let amount =
            value::amount(&trial.amount).map_err(|why| SetupError::NotHere(format!("amount of [trial]: {why}")))?;
        let active = configs.iter().filter(|config| config.is_active);
        let Some(config) = active.clone().find(|config| config.is_default).or(active.clone().next()) else {
            return Err(SetupError::NotHere("no organisation takes payments".to_owned()));
        };
        let payment = self.billed(&trial, amount, config.organization_bin.clone()).await?;
        let number = payment.qr_payment_id.as_ref().map_or_else(|| payment.id.to_string(), ToString::to_string);
        let key = self.record.trial.as_ref().map(|trial| trial.key.to_string()).unwrap_or_default();
        match payment.state {
            State::Paid => {}
            State::Waiting => self.paid(&number).await?,
            state => return self.ended(state),
        }
        // Of one key, so that it is paid back once, however often setup is broken off here.
        self.session.typed(&["kaspictl", "payment", "refund", &number, "--key", &format!("{key}-back")])?;
        if let Some(trial) = &mut self.record.trial {
            trial.is_over = true;
        }
        self.record.save()?;
        Ok(Ended::Done)
    }

    /// With a key that was kept before: asked again after a break, it is the same payment.
    async fn billed(
        &mut self,
        trial: &TrialAnswer,
        amount: Amount,
        bin: crate::id::OrganizationBin,
    ) -> Result<Payment, SetupError> {
        let key = match &self.record.trial {
            Some(trial) => trial.key.clone(),
            None => {
                let key = fresh_key().map_err(|error| SetupError::NotHere(error.to_string()))?;
                self.record.trial = Some(Trial { key: key.clone(), is_over: false });
                self.record.save()?;
                key
            }
        };
        // Not by a command: a phone has no place among the arguments of a process.
        self.session.out.say(&format!("$ kaspictl pay {} --phone {} --bin {bin}", trial.amount, trial.phone.masked()));
        let create = CreatePayment {
            kind: Kind::Remote,
            amount_tiyn: amount,
            phone_number: Some(trial.phone.clone()),
            comment: None,
            invoice: None,
            repeat_invoice: false,
            shop_id: None,
            organization_bin: Some(bin),
            wait: None,
            supersedes: None,
            reason: None,
        };
        let client = crate::client::Client::connect(&self.session.socket, "kaspictl").await?;
        let told = client.call(Some(&key), None, create).await?;
        told.map_err(|failure| SetupError::Refused(Box::new(failure)))
    }

    /// It was not paid: the next trial is another payment. What nobody knows stays, until a person has looked.
    fn ended(&mut self, state: State) -> Result<Ended, SetupError> {
        if !matches!(state, State::Unknown | State::Creating) {
            self.record.trial = None;
            self.record.save()?;
        }
        Err(SetupError::NotHere(format!("the payment ended as {state}: kaspictl payment list --limit 1 tells of it")))
    }

    /// The customer pays: in the sandbox by a command, otherwise a person with a phone.
    async fn paid(&mut self, number: &str) -> Result<(), SetupError> {
        if self.answers.is_sandbox() {
            let folder = self.sandbox_dir().display().to_string();
            // A call that was broken off here may have paid it already; the wait tells.
            let _ = self.session.typed(&["kaspi-sandbox", "pay", number, "--dir", &folder]);
        } else {
            self.session.out.say("The bill is in the Kaspi app of that phone: pay it there, now.");
        }
        let Err(unpaid) = self.session.typed(&["kaspictl", "payment", "wait", number, "--timeout", "3m"]) else {
            return Ok(());
        };
        // A bill that stays open would be paid by somebody, some day.
        let reference = number.parse().map_err(|_| SetupError::NotHere(format!("{number} is no payment")))?;
        let now = self.ask(GetPayment { payment: reference, wait: None }).await?;
        if now.state == State::Waiting {
            self.session.typed(&["kaspictl", "payment", "cancel", number])?;
            return self.ended(State::Cancelled).map(drop);
        }
        if now.state == State::Paid { Ok(()) } else { self.ended(now.state).map(drop).or(Err(unpaid)) }
    }

    fn ask_for_a_trial(&mut self) -> Result<(), SetupError> {
        let Some(person) = self.person.as_ref().filter(|_| self.answers.trial.is_none()) else { return Ok(()) };
        let is_sandbox = self.answers.is_sandbox();
        let out = &mut *self.session.out;
        let question = match is_sandbox {
            true => "Try a payment in the sandbox, and pay it back",
            false => "Try a payment with real money, and pay it back",
        };
        out.say("");
        if !person.yes(out, question, is_sandbox)? {
            return Ok(());
        }
        let phone = if is_sandbox { PHONE } else { "" };
        let read = |line: String| PhoneNumber::try_from(line);
        let phone = person.read(out, ("Phone of the customer", phone), read)?;
        let amount = person.read(out, ("Amount in tenge", "1"), |line| value::amount(&line).map(|_| line))?;
        self.answers.trial = Some(TrialAnswer { phone, amount });
        Ok(())
    }
}

fn fresh_key() -> Result<RequestKey, NotAnId> {
    format!("setup-{}", uuid::Uuid::new_v4()).parse()
}
