//! What a monitoring system reads. A caller who may see some organisations only gets their numbers and nothing that
//! is made of everybody's; an organisation is named by its config id, since a BIN may be an IIN (architecture §5). Labels
//! come from our own tables: no payment, key, phone or text of the bank becomes one.

mod bank;
mod configs;
mod daemon;
mod payments;
mod process;
mod view;

use std::sync::Arc;

use super::backup::Backups;
use super::health::sees_payments_of;
use super::problems::{Problems, for_a_person};
use crate::failure::Failure;
use crate::metrics::{DoorMeters, Page};
use crate::moment::Moment;
use crate::operation::{Metrics, Reply};
use crate::service::Context;
use crate::service::follow::Following;
use crate::service::organisation::Verifications;
use crate::store::{Store, what_stands};
use view::View;

/// Open payments looked at for the oldest of each config.
const OLDEST: usize = 500;

/// Counts for a monitoring system; touches nothing.
#[derive(Clone)]
pub(in crate::service) struct Monitor {
    store: Store,
    problems: Problems,
    verifications: Arc<Verifications>,
    backups: Arc<Backups>,
    following: Arc<Following>,
    /// What happens at the door, for who watches.
    door: Arc<DoorMeters>,
    /// When the daemon started.
    started: Moment,
}

impl Monitor {
    pub(in crate::service) fn new(
        store: Store,
        problems: Problems,
        (verifications, backups): (Arc<Verifications>, Arc<Backups>),
        following: Arc<Following>,
    ) -> Self {
        let (door, started) = (Arc::default(), Moment::now());
        Self { store, problems, verifications, backups, following, door, started }
    }

    /// Where the door counts.
    pub(in crate::service) fn door(&self) -> Arc<DoorMeters> {
        self.door.clone()
    }

    /// Reads and writes it all off the threads that answer others.
    pub(in crate::service) async fn metrics(&self, context: &Context) -> Result<Reply, Failure> {
        let (view, monitor, context) = (self.view(context).await?, self.clone(), context.clone());
        let text = self.store.aside(move |_| Ok(monitor.page(&context, &view))).await?;
        Ok(Reply::Metrics(Metrics { text }))
    }

    fn page(&self, context: &Context, view: &View) -> String {
        let mut page = Page::default();
        process::write(&mut page, self.started);
        configs::write(&mut page, view, &self.verifications.failed_looks, context);
        payments::write(&mut page, view, self.store.meters().tally());
        bank::write_reach(&mut page, &context.settings);
        if context.scope.is_everything() {
            bank::write_calls(&mut page, &context.settings.record);
            self.daemon(&mut page);
        }
        page.finish()
    }

    /// What is of the daemon itself.
    fn daemon(&self, page: &mut Page) {
        daemon::write_store(page, &self.store);
        daemon::write_door(page, &self.door);
        daemon::write_follower(page, &self.following);
        daemon::write_backups(page, &self.backups);
    }

    async fn view(&self, context: &Context) -> Result<View, Failure> {
        let mut census = what_stands(&self.store).await?;
        let (mut configs, mut oldest) = self.store.walk(|walk| Ok((walk.configs()?, walk.first_open(OLDEST)?))).await?;
        census.retain(|whose| sees_payments_of(context, &configs, whose));
        configs.retain(|row| context.scope.allows(row.shop_id, &row.organization_bin));
        oldest.retain(|row| context.sees(row));
        let (rows, more) = for_a_person(&self.store, context).await?;
        let problems = self.problems.all(context, &configs, (&rows, more)).await?;
        Ok(View { configs, census, oldest, problems })
    }
}
