//! The promises, each checked where it can be broken.
//!
//! - **P1** Never two effects under one key. A key that calls again has no attempt that the balance of its reading
//!   shows, and none of which nobody knows. What no balance could tell is left out: an attempt called failed by a
//!   reading at the end of its time to settle, whose effect comes, or comes to be shown, only behind the reading on
//!   which its key called again. Such histories are cut where the second effect comes, and counted.
//! - **P2** Whenever nothing is pending, what is booked (successes and elsewhere) is what the balance shows. What the
//!   balance shows is never called failed. At a balance that shows all, each refund that happened is a success or in
//!   doubt. A success that did not happen has an equal sum that went back elsewhere instead.
//! - **P3** A reading behind what is known books nothing, and no refund is sent on it; none is sent unless what is
//!   known is what the balance shows.
//! - **P4** A key that may have done something is not free for another request; one that surely did nothing is, by the
//!   bank's refusals and a person's words. Nothing is sent beside a refund of which nobody knows, and the same amount
//!   not beside one that may still happen, unless it is repeated on purpose.
//! - **P5** From every state a balance that shows all, a person's true words on what is pending and the balance once
//!   more leave nothing pending, and no true balance looks late.
//! - **P6** What is left by our books is what the bank has left, at a balance that shows all and nothing pending. No
//!   more is sent than both the balance and we say is left. (That the sum of what happens stays within the payment is
//!   the bank's: refunds called failed may come after others were sent.)
//! - **P7** Where the balance can be read, late or not, no true yes is refused, and no true no on what is not called a
//!   success. What a person has said no reading changes. What a yes tells is
//!   not booked elsewhere too, and a no against what the balance shows is not taken. Mistakes end, by words that are so and
//!   where those leave a balance above what is left, by a person who lets the balance stand.

use super::daemon::{Answer, Ask, Rule};
use super::words::is_mistaken;
use super::world::{Effect, Fate, World, is_success, key_name, tiyn};
use crate::domain::Evidence;
use crate::money::Amount;
use crate::store::account::Booking;
use crate::store::{RefundRow, RefundState, Seen, Stale};

/// A promise that a history breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Breach(pub(super) &'static str);

fn hold(is_kept: bool, promise: &'static str) -> Result<(), Breach> {
    if is_kept { Ok(()) } else { Err(Breach(promise)) }
}

/// Of what a reading is to book.
pub(super) fn before_booking(world: &World, entries: &[Booking]) -> Result<(), Breach> {
    leaves_words(world, entries.iter())?;
    is_new(world, entries.iter())?;
    let is_late = world.is_judged() && world.shown() < world.known();
    hold(!is_late || entries.is_empty(), "P3: a reading behind what is known booked something")
}

/// Of a word that is so and was not taken.
pub(super) fn of_a_refused_word(world: &World, refund: usize, is_read: bool) -> Result<(), Breach> {
    let (row, fate) = (&world.payment.refunds[refund], world.fates[refund]);
    // By another attempt of its key it is known already.
    let is_asked = world.payment.account().is_for_a_person(row);
    let is_misled = world.refunds().any(|(_, other, fate)| other.id != row.id && is_mistaken(other, fate));
    let must_count = if fate.effect == Effect::None { !is_success(row) } else { is_read && !is_misled };
    hold(!is_asked || !must_count, "P7: a true word is refused")
}

/// Of a mistake that was taken, by what was known before.
pub(super) fn of_a_mistake(
    before: &World,
    world: &World,
    (refund, says): (usize, bool),
    is_read: bool,
) -> Result<(), Breach> {
    if says {
        let is_within = is_read || world.known() <= world.payment.amount.tiyn();
        return hold(is_within, "P7: by a word more went back than was paid");
    }
    let is_shown = before.fates[refund].effect == Effect::Shown && is_success(&before.payment.refunds[refund]);
    let is_told = is_read && is_shown && !before.has_mistake() && before.known() == before.shown();
    hold(!is_told, "P7: a no is taken though the balance shows the refund")
}

