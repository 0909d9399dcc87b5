//! The table of device tokens: what stands at a (BIN, trade point), and for which of them a token stands.

use redb::{ReadableTable, Table};

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

/// Stored for a (BIN, trade point). `None` remembers a device that was deleted at Kaspi on purpose: nothing registers it
/// again by itself.
pub(super) type Device = Option<DeviceToken>;

/// (BIN, trade point).
type Point = (&'static str, &'static str);

/// Writes what stands at a (BIN, trade point).
pub(super) fn put(
    devices: &mut Table<'_, Point, &'static [u8]>,
    (bin, trade_point): (&OrganizationBin, &TradePointId),
    value: &Device,
) -> Result<(), StoreError> {
    let value = zeroize::Zeroizing::new(codec::encode(value)?);
    devices.insert((bin.as_str(), trade_point.as_str()), value.as_slice())?;
    Ok(())
}

/// What stands at a (BIN, trade point); `None` where there never was a device.
pub(super) fn stored(
    devices: &impl ReadableTable<Point, &'static [u8]>,
    bin: &OrganizationBin,
    trade_point: &TradePointId,
) -> Result<Option<Device>, StoreError> {
    devices.get((bin.as_str(), trade_point.as_str()))?.map(|value| codec::decode(value.value())).transpose()
}

/// Which other (BIN, trade point) a token stands for. A shop has few devices and they change rarely, so all are looked
/// through.
pub(super) fn holder(
    devices: &impl ReadableTable<Point, &'static [u8]>,
    token: &DeviceToken,
    (bin, trade_point): (&OrganizationBin, &TradePointId),
) -> Result<Option<Holder>, StoreError> {
    for entry in devices.iter()? {
        let (place, value) = entry?;
        let held: Device = codec::decode(value.value())?;
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
