//! Telling who pays, with our own limit on look-ups, before the bank's: 50 a minute per device (wire §8, client-info), which is a
//! (BIN, trade point).

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::calls::Bank;
use super::failure::failure_of;
use crate::failure::{Code, Failure};
use crate::id::{OrganizationBin, TradePointId};
use crate::operation::{PayerQuery, Reply};
use crate::service::Context;
use crate::service::select::selected;
use crate::store::{Store, Triple};

/// Calls of one device in any [`WINDOW`].
const MOST: usize = 50;

/// The bank's minute, and a second for calls that reach it sooner than the ones before them.
const WINDOW: Duration = Duration::from_secs(61);

/// Devices remembered before those at rest are forgotten.
const DEVICES: usize = 256;

type DeviceKey = (OrganizationBin, TradePointId);

/// When each device was last used for a look-up.
#[derive(Default)]
struct Lookups {
    /// The oldest first. Held for a few instructions, never across an await.
    used: Mutex<HashMap<DeviceKey, VecDeque<Instant>>>,
}

/// Tells payers' names; touches nothing but the count of look-ups.
pub(in crate::service) struct Payers {
    store: Store,
    bank: Arc<Bank>,
    lookups: Lookups,
}

impl Payers {
    pub(in crate::service) fn new(store: Store, bank: Arc<Bank>) -> Self {
        Self { store, bank, lookups: Lookups::default() }
    }

    pub(in crate::service) async fn payer(&self, context: &Context, query: &PayerQuery) -> Result<Reply, Failure> {
        context.settings.kaspi()?;
        let (config, _, triple) = selected(&self.store, context, (query.shop_id, query.organization_bin.as_ref()))?;
        self.lookups.take(&triple).map_err(|rest| too_many_lookups(rest).with_bin(&config.organization_bin))?;
        let sent = AtomicBool::new(false);
        let answer = self.bank.with_token(&context.settings, triple, context.ask(), |kaspi, ask, triple| {
            let phone = query.phone_number.clone();
            if sent.swap(true, Ordering::Relaxed) {
                self.lookups.again(&triple);
            }
            async move { kaspi.payer(&ask, &triple, &phone).await }
        });
        match answer.await {
            Ok(payer) => Ok(Reply::Payer(payer)),
            Err(trouble) => Err(failure_of(&trouble).with_bin(&config.organization_bin)),
        }
    }
}

fn too_many_lookups(rest: Duration) -> Failure {
    // Rounded up: a caller that comes back in time finds a place.
    let rest = Duration::from_secs(rest.as_secs() + 1);
    let detail = format!(
        "Kaspi takes 50 payer look-ups a minute from one trade point, and they are used up; the next is possible in {} s",
        rest.as_secs()
    );
    Failure::new(Code::RateLimited, detail)
        .with_retry_after(rest)
        .with_hint("Take the payment without the look-up, or look again then.")
}

impl Lookups {
    /// Takes a place of a device, whoever else asks at the same time.
    ///
    /// # Errors
    /// How long until there is one.
    fn take(&self, device: &Triple) -> Result<(), Duration> {
        self.with(device, |used, now| match used.front().filter(|_| used.len() >= MOST) {
            Some(oldest) => Err((*oldest + WINDOW).saturating_duration_since(now)),
            None => {
                used.push_back(now);
                Ok(())
            }
        })
    }

    /// Counts a call that is made again under a new token: it stands for one that has its place.
    fn again(&self, device: &Triple) {
        self.with(device, |used, now| used.push_back(now));
    }

    fn with<T>(&self, device: &Triple, work: impl FnOnce(&mut VecDeque<Instant>, Instant) -> T) -> T {
        let now = Instant::now();
        let is_old = |at: &Instant| now.saturating_duration_since(*at) >= WINDOW;
        let mut devices = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if devices.len() >= DEVICES {
            devices.retain(|_, used| used.back().is_some_and(|last| !is_old(last)));
        }
        let used = devices.entry((device.bin().clone(), device.trade_point().clone())).or_default();
        while used.front().is_some_and(is_old) {
            used.pop_front();
        }
        work(used, now)
    }
}
