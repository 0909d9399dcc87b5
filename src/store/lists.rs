//! Where payments are listed by their organisation: the open ones, and the final ones by state. Several lists are gone
//! along as one, in the order of their ids.

use super::StoreError;
use super::reading::Reading;

/// Numbers of payments in one order.
pub(super) type Numbers = Box<dyn Iterator<Item = Result<u128, StoreError>>>;

/// At which end a list is begun.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ListEnd {
    Newest,
    Oldest,
}

/// All open payments, oldest first.
pub(super) fn oldest_open(reading: &Reading) -> Result<Numbers, StoreError> {
    merged(open(reading, None, (u128::MAX, ListEnd::Oldest))?, ListEnd::Oldest)
}

/// Open payments of one organisation, or of all, with ids up to `end`.
pub(super) fn open(
    reading: &Reading,
    bin: Option<&str>,
    (end, first): (u128, ListEnd),
) -> Result<Vec<Numbers>, StoreError> {
    let mut lists: Vec<Numbers> = Vec::new();
    for bin in those(reading, bin)? {
        let range = reading.tables.payment_open()?.range_owned((bin.as_str(), 0)..=(bin.as_str(), end))?;
        let range = range.map(|entry| Ok(entry?.0.value().1));
        lists.push(if first == ListEnd::Newest { Box::new(range.rev()) } else { Box::new(range) });
    }
    Ok(lists)
}

/// Payments of one organisation, or of all, that are final in these states, with ids up to `end`; newest first.
pub(super) fn closed(
    reading: &Reading,
    bin: Option<&str>,
    states: &[u8],
    end: u128,
) -> Result<Vec<Numbers>, StoreError> {
    let mut lists: Vec<Numbers> = Vec::new();
    for bin in those(reading, bin)? {
        for &state in states {
            let bin = bin.as_str();
            let range = reading.tables.payment_state()?.range_owned((bin, state, 0)..=(bin, state, end))?;
            lists.push(Box::new(range.rev().map(|entry| Ok(entry?.0.value().2))));
        }
    }
    Ok(lists)
}

fn those(reading: &Reading, bin: Option<&str>) -> Result<Vec<String>, StoreError> {
    bin.map_or_else(|| bins(reading), |bin| Ok(vec![bin.to_owned()]))
}

/// Every organisation that has a payment: two look-ups each, from behind the last entry of one to the first of the next.
fn bins(reading: &Reading) -> Result<Vec<String>, StoreError> {
    let (open, closed) = (reading.tables.payment_open()?, reading.tables.payment_state()?);
    let mut bins: Vec<String> = Vec::new();
    loop {
        // No BIN is empty: behind all entries of none is before those of the first.
        let last = bins.last().map_or("", String::as_str);
        let next_open = open.range((last, u128::MAX)..)?.next().transpose()?.map(|(key, _)| key.value().0.to_owned());
        let next_closed = closed.range((last, u8::MAX, u128::MAX)..)?.next().transpose()?;
        let next_closed = next_closed.map(|(key, _)| key.value().0.to_owned());
        let Some(next) = next_open.into_iter().chain(next_closed).min() else { return Ok(bins) };
        bins.push(next);
    }
}

/// Lists that each begin with the same end, as one.
pub(super) fn merged(lists: Vec<Numbers>, first: ListEnd) -> Result<Numbers, StoreError> {
    let mut heads: Vec<(Option<u128>, Numbers)> = Vec::with_capacity(lists.len());
    for mut list in lists {
        heads.push((list.next().transpose()?, list));
    }
    // What is first comes out greatest, and a list that has ended least.
    let rank = move |head: Option<u128>| head.map(|id| if first == ListEnd::Newest { id } else { !id });
    Ok(Box::new(std::iter::from_fn(move || {
        let (head, list) = heads.iter_mut().max_by_key(|(head, _)| rank(*head))?;
        let next = (*head)?;
        match list.next().transpose() {
            Ok(behind) => *head = behind,
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(next))
    })))
}
