//! What of the following needs a person: payments that are open long past their time, those that cannot be followed,
//! and a follower that stands still.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use super::due::is_overdue;
use crate::failure::Failure;
use crate::id::PaymentId;
use crate::operation::ProblemItem;
use crate::service::Context;
use crate::service::payment::{Ages, problem};
use crate::store::{PaymentRow, Store};

/// Lines for payments; the rest is one line. An answer holds a mebibyte.
const NAMED: usize = 500;

/// How the following stands, for who watches.
pub(in crate::service) struct Following {
    store: Store,
    ages: Arc<Ages>,
    /// Payments in the plan.
    pub(in crate::service) queue: AtomicUsize,
    /// Why nothing is followed, if so. Held for an instruction, never across an await.
    stands_still: Mutex<Option<String>>,
    /// The payments that are stored and cannot be read.
    unread: Mutex<BTreeSet<PaymentId>>,
    /// Those that are open past their last look.
    overdue: Mutex<BTreeSet<PaymentId>>,
}

impl Following {
    pub(super) fn new(store: Store, ages: Arc<Ages>) -> Self {
        let (queue, stands_still) = (AtomicUsize::new(0), Mutex::default());
        Self { store, ages, queue, stands_still, unread: Mutex::default(), overdue: Mutex::default() }
    }

    /// A payment was planned for, or is followed no more.
    pub(super) fn note_overdue(&self, id: PaymentId, is_so: bool) {
        let mut overdue = self.overdue.lock().unwrap_or_else(PoisonError::into_inner);
        match is_so {
            true => overdue.insert(id),
            false => overdue.remove(&id),
        };
    }

    /// The first payments that are open past their last look, and how many more there are.
    async fn overdue(&self) -> Result<(Vec<PaymentRow>, usize), Failure> {
        let (ids, more) = {
            let overdue = self.overdue.lock().unwrap_or_else(PoisonError::into_inner);
            let ids: Vec<_> = overdue.iter().copied().take(NAMED).collect();
            (ids, overdue.len().saturating_sub(NAMED))
        };
        match ids.is_empty() {
            true => Ok((Vec::new(), 0)),
            false => self.store.walk(move |walk| Ok((walk.these(&ids)?, more))).await,
        }
    }

    pub(in crate::service) fn stands_still(&self, why: Option<String>) {
        *self.stands_still.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    /// Why nothing is followed, if so.
    pub(super) fn trouble(&self) -> Option<String> {
        self.stands_still.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_unread(&self, id: PaymentId, is_so: bool) {
        let mut unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        match is_so {
            true => unread.insert(id),
            false => unread.remove(&id),
        };
    }

    /// The payments that are not followed because they cannot be read.
    pub(super) fn unread(&self) -> Vec<PaymentId> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// What a person should know of the following.
    pub(in crate::service) async fn follow_problems(&self, context: &Context) -> Result<Vec<ProblemItem>, Failure> {
        let mut problems: Vec<ProblemItem> = self.trouble().map(stands_still).into_iter().collect();
        if context.scope.is_everything() {
            problems.extend(
                self.unread().into_iter().take(NAMED).map(|id| ProblemItem { payment: Some(id), ..unread(id) }),
            );
        }
        let (old, more) = self.overdue().await?;
        let is_late = |row: &&PaymentRow| context.sees(row) && is_overdue(row, self.ages.now(row));
        problems.extend(old.iter().filter(is_late).map(overdue));
        if more > 0 && context.scope.is_everything() {
            let detail = format!("{more} more payments are open past their time");
            let remedy = "See them: kaspictl payment list --state waiting";
            problems.push(problem("payment_overdue", detail, remedy));
        }
        Ok(problems)
    }
}

fn stands_still(why: String) -> ProblemItem {
    let detail = format!("payments are not followed: {why}");
    problem(
        "not_following",
        detail,
        "Restart the daemon: systemctl restart kaspid; see why: journalctl -u kaspid -n 50",
    )
}

fn unread(id: PaymentId) -> ProblemItem {
    let detail = format!("payment {id} is stored and cannot be read, so it is not followed");
    let remedy =
        "See what differs from the log: kaspictl log verify; then put a good backup back: kaspictl restore FILE";
    problem("payment_unreadable", detail, remedy)
}

fn overdue(row: &PaymentRow) -> ProblemItem {
    let said = row.kaspi_status.as_deref().unwrap_or("nothing");
    let detail = format!("{} is open past its time, and Kaspi's last word of it is {said}", row.amount);
    let remedy = format!(
        "Look in the Kaspi Pay app whether it was paid, then: kaspictl payment resolve {} --paid yes|no --reason TEXT",
        row.id
    );
    ProblemItem { payment: Some(row.id), ..problem("payment_overdue", detail, remedy) }
}
