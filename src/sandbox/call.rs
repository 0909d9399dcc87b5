//! The calls of r3, by one name each in faults, in the request log and in counts.

use serde::{Deserialize, Serialize};

/// What the server speaks: one of the two ways to write r3 (wire §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// The bank's own manual: `StatusCode`, PascalCase, decimal tenge.
    #[default]
    Bank,
    /// The Multi-BIN Setup Guide: `status`, camelCase, integer tiyn.
    Guide,
}

impl Dialect {
    /// As on the command line and in [`crate::domain::Dialect`].
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Bank => "bank",
            Self::Guide => "guide",
        }
    }
}

/// A remote call; the order is that of wire §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BankCall {
    /// A connection that has asked nothing yet; only faults name it.
    Connect,
    /// `GET partner/tradepoints/{organizationBin}`
    TradePoints,
    /// `POST device/register`
    DeviceRegister,
    /// `POST device/delete`
    DeviceDelete,
    /// `POST qr/create`
    QrCreate,
    /// `POST qr/create-link`
    LinkCreate,
    /// `GET payment/status/{QrPaymentId}`, v01 and v02
    PaymentStatus,
    /// `GET payment/details`
    PaymentDetails,
    /// `POST payment/return`, the guide's `payment/refund/`
    Refund,
    /// `GET remote/client-info`
    ClientInfo,
    /// `POST remote/create`
    RemoteCreate,
    /// `POST remote/cancel`
    RemoteCancel,
    /// `GET health/ping`
    Ping,
    /// `POST test/payment/scan`
    TestScan,
    /// `POST test/payment/confirm`
    TestConfirm,
    /// `POST test/payment/scanerror`
    TestScanError,
    /// `POST test/payment/confirmerror`
    TestConfirmError,
    /// Anything the dialect has no call for.
    Unknown,
}

impl BankCall {
    /// Whether the call goes to a remote invoice: their lists of codes differ (wire §6).
    pub(super) fn is_remote(self) -> bool {
        matches!(self, Self::ClientInfo | Self::RemoteCreate | Self::RemoteCancel)
    }
}
