//! Who may do what: the peer of a connection against the `[access]` rules.
//!
//! [`Rules::admit`] is the only maker of [`Admitted`], and the service takes nothing else: an operation
//! whose check was forgotten does not compile.

use std::sync::Arc;

use nix::unistd::{Group, Uid, User};
use serde::Deserialize;

use crate::id::{OrganizationBin, RequestKey, ShopId};
use crate::operation::{Actor, Code, Failure, Operation, Right};

/// The `[access]` section: users or `@groups` per right. A user may be written as a number, too. Root is
/// always admin; `admin` implies all other rights; `pay`, `refund` and `audit` imply `observe`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccessConfig {
    /// See the state of the daemon and its configs.
    pub observe: Vec<String>,
    /// Take, follow and cancel payments.
    pub pay: Vec<String>,
    /// Pay money back.
    pub refund: Vec<String>,
    /// Read the audit log.
    pub audit: Vec<String>,
    /// Set the daemon up.
    pub admin: Vec<String>,
    /// `[[access.shop]]`: narrows a user or group to shops and organisations.
    pub shop: Vec<ShopRule>,
}

impl Default for AccessConfig {
    fn default() -> Self {
        let one = |who: &str| vec![who.to_owned()];
        Self {
            observe: one("@kaspid"),
            pay: one("@kaspid"),
            refund: one("@kaspid-refund"),
            audit: one("@kaspid-audit"),
            admin: one("root"),
            shop: Vec::new(),
        }
    }
}

/// One `[[access.shop]]`: what a user or group sees and may use, whatever rights it has. Who is in several
/// has all of them together; who is in none is not narrowed; root never is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopRule {
    /// A user or `@group`.
    pub who: String,
    /// Only these shops; all if left out.
    pub shops: Option<Vec<ShopId>>,
    /// Only these organisations; all if left out.
    pub bins: Option<Vec<OrganizationBin>>,
}

/// The process that asks, as the kernel knew it when it connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Effective user.
    pub uid: u32,
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
        Actor { uid: self.uid, gid: self.gid, pid: self.pid }
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

/// An operation whose caller may ask for it. Made by [`Rules::admit`] only.
#[derive(Clone, Debug)]
pub struct Admitted {
    caller: Caller,
    key: Option<RequestKey>,
    operation: Operation,
    scope: Scope,
    admin: bool,
}

