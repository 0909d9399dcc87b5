//! What a person should look at, in lists that fit into one answer together. Where there is too much, each organisation has
//! as much room as any other that fills its own: the thousands of one never hide the three of another.

use std::collections::BTreeMap;

use crate::id::OrganizationBin;
use crate::operation::ListCount;

/// Lines in each kind of list, over all organisations: a report fits into one answer.
const LINES: usize = 400;

/// A list of one organisation.
pub(super) struct Listed<T> {
    lines: Vec<T>,
    all: u64,
    not_asked: u64,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self { lines: Vec::new(), all: 0, not_asked: 0 }
    }
}

impl<T> Listed<T> {
    /// The lines, and how many there would be.
    pub(super) fn told(self) -> (Vec<T>, ListCount) {
        let listed = u64::try_from(self.lines.len()).unwrap_or(u64::MAX);
        let unlisted = self.all.saturating_sub(listed);
        (self.lines, ListCount { all: self.all, unlisted, not_asked: self.not_asked })
    }
}

/// What is left of [`LINES`] for one kind of list.
#[derive(Clone, Copy)]
pub(super) struct ListRoom(usize);

impl Default for ListRoom {
    fn default() -> Self {
        Self(LINES)
    }
}

impl ListRoom {
    /// Adds a line of `bin`, and counts it. Without room the longest list gives its last line up for it, where it stays
    /// no shorter than that of `bin` becomes. The first lines of a list are the oldest payments.
    pub(super) fn list<O, T>(
        &mut self,
        all: &mut BTreeMap<OrganizationBin, O>,
        (bin, which): (&OrganizationBin, fn(&mut O) -> &mut Listed<T>),
        (line, is_not_asked): (T, bool),
    ) {
        let Some(mine) = all.get_mut(bin).map(which) else { return };
        mine.all = mine.all.saturating_add(1);
        mine.not_asked = mine.not_asked.saturating_add(u64::from(is_not_asked));
        let length = mine.lines.len();
        match self.0.checked_sub(1) {
            Some(left) => self.0 = left,
            None => {
                let longest = all.values_mut().map(which).max_by_key(|listed| listed.lines.len());
                let Some(longest) = longest.filter(|longest| longest.lines.len() > length + 1) else { return };
                longest.lines.pop();
            }
        }
        if let Some(mine) = all.get_mut(bin).map(which) {
            mine.lines.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

    use super::*;

    const BINS: [&str; 3] = ["891027350515", "210440028324", "990140000007"];

    fn told(takes: impl IntoIterator<Item = usize>) -> Vec<(usize, ListCount)> {
        let bins = BINS.map(|bin| bin.parse::<OrganizationBin>().unwrap());
        let mut all: BTreeMap<_, Listed<()>> = bins.iter().map(|bin| (bin.clone(), Listed::default())).collect();
        let mut room = ListRoom::default();
        for whose in takes {
            room.list(&mut all, (&bins[whose], |listed| listed), ((), false));
        }
        let told = bins.iter().map(|bin| all.remove(bin).unwrap().told());
        told.map(|(lines, count)| (lines.len(), count)).collect()
    }

    /// In whatever order they come: who has little is listed whole, and who has much shares the rest alike.
    #[test]
    fn the_room_is_shared_alike() {
        let (many, few) = ((0..10_000).map(|_| 0), (0..3).map(|_| 1));
        for found in [told(many.clone().chain(few.clone())), told(few.clone().chain(many.clone()))] {
            let [of_many, of_few] = [397, 3];
            assert_eq!((found[0].0, found[1].0, found[2].0), (of_many, of_few, 0));
            assert_eq!((found[0].1.all, found[0].1.unlisted), (10_000, 10_000 - 397));
            assert_eq!((found[1].1.all, found[1].1.unlisted), (3, 0));
        }
        let (mut thirds, all) = (told(many.chain((0..500).map(|_| 2)).chain((0..500).map(|_| 1))), LINES);
        thirds.iter().for_each(|(listed, count)| assert_eq!(*listed as u64 + count.unlisted, count.all));
        assert_eq!(thirds.iter().map(|(listed, _)| listed).sum::<usize>(), all);
        thirds.sort_by_key(|(listed, _)| *listed);
        assert!(thirds[2].0 - thirds[0].0 <= 1, "{:?}", thirds.iter().map(|(listed, _)| listed).collect::<Vec<_>>());
    }
}
