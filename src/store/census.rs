//! What stands now, counted: open payments, refunds in doubt, and which payments need a person. Who watches the daemon
//! asks for these every few seconds, so they are kept from commit to commit and nobody walks for them.
//!
//! They are counted once from the tables, when first asked for, and from then on by what each durable commit changes.
//! After a flush that failed it is not known what the disk has: the file is opened again, and they are counted again.

use std::collections::{BTreeMap, BTreeSet};

use super::payment::PaymentRow;
use crate::domain::State;
use crate::id::{ConfigId, PaymentId, ShopId};

/// Whose payments are counted together: all of them are seen by the same callers.
pub(crate) type Whose = (ConfigId, ShopId);

/// What is counted of open payments: whose, and the words of kind and state.
pub(crate) type OpenOf = (Whose, &'static str, &'static str);

/// The counts of one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) open: BTreeMap<OpenOf, i64>,
    /// Refunds of which nobody knows yet whether money went back.
    pub(crate) refunds_in_doubt: BTreeMap<Whose, i64>,
}

impl Census {
    /// How many payments stand in a state, of those that are `wanted`.
    pub(crate) fn open_in(&self, state: Option<State>, wanted: impl Fn(Whose) -> bool) -> u64 {
        let fits = |(whose, _, found): &OpenOf| state.is_none_or(|state| state.word() == *found) && wanted(*whose);
        let sum: i64 = self.open.iter().filter(|(of, _)| fits(of)).map(|(_, count)| count).sum();
        u64::try_from(sum).unwrap_or(0)
    }

    /// Leaves those that are wanted.
    pub(crate) fn retain(&mut self, wanted: impl Fn(Whose) -> bool) {
        self.open.retain(|(whose, ..), _| wanted(*whose));
        self.refunds_in_doubt.retain(|whose, _| wanted(*whose));
    }

    fn add(&mut self, part: CensusPart, by: i64) {
        if let Some(open) = part.open {
            add(&mut self.open, open, by);
        }
        add(&mut self.refunds_in_doubt, part.whose, by * part.in_doubt);
    }
}

/// What is zero is not there.
fn add<K: Ord + Copy>(counts: &mut BTreeMap<K, i64>, key: K, by: i64) {
    let count = counts.entry(key).or_default();
    *count += by;
    if *count == 0 {
        counts.remove(&key);
    }
}

/// The part that a payment has in the census.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CensusPart {
    whose: Whose,
    open: Option<OpenOf>,
    in_doubt: i64,
    needs_a_person: bool,
}

impl CensusPart {
    fn of(row: &PaymentRow) -> Self {
        let whose = (row.config_id, row.shop_id);
        let in_doubt = row.refunds.iter().filter(|refund| refund.is_pending()).count();
        Self {
            whose,
            open: row.is_open().then_some((whose, row.kind.word(), row.state.word())),
            in_doubt: i64::try_from(in_doubt).unwrap_or(i64::MAX),
            needs_a_person: row.needs_a_person(),
        }
    }
}

/// What an event makes of the census.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    payment: PaymentId,
    before: Option<CensusPart>,
    after: Option<CensusPart>,
}

impl Turn {
    /// What a payment has become, if that is anything else.
    pub(super) fn between(before: Option<&PaymentRow>, after: &PaymentRow) -> Option<Self> {
        let turn = Self { payment: after.id, before: before.map(CensusPart::of), after: Some(CensusPart::of(after)) };
        (turn.before != turn.after).then_some(turn)
    }

    /// The payment of a create that surely moved nothing: it is gone.
    pub(super) fn gone(before: Option<&PaymentRow>, payment: PaymentId) -> Self {
        Self { payment, before: before.map(CensusPart::of), after: None }
    }
}

/// The census as the writer keeps it.
#[derive(Default)]
pub(super) struct Kept {
    /// The last event that is counted; `None` where it is not known what the disk has.
    seq: Option<u64>,
    /// Which count this is.
    round: u64,
    /// The tables were counted; until then what is below came in since a count began.
    is_whole: bool,
    census: Census,
    for_a_person: BTreeSet<PaymentId>,
    /// Those that needed a person when the count began and do not any more.
    no_more: BTreeSet<PaymentId>,
}

/// What a walk along the tables has counted.
#[derive(Default)]
pub(super) struct Recount {
    census: Census,
    for_a_person: BTreeSet<PaymentId>,
}

impl Recount {
    #[cfg(test)]
    pub(super) fn into_parts(self) -> (Census, Vec<PaymentId>) {
        (self.census, self.for_a_person.into_iter().collect())
    }

    /// Takes in a payment that is open or for a person; each once.
    pub(super) fn add(&mut self, row: &PaymentRow) {
        self.census.add(CensusPart::of(row), 1);
        if row.needs_a_person() {
            self.for_a_person.insert(row.id);
        }
    }
}

impl Kept {
    /// The file was opened, and ends with this event.
    pub(super) fn opened(&mut self, seq: Option<u64>) {
        *self = Self { seq, round: self.round + 1, ..Self::default() };
    }

    /// Counts the turns of a transaction that is durable and ends with this event.
    pub(super) fn count<'t>(&mut self, turns: impl Iterator<Item = &'t Turn>, seq: u64) {
        self.seq = self.seq.map(|_| seq);
        for Turn { payment, before, after } in turns {
            for (part, by) in before.iter().map(|part| (part, -1)).chain(after.iter().map(|part| (part, 1))) {
                self.census.add(*part, by);
            }
            let needs = after.is_some_and(|part| part.needs_a_person);
            if needs {
                self.for_a_person.insert(*payment);
                self.no_more.remove(payment);
            } else if !self.for_a_person.remove(payment) && !self.is_whole {
                self.no_more.insert(*payment);
            }
        }
    }

    pub(super) fn whole(&self) -> Option<&Census> {
        self.is_whole.then_some(&self.census)
    }

    /// The first payments that need a person, oldest first, and how many more there are.
    pub(super) fn needy(&self, at_most: usize) -> (Vec<PaymentId>, usize) {
        let first = self.for_a_person.iter().copied().take(at_most).collect();
        (first, self.for_a_person.len().saturating_sub(at_most))
    }

    /// Nobody needs to look at these any more, as they were at this event; false if one was counted behind it, which may
    /// have been of them.
    pub(super) fn are_over(&mut self, payments: &[PaymentId], seq: u64) -> bool {
        let is_last = self.seq == Some(seq);
        if is_last {
            self.for_a_person.retain(|payment| !payments.contains(payment));
        }
        is_last
    }

    /// Begins a count on a view that ends with this event; its number, unless the view and what was counted differ.
    pub(super) fn begin(&mut self, seq: u64) -> Option<u64> {
        if self.is_whole || self.seq != Some(seq) {
            return None;
        }
        self.opened(Some(seq));
        Some(self.round)
    }

    /// Takes in what the tables were when count `round` began; nothing, where another has begun since.
    pub(super) fn end(&mut self, round: u64, counted: Recount) {
        if self.round != round || self.is_whole {
            return;
        }
        let Recount { census, for_a_person } = counted;
        census.open.into_iter().for_each(|(of, count)| add(&mut self.census.open, of, count));
        census.refunds_in_doubt.into_iter().for_each(|(of, count)| add(&mut self.census.refunds_in_doubt, of, count));
        let still = for_a_person.difference(&self.no_more).copied().collect::<Vec<_>>();
        self.for_a_person.extend(still);
        (self.is_whole, self.no_more) = (true, BTreeSet::new());
    }
}
