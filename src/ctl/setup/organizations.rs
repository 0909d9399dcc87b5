//! Who takes money.

use super::answers::OrganizationAnswer;
use super::error::SetupError;
use super::record::Deed;
use super::workbench::{StepEnd, Workbench};
use crate::domain::{Standing, TradePoint};
use crate::failure::Code;
use crate::id::{OrganizationBin, TradePointId};
use crate::operation::{Config, ConfigQuery, GetConfig, TradePointQuery};

pub(super) async fn run(bench: &mut Workbench<'_, '_>) -> Result<StepEnd, SetupError> {
    bench.head("The organisations that take money");
    let there = bench.ask(ConfigQuery { shop_id: None }).await?.configs;
    for config in there.iter().filter(|config| config.is_active) {
        bench.session.out.say(&format!("enrolled: {}, trade point {}", config.organization_bin, config.trade_point_id));
    }
    ask_for_organizations(bench, &there).await?;
    let wanted = bench.answers.organization.clone().unwrap_or_default();
    let mut ended = if wanted.is_empty() { StepEnd::Skipped } else { StepEnd::Already };
    for organization in wanted {
        if enrolled(bench, &organization).await? == StepEnd::Done {
            ended = StepEnd::Done;
        }
    }
    Ok(ended)
}

async fn enrolled(bench: &mut Workbench<'_, '_>, wanted: &OrganizationAnswer) -> Result<StepEnd, SetupError> {
    let bin = wanted.bin.as_str();
    match bench.told(GetConfig { organization_bin: wanted.bin.clone() }).await? {
        // What is out of use is enrolled anew, or put to use again by who has put it out.
        Ok(config) if !config.is_active && config.standing_reason.as_deref() != Some("retired") => Err(
            SetupError::NotHere(format!("{bin} is out of use; if it is to take money: kaspictl bin activate {bin}")),
        ),
        Ok(config) if config.is_active => {
            if let Some(point) = wanted.trade_point.as_ref().filter(|point| **point != config.trade_point_id) {
                let why = format!(
                    "{bin} is enrolled for trade point {}, not {point}: if that is meant, \
                     kaspictl bin set {bin} --trade-point {point}",
                    config.trade_point_id
                );
                return Err(SetupError::NotHere(why));
            }
            // After another bank, for one.
            if config.standing == Standing::Suspended {
                bench.typed(&["kaspictl", "bin", "verify", bin])?;
            }
            if wanted.default && !config.is_default {
                bench.typed(&["kaspictl", "bin", "default", bin])?;
                return Ok(StepEnd::Done);
            }
            Ok(StepEnd::Already)
        }
        Err(failure) if failure.code != Code::NotFound => Err(SetupError::Refused(Box::new(failure))),
        _ => {
            let mut words = vec!["kaspictl".to_owned(), "bin".to_owned(), "add".to_owned(), bin.to_owned()];
            // In one word: a name may begin with a dash.
            words.extend(wanted.trade_point.iter().map(|point| format!("--trade-point={point}")));
            words.extend(wanted.description.iter().map(|text| format!("--description={text}")));
            words.extend(wanted.default.then(|| "--default".to_owned()));
            let deed = Deed::Organization(wanted.bin.clone());
            bench.record.note(deed.clone())?;
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let done = bench.typed(&words);
            if done.is_err() && bench.told(GetConfig { organization_bin: wanted.bin.clone() }).await?.is_err() {
                bench.record.withdraw(&deed)?;
            }
            done.map(|()| StepEnd::Done)
        }
    }
}

async fn ask_for_organizations(bench: &mut Workbench<'_, '_>, there: &[Config]) -> Result<(), SetupError> {
    if bench.person.is_none() || bench.answers.organization.is_some() {
        return Ok(());
    }
    let mut named: Vec<OrganizationAnswer> = Vec::new();
    let mut has_default = there.iter().any(|config| config.is_default);
    while let Some(bin) = ask_for_a_bin(bench, there.len() + named.len())? {
        let points = match bench.told(TradePointQuery { organization_bin: bin.clone() }).await? {
            Ok(points) => points.trade_points,
            // What is wrong with one is no reason to ask for all again.
            Err(failure) => {
                bench.session.out.say(&format!("  {}; {}", failure.detail, failure.remedy()));
                continue;
            }
        };
        let trade_point = ask_for_the_trade_point(bench, &points)?;
        let Some(person) = &bench.person else { break };
        let out = &mut *bench.session.out;
        let description = person.line(out, "Its name, for people", "")?;
        let default = !has_default && person.yes(out, "Do payments that name no BIN go to it", true)?;
        has_default |= default;
        let description = Some(description).filter(|text| !text.is_empty());
        named.push(OrganizationAnswer { bin, trade_point, default, description });
    }
    bench.answers.organization = Some(named);
    Ok(())
}

fn ask_for_a_bin(bench: &mut Workbench<'_, '_>, named: usize) -> Result<Option<OrganizationBin>, SetupError> {
    let Some(person) = &bench.person else { return Ok(None) };
    let (question, usual) = match (bench.answers.is_sandbox(), named) {
        (true, 0) => ("BIN of the organisation (twelve digits)", "891027350515"),
        (false, 0) => ("BIN of the organisation (twelve digits; nothing: none now)", ""),
        _ => ("BIN of another one (nothing: that is all)", ""),
    };
    person.read(&mut *bench.session.out, (question, usual), |line| match line.is_empty() {
        true => Ok(None),
        false => line.parse::<OrganizationBin>().map(Some),
    })
}

fn ask_for_the_trade_point(
    bench: &mut Workbench<'_, '_>,
    points: &[TradePoint],
) -> Result<Option<TradePointId>, SetupError> {
    let shown: Vec<String> = points.iter().map(|point| format!("{} ({})", point.name, point.id)).collect();
    let Some(person) = bench.person.as_ref().filter(|_| points.len() > 1) else { return Ok(None) };
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    let chosen = person.choice(&mut *bench.session.out, "Where does it take money?", &shown)?;
    Ok(points.get(chosen).map(|point| point.id.clone()))
}
