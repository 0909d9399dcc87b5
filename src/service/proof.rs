//! Proof that nobody has edited the log, or what was made of it.

use super::{Request, Service, whole_view};
use crate::failure::{Code, Failure};
use crate::operation::{Reply, VerifyQuery};
use crate::store::Chain;

impl Service {
    /// Checks the chain page by page, off the threads that answer others, and compares a kept head and, if asked,
    /// the projections.
    pub(super) async fn log_verify(&self, request: &Request, query: VerifyQuery) -> Result<Reply, Failure> {
        if query.rebuild {
            whole_view(&request.scope)?;
        }
        // A rebuild writes beside the state: one at a time.
        let turn = if query.rebuild { Some(self.state.heavy.clone().lock_owned().await) } else { None };
        let store = self.store.clone();
        let walk = move || {
            let mut chain = Chain::new(query.head);
            while !store.read(|reading| Ok(reading.check(&mut chain)?))? {}
            let differences = if query.rebuild && chain.is_good() { Some(store.differences()?) } else { None };
            drop(turn);
            Ok(Reply::Verified(chain.verdict(differences)))
        };
        let walked = tokio::task::spawn_blocking(walk).await;
        walked.unwrap_or_else(|_| Err(Failure::new(Code::StorageFailed, "the check of the log stopped")))
    }
}
