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
use super::records::{Records, RecordsParts};
use super::settings::Live;
use super::stop::Stopping;
use super::upkeep::{Upkeep, UpkeepParts};
use super::{follow, money};
use crate::id::PaymentId;
use crate::notice;
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
    pub(super) records: Records,
    pub(super) upkeep: Upkeep,
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

        let verifications = organisations.verifications.clone();
        let records = Records::new(RecordsParts {
            store: store.clone(),
            stop: stop.clone(),
            bulk_writes: bulk_writes.clone(),
            statuses,
            waits,
            balances: money.balances.clone(),
            verifications: verifications.clone(),
        });
        let upkeep = Upkeep::new(UpkeepParts {
            store: store.clone(),
            live: live.clone(),
            stop: stop.clone(),
            bulk_writes,
            verifications,
            following: follower.following().clone(),
            foreign: follower.foreign().clone(),
        });
        let rooms = Self { store, live, stop, payers, money, organisations, records, upkeep, follower };
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
                tracing::error!(
                    message_id = notice::NOT_FOLLOWED.id,
                    "payments are not followed any more, restart kaspid: {why}"
                );
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
