//! Two tables side by side: where a projection first differs from what the log makes of it.

use std::cmp::Ordering;

use redb::{Key, ReadOnlyTable, ReadableTable, Value};

use super::StoreError;
use crate::id::PaymentId;
use crate::moment::Moment;
pub(super) use crate::operation::{Difference, Differs};

/// The key of a row, for people. Keys hold no secret: identifiers, sequence numbers, invoices, request keys.
pub(super) trait Named {
    /// As in replies, where it has a form there.
    fn text(&self) -> String;
}

impl Named for u32 {
    fn text(&self) -> String {
        self.to_string()
    }
}

impl Named for u64 {
    fn text(&self) -> String {
        self.to_string()
    }
}

impl Named for u8 {
    fn text(&self) -> String {
        self.to_string()
    }
}

/// Every signed number in a key is a moment.
impl Named for i64 {
    fn text(&self) -> String {
        Moment::from_millis(*self).to_string()
    }
}

/// Every 128-bit number in a key is a payment's.
impl Named for u128 {
    fn text(&self) -> String {
        PaymentId::from_bytes(self.to_be_bytes()).to_string()
    }
}

impl Named for &str {
    fn text(&self) -> String {
        (*self).to_owned()
    }
}

impl<A: Named, B: Named> Named for (A, B) {
    fn text(&self) -> String {
        format!("{} {}", self.0.text(), self.1.text())
    }
}

impl<A: Named, B: Named, C: Named> Named for (A, B, C) {
    fn text(&self) -> String {
        format!("{} {} {}", self.0.text(), self.1.text(), self.2.text())
    }
}

impl<A: Named, B: Named, C: Named, D: Named> Named for (A, B, C, D) {
    fn text(&self) -> String {
        format!("{} {} {} {}", self.0.text(), self.1.text(), self.2.text(), self.3.text())
    }
}

/// The first row, in the order of keys, that only one of the tables has or that has two values.
pub(super) fn first<K: Key + 'static, V: Value + 'static>(
    stored: &ReadOnlyTable<K, V>,
    rebuilt: &ReadOnlyTable<K, V>,
    name: impl for<'k> Fn(K::SelfType<'k>) -> String,
    step: &dyn Fn() -> Result<(), StoreError>,
) -> Result<Option<(String, Differs)>, StoreError> {
    let (mut stored, mut rebuilt) = (ReadableTable::iter(stored)?, ReadableTable::iter(rebuilt)?);
    loop {
        step()?;
        let (here, there) = (stored.next().transpose()?, rebuilt.next().transpose()?);
        let (key, how) = match (here, there) {
            (None, None) => return Ok(None),
            (Some((key, _)), None) => (name(key.value()), Differs::Surplus),
            (None, Some((key, _))) => (name(key.value()), Differs::Missing),
            (Some((a, here)), Some((b, there))) => {
                match K::compare(K::as_bytes(&a.value()).as_ref(), K::as_bytes(&b.value()).as_ref()) {
                    Ordering::Less => (name(a.value()), Differs::Surplus),
                    Ordering::Greater => (name(b.value()), Differs::Missing),
                    Ordering::Equal => {
                        if V::as_bytes(&here.value()).as_ref() == V::as_bytes(&there.value()).as_ref() {
                            continue;
                        }
                        (name(a.value()), Differs::Changed)
                    }
                }
            }
        };
        return Ok(Some((key, how)));
    }
}
