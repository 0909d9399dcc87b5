//! What days brought, by organisation.

use serde::{Deserialize, Serialize};

use crate::day::{Day, NamedDay};
use crate::domain::{Kind, State};
use crate::id::{Description, Invoice, OrganizationBin, PaymentId, QrPaymentId};
use crate::moment::Moment;
use crate::money::{Amount, Total};

/// What a day brought. All of it is read from one state of the log, whose `head` it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DayReport {
    /// 00:00 to 24:00 in `timezone`.
    pub date: Day,
    /// `[daemon] timezone`.
    pub timezone: String,
    /// The last event that was counted and its hash, `SEQ:SHA256` as `log verify --head` takes it.
    pub head: String,
    /// Those that take payments, and others that the day touched.
    pub organizations: Vec<OrganizationReport>,
}

/// What the days of a range brought. All of it is read from one state of the log, whose `head` it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RangeReport {
    /// The first day.
    pub from: Day,
    /// The last day, which is counted too.
    pub to: Day,
    /// `[daemon] timezone`.
    pub timezone: String,
    /// The last event that was counted and its hash, `SEQ:SHA256` as `log verify --head` takes it.
    pub head: String,
    /// All days together.
    pub organizations: Vec<OrganizationReport>,
    /// Day by day, without those on which no money moved.
    pub days: Vec<DayTotals>,
}

/// An organisation's days. The sums count money that moved in them, whenever it was asked for; the lists name what
/// a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OrganizationReport {
    /// Who got the money.
    pub organization_bin: OrganizationBin,
    /// Its name for people.
    pub description: Option<Description>,
    /// How many were paid, by `paid_at`.
    pub payments: u64,
    /// Their amounts.
    pub taken_tiyn: Total,
    /// How many refunds through kaspid happened, by the time at which they were asked for.
    pub refunds: u64,
    /// Their amounts.
    pub refunded_tiyn: Total,
    /// What went back otherwise, by when kaspid saw it.
    pub refunded_elsewhere_tiyn: Total,
    /// Taken less all that went back: what is left to the organisation. Below zero where more went back.
    pub net_tiyn: Total,
    /// What was taken, by the way it was paid.
    pub by_kind: ByKind,
    /// What was taken, by whose clock says when.
    pub by_paid_at_source: BySource,
    /// Made in these days, and the customer can still pay or Kaspi has not said that not.
    pub open: Vec<ReportPayment>,
    /// Made in these days, and nobody knows: each may have been paid.
    pub unknown: Vec<ReportPayment>,
    /// Paid in these days after kaspid had called it over, or so found in them: `paid_at` says where it is counted. What a
    /// person has seen to (`resolve` with `paid`) is not among them.
    pub late: Vec<ReportPayment>,
    /// Refunds asked for in these days of which nobody knows whether they happened. Not in the sums.
    pub refunds_pending: Vec<ReportRefund>,
    /// How many lines do not stand in the four lists, because they are too many.
    pub unlisted: u64,
    /// How much there is for each of the four lists, whether it stands there or not.
    pub lists: ListCounts,
}

/// How much there is for each list of an organisation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ListCounts {
    /// Of `open`.
    pub open: ListCount,
    /// Of `unknown`.
    pub unknown: ListCount,
    /// Of `late`.
    pub late: ListCount,
    /// Of `refunds_pending`.
    pub refunds_pending: ListCount,
}

impl ListCounts {
    /// How many lines do not stand in any list.
    #[must_use]
    pub fn unlisted(&self) -> u64 {
        let Self { open, unknown, late, refunds_pending } = self;
        [open, unknown, late, refunds_pending].iter().fold(0, |sum, list| sum.saturating_add(list.unlisted))
    }
}

/// How much there is for one list. The oldest stand in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ListCount {
    /// How many there are.
    pub all: u64,
    /// How many of them do not stand in the list, because they are too many.
    pub unlisted: u64,
    /// About how many of them Kaspi could not be asked for this report.
    pub not_asked: u64,
}

/// A part of what was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Part {
    /// How many payments.
    pub payments: u64,
    /// Their amounts.
    pub taken_tiyn: Total,
}

/// What was taken, by the way it was paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ByKind {
    /// Invoices.
    pub remote: Part,
    /// Links.
    pub link: Part,
    /// QR codes.
    pub qr: Part,
}

/// What was taken, by whose clock says when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BySource {
    /// The bank's.
    pub bank: Part,
    /// Ours, when we saw it: it may have been paid earlier, even on the day before.
    pub seen: Part,
}

/// A payment that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReportPayment {
    /// Ours.
    pub id: PaymentId,
    /// Kaspi's, once known.
    pub qr_payment_id: Option<QrPaymentId>,
    /// How the customer pays.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// What the customer pays.
    pub amount_tiyn: Amount,
    /// The merchant's own number of the sale.
    pub invoice: Option<Invoice>,
    /// When it was intended.
    pub created_at: Moment,
    /// When it was paid.
    pub paid_at: Option<Moment>,
    /// Nobody knows: it may have been paid.
    pub may_have_been_paid: bool,
    /// Why Kaspi could not be asked about it for this report; null where it was asked, or need not be.
    pub not_asked: Option<String>,
    /// When Kaspi last answered about it, since kaspid was started; null where it has not.
    pub last_asked: Option<Moment>,
}

/// A refund of which nobody knows whether it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReportRefund {
    /// Ours.
    pub id: PaymentId,
    /// Of which payment.
    pub payment: PaymentId,
    /// How much.
    pub amount_tiyn: Amount,
    /// When it was asked for.
    pub at: Moment,
}

/// A day of a range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct DayTotals {
    /// Which.
    pub date: Day,
    /// Those whose money moved on it.
    pub organizations: Vec<OrganizationTotals>,
}

/// An organisation's money of a day; the fields are those of `OrganizationReport`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OrganizationTotals {
    /// Who got the money.
    pub organization_bin: OrganizationBin,
    /// How many were paid.
    pub payments: u64,
    /// Their amounts.
    pub taken_tiyn: Total,
    /// How many refunds happened.
    pub refunds: u64,
    /// Their amounts.
    pub refunded_tiyn: Total,
    /// What went back otherwise.
    pub refunded_elsewhere_tiyn: Total,
    /// Taken less all that went back.
    pub net_tiyn: Total,
}

/// Which day to report on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DayQuery {
    /// `2026-11-24`, `today` (the default) or `yesterday`, in `[daemon] timezone`.
    pub date: Option<NamedDay>,
    /// Only this organisation's.
    pub bin: Option<OrganizationBin>,
}

/// Which days to report on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct RangeQuery {
    /// The first day: `2026-11-24`, `today` or `yesterday`, in `[daemon] timezone`.
    pub from: NamedDay,
    /// The last day, which is included; today otherwise.
    pub to: Option<NamedDay>,
    /// Only this organisation's.
    pub bin: Option<OrganizationBin>,
}
