//! Rules on made-up callers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

use std::path::Path;

use super::rules::Who;
use super::*;
use crate::config::Configuration;
use crate::config::tests::written;
use crate::failure::Code;
use crate::operation::{HealthQuery, PayBack, Right};

const BIN: &str = "891027350515";
const OTHER: &str = "210440028324";

fn caller(uid: u32, groups: &[u32]) -> Caller {
    Caller { uid, name: None, gid: 60_000, pid: Some(1), groups: groups.into() }
}

fn rules(grants: Vec<(Right, Who)>) -> Rules {
    Rules::resolved(grants, Vec::new())
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
    let adopt = PayBack { payment: "12737694350".parse().unwrap(), refund: Default::default() }.into();
    let denied = rules.admit(&caller(65_534, &[]), None, adopt).expect_err("no right");
    assert_eq!(denied.code, Code::Denied);
    assert!(denied.remedy().contains("usermod -aG kaspid-refund nobody "), "{}", denied.remedy());
    // Observe is given by the group that gives the least with it, never by making somebody an admin.
    let denied = rules.admit(&caller(65_534, &[]), None, HealthQuery.into()).expect_err("no right");
    assert!(denied.remedy().contains("usermod -aG kaspid-refund nobody "), "{}", denied.remedy());
    // No group holds audit: the line of the configuration.
    let denied = rules
        .admit(&caller(3_999_999_999, &[]), None, Operation::LogVerify(crate::operation::VerifyQuery::default()))
        .expect_err("no right");
    assert!(denied.remedy().contains("\"3999999999\" to `audit` under [access]"), "{}", denied.remedy());
}

#[test]
fn shop_rules_narrow_add_up_and_never_narrow_root() {
    let window =
        |shops: Option<Vec<u32>>, bin: Option<&str>| Window { shops, bins: bin.map(|bin| vec![bin.parse().unwrap()]) };
    let rules = Rules::resolved(
        vec![(Right::Observe, Who::User(0))],
        vec![(group(50, "a"), window(Some(vec![8]), Some(BIN))), (Who::User(7), window(Some(vec![9]), None))],
    );
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
    let config = written(
        r#"
        [access]
        observe = ["nobody", "@no-such-group", "no-such-user", "4242"]
        [[access.shop]]
        who = "@nor-this"
        shops = [8]
        "#,
    );
    let (rules, warnings) = Rules::new(&config.access);
    assert!(rules.permits(&caller(65_534, &[]), Right::Observe) && rules.permits(&caller(4242, &[]), Right::Observe));
    let told = |word: &str| warnings.iter().filter(|warning| warning.contains(word)).count();
    assert_eq!((told("no-such-group"), told("no-such-user"), told("nor-this"), told("4242")), (1, 1, 1, 0));
    let unknown = Configuration::parse("[access]\npays = []", Path::new("kaspid.toml")).unwrap_err();
    assert!(unknown.to_string().contains("unknown field `pays`"), "{unknown}");
}

#[test]
fn only_an_admin_is_told_to_be_one() {
    let rules = rules(vec![(Right::Pay, Who::User(7)), (Right::Admin, Who::User(9))]);
    let admitted = |uid| rules.admit(&caller(uid, &[]), None, HealthQuery.into()).expect("admitted");
    assert!(!admitted(7).is_admin() && admitted(9).is_admin() && admitted(0).is_admin());
}

/// `!name` stands against every other name of its own list, and against no other list.
#[test]
fn a_name_with_an_exclamation_mark_has_the_right_no_more() {
    let config = written(
        r#"
        [access]
        observe = ["nobody"]
        pay = ["nobody", "!nobody"]
        audit = ["4242", "!@no-such-group"]
        refund = ["!nobody"]
        admin = ["root", "!root"]
        "#,
    );
    let (rules, warnings) = Rules::new(&config.access);
    let nobody = caller(65_534, &[]);
    assert!(rules.permits(&nobody, Right::Observe) && !rules.permits(&nobody, Right::Pay));
    assert!(rules.permits(&caller(4242, &[]), Right::Audit), "a name that nobody has takes nothing");
    assert!(rules.permits(&caller(0, &[]), Right::Admin), "root is always admin");
    assert!(warnings.iter().any(|warning| warning.contains("no-such-group")), "{warnings:?}");
    let denied = rules.denial(&nobody, Right::Pay);
    assert!(
        denied.remedy().contains("takes the right away") && denied.remedy().contains("`pay`"),
        "{}",
        denied.remedy()
    );
    assert!(!rules.denial(&nobody, Right::Audit).remedy().contains('!'));
}

/// As long as a name that takes a right away, or narrows, cannot be looked up, nobody but root has what it may take.
#[test]
fn who_cannot_be_looked_up_may_be_anybody() {
    let of_till = || rules(vec![(Right::Pay, Who::User(7)), (Right::Audit, Who::User(7))]);
    let (till, root) = (caller(7, &[]), caller(0, &[]));
    let taking = of_till().with_unsure(Some(Right::Pay));
    assert!(
        !taking.permits(&till, Right::Pay) && taking.permits(&till, Right::Audit) && taking.permits(&root, Right::Pay)
    );
    assert!(taking.denial(&till, Right::Pay).remedy().contains("cannot be looked up"));
    let narrowing = of_till().with_unsure(None);
    assert!(!narrowing.permits(&till, Right::Pay) && !narrowing.permits(&till, Right::Audit));
}

/// A rule that waits for its group holds from the moment at which the group is found.
#[test]
fn a_missing_name_is_asked_for_again() {
    let rules = Rules::new(&written("[access]\nobserve = [\"@no-such-group\"]").access).0;
    assert!(rules.has_missing());
    rules.look_up_missing();
    assert!(
        rules.has_missing()
            && !Rules::new(
                &written("[access]\nobserve = [\"nobody\"]\npay = []\nrefund = []\naudit = []\nadmin = []").access
            )
            .0
            .has_missing()
    );
}
