//! What a file is by its bytes: text in UTF-8 goes on, anything else is named, with what to do instead.

use std::io::{ErrorKind, Read};

use zeroize::Zeroizing;

use super::bytes::BOM;
use super::{Unreadable, encoding};

/// Read at a time, and looked at for what a file begins with.
const PIECE: usize = 64 << 10;

/// Found by the whole of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// A byte order mark.
    pub(super) bom: bool,
    /// Lines end with a carriage return and a line feed.
    pub(super) crlf: bool,
    /// Lines end with a carriage return alone.
    pub(super) cr_only: bool,
    /// There is a quote, or a backslash.
    pub(super) quotes: bool,
    pub(super) backslashes: bool,
    /// The first byte that says something.
    pub(super) first: u8,
}

/// What strangers' files begin with that are no tables, and what to do instead.
const STRANGERS: [(&[u8], &str); 21] = [
    (b"PK\x03\x04", "it is a workbook (.xlsx or .ods) or a zip: save it as \"CSV UTF-8\", or unpack it first"),
    (b"\xD0\xCF\x11\xE0", "it is an old Excel workbook (.xls): save it as \"CSV UTF-8\""),
    (b"\x1F\x8B", "it is compressed (gzip): zcat FILE | kaspictl import log -"),
    (b"\xFD7zXZ", "it is compressed (xz): xzcat FILE | kaspictl import log -"),
    (b"\x28\xB5\x2F\xFD", "it is compressed (zstd): zstdcat FILE | kaspictl import log -"),
    (
        b"SQLite format 3\0",
        "it is an SQLite database: sqlite3 -csv -header FILE 'SELECT * FROM TABLE ORDER BY id' > table.csv",
    ),
    (b"PGDMP", "it is a dump of pg_dump: psql -c \"\\copy TABLE TO 'table.csv' CSV HEADER\""),
    (b"PGCOPY", "it is PostgreSQL's binary format: psql -c \"\\copy TABLE TO 'table.csv' CSV HEADER\""),
    (b"{\"kaspid_backup\"", "it is a backup of kaspid: kaspictl restore FILE"),
    (b"%PDF", "it is a PDF: export the table as CSV"),
    (b"-- MySQL dump", SQL),
    (b"-- MariaDB dump", SQL),
    (b"-- phpMyAdmin", SQL),
    (b"--\n-- PostgreSQL", SQL),
    (b"/*!", SQL),
    (b"INSERT INTO", SQL),
    (b"CREATE TABLE", SQL),
    (b"BEGIN TRANSACTION;", SQL),
    (b"PRAGMA ", SQL),
    (b"<", "it is HTML or XML: export the table as CSV with a header"),
    (b"+--", "it is what mysql prints for people: mysql --batch -e \"SELECT * FROM TABLE ORDER BY id\" > table.txt"),
];

const SQL: &str = "it is SQL: export the table, not statements: mysql --batch -e \"SELECT * FROM TABLE ORDER BY id\" > table.txt, \
     psql -c \"\\copy TABLE TO 'table.csv' CSV HEADER\", or sqlite3 -csv -header";

/// No text has one.
const ZERO: &str = "a zero byte stands on this line, as mysql --raw writes a BIT column: leave --raw out, or SELECT that column + 0; in \
     a text, take it out of the value";

/// Looks at every byte of a file.
///
/// # Errors
/// It is no text in UTF-8, or a stranger's.
pub(super) fn look(mut reader: impl Read) -> Result<Facts, Unreadable> {
    let mut buffer = Zeroizing::new(vec![0; PIECE]);
    let (mut facts, mut scan, mut kept, mut is_first) = (Facts::default(), Scan::default(), 0, true);
    loop {
        let count = read(&mut reader, buffer.get_mut(kept..).unwrap_or_default())
            .map_err(|e| Unreadable::disk(scan.lines + 1, &e))?;
        let piece = buffer.get(..kept + count).unwrap_or_default();
        if is_first {
            facts.bom = piece.starts_with(&BOM);
            facts.first = begun(piece)?;
            is_first = false;
        }
        let used = scan.take(piece, count == 0)?;
        kept = piece.len() - used;
        buffer.copy_within(used..used + kept, 0);
        if count == 0 {
            break;
        }
    }
    if facts.first == 0 {
        return Err(Unreadable::at(1, "the file is empty"));
    }
    let Scan { line_feeds, is_pair, returns, quotes, backslashes, .. } = scan;
    Ok(Facts { crlf: is_pair, cr_only: line_feeds == 0 && returns > 0, quotes, backslashes, ..facts })
}

