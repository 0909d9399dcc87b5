//! Another identity in place of the one in use, or the first: staged, looked at the bank with, made durable, put in use.

use std::sync::Arc;

use super::kept::{elsewhere, off_the_threads, unkept, waiting};
use super::look::Looks;
use super::news::News;
use crate::failpoint::fail_point;
use crate::failure::{Code, Failure};
use crate::identity::{Handed, IdentityTrouble, Staged};
use crate::moment::Moment;
use crate::operation::{HandedFile, HandedIdentity, Identity, IdentityTaken, InstallIdentity, Passphrase, Reply};
use crate::service::{Context, Live, Settings};

/// Takes identities in; writes what is kept, and exchanges what is in use.
#[derive(Clone)]
pub(in crate::service) struct Exchanges {
    live: Arc<Live>,
    looks: Looks,
    news: News,
}

/// How an identity came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coming {
    Installed,
    Imported,
    Rotated,
}

impl Exchanges {
    pub(in crate::service) fn new(live: Arc<Live>, looks: Looks, news: News) -> Self {
        Self { live, looks, news }
    }

    /// The bank's answer to the request that waits.
    pub(in crate::service) async fn install(
        &self,
        context: &Context,
        install: InstallIdentity,
    ) -> Result<Reply, Failure> {
        let unchecked = install.unchecked;
        let stage = move |settings: &Settings| answered(settings, &install);
        self.exchange(context, (Coming::Installed, unchecked), stage).await
    }

    /// A key and certificate made elsewhere.
    pub(in crate::service) async fn import(&self, context: &Context, handed: HandedIdentity) -> Result<Reply, Failure> {
        let unchecked = handed.unchecked;
        self.exchange(context, (Coming::Imported, unchecked), move |_| staged(&handed)).await
    }

    /// The same where one is in use.
    pub(in crate::service) async fn rotate(&self, context: &Context, handed: HandedIdentity) -> Result<Reply, Failure> {
        let unchecked = handed.unchecked;
        let stage = move |settings: &Settings| match settings.identity() {
            Some(_) => staged(&handed),
            None => Err(Failure::invalid("there is no key and certificate in use that could be exchanged")
                .with_hint("Take the first ones in: kaspictl identity import --key FILE --cert FILE")),
        };
        self.exchange(context, (Coming::Rotated, unchecked), stage).await
    }

    async fn exchange(
        &self,
        context: &Context,
        (way, unchecked): (Coming, bool),
        stage: impl FnOnce(&Settings) -> Result<Staged, Failure> + Send + 'static,
    ) -> Result<Reply, Failure> {
        context.sees_everything()?;
        let _turn = self.live.turn().await;
        let taken = self.take(context, (way, unchecked), stage).await;
        if let Err(failure) = &taken {
            self.news.tried(context.caller.actor(), Err(failure)).await;
        }
        taken.map(Reply::IdentityTaken)
    }

    async fn take(
        &self,
        context: &Context,
        (way, unchecked): (Coming, bool),
        stage: impl FnOnce(&Settings) -> Result<Staged, Failure> + Send + 'static,
    ) -> Result<IdentityTaken, Failure> {
        let old = self.live.get();
        let vault = old.place.vault().map_err(|other| elsewhere(&other))?.clone();
        let settings = old.clone();
        let staged = off_the_threads(move || {
            let staged = stage(&settings)?;
            staged.check(Moment::now()).map_err(|error| unfit(&error))?;
            Ok(staged)
        });
        let staged = staged.await?;
        fail_point!("identity.staged");
        let identity = staged.identity().clone();
        let new = old.with(&identity).map_err(|error| Failure::invalid(error.to_string()))?;
        let bank = self.asked(&new, unchecked).await?;
        fail_point!("identity.looked");
        off_the_threads(move || {
            // Behind this the exchange has happened: nothing may fail any more.
            vault.keep(&staged).map_err(|error| unkept(&error))
        })
        .await?;
        self.live.put(new);
        fail_point!("identity.switched");
        self.live.keep_warm();
        self.news.changed(Some(context.caller.actor()), &identity, way.said(bank.is_some())).await;
        fail_point!("identity.told");
        let now = Moment::now();
        let (sealed, key_waits) = (old.place.seal().is_some(), old.has_waiting_key());
        let taken = Identity { sealed, key_waits, ..identity.view(now) };
        Ok(IdentityTaken { identity: taken, before: old.identity_view(now), bank })
    }

