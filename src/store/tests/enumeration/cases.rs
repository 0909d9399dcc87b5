//! Histories that went wrong once, or nearly, each by its name.

use super::daemon::{Answer, Ask, RIGHT};
use super::steps::{Next, Step};
use super::world::{Effect, Scenario, World, id_of, key_name, no_time, tiyn};
use super::{CLAIMS, TWO_AMOUNTS};
use crate::domain::{Dialect, Evidence};
use crate::store::event::{Closed, Ending};
use crate::store::{AttemptObstacle, Attempts, PaymentRow, RefundState, Wanted};
use Effect::{Hidden, Shown};
use Step::{Elsewhere, Happens, Read, Shows, Word};

pub(super) const LOST: Step = Step::Answer(Answer::Lost);
const RESTART: Step = Step::Answer(Answer::Restart);
pub(super) const DONE: Step = Step::Answer(Answer::Done);
pub(super) const REFUSED: Step = Step::Answer(Answer::Refused);

pub(super) const PERSON: RefundState = RefundState::Success(Evidence::Person);
pub(super) const BALANCE: RefundState = RefundState::Success(Evidence::Balance);
pub(super) const ANSWER: RefundState = RefundState::Success(Evidence::Answer);

pub(super) fn ask(key: usize, amount: u64) -> Step {
    Step::Ask(Ask { key: Some(key), amount, is_repeat: false, word: None })
}

pub(super) fn repeat(key: usize, amount: u64) -> Step {
    Step::Ask(Ask { key: Some(key), amount, is_repeat: true, word: None })
}

impl World {
    /// What these steps make of it; each keeps all promises.
    pub(super) fn then(&self, steps: &[Step]) -> Self {
        steps.iter().fold(self.clone(), |world, step| match step.take(&world, world.code(), RIGHT).unwrap() {
            Next::World(world) => world,
            Next::Same => world,
            Next::Cut => panic!("{step:?} cannot be told"),
        })
    }

    pub(super) fn states(&self) -> Vec<RefundState> {
        self.payment.refunds.iter().map(|row| row.state).collect()
    }

    pub(super) fn elsewhere(&self) -> u64 {
        self.payment.refunded_elsewhere.tiyn()
    }
}

pub(super) fn payment() -> World {
    World::start(&TWO_AMOUNTS)
}

/// A refund of 30 whose answer was lost, called failed and watched.
pub(super) fn watched() -> World {
    let world = payment().then(&[ask(0, 30), LOST, Read(true)]);
    assert_eq!(world.states(), [RefundState::Watched]);
    world
}

/// A refund called failed happens late, and a cashier pays 20 back: whoever reads first, it is doubted, nothing is
/// booked and nothing sent; a person's word lets the rest be booked.
#[test]
fn a_late_refund_and_a_cashiers_are_not_taken_for_elsewhere() {
    let late = watched().then(&[Happens(0, Shown), Elsewhere(20, Shown)]);
    for reader in [ask(0, 30), ask(1, 10), Read(false)] {
        let read = late.then(&[reader]);
        assert_eq!((read.states(), read.elsewhere()), (vec![RefundState::Doubted], 0), "{reader:?}");
        let same = read.then(&[ask(0, 30), ask(1, 10), repeat(1, 30), Read(true)]);
        assert_eq!(same.states(), [RefundState::Doubted], "nothing is sent");
        let said = read.then(&[Word(0, true), Read(false)]);
        assert_eq!((said.states(), said.elsewhere()), (vec![PERSON], 20));
    }
}

