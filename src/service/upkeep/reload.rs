//! Reading configuration and identity again while the daemon runs.

use std::sync::Arc;

use super::identity::{Looks, News, is_good};
use super::problems::{KEPT_NOWHERE, take_in};
use crate::domain::Actor;
use crate::failure::Failure;
use crate::moment::Moment;
use crate::notice;
use crate::operation::Reloaded;
use crate::service::follow::Foreign;
use crate::service::organisation::Verifications;
use crate::service::settings::differ_in_identity;
use crate::service::{Live, Settings};

/// Exchanges the settings; touches what depends on them: the bank's connection, and whose payments are whose.
#[derive(Clone)]
pub(in crate::service) struct Reloads {
    live: Arc<Live>,
    verifications: Arc<Verifications>,
    foreign: Arc<Foreign>,
    looks: Looks,
    news: News,
}

impl Reloads {
    pub(in crate::service) fn new(
        live: Arc<Live>,
        (verifications, foreign): (Arc<Verifications>, Arc<Foreign>),
        (looks, news): (Looks, News),
    ) -> Self {
        Self { live, verifications, foreign, looks, news }
    }

    /// What SIGHUP does, with the result.
    ///
    /// # Errors
    /// `invalid_request`: the old settings stay in force.
    pub(in crate::service) async fn reload(&self, actor: Option<Actor>) -> Result<Reloaded, Failure> {
        let done = self.exchange(actor).await;
        match &done {
            Ok(reloaded) => {
                let restart = match reloaded.restart_needed.as_slice() {
                    [] => String::new(),
                    needed => format!("; changed by a restart only: {}", needed.join(", ")),
                };
                let changed = match reloaded.changed.as_slice() {
                    [] => "nothing has changed".to_owned(),
                    changed => format!("changed: {}", changed.join(", ")),
                };
                tracing::info!(
                    message_id = notice::RELOADED.id,
                    "the configuration was read again; {changed}{restart}"
                );
            }
            Err(failure) => tracing::error!(
                message_id = notice::RELOAD_FAILED.id,
                kaspid.code = failure.code.word(),
                "reload failed: {}",
                failure.detail
            ),
        }
        done
    }

    async fn exchange(&self, actor: Option<Actor>) -> Result<Reloaded, Failure> {
        let _turn = self.live.turn().await;
        let live = self.live.clone();
        let new = tokio::task::spawn_blocking(move || live.read_again()).await;
        let new = new.unwrap_or_else(|_| Err(Failure::invalid("the reload stopped; the old settings stay")))?;
        let new = self.with_what_is_in_use(new)?;
        let changed = differ_in_identity(&self.live.get(), &new);
        if changed {
            self.judge(&new).await?;
        }
        let identity = new.identity().cloned();
        let mut reloaded = self.live.put(new);
        let in_force = self.live.get();
        if in_force.is_kept_nowhere() {
            reloaded.changed.push(format!("identity ({KEPT_NOWHERE}. {})", take_in(&in_force)));
        }
        if let Some(identity) = identity.filter(|_| changed) {
            self.news.changed(actor, &identity, "read again").await;
        }
        for warning in &self.live.get().warnings {
            tracing::warn!("{warning}");
        }
        self.live.keep_warm();
        if let Err(failure) = self.foreign.sort_by_bank().await {
            tracing::warn!("payments of another bank could not be looked for: {}", failure.detail);
        }
        let verifications = self.verifications.clone();
        tokio::spawn(async move { verifications.settle_dialects().await });
        Ok(reloaded)
    }

    /// Files that are no longer named, and nothing in the daemon's own keeping yet: no payment is to fail between the two.
    fn with_what_is_in_use(&self, new: Settings) -> Result<Settings, Failure> {
        let old = self.live.get();
        match (new.identity(), old.identity(), new.place.vault()) {
            (None, Some(in_use), Ok(_)) => {
                let mut kept = new.with(in_use).map_err(|error| self.live.old_stay(&error))?;
                kept.warnings.push(format!("{KEPT_NOWHERE}. {}", take_in(&kept)));
                Ok(kept)
            }
            _ => Ok(new),
        }
    }

    /// Another identity takes the place of one that works only if the bank takes it. In place of none, or of one that has
    /// ended, nothing is lost by it: it is warned of.
    async fn judge(&self, new: &Settings) -> Result<(), Failure> {
        let judged = match new.unfit(Moment::now()) {
            None => self.looks.ask(new).await.map(drop),
            Some(unfit) => Err(Failure::invalid(unfit.to_string())),
        };
        match judged {
            Err(failure) if is_good(self.live.get().identity()) => {
                let detail =
                    format!("the old settings stay in force, the old key and certificate too: {}", failure.detail);
                let hint = "Put right what is in the way (kaspictl doctor), then: kaspictl reload. A restart takes them \
                            unchecked.";
                Err(Failure { detail, ..failure }.with_hint(hint).with_retryable(false))
            }
            Err(failure) => {
                tracing::warn!("the new key and certificate are in use, unproven: {}", failure.detail);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}