/// Fills as much of the buffer as there is.
fn read(reader: &mut impl Read, mut room: &mut [u8]) -> std::io::Result<usize> {
    let mut total = 0;
    while !room.is_empty() {
        match reader.read(room) {
            Ok(0) => break,
            Ok(count) => {
                total += count;
                room = room.get_mut(count..).unwrap_or_default();
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total)
}

/// The first byte that says something; 0 where there is none.
fn begun(piece: &[u8]) -> Result<u8, Unreadable> {
    if let Some(wide) = encoding::wide(piece) {
        return Err(Unreadable::at(1, wide));
    }
    let mut text = piece;
    // A file that was put together of two with a mark has two.
    while let Some(behind) = text.strip_prefix(&BOM) {
        text = behind;
    }
    let text = text.trim_ascii_start();
    let stranger = STRANGERS
        .iter()
        .find(|(begin, _)| text.get(..begin.len()).is_some_and(|found| found.eq_ignore_ascii_case(begin)));
    if let Some((_, what)) = stranger {
        return Err(Unreadable::at(1, *what));
    }
    let second = text.split(|byte| *byte == b'\n').nth(1).unwrap_or_default();
    if second.starts_with(b"---") && second.iter().all(|byte| b"-+ \r".contains(byte)) {
        return Err(Unreadable::at(
            1,
            "it is what psql prints for people: psql -c \"\\copy TABLE TO 'table.csv' CSV HEADER\"",
        ));
    }
    Ok(text.first().copied().unwrap_or(0))
}

/// Counts of a file.
#[derive(Default)]
struct Scan {
    lines: u64,
    line_feeds: u64,
    /// The first line feed has a carriage return before it; those inside of quotes are the value's own.
    is_pair: bool,
    returns: u64,
    quotes: bool,
    backslashes: bool,
    /// Letters of more than one byte.
    letters: usize,
    last: u8,
}

impl Scan {
    /// How many bytes were taken: a character that is cut off at the end waits for the rest.
    fn take(&mut self, piece: &[u8], is_last: bool) -> Result<usize, Unreadable> {
        let valid = match std::str::from_utf8(piece) {
            Ok(_) => piece.len(),
            Err(error) if error.error_len().is_none() && !is_last => error.valid_up_to(),
            Err(error) => {
                let (good, rest) = piece.split_at_checked(error.valid_up_to()).unwrap_or_default();
                self.count(good);
                return Err(Unreadable::at(self.lines + 1, encoding::other(rest, self.letters)));
            }
        };
        let taken = piece.get(..valid).unwrap_or_default();
        if let Some(zero) = taken.iter().position(|byte| *byte == 0) {
            self.count(taken.get(..zero).unwrap_or_default());
            return Err(Unreadable::at(self.lines + 1, ZERO));
        }
        self.count(taken);
        Ok(valid)
    }

    fn count(&mut self, text: &[u8]) {
        for byte in text {
            match byte {
                b'\n' => {
                    self.line_feeds += 1;
                    self.is_pair |= self.line_feeds == 1 && self.last == b'\r';
                }
                b'\r' => self.returns += 1,
                b'"' => self.quotes = true,
                b'\\' => self.backslashes = true,
                0xC0.. => self.letters += 1,
                _ => {}
            }
            self.last = *byte;
        }
        self.lines = if self.line_feeds == 0 { self.returns } else { self.line_feeds };
    }
}
