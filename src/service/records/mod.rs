//! What is written down, for whoever reads it: payments, the log, its proof, reports and files. Nothing here asks the bank
//! but as a caller who waits does.

mod bounds;
mod feed;
mod files;
mod pieces;
mod reads;
mod report;
mod statement;
mod verify_log;

use std::sync::Arc;

pub(super) use bounds::limits;

use feed::Feed;
use files::{ConfigImports, Exports, LogImports};
use reads::Reads;
use report::Reports;
use statement::Statements;
use verify_log::Proof;

use super::locks::BulkWrites;
use super::money::Balances;
use super::organisation::Verifications;
use super::payment::{Statuses, Waits};
use super::stop::Stopping;
use crate::store::Store;

/// The room.
pub(super) struct Records {
    pub(super) feed: Arc<Feed>,
    pub(super) reads: Reads,
    pub(super) proof: Proof,
    pub(super) reports: Reports,
    pub(super) exports: Exports,
    pub(super) statements: Statements,
    pub(super) config_imports: ConfigImports,
    pub(super) log_imports: LogImports,
}

/// What it stands on.
pub(super) struct RecordsParts {
    pub(super) store: Store,
    pub(super) stop: Stopping,
    pub(super) bulk_writes: BulkWrites,
    pub(super) statuses: Arc<Statuses>,
    pub(super) waits: Arc<Waits>,
    pub(super) balances: Arc<Balances>,
    pub(super) verifications: Arc<Verifications>,
}

impl Records {
    pub(super) fn new(parts: RecordsParts) -> Self {
        let RecordsParts { store, stop, bulk_writes, statuses, waits, balances, verifications } = parts;
        let feed = Arc::new(Feed::new(store.clone(), stop.clone()));
        let reports = Reports::new(store.clone(), statuses.clone(), stop.clone());
        Self {
            reads: Reads::new(store.clone(), (statuses, waits), balances, (feed.clone(), stop.clone())),
            feed,
            proof: Proof::new(store.clone(), bulk_writes, stop),
            statements: Statements::new(reports.clone(), store.dir().to_owned()),
            reports,
            exports: Exports::new(store.clone()),
            config_imports: ConfigImports::new(store.clone(), verifications),
            log_imports: LogImports::new(store),
        }
    }
}