/// An imported refund that never happened: ours is measured by the balance of its own intent, also after a restart.
#[test]
fn a_false_claim_does_not_make_a_refund_failed() {
    let books = Scenario { claims: &[(30, Effect::None)], ..TWO_AMOUNTS };
    let killed = World::start(&books).then(&[ask(0, 30), Happens(1, Shown), RESTART]);
    let read = killed.then(&[Read(true)]);
    assert_eq!(read.states(), [RefundState::Doubted, RefundState::Doubted]);
    let said = read.then(&[Word(0, true), Read(true)]);
    assert_eq!(said.states(), [RefundState::Failed { by_person: true }, BALANCE]);
    let other = World::start(&books).then(&[ask(0, 20), Happens(1, Shown), RESTART, Read(true)]);
    assert_eq!(other.states(), [RefundState::Watched, BALANCE], "the claim is more than what fell");
}

/// The balance still shows 100 after a known refund of 30: no other is sent on it, so the first that shows is not
/// taken for a second one.
#[test]
fn a_late_balance_is_no_before() {
    let known = payment().then(&[ask(0, 30), Happens(0, Hidden), DONE]);
    assert_eq!(known.then(&[ask(1, 30), Read(true)]).states(), [ANSWER]);
    let second = known.then(&[Shows(0), ask(1, 30), LOST]);
    assert_eq!(second.then(&[Read(true)]).states(), [ANSWER, RefundState::Watched]);
    assert_eq!(second.then(&[Happens(1, Shown), Read(true)]).states(), [ANSWER, BALANCE]);
}

/// What could not be read in time stays unsettled, and the first reading ends it, either way.
#[test]
fn a_lost_refund_is_settled_by_the_first_reading_that_can() {
    let lost = payment().then(&[ask(0, 30), LOST]);
    assert_eq!(lost.then(&[Read(false)]).states(), [RefundState::Unsettled]);
    assert_eq!(lost.then(&[Happens(0, Shown), Read(false)]).states(), [BALANCE]);
    assert_eq!(lost.then(&[Read(true)]).states(), [RefundState::Watched]);
}

/// A new key does not repeat a refund that may still happen, but on purpose or for another amount.
#[test]
fn a_new_key_does_not_double_a_watched_refund() {
    let keyless = |is_repeat| Step::Ask(Ask { key: None, amount: 30, is_repeat, word: None });
    for refused in [ask(1, 30), keyless(false)] {
        assert_eq!(watched().then(&[refused]).states().len(), 1);
    }
    for sent in [ask(1, 20), repeat(1, 30), keyless(true), ask(0, 30)] {
        assert_eq!(watched().then(&[sent]).states(), [RefundState::Watched, RefundState::Running], "{sent:?}");
    }
}

/// A refund called failed that the balance shows later is its key's answer, not a reason to call again.
#[test]
fn a_late_refund_is_its_keys_answer() {
    let late = watched().then(&[Happens(0, Shown), ask(0, 30)]);
    assert_eq!(
        (late.states(), late.payment.account().attempts(Some(&key_name(0)))),
        (vec![BALANCE], Attempts::Happened)
    );
}

/// A fall of one of two equal refunds may be either's; a fall of both is both's, and of two that differ the fitting one's
/// only where the other is more than it.
#[test]
fn a_fall_settles_only_what_it_must_be() {
    let equal = watched().then(&[repeat(1, 30), LOST]);
    assert_eq!(equal.then(&[Happens(1, Shown), Read(true)]).states(), [RefundState::Doubted; 2]);
    assert_eq!(equal.then(&[Happens(0, Shown), Happens(1, Shown), Read(true)]).states(), [BALANCE; 2]);
    let smaller = watched().then(&[ask(1, 20), LOST]);
    assert_eq!(smaller.then(&[Happens(1, Shown), Read(true)]).states(), [RefundState::Watched, BALANCE]);
    assert_eq!(smaller.then(&[Happens(0, Shown), Read(true)]).states(), [RefundState::Doubted; 2]);
}

/// A fall that is less than every uncertain refund went back elsewhere.
#[test]
fn a_fall_that_no_refund_fits_is_elsewhere() {
    let fell = watched().then(&[Elsewhere(20, Shown), Read(false)]);
    assert_eq!((fell.states(), fell.elsewhere()), (vec![RefundState::Watched], 20));
    let more = fell.then(&[Elsewhere(20, Shown), Read(false)]);
    assert_eq!((more.states(), more.elsewhere()), (vec![RefundState::Watched], 40), "none of the two was 30");
}

