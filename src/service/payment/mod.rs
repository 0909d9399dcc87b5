//! A payment as it stands: read from the store, asked for at the bank, waited for, and by whose clock it is late. What
//! is known of a payment changes here by a status or its details only; money calls are another room's.

mod age;
mod asked;
mod life;
mod other_bank;
mod problems;
mod rows;
mod status;
mod total;
mod wait;

pub(super) use age::Ages;
pub(super) use asked::Asks;
pub(super) use life::{
    AnswerTime, CANCELLED, REMOTE_LIFE, deadline, is_outstanding, lively_until, longest_life, polling, state_of,
    was_made_behind,
};
pub(super) use other_bank::{waits_for_another_bank, watched};
pub(super) use problems::{awaits_owner, balance_problem, is_given_up_long_ago, payment_problems, problem};
pub(super) use rows::PaymentRows;
pub(super) use status::{For, Statuses};
pub(super) use total::Totals;
pub(super) use wait::{LONGEST_WAIT, Waits, too_long};
