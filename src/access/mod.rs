//! Who may do what: the peer of a connection against the `[access]` rules.
//!
//! [`Permission::admit`] is the only maker of [`Admitted`], and the service takes nothing else: an operation
//! whose check was forgotten does not compile.

mod rules;
#[cfg(test)]
mod tests;

pub use rules::{Rules, UnknownName};

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::allowance::Allowance;
use crate::domain::Actor;
use crate::failure::{Code, Failure};
use crate::id::{OrganizationBin, RequestKey, ShopId};
use crate::operation::{Operation, Right};
use crate::peer_groups;

/// The process that asks, as the kernel knew it when it connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Effective user.
    pub uid: u32,
    /// Its name, where it could be looked up in time.
    pub name: Option<Arc<str>>,
    /// Effective group.
    pub gid: u32,
    /// Process; `None` from another PID namespace.
    pub pid: Option<i32>,
    /// Supplementary groups.
    pub groups: Arc<[u32]>,
}

impl Caller {
    /// As the log keeps it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor { uid: self.uid, name: self.name.as_deref().map(str::to_owned), gid: self.gid, pid: self.pid }
    }

    fn is_root(&self) -> bool {
        self.uid == 0
    }

    /// True if the kernel has no number for its user in the namespace of the daemon.
    fn is_hidden(&self) -> bool {
        Some(self.uid) == peer_groups::hidden_uid()
    }
}

/// What one shop rule lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    shops: Option<Vec<ShopId>>,
    bins: Option<Vec<OrganizationBin>>,
}

/// What a caller sees and may use. What is outside of it does not exist for the caller (`not_found`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope(Option<Arc<[Window]>>);

impl Scope {
    /// True if the organisation `bin` in `shop` is inside.
    #[must_use]
    pub fn allows(&self, shop: ShopId, bin: &OrganizationBin) -> bool {
        self.0.as_deref().is_none_or(|windows| {
            windows.iter().any(|window| {
                window.shops.as_ref().is_none_or(|shops| shops.contains(&shop))
                    && window.bins.as_ref().is_none_or(|bins| bins.contains(bin))
            })
        })
    }

    /// True if nothing is outside.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.0.is_none()
    }
}

/// An operation whose caller may ask for it. Made by [`Permission::admit`] only.
#[derive(Clone, Debug)]
pub struct Admitted {
    caller: Caller,
    key: Option<RequestKey>,
    operation: Operation,
    scope: Scope,
    admin: bool,
    presence: Presence,
    allowance: Option<Allowance>,
}

/// Whether the caller is still there to hear the outcome. Most operations go on without; a wait for it is over.
#[derive(Clone, Debug, Default)]
pub struct Presence {
    there: Option<watch::Receiver<()>>,
    until: Option<Instant>,
}

impl Presence {
    /// A caller who is there until what is returned first is dropped.
    #[must_use]
    pub fn begin() -> (watch::Sender<()>, Self) {
        let (there, told) = watch::channel(());
        (there, Self { there: Some(told), until: None })
    }

    /// The same caller, who waits until then at most.
    #[must_use]
    pub fn at_most_until(self, until: Instant) -> Self {
        Self { until: Some(until), ..self }
    }

    /// Until when the caller waits, where it has said so.
    #[must_use]
    pub fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Whether the caller has gone.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.there.as_ref().is_some_and(|told| told.has_changed().is_err())
    }

    /// Ends when the caller has gone; never for one of whom nobody tells.
    pub async fn over(&self) {
        match self.there.clone() {
            Some(mut told) => while told.changed().await.is_ok() {},
            None => std::future::pending().await,
        }
    }
}

impl Admitted {
    /// The same with a caller who may go away.
    #[must_use]
    pub fn heard_by(self, presence: Presence) -> Self {
        Self { presence, ..self }
    }

    /// The same with what its answer may hold.
    #[must_use]
    pub fn allowed(self, allowance: Allowance) -> Self {
        Self { allowance: Some(allowance), ..self }
    }

    /// What the answer may hold; none where nobody counts.
    #[must_use]
    pub fn allowance(&self) -> Option<&Allowance> {
        self.allowance.as_ref()
    }

    /// Whether the caller is still there.
    #[must_use]
    pub fn presence(&self) -> &Presence {
        &self.presence
    }

    /// Who asks.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The request key.
    #[must_use]
    pub fn key(&self) -> Option<&RequestKey> {
        self.key.as_ref()
    }

    /// What is asked.
    #[must_use]
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// What the caller sees.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// True if the caller is an admin, for what the configuration may reserve to one.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.admin
    }

    /// All of it, to be moved on.
    #[must_use]
    pub fn into_parts(self) -> (Caller, Option<RequestKey>, Operation, Scope) {
        (self.caller, self.key, self.operation, self.scope)
    }
}

/// That a caller may do what needs a right: the rules were asked, once, and said yes.
#[derive(Debug)]
pub struct Permission {
    caller: Caller,
    right: Right,
    scope: Scope,
    admin: bool,
}

impl Permission {
    /// Lets an operation through to the service.
    ///
    /// # Errors
    /// `denied` where it needs another right than the rules were asked for.
    pub fn admit(self, key: Option<RequestKey>, operation: Operation) -> Result<Admitted, Failure> {
        let Self { caller, right, scope, admin } = self;
        if !right.covers(operation.right()) {
            return Err(Failure::new(Code::Denied, format!("no right to {}", operation.right().name())));
        }
        Ok(Admitted { caller, key, operation, scope, admin, presence: Presence::default(), allowance: None })
    }
}
