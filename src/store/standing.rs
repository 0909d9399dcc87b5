//! What stands now, for who watches: kept by the writer, counted from the tables once.

use super::census::{Census, Recount};
use super::events::last_event;
use super::payment::PaymentRow;
use super::{Store, StoreError, Walker};
use crate::failure::Failure;
#[cfg(test)]
use crate::{domain::State, id::PaymentId};

/// Looks for a view that ends where the count does. Between a flush and its count is an instant.
const TRIES: usize = 10_000;

/// What stands now.
///
/// # Errors
/// `storage_failed`.
pub(crate) async fn what_stands(store: &Store) -> Result<Census, Failure> {
    let kept = || store.meters().census().whole().cloned();
    if let Some(census) = kept() {
        return Ok(census);
    }
    let _one = store.shared.counting.lock().await;
    for _ in 0..TRIES {
        if let Some(census) = kept() {
            return Ok(census);
        }
        store.aside(count_up).await?;
    }
    Err(Failure::from(&StoreError::Closed))
}

/// The first payments that need a person, oldest first, at most so many, and how many more there are. Those of which
/// `is_over` says that nobody needs to look at them any more are left out, now and later.
///
/// # Errors
/// `storage_failed`.
pub(crate) async fn for_a_person(
    store: &Store,
    at_most: usize,
    is_over: fn(&PaymentRow) -> bool,
) -> Result<(Vec<PaymentRow>, usize), Failure> {
    drop(what_stands(store).await?);
    loop {
        let (ids, more) = store.meters().census().needy(at_most);
        if ids.is_empty() {
            return Ok((Vec::new(), 0));
        }
        let (rows, seq) = store.walk(move |walk| Ok((walk.these(&ids)?, last_event(walk)?))).await?;
        let (over, rows): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_over);
        let over: Vec<_> = over.into_iter().map(|row| row.id).collect();
        let is_told = store.meters().census().are_over(&over, seq);
        if !is_told || over.is_empty() || more == 0 {
            return Ok((rows, more));
        }
    }
}

/// What can be told at once while nothing is counted yet.
pub(crate) struct Glance {
    /// Open payments.
    pub(crate) open: u64,
    /// All that need a person.
    pub(crate) for_a_person: Vec<PaymentRow>,
}

/// Right after a start: what stands in few rows, without the count. None where it is counted, or not in so few.
///
/// # Errors
/// `storage_failed`.
pub(crate) async fn at_a_glance(store: &Store, at_most: usize) -> Result<Option<Glance>, Failure> {
    if store.meters().census().whole().is_some() {
        return Ok(None);
    }
    store.walk(move |walk| Ok(walk.glance(at_most)?)).await.map(|found| {
        found.map(|(open, rows)| {
            let for_a_person = rows.into_iter().filter(PaymentRow::needs_a_person).collect();
            Glance { open, for_a_person }
        })
    })
}

#[cfg(test)]
/// What is kept of what stands, and what the tables say; without those that were given up, which are left out of
/// what is kept when they have been for a day.
pub(crate) async fn counted_both_ways(store: &Store) -> [(Census, Vec<PaymentId>); 2] {
    let census = what_stands(store).await.unwrap();
    let kept = (census, store.meters().census().needy(usize::MAX).0);
    let mut counted = Recount::default();
    store.walk_here(|walk| Ok(walk.standing(&|| Ok(()), |row| counted.add(row))?)).unwrap();
    [kept, counted.into_parts()].map(|(census, ids)| {
        let mut rows = store.walk_here(|walk| Ok(walk.these(&ids)?)).unwrap();
        rows.retain(|row| row.state != State::Abandoned);
        (census, rows.iter().map(|row| row.id).collect())
    })
}

/// Counts what stands, from one view.
fn count_up(walker: &Walker) -> Result<(), Failure> {
    walker.read(|walk| {
        let seq = last_event(walk)?;
        let meters = walker.store.meters();
        // A commit came between: the next view.
        let Some(round) = meters.census().begin(seq) else { return Ok(()) };
        let mut counted = Recount::default();
        walk.standing(&|| walker.store.may_read_on(), |row| counted.add(row))?;
        meters.census().end(round, counted);
        Ok(())
    })
}
