//! Who is spoken to.

use crate::domain::Dialect;
use crate::id::BankUrl;

/// A bank, and the dialect it speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counterparty {
    /// Which bank.
    pub bank: BankUrl,
    /// What it speaks.
    pub dialect: Dialect,
}
