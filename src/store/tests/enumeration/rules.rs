//! Wrong rules, each a mistake that is easy to make: the enumeration has to find every one of them.

use super::daemon::{self, RIGHT, Reading, Rule};
use super::world::Scenario;
use super::{CLAIMS, EQUAL, MISTAKEN, OURS, TWO_AMOUNTS};
use crate::domain::Evidence;
use crate::id::{PaymentId, RequestKey};
use crate::money::Amount;
use crate::store::account::Booking;
use crate::store::{Attempts, PaymentRow, RefundRow, RefundState, Seen, Stale, Wanted};

/// A wrong rule, where to look for the history that shows it, and after how many steps it does.
pub(super) struct Wrong {
    pub(super) name: &'static str,
    pub(super) rule: Rule,
    pub(super) scenario: Scenario,
    pub(super) steps: usize,
}

pub(super) const WRONG: [Wrong; 10] = [
    Wrong {
        name: "a fall is booked elsewhere although an uncertain refund may be a part of it",
        rule: Rule { read: elsewhere_first, ..RIGHT },
        scenario: TWO_AMOUNTS,
        steps: 3,
    },
    Wrong {
        name: "an exact fit settles one of two equal refunds",
        rule: Rule { read: one_of_equals, ..RIGHT },
        scenario: EQUAL,
        steps: 5,
    },
    Wrong {
        name: "a reading behind what is known counts as one before a refund",
        rule: Rule { read: late_counts, another: on_a_late_reading, ..RIGHT },
        scenario: TWO_AMOUNTS,
        steps: 4,
    },
    Wrong {
        name: "what a person says between the reading and the intent is not heard",
        rule: Rule { another: unread, ..RIGHT },
        scenario: EQUAL,
        steps: 4,
    },
    Wrong {
        name: "the last attempt of a key alone counts",
        rule: Rule { another: of_last_attempt, attempts: last_attempt, ..RIGHT },
        scenario: EQUAL,
        steps: 5,
    },
    Wrong {
        name: "what is known to have happened is shown",
        rule: Rule { read: all_shown, ..RIGHT },
        scenario: OURS,
        steps: 8,
    },
    Wrong {
        name: "every reading judges what an earlier system claims",
        rule: Rule { read: claims_anew, ..RIGHT },
        scenario: CLAIMS,
        steps: 5,
    },
    Wrong {
        name: "a balance that has not fallen refuses a yes",
        rule: Rule { takes: fallen_alone, ..RIGHT },
        scenario: OURS,
        steps: 4,
    },
    Wrong {
        name: "a later balance overrules a yes",
        rule: Rule { read: words_anew, ..RIGHT },
        scenario: OURS,
        steps: 4,
    },
    Wrong {
        name: "what a yes tells stays booked elsewhere too",
        rule: Rule { behind_word: kept_elsewhere, ..RIGHT },
        scenario: MISTAKEN,
        steps: 4,
    },
];

fn elsewhere_first(payment: &PaymentRow, reading: Reading<'_>) -> Result<Vec<Booking>, Stale> {
    let entries = daemon::read(payment, reading)?;
    let is_doubted = entries.iter().any(|entry| matches!(entry, Booking::Doubted(_)));
    let gone = payment.amount.minus(reading.balance).and_then(|gone| gone.minus(payment.account().refunded()));
    let Some(gone) = gone.filter(|gone| is_doubted && *gone > payment.refunded_elsewhere) else { return Ok(entries) };
    let unseen = entries.iter().filter_map(|entry| match entry {
        Booking::Doubted(id) if payment.refund(*id)?.state == RefundState::Watched => None,
        Booking::Doubted(id) | Booking::NotSeen(id) => Some(Booking::NotSeen(*id)),
        Booking::Happened(_) | Booking::Elsewhere(_) => None,
    });
    Ok(unseen.chain([Booking::Elsewhere(gone)]).collect())
}

