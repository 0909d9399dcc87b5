//! Registering a device: one flight per (BIN, trade point), however many ask. Who had to wait takes what the first
//! was given, and a registration that did not help is not repeated by itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::domain::Dialect;
use crate::failure::{Code, Failure};
use crate::id::{DeviceToken, OrganizationBin, TradePointId};
use crate::kaspi::{CallContext, CallError, Kaspi, Refusal, RefusalKind};
use crate::service::Context;
use crate::service::locks::Locks;
use crate::store::{OfAnother, Store};

/// After a registration that did not help, calls leave the device alone for this long: −1503, and a token that
/// stays refused, are for a person, and a till that tries again is no reason to ask the bank again.
const REST: Duration = Duration::from_secs(60);

/// What a device stands at.
type DevicePlace = (OrganizationBin, TradePointId);

/// One registration at a time per device, and how the last one ended.
pub(in crate::service) struct DeviceRegistry {
    store: Store,
    turns: Locks<DevicePlace>,
    /// Held for a look-up, never across an await.
    last: Mutex<HashMap<DevicePlace, (Instant, Registered)>>,
}

/// How a registration ended.
#[derive(Clone, Debug)]
pub(in crate::service) enum Registered {
    /// A token came and stands in the store.
    Stored,
    /// The same token as before came, or another that is refused too.
    Useless,
    /// Kaspi refused.
    Refused(Refusal),
    /// Nobody could be asked, or nobody knows.
    Failed(CallError),
}

/// What stands for a token of another (BIN, trade point), where only Kaspi's refusals are told.
pub(in crate::service) fn refusal_of_another() -> Refusal {
    Refusal { kind: RefusalKind::TokenOfAnother, code: None, text: None }
}

impl Registered {
    /// A registration that gave no token.
    pub(in crate::service) fn not(trouble: &CallError) -> Self {
        match trouble {
            CallError::Refused(refusal) => Self::Refused(refusal.clone()),
            other => Self::Failed(other.clone()),
        }
    }
}

/// The right to register one device.
pub(in crate::service) struct DeviceTurn<'a> {
    devices: &'a DeviceRegistry,
    place: DevicePlace,
    asked: Instant,
    _guard: OwnedMutexGuard<()>,
}

impl DeviceRegistry {
    pub(in crate::service) fn new(store: Store) -> Self {
        Self { store, turns: Locks::new(), last: Mutex::default() }
    }

    fn last(&self, place: &DevicePlace) -> Option<(Instant, Registered)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).get(place).cloned()
    }

    fn ended(&self, place: DevicePlace, how: Registered) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever waits asks again within a call's time; older ends tell nobody anything.
        if last.len() >= 1024 {
            last.retain(|_, (at, _)| at.elapsed() < 10 * REST);
        }
        last.insert(place, (Instant::now(), how));
    }
}

impl DeviceTurn<'_> {
    /// How a registration ended since the caller began.
    pub(in crate::service) fn meanwhile(&self) -> Option<Registered> {
        self.devices.last(&self.place).filter(|(at, _)| *at >= self.asked).map(|(_, how)| how)
    }

    /// How one ended that did not help, a short while ago.
    pub(super) fn useless(&self) -> Option<Registered> {
        let (at, how) = self.devices.last(&self.place)?;
        let useless = matches!(how, Registered::Useless | Registered::Refused(_));
        (useless && at.elapsed() < REST).then_some(how)
    }

    /// Tells who waits how it ended. Of a token only once it is stored.
    pub(in crate::service) fn ended(&self, how: Registered) {
        self.devices.ended(self.place.clone(), how);
    }
}

impl DeviceRegistry {
    /// Step 2 of the guide: asks Kaspi for the token of a (BIN, trade point). One that stands for another here is not
    /// this one's, whatever Kaspi says.
    pub(in crate::service) async fn ask_for_token(
        &self,
        kaspi: &Kaspi,
        (ask, dialect): (&CallContext, Dialect),
        (bin, point): (&OrganizationBin, &TradePointId),
    ) -> Result<Result<DeviceToken, OfAnother>, CallError> {
        let token = kaspi.register(ask, dialect, bin, point).await?;
        let holder = self.store.read(|reading| Ok(reading.holder_of(&token, (bin, point))?));
        // A registration may be repeated: its token is not lost.
        let holder = holder.map_err(|failure| CallError::NeverSent { why: failure.detail, certificate: false })?;
        Ok(holder.map_or(Ok(token), |holder| Err(OfAnother(holder))))
    }

    /// Whose token it is, for a caller who may know of them.
    pub(in crate::service) fn whose(
        &self,
        context: &Context,
        OfAnother(holder): &OfAnother,
    ) -> Result<String, Failure> {
        let config = self.store.read(|reading| Ok(reading.config(&holder.bin)?))?;
        Ok(holder.named(config.as_ref(), &context.scope))
    }

    /// Kaspi gave the token of another (BIN, trade point): nothing is taken with it.
    pub(in crate::service) fn given_of_another(
        &self,
        context: &Context,
        (bin, point): (&OrganizationBin, &TradePointId),
        other: &OfAnother,
    ) -> Failure {
        let whose = match self.whose(context, other) {
            Ok(whose) => whose,
            Err(failure) => return failure,
        };
        let detail = format!(
            "for {bin} at trade point {point} Kaspi gave the device token of {whose}, and a token stands for one \
             organisation at one trade point; nothing was changed"
        );
        Failure::new(Code::DeviceTokenInvalid, detail).with_bin(bin).with_hint(format!(
            "Ask the bank about the two devices. Once it gives this one a token of its own: kaspictl bin register {bin}; \
             if it is not enrolled yet: kaspictl bin add {bin} --trade-point {point}"
        ))
    }

    /// Waits until nobody else registers this device. `asked` is when the caller began: what ended since then is as
    /// good as its own.
    pub(in crate::service) async fn device_turn(
        &self,
        bin: &OrganizationBin,
        point: &TradePointId,
        asked: Instant,
    ) -> DeviceTurn<'_> {
        let place = (bin.clone(), point.clone());
        DeviceTurn { devices: self, asked, _guard: self.turns.lock(place.clone()).await, place }
    }

    /// Kaspi lists the trade point, so a registration there may help again.
    pub(in crate::service) fn device_may_be_registered(&self, bin: &OrganizationBin, point: &TradePointId) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.remove(&(bin.clone(), point.clone()));
    }

    /// A token that a registration has just given is refused too.
    pub(super) fn fresh_token_refused(&self, bin: &OrganizationBin, point: &TradePointId) {
        self.ended((bin.clone(), point.clone()), Registered::Useless);
    }
}
