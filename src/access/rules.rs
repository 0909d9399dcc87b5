//! The `[access]` section: which names stand for whom, and what they may.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use nix::unistd::{Group, Uid, User};

use super::{Admitted, Caller, Permission, Scope, Window};
use crate::config::AccessSettings;
use crate::failure::{Code, Failure};
use crate::id::RequestKey;
use crate::operation::{Operation, Right};

/// A user or group, resolved to its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
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
    /// A sentence for the journal, and whether the name may stand for somebody all the same.
    fn resolve(text: &str) -> Result<Self, NobodyKnown> {
        let failed = |error: nix::Error| NobodyKnown {
            why: format!("cannot look up {text:?}: {error} (try: getent {})", database_of(text)),
            is_unsure: true,
        };
        let nobody = |why| NobodyKnown { why, is_unsure: false };
        match text.strip_prefix('@') {
            Some(name) => match Group::from_name(name).map_err(failed)? {
                Some(group) => Ok(Self::Group(group.gid.as_raw(), name.to_owned())),
                None => Err(nobody(format!("there is no group {name:?} (make it: groupadd --system {name})"))),
            },
            None => match User::from_name(text).map_err(failed)? {
                Some(user) => Ok(Self::User(user.uid.as_raw())),
                None => text.parse().map(Self::User).map_err(|_| nobody(format!("there is no user {text:?}"))),
            },
        }
    }
}

/// Why a name stands for nobody.
struct NobodyKnown {
    why: String,
    /// The user database could not be asked: the name may be somebody's.
    is_unsure: bool,
}

/// What `getent` is asked with.
fn database_of(text: &str) -> String {
    match text.strip_prefix('@') {
        Some(group) => format!("group {group}"),
        None => format!("passwd {text}"),
    }
}

/// A name of the configuration, and whom it names once that is known: a group may be made later than the rule.
#[derive(Clone, Debug)]
struct Named {
    text: String,
    who: Arc<OnceLock<Who>>,
    /// The last look-up failed: whom it stands for is not known, which is not the same as nobody.
    is_unsure: Arc<AtomicBool>,
}

impl Named {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), who: Arc::default(), is_unsure: Arc::default() }
    }

    /// Asks the user database, unless it has told already.
    ///
    /// # Errors
    /// A sentence for the journal.
    fn look_up(&self) -> Result<(), String> {
        if self.who.get().is_none() {
            let found = Who::resolve(&self.text);
            self.is_unsure.store(found.as_ref().is_err_and(|nobody| nobody.is_unsure), Ordering::Relaxed);
            let found = found.map_err(|nobody| nobody.why)?;
            // Somebody else may have found the same meanwhile.
            let _ = self.who.set(found);
        }
        Ok(())
    }

    fn is(&self, caller: &Caller) -> bool {
        self.who.get().is_some_and(|who| who.is(caller))
    }

    /// Whom it stands for could not be asked.
    fn is_unsure(&self) -> bool {
        self.who.get().is_none() && self.is_unsure.load(Ordering::Relaxed)
    }

    fn is_missing(&self) -> bool {
        self.who.get().is_none()
    }
}

/// One name of the list of a right.
#[derive(Clone, Debug)]
struct Grant {
    right: Right,
    /// Written with `!`: whoever it names does not have the right by this list.
    takes: bool,
    named: Named,
}

/// How a name is written that takes a right away.
const TAKES: char = '!';

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

/// The `[access]` section. Built at start and at reload; what its names stand for is asked of the user database then, and
/// of those it did not know, again when somebody connects. That may block.
#[derive(Clone, Debug)]
pub struct Rules {
    /// In the order of the configuration, the least right first.
    grants: Vec<Grant>,
    windows: Vec<(Named, Window)>,
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

/// The user of the package kaspid-forward, from whom the shipped list takes the right to pay: without that package nobody
/// misses it. Any other name that nobody has may be a typing error, also one that is to take a right away.
const FORWARDER: &str = "kaspid-forward";

impl Rules {
    /// The rules of `config`. A name that does not exist makes its rule inert as long as it does not, and is told in the
    /// second value, one sentence each, for the journal and `kaspid check`.
    #[must_use]
    pub fn new(config: &AccessSettings) -> (Self, Vec<String>) {
        let (mut names, mut grants) = (HashMap::new(), Vec::new());
        // Who is named in several places is one name.
        let mut named = |text: &str| Named::clone(names.entry(text.to_owned()).or_insert_with(|| Named::new(text)));
        for (right, listed) in by_right(config) {
            for text in listed {
                let taken = text.strip_prefix(TAKES);
                grants.push(Grant { right, takes: taken.is_some(), named: named(taken.unwrap_or(text)) });
            }
        }
        let window = |rule: &crate::config::ShopRule| Window { shops: rule.shops.clone(), bins: rule.bins.clone() };
        let windows = config.shop.iter().map(|rule| (named(&rule.who), window(rule))).collect();
        let rules = Self { grants, windows };
        let warnings = rules.look_up();
        (rules, warnings)
    }

