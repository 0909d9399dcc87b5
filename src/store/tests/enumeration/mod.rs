//! All histories of a payment's refunds, against the account: lost, late and shown late, with what goes back elsewhere,
//! readings at every point, restarts and a person's words in between. The promises stand in [`promises`].
//!
//! ```text
//! cargo test --lib enumeration                                                            a slice
//! KASPID_HISTORIES=deep cargo test --release --lib enumeration -- --nocapture             every history, or most
//! ```

mod bounds;
mod cases;
mod daemon;
mod promises;
mod random;
mod rules;
mod search;
mod steps;
mod words;
mod world;

use daemon::RIGHT;
use rules::{WRONG, Wrong};
use search::{Found, search};
use world::{Effect, Scenario};

const TWO_AMOUNTS: Scenario = Scenario {
    name: "two amounts",
    amount: 100,
    wants: &[30, 20],
    refunds: 3,
    falls: &[20, 30, 50],
    most_falls: 2,
    claims: &[],
    adopted: 0,
    mistakes: 0,
    is_keyless: false,
};
/// Nothing goes back without us.
const OURS: Scenario = Scenario { name: "ours alone", most_falls: 0, ..TWO_AMOUNTS };
const EQUAL: Scenario = Scenario { name: "equal amounts", wants: &[30], falls: &[30, 60], ..TWO_AMOUNTS };
/// One of two claims is true.
const CLAIMS: Scenario =
    Scenario { name: "an earlier system's claims", claims: &[(30, Effect::Shown), (20, Effect::None)], ..TWO_AMOUNTS };
/// A person says once what is not so.
const MISTAKEN: Scenario =
    Scenario { name: "a mistaken person", wants: &[30], falls: &[30, 20], refunds: 2, mistakes: 1, ..TWO_AMOUNTS };
const LATE_CLAIM: Scenario =
    Scenario { name: "a claim shown late, adopted", claims: &[(30, Effect::Hidden)], adopted: 20, ..TWO_AMOUNTS };
const SUMS: Scenario = Scenario { name: "sums of others", wants: &[10, 20, 30], falls: &[10, 30], ..TWO_AMOUNTS };
const ALL_LEFT: Scenario =
    Scenario { name: "all that is left, and no key", wants: &[0, 30], is_keyless: true, ..TWO_AMOUNTS };
const TIGHT: Scenario = Scenario { name: "no more than two", amount: 60, wants: &[0, 30], falls: &[30], ..TWO_AMOUNTS };
const FOUR: Scenario =
    Scenario { name: "four calls", wants: &[30], refunds: 4, falls: &[30], most_falls: 1, ..TWO_AMOUNTS };

/// Scenarios, each with the length of its histories in a slice and in depth. Of a mistaken person longer ones are known to
/// break: a no that was not so, and then a yes while no balance can be read, leave the refund's amount booked elsewhere
/// too, and hide another lost one until its key asks again.
const SCENARIOS: [(Scenario, usize, usize); 10] = [
    (MISTAKEN, 7, 8),
    (OURS, 7, 26),
    (TWO_AMOUNTS, 6, 12),
    (EQUAL, 7, 24),
    (CLAIMS, 6, 13),
    (LATE_CLAIM, 5, 11),
    (SUMS, 5, 11),
    (ALL_LEFT, 5, 11),
    (TIGHT, 6, 20),
    (FOUR, 7, 24),
];

/// Every history of a scenario keeps every promise. One scenario after the other, and a line for each.
#[test]
fn all_histories_keep_the_promises() {
    let is_deep = std::env::var("KASPID_HISTORIES").is_ok_and(|how| how == "deep");
    for (scenario, slice, deep) in SCENARIOS {
        let length = if is_deep { deep } else { slice };
        let Found { histories, states, steps, cut, breach } = search(&scenario, RIGHT, length);
        println!(
            "{}, up to {length} steps: {histories} histories through {states} states, {steps} steps tried, {cut} cut",
            scenario.name
        );
        assert!(breach.is_none(), "{breach:?}");
    }
}

/// A rule that is wrong is found, by a history as short as can be.
#[test]
fn every_wrong_rule_is_found() {
    for Wrong { name, rule, scenario, steps } in WRONG {
        let (breach, history) = search(&scenario, rule, steps).breach.expect(name);
        println!("{name}:\n  {breach:?} by {history:?}");
        assert_eq!(history.len(), steps, "{name}: {breach:?} by {history:#?}");
    }
}
