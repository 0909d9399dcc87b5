//! Imports and the formats of files.

use serde::{Deserialize, Serialize};

use crate::domain::words;
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
