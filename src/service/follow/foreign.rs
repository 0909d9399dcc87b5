//! Payments that were made with another bank than the one we speak to. Nobody is asked about them, so a person is told,
//! until `[kaspi]` names their bank again, as `url` or `formerly`, or a person has said how they ended.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::sign::{Sign, Signs};
use crate::domain::State;
use crate::failure::Failure;
use crate::id::PaymentId;
use crate::moment::Moment;
use crate::operation::ProblemItem;
use crate::service::payment::{deadline, problem};
use crate::service::payment::{waits_for_another_bank, watched};
use crate::service::{Context, Live, Settings};
use crate::store::{FollowWalk, PaymentRow, Refused, Store};

/// Lines for payments; the rest is one line. An answer holds a mebibyte.
const NAMED: usize = 100;

/// Payments looked at for them, of thousands that an earlier bank may have left.
const LOOKED_AT: usize = 1000;

/// The payments that wait for their bank. Only a start and a reload can change which bank is ours, so only they look
/// for them. Held for a look-up, never across an await.
pub(in crate::service) struct Foreign {
    store: Store,
    live: Arc<Live>,
    signs: Signs,
    ids: Mutex<BTreeSet<PaymentId>>,
}

impl Foreign {
    pub(super) fn new(store: Store, live: Arc<Live>, signs: Signs) -> Self {
        Self { store, live, signs, ids: Mutex::default() }
    }

    /// The first of them.
    fn ids(&self, at_most: usize) -> Vec<PaymentId> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().take(at_most).collect()
    }

    /// Takes in those of `rows` that wait for another bank.
    pub(super) fn notice<'r>(&self, settings: &Settings, rows: impl IntoIterator<Item = &'r PaymentRow>) {
        let foreign = rows.into_iter().filter(|row| waits_for_another_bank(settings, row)).map(|row| row.id);
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).extend(foreign);
    }

    /// After a reload: payments of a bank that is not ours any more are told to a person, and those whose bank is ours
    /// again are looked at now.
    pub(in crate::service) async fn sort_by_bank(&self) -> Result<(), Failure> {
        let settings = self.live.get();
        let mut walk = FollowWalk::new(Moment::now());
        loop {
            let found;
            (walk, found) =
                self.store.walk(move |view| walk.piece(view).map_err(Refused::from).map(|found| (walk, found))).await?;
            let Some(found) = found else { break };
            self.notice(&settings, &found.rows);
        }
        for ids in self.ids(usize::MAX).chunks(NAMED) {
            for row in self.rows(ids.to_vec()).await? {
                if !waits_for_another_bank(&settings, &row) {
                    self.ids.lock().unwrap_or_else(PoisonError::into_inner).remove(&row.id);
                    self.signs.tell(Sign::Due(row.id));
                }
            }
        }
        Ok(())
    }

    /// These payments. That of a create that moved nothing is gone.
    async fn rows(&self, ids: Vec<PaymentId>) -> Result<Vec<PaymentRow>, Failure> {
        match ids.is_empty() {
            true => Ok(Vec::new()),
            false => self.store.walk(move |walk| Ok(walk.these(&ids)?)).await,
        }
    }

    /// What a person should know of them.
    pub(in crate::service) async fn foreign_problems(&self, context: &Context) -> Result<Vec<ProblemItem>, Failure> {
        let settings = &context.settings;
        let ids = self.ids(LOOKED_AT);
        let unlooked = match context.scope.is_everything() {
            true => self.ids.lock().unwrap_or_else(PoisonError::into_inner).len().saturating_sub(ids.len()),
            false => 0,
        };
        let rows = self.rows(ids).await?.into_iter();
        let rows: Vec<_> = rows.filter(|row| context.sees(row) && waits_for_another_bank(settings, row)).collect();
        let mut problems: Vec<_> = rows.iter().take(NAMED).map(other_bank).collect();
        let more = rows.len().saturating_sub(NAMED) + unlooked;
        problems.extend(rows.first().filter(|_| more > 0).map(|row| ProblemItem {
            detail: format!("{more} more payments were made with another bank than [kaspi] url"),
            payment: None,
            ..other_bank(row)
        }));
        Ok(problems)
    }
}

fn other_bank(row: &PaymentRow) -> ProblemItem {
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
    ProblemItem { payment: Some(row.id), ..problem("payment_other_bank", "", "") }
}
