//! What is written down, for whoever reads it: payments, the log, its proof, reports and files. Nothing here asks the bank
//! but as a caller who waits does.

mod bounds;
mod feed;
mod files;
mod reads;
mod report;
mod verify_log;

pub(super) use feed::Feed;
pub(super) use files::{ConfigImports, Exports, LogImports};
pub(super) use reads::Reads;
pub(super) use report::Reports;
pub(super) use verify_log::Proof;
