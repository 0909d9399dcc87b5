//! Payments as they stand, by id or as a caller names them. What a caller may not see does not exist.

use crate::failure::Failure;
use crate::id::{PaymentId, PaymentRef};
use crate::service::Context;
use crate::store::{PaymentRow, Store};

/// Reads payments; touches nothing else.
#[derive(Clone)]
pub(in crate::service) struct PaymentRows {
    store: Store,
}

impl PaymentRows {
    pub(in crate::service) fn new(store: Store) -> Self {
        Self { store }
    }

    /// A payment that must exist.
    pub(in crate::service) fn row(&self, id: PaymentId) -> Result<PaymentRow, Failure> {
        let row = self.store.read(|reading| Ok(reading.payment(&PaymentRef::Id(id))?))?;
        row.ok_or_else(|| no_payment(&PaymentRef::Id(id)))
    }

    /// A payment the caller names and may see.
    pub(in crate::service) fn visible(&self, context: &Context, named: &PaymentRef) -> Result<PaymentRow, Failure> {
        let row = self.store.read(|reading| Ok(reading.payment(named)?))?;
        row.filter(|row| context.sees(row)).ok_or_else(|| no_payment(named))
    }
}

fn no_payment(named: &PaymentRef) -> Failure {
    Failure::not_found(format!("there is no payment {named}")).with_hint(
        "See what there is: kaspictl payment list; one made before kaspid: kaspictl payment adopt QRID --bin BIN",
    )
}