    /// Asks for whom the names stand that nobody has told yet; returns those that still nobody knows. Each name is asked for
    /// once: where systemd answers for users, a name that is not there costs a hundred calls of the system.
    fn look_up(&self) -> Vec<String> {
        let listed = self.grants.iter().map(|grant| (format!("[access] {}", grant.right.name()), &grant.named));
        let narrowed = self.windows.iter().map(|(named, _)| ("[[access.shop]] who".to_owned(), named));
        let mut asked: HashMap<&str, Option<String>> = HashMap::new();
        let mut inert = Vec::new();
        for (place, named) in listed.chain(narrowed) {
            let why = asked.entry(named.text.as_str()).or_insert_with(|| named.look_up().err());
            if let Some(why) = why.as_ref().filter(|_| named.text != FORWARDER) {
                inert.push(format!("{place}: {why}; the rule has no effect as long as that is so"));
            }
        }
        inert
    }

    /// The same, for whoever connects: a name may have been made since.
    pub fn look_up_missing(&self) {
        let _ = self.look_up();
    }

    /// True while there are names that nobody knows.
    #[must_use]
    pub fn has_missing(&self) -> bool {
        self.grants.iter().any(|grant| grant.named.is_missing()) || self.windows.iter().any(|(who, _)| who.is_missing())
    }

    /// The names of `config` that this machine does not know, each with the key it stands under.
    #[must_use]
    pub fn unknown_names(config: &AccessSettings) -> Vec<UnknownName> {
        let listed =
            by_right(config).into_iter().flat_map(|(right, names)| names.iter().map(move |name| (right.name(), name)));
        let narrowed = config.shop.iter().map(|rule| ("shop", &rule.who));
        let unknown = |(key, name): (&'static str, &String)| {
            let name = name.trim_start_matches(TAKES);
            if name == FORWARDER {
                return None;
            }
            Who::resolve(name).err().map(|_| match name.strip_prefix('@') {
                Some(group) => UnknownName { key, name: group.to_owned(), is_group: true },
                None => UnknownName { key, name: name.to_owned(), is_group: false },
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
        let holds = |grant: &Grant| {
            !grant.takes && grant.right.covers(wanted) && grant.named.is(caller) && !self.is_taken(caller, grant.right)
        };
        caller.is_root() || (!self.is_unsure(wanted) && self.grants.iter().any(holds))
    }

    /// True while somebody who may not, or may only for some shops, cannot be told from somebody who may: then nobody may
    /// but root. A name that gives a right is no such name.
    fn is_unsure(&self, wanted: Right) -> bool {
        let takes = |grant: &Grant| grant.takes && grant.right.covers(wanted) && grant.named.is_unsure();
        self.grants.iter().any(takes) || self.windows.iter().any(|(named, _)| named.is_unsure())
    }

    /// True if the list of `right` takes it away from `caller`, whoever else the list names.
    fn is_taken(&self, caller: &Caller, right: Right) -> bool {
        self.grants.iter().any(|grant| grant.takes && grant.right == right && grant.named.is(caller))
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

    pub(super) fn scope(&self, caller: &Caller) -> Scope {
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
            _ if caller.is_hidden() => HIDDEN_HINT.to_owned(),
            _ if self.is_unsure(wanted) => UNSURE_HINT.to_owned(),
            _ if self.is_taken(caller, wanted) => format!(
                "A name with ! takes the right away. An admin takes that name out of `{right}` under [access] in \
                 kaspid.toml, then: kaspictl reload"
            ),
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
            self.grants.iter().filter(|grant| !grant.takes).filter_map(|grant| match grant.named.who.get()? {
                Who::Group(_, name) => Some((grant.right, name.as_str())),
                Who::User(_) => None,
            })
        };
        let exact = groups().find(|(right, _)| *right == wanted);
        exact
            .or_else(|| groups().find(|(right, _)| *right != Right::Admin && right.covers(wanted)))
            .map(|(_, name)| name)
    }
}

/// What to do about a caller whom the kernel does not name.
const HIDDEN_HINT: &str = "The daemon runs in a user namespace and is not told who asks. An admin takes PrivateUsers= out of \
     its unit (systemctl cat kaspid.service shows where it stands), then: systemctl daemon-reload && systemctl restart kaspid";

/// What to do where names cannot be looked up.
const UNSURE_HINT: &str = "A name under [access] that takes a right away, or narrows somebody to shops, cannot be looked up now: \
     kaspictl doctor as root says which. It is asked again with each connection";

fn user_name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => uid.to_string(),
    }
}

#[cfg(test)]
impl Rules {
    /// The same with a name under `wanted`, or of a narrowing, that could not be looked up.
    pub(super) fn with_unsure(mut self, wanted: Option<Right>) -> Self {
        let named = Named { text: "somebody".to_owned(), who: Arc::default(), is_unsure: Arc::default() };
        named.is_unsure.store(true, Ordering::Relaxed);
        match wanted {
            Some(right) => self.grants.push(Grant { right, takes: true, named }),
            None => self.windows.push((named, Window { shops: None, bins: None })),
        }
        self
    }

    /// Rules whose names are known.
    pub(super) fn resolved(grants: Vec<(Right, Who)>, windows: Vec<(Who, Window)>) -> Self {
        let named = |who| Named { text: String::new(), who: Arc::new(OnceLock::from(who)), is_unsure: Arc::default() };
        let grant = |(right, who)| Grant { right, takes: false, named: named(who) };
        Self {
            grants: grants.into_iter().map(grant).collect(),
            windows: windows.into_iter().map(|(who, window)| (named(who), window)).collect(),
        }
    }
}
