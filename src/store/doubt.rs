//! What is known of whose a payment is and of how much, as it is stored: a doubt, what the bank's details say, and totals
//! that are not our amount. What they make of a payment is decided in [`super::ownership`].

use serde::{Deserialize, Serialize};

use crate::money::Amount;

/// Why it is not known to be the organisation's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Doubt {
    /// It was taken in by its number, and the bank has told no details of it yet.
    Unproven,
    /// The bank refuses its details to the organisation's own (BIN, trade point).
    Refused(String),
}

/// What the bank's details say of a payment, asked for with the token of its own (BIN, trade point).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DetailsRead {
    /// It is one of this point's, of this total.
    Total(Amount),
    /// It is none of this point's, and why.
    Refused(String),
}

/// A total that the bank tells and that is not our amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OtherTotal {
    pub(super) total: Amount,
    /// A person has seen it: this total is no problem any more, another one is.
    pub(super) is_accepted: bool,
}

/// The totals that are not our amount, by who tells them. What one of the two says is taken back by itself or a person:
/// that the other one agrees with us is no answer to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OtherTotals {
    pub(super) by_details: Option<OtherTotal>,
    pub(super) by_status: Option<OtherTotal>,
}

impl OtherTotals {
    pub(super) fn each(self) -> impl Iterator<Item = OtherTotal> {
        [self.by_details, self.by_status].into_iter().flatten()
    }

    pub(super) fn accept(&mut self) {
        [&mut self.by_details, &mut self.by_status].into_iter().flatten().for_each(|other| other.is_accepted = true);
    }

    /// Whether the details themselves tell another total.
    pub(crate) fn is_told_by_details(self) -> bool {
        self.by_details.is_some()
    }
}

impl OtherTotal {
    /// What a total says that is told now, beside what the same source told before; none where it is our amount.
    pub(super) fn after(before: Option<Self>, total: Amount, ours: Amount) -> Option<Self> {
        let is_known = |other: &Self| other.total == total;
        (total != ours).then(|| before.filter(is_known).unwrap_or(Self { total, is_accepted: false }))
    }
}
