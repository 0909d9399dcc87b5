//! How late it is for a payment. Deadlines are stored on the wall clock, which may be set at any time: each followed
//! payment keeps, from its first sight in this run, a clock of its own that runs with [`since_boot`]. Whoever sets the
//! wall clock then changes neither when a payment is over nor when it is looked at, and a suspend counts as the time
//! it is.
//!
//! Across a restart the wall clock is all there is: a payment is then at least as old as a new one, and a clock that
//! was set ahead makes it look over before it is. Kaspi is asked first even then, and a payment that is paid after
//! being called over is looked for and announced as late.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::id::PaymentId;
use crate::moment::{Moment, since_boot};
use crate::store::PaymentRow;

/// The clocks of followed payments: what the wall clock would have shown at boot. Held for a look-up, never across an
/// await.
pub(super) struct Ages(Mutex<HashMap<PaymentId, Moment>>);

impl Ages {
    pub(super) fn new() -> Self {
        Self(Mutex::new(HashMap::new()))
    }

    /// Gives a payment its clock, if it has none yet; what that showed at boot. The follower forgets it in the end.
    pub(super) fn follow(&self, row: &PaymentRow) -> Moment {
        let mut clocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *clocks.entry(row.id).or_insert_with(|| boot(row, Moment::now(), since_boot()))
    }

    /// The time for a payment: its own clock, or the wall clock if it is not followed.
    pub(super) fn now(&self, row: &PaymentRow) -> Moment {
        let clocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let boot = clocks.get(&row.id).copied().unwrap_or_else(|| boot(row, Moment::now(), since_boot()));
        boot.after(since_boot())
    }

    /// The payment needs no more looks.
    pub(super) fn forget(&self, id: PaymentId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// A clock that shows `wall` now. A wall clock that stands before the payment was made has been set back: the payment
/// then is new, so that nothing waits for longer than a whole life.
fn boot(row: &PaymentRow, wall: Moment, up: Duration) -> Moment {
    let up = i64::try_from(up.as_millis()).unwrap_or(i64::MAX);
    Moment::from_millis(wall.max(row.created_at).millis().saturating_sub(up))
}
