//! What is a file: exports, imports, backups, and what a restored backup left out.

use serde::{Deserialize, Serialize};

use super::shape::null_is_usual;
use crate::domain::words;
use crate::id::OrganizationBin;
use crate::moment::Moment;

words! {
    /// How the rows of a file are written.
    #[derive(Default)]
    FileFormat {
        /// Comma-separated values with a header (RFC 4180).
        #[default]
        Csv = "csv",
        /// One JSON object a line.
        Jsonl = "jsonl",
    }
}

impl FileFormat {
    /// Its `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Jsonl => "application/x-ndjson",
        }
    }
}

/// What an import did: all good rows of the file in one commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Imported {
    /// Rows taken in.
    pub imported: u64,
    /// Rows that were here already.
    pub skipped: u64,
    /// Payments that can be followed, cancelled and refunded from now on.
    pub adopted: u64,
    /// Columns of the file that mean nothing here.
    pub unknown_columns: Vec<String>,
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
}

impl BadRows {
    /// Bad rows that are listed one by one.
    pub const LISTED: usize = 100;

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

    /// The same as a failure, which says how many and names the first.
    #[must_use]
    pub fn failure(&self) -> crate::failure::Failure {
        let count = self.more + u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        let first = self.rows.first().map_or_else(String::new, |row| format!("; line {}: {}", row.line, row.detail));
        crate::failure::Failure::invalid(format!("{count} rows of the file are not good, so none was taken in{first}"))
            .with_hint("Correct these rows and import the file again; rows that are here already are skipped.")
    }
}

/// Which rows of the log to export, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// `csv` (the default) or `jsonl`.
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
}

/// A file of the guide's KaspiPayLog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportLog {
    /// How it is written.
    pub format: FileFormat,
}

/// Asks for a copy of all state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup;

/// Says that a person has looked at what a restored backup left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcknowledgeRestore;
