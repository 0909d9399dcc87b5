//! What the tour moves: the steps ask for it, and the bank's books must say the same.

/// An amount as it is typed and as it is counted.
pub(super) struct Sum {
    pub(super) tenge: &'static str,
    pub(super) tiyn: u64,
}

/// The remote payment.
pub(super) const INVOICE: Sum = Sum { tenge: "150.50", tiyn: 15_050 };
/// What of it is paid back.
pub(super) const REFUND: Sum = Sum { tenge: "50.50", tiyn: 5_050 };
/// The link.
pub(super) const LINK: Sum = Sum { tenge: "2500", tiyn: 250_000 };
/// The invoice that is taken back.
pub(super) const CANCELLED: Sum = Sum { tenge: "700", tiyn: 70_000 };
