//! Device tokens: the one place that writes them, and the rule that a token stands for one (BIN, trade point).

use redb::{ReadableTable, Table};

use super::reading::Reading;
use super::writing::Writing;
use super::{ConfigRow, StoreError, codec};
use crate::access::Scope;
use crate::id::{DeviceToken, OrganizationBin, TradePointId};

/// What a token stands for already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) bin: OrganizationBin,
    pub(crate) trade_point: TradePointId,
}

impl Holder {
    /// In words, for somebody who may know of these organisations; `config` is its own.
    pub(crate) fn named(&self, config: Option<&ConfigRow>, scope: &Scope) -> String {
        let may_know = match config {
            Some(row) => scope.allows(row.shop_id, &row.organization_bin),
            None => scope.is_everything(),
        };
        match may_know {
            true => format!("{} at trade point {}", self.bin, self.trade_point),
            false => "another organisation".to_owned(),
        }
    }

    /// Whether it is this one.
    fn is(&self, bin: &OrganizationBin, trade_point: &TradePointId) -> bool {
        (&self.bin, &self.trade_point) == (bin, trade_point)
    }
}

/// A token that was not kept, because it stands for another (BIN, trade point) than it was given for: a bank that goes by
/// the token would send the money of one organisation to the other.
#[derive(Debug)]
pub(crate) struct OfAnother(pub(crate) Holder);

/// Stored for a (BIN, trade point). `None` remembers a device that was deleted at Kaspi on purpose: nothing registers it
/// again by itself.
pub(super) type Stored = Option<DeviceToken>;

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

type Devices = (&'static str, &'static str);

fn put(
    devices: &mut Table<'_, Devices, &'static [u8]>,
    (bin, trade_point): (&OrganizationBin, &TradePointId),
    value: &Stored,
) -> Result<(), StoreError> {
    let value = zeroize::Zeroizing::new(codec::encode(value)?);
    devices.insert((bin.as_str(), trade_point.as_str()), value.as_slice())?;
    Ok(())
}

/// What stands at a (BIN, trade point); `None` where there never was a device.
pub(super) fn stored(
    devices: &impl ReadableTable<Devices, &'static [u8]>,
    bin: &OrganizationBin,
    trade_point: &TradePointId,
) -> Result<Option<Stored>, StoreError> {
    devices.get((bin.as_str(), trade_point.as_str()))?.map(|value| codec::decode(value.value())).transpose()
}

/// A shop has few devices and they change rarely, so all are looked through.
fn holder(
    devices: &impl ReadableTable<Devices, &'static [u8]>,
    token: &DeviceToken,
    (bin, trade_point): (&OrganizationBin, &TradePointId),
) -> Result<Option<Holder>, StoreError> {
    for entry in devices.iter()? {
        let (place, value) = entry?;
        let held: Stored = codec::decode(value.value())?;
        if held.as_ref() != Some(token) {
            continue;
        }
        let (of, at) = place.value();
        let damaged = |_| StoreError::Codec("a device stands at no (BIN, trade point)".to_owned());
        let found = Holder { bin: of.parse().map_err(damaged)?, trade_point: at.parse().map_err(damaged)? };
        if !found.is(bin, trade_point) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
