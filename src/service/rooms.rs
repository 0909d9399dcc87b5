//! The rooms, built from the ground up: who stands on whom is said here and nowhere else.

use std::sync::Arc;

use tokio::sync::{broadcast, mpsc};

use super::bank::{Bank, Payers, Wake, Wakes};
use super::follow::{Follower, Sign, Signs};
use super::locks::BulkWrites;
use super::money::MoneyCalls;
use super::organisation::{Organisations, Schedule};
use super::payment::{PaymentRows, Statuses, Totals, Waits};
use super::rate::ReadRate;
use super::records::{ConfigImports, Exports, Feed, LogImports, Proof, Reads, Reports};
use super::settings::Live;
use super::stop::Stopping;
use super::upkeep::{Backups, DoctorChecks, HealthWatch, Monitor, Problems, Reloads};
use super::{follow, money};
use crate::id::PaymentId;
use crate::store::Store;

/// Waiters that fall behind by so many changes look for themselves.
const CHANGES: usize = 1024;

/// What the background work listens to; see [`super::Service::work`].
pub struct Background {
    /// Payments that may need another plan of the follower.
    signs: mpsc::UnboundedReceiver<Sign>,
    /// What the schedule of looks at trade points is told.
    wakes: mpsc::UnboundedReceiver<Wake>,
}

/// All rooms of a daemon.
pub(super) struct Rooms {
    pub(super) store: Store,
    pub(super) live: Arc<Live>,
    pub(super) stop: Stopping,
    pub(super) payers: Payers,
    pub(super) money: MoneyCalls,
    pub(super) organisations: Organisations,
    pub(super) feed: Arc<Feed>,
    pub(super) reads: Reads,
    pub(super) proof: Proof,
    pub(super) reports: Reports,
    pub(super) exports: Exports,
    pub(super) config_imports: ConfigImports,
    pub(super) log_imports: LogImports,
    pub(super) backups: Arc<Backups>,
    pub(super) watch: HealthWatch,
    pub(super) doctor: DoctorChecks,
    pub(super) monitor: Monitor,
    pub(super) reloads: Reloads,
    follower: Arc<Follower>,
}

impl Rooms {
    pub(super) fn new(store: Store, live: Arc<Live>) -> (Self, Background) {
        let (stop, rate, bulk_writes) = (Stopping::default(), Arc::new(ReadRate::default()), BulkWrites::default());
        let ((wakes, woken), (signs, told)) = (Wakes::new(), Signs::new());
        let changed = broadcast::channel(CHANGES).0;
        announce(&store, changed.clone(), signs.clone());

        let bank = Arc::new(Bank::new(store.clone(), wakes));
        let payers = Payers::new(store.clone(), bank.clone());

        let totals = Arc::new(Totals::new(store.clone(), bank.clone()));
        let statuses = Arc::new(Statuses::new((store.clone(), live.clone()), totals.clone(), rate.clone()));
        let waits = Arc::new(Waits::new(PaymentRows::new(store.clone()), statuses.clone(), stop.clone(), changed));

        let money = MoneyCalls::new(money::MoneyParts {
            store: store.clone(),
            stop: stop.clone(),
            rate: rate.clone(),
            bank: bank.clone(),
            totals: totals.clone(),
            statuses: statuses.clone(),
            waits: waits.clone(),
        });
        let follower = Arc::new(Follower::new(follow::FollowerParts {
            store: store.clone(),
            live: live.clone(),
            stop: stop.clone(),
            rate: rate.clone(),
            totals,
            statuses: statuses.clone(),
            balances: money.balances.clone(),
            signs,
        }));
        let organisations = Organisations::new(&store, live.clone(), bank, rate);

        let feed = Arc::new(Feed::new(store.clone(), stop.clone()));
        let looked_after = (follower.following().clone(), follower.foreign().clone());
        let verifications = organisations.verifications.clone();
        let backups = Arc::new(Backups::new(store.clone(), live.clone(), stop.clone(), bulk_writes.clone()));
        let problems = Problems::new(store.clone(), verifications.clone(), backups.clone(), looked_after.clone());
        let rooms = Self {
            payers,
            feed: feed.clone(),
            reads: Reads::new(store.clone(), (statuses.clone(), waits), money.balances.clone(), feed),
            proof: Proof::new(store.clone(), bulk_writes),
            reports: Reports::new(store.clone(), statuses, stop.clone()),
            exports: Exports::new(store.clone()),
            config_imports: ConfigImports::new(store.clone(), verifications.clone()),
            log_imports: LogImports::new(store.clone()),
            watch: HealthWatch::new(store.clone(), problems.clone()),
            doctor: DoctorChecks::new(store.clone(), live.clone(), backups.clone(), looked_after.clone()),
            monitor: Monitor::new(store.clone(), problems, (verifications.clone(), backups.clone()), looked_after.0),
            reloads: Reloads::new(live.clone(), verifications, looked_after.1),
            backups,
            money,
            organisations,
            follower,
            store,
            live,
            stop,
        };
        (rooms, Background { signs: told, wakes: woken })
    }

    /// What of the background work asks the bank.
    pub(super) fn watch(&self, background: Background) {
        let Background { signs, wakes } = background;
        let following = tokio::spawn(self.follower.clone().follow(signs));
        let (follower, stop) = (self.follower.clone(), self.stop.clone());
        tokio::spawn(async move {
            let ended = following.await;
            if !stop.has_begun() {
                let why = ended.err().map_or_else(|| "it ended".to_owned(), |error| error.to_string());
                tracing::error!(why, "payments are not followed any more: restart kaspid");
                follower.following().stands_still(Some(why));
            }
        });
        let (store, live, stop) = (self.store.clone(), self.live.clone(), self.stop.clone());
        let schedule = Schedule::new(store, live, stop, self.organisations.verifications.clone());
        tokio::spawn(schedule.keep_verified(wakes));
    }
}

/// Whatever commit changes a payment, who waits for it and the follower hear of it. Neither is waited for.
fn announce(store: &Store, changed: broadcast::Sender<PaymentId>, signs: Signs) {
    store.on_commit(move |payments| {
        for id in payments {
            // Without a waiter there is nobody to tell.
            let _ = changed.send(*id);
            signs.tell(Sign::Changed(*id));
        }
    });
}
