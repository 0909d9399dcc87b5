//! What the log and the journal say of the identity. Neither has its subject: it may name a person.

use std::fmt::Write;

use crate::domain::{Actor, LogStatus, OperationType};
use crate::failure::Failure;
use crate::identity::ClientIdentity;
use crate::moment::Moment;
use crate::notice;
use crate::store::{Change, IdentityMark, Note, Store, identity_mark};

/// Writes what is said of the identity, and nothing else.
#[derive(Clone)]
pub(in crate::service) struct News {
    store: Store,
}

impl News {
    pub(in crate::service) fn new(store: Store) -> Self {
        Self { store }
    }

    /// `identity` is in use from now on. Told once for each that comes into use.
    pub(in crate::service::upkeep) async fn changed(&self, actor: Option<Actor>, identity: &ClientIdentity, how: &str) {
        let text = format!("{}, {how}", said(identity));
        let certificate = short(identity);
        tracing::info!(
            message_id = notice::IDENTITY_CHANGED.id,
            "the key and certificate in use changed: {certificate}, {text}"
        );
        let mark = IdentityMark { fingerprint: identity.fingerprint(), warned: None };
        self.tell(actor, mark, text).await;
    }

    /// What is in use when the daemon starts. Another one than was last told of was exchanged while no daemon ran, or by
    /// one that was killed before it could tell.
    pub(super) async fn at_start(&self, identity: &ClientIdentity) {
        match self.mark() {
            Ok(Some(mark)) if mark.fingerprint == identity.fingerprint() => {}
            Ok(Some(_)) => self.changed(None, identity, "found at the start").await,
            Ok(None) => {
                let mark = IdentityMark { fingerprint: identity.fingerprint(), warned: None };
                // The first one of a shop is no change; a failure is that of the next write, which says so.
                let _ = self.store.write(move |writing| writing.mark_identity(mark)).await;
            }
            Err(failure) => {
                tracing::warn!("what was said of the certificate could not be read: {}", failure.detail);
            }
        }
    }

    /// None is there when the daemon starts. That is no news in a shop that never had one.
    pub(super) fn none_at_start(&self) {
        if let Ok(Some(_)) = self.mark() {
            tracing::warn!(
                message_id = notice::IDENTITY_GONE.id,
                "the key and certificate that were in use before are gone: see kaspictl status"
            );
        }
    }

    /// Its end is near.
    pub(super) async fn expiring(&self, identity: &ClientIdentity, (days, left): (u16, i64), what_to_do: &str) {
        let text = match left {
            left if left < 0 => format!("{} has ended", said(identity)),
            left => format!("{}, in {left} days", said(identity)),
        };
        tracing::warn!(message_id = notice::IDENTITY_EXPIRING.id, kaspid.days_left = left, "{text}: {what_to_do}");
        let mark = IdentityMark { fingerprint: identity.fingerprint(), warned: Some(days) };
        self.tell(None, mark, text).await;
    }

    /// What was last said.
    pub(super) fn mark(&self) -> Result<Option<IdentityMark>, Failure> {
        self.store.read(|reading| Ok(identity_mark(reading)?))
    }

    async fn tell(&self, actor: Option<Actor>, mark: IdentityMark, text: String) {
        let note = Note { error: Some(text), ..Note::done(OperationType::Identity) };
        let told = self.store.write(move |writing| writing.tell_identity(actor, mark, note));
        if let Err(failure) = told.await {
            tracing::error!("what happened to the identity is not in the log: {}", failure.detail);
        }
    }

    /// A thing an admin did or tried, that changed nothing in use.
    pub(super) async fn tried(&self, actor: Actor, done: Result<&str, &Failure>) {
        let note = Note {
            status: if done.is_ok() { LogStatus::Success } else { LogStatus::Failed },
            error: Some(done.map_or_else(|failure| failure.detail.clone(), str::to_owned)),
            provider_code: done.err().and_then(|failure| failure.provider_code),
            ..Note::done(OperationType::Identity)
        };
        let noted = self.store.write(move |writing| Ok(writing.append(Some(actor), Change::Noted(note)).map(drop)?));
        if let Err(failure) = noted.await {
            tracing::error!("what was tried with the identity is not in the log: {}", failure.detail);
        }
    }
}

/// The certificate, for people who have another one beside it.
fn said(identity: &ClientIdentity) -> String {
    let view = identity.view(Moment::now());
    match view.no_end {
        true => format!("the certificate {} without an end", short(identity)),
        false => format!("the certificate {} that ends {}", short(identity), view.end_day()),
    }
}

fn short(identity: &ClientIdentity) -> String {
    identity.fingerprint().iter().take(6).fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
