//! Proof that nobody has edited the log, or what was made of it.

use crate::failure::{Code, Failure};
use crate::operation::{Reply, VerifyQuery};
use crate::service::Context;
use crate::service::locks::BulkWrites;
use crate::store::{Chain, Store, check_chain};

/// Proves the log; touches nothing.
pub(in crate::service) struct Proof {
    store: Store,
    bulk_writes: BulkWrites,
}

impl Proof {
    pub(in crate::service) fn new(store: Store, bulk_writes: BulkWrites) -> Self {
        Self { store, bulk_writes }
    }

    /// Checks the chain page by page, off the threads that answer others, and compares a kept head and, if asked,
    /// the projections.
    pub(in crate::service) async fn log_verify(&self, context: &Context, query: VerifyQuery) -> Result<Reply, Failure> {
        // Whoever sees a part of the shop may know that the log is whole, and not where what else is.
        let is_narrowed = context.sees_everything().is_err();
        let rebuilds = query.rebuild && !is_narrowed;
        // A rebuild writes beside the state: one at a time.
        let turn = if rebuilds { Some(self.bulk_writes.clone().lock_owned().await) } else { None };
        let store = self.store.clone();
        let walk = move || {
            let chain = Chain::new(query.head);
            let mut chain = if is_narrowed { chain } else { chain.with_tokens() };
            while !store.read(|reading| Ok(check_chain(reading, &mut chain)?))? {}
            let differences = if rebuilds && chain.is_good() { Some(store.differences()?) } else { None };
            drop(turn);
            Ok(Reply::Verified(chain.verdict(differences)))
        };
        let walked = tokio::task::spawn_blocking(walk).await;
        walked.unwrap_or_else(|_| Err(Failure::new(Code::StorageFailed, "the check of the log stopped")))
    }
}
