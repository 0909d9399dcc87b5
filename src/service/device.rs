//! Registering a device: one flight per (BIN, trade point), however many ask. Who had to wait takes what the first
//! was given, and a registration that did not help is not repeated by itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::Service;
use super::locks::Locks;
use crate::id::{OrganizationBin, TradePointId};
use crate::kaspi::{Refusal, Trouble};

/// After a registration that did not help, calls leave the device alone for this long: −1503, and a token that
/// stays refused, are for a person, and a till that tries again is no reason to ask the bank again.
const REST: Duration = Duration::from_secs(60);

/// What a device stands at.
type Place = (OrganizationBin, TradePointId);

/// One registration at a time per device, and how the last one ended.
pub(super) struct Devices {
    turns: Locks<Place>,
    /// Held for a look-up, never across an await.
    last: Mutex<HashMap<Place, (Instant, Registered)>>,
}

/// How a registration ended.
#[derive(Clone, Debug)]
pub(super) enum Registered {
    /// A token came and stands in the store.
    Stored,
    /// The same token as before came, or another that is refused too.
    Useless,
    /// Kaspi refused.
    Refused(Refusal),
    /// Nobody could be asked, or nobody knows.
    Failed(Trouble),
}

impl Registered {
    /// A registration that gave no token.
    pub(super) fn not(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::Refused(refusal) => Self::Refused(refusal.clone()),
            other => Self::Failed(other.clone()),
        }
    }
}

/// The right to register one device.
pub(super) struct Turn<'a> {
    devices: &'a Devices,
    place: Place,
    asked: Instant,
    _guard: OwnedMutexGuard<()>,
}

impl Devices {
    pub(super) fn new() -> Self {
        Self { turns: Locks::new(), last: Mutex::default() }
    }

    fn last(&self, place: &Place) -> Option<(Instant, Registered)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned()
    }

    fn ended(&self, place: Place, how: Registered) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever waits asks again within a call's time; older ends tell nobody anything.
        if last.len() >= 1024 {
            last.retain(|_, (at, _)| at.elapsed() < 10 * REST);
        }
        last.insert(place, (Instant::now(), how));
    }
}

impl Turn<'_> {
    /// How a registration ended since the caller began.
    pub(super) fn meanwhile(&self) -> Option<Registered> {
        self.devices.last(&self.place).filter(|(at, _)| *at >= self.asked).map(|(_, how)| how)
    }

    /// How one ended that did not help, a short while ago.
    pub(super) fn useless(&self) -> Option<Registered> {
        let (at, how) = self.devices.last(&self.place)?;
        let useless = matches!(how, Registered::Useless | Registered::Refused(_));
        (useless && at.elapsed() < REST).then_some(how)
    }

    /// Tells who waits how it ended. Of a token only once it is stored.
    pub(super) fn ended(&self, how: Registered) {
        self.devices.ended(self.place.clone(), how);
    }
}

impl Service {
    /// Waits until nobody else registers this device. `asked` is when the caller began: what ended since then is as
    /// good as its own.
    pub(super) async fn device_turn(&self, bin: &OrganizationBin, point: &TradePointId, asked: Instant) -> Turn<'_> {
        let (devices, place) = (&self.state.devices, (bin.clone(), point.clone()));
        Turn { devices, asked, _guard: devices.turns.lock(place.clone()).await, place }
    }

    /// Kaspi lists the trade point, so a registration there may help again.
    pub(super) fn device_may_be_registered(&self, bin: &OrganizationBin, point: &TradePointId) {
        let mut last = self.state.devices.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.remove(&(bin.clone(), point.clone()));
    }

    /// A token that a registration has just given is refused too.
    pub(super) fn fresh_token_refused(&self, bin: &OrganizationBin, point: &TradePointId) {
        self.state.devices.ended((bin.clone(), point.clone()), Registered::Useless);
    }
}
