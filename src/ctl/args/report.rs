//! `report`: what days brought.

use std::path::PathBuf;

use clap::Args;

use crate::ctl::complete::bins;
use crate::day::NamedDay;
use crate::id::OrganizationBin;

const REPORT: &str = "\
A day is 00:00 to 24:00 in the daemon's time zone and is written as 2026-11-24, today or yesterday. Payments \
count on the day on which they were paid, refunds on the day on which they were asked for, whatever day the \
payment is of. Money that went back without kaspid counts on the day on which kaspid saw it. A report of one \
day asks Kaspi once for each payment of that day that is still open; a range asks nothing.

The head at the end names the state of the audit log that was counted: keep it with the report, and \
`kaspictl log verify --head` tells later whether the log is still that one.

Examples:
  kaspictl report
  kaspictl report --date yesterday --bin 891027350515
  kaspictl report --from 2026-11-01 --to 2026-11-30 --json
  kaspictl report --from 2026-11-01 --html november.html --lang ru";

/// `kaspictl report`
#[derive(Args)]
#[command(after_help = REPORT)]
pub(in crate::ctl) struct ReportArgs {
    /// The day [default: today]
    #[arg(long, value_name = "DAY")]
    pub(in crate::ctl) date: Option<NamedDay>,
    /// The first day of a range
    #[arg(long, value_name = "DAY", conflicts_with = "date")]
    pub(in crate::ctl) from: Option<NamedDay>,
    /// The last day of a range, which is included [default: today]
    #[arg(long, value_name = "DAY", requires = "from")]
    pub(in crate::ctl) to: Option<NamedDay>,
    /// Only this organisation's
    #[arg(long, value_name = "BIN", add = bins())]
    pub(in crate::ctl) bin: Option<OrganizationBin>,
    /// Write a page with a plot of the days for the owner, one file for any browser; - is stdout
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    pub(in crate::ctl) html: Option<PathBuf>,
}
