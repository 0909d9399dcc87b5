//! The state of the daemon, for whoever watches it.

use super::problems::{NAMED, Problems, for_a_person};
use crate::domain::{Standing, State};
use crate::failure::Failure;
use crate::moment::Moment;
use crate::operation::{ConfigCounts, Health as Report, HealthStatus, PaymentCounts, Reply, SealsInUse};
use crate::service::{Context, Settings};
use crate::store::{ConfigRow, Glance, PaymentRow, Store, Whose, at_a_glance, what_stands};

/// Tells the state of the daemon; touches nothing.
pub(in crate::service) struct HealthWatch {
    store: Store,
    problems: Problems,
}

impl HealthWatch {
    pub(in crate::service) fn new(store: Store, problems: Problems) -> Self {
        Self { store, problems }
    }

    pub(in crate::service) async fn health(&self, context: &Context) -> Result<Reply, Failure> {
        let mut configs = self.store.read(|reading| Ok(reading.configs()?))?;
        let (payments, needy, more) = self.payments(context, &configs).await?;
        configs.retain(|row| context.scope.allows(row.shop_id, &row.organization_bin));
        let problems = self.problems.all(context, &configs, (&needy, more)).await?;
        Ok(Reply::Health(Report {
            status: if problems.is_empty() { HealthStatus::Ok } else { HealthStatus::Degraded },
            version: env!("CARGO_PKG_VERSION").to_owned(),
            identity: context.settings.identity_view(Moment::now()),
            configs: counts(&configs),
            payments,
            problems,
            seals: SealsInUse {
                key: context.settings.key_seal().map(|id| id.to_string()),
                tokens: self.store.seal().map(|id| id.to_string()),
            },
        }))
    }
}

impl HealthWatch {
    /// The same in a line, for whoever types `systemctl status`; without names, for every user of the machine may.
    pub(in crate::service) async fn in_a_line(&self, settings: &Settings) -> Result<String, Failure> {
        let configs = counts(&self.store.read(|reading| Ok(reading.configs()?))?);
        let (open, unknown) = match at_a_glance(&self.store, NAMED).await? {
            Some(Glance { open, for_a_person }) => (
                open,
                for_a_person.iter().filter(|row| row.state == State::Unknown).count().try_into().unwrap_or(u64::MAX),
            ),
            None => {
                let census = what_stands(&self.store).await?;
                (census.open_in(None, |_| true), census.open_in(Some(State::Unknown), |_| true))
            }
        };
        let taking = match configs.active.saturating_sub(configs.suspended) {
            0 => "no organisation takes payments yet".to_owned(),
            1 => "1 organisation takes payments".to_owned(),
            many => format!("{many} organisations take payments"),
        };
        let suspended =
            if configs.suspended > 0 { format!(", {} suspended", configs.suspended) } else { String::new() };
        let certificate = match settings.identity_view(Moment::now()) {
            Some(identity) => format!("the certificate {}", identity.life()),
            None => "no certificate yet".to_owned(),
        };
        Ok(format!("{taking}{suspended}; {open} payments open, {unknown} unknown; {certificate}"))
    }

    /// The counts, the payments that need a person, and how many more there are. The first one after a start does not wait
    /// until all that is open has been counted.
    async fn payments(
        &self,
        context: &Context,
        configs: &[ConfigRow],
    ) -> Result<(PaymentCounts, Vec<PaymentRow>, usize), Failure> {
        if context.scope.is_everything()
            && let Some(Glance { open, for_a_person }) = at_a_glance(&self.store, NAMED).await?
        {
            let unknown = for_a_person.iter().filter(|row| row.state == State::Unknown).count();
            let unknown = u64::try_from(unknown).unwrap_or(u64::MAX);
            return Ok((PaymentCounts { open, unknown }, for_a_person, 0));
        }
        let (census, seen) = (what_stands(&self.store).await?, |whose| sees_payments_of(context, configs, whose));
        let counts =
            PaymentCounts { open: census.open_in(None, seen), unknown: census.open_in(Some(State::Unknown), seen) };
        let (needy, more) = for_a_person(&self.store, context).await?;
        Ok((counts, needy, more))
    }
}

/// Whether a caller may know of the payments of a config in a shop; it may belong to another by now.
pub(super) fn sees_payments_of(context: &Context, configs: &[ConfigRow], (config, shop): Whose) -> bool {
    let bin = configs.iter().find(|row| row.id == config).map(|row| &row.organization_bin);
    context.scope.is_everything() || bin.is_some_and(|bin| context.scope.allows(shop, bin))
}

fn counts(configs: &[ConfigRow]) -> ConfigCounts {
    let count = |fits: fn(&ConfigRow) -> bool| {
        u64::try_from(configs.iter().filter(|row| fits(row)).count()).unwrap_or(u64::MAX)
    };
    ConfigCounts {
        total: count(|_| true),
        active: count(|row| row.is_active),
        verified: count(|row| row.is_active && row.standing == Standing::Verified),
        unverified: count(|row| row.is_active && row.standing == Standing::Unverified),
        suspended: count(|row| row.is_active && row.standing == Standing::Suspended),
    }
}
