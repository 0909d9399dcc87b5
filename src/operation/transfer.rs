//! What is a file: exports, imports, backups, and what a restored backup left out.

use serde::{Deserialize, Serialize};

use super::shape::null_is_usual;
use crate::domain::words;
use crate::id::OrganizationBin;
use crate::moment::Moment;
use crate::money::Total;

words! {
    /// How the rows of a file are written.
    #[derive(Default)]
    FileFormat {
        /// Comma-separated values with a header (RFC 4180).
        #[default]
        Csv = "csv",
        /// One JSON object a line.
        Jsonl = "jsonl",
        /// For a spreadsheet of this country: CSV with a byte order mark, semicolons and amounts in tenge with a comma. Out only.
        Excel = "excel",
    }
}

impl FileFormat {
    /// Its `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv | Self::Excel => "text/csv",
            Self::Jsonl => "application/x-ndjson",
        }
    }
}

/// What an import did, all rows of the file in one commit; of a dry run, what it would do now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Imported {
    /// The file was only looked at, and nothing was taken in.
    pub dry_run: bool,
    /// Rows taken in.
    pub imported: u64,
    /// Rows that were here already.
    pub skipped: u64,
    /// Payments that can be followed, cancelled and refunded from now on.
    pub adopted: u64,
    /// Columns of the file that mean nothing here; a name that could be a value is not repeated.
    pub unknown_columns: Vec<String>,
    /// What the file was understood as, in words: encoding, separator, quoting, the word for none, line ends, header.
    pub understood: String,
    /// What it comes to, organisation by organisation; of a log only.
    pub sums: Vec<OrganizationSums>,
}

/// What a file of the log comes to for an organisation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OrganizationSums {
    /// Null for rows that name none.
    pub organization_bin: Option<OrganizationBin>,
    /// All rows of the file.
    pub file: FileSum,
    /// Those that were not here before.
    pub taken_in: FileSum,
}

/// Rows of a log, and their money as the file tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FileSum {
    /// How many.
    pub rows: u64,
    /// Successful creates, links and QR codes.
    pub payments: u64,
    /// Their amounts.
    pub billed_tiyn: Total,
    /// Amounts of successful refunds.
    pub refunded_tiyn: Total,
}

/// A row of a file that cannot be taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BadRow {
    /// In the file, from 1; a header is line 1.
    pub line: u64,
    /// What is wrong with it. Never repeats a token.
    pub detail: String,
}

/// Why nothing of a file was taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BadRows {
    /// The first ones, at most [`BadRows::LISTED`].
    pub rows: Vec<BadRow>,
    /// How many more there are.
    pub more: u64,
    /// What the file was understood as, in words; empty where it was not.
    pub understood: String,
}

impl BadRows {
    /// Bad rows that are listed one by one.
    pub const LISTED: usize = 100;

    /// Nothing else is known of the file.
    #[must_use]
    pub fn of(line: u64, detail: impl Into<String>) -> Self {
        let mut bad = Self::default();
        bad.add(line, detail);
        bad
    }

    /// Takes note of one.
    pub fn add(&mut self, line: u64, detail: impl Into<String>) {
        if self.rows.len() < Self::LISTED {
            self.rows.push(BadRow { line, detail: detail.into() });
        } else {
            self.more += 1;
        }
    }

    /// True where every row was good.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many there are, in words.
    #[must_use]
    pub fn said(&self) -> String {
        match self.more + u64::try_from(self.rows.len()).unwrap_or(u64::MAX) {
            1 => "1 row of the file is not good, so none was taken in".to_owned(),
            count => format!("{count} rows of the file are not good, so none was taken in"),
        }
    }

    /// The same as a failure, which names the first.
    #[must_use]
    pub fn failure(&self) -> crate::failure::Failure {
        let first = self.rows.first().map_or_else(String::new, |row| format!("; line {}: {}", row.line, row.detail));
        crate::failure::Failure::invalid(self.said() + &first).with_hint(match self.understood.is_empty() {
            true => "Write the file as its line says and import it again.",
            false => "Correct these rows and import the file again; rows that are here already are skipped.",
        })
    }
}

/// Which rows of the log to export, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// `csv` (the default), `jsonl`, or `excel` for a spreadsheet, which no import takes.
    #[serde(default, deserialize_with = "null_is_usual")]
    pub format: FileFormat,
    /// Only rows at or after this.
    pub from: Option<Moment>,
    /// Only rows before this.
    pub to: Option<Moment>,
    /// Only this organisation's.
    pub bin: Option<OrganizationBin>,
}

/// A file of the guide's KaspiPayConfig.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportConfigs {
    /// How it is written.
    pub format: FileFormat,
    /// Only look at it.
    pub dry_run: bool,
}

/// A file of the guide's KaspiPayLog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportLog {
    /// How it is written.
    pub format: FileFormat,
    /// Only look at it.
    pub dry_run: bool,
}

/// The query of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ImportQuery {
    /// Judge the file and tell what would come of it; take nothing in.
    #[serde(default, deserialize_with = "null_is_usual")]
    pub dry_run: bool,
}

/// Asks for a copy of all state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup;

/// Says that a person has looked at what a restored backup left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcknowledgeRestore;

impl From<(FileFormat, ImportQuery)> for ImportConfigs {
    fn from((format, ImportQuery { dry_run }): (FileFormat, ImportQuery)) -> Self {
        Self { format, dry_run }
    }
}

impl From<(FileFormat, ImportQuery)> for ImportLog {
    fn from((format, ImportQuery { dry_run }): (FileFormat, ImportQuery)) -> Self {
        Self { format, dry_run }
    }
}
