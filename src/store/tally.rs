//! What became of payments and refunds while this process runs, by config: counted from what became durable, so
//! that a number never says more than the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::census::{Kept, Turn};
use super::payment::PaymentRow;
use crate::domain::{Kind, LogStatus, State};
use crate::id::ConfigId;
use crate::metrics::{Counter, Histogram};

/// Bounds of a commit's time in seconds: a flush takes 50 microseconds on a good disk and a second on a bad day.
const COMMIT_BOUNDS: &[f64] = &[0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// The numbers of the store.
pub(crate) struct StoreMeters {
    /// Commits with their flush. Those that failed are not among them.
    pub(crate) commits: Histogram,
    /// Commits that did not become durable.
    pub(crate) failures: Counter,
    /// Held for a few instructions by the writer after each commit, and by who reads.
    tally: Mutex<Counters>,
    /// What stands now; held in the same way.
    census: Mutex<Kept>,
}

/// How often each transition was made. A (config, kind) that nothing has happened to is not in it.
#[derive(Clone, Default)]
pub(crate) struct Counters {
    /// By config and kind, in the order of [`PaymentTransition::ALL`].
    pub(crate) payments: BTreeMap<(ConfigId, &'static str), [u64; PaymentTransition::ALL.len()]>,
    /// By config, in the order of [`RefundTransition::ALL`].
    pub(crate) refunds: BTreeMap<ConfigId, [u64; RefundTransition::ALL.len()]>,
}

macro_rules! transitions {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As a label.
            pub(crate) fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

transitions! {
    /// What happened to a payment.
    PaymentTransition {
        /// Its create was intended.
        Begun = "begun",
        /// It stands at Kaspi.
        Accepted = "accepted",
        /// The create surely moved nothing: refused, or never sent.
        Refused = "refused",
        /// The answer to the create was lost.
        Unknown = "unknown",
        /// It was paid.
        Paid = "paid",
        /// It was paid after it had been called over.
        PaidLate = "paid_late",
        /// The customer or the bank declined.
        Declined = "declined",
        /// It was cancelled.
        Cancelled = "cancelled",
        /// Its time ran out.
        Expired = "expired",
        /// A person gave it up.
        Abandoned = "abandoned",
        /// It was made before kaspid: adopted or imported.
        TakenIn = "taken_in",
    }
}

transitions! {
    /// What happened to a refund.
    RefundTransition {
        /// It was intended.
        Begun = "begun",
        /// The money went back.
        Success = "success",
        /// It did not.
        Failed = "failed",
    }
}

/// What one event made of a payment or of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transition {
    Payment(ConfigId, Kind, PaymentTransition),
    Refund(ConfigId, RefundTransition),
    /// What stands is another than before.
    Standing(Turn),
    /// A create moved nothing, and its payment is gone.
    Refused(ConfigId, Kind, Turn),
}

impl Transition {
    /// What a row shows that its predecessor did not: a state, and every refund that is new or stands otherwise.
    pub(super) fn between(before: Option<&PaymentRow>, after: &PaymentRow) -> Vec<Self> {
        let of_payment = |made| Self::Payment(after.config_id, after.kind, made);
        let made = match before {
            None if after.state == State::Creating => Some(PaymentTransition::Begun),
            None => Some(PaymentTransition::TakenIn),
            Some(before) if before.state != after.state => of_state(after),
            Some(_) => None,
        };
        let refunds = before.into_iter().flat_map(|before| refund_turns(before, after));
        let refunds = refunds.map(|made| Self::Refund(after.config_id, made));
        let stands = Turn::between(before, after).map(Self::Standing);
        made.map(of_payment).into_iter().chain(refunds).chain(stands).collect()
    }

    /// The payment of a create that surely moved nothing.
    pub(super) fn refused(before: Option<&PaymentRow>, row: &PaymentRow) -> Self {
        Self::Refused(row.config_id, row.kind, Turn::gone(before, row.id))
    }

    fn turn(&self) -> Option<&Turn> {
        match self {
            Self::Standing(turn) | Self::Refused(.., turn) => Some(turn),
            Self::Payment(..) | Self::Refund(..) => None,
        }
    }
}

fn of_state(row: &PaymentRow) -> Option<PaymentTransition> {
    Some(match row.state {
        State::Creating => return None,
        State::Waiting => PaymentTransition::Accepted,
        State::Unknown => PaymentTransition::Unknown,
        State::Paid if row.late => PaymentTransition::PaidLate,
        State::Paid => PaymentTransition::Paid,
        State::Declined => PaymentTransition::Declined,
        State::Cancelled => PaymentTransition::Cancelled,
        State::Expired => PaymentTransition::Expired,
        State::Abandoned => PaymentTransition::Abandoned,
    })
}

fn refund_turns<'r>(before: &'r PaymentRow, after: &'r PaymentRow) -> impl Iterator<Item = RefundTransition> + 'r {
    after.refunds.iter().filter_map(|refund| match (before.refund(refund.id), refund.status()) {
        (None, LogStatus::Pending) => Some(RefundTransition::Begun),
        (Some(before), status) if before.status() == status => None,
        (_, LogStatus::Success) => Some(RefundTransition::Success),
        (_, LogStatus::Failed) => Some(RefundTransition::Failed),
        (Some(_), LogStatus::Pending) => None,
    })
}

impl StoreMeters {
    pub(super) fn new() -> Self {
        Self {
            commits: Histogram::new(COMMIT_BOUNDS),
            failures: Counter::default(),
            tally: Mutex::default(),
            census: Mutex::default(),
        }
    }

    /// Counts the transitions of a transaction that is durable and ends with this event.
    pub(super) fn count(&self, transitions: &[Transition], seq: u64) {
        self.census().count(transitions.iter().filter_map(Transition::turn), seq);
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        for transition in transitions {
            let of_payment = |config, kind: Kind| (config, kind.word());
            let (counts, place) = match *transition {
                Transition::Payment(config, kind, made) => {
                    (tally.payments.entry(of_payment(config, kind)).or_default().as_mut_slice(), made as usize)
                }
                Transition::Refused(config, kind, _) => (
                    tally.payments.entry(of_payment(config, kind)).or_default().as_mut_slice(),
                    PaymentTransition::Refused as usize,
                ),
                Transition::Refund(config, made) => {
                    (tally.refunds.entry(config).or_default().as_mut_slice(), made as usize)
                }
                Transition::Standing(_) => continue,
            };
            if let Some(count) = counts.get_mut(place) {
                *count += 1;
            }
        }
    }

    /// What stands now.
    pub(super) fn census(&self) -> MutexGuard<'_, Kept> {
        self.census.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counts so far.
    pub(crate) fn tally(&self) -> Counters {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
