//! Device tokens: what a transaction does with them, and the rule that a token stands for one (BIN, trade point).

use super::StoreError;
use super::event::Change;
use super::reading::Reading;
use super::secrets::Device;
use super::token::{Holder, all, holder, is_there, put, stored};
use super::writing::Writing;
use crate::domain::Actor;
use crate::id::{DeviceToken, OrganizationBin, TradePointId};

/// A token that was not kept, because it stands for another (BIN, trade point) than it was given for: a bank that goes by
/// the token would send the money of one organisation to the other.
#[derive(Debug)]
pub(crate) struct OfAnother(pub(crate) Holder);

impl Writing<'_> {
    /// Keeps the current token of a (BIN, trade point), unless it stands for another one.
    pub(crate) fn put_device(
        &mut self,
        actor: Option<Actor>,
        (bin, trade_point): (&OrganizationBin, &TradePointId),
        token: &DeviceToken,
    ) -> Result<Result<(), OfAnother>, StoreError> {
        if let Some(holder) = self.holder_of(token, (bin, trade_point))? {
            return Ok(Err(OfAnother(holder)));
        }
        self.set_device(actor, (bin, trade_point), &Some(token.clone())).map(Ok)
    }

    /// The log is told of every change by the mark of the token, so that one that is changed past the log is noticed.
    fn set_device(
        &mut self,
        actor: Option<Actor>,
        (bin, trade_point): (&OrganizationBin, &TradePointId),
        device: &Device,
    ) -> Result<(), StoreError> {
        let secrets = self.secrets()?;
        if stored(self.tables.device.read()?, &secrets, (bin, trade_point))?.as_ref() == Some(device) {
            return Ok(());
        }
        put(self.tables.device.write()?, &secrets, (bin, trade_point), device)?;
        let token = device.as_ref().map(|token| secrets.mark(bin, trade_point, token));
        let (organization_bin, trade_point_id) = (bin.clone(), trade_point.clone());
        self.append(actor, Change::Device { organization_bin, trade_point_id, token })?;
        Ok(())
    }

    /// Marks every token that stands here, once, after a migration from a layout whose log knew none.
    pub(super) fn mark_devices(&mut self) -> Result<(), StoreError> {
        let secrets = self.secrets()?;
        for (organization_bin, trade_point_id, device) in all(self.tables.device.read()?, &secrets)? {
            let token = device.as_ref().map(|token| secrets.mark(&organization_bin, &trade_point_id, token));
            self.append(None, Change::Device { organization_bin, trade_point_id, token })?;
        }
        Ok(())
    }

    /// Which other (BIN, trade point) than `except` this token stands for.
    pub(crate) fn holder_of(
        &self,
        token: &DeviceToken,
        except: (&OrganizationBin, &TradePointId),
    ) -> Result<Option<Holder>, StoreError> {
        holder(self.tables.device.read()?, &*self.secrets()?, token, except)
    }

    /// The current token of a (BIN, trade point).
    pub(crate) fn device_token(
        &self,
        bin: &OrganizationBin,
        trade_point: &TradePointId,
    ) -> Result<Option<DeviceToken>, StoreError> {
        Ok(stored(self.tables.device.read()?, &*self.secrets()?, (bin, trade_point))?.flatten())
    }

    /// Forgets a token whose device was deleted at Kaspi on purpose. Another token that stands there by now is of
    /// another device, and stays.
    pub(crate) fn forget_device(
        &mut self,
        actor: Option<Actor>,
        (bin, trade_point): (&OrganizationBin, &TradePointId),
        deleted: &DeviceToken,
    ) -> Result<(), StoreError> {
        if self.device_token(bin, trade_point)?.as_ref() != Some(deleted) {
            return Ok(());
        }
        self.set_device(actor, (bin, trade_point), &None)
    }
}

impl Reading {
    /// As [`Writing::holder_of`].
    pub(crate) fn holder_of(
        &self,
        token: &DeviceToken,
        except: (&OrganizationBin, &TradePointId),
    ) -> Result<Option<Holder>, StoreError> {
        holder(&self.tables.device()?, self.secrets()?, token, except)
    }

    /// Whether there is or was a device at a (BIN, trade point).
    pub(crate) fn had_device(&self, bin: &OrganizationBin, trade_point: &TradePointId) -> Result<bool, StoreError> {
        is_there(&self.tables.device()?, (bin, trade_point))
    }
}
