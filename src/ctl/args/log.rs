//! `log` and `import`: the audit log, and the tables of an earlier system.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::value;
use crate::ctl::complete::bins;
use crate::domain::{LogStatus, OperationType};
use crate::id::{OrganizationBin, PaymentId};
use crate::operation::{FileFormat, KeptHead};

/// `kaspictl log …`
#[derive(Subcommand)]
pub(in crate::ctl) enum LogCommand {
    /// List rows of the audit log
    List(LogListArgs),
    /// Print rows of the audit log as operations end, again when more is known of one, until Ctrl-C
    Follow(LogFollowArgs),
    /// Write the audit log to a file, with the guide's columns, to load into SQL or a spreadsheet
    Export(LogExportArgs),
    /// Check that nobody has edited the log, nor what is shown of it, nor a device token
    #[command(
        after_help = "Exits 1 when an event is not as it was written, or a payment, an organisation, a key or a device token not as the log tells. Note the head that is printed: a log that was replaced as a whole or cut at its end shows only to whoever kept an earlier head. Heads stand on day reports, exports, backups and in the journal.\n\nExamples:\n  kaspictl log verify\n  kaspictl log verify --head 120:4cf6…\n  kaspictl log verify --chain"
    )]
    Verify(VerifyArgs),
}

/// `kaspictl log verify`
#[derive(Args)]
pub(in crate::ctl) struct VerifyArgs {
    /// A head kept elsewhere: that event must have that hash
    #[arg(long, value_name = "SEQ:SHA256")]
    pub(in crate::ctl) head: Option<KeptHead>,
    /// Only the chain: faster, and without comparing payments, organisations and tokens with what the log says
    #[arg(long, conflicts_with = "rebuild")]
    pub(in crate::ctl) chain: bool,
    /// Compare them too, as is done without --chain
    #[arg(long, hide = true)]
    pub(in crate::ctl) rebuild: bool,
}

const LIST: &str = "\
Rows are numbered by the events of the chained log. Events that are no row of their own, such as an intent whose \
outcome has the row, leave holes in the numbers: `kaspictl log verify` tells whether any event is missing.

A time is RFC 3339 (2026-11-24T18:00:00+05:00) or a date. `--from DATE` begins with that day, `--to DATE` \
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
    #[arg(long, value_name = "BIN", add = bins())]
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

const FOLLOW: &str = "\
A row is printed once, when its operation has ended. A restart of the daemon is waited for; no row is lost \
or doubled over it. With --json each row is an object on a line of its own.

Examples:
  kaspictl log follow --bin 891027350515
  kaspictl log follow --json | jq -c '[.operation_type, .amount]'";

/// `kaspictl log follow`
#[derive(Args)]
#[command(after_help = FOLLOW)]
pub(in crate::ctl) struct LogFollowArgs {
    /// Only this organisation's
    #[arg(long, value_name = "BIN", add = bins())]
    pub(in crate::ctl) bin: Option<OrganizationBin>,
    /// Begin behind this place, which the last follow named, and not with what happens from now on
    #[arg(long, value_name = "SEQ")]
    pub(in crate::ctl) after: Option<u64>,
}

const EXPORT: &str = "\
The first ten columns are those of the guide's kaspi_pay_log and load back into it. In CSV, created_at is \
YYYY-MM-DD HH:MM:SS.mmm in the daemon's time zone, an absent value is empty, shop_id 0 is no shop, and a \
text that a spreadsheet would take for a formula has an apostrophe before it, which an import takes off. For \
Excel itself there is --excel. In JSON lines everything is exact: RFC 3339 in UTC, null. The head of the log is said on stderr; keep it.

Examples:
  kaspictl log export --from 2026-11-01 --to 2026-11-30 -o november.csv
  kaspictl log export --excel -o november.csv
  kaspictl log export --format jsonl --bin 891027350515 | jq .
  sqlite3 shop.db \".import --csv --skip 1 november.csv staging\"
  psql -c \"\\copy staging FROM 'november.csv' CSV HEADER\"";

