//! Flushes that fail (data-file §9): refused before, owed after, never tried again on the same handle, and
//! well again by itself.

use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::day::{Step, create, created, outcome, payment, write};
use super::disk::Disk;
use crate::domain::State;
use crate::failure::Code;
use crate::id::{PaymentId, PaymentRef};
use crate::store::check_chain;
use crate::store::{Chain, Change, PaymentRow, Store, Writing};

fn stands(store: &Store, row: &PaymentRow) -> Option<State> {
    let found = store.read(|reading| Ok(reading.payment(&PaymentRef::Id(row.id))?)).unwrap();
    found.map(|found| found.state)
}

fn events(store: &Store) -> u64 {
    let mut chain = Chain::new(None);
    while !store.walk_here(|walk| Ok(check_chain(walk, &mut chain)?)).unwrap() {}
    assert!(chain.verdict(None).ok);
    chain.verdict(None).events
}

async fn begin(store: &Store, row: &PaymentRow) -> Result<u64, crate::failure::Failure> {
    write(store, &Step::Write(create(row)), &[]).await
}

fn end(intent: u64, number: u64) -> impl FnMut(&mut Writing<'_>) -> Result<(), crate::store::Refused> + Send {
    move |writing| {
        if writing.begun(intent)?.is_some() {
            writing.append(None, Change::Ended { intent, outcome: outcome(created(number)) })?;
        }
        Ok(())
    }
}

/// Which payments durable commits have changed from now on.
fn told(store: &Store) -> UnboundedReceiver<PaymentId> {
    let (sender, receiver) = unbounded_channel();
    store.on_commit(move |payments| payments.iter().for_each(|id| sender.send(*id).unwrap()));
    receiver
}

async fn soon(told: &mut UnboundedReceiver<PaymentId>) -> PaymentId {
    tokio::time::timeout(Duration::from_secs(30), told.recv()).await.unwrap().unwrap()
}

/// Whom a commit has changed is told once it is durable and not before: of one that failed, when the next one has shown
/// that the disk kept it.
#[tokio::test]
async fn changes_are_told_when_they_are_durable() {
    for keeps_failed in [false, true] {
        let disk = Disk::furnished();
        let store = disk.store().unwrap();
        let mut told = told(&store);
        let (first, second) = (payment(1), payment(2));
        disk.fail(1, keeps_failed);
        let adopted = Change::Adopted { payment: Box::new(first.clone()), x_request_id: String::new() };
        assert!(write(&store, &Step::Write(adopted), &[]).await.is_err());
        assert!(told.try_recv().is_err(), "told of a commit that failed");
        begin(&store, &second).await.unwrap();
        let mut next = vec![soon(&mut told).await];
        if keeps_failed {
            next.push(soon(&mut told).await);
        }
        assert_eq!((next.contains(&first.id), next.contains(&second.id)), (keeps_failed, true));
    }
}

/// An intent that could not be stored: refused, and nothing of it stands, whether or not the disk kept it.
#[tokio::test]
async fn a_refused_intent_is_not_left_open() {
    for keeps_failed in [false, true] {
        let disk = Disk::furnished();
        let store = disk.store().unwrap();
        let (refused, next) = (payment(1), payment(2));
        disk.fail(1, keeps_failed);
        assert_eq!(begin(&store, &refused).await.unwrap_err().code, Code::StorageFailed);
        begin(&store, &next).await.unwrap();
        assert_eq!(stands(&store, &refused), None, "kept: {keeps_failed}");
        assert_eq!(stands(&store, &next), Some(State::Creating));
        // Its intent and its end stand in the log where the disk has kept it.
        assert_eq!(events(&store), if keeps_failed { 3 } else { 1 });
        assert!(begin(&store, &refused).await.is_ok(), "its key is free");
    }
}

/// An outcome that could not be stored is told as such, and written by itself when the disk is well again.
#[tokio::test]
async fn an_outcome_is_owed_until_it_is_durable() {
    for keeps_failed in [false, true] {
        let disk = Disk::furnished();
        let store = disk.store().unwrap();
        let (sold, other) = (payment(1), payment(2));
        let intent = begin(&store, &sold).await.unwrap();
        let mut told = told(&store);
        disk.fail(2, keeps_failed);
        let kept = store.keep(end(intent, 12_737_000_001)).await;
        assert_eq!(kept.unwrap_err().code, Code::StorageFailed);
        // No new call while nothing can be stored.
        assert_eq!(begin(&store, &other).await.unwrap_err().code, Code::StorageFailed);
        assert!(told.try_recv().is_err());
        // Nobody asks for anything any more.
        while soon(&mut told).await != sold.id {}
        assert_eq!((stands(&store, &sold), stands(&store, &other)), (Some(State::Waiting), None));
        begin(&store, &other).await.unwrap();
        store.close();
        assert_eq!(stands(&disk.store().unwrap(), &sold), Some(State::Waiting), "kept: {keeps_failed}");
    }
}

/// The writer says that it is alive while the disk is not.
#[tokio::test]
async fn a_failing_disk_does_not_look_like_a_dead_writer() {
    let disk = Disk::furnished();
    let store = disk.store().unwrap();
    disk.fail(u64::MAX, false);
    assert!(begin(&store, &payment(1)).await.is_err());
    assert!(store.answers().await);
    store.close();
    assert!(!store.answers().await);
}
