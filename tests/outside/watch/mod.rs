//! Watching: what goes on at the bank is noticed as soon as it should be, by a good clock or a bad one, without asking too
//! often, and what cannot be asked about is told.

mod adopted;
mod bank_outage;
mod devices;
mod many_open;
mod metrics;
mod slow_bank;
mod status_calls;
pub(crate) mod trade_points;
mod trade_points_over_days;
mod waiting;
mod wrong_clock;
mod wrong_clock_at_start;
mod wrong_url;
