//! The daemon's care for itself: what needs a person, whether all is well, numbers, copies, and new settings. It looks
//! into every room and changes nothing in any.

mod backup;
mod denials;
mod doctor;
mod health;
mod identity;
mod metrics;
mod problems;
mod reload;
mod restored;

use std::sync::Arc;

pub use doctor::{Looker, files as check_files};
pub(super) use restored::{acknowledge_restore, without_gap};

use backup::Backups;
use denials::Denials;
use doctor::DoctorChecks;
use health::HealthWatch;
use identity::{Exchanges, ExpiryWatch, Looks, News, Requests};
use metrics::Monitor;
use problems::Problems;
use reload::Reloads;

use super::follow::{Following, Foreign};
use super::locks::BulkWrites;
use super::organisation::Verifications;
use super::settings::Live;
use super::stop::Stopping;
use crate::store::{Store, what_stands};

/// The room.
pub(super) struct Upkeep {
    pub(super) backups: Arc<Backups>,
    pub(super) health: HealthWatch,
    pub(super) doctor: DoctorChecks,
    pub(super) monitor: Monitor,
    pub(super) reloads: Reloads,
    pub(super) requests: Requests,
    pub(super) exchanges: Exchanges,
    pub(super) expiry: Arc<ExpiryWatch>,
    pub(super) denials: Denials,
    store: Store,
}

/// What it stands on.
pub(super) struct UpkeepParts {
    pub(super) store: Store,
    pub(super) live: Arc<Live>,
    pub(super) stop: Stopping,
    pub(super) bulk_writes: BulkWrites,
    pub(super) verifications: Arc<Verifications>,
    pub(super) following: Arc<Following>,
    pub(super) foreign: Arc<Foreign>,
}

impl Upkeep {
    /// Counts what stands before anybody asks for it. A state that cannot be read is told by whoever asks next.
    pub(super) fn count_what_stands(&self) {
        let store = self.store.clone();
        tokio::spawn(async move { what_stands(&store).await.map(drop) });
    }

    pub(super) fn new(parts: UpkeepParts) -> Self {
        let UpkeepParts { store, live, stop, bulk_writes, verifications, following, foreign } = parts;
        let looked_after = (following.clone(), foreign.clone());
        let backups = Arc::new(Backups::new(store.clone(), live.clone(), stop.clone(), bulk_writes));
        let (looks, news) = (Looks::new(store.clone()), News::new(store.clone()));
        let problems = Problems::new(store.clone(), verifications.clone(), backups.clone(), looked_after.clone());
        Self {
            denials: Denials::new(store.clone()),
            store: store.clone(),
            health: HealthWatch::new(store.clone(), problems.clone()),
            doctor: DoctorChecks::new(store.clone(), live.clone(), backups.clone(), looked_after),
            monitor: Monitor::new(store, problems, (verifications.clone(), backups.clone()), following),
            requests: Requests::new(live.clone(), news.clone()),
            exchanges: Exchanges::new(live.clone(), looks.clone(), news.clone()),
            expiry: Arc::new(ExpiryWatch::new(live.clone(), stop, news.clone())),
            reloads: Reloads::new(live, (verifications, foreign), (looks, news)),
            backups,
        }
    }
}
