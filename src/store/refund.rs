//! A refund as stored: one call to the bank, and what is known of it.

use serde::{Deserialize, Serialize};

use crate::domain::{Evidence, LogStatus};
use crate::id::{PaymentId, RequestKey};
use crate::moment::Moment;
use crate::money::Amount;
use crate::operation::Refund;

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum RefundState {
    /// Its call has begun and not ended.
    Running,
    /// Its answer was lost. The balance decides, as soon as a reading can.
    Unsettled,
    /// The balance fell and may have fallen by it, or there is no balance to read: a person ends it.
    Doubted,
    /// The money went back.
    Success(Evidence),
    /// It surely did not happen: the bank refused it, it was never sent, or a person says so (`true`).
    Failed { by_person: bool },
    /// The balance had not fallen by it when its time to settle was over. It may still happen.
    Watched,
}

/// A refund of a payment: one call to the bank. A key that calls again makes another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RefundRow {
    pub(crate) id: PaymentId,
    pub(crate) amount: Amount,
    pub(crate) state: RefundState,
    /// When it was intended.
    pub(crate) at: Moment,
    /// Refunds of one key that ask for the same are attempts at one intention.
    pub(crate) key: Option<RequestKey>,
    /// The amount that its caller named; none for all that was left.
    pub(crate) asked: Option<Amount>,
    /// What the bank said could be paid back before it was sent.
    pub(crate) balance_before: Option<Amount>,
    pub(crate) return_operation_id: Option<String>,
    /// An earlier system's log claims it. The bank's books may know better.
    pub(crate) is_claimed: bool,
}

impl RefundRow {
    /// What callers see.
    pub(super) fn view(&self) -> Refund {
        Refund {
            id: self.id,
            amount_tiyn: self.amount,
            status: self.status(),
            evidence: self.evidence(),
            at: self.at,
            return_operation_id: self.return_operation_id.clone(),
        }
    }

    /// As the log and callers call it.
    pub(crate) fn status(&self) -> LogStatus {
        match self.state {
            RefundState::Running | RefundState::Unsettled | RefundState::Doubted => LogStatus::Pending,
            RefundState::Success(_) => LogStatus::Success,
            RefundState::Failed { .. } | RefundState::Watched => LogStatus::Failed,
        }
    }

    /// How that is known.
    pub(crate) fn evidence(&self) -> Option<Evidence> {
        match self.state {
            RefundState::Success(evidence) => Some(evidence),
            RefundState::Watched => Some(Evidence::Balance),
            RefundState::Failed { by_person: true } => Some(Evidence::Person),
            RefundState::Failed { by_person: false }
            | RefundState::Running
            | RefundState::Unsettled
            | RefundState::Doubted => None,
        }
    }

    /// Whether nobody knows (yet) if it happened.
    pub(crate) fn is_pending(&self) -> bool {
        self.status() == LogStatus::Pending
    }

    /// Whether it is known to have happened by somebody's word, and no balance has told.
    pub(super) fn is_known_by_word(&self) -> bool {
        let by_word = [Evidence::Answer, Evidence::Person].map(RefundState::Success);
        by_word.contains(&self.state) && !self.is_claim()
    }

    /// Whether an earlier system says that it happened, and nothing has contradicted.
    pub(super) fn is_claim(&self) -> bool {
        self.is_claimed && self.state == RefundState::Success(Evidence::Answer)
    }

    /// Whether it may have happened, or may happen still.
    pub(super) fn is_uncertain(&self) -> bool {
        self.is_pending() || self.state == RefundState::Watched
    }

    /// Whether a balance may show it: it has fallen by so much since it was sent.
    pub(super) fn may_be_in(&self, balance: Amount) -> bool {
        self.balance_before.is_none_or(|before| before.minus(balance).unwrap_or_default() >= self.amount)
    }

    /// Whether a person's word may end or correct it: what nobody knows, what the balance has not shown, and what only a
    /// person or a balance has said before.
    pub(super) fn is_for_a_person(&self) -> bool {
        match self.state {
            RefundState::Unsettled | RefundState::Doubted | RefundState::Watched => true,
            RefundState::Success(evidence) => evidence != Evidence::Answer,
            RefundState::Failed { by_person } => by_person,
            RefundState::Running => false,
        }
    }
}
