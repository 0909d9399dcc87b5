//! The table of device tokens: what stands at a (BIN, trade point), and for which of them a token stands.

use redb::{ReadableTable, Table};

use super::secrets::{Device, Secrets};
use super::{ConfigRow, StoreError};
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

/// (BIN, trade point).
type Point = (&'static str, &'static str);

/// Writes what stands at a (BIN, trade point).
pub(super) fn put(
    devices: &mut Table<'_, Point, &'static [u8]>,
    secrets: &Secrets,
    (bin, trade_point): (&OrganizationBin, &TradePointId),
    value: &Device,
) -> Result<(), StoreError> {
    let point = (bin.as_str(), trade_point.as_str());
    devices.insert(point, secrets.lay(point, value)?.as_slice())?;
    Ok(())
}

/// Whether anything stands or stood at a (BIN, trade point).
pub(super) fn is_there(
    devices: &impl ReadableTable<Point, &'static [u8]>,
    (bin, trade_point): (&OrganizationBin, &TradePointId),
) -> Result<bool, StoreError> {
    Ok(devices.get((bin.as_str(), trade_point.as_str()))?.is_some())
}

/// What stands at a (BIN, trade point); `None` where there never was a device.
pub(super) fn stored(
    devices: &impl ReadableTable<Point, &'static [u8]>,
    secrets: &Secrets,
    (bin, trade_point): (&OrganizationBin, &TradePointId),
) -> Result<Option<Device>, StoreError> {
    let point = (bin.as_str(), trade_point.as_str());
    devices.get(point)?.map(|value| secrets.take(point, value.value())).transpose()
}

/// Every (BIN, trade point) at which anything stands, sealed or not.
pub(super) fn places(
    devices: &impl ReadableTable<Point, &'static [u8]>,
) -> Result<Vec<(OrganizationBin, TradePointId)>, StoreError> {
    let damaged = |_| StoreError::Codec("a device stands at no (BIN, trade point)".to_owned());
    let mut places = Vec::new();
    for entry in devices.iter()? {
        let (place, _) = entry?;
        let (bin, trade_point) = place.value();
        places.push((bin.parse().map_err(damaged)?, trade_point.parse().map_err(damaged)?));
    }
    Ok(places)
}

/// What stands at every (BIN, trade point).
pub(super) fn all(
    devices: &impl ReadableTable<Point, &'static [u8]>,
    secrets: &Secrets,
) -> Result<Vec<(OrganizationBin, TradePointId, Device)>, StoreError> {
    let mut found = Vec::new();
    for (bin, trade_point) in places(devices)? {
        if let Some(device) = stored(devices, secrets, (&bin, &trade_point))? {
            found.push((bin, trade_point, device));
        }
    }
    Ok(found)
}

/// Which other (BIN, trade point) a token stands for. A shop has few devices and they change rarely, so all are looked
/// through.
pub(super) fn holder(
    devices: &impl ReadableTable<Point, &'static [u8]>,
    secrets: &Secrets,
    token: &DeviceToken,
    (bin, trade_point): (&OrganizationBin, &TradePointId),
) -> Result<Option<Holder>, StoreError> {
    let of = all(devices, secrets)?.into_iter().find_map(|(of, at, held)| {
        let holder = Holder { bin: of, trade_point: at };
        (held.as_ref() == Some(token) && !holder.is(bin, trade_point)).then_some(holder)
    });
    Ok(of)
}
