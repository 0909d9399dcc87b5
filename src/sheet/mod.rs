//! Tables in files that strangers write: databases, spreadsheets, scripts. A file is judged by what it is, here and nowhere
//! else: its encoding, separator, quoting, escapes, the word for "none", header and line ends are told from the whole of
//! it, what was understood is said, and what can be read in two ways that differ is refused with line and remedy. No
//! text in here repeats a value: columns may be mixed up, and one of them is a secret.

#[cfg(any(fuzzing, test))]
pub(crate) mod fuzzed;
mod bytes;
mod choice;
mod encoding;
mod header;
mod json;
mod kind;
mod rows;
mod split;
mod style;
mod understood;
#[cfg(test)]
mod tests;

pub(crate) use rows::{Rows, TableRow};
pub(crate) use understood::Understood;

use std::io;

/// A row has at most this many bytes; without a bound, one quote that is never closed would be read into memory
/// with all that follows.
pub(crate) const ROW: usize = 64 << 10;

/// Whether a text looks like a value of its column.
pub(crate) type Looks = fn(&str) -> bool;

/// What is wanted of a table.
#[derive(Clone, Copy)]
pub(crate) struct WantedTable {
    /// What its file is called by people.
    pub(crate) table: &'static str,
    /// The columns that are read.
    pub(crate) columns: &'static [&'static str],
    /// Without these nothing can be done with a row; a header names them.
    pub(crate) needed: &'static [&'static str],
    /// Columns that are known and not read, in lists.
    pub(crate) ignored: &'static [&'static [&'static str]],
    /// Columns whose numbers mean something else than ours: the name, and what to do.
    pub(crate) refused: &'static [(&'static str, &'static str)],
    /// The columns of a file without a header, with what a value there looks like.
    pub(crate) guide: &'static [(&'static str, Looks)],
}

/// A row that cannot be read, or a file at its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// From 1.
    pub(crate) line: u64,
    /// What is wrong and what to do, without a value.
    pub(crate) detail: String,
}

impl Unreadable {
    fn at(line: u64, detail: impl Into<String>) -> Self {
        Self { line, detail: detail.into() }
    }

    fn disk(line: u64, error: &io::Error) -> Self {
        Self::at(line, format!("the file cannot be read: {error}"))
    }
}
