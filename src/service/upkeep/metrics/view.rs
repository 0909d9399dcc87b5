//! What the numbers of one caller are made of.

use crate::operation::ProblemItem;
use crate::store::{Census, ConfigRow, PaymentRow};

/// The stored things a caller may see.
pub(super) struct View {
    pub(super) configs: Vec<ConfigRow>,
    pub(super) census: Census,
    /// The open payments that were begun first.
    pub(super) oldest: Vec<PaymentRow>,
    pub(super) problems: Vec<ProblemItem>,
}
