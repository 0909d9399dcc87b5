//! All histories, the short ones first. Those that lead to one state go on as one, with their number: what can follow
//! is the same.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;

use super::daemon::Rule;
use super::promises::{self, Breach};
use super::steps::{Next, Step, possible};
use super::world::{Scenario, World};

/// What a search has found.
#[derive(Default)]
pub(super) struct Found {
    /// Of every length, the empty one included.
    pub(super) histories: u128,
    /// Different states that they pass.
    pub(super) states: usize,
    /// Steps that were tried.
    pub(super) steps: u64,
    pub(super) cut: u128,
    /// The shortest history that breaks a promise.
    pub(super) breach: Option<(Breach, Vec<Step>)>,
}

/// The steps of a history, the last one first.
type Story = Option<Rc<Told>>;

struct Told {
    step: Step,
    before: Story,
}

struct Node {
    world: World,
    histories: u128,
    /// Of the first of them.
    story: Story,
}

/// All histories of at most `length` steps, up to the first that breaks a promise.
pub(super) fn search(scenario: &Scenario, rule: Rule, length: usize) -> Found {
    let (mut found, mut seen) = (Found::default(), HashSet::new());
    let start = Node { world: World::start(scenario), histories: 1, story: None };
    let mut level = BTreeMap::from([(start.world.code(), start)]);
    for left in (0..=length).rev() {
        let mut next = BTreeMap::new();
        for (code, node) in level {
            found.histories += node.histories;
            let end = if seen.insert(code) { promises::of_the_end(&node.world, rule) } else { Ok(()) };
            let steps = if left > 0 { possible(&node.world, scenario) } else { Vec::new() };
            let broken = end.map_err(|breach| (breach, node.story.clone()));
            if let Err((breach, story)) = broken.and_then(|()| found.follow(&mut next, (code, &node, rule), &steps)) {
                found.breach = Some((breach, told(story)));
                return found;
            }
        }
        level = next;
    }
    found.states = seen.len();
    found
}

impl Found {
    fn follow(
        &mut self,
        next: &mut BTreeMap<u128, Node>,
        (code, node, rule): (u128, &Node, Rule),
        steps: &[Step],
    ) -> Result<(), (Breach, Story)> {
        for step in steps {
            self.steps += 1;
            let story = || Some(Rc::new(Told { step: *step, before: node.story.clone() }));
            match step.take(&node.world, code, rule).map_err(|breach| (breach, story()))? {
                Next::Same => {}
                Next::Cut => self.cut += node.histories,
                Next::World(world) => {
                    let behind =
                        next.entry(world.code()).or_insert_with(|| Node { world, histories: 0, story: story() });
                    behind.histories += node.histories;
                }
            }
        }
        Ok(())
    }
}

fn told(mut story: Story) -> Vec<Step> {
    let mut steps = Vec::new();
    while let Some(last) = story {
        steps.push(last.step);
        story = last.before.clone();
    }
    steps.reverse();
    steps
}
