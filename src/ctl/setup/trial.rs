//! A payment to see that all of it works, paid back at once.

use super::answers::TrialAnswer;
use super::error::SetupError;
use super::record::TrialRecord;
use super::workbench::{StepEnd, Workbench};
use crate::client::Client;
use crate::ctl::args::value;
use crate::domain::{Kind, State};
use crate::id::{NotAnId, OrganizationBin, PhoneNumber, RequestKey};
use crate::operation::{ConfigQuery, CreatePayment, PaymentQuery};

/// A phone of the sandbox's customers.
const PHONE: &str = "77015211545";

/// How a trial came to its end.
#[derive(PartialEq, Eq)]
pub(super) enum TrialEnd {
    /// Paid, and paid back.
    PaidBack,
    /// Nobody has paid, and nobody can any more.
    Unpaid,
}

pub(super) async fn run(bench: &mut Workbench<'_, '_>) -> Result<StepEnd, SetupError> {
    settle(bench).await?;
    let bank = bench.answers.named_bank();
    if bench.record.trial.as_ref().is_some_and(|trial| trial.bank == bank) {
        return Ok(StepEnd::Already);
    }
    let configs = bench.ask(ConfigQuery { shop_id: None }).await?.configs;
    let active = configs.iter().filter(|config| config.is_active);
    let Some(config) = active.clone().find(|config| config.is_default).or(active.clone().next()) else {
        return Ok(StepEnd::Skipped);
    };
    ask_for_a_trial(bench)?;
    let Some(trial) = bench.answers.trial.clone() else { return Ok(StepEnd::Skipped) };
    bench.head("A payment, to see that it works");
    let number = billed(bench, &trial, config.organization_bin.clone()).await?;
    wait_for_the_customer(bench, &number);
    match settle(bench).await? {
        Some(TrialEnd::Unpaid) => Err(SetupError::NotHere(format!(
            "the payment was not paid, and cannot be paid any more: kaspictl payment show {number}"
        ))),
        Some(TrialEnd::PaidBack) | None => Ok(StepEnd::Done),
    }
}

/// Brings a trial to its end that is open, of this call or of one that was broken off: what was paid is paid back, what waits
/// is called off. Setup is neither gone on with nor taken back before that.
pub(super) async fn settle(bench: &mut Workbench<'_, '_>) -> Result<Option<TrialEnd>, SetupError> {
    let Some(trial) = bench.record.open_trial().cloned() else { return Ok(None) };
    let query = || PaymentQuery { key: Some(trial.key.clone()), ..PaymentQuery::default() };
    let mut payments = bench.ask(query()).await?.payments;
    if let Some(payment) = payments.first().filter(|payment| payment.state == State::Waiting) {
        // Paid meanwhile, it is not called off; how it stands is asked again.
        let _ = bench.typed(&["kaspictl", "payment", "cancel", &payment.id.to_string()]);
        payments = bench.ask(query()).await?.payments;
    }
    let end = match payments.first() {
        Some(payment) if payment.state == State::Paid => {
            // Of one key, so that it is paid back once, however often setup is broken off here.
            let (id, key) = (payment.id.to_string(), format!("{}-back", trial.key));
            bench.typed(&["kaspictl", "payment", "refund", &id, "--yes", "--key", &key])?;
            TrialEnd::PaidBack
        }
        Some(payment) if matches!(payment.state, State::Creating | State::Waiting | State::Unknown) => {
            return Err(SetupError::InDoubt(format!(
                "the payment of a trial is {}: look at it, kaspictl payment show {}",
                payment.state, payment.id
            )));
        }
        // Declined, called off or expired; or surely never billed, and therefore not kept.
        _ => TrialEnd::Unpaid,
    };
    bench.record.trial = match end {
        TrialEnd::PaidBack => Some(TrialRecord { is_over: true, ..trial }),
        TrialEnd::Unpaid => None,
    };
    bench.record.save()?;
    Ok(Some(end))
}

/// Under a key that is kept before; what comes of it is [`settle`]d.
async fn billed(
    bench: &mut Workbench<'_, '_>,
    trial: &TrialAnswer,
    bin: OrganizationBin,
) -> Result<String, SetupError> {
    let refused = |why: String| SetupError::NotHere(format!("amount of [trial]: {why}"));
    let amount_tiyn = value::amount(&trial.amount).map_err(refused)?;
    let key = fresh_key().map_err(|error| SetupError::NotHere(error.to_string()))?;
    let bank = bench.answers.named_bank();
    bench.record.trial = Some(TrialRecord { key: key.clone(), bank, is_over: false });
    bench.record.save()?;
    // Not by a command: a phone has no place among the arguments of a process.
    bench.session.out.say(&format!("$ kaspictl pay {} --phone {} --bin {bin}", trial.amount, trial.phone.masked()));
    let create = CreatePayment {
        kind: Kind::Remote,
        amount_tiyn,
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
    let client = Client::connect(&bench.session.socket, "kaspictl").await?;
    let told = client.call(Some(&key), None, create).await?;
    let payment = told.map_err(|failure| SetupError::Refused(Box::new(failure)))?;
    Ok(payment.qr_payment_id.map_or_else(|| payment.id.to_string(), |number| number.to_string()))
}

/// The customer pays: in the sandbox by a command, otherwise a person with a phone. How it ended is asked afterwards.
fn wait_for_the_customer(bench: &mut Workbench<'_, '_>, number: &str) {
    if bench.answers.is_sandbox() {
        let folder = bench.answers.sandbox_folder().display().to_string();
        let _ = bench.typed(&["kaspi-sandbox", "pay", number, "--dir", &folder]);
    } else {
        bench.session.out.say("The bill is in the Kaspi app of that phone: pay it there, now.");
    }
    let _ = bench.typed(&["kaspictl", "payment", "wait", number, "--timeout", "3m"]);
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