/// `kaspictl log export`
#[derive(Args)]
#[command(after_help = EXPORT)]
pub(in crate::ctl) struct LogExportArgs {
    /// csv, jsonl or excel [default: by the ending of FILE, else csv]
    #[arg(long, value_name = "FORMAT")]
    pub(in crate::ctl) format: Option<FileFormat>,
    /// For a spreadsheet: semicolons, amounts in tenge with a comma, long numbers as text; no import takes it
    #[arg(long, conflicts_with = "format")]
    pub(in crate::ctl) excel: bool,
    /// Only rows at or after this
    #[arg(long, value_name = "DATE|TIME")]
    pub(in crate::ctl) from: Option<String>,
    /// Only rows before this time, or up to the end of this date
    #[arg(long, value_name = "DATE|TIME")]
    pub(in crate::ctl) to: Option<String>,
    /// Only this organisation's
    #[arg(long, value_name = "BIN", add = bins())]
    pub(in crate::ctl) bin: Option<OrganizationBin>,
    /// Write to this file, which is there whole or not at all, instead of stdout; - is stdout
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::ctl) output: Option<PathBuf>,
}

/// `kaspictl import …`
#[derive(Subcommand)]
pub(in crate::ctl) enum ImportCommand {
    /// Take in organisations from the guide's kaspi_pay_config, all rows or none
    #[command(after_help = CONFIGS)]
    Configs(ImportArgs),
    /// Take in the guide's kaspi_pay_log, all rows or none; its payments can be refunded afterwards
    #[command(after_help = LOG)]
    Log(ImportArgs),
}

const CONFIGS: &str = "\
Columns by their names, in any order: shop_id, organization_bin, trade_point_id, device_token, is_active, \
is_default, created_at, updated_at, last_verified_at, description. Every bad row is listed and then nothing \
is taken in. The file is read as what it is: CSV with commas, semicolons or tabs, MySQL's --batch, --tab and INTO \
OUTFILE, PostgreSQL's \\copy, SQLite's modes, JSON lines or a list, in UTF-8; what it was understood as is said. \
Without a header its columns are the guide's in its order. An organisation that is here already is skipped where its token and trade point are the same, \
and a bad row where they are not: a token is never replaced by a file. Each organisation takes payments once \
its trade point has been looked up, which the daemon does at once. The file holds device tokens: delete it.

Examples:
  mysql --batch -e 'SELECT * FROM kaspi_pay_config' shop > configs.txt
  psql -c \"\\copy kaspi_pay_config TO 'configs.csv' CSV HEADER\" shop
  sqlite3 -csv -header shop.db 'SELECT * FROM kaspi_pay_config' > configs.csv
  kaspictl import configs --dry-run configs.csv
  kaspictl import configs configs.csv";

const LOG: &str = "\
Columns by their names, in any order: shop_id, kaspi_config_id, operation_type, external_id, organization_bin, \
amount (in tiyn), status, error_message, created_at. A time without a zone is read in the daemon's. Every bad \
row is listed and then nothing is taken in. The file is read as what it is, as with import configs; what it comes to \
is said for each organisation, to be compared with SELECT organization_bin, count(*), sum(amount), before anything is taken in with --dry-run. Rows that are here already are skipped, so the same file can be \
imported again. A successful create, link or qr with an external_id becomes a payment that can be followed, \
cancelled and refunded; its organisation must be enrolled first.

Examples:
  mysql --batch -e 'SELECT * FROM kaspi_pay_log ORDER BY id' shop > log.txt
  sqlite3 -csv -header shop.db 'SELECT * FROM kaspi_pay_log ORDER BY id' > log.csv
  kaspictl import log --dry-run log.csv
  kaspictl import log log.csv
  zcat log.jsonl.gz | kaspictl import log -";

/// `kaspictl import configs|log FILE`
#[derive(Args)]
pub(in crate::ctl) struct ImportArgs {
    /// The file, or - for stdin
    #[arg(value_name = "FILE")]
    pub(in crate::ctl) file: PathBuf,
    /// Only look at the file: how it is read, its bad rows and its sums are shown, and nothing is taken in
    #[arg(long)]
    pub(in crate::ctl) dry_run: bool,
    /// csv or jsonl: what the file is called on its way; how it is read is told from itself
    #[arg(long, value_name = "FORMAT")]
    pub(in crate::ctl) format: Option<FileFormat>,
}