/// Of what the balance is to book beside a word.
pub(super) fn before_the_balance_of_a_word(world: &World, refund: usize, told: &[Seen]) -> Result<(), Breach> {
    let entries = || told.iter().filter_map(|seen| if let Seen::Booked(entry) = seen { Some(entry) } else { None });
    let less = |entry: &Booking| matches!(entry, Booking::Elsewhere(sum) if *sum < world.payment.refunded_elsewhere);
    let is_late = !has_fallen_by(world, refund) && entries().any(less);
    hold(!is_late, "P7: what fell before a refund was sent is taken for it")?;
    is_new(world, entries())?;
    leaves_words(world, entries())
}

fn is_new<'e>(world: &World, mut entries: impl Iterator<Item = &'e Booking>) -> Result<(), Breach> {
    let is_old = |entry: &Booking| match entry {
        Booking::NotSeen(id) => world.state(*id) == Some(RefundState::Watched),
        Booking::Doubted(id) => world.state(*id) == Some(RefundState::Doubted),
        Booking::Elsewhere(sum) => *sum == world.payment.refunded_elsewhere,
        Booking::Happened(_) => false,
    };
    hold(!entries.any(is_old), "P2: what is known is booked again")
}

/// Of what the balance beside a word books when it is read again.
pub(super) fn of_the_same_again(again: Result<Vec<Booking>, Stale>) -> Result<(), Breach> {
    hold(again.unwrap_or_default().is_empty(), "P2: what was read with a word books something more")
}

/// Of what a word and the balance beside it have made.
pub(super) fn behind_a_word(world: &World, refund: usize, happened: bool) -> Result<(), Breach> {
    // A refund that the balance does not show yet is in nobody's place.
    let done =
        world.payment.refunds.iter().enumerate().filter(|(place, row)| is_success(row) && has_fallen_by(world, *place));
    let ours: u64 = done.map(|(_, row)| row.amount.tiyn()).sum();
    let is_above = ours + world.payment.refunded_elsewhere.tiyn() > world.shown();
    let is_shown = happened && has_fallen_by(world, refund);
    hold(!is_shown || !is_above || ours > world.shown(), "P7: what a yes tells stays booked elsewhere too")?;
    let is_known = world.is_pending() || world.known() >= world.shown();
    hold(is_known, "P7: behind a word less is known than the balance shows")?;
    // A late balance shows less than is known.
    if world.known() > world.shown() { Ok(()) } else { of_what_was_read(world) }
}

/// Whether the balance may show a refund: it has fallen by it since it was sent.
fn has_fallen_by(world: &World, refund: usize) -> bool {
    let row = &world.payment.refunds[refund];
    row.balance_before.is_none_or(|before| before.tiyn() >= world.balance().tiyn() + row.amount.tiyn())
}

fn leaves_words<'e>(world: &World, mut entries: impl Iterator<Item = &'e Booking>) -> Result<(), Breach> {
    let is_of_a_word = |entry: &Booking| match entry {
        Booking::Happened(id) | Booking::NotSeen(id) | Booking::Doubted(id) => {
            world.payment.refund(*id).is_some_and(|row| row.evidence() == Some(Evidence::Person))
        }
        Booking::Elsewhere(_) => false,
    };
    hold(!entries.any(is_of_a_word), "P7: a reading changes what a person has said")
}

/// Of what it has booked, and of what the same reading books again.
pub(super) fn behind_booking(
    world: &World,
    entries: &[Booking],
    again: Result<Vec<Booking>, Stale>,
) -> Result<(), Breach> {
    hold(again.is_ok_and(|again| again.is_empty()), "P2: what was read once books something more")?;
    for (_, row, fate) in world.refunds() {
        let is_missed = fate.effect == Effect::Shown && !has_success(world, row);
        hold(
            !is_missed || !entries.contains(&Booking::NotSeen(row.id)),
            "P2: what the balance shows was called failed",
        )?;
    }
    Ok(())
}

