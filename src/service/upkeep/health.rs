//! The state of the daemon, for whoever watches it.

use super::problems::Problems;
use crate::domain::{Standing, State};
use crate::failure::Failure;
use crate::moment::Moment;
use crate::operation::{ConfigCounts, Health as Report, HealthStatus, PaymentCounts, Reply, SealsInUse};
use crate::service::Context;
use crate::store::{ConfigRow, Store};

/// Tells the state of the daemon; touches nothing.
pub(in crate::service) struct HealthWatch {
    store: Store,
    problems: Problems,
}

impl HealthWatch {
    pub(in crate::service) fn new(store: Store, problems: Problems) -> Self {
        Self { store, problems }
    }

    pub(in crate::service) fn health(&self, context: &Context) -> Result<Reply, Failure> {
        let (configs, payments, open) = self.store.read(|reading| {
            let open = match context.scope.is_everything() {
                true => reading.open_count()?,
                false => {
                    let seen = reading.open_payments()?.into_iter().filter(|row| context.sees(row)).count();
                    u64::try_from(seen).unwrap_or(u64::MAX)
                }
            };
            Ok((reading.configs()?, reading.payments_for_a_person()?, open))
        })?;
        let configs: Vec<_> =
            configs.into_iter().filter(|row| context.scope.allows(row.shop_id, &row.organization_bin)).collect();
        let payments: Vec<_> = payments.into_iter().filter(|row| context.sees(row)).collect();
        let unknown = payments.iter().filter(|row| row.state == State::Unknown).count();
        let problems = self.problems.all(context, &configs, &payments)?;
        Ok(Reply::Health(Report {
            status: if problems.is_empty() { HealthStatus::Ok } else { HealthStatus::Degraded },
            version: env!("CARGO_PKG_VERSION").to_owned(),
            identity: context.settings.identity_view(Moment::now()),
            configs: counts(&configs),
            payments: PaymentCounts { open, unknown: u64::try_from(unknown).unwrap_or(u64::MAX) },
            problems,
            seals: SealsInUse {
                key: context.settings.key_seal().map(|id| id.to_string()),
                tokens: self.store.seal().map(|id| id.to_string()),
            },
        }))
    }
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
