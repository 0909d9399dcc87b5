//! What becomes of a row, and a payment's number as the files of an import hold it.

use crate::id::QrPaymentId;

/// What a row makes of the payments here.
pub(super) enum RowVerdict {
    /// It is here already.
    Known,
    /// It is history.
    History,
    /// It is history of a payment that this import or an earlier one took in.
    About,
    /// A payment that is taken in.
    Adopt(QrPaymentId),
    /// The payment was cancelled.
    Cancelled,
    /// Money of the payment went back.
    Refunded,
    /// It cannot be taken in.
    Bad(String),
}

/// A QrPaymentId in sixteen bytes, which hold every number of twenty digits.
pub(super) fn number(id: &QrPaymentId) -> u128 {
    id.as_str().parse().unwrap_or(u128::MAX)
}
