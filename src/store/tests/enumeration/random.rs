//! Histories longer than can be enumerated, by chance.

use std::mem::discriminant;

use proptest::prelude::*;

use super::TWO_AMOUNTS;
use super::daemon::RIGHT;
use super::promises;
use super::steps::{Next, Step, possible};
use super::world::{Effect, Scenario, World};

const LONG: Scenario = Scenario {
    name: "long",
    amount: 200,
    wants: &[10, 20, 30, 50, 0],
    refunds: 7,
    falls: &[10, 20, 30, 40, 60],
    most_falls: 4,
    is_keyless: true,
    ..TWO_AMOUNTS
};
const CLAIMED: Scenario =
    Scenario { claims: &[(30, Effect::Shown), (20, Effect::Hidden), (10, Effect::None)], adopted: 10, ..LONG };

/// One of the steps that may come next: first its kind, so that the many ways to ask do not drown the others.
fn pick(world: &World, scenario: &Scenario, (kind, which): (u8, u16)) -> Step {
    let steps = possible(world, scenario);
    let mut kinds = Vec::new();
    for step in &steps {
        if !kinds.contains(&discriminant(step)) {
            kinds.push(discriminant(step));
        }
    }
    let kind = kinds[usize::from(kind) % kinds.len()];
    let of_kind: Vec<Step> = steps.into_iter().filter(|step| discriminant(step) == kind).collect();
    of_kind[usize::from(which) % of_kind.len()]
}

proptest! {
    /// The promises hold through any history, and at its end.
    #[test]
    fn a_long_history_keeps_the_promises(
        is_claimed in any::<bool>(),
        choices in prop::collection::vec(any::<(u8, u16)>(), 0..80),
    ) {
        let scenario = if is_claimed { CLAIMED } else { LONG };
        let (mut world, mut steps) = (World::start(&scenario), Vec::new());
        for choice in choices {
            let step = pick(&world, &scenario, choice);
            steps.push(step);
            match step.take(&world, world.code(), RIGHT) {
                Ok(Next::World(next)) => world = next,
                Ok(Next::Same | Next::Cut) => {}
                Err(breach) => prop_assert!(false, "{breach:?} by {steps:#?}"),
            }
            let end = promises::of_the_end(&world, RIGHT);
            prop_assert!(end.is_ok(), "{end:?} after {steps:#?}");
        }
    }
}
