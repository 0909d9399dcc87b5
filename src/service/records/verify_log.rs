//! Proof that nobody has edited the log, or what was made of it.

use super::files::aside;
use super::pieces::in_pieces;
use crate::failure::Failure;
use crate::operation::{Reply, VerifyQuery};
use crate::service::Context;
use crate::service::locks::BulkWrites;
use crate::service::stop::Stopping;
use crate::store::{Chain, Store, check_chain};

/// Proves the log; touches nothing.
pub(in crate::service) struct Proof {
    store: Store,
    bulk_writes: BulkWrites,
    stop: Stopping,
}

impl Proof {
    pub(in crate::service) fn new(store: Store, bulk_writes: BulkWrites, stop: Stopping) -> Self {
        Self { store, bulk_writes, stop }
    }

    /// Checks the chain page by page, off the threads that answer others, and compares a kept head and, if asked,
    /// the projections.
    pub(in crate::service) async fn log_verify(&self, context: &Context, query: VerifyQuery) -> Result<Reply, Failure> {
        // Whoever sees a part of the shop may know that the log is whole, and not where what else is.
        let is_narrowed = context.sees_everything().is_err();
        let rebuilds = query.rebuild && !is_narrowed;
        // A rebuild writes beside the state: one at a time.
        let turn = if rebuilds { Some(self.bulk_writes.clone().lock_owned().await) } else { None };
        let chain = Chain::new(query.head);
        let mut chain = if is_narrowed { chain } else { chain.with_tokens() };
        let chain = in_pieces((&self.store, &self.stop), context, move |walk| {
            let is_done = check_chain(walk, &mut chain)?;
            Ok(is_done.then(|| std::mem::replace(&mut chain, Chain::new(None))))
        });
        let (chain, store) = (chain.await?, self.store.clone());
        if !rebuilds || !chain.is_good() {
            return Ok(Reply::Verified(chain.verdict(None)));
        }
        aside(move || {
            let differences = store.differences()?;
            drop(turn);
            Ok(Reply::Verified(chain.verdict(Some(differences))))
        })
        .await
    }
}
