//! What an Idempotency-Key stands for after anything that frees one.

use super::history::{by, call, create, created, made, number, pay_back, resolved, sold};
use super::pinned::{at, config, id, note};
use crate::domain::Kind;
use crate::id::{PaymentId, RequestKey};
use crate::seal::Seals;
use crate::store::event::{Change, Closed, Ending};
use crate::store::{Store, Writing};

/// For which payment a key stands.
fn stands(writing: &Writing<'_>, key: &RequestKey) -> Option<PaymentId> {
    writing.key(config().shop_id, key).unwrap().map(|(row, _)| row.payment)
}

/// Promise: a key that was freed by a refund that did not happen, and used again, stands for what it was used for: that a
/// person says the same of the refund once more does not free it, or its repeat would bill twice.
#[tokio::test]
async fn a_key_is_given_back_by_its_own_payment_only() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), &Seals::default()).unwrap();
    let key: RequestKey = "refund-21".parse().unwrap();
    let did_not_happen = resolved(1, Closed::Refund { refund: id(21), happened: false });

    let mut told = vec![Change::Config { row: Box::new(config()), note: note() }];
    sold(&mut told);
    call(&mut told, pay_back(id(1), 21), Ending::RefundLost);
    let lost = told.len();
    told.push(did_not_happen.clone());
    let freed = told.len();
    let mut another = made(5, Kind::Remote);
    another.request_key = Some(key.clone());
    call(&mut told, create(another), created(number(5)));
    told.push(did_not_happen);

    let found = store.write(move |writing| {
        let mut found = Vec::new();
        for (seconds, change) in (0..).zip(told) {
            writing.now = at(seconds);
            writing.append(by(&change), change)?;
            found.push(stands(writing, &key));
        }
        Ok(found)
    });
    let found = found.await.unwrap();
    assert_eq!((found[lost - 1], found[freed - 1]), (Some(id(1)), None));
    assert_eq!(found.last(), Some(&Some(id(5))));
    assert_eq!(store.differences().unwrap(), []);
}
