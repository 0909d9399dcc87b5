//! Kaspi's number is one payment, whoever forgets to look before it writes one.

use super::day::{Step, create, created, outcome, payment, write};
use super::disk::Disk;
use crate::domain::State;
use crate::failure::Code;
use crate::id::{PaymentRef, QrPaymentId};
use crate::store::{Change, PaymentRow, Store};

fn state(store: &Store, row: &PaymentRow) -> Option<State> {
    store.read(|reading| Ok(reading.payment(&PaymentRef::Id(row.id))?)).unwrap().map(|found| found.state)
}

/// A second payment with a known number is not written, and the first keeps it.
#[tokio::test]
async fn a_number_is_not_given_to_a_second_payment() {
    let store = Disk::furnished().store().unwrap();
    let (first, second) = (payment(1), payment(2));
    let mut begun = Vec::new();
    for row in [&first, &second] {
        begun.push(write(&store, &Step::Write(create(row)), &[]).await.unwrap());
    }
    let end = |intent| Change::Ended { intent, outcome: outcome(created(12_737_000_000)) };
    write(&store, &Step::Write(end(begun[0])), &[]).await.unwrap();
    let refused = write(&store, &Step::Write(end(begun[1])), &[]).await.unwrap_err();
    assert_eq!(refused.code, Code::StorageFailed);
    assert_eq!((state(&store, &first), state(&store, &second)), (Some(State::Waiting), Some(State::Creating)));
    let number: QrPaymentId = "012737000000".parse().unwrap();
    let found = store.read(|reading| Ok(reading.payment(&PaymentRef::QrPaymentId(number))?)).unwrap();
    assert_eq!(found.map(|found| found.id), Some(first.id));
}