impl Admitted {
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

/// The `[access]` section with its names resolved. Built at start and at reload: resolving asks the user
/// database, which may block.
#[derive(Clone, Debug)]
pub struct Rules {
    /// In the order of the configuration, the least right first.
    grants: Vec<(Right, Who)>,
    windows: Vec<(Who, Window)>,
}

impl Rules {
    /// Resolves the names of `config`. A name that does not exist makes its rule inert and is told in the
    /// second value, one sentence each, for the journal and `kaspid check`.
    #[must_use]
    pub fn new(config: &AccessConfig) -> (Self, Vec<String>) {
        let mut warnings = Vec::new();
        let mut resolve = |place: &str, text: &str| {
            Who::resolve(text).map_err(|why| warnings.push(format!("{place}: {why}; the rule has no effect"))).ok()
        };
        let mut grants = Vec::new();
        for (right, names) in config.by_right() {
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

    /// The rules without an `[access]` section: root is admin, group `kaspid` observes and takes payments,
    /// `kaspid-refund` refunds, `kaspid-audit` reads the log.
    #[must_use]
    pub fn default_rules() -> Self {
        Self::new(&AccessConfig::default()).0
    }

    /// True if `caller` holds `wanted`, or a right that implies it.
    #[must_use]
    pub fn permits(&self, caller: &Caller, wanted: Right) -> bool {
        caller.is_root() || self.grants.iter().any(|(right, who)| right.covers(wanted) && who.is(caller))
    }

    /// Lets an operation through to the service.
    ///
    /// # Errors
    /// `denied`, with the command that would grant the right. A denial looks a name up in the user database,
    /// so call it where blocking is allowed unless [`Rules::permits`] has said yes.
    pub fn admit(&self, caller: &Caller, key: Option<RequestKey>, operation: Operation) -> Result<Admitted, Failure> {
        self.require(caller, operation.right())?;
        let admin = self.permits(caller, Right::Admin);
        Ok(Admitted { caller: caller.clone(), key, operation, scope: self.scope(caller), admin })
    }

    /// # Errors
    /// As [`Rules::admit`].
    pub fn require(&self, caller: &Caller, wanted: Right) -> Result<(), Failure> {
        if self.permits(caller, wanted) { Ok(()) } else { Err(self.denial(caller, wanted)) }
    }

    fn scope(&self, caller: &Caller) -> Scope {
        if caller.is_root() || self.windows.is_empty() {
            return Scope::default();
        }
        let mine: Vec<Window> =
            self.windows.iter().filter(|(who, _)| who.is(caller)).map(|(_, window)| window.clone()).collect();
        Scope((!mine.is_empty()).then(|| mine.into()))
    }

    fn denial(&self, caller: &Caller, wanted: Right) -> Failure {
        let user = user_name(caller.uid);
        let right = wanted.name();
        let hint = match self.group_with(wanted) {
            Some(group) => format!(
                "An admin gives the right with: usermod -aG {group} {user} (a program has its groups from its start: \
                 start it, or log in, again)"
            ),
            None => format!(
                "An admin gives the right by adding \"{user}\" to `{right}` under [access] in \
                 /etc/kaspid/kaspid.toml, then: kaspictl reload"
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

impl AccessConfig {
    fn by_right(&self) -> [(Right, &[String]); 5] {
        [
            (Right::Observe, &self.observe),
            (Right::Pay, &self.pay),
            (Right::Refund, &self.refund),
            (Right::Audit, &self.audit),
            (Right::Admin, &self.admin),
        ]
    }
}

fn user_name(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => uid.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

    use super::*;

    const BIN: &str = "891027350515";
    const OTHER: &str = "210440028324";

    fn caller(uid: u32, groups: &[u32]) -> Caller {
        Caller { uid, gid: 60_000, pid: Some(1), groups: groups.into() }
    }

    fn rules(grants: Vec<(Right, Who)>) -> Rules {
        Rules { grants, windows: Vec::new() }
    }

    fn group(gid: u32, name: &str) -> Who {
        Who::Group(gid, name.to_owned())
    }

    /// Each row: the right held, and what it opens.
    #[test]
    fn a_right_opens_itself_and_what_it_implies() {
        use Right::{Admin, Audit, Observe, Pay, Refund};
        let all = [Observe, Pay, Refund, Audit, Admin];
        for (held, opens) in [
            (Observe, &[Observe][..]),
            (Pay, &[Observe, Pay]),
            (Refund, &[Observe, Refund]),
            (Audit, &[Observe, Audit]),
            (Admin, &all),
        ] {
            let rules = rules(vec![(held, Who::User(7))]);
            for wanted in all {
                assert_eq!(rules.permits(&caller(7, &[]), wanted), opens.contains(&wanted), "{held:?} {wanted:?}");
                assert!(!rules.permits(&caller(8, &[]), wanted));
                assert!(rules.permits(&caller(0, &[]), wanted), "root");
            }
        }
    }

    #[test]
    fn a_group_counts_as_primary_and_as_supplementary() {
        let rules = rules(vec![(Right::Pay, group(50, "kaspid"))]);
        assert!(rules.permits(&caller(7, &[1, 50]), Right::Pay));
        assert!(rules.permits(&Caller { gid: 50, ..caller(7, &[]) }, Right::Pay));
        assert!(!rules.permits(&caller(7, &[1, 51]), Right::Pay));
    }

    #[test]
    fn a_denial_prints_the_command_that_grants() {
        let rules = rules(vec![(Right::Refund, group(51, "kaspid-refund")), (Right::Admin, group(52, "boss"))]);
        let adopt = Operation::Refund { payment: "12737694350".parse().unwrap(), refund: Default::default() };
        let denied = rules.admit(&caller(65_534, &[]), None, adopt).expect_err("no right");
        assert_eq!(denied.code, Code::Denied);
        assert!(denied.remedy().contains("usermod -aG kaspid-refund nobody "), "{}", denied.remedy());
        // Observe is given by the group that gives the least with it, never by making somebody an admin.
        let denied = rules.admit(&caller(65_534, &[]), None, Operation::Health).expect_err("no right");
        assert!(denied.remedy().contains("usermod -aG kaspid-refund nobody "), "{}", denied.remedy());
        // No group holds audit: the line of the configuration.
        let denied = rules.admit(&caller(3_999_999_999, &[]), None, Operation::LogVerify).expect_err("no right");
        assert!(denied.remedy().contains("\"3999999999\" to `audit` under [access]"), "{}", denied.remedy());
    }

    #[test]
    fn shop_rules_narrow_add_up_and_never_narrow_root() {
        let window = |shops: Option<Vec<u32>>, bin: Option<&str>| Window {
            shops,
            bins: bin.map(|bin| vec![bin.parse().unwrap()]),
        };
        let rules = Rules {
            grants: vec![(Right::Observe, Who::User(0))],
            windows: vec![
                (group(50, "a"), window(Some(vec![8]), Some(BIN))),
                (Who::User(7), window(Some(vec![9]), None)),
            ],
        };
        let (bin, other) = (BIN.parse().unwrap(), OTHER.parse().unwrap());
        let narrowed = rules.scope(&caller(6, &[50]));
        assert!(narrowed.allows(8, &bin) && !narrowed.allows(8, &other) && !narrowed.allows(9, &bin));
        let both = rules.scope(&caller(7, &[50]));
        assert!(both.allows(8, &bin) && !both.allows(8, &other) && both.allows(9, &other) && !both.is_everything());
        assert!(rules.scope(&caller(6, &[])).is_everything());
        assert!(rules.scope(&caller(0, &[50])).is_everything());
    }

    #[test]
    fn names_are_resolved_and_unknown_ones_are_inert_and_told() {
        let config: AccessConfig = toml::from_str(
            r#"
            observe = ["nobody", "@no-such-group", "no-such-user", "4242"]
            [[shop]]
            who = "@nor-this"
            shops = [8]
            "#,
        )
        .unwrap();
        let (rules, warnings) = Rules::new(&config);
        assert!(
            rules.permits(&caller(65_534, &[]), Right::Observe) && rules.permits(&caller(4242, &[]), Right::Observe)
        );
        let told = |word: &str| warnings.iter().filter(|warning| warning.contains(word)).count();
        assert_eq!((told("no-such-group"), told("no-such-user"), told("nor-this"), told("4242")), (1, 1, 1, 0));
        assert!(toml::from_str::<AccessConfig>("pays = []").unwrap_err().message().contains("pays"));
    }

    #[test]
    fn only_an_admin_is_told_to_be_one() {
        let rules = rules(vec![(Right::Pay, Who::User(7)), (Right::Admin, Who::User(9))]);
        let admitted = |uid| rules.admit(&caller(uid, &[]), None, Operation::Health).expect("admitted");
        assert!(!admitted(7).is_admin() && admitted(9).is_admin() && admitted(0).is_admin());
    }
}
