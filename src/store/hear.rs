//! Who is told which payments a commit has changed. The commit tells it, not whoever wrote: nobody can forget to.

use std::sync::OnceLock;

use crate::id::PaymentId;

/// What is told.
type Hear = dyn Fn(&[PaymentId]) + Send + Sync;

/// The one who hears it, once there is one.
#[derive(Default)]
pub(super) struct Hearer(OnceLock<Box<Hear>>);

impl Hearer {
    /// The first one stays.
    pub(super) fn be(&self, hear: impl Fn(&[PaymentId]) + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(hear));
    }

    /// Tells of payments that a durable commit has changed.
    pub(super) fn tell(&self, payments: &[PaymentId]) {
        if let Some(hear) = self.0.get().filter(|_| !payments.is_empty()) {
            hear(payments);
        }
    }
}
