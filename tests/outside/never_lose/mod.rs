//! Nothing is lost: whatever dies, fills up, is copied, edited or taken over, each thing that happened is kept and told once.

mod announced_once;
mod backup;
pub(crate) mod crash;
mod event_facts;
pub(crate) mod files_in_and_out;
mod flushes;
pub(crate) mod full_disk;
mod lives;
mod log_follow;
mod log_rows;
mod migration;
mod opening;
mod sealed;
mod outputs;
mod state_gone;
mod start_and_stop;
mod strangers;
mod tamper;
