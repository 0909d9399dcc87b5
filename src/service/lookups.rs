//! Our own limit on payer look-ups, before the bank's: 50 a minute per device (wire §8, client-info), which is a
//! (BIN, trade point).

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::id::{OrganizationBin, TradePointId};
use crate::store::Triple;

/// Calls of one device in any [`WINDOW`].
const MOST: usize = 50;

/// The bank's minute, and a second for calls that reach it sooner than the ones before them.
const WINDOW: Duration = Duration::from_secs(61);

/// Devices remembered before those at rest are forgotten.
const DEVICES: usize = 256;

type Device = (OrganizationBin, TradePointId);

/// When each device was last used for a look-up.
#[derive(Default)]
pub(super) struct Lookups {
    /// The oldest first. Held for a few instructions, never across an await.
    used: Mutex<HashMap<Device, VecDeque<Instant>>>,
}

impl Lookups {
    /// Takes a place of a device, whoever else asks at the same time.
    ///
    /// # Errors
    /// How long until there is one.
    pub(super) fn take(&self, device: &Triple) -> Result<(), Duration> {
        self.with(device, |used, now| match used.front().filter(|_| used.len() >= MOST) {
            Some(oldest) => Err((*oldest + WINDOW).saturating_duration_since(now)),
            None => {
                used.push_back(now);
                Ok(())
            }
        })
    }

    /// Counts a call that is made again under a new token: it stands for one that has its place.
    pub(super) fn again(&self, device: &Triple) {
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
