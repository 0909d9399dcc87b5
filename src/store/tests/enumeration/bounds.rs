//! Where a decision turns, one step to either side, and what few steps do not reach.

use super::CLAIMS;
use super::cases::{ANSWER, BALANCE, DONE, LOST, PERSON, REFUSED, ask, payment, repeat, watched};
use super::daemon::Ask;
use super::steps::Step;
use super::steps::Step::{Elsewhere, Happens, Read, Word};
use super::world::Effect::{Hidden, None as Never, Shown};
use super::world::{Fate, Scenario, World, id_of, key_name, no_time, tiyn};
use crate::money::Amount;
use crate::store::account::Booking;
use crate::store::{Attempts, PaymentRow, RefundState, Untrue};
use std::rc::Rc;

fn keyless(amount: u64) -> Step {
    Step::Ask(Ask { key: None, amount, is_repeat: false, word: None })
}

/// A payment of 100 with refunds in these states, and what went back elsewhere.
fn books(refunds: &[(u64, RefundState)], elsewhere: u64) -> PaymentRow {
    let mut row = (*payment().payment).clone();
    row.refunded_elsewhere = tiyn(elsewhere);
    for (place, (amount, state)) in refunds.iter().enumerate() {
        row.refunded_earlier(tiyn(*amount), no_time());
        let refund = &mut row.refunds[place];
        (refund.id, refund.state, refund.is_claimed) = (id_of(place), *state, false);
    }
    row
}

/// Three that fall at once are three; two under one key are two, when it has come to that.
#[test]
fn all_that_fall_together_are_known() {
    let two = watched().then(&[ask(1, 20), LOST, Read(true), repeat(2, 30), LOST]);
    let fell = two.then(&[Happens(0, Shown), Happens(1, Shown), Happens(2, Shown), Read(true)]);
    assert_eq!(fell.states(), [BALANCE; 3]);
    let mut twice = watched().then(&[ask(0, 30), LOST, Happens(0, Shown), Read(true)]);
    assert_eq!(twice.states(), [RefundState::Watched, BALANCE]);
    twice.fates[1].effect = Shown;
    let twice = twice.then(&[Read(true)]);
    assert_eq!((twice.states(), twice.elsewhere()), (vec![BALANCE; 2], 0));
}

/// Who does not ask under the key of a refund that another may hide makes no doubt of it.
#[test]
fn only_its_own_key_doubts_a_hidden_refund() {
    let two = [repeat(1, 30), Happens(0, Shown), Happens(1, Hidden), DONE];
    let hidden = watched().then(&two);
    assert_eq!(hidden.then(&[ask(2, 20)]).states(), [RefundState::Watched, ANSWER, RefundState::Running]);
    let nobodys = payment().then(&[keyless(30), LOST, Read(true)]).then(&two);
    assert_eq!(nobodys.then(&[Read(true)]).states(), [RefundState::Watched, ANSWER]);
}

/// A lost refund that one known by its answer may hide is doubted, and not before its time is over.
#[test]
fn a_hidden_refund_is_doubted_when_its_time_is_over() {
    let known = payment().then(&[ask(0, 30), Happens(0, Hidden), DONE, Elsewhere(30, Shown)]);
    let lost = known.then(&[ask(1, 20), LOST]);
    assert_eq!(lost.then(&[Happens(1, Shown), Elsewhere(20, Hidden), Read(false)]).states(), [ANSWER, BALANCE]);
    assert_eq!(lost.then(&[Read(false)]).states()[1], RefundState::Unsettled);
    assert_eq!(lost.then(&[Read(true)]).states()[1], RefundState::Watched, "nothing fell since it was sent");
}

/// What surely did not happen, or happened, stands in nobody's way; without a key nothing is an attempt at anything.
#[test]
fn what_is_known_is_in_nobodys_way() {
    assert_eq!(payment().then(&[ask(0, 30), REFUSED, ask(1, 30)]).states()[1], RefundState::Running);
    let done = payment().then(&[keyless(30), Happens(0, Shown), DONE]);
    assert_eq!(done.then(&[ask(1, 30)]).states()[1], RefundState::Running);
    let lost = payment().then(&[keyless(30), LOST]);
    assert_eq!(lost.payment.account().attempts(None), Attempts::Nothing);
    assert!(!lost.payment.account().is_done(&lost.payment.refunds[0]));
}