/// Of what a reading leaves unsettled.
pub(super) fn of_the_unsettled(before: &World, world: &World, is_settled: bool) -> Result<(), Breach> {
    let unsettled = |world: &World| world.refunds().filter(|(_, row, _)| row.state == RefundState::Unsettled).count();
    if is_settled && world.running().is_none() {
        return hold(unsettled(world) == 0, "P5: a refund stays unsettled when its time is over");
    }
    let is_early = !is_settled && before.known() == before.shown();
    hold(!is_early || unsettled(world) == unsettled(before), "P5: a refund is judged before its time is over")
}

/// Of every reading that was not late.
pub(super) fn of_what_was_read(world: &World) -> Result<(), Breach> {
    if world.is_pending() {
        return Ok(());
    }
    hold(world.known() == world.shown(), "P2: what is booked is not what the balance shows")?;
    if world.is_complete() && !world.has_mistake() {
        let has_missed = world.refunds().any(|(_, row, fate)| fate.effect != Effect::None && !has_success(world, row));
        hold(!has_missed, "P2: a refund happened and stays failed")?;
        hold(world.payment.account().left() == world.balance(), "P6: what is left is not what the bank has left")?;
    }
    Ok(())
}

/// Of a refund that is about to be sent.
pub(super) fn of_a_sending(world: &World, ask: &Ask, amount: Amount) -> Result<(), Breach> {
    let key = ask.key.map(key_name);
    let is_own = |row: &RefundRow| key.is_some() && row.key == key;
    let asked = Some(ask.amount).filter(|amount| *amount > 0).map(tiyn);
    for (_, row, fate) in world.refunds() {
        let is_known = row.is_pending() || is_success(row) && row.asked == asked;
        let calls_again = is_own(row) && (fate.effect == Effect::Shown && !fate.was_denied || is_known);
        hold(!calls_again, "P1: a key calls again though its refund happened or nobody knows")?;
        let may_come = row.state == RefundState::Watched && row.amount == amount && !row.is_claimed;
        let doubles = may_come && !is_own(row) && !ask.is_repeat && !has_success(world, row);
        hold(!doubles, "P4: the same amount is sent beside a refund that may still happen")?;
    }
    hold(!amount.is_zero(), "P6: nothing is sent")?;
    hold(!world.is_pending(), "P4: sent while nobody knows of another")?;
    hold(world.known() == world.shown(), "P3: sent on a reading that is not what is known")?;
    hold(amount <= world.balance() && amount <= world.payment.account().left(), "P6: more is sent than is left")
}

/// Of every state.
pub(super) fn of_a_state(world: &World) -> Result<(), Breach> {
    for (place, stands) in world.keys.iter().enumerate() {
        let key = Some(key_name(place));
        let own = || world.refunds().filter(|(_, row, _)| row.key == key);
        let may_have_happened =
            own().any(|(_, _, fate)| !fate.was_denied && (fate.effect != Effect::None || fate.may_come));
        hold(!may_have_happened || stands.is_some(), "P4: a key that may have done something is free")?;
        let is_nothing = own().all(|(_, row, _)| matches!(row.state, RefundState::Failed { .. }));
        hold(!is_nothing || stands.is_none(), "P4: a key that surely did nothing is not free")?;
    }
    // What was booked on a mistake stands as a balance above what is left, until a person has looked at that too.
    let is_above = world.mistakes > 0 && world.known() > world.shown();
    if world.has_mistake() || is_above { Ok(()) } else { has_counterparts(world) }
}

