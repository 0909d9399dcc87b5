//! Device tokens: what a transaction does with them, and the rule that a token stands for one (BIN, trade point).

use super::StoreError;
use super::reading::Reading;
use super::token::{Holder, holder, put, stored};
use super::writing::Writing;
use crate::id::{DeviceToken, OrganizationBin, TradePointId};

/// A token that was not kept, because it stands for another (BIN, trade point) than it was given for: a bank that goes by
/// the token would send the money of one organisation to the other.
#[derive(Debug)]
pub(crate) struct OfAnother(pub(crate) Holder);

impl Writing<'_> {
    /// Keeps the current token of a (BIN, trade point), unless it stands for another one.
    pub(crate) fn put_device(
        &mut self,
        bin: &OrganizationBin,
        trade_point: &TradePointId,
        token: &DeviceToken,
    ) -> Result<Result<(), OfAnother>, StoreError> {
        if let Some(holder) = self.holder_of(token, (bin, trade_point))? {
            return Ok(Err(OfAnother(holder)));
        }
        self.dirty = true;
        put(&mut self.tables.device, (bin, trade_point), &Some(token.clone())).map(Ok)
    }

    /// Which other (BIN, trade point) than `except` this token stands for.
    pub(crate) fn holder_of(
        &self,
        token: &DeviceToken,
        except: (&OrganizationBin, &TradePointId),
    ) -> Result<Option<Holder>, StoreError> {
        holder(&self.tables.device, token, except)
    }

    /// The current token of a (BIN, trade point).
    pub(crate) fn device_token(
        &self,
        bin: &OrganizationBin,
        trade_point: &TradePointId,
    ) -> Result<Option<DeviceToken>, StoreError> {
        Ok(stored(&self.tables.device, bin, trade_point)?.flatten())
    }

    /// Forgets a token whose device was deleted at Kaspi on purpose. Another token that stands there by now is of
    /// another device, and stays.
    pub(crate) fn forget_device(
        &mut self,
        (bin, trade_point): (&OrganizationBin, &TradePointId),
        deleted: &DeviceToken,
    ) -> Result<(), StoreError> {
        if self.device_token(bin, trade_point)?.as_ref() != Some(deleted) {
            return Ok(());
        }
        self.dirty = true;
        put(&mut self.tables.device, (bin, trade_point), &None)
    }
}

impl Reading {
    /// As [`Writing::holder_of`].
    pub(crate) fn holder_of(
        &self,
        token: &DeviceToken,
        except: (&OrganizationBin, &TradePointId),
    ) -> Result<Option<Holder>, StoreError> {
        holder(&self.tables.device()?, token, except)
    }

    /// Whether there is or was a device at a (BIN, trade point).
    pub(crate) fn had_device(&self, bin: &OrganizationBin, trade_point: &TradePointId) -> Result<bool, StoreError> {
        Ok(stored(&self.tables.device()?, bin, trade_point)?.is_some())
    }
}
