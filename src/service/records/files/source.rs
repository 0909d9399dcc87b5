//! The rows of a file, whatever wrote it: columns by their names in any order, absent values, line numbers.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read};

use zeroize::Zeroizing;

use crate::operation::FileFormat;

/// A row has at most this many bytes; without a bound, one quote that is never closed would be read into memory
/// with all that follows.
const ROW: usize = 64 << 10;

/// Names of unknown columns that are kept.
const NAMES: usize = 50;

/// How the databases write a value that is not there.
fn is_null(text: &str) -> bool {
    matches!(text, "" | "\\N" | "NULL")
}

/// A row as it stands in the file: a value for each of the wanted columns, where it has one. Wiped when dropped: it
/// may hold a token.
pub(super) struct FileRow {
    /// From 1.
    pub(super) line: u64,
    pub(super) values: Vec<Option<Zeroizing<String>>>,
}

/// A row that cannot even be read.
pub(super) struct UnreadableRow {
    pub(super) line: u64,
    pub(super) detail: String,
}

/// The rows of a file.
pub(super) struct Rows<R: Read> {
    wanted: &'static [&'static str],
    ignored: &'static [&'static str],
    unknown: BTreeSet<String>,
    text: Text<R>,
}

enum Text<R: Read> {
    Csv {
        reader: Box<csv::Reader<Short<R>>>,
        /// For each column of the file the wanted one it is.
        columns: Vec<Option<usize>>,
    },
    Lines {
        reader: BufReader<R>,
        line: u64,
    },
    /// Behind a row that could not be read, nothing is where it should be.
    Over,
}

impl<R: Read> Rows<R> {
    /// Rows of which `wanted` columns are read; `ignored` ones are known and not used.
    ///
    /// # Errors
    /// The header is missing, or names a column twice.
    pub(super) fn open(
        format: FileFormat,
        reader: R,
        wanted: &'static [&'static str],
        ignored: &'static [&'static str],
    ) -> Result<Self, UnreadableRow> {
        let mut rows = Self { wanted, ignored, unknown: BTreeSet::new(), text: Text::Over };
        rows.text = match format {
            FileFormat::Jsonl => Text::Lines { reader: BufReader::new(reader), line: 0 },
            FileFormat::Csv => {
                let mut builder = csv::ReaderBuilder::new();
                // The carriage return of a CRLF is taken off the last value: with the crate's own CRLF the line numbers
                // would be one short.
                let builder = builder.flexible(true).terminator(csv::Terminator::Any(b'\n'));
                let mut reader = builder.from_reader(Short::new(reader));
                let header = reader.headers().map_err(|error| unreadable(1, &error))?.clone();
                let columns = rows.columns(&header).map_err(|detail| UnreadableRow { line: 1, detail })?;
                Text::Csv { reader: Box::new(reader), columns }
            }
        };
        Ok(rows)
    }

    fn columns(&mut self, header: &csv::StringRecord) -> Result<Vec<Option<usize>>, String> {
        let mut columns = Vec::new();
        for name in header {
            let column = self.column(name);
            if column.is_some() && columns.contains(&column) {
                return Err(format!("the header names {} twice", name.trim()));
            }
            columns.push(column);
        }
        if columns.iter().all(Option::is_none) {
            return Err(format!("the first line is no header: it names none of {}", self.wanted.join(", ")));
        }
        Ok(columns)
    }

    /// Which wanted column a name is; the names nobody knows are kept to be told.
    fn column(&mut self, name: &str) -> Option<usize> {
        let name = name.trim();
        let found = self.wanted.iter().position(|wanted| name.eq_ignore_ascii_case(wanted));
        if found.is_none() && !self.ignored.contains(&name) && self.unknown.len() < NAMES {
            self.unknown.insert(name.chars().filter(|c| !c.is_control()).take(64).collect());
        }
        found
    }

    /// Columns of the file that mean nothing here.
    pub(super) fn unknown(self) -> Vec<String> {
        self.unknown.into_iter().collect()
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Option<Result<FileRow, UnreadableRow>> {
        match std::mem::replace(&mut self.text, Text::Over) {
            Text::Over => None,
            Text::Csv { mut reader, columns } => {
                let mut record = csv::ByteRecord::new();
                match next_record(&mut reader, &mut record) {
                    Ok(None) => None,
                    Ok(Some(line)) => {
                        let row = self.of_record(line, &record, &columns);
                        self.text = Text::Csv { reader, columns };
                        Some(row)
                    }
                    Err(error) => Some(Err(unreadable(reader.position().line(), &error))),
                }
            }
            Text::Lines { mut reader, line } => {
                let (line, text) = match next_line(&mut reader, line) {
                    Ok(None) => return None,
                    Ok(Some(found)) => found,
                    Err(unreadable) => return Some(Err(unreadable)),
                };
                self.text = Text::Lines { reader, line };
                Some(self.of_object(line, &text))
            }
        }
    }

    fn of_record(
        &self,
        line: u64,
        record: &csv::ByteRecord,
        columns: &[Option<usize>],
    ) -> Result<FileRow, UnreadableRow> {
        let bad = |detail: String| UnreadableRow { line, detail };
        if record.len() != columns.len() {
            return Err(bad(format!("it has {} values and the header {}", record.len(), columns.len())));
        }
        let mut row = self.empty(line);
        for (value, column) in record.iter().zip(columns) {
            let Some(place) = column.and_then(|column| row.values.get_mut(column)) else { continue };
            let text = std::str::from_utf8(value).map_err(|_| bad("it is not UTF-8".to_owned()))?;
            let text = text.strip_suffix('\r').unwrap_or(text);
            *place = (!is_null(text)).then(|| Zeroizing::new(text.to_owned()));
        }
        Ok(row)
    }

    fn of_object(&mut self, line: u64, text: &[u8]) -> Result<FileRow, UnreadableRow> {
        let bad = |detail: &str| UnreadableRow { line, detail: detail.to_owned() };
        let object: std::collections::BTreeMap<String, RowValue> = serde_json::from_slice(text)
            .map_err(|_| bad("it is not a JSON object of texts, numbers, booleans and nulls"))?;
        let mut row = self.empty(line);
        for (name, value) in object {
            let column = self.column(&name);
            if let Some(place) = column.and_then(|column| row.values.get_mut(column)) {
                *place = value.0;
            }
        }
        Ok(row)
    }

    fn empty(&self, line: u64) -> FileRow {
        FileRow { line, values: vec![None; self.wanted.len()] }
    }
}

