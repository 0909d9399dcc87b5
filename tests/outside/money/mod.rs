//! Money: it happens once, for the organisation that was named, in the amount that was asked for, and each sum says so.

mod amounts;
mod contradicted;
pub(crate) mod day_reports;
mod days;
mod doubt;
mod keys;
mod money_call;
mod open_day;
mod other_bank;
mod refund_account;
mod refund_attempts;
mod statement;
mod storm;
mod whose_payment;
mod whose_token;
