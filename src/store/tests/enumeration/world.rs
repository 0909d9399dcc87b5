//! What there is to know of one payment: our row of it and, apart from that, the bank's books.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use crate::domain::State;
use crate::id::{PaymentId, RequestKey};
use crate::moment::Moment;
use crate::money::Amount;
use crate::store::tests::day::payment;
use crate::store::{PaymentRow, RefundRow, RefundState};

/// What histories are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// Of the payment.
    pub(super) amount: u64,
    /// What refunds ask for; 0 for all that is left.
    pub(super) wants: &'static [u64],
    /// Calls of ours at most.
    pub(super) refunds: usize,
    /// What may go back without us.
    pub(super) falls: &'static [u64],
    /// How often at most.
    pub(super) most_falls: usize,
    /// What an earlier system says it paid back, and what the bank's books have of it.
    pub(super) claims: &'static [(u64, Effect)],
    /// What had gone back elsewhere when the payment was adopted.
    pub(super) adopted: u64,
    /// How often at most a person is mistaken.
    pub(super) mistakes: usize,
    /// Refunds without a key are allowed.
    pub(super) is_keyless: bool,
}

/// What the bank's books have of a movement of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Effect {
    None,
    /// It happened, and the balance does not show it yet.
    Hidden,
    /// What the balance has shown once it shows from then on.
    Shown,
}

/// A refund as the bank has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fate {
    pub(super) effect: Effect,
    /// It may happen yet.
    pub(super) may_come: bool,
    /// A person said that it did not happen when it had, or before it could not any more: its key was free.
    pub(super) was_denied: bool,
}

#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) payment: Rc<PaymentRow>,
    /// Of each refund of the payment.
    pub(super) fates: Vec<Fate>,
    /// What went back without us.
    pub(super) falls: Vec<(Amount, Effect)>,
    /// What each key stands for, as its caller wrote it; none if it is free.
    pub(super) keys: Vec<Option<u64>>,
    /// How often a person was mistaken.
    pub(super) mistakes: usize,
}

pub(super) fn tiyn(amount: u64) -> Amount {
    Amount::from_tiyn(amount).unwrap()
}

pub(super) fn key_name(key: usize) -> RequestKey {
    format!("k{key}").parse().unwrap()
}

pub(super) fn no_time() -> Moment {
    Moment::from_millis(0)
}

/// Of the refund at this place.
pub(super) fn id_of(refund: usize) -> PaymentId {
    PaymentId::from_bytes(u128::try_from(refund).unwrap().to_be_bytes())
}

impl World {
    pub(super) fn start(scenario: &Scenario) -> Self {
        let mut paid = PaymentRow { amount: tiyn(scenario.amount), state: State::Paid, ..payment(0) };
        paid.refunded_elsewhere = tiyn(scenario.adopted);
        // What the account does not ask for makes copies slow.
        (paid.phone, paid.invoice, paid.trade_point_name) = (None, None, None);
        for (place, (amount, _)) in scenario.claims.iter().enumerate() {
            paid.refunded_earlier(tiyn(*amount), no_time());
            paid.refunds[place].id = id_of(place);
        }
        let fates = scenario
            .claims
            .iter()
            .map(|(_, effect)| Fate { effect: *effect, may_come: false, was_denied: false })
            .collect();
        let adopted = Some((tiyn(scenario.adopted), Effect::Shown));
        let falls = adopted.into_iter().filter(|(amount, _)| !amount.is_zero()).collect();
        Self { payment: Rc::new(paid), fates, falls, keys: Vec::new(), mistakes: 0 }
    }

    pub(super) fn refunds(&self) -> impl Iterator<Item = (usize, &RefundRow, Fate)> {
        self.payment.refunds.iter().zip(&self.fates).enumerate().map(|(place, (row, fate))| (place, row, *fate))
    }

    fn effects(&self) -> impl Iterator<Item = (Amount, Effect)> {
        self.refunds().map(|(_, row, fate)| (row.amount, fate.effect)).chain(self.falls.iter().copied())
    }

    /// What is gone by the bank's books.
    pub(super) fn gone(&self) -> u64 {
        self.effects().filter(|(_, effect)| *effect != Effect::None).map(|(amount, _)| amount.tiyn()).sum()
    }

    /// What is gone as far as the balance shows.
    pub(super) fn shown(&self) -> u64 {
        self.effects().filter(|(_, effect)| *effect == Effect::Shown).map(|(amount, _)| amount.tiyn()).sum()
    }

    pub(super) fn balance(&self) -> Amount {
        tiyn(self.payment.amount.tiyn() - self.shown())
    }

    /// Whether the balance shows all that happened.
    pub(super) fn is_complete(&self) -> bool {
        self.gone() == self.shown()
    }

    /// Whether the bank has the money for it. It refuses what it has not.
    pub(super) fn has(&self, amount: Amount) -> bool {
        self.gone() + amount.tiyn() <= self.payment.amount.tiyn()
    }

    pub(super) fn running(&self) -> Option<usize> {
        self.payment.refunds.iter().position(|row| row.state == RefundState::Running)
    }

    pub(super) fn state(&self, refund: PaymentId) -> Option<RefundState> {
        self.payment.refund(refund).map(|row| row.state)
    }

    pub(super) fn is_pending(&self) -> bool {
        self.payment.has_refund_in_doubt()
    }

    /// What we say is gone: refunds that happened, and what went back elsewhere.
    pub(super) fn known(&self) -> u64 {
        let ours: u64 = self.payment.refunds.iter().filter(|row| is_success(row)).map(|row| row.amount.tiyn()).sum();
        ours + self.payment.refunded_elsewhere.tiyn()
    }

    /// Whether what an earlier system claims is judged: by the reading on which the first refund of ours was sent.
    pub(super) fn is_judged(&self) -> bool {
        self.payment.refunds.iter().any(|row| !row.is_claimed)
    }

    /// Two worlds of one code are the same to every rule and promise.
    pub(super) fn code(&self) -> u128 {
        let mut falls = self.falls.clone();
        falls.sort_unstable();
        let half = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            salt.hash(&mut hasher);
            for (_, row, fate) in self.refunds() {
                (row.amount, row.asked, row.state, &row.key, row.balance_before, row.is_claimed, fate)
                    .hash(&mut hasher);
            }
            (&falls, &self.keys, self.mistakes, self.payment.refunded_elsewhere).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        half(0) << 64 | half(1)
    }
}

pub(super) fn is_success(row: &RefundRow) -> bool {
    matches!(row.state, RefundState::Success(_))
}
