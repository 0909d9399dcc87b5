//! Promises that this tree does not keep yet, with worlds in which each is broken. The change that keeps one turns it
//! on here; one that is off is not checked.

/// What is outstanding is not called over by our clock alone. Off, nobody sets the daemon's clock wrong.
pub(super) const CLOCKS_MAY_BE_WRONG: bool = false;

/// No refund happens twice under one key, none is called done that is not, and what went back adds up, however late
/// the bank is and whoever else pays back: seeds 4, 54, 147, 171, 288.
pub(super) const REFUNDS_ADD_UP: bool = false;
