//! `statement`: what an accountant closes a month with.

use std::path::PathBuf;

use clap::Args;

use crate::ctl::complete::bins;
use crate::day::NamedDay;
use crate::id::OrganizationBin;
use crate::operation::FileFormat;

const STATEMENT: &str = "\
A line for each payment and each refund, in tenge. A payment stands on the day on which it was paid; one that \
was not paid stands where it was made and has no amount. Refunds stand on the day on which they were asked for, \
below zero; one that failed, or of which nobody knows yet, has no amount. The last lines are sums, one for each \
organisation, equal to `kaspictl report` of the same days.

A day is 00:00 to 24:00 in the daemon's time zone and is written as 2026-11-24, today or yesterday. Without days it \
is the month so far. --excel is opened by a double click: it is in the language of --lang, or of your locale.

Examples:
  kaspictl statement
  kaspictl statement --from 2026-11-01 --to 2026-11-30 --excel -o november.csv
  kaspictl statement --from yesterday --to yesterday --bin 891027350515
  kaspictl statement --format jsonl | jq -c '[.at, .amount]'";

/// `kaspictl statement`
#[derive(Args)]
#[command(after_help = STATEMENT)]
pub(in crate::ctl) struct StatementArgs {
    /// The first day [default: the first of the month of the last one]
    #[arg(long, value_name = "DAY")]
    pub(in crate::ctl) from: Option<NamedDay>,
    /// The last day, which is included [default: today]
    #[arg(long, value_name = "DAY")]
    pub(in crate::ctl) to: Option<NamedDay>,
    /// Only this organisation's
    #[arg(long, value_name = "BIN", add = bins())]
    pub(in crate::ctl) bin: Option<OrganizationBin>,
    /// csv, jsonl or excel [default: by the ending of FILE, else csv]
    #[arg(long, value_name = "FORMAT")]
    pub(in crate::ctl) format: Option<FileFormat>,
    /// For a spreadsheet: semicolons, a decimal comma, words of people
    #[arg(long, conflicts_with = "format")]
    pub(in crate::ctl) excel: bool,
    /// Write to this file, which is there whole or not at all, instead of stdout; - is stdout
    #[arg(long, short, value_name = "FILE")]
    pub(in crate::ctl) output: Option<PathBuf>,
}