/// The line on which a record begins that is not blank.
fn next_record<R: Read>(
    reader: &mut csv::Reader<Short<R>>,
    record: &mut csv::ByteRecord,
) -> Result<Option<u64>, csv::Error> {
    while reader.read_byte_record(record)? {
        if record.len() == 1 && record.get(0) == Some(b"\r") {
            continue;
        }
        // The reader stands behind the record's line end, or at the end of a file without one.
        let within = record.as_slice().iter().filter(|byte| **byte == b'\n').count();
        let behind = u64::try_from(within).unwrap_or(u64::MAX).saturating_add(u64::from(!reader.get_ref().ended));
        return Ok(Some(reader.position().line().saturating_sub(behind)));
    }
    Ok(None)
}

/// The number and the bytes of a line.
type Line = (u64, Zeroizing<Vec<u8>>);

/// The next line that is not blank.
fn next_line<R: Read>(reader: &mut BufReader<R>, mut line: u64) -> Result<Option<Line>, UnreadableRow> {
    loop {
        line += 1;
        let mut text = Zeroizing::new(Vec::new());
        let most = u64::try_from(ROW + 1).unwrap_or(u64::MAX);
        match reader.by_ref().take(most).read_until(b'\n', &mut text) {
            Ok(0) => return Ok(None),
            Ok(length) if length > ROW => return Err(UnreadableRow { line, detail: too_long() }),
            Ok(_) if text.iter().all(u8::is_ascii_whitespace) => {}
            Ok(_) => return Ok(Some((line, text))),
            Err(error) => return Err(UnreadableRow { line, detail: error.to_string() }),
        }
    }
}

fn too_long() -> String {
    format!("a row has at most {ROW} bytes; what follows was not read (is a quote left open?)")
}

fn unreadable(line: u64, error: &csv::Error) -> UnreadableRow {
    let detail = match error.kind() {
        csv::ErrorKind::Io(error) => error.to_string(),
        csv::ErrorKind::Utf8 { .. } => "it is not UTF-8".to_owned(),
        _ => "it is not CSV".to_owned(),
    };
    UnreadableRow { line, detail }
}

