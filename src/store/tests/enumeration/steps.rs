//! What can come next in a history.

use super::daemon::{Answer, Ask, Rule};
use super::promises::{self, Breach};
use super::world::{Effect, Scenario, World, tiyn};
use crate::store::RefundState;

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Ask(Ask),
    Answer(Answer),
    /// A refund of ours happens, at its call or at any time after it, and the balance shows it or not.
    Happens(usize, Effect),
    Shows(usize),
    /// So much goes back without us.
    Elsewhere(u64, Effect),
    ShowsElsewhere(usize),
    /// The balance is read; `true`: the time to settle of what is unsettled is over.
    Read(bool),
    /// A person says of a refund what is so; `true`: and the balance can be read.
    Word(usize, bool),
    /// A person is mistaken, and says this of a refund; `true`: and the balance can be read.
    Mistake((usize, bool), bool),
}

/// What becomes of a history by a step.
pub(super) enum Next {
    World(World),
    /// Nothing changes.
    Same,
    /// A second effect under a key whose call nothing forbade: no balance had shown the first.
    Cut,
}

/// Every step that may come next.
pub(super) fn possible(world: &World, scenario: &Scenario) -> Vec<Step> {
    let mut steps = vec![Step::Read(false)];
    if world.payment.refunds.iter().any(|row| row.state == RefundState::Unsettled) {
        steps.push(Step::Read(true));
    }
    match world.running() {
        Some(refund) => steps.extend(answers(world, refund).map(Step::Answer)),
        None => steps.extend(asks(world, scenario).into_iter().map(Step::Ask)),
    }
    steps.extend(happenings(world));
    steps.extend(falls(world, scenario));
    steps.extend(words(world));
    steps.extend(mistakes(world, scenario));
    steps
}

/// While a call runs nobody is heard.
fn words(world: &World) -> impl Iterator<Item = Step> {
    let asked = |refund: &usize| world.running().is_none() && world.is_for_a_person(*refund);
    (0..world.fates.len()).filter(asked).flat_map(|refund| [false, true].map(|is_read| Step::Word(refund, is_read)))
}

fn mistakes(world: &World, scenario: &Scenario) -> impl Iterator<Item = Step> {
    let is_heard = world.running().is_none() && world.mistakes < scenario.mistakes;
    let refunds = (0..world.fates.len()).filter(move |_| is_heard);
    let said = refunds.flat_map(|refund| world.mistakes_of(refund).map(move |says| (refund, says)));
    said.flat_map(|said| [false, true].map(|is_read| Step::Mistake(said, is_read)))
}

fn answers(world: &World, refund: usize) -> impl Iterator<Item = Answer> {
    let has_happened = world.fates[refund].effect != Effect::None;
    let told = if has_happened { Answer::Done } else { Answer::Refused };
    [told, Answer::Lost, Answer::Restart].into_iter()
}

fn asks(world: &World, scenario: &Scenario) -> Vec<Ask> {
    if world.fates.len() >= scenario.claims.len() + scenario.refunds {
        return Vec::new();
    }
    let words = (0..world.fates.len()).filter(|refund| world.is_for_a_person(*refund)).map(Some);
    let words: Vec<Option<usize>> = words.chain([None]).collect();
    let keys = (0..=world.keys.len()).map(Some).chain(scenario.is_keyless.then_some(None));
    let mut asks = Vec::new();
    for key in keys {
        for amount in scenario.wants.iter().copied() {
            for is_repeat in [false, true] {
                asks.extend(words.iter().map(|word| Ask { key, amount, is_repeat, word: *word }));
            }
        }
    }
    asks
}

fn happenings(world: &World) -> impl Iterator<Item = Step> {
    world.refunds().flat_map(|(place, row, fate)| match fate.effect {
        Effect::Hidden => vec![Step::Shows(place)],
        Effect::None if fate.may_come && world.has(row.amount) => {
            [Effect::Hidden, Effect::Shown].map(|effect| Step::Happens(place, effect)).to_vec()
        }
        _ => Vec::new(),
    })
}

fn falls(world: &World, scenario: &Scenario) -> impl Iterator<Item = Step> {
    let shows = |place: &usize| world.falls[*place].1 == Effect::Hidden;
    let most = scenario.most_falls + usize::from(scenario.adopted > 0);
    let may_fall = move |amount: &&u64| world.falls.len() < most && world.has(tiyn(**amount));
    let new = scenario.falls.iter().filter(may_fall);
    let new = new.flat_map(|amount| [Effect::Hidden, Effect::Shown].map(|effect| Step::Elsewhere(*amount, effect)));
    (0..world.falls.len()).filter(shows).map(Step::ShowsElsewhere).chain(new)
}

impl Step {
    /// Takes it, from a world of this code.
    pub(super) fn take(self, world: &World, code: u128, rule: Rule) -> Result<Next, Breach> {
        let mut next = world.clone();
        match self {
            Self::Ask(ask) => drop(next.ask(rule, ask)?),
            Self::Answer(answer) => next.running().into_iter().for_each(|refund| next.end(rule, refund, answer)),
            Self::Happens(refund, _) if is_second(world, refund) => return Ok(Next::Cut),
            Self::Happens(refund, effect) => next.fates[refund].effect = effect,
            Self::Shows(refund) => next.fates[refund].effect = Effect::Shown,
            Self::Elsewhere(amount, effect) => next.falls.push((tiyn(amount), effect)),
            Self::ShowsElsewhere(place) => next.falls[place].1 = Effect::Shown,
            Self::Read(is_settled) => drop(next.read(rule, None, is_settled)?),
            Self::Word(refund, is_read) => next.true_word(rule, refund, is_read)?,
            Self::Mistake(said, is_read) => next.mistake(rule, said, is_read)?,
        }
        if next.code() == code {
            return Ok(Next::Same);
        }
        promises::of_a_state(&next)?;
        Ok(Next::World(next))
    }
}

/// Whether another attempt under its key has happened.
fn is_second(world: &World, refund: usize) -> bool {
    let key = &world.payment.refunds[refund].key;
    world.refunds().any(|(_, row, fate)| key.is_some() && row.key == *key && fate.effect != Effect::None)
}
