//! Where payments are listed by their organisation: the open ones, and the final ones by state. Several lists are gone
//! along as one, in the order of their ids.

use super::StoreError;
use super::reading::Reading;

/// Numbers of payments in one order.
pub(super) type Numbers = Box<dyn Iterator<Item = Result<u128, StoreError>>>;

/// In which order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    Newest,
    Oldest,
}

/// Open payments of one organisation, or of all, from `end` back in time.
pub(super) fn open_until(reading: &Reading, bin: Option<&str>, end: u128) -> Result<Vec<Numbers>, StoreError> {
    let mut lists: Vec<Numbers> = Vec::new();
    for bin in those(reading, bin)? {
        let range = reading.tables.payment_open()?.range_owned((bin.as_str(), 0)..=(bin.as_str(), end))?;
        lists.push(Box::new(range.rev().map(|entry| Ok(entry?.0.value().1))));
    }
    Ok(lists)
}

/// All open payments, oldest first.
pub(super) fn oldest_open(reading: &Reading) -> Result<Numbers, StoreError> {
    let mut lists: Vec<Numbers> = Vec::new();
    for bin in bins(reading)? {
        let range = reading.tables.payment_open()?.range_owned((bin.as_str(), 0)..=(bin.as_str(), u128::MAX))?;
        lists.push(Box::new(range.map(|entry| Ok(entry?.0.value().1))));
    }
    merged(lists, From::Oldest)
}

/// Payments of one organisation, or of all, that are final in these states, from `end` back in time.
pub(super) fn final_until(
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

/// Every organisation that has a payment: one look-up each, from the last entry of one to the first of the next.
fn bins(reading: &Reading) -> Result<Vec<String>, StoreError> {
    let (open, final_ones) = (reading.tables.payment_open()?, reading.tables.payment_state()?);
    let mut bins: Vec<String> = Vec::new();
    loop {
        let last = bins.last().map_or("", |bin| bin.as_str());
        let behind = if last.is_empty() { 0 } else { u128::MAX };
        let of_open = open.range((last, behind)..)?.next().transpose()?.map(|(key, _)| key.value().0.to_owned());
        let state = if last.is_empty() { 0 } else { u8::MAX };
        let of_final = final_ones.range((last, state, behind)..)?.next().transpose()?;
        let of_final = of_final.map(|(key, _)| key.value().0.to_owned());
        let Some(next) = of_open.into_iter().chain(of_final).min() else { return Ok(bins) };
        bins.push(next);
    }
}

/// Lists that are each in this order, as one.
pub(super) fn merged(lists: Vec<Numbers>, from: From) -> Result<Numbers, StoreError> {
    let mut heads: Vec<(Option<u128>, Numbers)> = Vec::with_capacity(lists.len());
    for mut list in lists {
        heads.push((list.next().transpose()?, list));
    }
    // What is first comes out greatest, and a list that has ended least.
    let rank = move |head: Option<u128>| head.map(|id| if from == From::Newest { id } else { !id });
    Ok(Box::new(std::iter::from_fn(move || {
        let (head, list) = heads.iter_mut().max_by_key(|(head, _)| rank(*head))?;
        let first = (*head)?;
        match list.next().transpose() {
            Ok(next) => *head = next,
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(first))
    })))
}
