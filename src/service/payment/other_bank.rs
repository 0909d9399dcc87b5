//! Whether a payment waits for a bank that is not the one we speak to any more.

use std::time::Duration;

use super::life::deadline;
use crate::domain::State;
use crate::moment::Moment;
use crate::service::Settings;
use crate::store::{PaymentRow, RefundRow, RefundState};

/// So long after its deadline a payment that was called over would still be asked about.
const LATE: Duration = Duration::from_secs(9 * 24 * 3600);

/// Whether the bank that could tell how a payment ended is not the one we speak to.
pub(in crate::service) fn waits_for_another_bank(settings: &Settings, row: &PaymentRow) -> bool {
    let waits = match row.state {
        State::Creating | State::Waiting | State::Unknown => true,
        State::Paid => watched(row).is_some(),
        _ if row.is_over() => !row.is_closed && Moment::now().since(deadline(row)) < LATE,
        _ => false,
    };
    waits && !settings.config.kaspi.bank().is(&row.bank)
}

/// A refund that counts as failed and may still happen, as long as it would be looked for.
pub(in crate::service) fn watched(row: &PaymentRow) -> Option<&RefundRow> {
    let may_come = |refund: &&RefundRow| refund.state == RefundState::Watched && Moment::now().since(refund.at) < LATE;
    row.refunds.iter().find(may_come)
}
