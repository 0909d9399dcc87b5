//! A key that is made here, and the request that goes to the bank.

use std::sync::Arc;

use super::kept::{elsewhere, off_the_threads, unkept, waiting};
use super::news::News;
use crate::failpoint::fail_point;
use crate::failure::{Code, Failure};
use crate::identity::{Subject, Vault, WaitingKey};
use crate::operation::{CertificateRequest, GenerateIdentity, KeyType, Reply};
use crate::service::{Context, Live};

/// Makes keys; writes the one that waits.
#[derive(Clone)]
pub(in crate::service) struct Requests {
    live: Arc<Live>,
    news: News,
}

impl Requests {
    pub(in crate::service) fn new(live: Arc<Live>, news: News) -> Self {
        Self { live, news }
    }

    /// Makes a key and its request; without a subject the one that waits is told again.
    pub(in crate::service) async fn generate(
        &self,
        context: &Context,
        asked: GenerateIdentity,
    ) -> Result<Reply, Failure> {
        context.sees_everything()?;
        let _turn = self.live.turn().await;
        let settings = self.live.get();
        let vault = settings.place.vault().map_err(|other| elsewhere(&other))?.clone();
        let waits = off_the_threads({
            let vault = vault.clone();
            move || waiting(&vault)
        });
        let waits = waits.await?;
        match (asked.subject, waits) {
            (None, Some(waits)) => Ok(told(&waits, false)),
            (None, None) => Err(Failure::invalid("name a subject: nothing waits for its certificate")
                .with_hint("Say whose: kaspictl identity generate --subject 'CN=shop.kz,O=Name,C=KZ'")),
            (Some(_), Some(_)) if !asked.replace => Err(Failure::new(
                Code::IdentityWaiting,
                "a key waits for its certificate, which would never fit another one",
            )),
            (Some(subject), _) => {
                let subject = subject.parse::<Subject>().map_err(|error| Failure::invalid(error.to_string()))?;
                let kind = asked.key_type.unwrap_or(KeyType::Rsa2048);
                let made = off_the_threads(move || make(&vault, kind, subject)).await?;
                self.news.tried(context.caller.actor(), Ok("a key was made, which waits for its certificate")).await;
                Ok(told(&made, true))
            }
        }
    }
}

fn told(waiting: &WaitingKey, made: bool) -> Reply {
    Reply::CertificateRequest(CertificateRequest { request: waiting.request_pem(), made })
}

fn make(vault: &Vault, kind: KeyType, subject: Subject) -> Result<WaitingKey, Failure> {
    let made = WaitingKey::make(kind, subject).map_err(|error| Failure::new(Code::StorageFailed, error.to_string()))?;
    fail_point!("generate.made");
    vault.wait(&made).map_err(|error| unkept(&error))?;
    fail_point!("generate.kept");
    Ok(made)
}