    /// What the bank says to it. A *no* is one, asked for or not.
    async fn asked(&self, new: &Settings, unchecked: bool) -> Result<Option<String>, Failure> {
        match self.looks.ask(new).await {
            Ok(said) => Ok(Some(said)),
            Err(failure) if unchecked && failure.code == Code::KaspiUnavailable => {
                tracing::warn!("the key and certificate are taken unchecked: {}", failure.detail);
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }
}

impl Coming {
    fn said(self, checked: bool) -> &'static str {
        match (self, checked) {
            (Self::Installed, true) => "installed",
            (Self::Imported, true) => "imported",
            (Self::Rotated, true) => "rotated",
            (Self::Installed, false) => "installed unchecked",
            (Self::Imported, false) => "imported unchecked",
            (Self::Rotated, false) => "rotated unchecked",
        }
    }
}

fn staged(handed: &HandedIdentity) -> Result<Staged, Failure> {
    let passphrase = handed.passphrase.as_ref().map(Passphrase::expose).map(str::as_bytes);
    fn named<'a>(name: &'a str, file: &'a HandedFile) -> Handed<'a> {
        Handed { name, bytes: file.expose() }
    }
    let read = match (&handed.key, &handed.certificate, &handed.pkcs12) {
        (Some(key), Some(certificate), None) => {
            Staged::read(named("the key file", key), named("the certificate file", certificate), passphrase)
        }
        (None, None, Some(both)) => {
            let both = named("the PKCS#12 file", both);
            Staged::read(both, both, passphrase)
        }
        (Some(both), None, None) => {
            let both = named("the key file", both);
            Staged::read(both, both, passphrase)
        }
        _ => return Err(Failure::invalid("give a key and a certificate, or a pkcs12 that holds both")),
    };
    read.map_err(|error| unfit(&error))
}

fn answered(settings: &Settings, install: &InstallIdentity) -> Result<Staged, Failure> {
    let vault = settings.place.vault().map_err(|other| elsewhere(&other))?;
    let certificate = Handed { name: "the certificate file", bytes: install.certificate.expose() };
    let is_in_use = settings.identity().is_some_and(|identity| identity.is_certified_by(certificate));
    let in_use = || {
        Failure::invalid("the certificate in the file is in use already: nothing is to be done")
            .with_hint("Look at what is in use: kaspictl identity show")
    };
    let Some(waits) = waiting(vault)? else {
        if is_in_use {
            return Err(in_use());
        }
        return Err(Failure::invalid("no key waits for a certificate here").with_hint(
            "Make one: kaspictl identity generate --subject 'CN=shop.kz,O=NAME,C=KZ'. A key from elsewhere: \
                        kaspictl identity import --key FILE --cert FILE",
        ));
    };
    let chain = install.chain.as_ref().map(|chain| Handed { name: "the chain file", bytes: chain.expose() });
    waits.answered(certificate, chain).map_err(|error| match error {
        IdentityTrouble::Mismatch { .. } if is_in_use => in_use(),
        IdentityTrouble::Mismatch { .. } => Failure::invalid("the key that waits does not belong to any certificate in the file").with_hint(
            "Install what the bank answers to the request of that key, which this prints again: kaspictl identity generate",
        ),
        other => unfit(&other),
    })
}

/// A file that cannot be used, or not now.
fn unfit(error: &impl std::fmt::Display) -> Failure {
    Failure::invalid(error.to_string()).with_hint(
        "Nothing was changed, what is in use stays. Give the command the right file; what it takes: kaspictl help identity",
    )
}
