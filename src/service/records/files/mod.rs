//! Tables in and out: the guide's KaspiPayConfig and KaspiPayLog as CSV or JSON lines.
//!
//! An export reads the log in pages by sequence and holds no transaction while the client takes them. An import is
//! read to its end before anything is written; every bad row is told, and all good ones go into one commit or none.

mod cells;
mod configs;
mod earlier;
mod excel;
mod export;
mod judge;
mod log;
mod numbers;
mod spool;
mod sums;
mod taken;
mod value;
mod verdict;
mod wanted;

pub(super) use cells::{harmless, not_written};
pub(in crate::service) use configs::ConfigImports;
pub(super) use excel::{MARK, is_more_than_text, text as excel_text, writer as excel_writer};
pub(in crate::service) use export::Exports;
pub(in crate::service) use log::LogImports;
pub(super) use spool::nameless;

use crate::failure::{Code, Failure};
use crate::operation::LogQuery;

/// The columns of the guide's KaspiPayLog, in its order.
const LOG_COLUMNS: [&str; 10] = [
    "id",
    "shop_id",
    "kaspi_config_id",
    "operation_type",
    "external_id",
    "organization_bin",
    "amount",
    "status",
    "error_message",
    "created_at",
];

/// What the log has besides, behind the guide's columns.
const MORE_COLUMNS: [&str; 10] = [
    "payment_id",
    "kaspi_status",
    "actor_uid",
    "actor_name",
    "actor_gid",
    "actor_pid",
    "request_key",
    "x_request_id",
    "provider_code",
    "duration_ms",
];

/// The amount in an export for Excel, in tenge: under a name of its own, since the guide's `amount` is in tiyn.
const TENGE: &str = "amount_tenge";

/// The shop of a row of the daemon itself, in a column that the guide says is never empty.
const NO_SHOP: u32 = 0;

/// "Done, 0 rows" would hide that something was read as something else.
const NO_ROWS: &str = "there is no row behind the header: was the table empty, or the wrong one exported?";

/// A spreadsheet takes a text that begins so for a formula, which may reach out of the sheet: an apostrophe before
/// it says that it is text. CSV only; an import takes it off again.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\''])
}

/// Runs what reads files or much of the state where it holds up nobody.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| {
        Err(Failure::new(Code::StorageFailed, "the daemon failed inside of the operation; its journal says where"))
    })
}

/// An export is a list without a limit.
fn as_list(query: &crate::operation::ExportQuery) -> LogQuery {
    LogQuery { from: query.from, to: query.to, bin: query.bin.clone(), ..LogQuery::default() }
}
