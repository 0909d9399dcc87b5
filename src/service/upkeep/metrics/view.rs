//! What the numbers of one caller are made of.

use crate::operation::ProblemItem;
use crate::store::{ConfigRow, PaymentRow};

/// The stored things a caller may see.
pub(super) struct View {
    pub(super) configs: Vec<ConfigRow>,
    pub(super) open: Vec<PaymentRow>,
    pub(super) for_a_person: Vec<PaymentRow>,
    pub(super) problems: Vec<ProblemItem>,
}
