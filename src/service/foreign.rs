//! Payments that were made with another bank than the one we speak to. Nobody is asked about them, so a person is told,
//! until `[kaspi]` names their bank again, as `url` or `formerly`, or a person has said how they ended.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::life::deadline;
use super::plan::Sign;
use super::{Request, Service, Settings};
use crate::domain::State;
use crate::failure::Failure;
use crate::id::{PaymentId, PaymentRef};
use crate::moment::Moment;
use crate::operation::ProblemItem;
use crate::store::{PaymentRow, RefundRow, RefundState};

/// So long after its deadline a payment that was called over would still be asked about.
const LATE: Duration = Duration::from_secs(9 * 24 * 3600);

/// Lines for payments; the rest is one line. An answer holds a mebibyte.
const NAMED: usize = 100;

/// The payments that wait for their bank. Only a start and a reload can change which bank is ours, so only they look
/// for them. Held for a look-up, never across an await.
#[derive(Default)]
pub(super) struct Foreign(Mutex<BTreeSet<PaymentId>>);

impl Foreign {
    fn ids(&self) -> BTreeSet<PaymentId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes in those of `rows` that wait for another bank.
    pub(super) fn notice<'r>(&self, settings: &Settings, rows: impl IntoIterator<Item = &'r PaymentRow>) {
        let foreign = rows.into_iter().filter(|row| waits_for_another_bank(settings, row)).map(|row| row.id);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(foreign);
    }
}

impl Service {
    /// After a reload: payments of a bank that is not ours any more are told to a person, and those whose bank is ours
    /// again are looked at now.
    pub(super) fn sort_by_bank(&self) -> Result<(), Failure> {
        let settings = self.live.get();
        let rows = self.store.read(|reading| Ok(reading.payments_to_follow(Moment::now())?))?;
        self.state.foreign.notice(&settings, &rows.rows);
        for row in self.foreign_rows()? {
            if !waits_for_another_bank(&settings, &row) {
                self.state.foreign.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&row.id);
                // The receiver is gone only when the daemon stops.
                let _ = self.state.followed.send(Sign::Due(row.id));
            }
        }
        Ok(())
    }

    fn foreign_rows(&self) -> Result<Vec<PaymentRow>, Failure> {
        let ids = self.state.foreign.ids();
        self.store.read(|reading| {
            let mut rows = Vec::new();
            for id in ids {
                // The payment of a create that moved nothing is gone.
                rows.extend(reading.payment(&PaymentRef::Id(id))?);
            }
            Ok(rows)
        })
    }

    /// What a person should know of them.
    pub(super) fn foreign_problems(&self, request: &Request) -> Result<Vec<ProblemItem>, Failure> {
        let settings = &request.settings;
        let rows = self.foreign_rows()?.into_iter();
        let rows: Vec<_> = rows.filter(|row| request.sees(row) && waits_for_another_bank(settings, row)).collect();
        let mut problems: Vec<_> = rows.iter().take(NAMED).map(problem).collect();
        let more = rows.len().saturating_sub(NAMED);
        problems.extend(rows.first().filter(|_| more > 0).map(|row| ProblemItem {
            detail: format!("{more} more payments were made with another bank than [kaspi] url"),
            payment: None,
            ..problem(row)
        }));
        Ok(problems)
    }
}

/// Whether the bank that could tell how a payment ended is not the one we speak to.
pub(super) fn waits_for_another_bank(settings: &Settings, row: &PaymentRow) -> bool {
    let waits = match row.state {
        State::Creating | State::Waiting | State::Unknown => true,
        State::Paid => watched(row).is_some(),
        _ if row.is_over() => !row.is_closed && Moment::now().since(deadline(row)) < LATE,
        _ => false,
    };
    waits && !settings.config.kaspi.bank().is(&row.bank)
}

/// A refund that counts as failed and may still happen, as long as it would be looked for.
fn watched(row: &PaymentRow) -> Option<&RefundRow> {
    let may_come = |refund: &&RefundRow| refund.state == RefundState::Watched && Moment::now().since(refund.at) < LATE;
    row.refunds.iter().find(may_come)
}

fn problem(row: &PaymentRow) -> ProblemItem {
    let (id, bank) = (row.id, &row.bank);
    let same = format!(
        "If it is the same bank at another address: formerly = [\"{bank}\"] under [kaspi] in kaspid.toml, then: kaspictl reload"
    );
    if let Some(refund) = watched(row) {
        return ProblemItem {
            detail: format!(
                "a refund of {} was not seen to happen at the bank at {bank}; [kaspi] url is another, so nobody looks whether \
                 it still comes",
                refund.amount
            ),
            remedy: format!(
                "{same}. If it is not, look in the Kaspi Pay app, then: kaspictl payment resolve {id} --refund {} --happened \
                 yes|no --reason TEXT",
                refund.id
            ),
            ..of(row)
        };
    }
    let how = if row.state == State::Unknown { "--abandon" } else { "--paid yes|no" };
    let (deadline, then) = (deadline(row), "look in the Kaspi Pay app, then");
    let then = match row.state {
        // Until then the customer may pay whatever a person has seen.
        State::Waiting if Moment::now() < deadline => format!("{then}, when its time is over at {deadline}"),
        _ => then.to_owned(),
    };
    ProblemItem {
        detail: format!(
            "{} is {} and was made with the bank at {bank}; [kaspi] url is another, so it is not asked about",
            row.amount, row.state
        ),
        remedy: format!("{same}. If it is not, {then}: kaspictl payment resolve {id} {how} --reason TEXT"),
        ..of(row)
    }
}

fn of(row: &PaymentRow) -> ProblemItem {
    ProblemItem { payment: Some(row.id), ..super::health::problem("payment_other_bank", "", "") }
}