/// The bank refuses the second attempt of a key: the first may have happened, so the key is not free, and when the
/// first comes to be shown it is the answer. A person's words free the key, in any order.
#[test]
fn a_refused_attempt_does_not_free_its_key() {
    let refused = watched().then(&[ask(0, 30), REFUSED]);
    assert_eq!(refused.keys, [Some(30)]);
    assert_eq!(refused.then(&[ask(0, 20)]).states().len(), 2, "another request under the key is refused");
    assert_eq!(refused.then(&[Happens(0, Shown), ask(0, 30)]).states()[0], BALANCE);
    assert_eq!(refused.then(&[Word(0, true)]).keys, [None]);
    let twice = watched().then(&[ask(0, 30), LOST]);
    for words in [[Word(0, true), Word(1, true)], [Word(1, true), Word(0, true)]] {
        let (first, both) = (twice.then(&words[..1]), twice.then(&words));
        assert_eq!((first.keys, &both.keys), (vec![Some(30)], &vec![None]));
        assert_eq!(both.then(&[ask(0, 20)]).states()[2], RefundState::Running, "the key is free");
    }
}

/// A refund of ours succeeds beside a watched one, and the balance shows one of them: it may be either, so the other's
/// key does not call again before a person has looked. Nobody is asked before that, and when both show, both are known.
#[test]
fn a_refund_that_another_may_hide_is_not_repeated() {
    let hidden = watched().then(&[repeat(1, 30), Happens(0, Shown), Happens(1, Hidden), DONE]);
    assert_eq!(hidden.then(&[Read(true)]).states(), [RefundState::Watched, ANSWER]);
    let again = hidden.then(&[ask(0, 30)]);
    assert_eq!(again.states(), [RefundState::Doubted, ANSWER]);
    assert_eq!(again.then(&[Word(0, true), Shows(1), Read(true)]).states(), [PERSON, ANSWER]);
    assert_eq!(hidden.then(&[Shows(1), Read(true)]).states(), [BALANCE, ANSWER]);
    let smaller = watched().then(&[ask(1, 20), Happens(1, Shown), DONE, ask(0, 30)]);
    assert_eq!(smaller.states()[2], RefundState::Running, "the smaller one hides nothing");
}

/// A person sees a refund in the app before the balance shows it. The yes counts, the late balance says nothing against
/// it, before and after it follows, and the key does not pay twice. A no is as good where the refund is not there.
#[test]
fn a_true_word_ahead_of_the_balance_counts() {
    let hidden = watched().then(&[Happens(0, Hidden)]);
    for is_read in [true, false] {
        let said = hidden.then(&[Word(0, is_read)]);
        let late = said.then(&[Read(true), ask(0, 30), ask(1, 20)]);
        assert_eq!((late.states(), late.elsewhere()), (vec![PERSON], 0), "nothing is sent, and the word stays");
        let shown = late.then(&[Shows(0), Read(true), ask(0, 30)]);
        assert_eq!((shown.states(), shown.elsewhere()), (vec![PERSON], 0));
        assert_eq!(shown.then(&[ask(1, 20)]).states()[1], RefundState::Running);
        let refuted = watched().then(&[Word(0, is_read), ask(0, 30)]);
        assert_eq!(refuted.states(), [RefundState::Failed { by_person: true }, RefundState::Running]);
    }
}

/// A cashier pays 30 back, then a refund of ours of 30 is lost, and a person sees it in the app before the balance shows
/// it. The balance has not fallen since: what is booked elsewhere stays so, nothing is sent, and when the refund shows,
/// it is not taken for another.
#[test]
fn a_late_balance_takes_nothing_back_from_elsewhere() {
    let late = payment().then(&[Elsewhere(30, Shown), ask(0, 30), Happens(0, Hidden), LOST, Word(0, true)]);
    assert_eq!((late.states(), late.elsewhere()), (vec![PERSON], 30));
    let asked = late.then(&[ask(1, 30), LOST, Shows(0), Read(true)]);
    assert_eq!((asked.states(), asked.elsewhere()), (vec![PERSON], 30));
    assert_eq!(asked.then(&[ask(1, 30)]).states()[1], RefundState::Running);
}

