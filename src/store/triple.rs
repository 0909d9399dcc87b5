//! What must go together on every call to Kaspi.

use super::counterparty::Counterparty;
use super::secrets::Secrets;
use super::{StoreError, token};
use crate::domain::Dialect;
use crate::id::{DeviceToken, OrganizationBin, QrPaymentId, TradePointId};

/// A (BIN, trade point, token) and the bank they are of, taken together from one config or from the config a payment
/// was frozen with. Only the store makes one, so a call with parts of two organisations cannot be written; and the
/// client sends none to another bank.
#[derive(Clone, Debug)]
pub struct Triple {
    bin: OrganizationBin,
    trade_point: TradePointId,
    token: DeviceToken,
    of: Counterparty,
}

/// A payment by its number, at the bank that numbered it: what its status is asked by, which needs no token. Made of a
/// payment as it is stored, or of the triple under which a number is looked up that is not stored yet.
#[derive(Clone, Debug)]
pub struct NumberAt {
    number: QrPaymentId,
    of: Counterparty,
}

impl NumberAt {
    /// Of a stored payment, with what it is frozen with.
    pub(super) fn new(number: QrPaymentId, of: Counterparty) -> Self {
        Self { number, of }
    }

    /// The number.
    #[must_use]
    pub fn number(&self) -> &QrPaymentId {
        &self.number
    }

    /// Whose number it is.
    #[must_use]
    pub fn of(&self) -> &Counterparty {
        &self.of
    }
}

impl Triple {
    /// For tests of the wire: one from anywhere.
    #[cfg(test)]
    pub(crate) fn of_test(
        bin: OrganizationBin,
        trade_point: TradePointId,
        token: DeviceToken,
        of: Counterparty,
    ) -> Self {
        Self { bin, trade_point, token, of }
    }

    /// A number that somebody names as one of this organisation's at this bank.
    #[must_use]
    pub fn named(&self, number: &QrPaymentId) -> NumberAt {
        NumberAt::new(number.clone(), self.of.clone())
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

    /// Whose token it is.
    #[must_use]
    pub fn of(&self) -> &Counterparty {
        &self.of
    }

    /// What the bank speaks.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.of.dialect
    }
}

/// The triple of a (BIN, trade point), if a device is registered there.
pub(super) fn of(
    devices: &impl redb::ReadableTable<(&'static str, &'static str), &'static [u8]>,
    secrets: &Secrets,
    (bin, trade_point): (&OrganizationBin, &TradePointId),
    of: &Counterparty,
) -> Result<Option<Triple>, StoreError> {
    let Some(token) = token::stored(devices, secrets, (bin, trade_point))?.flatten() else { return Ok(None) };
    Ok(Some(Triple { bin: bin.clone(), trade_point: trade_point.clone(), token, of: of.clone() }))
}
