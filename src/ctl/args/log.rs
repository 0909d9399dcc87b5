//! `log`: the audit log.

use clap::{Args, Subcommand};

use super::value;
use crate::id::{OrganizationBin, PaymentId};
use crate::operation::{KeptHead, LogStatus, OperationType};

/// `kaspictl log …`
#[derive(Subcommand)]
pub(in crate::ctl) enum LogCommand {
    /// List rows of the audit log
    List(LogListArgs),
    /// Check the whole chain: that nobody has edited the log
    #[command(
        after_help = "Exits 1 when an event is not as it was written. Note the head that is printed: a log that\nwas replaced as a whole or cut at its end shows only to whoever kept an earlier head. Heads stand on day\nreports, exports, backups and in the journal.\n\nExamples:\n  kaspictl log verify\n  kaspictl log verify --head 120:4cf6… --rebuild"
    )]
    Verify(VerifyArgs),
}

/// `kaspictl log verify`
#[derive(Args)]
pub(in crate::ctl) struct VerifyArgs {
    /// A head kept elsewhere: that event must have that hash
    #[arg(long, value_name = "SEQ:SHA256")]
    pub(in crate::ctl) head: Option<KeptHead>,
    /// Also make payments, organisations and keys again from the log and compare them with what is shown
    #[arg(long)]
    pub(in crate::ctl) rebuild: bool,
}

const LIST: &str = "\
A time is RFC 3339 (2026-11-24T18:00:00+05:00) or a date. `--from DATE` begins with that day, `--to DATE`
ends with it, both in --timezone.

Examples:
  kaspictl log list --from 2026-11-24 --to 2026-11-24
  kaspictl log list --bin 891027350515 --status failed --newest-first
  kaspictl log list --operation refund --limit 1000 --json";

/// `kaspictl log list`
#[derive(Args)]
#[command(after_help = LIST)]
pub(in crate::ctl) struct LogListArgs {
    /// Only rows at or after this
    #[arg(long, value_name = "DATE|TIME")]
    pub(in crate::ctl) from: Option<String>,
    /// Only rows before this time, or up to the end of this date
    #[arg(long, value_name = "DATE|TIME")]
    pub(in crate::ctl) to: Option<String>,
    /// Only this organisation's
    #[arg(long, value_name = "BIN")]
    pub(in crate::ctl) bin: Option<OrganizationBin>,
    /// Only those of this payment (our id)
    #[arg(long, value_name = "ID")]
    pub(in crate::ctl) payment: Option<PaymentId>,
    /// Only this kind: create, link, qr, status, cancel, refund, register, verify, config …
    #[arg(long, value_name = "TYPE")]
    pub(in crate::ctl) operation: Option<OperationType>,
    /// Only these: success, failed or pending
    #[arg(long, value_name = "STATUS")]
    pub(in crate::ctl) status: Option<LogStatus>,
    /// Continue behind this row
    #[arg(long, value_name = "ROW")]
    pub(in crate::ctl) after: Option<u64>,
    /// At most this many rows, 1-1000 [default: 100]
    #[arg(long, value_name = "N", value_parser = value::limit)]
    pub(in crate::ctl) limit: Option<u32>,
    /// Newest first instead of oldest first
    #[arg(long)]
    pub(in crate::ctl) newest_first: bool,
}
