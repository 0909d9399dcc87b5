//! A payment to see that all of it works, paid back at once.

use super::answers::TrialAnswer;
use super::error::SetupError;
use super::record::TrialRecord;
use super::workbench::{StepEnd, Workbench};
use crate::ctl::args::value;
use crate::domain::{Kind, State};
use crate::id::{NotAnId, PhoneNumber, RequestKey};
use crate::money::Amount;
use crate::operation::{ConfigQuery, CreatePayment, GetPayment, Payment};

/// A phone of the sandbox's customers.
const PHONE: &str = "77015211545";

pub(super) async fn run(bench: &mut Workbench<'_, '_>) -> Result<StepEnd, SetupError> {
    if bench.record.trial.as_ref().is_some_and(|trial| trial.is_over) {
        return Ok(StepEnd::Already);
    }
    let configs = bench.ask(ConfigQuery { shop_id: None }).await?.configs;
    if configs.iter().any(|config| config.is_active) {
        ask_for_a_trial(bench)?;
    }
    let Some(trial) = bench.answers.trial.clone() else { return Ok(StepEnd::Skipped) };
    bench.head("A payment, to see that it works");
    let amount =
        value::amount(&trial.amount).map_err(|why| SetupError::NotHere(format!("amount of [trial]: {why}")))?;
    let active = configs.iter().filter(|config| config.is_active);
    let Some(config) = active.clone().find(|config| config.is_default).or(active.clone().next()) else {
        return Err(SetupError::NotHere("no organisation takes payments".to_owned()));
    };
    let payment = billed(bench, &trial, amount, config.organization_bin.clone()).await?;
    let number = payment.qr_payment_id.as_ref().map_or_else(|| payment.id.to_string(), ToString::to_string);
    let key = bench.record.trial.as_ref().map(|trial| trial.key.to_string()).unwrap_or_default();
    match payment.state {
        State::Paid => {}
        State::Waiting => paid(bench, &number).await?,
        state => return ended(bench, state),
    }
    // Of one key, so that it is paid back once, however often setup is broken off here.
    bench.typed(&["kaspictl", "payment", "refund", &number, "--key", &format!("{key}-back")])?;
    if let Some(trial) = &mut bench.record.trial {
        trial.is_over = true;
    }
    bench.record.save()?;
    Ok(StepEnd::Done)
}

/// With a key that was kept before: asked again after a break, it is the same payment.
async fn billed(
    bench: &mut Workbench<'_, '_>,
    trial: &TrialAnswer,
    amount: Amount,
    bin: crate::id::OrganizationBin,
) -> Result<Payment, SetupError> {
    let key = match &bench.record.trial {
        Some(trial) => trial.key.clone(),
        None => {
            let key = fresh_key().map_err(|error| SetupError::NotHere(error.to_string()))?;
            bench.record.trial = Some(TrialRecord { key: key.clone(), is_over: false });
            bench.record.save()?;
            key
        }
    };
    // Not by a command: a phone has no place among the arguments of a process.
    bench.session.out.say(&format!("$ kaspictl pay {} --phone {} --bin {bin}", trial.amount, trial.phone.masked()));
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
    let client = crate::client::Client::connect(&bench.session.socket, "kaspictl").await?;
    let told = client.call(Some(&key), None, create).await?;
    told.map_err(|failure| SetupError::Refused(Box::new(failure)))
}

/// It was not paid: the next trial is another payment. What nobody knows stays, until a person has looked.
fn ended(bench: &mut Workbench<'_, '_>, state: State) -> Result<StepEnd, SetupError> {
    if !matches!(state, State::Unknown | State::Creating) {
        bench.record.trial = None;
        bench.record.save()?;
    }
    Err(SetupError::NotHere(format!("the payment ended as {state}: kaspictl payment list --limit 1 tells of it")))
}

/// The customer pays: in the sandbox by a command, otherwise a person with a phone.
async fn paid(bench: &mut Workbench<'_, '_>, number: &str) -> Result<(), SetupError> {
    if bench.answers.is_sandbox() {
        let folder = bench.answers.sandbox_folder().display().to_string();
        // A call that was broken off here may have paid it already; the wait tells.
        let _ = bench.typed(&["kaspi-sandbox", "pay", number, "--dir", &folder]);
    } else {
        bench.session.out.say("The bill is in the Kaspi app of that phone: pay it there, now.");
    }
    let Err(unpaid) = bench.typed(&["kaspictl", "payment", "wait", number, "--timeout", "3m"]) else {
        return Ok(());
    };
    // A bill that stays open would be paid by somebody, some day.
    let reference = number.parse().map_err(|_| SetupError::NotHere(format!("{number} is no payment")))?;
    let now = bench.ask(GetPayment { payment: reference, wait: None }).await?;
    if now.state == State::Waiting {
        bench.typed(&["kaspictl", "payment", "cancel", number])?;
        return ended(bench, State::Cancelled).map(drop);
    }
    if now.state == State::Paid { Ok(()) } else { ended(bench, now.state).map(drop).or(Err(unpaid)) }
}

fn ask_for_a_trial(bench: &mut Workbench<'_, '_>) -> Result<(), SetupError> {
    let Some(person) = bench.person.as_ref().filter(|_| bench.answers.trial.is_none()) else { return Ok(()) };
    let is_sandbox = bench.answers.is_sandbox();
    let out = &mut *bench.session.out;
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
    bench.answers.trial = Some(TrialAnswer { phone, amount });
    Ok(())
}

fn fresh_key() -> Result<RequestKey, NotAnId> {
    format!("setup-{}", uuid::Uuid::new_v4()).parse()
}
