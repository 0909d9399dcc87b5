//! The three values that must go together on every call to Kaspi.

use crate::id::{DeviceToken, OrganizationBin, TradePointId};
use crate::operation::Dialect;

/// A (BIN, trade point, token) and the dialect its bank speaks, taken together from one config or from the
/// config a payment was frozen with. Only the store makes one, so a call with parts of two organisations
/// cannot be written.
#[derive(Clone, Debug)]
pub struct Triple {
    bin: OrganizationBin,
    trade_point: TradePointId,
    token: DeviceToken,
    dialect: Dialect,
}

impl Triple {
    fn new(bin: OrganizationBin, trade_point: TradePointId, token: DeviceToken, dialect: Dialect) -> Self {
        Self { bin, trade_point, token, dialect }
    }

    /// For tests of the wire: the same, from anywhere.
    #[cfg(test)]
    pub(crate) fn of_test(
        bin: OrganizationBin,
        trade_point: TradePointId,
        token: DeviceToken,
        dialect: Dialect,
    ) -> Self {
        Self::new(bin, trade_point, token, dialect)
    }

    /// Whose money it is.
    #[must_use]
    pub fn bin(&self) -> &OrganizationBin {
        &self.bin
    }

    /// Where it is taken.
    #[must_use]
    pub fn trade_point(&self) -> &TradePointId {
        &self.trade_point
    }

    /// The secret that says so.
    #[must_use]
    pub fn token(&self) -> &DeviceToken {
        &self.token
    }

    /// What the bank speaks.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }
}

/// The triple of a (BIN, trade point), if a device is registered there.
pub(super) fn of(
    devices: &impl redb::ReadableTable<(&'static str, &'static str), &'static [u8]>,
    bin: &OrganizationBin,
    trade_point: &TradePointId,
    dialect: Dialect,
) -> Result<Option<Triple>, super::StoreError> {
    let Some(token) = devices.get((bin.as_str(), trade_point.as_str()))? else { return Ok(None) };
    let token = super::codec::decode(token.value())?;
    Ok(Some(Triple::new(bin.clone(), trade_point.clone(), token, dialect)))
}