/// A value of a JSON object as the text a database would write.
struct RowValue(Option<Zeroizing<String>>);

impl<'de> serde::Deserialize<'de> for RowValue {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Self(match value {
            serde_json::Value::Null => None,
            serde_json::Value::Bool(value) => Some(Zeroizing::new(value.to_string())),
            serde_json::Value::Number(value) => Some(Zeroizing::new(value.to_string())),
            serde_json::Value::String(text) if text.is_empty() => None,
            serde_json::Value::String(text) => Some(Zeroizing::new(text)),
            // The actor of our own export, which is not taken in.
            serde_json::Value::Object(_) => None,
            serde_json::Value::Array(_) => return Err(D::Error::custom("a list")),
        }))
    }
}

/// Refuses a row longer than [`ROW`] before it is gathered.
struct Short<R> {
    inner: R,
    quoted: bool,
    length: usize,
    /// Its end was seen.
    ended: bool,
}

impl<R> Short<R> {
    fn new(inner: R) -> Self {
        Self { inner, quoted: false, length: 0, ended: false }
    }
}

impl<R: Read> Read for Short<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.ended = count == 0;
        for byte in buffer.iter().take(count) {
            match byte {
                b'\n' if !self.quoted => self.length = 0,
                byte => {
                    self.quoted ^= *byte == b'"';
                    self.length += 1;
                }
            }
            if self.length > ROW {
                return Err(io::Error::other(too_long()));
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

    use super::*;

    const WANTED: &[&str] = &["shop_id", "description"];

    fn read(format: FileFormat, text: &str) -> (Vec<String>, Vec<String>) {
        let mut rows = match Rows::open(format, text.as_bytes(), WANTED, &["id"]) {
            Ok(rows) => rows,
            Err(UnreadableRow { line, detail }) => return (vec![format!("{line}! {detail}")], vec![]),
        };
        let mut said = Vec::new();
        while let Some(row) = rows.next() {
            said.push(match row {
                Ok(row) => {
                    let values: Vec<_> =
                        row.values.iter().map(|value| value.as_ref().map_or("-", |value| value.as_str())).collect();
                    format!("{}: {}", row.line, values.join(" "))
                }
                Err(UnreadableRow { line, detail }) => format!("{line}! {detail}"),
            });
        }
        (said, rows.unknown())
    }

    #[test]
    fn csv_is_read_as_the_databases_write_it() {
        let text =
            "\u{feff}Description,id,note,SHOP_ID\r\n\"a \"\"b\"\"\nc\",1,x,8\r\n\r\n\\N,2,x,NULL\r\nshort,3\r\n,4,x,9";
        let (rows, unknown) = read(FileFormat::Csv, text);
        assert_eq!(rows, ["2: 8 a \"b\"\nc", "5: - -", "6! it has 2 values and the header 4", "7: 9 -"]);
        assert_eq!(unknown, ["note"]);
    }

    #[test]
    fn json_lines_are_read_as_the_databases_write_them() {
        let text = "{\"shop_id\":8,\"description\":\"a\",\"id\":1,\"note\":1}\n\n[1]\n{\"shop_id\":true,\"description\":null}\n{";
        let (rows, unknown) = read(FileFormat::Jsonl, text);
        let not = "it is not a JSON object of texts, numbers, booleans and nulls";
        assert_eq!(rows, ["1: 8 a".to_owned(), format!("3! {not}"), "4: true -".to_owned(), format!("5! {not}")]);
        assert_eq!(unknown, ["note"]);
    }

    #[test]
    fn what_is_no_table_is_told() {
        assert!(read(FileFormat::Csv, "1,2\n").0[0].starts_with("1! the first line is no header"));
        assert!(read(FileFormat::Csv, "").0[0].starts_with("1! the first line is no header"));
        assert_eq!(read(FileFormat::Csv, "shop_id,shop_id\n").0, ["1! the header names shop_id twice"]);
        let open = format!("shop_id\n1\n\"{}", "x\n".repeat(ROW));
        assert!(read(FileFormat::Csv, &open).0.last().unwrap().contains("is a quote left open"));
        let long = format!("{{\"shop_id\":1}}\n{}", "x".repeat(2 * ROW));
        assert!(read(FileFormat::Jsonl, &long).0[1].starts_with("2! a row has at most"));
    }
}
