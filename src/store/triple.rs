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
    /// The only maker outside of tests is the store's device table.
    #[allow(dead_code, reason = "used by the store's device table")]
    pub(in crate::store) fn new(
        bin: OrganizationBin,
        trade_point: TradePointId,
        token: DeviceToken,
        dialect: Dialect,
    ) -> Self {
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
