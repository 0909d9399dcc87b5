//! Who takes money.

use super::answers::OrganizationAnswer;
use super::{Deed, Ended, SetupError, Steps};
use crate::domain::TradePoint;
use crate::failure::Code;
use crate::id::{OrganizationBin, TradePointId};
use crate::operation::{Config, ConfigQuery, GetConfig, TradePointQuery};

impl Steps<'_, '_> {
    pub(super) async fn organizations(&mut self) -> Result<Ended, SetupError> {
        self.head("The organisations that take money");
        let there = self.ask(ConfigQuery { shop_id: None }).await?.configs;
        for config in there.iter().filter(|config| config.is_active) {
            self.session
                .out
                .say(&format!("enrolled: {}, trade point {}", config.organization_bin, config.trade_point_id));
        }
        self.ask_for_organizations(&there).await?;
        let wanted = self.answers.organization.clone().unwrap_or_default();
        let mut ended = if wanted.is_empty() { Ended::Skipped } else { Ended::Already };
        for organization in wanted {
            if self.enrolled(&organization).await? == Ended::Done {
                ended = Ended::Done;
            }
        }
        Ok(ended)
    }

    async fn enrolled(&mut self, wanted: &OrganizationAnswer) -> Result<Ended, SetupError> {
        let bin = wanted.bin.as_str();
        match self.told(GetConfig { organization_bin: wanted.bin.clone() }).await? {
            // What is out of use is enrolled anew, or put to use again by who has put it out.
            Ok(config) if !config.is_active && config.standing_reason.as_deref() != Some("retired") => {
                Err(SetupError::NotHere(format!(
                    "{bin} is out of use; if it is to take money: kaspictl bin activate {bin}"
                )))
            }
            Ok(config) if config.is_active => {
                if let Some(point) = wanted.trade_point.as_ref().filter(|point| **point != config.trade_point_id) {
                    let why = format!(
                        "{bin} is enrolled for trade point {}, not {point}: if that is meant, \
                         kaspictl bin set {bin} --trade-point {point}",
                        config.trade_point_id
                    );
                    return Err(SetupError::NotHere(why));
                }
                if wanted.default && !config.is_default {
                    self.session.typed(&["kaspictl", "bin", "default", bin])?;
                    return Ok(Ended::Done);
                }
                Ok(Ended::Already)
            }
            Err(failure) if failure.code != Code::NotFound => Err(SetupError::Refused(Box::new(failure))),
            _ => {
                let point = wanted.trade_point.as_ref().map(ToString::to_string);
                let mut words = vec!["kaspictl", "bin", "add", bin];
                for (option, value) in [("--trade-point", &point), ("--description", &wanted.description)] {
                    words.extend(value.iter().flat_map(|value| [option, value.as_str()]));
                }
                if wanted.default {
                    words.push("--default");
                }
                self.record.note(Deed::Organization(wanted.bin.clone()))?;
                self.session.typed(&words)?;
                Ok(Ended::Done)
            }
        }
    }

    async fn ask_for_organizations(&mut self, there: &[Config]) -> Result<(), SetupError> {
        if self.person.is_none() || self.answers.organization.is_some() {
            return Ok(());
        }
        let mut named: Vec<OrganizationAnswer> = Vec::new();
        let mut has_default = there.iter().any(|config| config.is_default);
        while let Some(bin) = self.ask_for_a_bin(there.len() + named.len())? {
            let points = match self.told(TradePointQuery { organization_bin: bin.clone() }).await? {
                Ok(points) => points.trade_points,
                // What is wrong with one is no reason to ask for all again.
                Err(failure) => {
                    self.session.out.say(&format!("  {}; {}", failure.detail, failure.remedy()));
                    continue;
                }
            };
            let trade_point = self.ask_for_the_trade_point(&points)?;
            let Some(person) = &self.person else { break };
            let out = &mut *self.session.out;
            let description = person.line(out, "Its name, for people", "")?;
            let default = !has_default && person.yes(out, "Do payments that name no BIN go to it", true)?;
            has_default |= default;
            let description = Some(description).filter(|text| !text.is_empty());
            named.push(OrganizationAnswer { bin, trade_point, default, description });
        }
        self.answers.organization = Some(named);
        Ok(())
    }

    fn ask_for_a_bin(&mut self, named: usize) -> Result<Option<OrganizationBin>, SetupError> {
        let Some(person) = &self.person else { return Ok(None) };
        let (question, usual) = match (self.answers.is_sandbox(), named) {
            (true, 0) => ("BIN of the organisation (twelve digits)", "891027350515"),
            (false, 0) => ("BIN of the organisation (twelve digits; nothing: none now)", ""),
            _ => ("BIN of another one (nothing: that is all)", ""),
        };
        person.read(&mut *self.session.out, (question, usual), |line| match line.is_empty() {
            true => Ok(None),
            false => line.parse::<OrganizationBin>().map(Some),
        })
    }

    fn ask_for_the_trade_point(&mut self, points: &[TradePoint]) -> Result<Option<TradePointId>, SetupError> {
        let shown: Vec<String> = points.iter().map(|point| format!("{} ({})", point.name, point.id)).collect();
        let Some(person) = self.person.as_ref().filter(|_| points.len() > 1) else { return Ok(None) };
        let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
        let chosen = person.choice(&mut *self.session.out, "Where does it take money?", &shown)?;
        Ok(points.get(chosen).map(|point| point.id.clone()))
    }
}