/// A person says too early that a refund did not happen, it happens and is booked elsewhere with what a cashier pays back,
/// and another refund is answered and not shown yet. The true word takes back what was the refund's, and no more.
#[test]
fn a_corrected_word_takes_back_what_was_its_refunds() {
    let mistaken = payment().then(&[ask(0, 30), Elsewhere(20, Shown), LOST, Step::Mistake((0, false), true)]);
    let hidden = mistaken.then(&[Happens(0, Shown), ask(1, 30), Happens(1, Hidden), DONE]);
    assert_eq!(hidden.elsewhere(), 50);
    let said = hidden.then(&[Word(0, true)]);
    assert_eq!((said.elsewhere(), said.states()), (20, vec![PERSON, ANSWER]));
    assert_eq!(said.then(&[Shows(1), Read(true)]).elsewhere(), 20);
}

/// A refund is answered and not shown yet, a cashier pays more than it back, and a second refund of its amount is lost and
/// never happens. When the first one shows, that may be either: neither is called done by it, and a person's word ends it.
#[test]
fn a_refund_that_shows_late_is_not_taken_for_another() {
    let answered = payment().then(&[ask(0, 30), Happens(0, Hidden), DONE, Elsewhere(40, Shown), Read(true)]);
    assert_eq!((answered.states(), answered.elsewhere()), (vec![ANSWER], 10));
    let shown = answered.then(&[ask(1, 30), LOST, Shows(0), Read(true)]);
    assert_eq!(shown.states(), [ANSWER, RefundState::Doubted]);
    let ended = shown.then(&[Word(1, false), Read(true)]);
    assert_eq!((ended.elsewhere(), ended.states()[0]), (40, ANSWER));
    // Where nothing went elsewhere meanwhile, it is shown before the second one is sent.
    let plain = payment().then(&[Elsewhere(10, Shown), ask(0, 30), Happens(0, Shown), DONE, ask(1, 30)]);
    assert_eq!(plain.then(&[Happens(1, Shown), LOST, Read(true)]).states(), [ANSWER, BALANCE]);
}

/// What a person has ended before a refund was sent is in the balance of its intent, and hides it from nobody.
#[test]
fn what_was_ended_before_hides_nothing() {
    let ended = payment().then(&[ask(0, 50), LOST, Happens(0, Shown), Word(0, true)]);
    let lost = ended.then(&[ask(1, 30), LOST, Read(true)]);
    assert_eq!(lost.states(), [PERSON, RefundState::Watched]);
    assert_eq!(lost.then(&[ask(1, 30)]).states()[2], RefundState::Running);
}

/// A person speaks between the reading and the intent: what was read is not what is known any more.
#[test]
fn a_word_between_reading_and_intent_is_heard() {
    let late = watched().then(&[Happens(0, Hidden)]);
    let asked = late.then(&[Step::Ask(Ask { key: Some(1), amount: 20, is_repeat: false, word: Some(0) })]);
    assert_eq!(asked.states(), [PERSON]);
}

/// What an earlier system claims is judged by the reading before the first refund of ours, and by no late one after.
#[test]
fn a_claim_is_judged_once() {
    let judged = World::start(&CLAIMS).then(&[Elsewhere(20, Shown), ask(0, 30), Happens(2, Hidden), DONE, Read(true)]);
    assert_eq!(judged.states(), [ANSWER; 3]);
    let doubted = World::start(&CLAIMS).then(&[ask(0, 30)]);
    assert_eq!(doubted.states(), [RefundState::Doubted; 2], "one of two fell, and nothing is sent before it is told");
}