/// Of the attempts of a key the one that is in doubt is named, though a later one is known not to have happened.
#[test]
fn a_later_attempt_hides_no_doubt() {
    let twice = payment().then(&[ask(1, 20), LOST, Read(true), ask(0, 30), LOST, Read(true), ask(0, 30), LOST]);
    let said = twice.then(&[Happens(1, Shown), Read(true), Word(2, true)]);
    assert_eq!(said.payment.account().attempts(Some(&key_name(0))), Attempts::InDoubt(&said.payment.refunds[1]));
}

/// A claim that is imported when another is watched does not hide that the other happened.
#[test]
fn a_later_claim_hides_no_earlier_one() {
    let mut late = World::start(&Scenario { claims: &[(30, Never)], ..CLAIMS }).then(&[Read(true)]);
    let row = Rc::make_mut(&mut late.payment);
    row.refunded_earlier(tiyn(40), no_time());
    row.refunds[1].id = id_of(1);
    late.fates.push(Fate { effect: Never, may_come: false, was_denied: false });
    late.fates[0].effect = Shown;
    assert_eq!(late.then(&[Read(true)]).states(), [BALANCE, RefundState::Watched]);
}

/// A key that was free again and asked for another amount has two intentions: neither is the other's attempt.
#[test]
fn two_amounts_under_one_key_are_two_intentions() {
    let of_key = |first| {
        let mut row = books(&[(20, first), (30, RefundState::Watched)], 0);
        for refund in &mut row.refunds {
            (refund.key, refund.asked, refund.balance_before) =
                (Some(key_name(0)), Some(refund.amount), Some(tiyn(100)));
        }
        row
    };
    let (both, row) = (of_key(RefundState::Watched), of_key(ANSWER));
    let doubted = [0, 1].map(|refund| Booking::Doubted(id_of(refund)));
    assert_eq!(both.account().read(tiyn(70), None, |_| true), Ok(doubted.to_vec()));
    let (account, own) = (row.account(), key_name(0));
    assert_eq!(account.attempts_at(Some(&own), Some(tiyn(30))), Attempts::NotSeen);
    assert_eq!(account.attempts_at(Some(&own), Some(tiyn(20))), Attempts::Happened);
    assert!(!account.is_done(&row.refunds[1]) && account.is_for_a_person(&row.refunds[1]));
}

/// A yes is too much where more went back by it than was paid. What may have been booked elsewhere instead of it counts
/// only where no balance tells.
#[test]
fn a_yes_is_within_what_was_paid() {
    let yes = |others: &[(u64, RefundState)], elsewhere, balance: Option<u64>| {
        let refunds = [&[(60, RefundState::Watched)], others].concat();
        let row = books(&refunds, elsewhere);
        row.account().could_be(&row.refunds[0], true, balance.map(tiyn))
    };
    assert_eq!((yes(&[], 40, None), yes(&[], 41, None)), (Ok(()), Err(Untrue::MoreThanPaid)));
    assert_eq!((yes(&[], 60, Some(40)), yes(&[], 60, Some(100))), (Ok(()), Ok(())));
    let failed = (40, RefundState::Failed { by_person: true });
    assert_eq!(
        (yes(&[(40, ANSWER), failed], 0, None), yes(&[(41, ANSWER)], 0, None)),
        (Ok(()), Err(Untrue::MoreThanPaid))
    );
    assert_eq!(yes(&[(40, ANSWER)], 1, None), Err(Untrue::MoreThanPaid));
    assert_eq!(
        (yes(&[(40, ANSWER)], 20, Some(40)), yes(&[(41, ANSWER)], 0, Some(0))),
        (Ok(()), Err(Untrue::MoreThanPaid))
    );
}