fn one_of_equals(payment: &PaymentRow, reading: Reading<'_>) -> Result<Vec<Booking>, Stale> {
    let entries = daemon::read(payment, reading)?;
    let fits = |entry: &Booking| match entry {
        Booking::Doubted(refund) => {
            let gone = payment.account().left().minus(reading.balance);
            payment.refund(*refund).is_some_and(|row| Some(row.amount) == gone).then_some(*refund)
        }
        _ => None,
    };
    Ok(entries.iter().find_map(fits).map_or(entries, |refund| vec![Booking::Happened(refund)]))
}

fn late_counts(payment: &PaymentRow, reading: Reading<'_>) -> Result<Vec<Booking>, Stale> {
    Ok(daemon::read(payment, reading).unwrap_or_default())
}

fn unread(payment: &PaymentRow, wanted: &Wanted<'_>) -> Option<Amount> {
    let balance = wanted.balance.unwrap_or_default();
    daemon::another(payment, &Wanted { balance: None, ..*wanted }).filter(|amount| *amount <= balance)
}

fn on_a_late_reading(payment: &PaymentRow, wanted: &Wanted<'_>) -> Option<Amount> {
    let is_late = wanted.balance.is_some_and(|balance| payment.account().read(balance, None, |_| false).is_err());
    if is_late { unread(payment, wanted) } else { daemon::another(payment, wanted) }
}

fn last_attempt<'r>(payment: &'r PaymentRow, key: Option<&RequestKey>) -> Attempts<'r> {
    let last = payment.refunds.iter().rfind(|row| key.is_some() && row.key.as_ref() == key);
    match last.map(|row| (row, row.state)) {
        None | Some((_, RefundState::Failed { .. })) => Attempts::Nothing,
        Some((_, RefundState::Success(_))) => Attempts::Happened,
        Some((_, RefundState::Watched)) => Attempts::NotSeen,
        Some((row, _)) => Attempts::InDoubt(row),
    }
}

fn of_last_attempt(payment: &PaymentRow, wanted: &Wanted<'_>) -> Option<Amount> {
    let last = payment.refunds.iter().rfind(|row| row.key.as_ref() == wanted.key).map(|row| row.id);
    let forget = |row: &mut RefundRow| {
        if row.key.as_ref() == wanted.key && Some(row.id) != last {
            row.key = None;
        }
    };
    daemon::another(&with(payment, forget), wanted)
}

fn all_shown(payment: &PaymentRow, reading: Reading<'_>) -> Result<Vec<Booking>, Stale> {
    let show = |row: &mut RefundRow| {
        if matches!(row.state, RefundState::Success(_)) && !row.is_claimed {
            row.state = RefundState::Success(Evidence::Balance);
        }
    };
    daemon::read(&with(payment, show), reading)
}

fn claims_anew(payment: &PaymentRow, reading: Reading<'_>) -> Result<Vec<Booking>, Stale> {
    daemon::read(&with(payment, |row| row.balance_before = None), reading)
}

fn fallen_alone(payment: &PaymentRow, refund: &RefundRow, happened: bool, balance: Option<Amount>) -> bool {
    let left = payment.account().left();
    let has_fallen = |balance: Amount| balance.plus(refund.amount).is_some_and(|before| before <= left);
    daemon::takes(payment, refund, happened, balance) && (!happened || balance.is_none_or(has_fallen))
}

fn words_anew(payment: &PaymentRow, reading: Reading<'_>) -> Result<Vec<Booking>, Stale> {
    let forget = |row: &mut RefundRow| {
        if row.state == RefundState::Success(Evidence::Person) {
            row.state = RefundState::Unsettled;
        }
    };
    daemon::read(&with(payment, forget), reading)
}

fn kept_elsewhere(payment: &PaymentRow, refund: PaymentId, happened: bool, balance: Amount) -> Vec<Seen> {
    let is_kept = |seen: &Seen| match seen {
        Seen::Booked(Booking::Elsewhere(sum)) => *sum >= payment.refunded_elsewhere,
        _ => true,
    };
    payment.seen_behind_word(refund, happened, balance).into_iter().filter(is_kept).collect()
}

fn with(payment: &PaymentRow, change: impl FnMut(&mut RefundRow)) -> PaymentRow {
    let mut other = payment.clone();
    other.refunds.iter_mut().for_each(change);
    other
}
