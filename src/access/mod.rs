//! Who may do what: the peer of a connection against the `[access]` rules.
//!
//! [`Permission::admit`] is the only maker of [`Admitted`], and the service takes nothing else: an operation
//! whose check was forgotten does not compile.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use nix::unistd::{Group, Uid, User};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::allowance::Allowance;
use crate::config::AccessSettings;
use crate::domain::Actor;
use crate::failure::{Code, Failure};
use crate::id::{OrganizationBin, RequestKey, ShopId};
use crate::operation::{Operation, Right};

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
}

/// A user or group of a rule, resolved to its number.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    User(u32),
    /// With its name, for the command that adds a user to it.
    Group(u32, String),
}

impl Who {
    fn is(&self, caller: &Caller) -> bool {
        match self {
            Self::User(uid) => *uid == caller.uid,
            Self::Group(gid, _) => *gid == caller.gid || caller.groups.contains(gid),
        }
    }

    /// # Errors
    /// A sentence for the journal.
    fn resolve(text: &str) -> Result<Self, String> {
        let failed = |error: nix::Error| format!("cannot look up {text:?}: {error}");
        match text.strip_prefix('@') {
            Some(name) => match Group::from_name(name).map_err(failed)? {
                Some(group) => Ok(Self::Group(group.gid.as_raw(), name.to_owned())),
                None => Err(format!("there is no group {name:?} (make it: groupadd --system {name})")),
            },
            None => match User::from_name(text).map_err(failed)? {
                Some(user) => Ok(Self::User(user.uid.as_raw())),
                None => text.parse().map(Self::User).map_err(|_| format!("there is no user {text:?}")),
            },
        }
    }
}

/// A user or group of `[access]` that does not exist, so that its rule has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// The key it stands under.
    pub key: &'static str,
    /// Without the `@` of a group.
    pub name: String,
    /// A group, else a user.
    pub is_group: bool,
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

/// The `[access]` section with its names resolved. Built at start and at reload: resolving asks the user
/// database, which may block.
#[derive(Clone, Debug)]
pub struct Rules {
    /// In the order of the configuration, the least right first.
    grants: Vec<(Right, Who)>,
    windows: Vec<(Who, Window)>,
}

/// Who is named for each right.
fn by_right(config: &AccessSettings) -> [(Right, &[String]); 5] {
    [
        (Right::Observe, &config.observe),
        (Right::Pay, &config.pay),
        (Right::Refund, &config.refund),
        (Right::Audit, &config.audit),
        (Right::Admin, &config.admin),
    ]
}

impl Rules {
    /// Resolves the names of `config`. A name that does not exist makes its rule inert and is told in the
    /// second value, one sentence each, for the journal and `kaspid check`.
    #[must_use]
    pub fn new(config: &AccessSettings) -> (Self, Vec<String>) {
        let mut warnings = Vec::new();
        let mut resolve = |place: &str, text: &str| {
            Who::resolve(text).map_err(|why| warnings.push(format!("{place}: {why}; the rule has no effect"))).ok()
        };
        let mut grants = Vec::new();
        for (right, names) in by_right(config) {
            let place = format!("[access] {}", right.name());
            grants.extend(names.iter().filter_map(|name| Some((right, resolve(&place, name)?))));
        }
        let mut windows = Vec::new();
        for rule in &config.shop {
            let window = Window { shops: rule.shops.clone(), bins: rule.bins.clone() };
            windows.extend(resolve("[[access.shop]] who", &rule.who).map(|who| (who, window)));
        }
        (Self { grants, windows }, warnings)
    }

    /// The names of `config` that this machine does not know, each with the key it stands under.
    #[must_use]
    pub fn unknown_names(config: &AccessSettings) -> Vec<UnknownName> {
        let listed =
            by_right(config).into_iter().flat_map(|(right, names)| names.iter().map(move |name| (right.name(), name)));
        let narrowed = config.shop.iter().map(|rule| ("shop", &rule.who));
        let unknown = |(key, name): (&'static str, &String)| {
            Who::resolve(name).err().map(|_| match name.strip_prefix('@') {
                Some(group) => UnknownName { key, name: group.to_owned(), is_group: true },
                None => UnknownName { key, name: name.clone(), is_group: false },
            })
        };
        let mut found: Vec<UnknownName> = listed.chain(narrowed).filter_map(unknown).collect();
        // A name under several keys is one mistake.
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.dedup_by(|a, b| a.name == b.name && a.is_group == b.is_group);
        found
    }

    /// True if `caller` holds `wanted`, or a right that implies it.
    #[must_use]
    pub fn permits(&self, caller: &Caller, wanted: Right) -> bool {
        caller.is_root() || self.grants.iter().any(|(right, who)| right.covers(wanted) && who.is(caller))
    }

    /// The permission of `caller` to do what needs `wanted`; none where the rules give none, of which
    /// [`Rules::denial`] tells.
    #[must_use]
    pub fn permission(&self, caller: &Caller, wanted: Right) -> Option<Permission> {
        self.permits(caller, wanted).then(|| Permission {
            caller: caller.clone(),
            right: wanted,
            scope: self.scope(caller),
            admin: self.permits(caller, Right::Admin),
        })
    }

    /// Lets an operation through to the service.
    ///
    /// # Errors
    /// `denied`, with the command that would grant the right. A denial looks a name up in the user database.
    pub fn admit(&self, caller: &Caller, key: Option<RequestKey>, operation: Operation) -> Result<Admitted, Failure> {
        let right = operation.right();
        self.permission(caller, right).ok_or_else(|| self.denial(caller, right))?.admit(key, operation)
    }

    fn scope(&self, caller: &Caller) -> Scope {
        if caller.is_root() || self.windows.is_empty() {
            return Scope::default();
        }
        let mine: Vec<Window> =
            self.windows.iter().filter(|(who, _)| who.is(caller)).map(|(_, window)| window.clone()).collect();
        Scope((!mine.is_empty()).then(|| mine.into()))
    }

    /// Why a caller may not, with the command that would grant the right. It looks a name up in the user database: call it
    /// where blocking is allowed.
    #[must_use]
    pub fn denial(&self, caller: &Caller, wanted: Right) -> Failure {
        let user = user_name(caller.uid);
        let right = wanted.name();
        let hint = match self.group_with(wanted) {
            Some(group) => format!(
                "An admin gives the right with: usermod -aG {group} {user} (a program has its groups from its start: \
                 start it, or log in, again)"
            ),
            None => format!(
                "An admin gives the right by adding \"{user}\" to `{right}` under [access] in \
                 kaspid.toml, then: kaspictl reload"
            ),
        };
        Failure::new(Code::Denied, format!("user {user} has no right to {right}")).with_hint(hint)
    }

    /// The group that gives `wanted` and the least else.
    fn group_with(&self, wanted: Right) -> Option<&str> {
        let groups = || {
            self.grants.iter().filter_map(|(right, who)| match who {
                Who::Group(_, name) => Some((*right, name.as_str())),
                Who::User(_) => None,
            })
        };
        let exact = groups().find(|(right, _)| *right == wanted);
        exact
            .or_else(|| groups().find(|(right, _)| *right != Right::Admin && right.covers(wanted)))
            .map(|(_, name)| name)
    }
}

fn user_name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => uid.to_string(),
    }
}
