//! What is kept of very many payments: a map in little more than its entries. Ids come nearly in order, so runs of them
//! stand one behind the other and are full; a hash table or a tree of single entries takes up to twice as much.

use std::collections::BTreeMap;

use crate::id::PaymentId;

/// Entries of a run, at most.
const RUN: usize = 64;

/// A run that has become shorter than this goes into the one before it, where there is room.
const SHORT: usize = RUN / 4;

/// The runs, each under an id that is not above any of its own, and above all of the run before.
#[derive(Debug)]
pub(super) struct Crowd<T>(BTreeMap<PaymentId, Vec<(PaymentId, T)>>);

impl<T> Default for Crowd<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> Crowd<T> {
    pub(super) fn get(&self, id: PaymentId) -> Option<&T> {
        let (_, run) = self.0.range(..=id).next_back()?;
        let place = place(run, id).ok()?;
        run.get(place).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, id: PaymentId) -> Option<&mut T> {
        let (_, run) = self.0.range_mut(..=id).next_back()?;
        let place = place(run, id).ok()?;
        run.get_mut(place).map(|(_, value)| value)
    }

    /// Puts one in, or in the place of that which is there.
    pub(super) fn insert(&mut self, id: PaymentId, value: T) {
        let Some((_, run)) = self.0.range_mut(..=id).next_back() else {
            return self.insert_first(id, value);
        };
        match place(run, id) {
            Ok(at) => {
                if let Some(entry) = run.get_mut(at) {
                    entry.1 = value;
                }
            }
            Err(at) if run.len() < RUN => run.insert(at, (id, value)),
            // In order: the next run begins.
            Err(RUN) => self.begin(id, vec![(id, value)]),
            Err(at) => {
                let mut rest = run.split_off(RUN / 2);
                match at.checked_sub(RUN / 2) {
                    Some(at) if at > 0 => rest.insert(at, (id, value)),
                    _ => run.insert(at, (id, value)),
                }
                if let Some((first, _)) = rest.first() {
                    self.begin(*first, rest);
                }
            }
        }
    }

    pub(super) fn remove(&mut self, id: PaymentId) -> Option<T> {
        let (key, run) = self.0.range_mut(..=id).next_back()?;
        let (_, value) = run.remove(place(run, id).ok()?);
        if run.len() < SHORT {
            let key = *key;
            self.close_up(key);
        }
        Some(value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PaymentId, &T)> {
        self.0.values().flatten().map(|(id, value)| (*id, value))
    }

    /// Puts one in before all others, as they come where the newest is read first.
    fn insert_first(&mut self, id: PaymentId, value: T) {
        match self.0.first_entry() {
            Some(first) if first.get().len() < RUN => {
                let mut run = first.remove();
                run.insert(0, (id, value));
                self.0.insert(id, run);
            }
            _ => self.begin(id, vec![(id, value)]),
        }
    }

    fn begin(&mut self, key: PaymentId, mut run: Vec<(PaymentId, T)>) {
        run.reserve_exact(RUN - run.len());
        self.0.insert(key, run);
    }

    fn close_up(&mut self, key: PaymentId) {
        let Some(mut short) = self.0.remove(&key) else { return };
        match self.0.range_mut(..key).next_back() {
            _ if short.is_empty() => {}
            Some((_, before)) if before.len() + short.len() <= RUN => before.append(&mut short),
            _ => drop(self.0.insert(key, short)),
        }
    }
}

fn place<T>(run: &[(PaymentId, T)], id: PaymentId) -> Result<usize, usize> {
    run.binary_search_by_key(&id, |(id, _)| *id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Crowd, RUN};
    use crate::id::PaymentId;

    fn id(number: u128) -> PaymentId {
        PaymentId::from_bytes(number.to_be_bytes())
    }

    proptest! {
        /// It holds what a map holds, whatever comes and goes in whatever order.
        #[test]
        fn a_crowd_is_a_map(steps in proptest::collection::vec((any::<bool>(), 0..400_u128, any::<u8>()), 0..2000)) {
            let (mut crowd, mut map) = (Crowd::default(), BTreeMap::new());
            for (comes, number, value) in steps {
                if comes {
                    crowd.insert(id(number), value);
                    map.insert(id(number), value);
                } else {
                    prop_assert_eq!(crowd.remove(id(number)), map.remove(&id(number)));
                }
                prop_assert_eq!(crowd.get(id(number)), map.get(&id(number)));
            }
            let all: Vec<_> = crowd.iter().map(|(id, value)| (id, *value)).collect();
            prop_assert_eq!(all, map.into_iter().collect::<Vec<_>>());
        }
    }

    /// Ids in order fill their runs, and runs that have become short close up.
    #[test]
    fn a_crowd_is_packed() {
        let mut crowd = Crowd::default();
        (0..6400).for_each(|number| crowd.insert(id(number), ()));
        assert_eq!(crowd.0.len(), 6400 / RUN);
        (0..6400).filter(|number| number % 16 != 0).for_each(|number| assert!(crowd.remove(id(number)).is_some()));
        assert!(crowd.iter().count() == 400 && crowd.0.len() <= 4 * 400 / RUN, "{}", crowd.0.len());
    }

    /// So they are where the newest comes first, and little worse where they come in any order.
    #[test]
    fn a_crowd_is_packed_in_whatever_order_they_come() {
        let (mut newest_first, mut mixed) = (Crowd::default(), Crowd::default());
        (0..6400).rev().for_each(|number| newest_first.insert(id(number), ()));
        assert_eq!(newest_first.0.len(), 6400 / RUN);
        (0..6400).for_each(|number| mixed.insert(id(number * 3701 % 6400), ()));
        assert!(mixed.iter().count() == 6400 && mixed.0.len() <= 3 * 6400 / RUN, "{}", mixed.0.len());
    }
}
