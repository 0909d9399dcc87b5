//! Reading configuration and identity again while the daemon runs.

use std::sync::Arc;

use crate::failure::Failure;
use crate::operation::Reloaded;
use crate::service::Live;
use crate::service::follow::Foreign;
use crate::service::organisation::Verifications;

/// Exchanges the settings; touches what depends on them: the bank's connection, and whose payments are whose.
#[derive(Clone)]
pub(in crate::service) struct Reloads {
    live: Arc<Live>,
    verifications: Arc<Verifications>,
    foreign: Arc<Foreign>,
}

impl Reloads {
    pub(in crate::service) fn new(live: Arc<Live>, verifications: Arc<Verifications>, foreign: Arc<Foreign>) -> Self {
        Self { live, verifications, foreign }
    }

    /// What SIGHUP does, with the result.
    ///
    /// # Errors
    /// `invalid_request`: the old settings stay in force.
    pub(in crate::service) async fn reload(&self) -> Result<Reloaded, Failure> {
        let live = self.live.clone();
        let reloaded = tokio::task::spawn_blocking(move || live.reload()).await;
        let reloaded =
            reloaded.unwrap_or_else(|_| Err(Failure::invalid("the reload stopped; the old settings stay")))?;
        for warning in &self.live.get().warnings {
            tracing::warn!("{warning}");
        }
        self.live.keep_warm();
        if let Err(failure) = self.foreign.sort_by_bank() {
            tracing::warn!(detail = failure.detail, "payments of another bank could not be looked for");
        }
        let verifications = self.verifications.clone();
        tokio::spawn(async move { verifications.settle_dialects().await });
        Ok(reloaded)
    }
}