/// A no is not taken against a balance that has fallen by all that is known with the refund, and by no less.
#[test]
fn a_no_is_taken_unless_the_balance_shows_the_refund() {
    let no = |state, others: &[(u64, RefundState)], elsewhere, balance: Option<u64>| {
        let row = books(&[&[(30, state)], others].concat(), elsewhere);
        row.account().could_be(&row.refunds[0], false, balance.map(tiyn)).is_ok()
    };
    for (state, others, elsewhere, balance, is_taken) in [
        (BALANCE, &[][..], 0, Some(71), true),
        (BALANCE, &[], 0, Some(70), false),
        (PERSON, &[], 0, Some(69), false),
        (BALANCE, &[], 0, None, true),
        (RefundState::Watched, &[], 0, Some(70), true),
        (BALANCE, &[], 10, Some(61), true),
        (BALANCE, &[], 10, Some(60), false),
        (BALANCE, &[(20, ANSWER)], 0, Some(51), true),
        (BALANCE, &[(20, ANSWER)], 0, Some(50), false),
        (BALANCE, &[(20, RefundState::Watched)], 0, Some(70), false),
    ] {
        assert_eq!(no(state, others, elsewhere, balance), is_taken, "{others:?} {elsewhere} {balance:?}");
    }
}

/// A balance that is too high by one refund names it, where there is one such and it is not the bank's own word.
#[test]
fn a_balance_above_names_the_one_refund_it_is_above_by() {
    let named = |refunds: &[(u64, RefundState)], balance| {
        let row = books(refunds, 0);
        row.account().too_much(tiyn(balance)).map(|refund| refund.id)
    };
    let failed = (30, RefundState::Failed { by_person: false });
    assert_eq!(named(&[failed, (30, PERSON), (20, ANSWER)], 80), Some(id_of(1)));
    assert_eq!(named(&[(30, PERSON)], 99), None);
    assert_eq!(named(&[(30, PERSON), (20, ANSWER)], 79), None);
    assert_eq!(named(&[(30, PERSON)], 60), None, "the balance is below what is left");
    assert_eq!(named(&[(30, PERSON), (30, PERSON)], 70), None, "it may be either");
    assert_eq!(
        named(&[(30, PERSON), (30, BALANCE)], 70),
        Some(id_of(1)),
        "the balance called the one what the other was"
    );
    assert_eq!(named(&[(30, ANSWER), (30, BALANCE)], 70), Some(id_of(1)));
    assert_eq!(named(&[(30, BALANCE), (30, BALANCE), (30, PERSON)], 40), None, "it may be either");
    assert_eq!(named(&[(30, ANSWER)], 100), Some(id_of(0)), "the bank denies its own answer");
}

/// What the bank has answered is a person's to correct where its own balance has denied it for long, and not before.
#[test]
fn an_answer_that_the_balance_denies_for_long_is_a_persons() {
    let seconds = |count| no_time().after(std::time::Duration::from_secs(count));
    let denied = |refunds: &[(u64, RefundState)], balance: u64, age: u64| {
        let row = PaymentRow { balance_above: Some((tiyn(balance), no_time())), ..books(refunds, 0) };
        row.is_denied(&row.refunds[0], seconds(age))
    };
    for (refunds, balance, age, is_so) in [
        (&[(30, ANSWER)][..], 100, 300, true),
        (&[(30, ANSWER)], 100, 299, false),
        (&[(30, ANSWER)], 99, 300, false),
        (&[(30, ANSWER), (20, ANSWER)], 80, 300, true),
        (&[(30, BALANCE)], 100, 300, false),
    ] {
        assert_eq!(denied(refunds, balance, age), is_so, "{refunds:?} {balance} {age}");
    }
}

/// Where more is known to have gone back than was paid, nothing is left.
#[test]
fn nothing_is_left_where_more_is_gone() {
    assert_eq!(books(&[(30, PERSON)], 80).account().left(), Amount::ZERO);
    let all = PaymentRow { amount: Amount::LIMIT, refunded_elsewhere: Amount::LIMIT, ..books(&[(30, PERSON)], 0) };
    assert_eq!(all.account().left(), Amount::ZERO);
}