/// Of two attempts of a key the balance shows one: the key is done. The other is nobody's question and in nobody's way.
#[test]
fn one_of_a_keys_attempts_is_enough() {
    let shown = watched().then(&[ask(0, 30), LOST, Happens(1, Shown), Read(true)]);
    assert_eq!(shown.states(), [RefundState::Watched, BALANCE]);
    let account = shown.payment.account();
    assert!(!account.is_for_a_person(&shown.payment.refunds[0]));
    assert_eq!(shown.then(&[ask(0, 30)]).states().len(), 2);
    assert_eq!(shown.then(&[ask(1, 30)]).states()[2], RefundState::Running);
    assert_eq!(shown.then(&[Elsewhere(50, Shown), Read(true)]).elsewhere(), 50);
}

/// Two attempts of a key are doubted beside another refund. As soon as one of them is known, by the balance or by a
/// person, the other is no question any more: there is one refund in the Kaspi Pay app, and nobody can tell whose it is.
#[test]
fn a_doubt_of_two_attempts_is_one_doubt() {
    let other = payment().then(&[ask(1, 20), LOST, Read(true)]);
    let twice = other.then(&[ask(0, 30), LOST, Read(true), ask(0, 30), LOST]);
    let doubted = twice.then(&[Happens(1, Shown), Read(true)]);
    assert_eq!(doubted.states(), [RefundState::Doubted; 3]);
    let by_balance = doubted.then(&[Word(0, true), Read(true)]);
    assert_eq!(by_balance.states(), [RefundState::Failed { by_person: true }, RefundState::Watched, BALANCE]);
    let by_person = doubted.then(&[Word(1, true), Read(true)]);
    assert_eq!(by_person.states(), [RefundState::Doubted, PERSON, RefundState::Watched]);
}

/// While a refund runs, a fall that may be its own is left to its end.
#[test]
fn a_running_refund_is_judged_by_its_own_end() {
    let running = payment().then(&[ask(0, 30), Happens(0, Shown), Elsewhere(20, Shown), Read(true)]);
    assert_eq!((running.states(), running.elsewhere()), (vec![RefundState::Running], 0));
    assert_eq!(running.then(&[DONE, Read(true)]).elsewhere(), 20);
}

/// The guide's bank has no balance: a lost answer is a person's at once, and its word ends it.
#[test]
fn without_a_balance_a_person_ends_every_lost_answer() {
    let world = payment().then(&[ask(0, 30)]);
    let mut row = PaymentRow { dialect: Dialect::Guide, ..(*world.payment).clone() };
    row.refunds[0].balance_before = None;
    row.ended(&Ending::RefundLost, Some(id_of(0)), no_time());
    assert_eq!(row.refunds[0].state, RefundState::Doubted);
    let (own, other) = (key_name(0), key_name(1));
    let wanted = |key| Wanted { amount: Some(tiyn(30)), key: Some(key), is_repeat: true, balance: None };
    assert_eq!(row.account().another(&wanted(&own)), Err(AttemptObstacle::InDoubt(&row.refunds[0])));
    assert_eq!(row.account().another(&wanted(&other)), Err(AttemptObstacle::Open(&row.refunds[0])));
    row.resolved(&Closed::Refund { refund: id_of(0), happened: false }, no_time());
    assert_eq!(row.account().attempts(Some(&own)), Attempts::Nothing);
    assert_eq!(row.account().another(&wanted(&own)), Ok(tiyn(30)));
}

/// No more goes back than the balance and we say is left; without an amount it is all of that.
#[test]
fn no_more_goes_back_than_is_left() {
    let fell = payment().then(&[Elsewhere(50, Shown), ask(0, 30), Happens(0, Shown), DONE]);
    assert_eq!(fell.then(&[ask(1, 30)]).states().len(), 1);
    let rest = fell.then(&[ask(1, 0)]);
    assert_eq!(rest.payment.refunds[1].amount, tiyn(20));
}