/// What a person is asked, mistakes first, and what the balance was taken for meanwhile behind them.
fn to_be_told(world: &World) -> Vec<usize> {
    let is_above = world.known() > world.shown();
    // A yes makes room for a no: until then the balance explains the wrong one.
    let is_missed = |row: &RefundRow, fate: Fate| {
        world.mistakes > 0
            && fate.effect != Effect::None
            && !is_success(row)
            && world.payment.account().is_for_a_person(row)
    };
    let order = |row: &RefundRow, fate: Fate| match fate.effect {
        _ if is_missed(row, fate) => Some(0),
        _ if is_mistaken(row, fate) => Some(1),
        _ if row.is_pending() => Some(2),
        Effect::None if is_above && is_success(row) => Some(3),
        _ => None,
    };
    let told = world.refunds().filter_map(|(place, row, fate)| order(row, fate).map(|order| (order, place)));
    let mut told: Vec<(u8, usize)> = told.collect();
    told.sort_unstable();
    told.into_iter().map(|(_, place)| place).collect()
}

/// A refund that is called a success and did not happen is another's that went back elsewhere.
fn has_counterparts(world: &World) -> Result<(), Breach> {
    let elsewhere: u64 = world.falls.iter().filter(|fall| fall.1 == Effect::Shown).map(|fall| fall.0.tiyn()).sum();
    hold(surplus(world) <= elsewhere, "P2: a refund is called a success, and nothing went back for it")
}

/// Of what every state leads to.
pub(super) fn of_the_end(world: &World, rule: Rule) -> Result<(), Breach> {
    let mut end = world.clone();
    if let Some(refund) = end.running() {
        end.end(rule, refund, Answer::Lost);
    }
    let effects = end.fates.iter_mut().map(|fate| &mut fate.effect).chain(end.falls.iter_mut().map(|fall| &mut fall.1));
    effects.filter(|effect| **effect == Effect::Hidden).for_each(|effect| *effect = Effect::Shown);
    let is_ok = end.read(rule, None, true)?.is_ok() || end.mistakes > 0;
    hold(is_ok, "P5: a balance that shows all is taken for a late one")?;
    for _ in 0..2 {
        for refund in to_be_told(&end) {
            end.true_word(rule, refund, true)?;
        }
    }
    if end.mistakes > 0 && end.read(rule, None, true)?.is_err() {
        end.take_balance();
    }
    hold(end.read(rule, None, true)?.is_ok(), "P5: true words make a true balance look late")?;
    hold(!end.is_pending(), "P5: a doubt does not end")?;
    hold(end.known() == end.shown(), "P5: a mistake does not end")?;
    has_counterparts(&end)
}

/// The attempts at what a refund is an attempt at.
fn of_one_intention<'w>(world: &'w World, row: &'w RefundRow) -> impl Iterator<Item = (&'w RefundRow, Fate)> {
    let is_same = move |other: &RefundRow| other.id == row.id || (row.key.is_some() && other.key == row.key);
    world.refunds().map(|(_, row, fate)| (row, fate)).filter(move |(other, _)| is_same(other))
}

fn has_success(world: &World, row: &RefundRow) -> bool {
    of_one_intention(world, row).any(|(other, _)| is_success(other))
}

/// How much of what we, and no earlier system, call refunded did not go back, by intentions.
fn surplus(world: &World) -> u64 {
    let is_first = |row: &RefundRow| of_one_intention(world, row).next().is_some_and(|(first, _)| first.id == row.id);
    let of = |row: &RefundRow| {
        let sum = |counts: fn(&RefundRow, Fate) -> bool| -> u64 {
            let counted = of_one_intention(world, row).filter(|(row, fate)| counts(row, *fate));
            counted.map(|(row, _)| row.amount.tiyn()).sum()
        };
        sum(|row, _| is_success(row)).saturating_sub(sum(|_, fate| fate.effect != Effect::None))
    };
    world.refunds().filter(|(_, row, _)| !row.is_claimed && is_first(row)).map(|(_, row, _)| of(row)).sum()
}
