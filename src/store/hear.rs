//! Who is told which payments a commit has changed. The commit tells it, not whoever wrote: nobody can forget to.

use std::sync::OnceLock;

use super::Store;
use crate::id::PaymentId;

/// What is told.
type Hear = dyn Fn(&[PaymentId]) + Send + Sync;

/// The one who hears it, once there is one.
#[derive(Default)]
pub(super) struct Hearer(OnceLock<Box<Hear>>);

impl Hearer {
    /// Tells of payments that a durable commit has changed.
    pub(super) fn tell(&self, payments: &[PaymentId]) {
        if let Some(hear) = self.0.get().filter(|_| !payments.is_empty()) {
            hear(payments);
        }
    }
}

impl Store {
    /// From now on `hear` is told of the payments that each commit has changed, once that is durable. It runs on the
    /// writer's thread and must not wait for anything. The first one stays.
    pub(crate) fn on_commit(&self, hear: impl Fn(&[PaymentId]) + Send + Sync + 'static) {
        let _ = self.shared.hearer.0.set(Box::new(hear));
    }
}
