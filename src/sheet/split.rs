//! Bytes to fields, in one style of quoting.

use std::io::Read;

use zeroize::Zeroizing;

use super::bytes::{self, Bytes};
use super::style::Shape;
use super::{ROW, Unreadable};

/// A field of a [`RawRow`].
#[derive(Clone, Copy, Default)]
pub(super) struct Cell {
    end: usize,
    pub(super) is_quoted: bool,
    /// `\N` where backslashes are escapes.
    pub(super) is_none: bool,
    /// Nothing was an escape: `\N` stands as it is.
    pub(super) is_literal: bool,
    /// `\.` where backslashes are escapes.
    is_end: bool,
    /// A backslash stands before what no program escapes: it was none.
    pub(super) is_odd: bool,
    /// A backslash stands before something else than itself or a quote.
    pub(super) is_lone: bool,
    /// A quote stands twice in it.
    pub(super) is_doubled: bool,
}

impl Cell {
    /// The value of its text: none where there is none, by any of the words for it. In quotes even those are texts.
    pub(super) fn value(self, text: &[u8], null_word: bool) -> Option<&[u8]> {
        let is_word = (self.is_literal && text == b"\\N") || (null_word && text == b"NULL");
        let is_none = self.is_none || text.is_empty() || (!self.is_quoted && is_word);
        (!is_none).then_some(text)
    }
}

/// A row as it stands in the file. Wiped when dropped: it may hold a token.
pub(super) struct RawRow {
    /// Of its first byte, from 1.
    pub(super) line: u64,
    text: Zeroizing<Vec<u8>>,
    fields: Vec<Cell>,
}

impl RawRow {
    pub(super) fn new() -> Self {
        Self { line: 0, text: Zeroizing::default(), fields: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = (&[u8], Cell)> {
        let mut begin = 0;
        self.fields.iter().map(move |field| {
            let text = self.text.get(begin..field.end).unwrap_or_default();
            begin = field.end;
            (text, *field)
        })
    }

    /// `="891027350515"` is how a text of digits is written for a spreadsheet: the text is meant.
    fn without_formula(&mut self, begin: usize) {
        let text = self.text.get(begin..).and_then(|text| text.strip_prefix(b"=\"")?.strip_suffix(b"\""));
        if text.is_some_and(|text| !text.contains(&b'"')) {
            self.text.pop();
            self.text.drain(begin..begin + 2);
        }
    }

    fn begin(&mut self, line: u64) {
        self.line = line;
        self.text.clear();
        self.fields.clear();
    }

    /// A blank line.
    fn is_blank(&self) -> bool {
        matches!(self.fields.as_slice(), [Cell { end: 0, is_quoted: false, is_none: false, .. }])
    }

    /// PostgreSQL's line behind the last row.
    fn is_end(&self) -> bool {
        match self.fields.as_slice() {
            [only] => only.is_end || (!only.is_quoted && self.text.as_slice() == b"\\."),
            _ => false,
        }
    }
}

/// What ends a field.
#[derive(PartialEq, Eq)]
enum CellEnd {
    Separator,
    Line,
    File,
}

/// Reads records one by one.
pub(super) struct Splitter<R> {
    bytes: Bytes<R>,
    shape: Shape,
    is_over: bool,
}

impl<R: Read> Splitter<R> {
    pub(super) fn new(reader: R, shape: Shape) -> Result<Self, Unreadable> {
        let line_end = if shape.cr_only { b'\r' } else { b'\n' };
        Ok(Self { bytes: Bytes::begin(reader, line_end)?, shape, is_over: false })
    }

    /// The next record that is not a blank line; false behind the last.
    pub(super) fn next(&mut self, record: &mut RawRow) -> Result<bool, Unreadable> {
        while !self.is_over {
            record.begin(self.bytes.line);
            while self.field(record)? == CellEnd::Separator {}
            if record.is_end() {
                self.nothing_more()?;
                return Ok(false);
            }
            if !record.is_blank() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Behind PostgreSQL's mark of the end.
    fn nothing_more(&mut self) -> Result<(), Unreadable> {
        self.is_over = true;
        while let Some(byte) = self.bytes.next()? {
            if !byte.is_ascii_whitespace() {
                return Err(Unreadable::at(
                    self.bytes.line,
                    "rows follow behind the line \\. that ends them: is it two files?",
                ));
            }
        }
        Ok(())
    }

    fn field(&mut self, record: &mut RawRow) -> Result<CellEnd, Unreadable> {
        let begin = record.text.len();
        let mut field = Cell { is_literal: !self.shape.style.escapes(), ..Cell::default() };
        let end = if self.shape.style.quotes() && self.bytes.peek()? == Some(b'"') {
            field.is_quoted = true;
            self.bytes.next()?;
            self.quoted(record, &mut field)?;
            if field.is_doubled {
                record.without_formula(begin);
            }
            self.behind_quotes(record.line)?
        } else {
            self.plain(record, &mut field, begin)?
        };
        field.end = record.text.len();
        record.fields.push(field);
        Ok(end)
    }

    fn push(record: &mut RawRow, byte: u8) -> Result<(), Unreadable> {
        if record.text.len() == ROW {
            let detail = format!("a row has at most {ROW} bytes; what follows was not read (is a quote left open?)");
            return Err(Unreadable::at(record.line, detail));
        }
        bytes::push(&mut record.text, byte);
        Ok(())
    }

    fn quoted(&mut self, record: &mut RawRow, field: &mut Cell) -> Result<(), Unreadable> {
        loop {
            let byte = match self.bytes.next()? {
                None => return Err(Unreadable::at(record.line, "a quote is left open up to the end of the file")),
                Some(b'"') if self.bytes.peek()? == Some(b'"') => {
                    self.bytes.next()?;
                    field.is_doubled = true;
                    b'"'
                }
                Some(b'"') => return Ok(()),
                Some(b'\\') if self.shape.style.escapes() => self.escaped(record.line, field)?,
                Some(byte) => byte,
            };
            Self::push(record, byte)?;
        }
    }

    fn behind_quotes(&mut self, line: u64) -> Result<CellEnd, Unreadable> {
        let returns = !self.shape.cr_only && self.bytes.peek()? == Some(b'\r');
        if returns {
            self.bytes.next()?;
        }
        match self.end()? {
            Some(end) if !returns || end != CellEnd::Separator => Ok(end),
            _ => Err(Unreadable::at(line, "there is text behind a closing quote")),
        }
    }

    /// What ends a field, if that is what comes next.
    fn end(&mut self) -> Result<Option<CellEnd>, Unreadable> {
        let Shape { separator, cr_only, .. } = self.shape;
        Ok(match self.bytes.peek()? {
            None => {
                self.is_over = true;
                Some(CellEnd::File)
            }
            Some(byte) if byte == separator => self.bytes.next()?.map(|_| CellEnd::Separator),
            Some(b'\n') => self.bytes.next()?.map(|_| CellEnd::Line),
            Some(b'\r') if cr_only => self.bytes.next()?.map(|_| CellEnd::Line),
            Some(_) => None,
        })
    }

    fn plain(&mut self, record: &mut RawRow, field: &mut Cell, begin: usize) -> Result<CellEnd, Unreadable> {
        let style = self.shape.style;
        loop {
            if let Some(end) = self.end()? {
                return Ok(end);
            }
            let byte = match self.bytes.next()? {
                // A carriage return belongs to the line end behind it.
                Some(b'\r') if matches!(self.bytes.peek()?, Some(b'\n') | None) => continue,
                // A spreadsheet's text that was not put in quotes.
                Some(b'"') if style.quotes() && record.text.get(begin..) == Some(b"=") => {
                    record.text.truncate(begin);
                    field.is_quoted = true;
                    self.quoted(record, field)?;
                    return self.behind_quotes(record.line);
                }
                Some(b'"') if style.quotes() => {
                    return Err(Unreadable::at(
                        record.line,
                        "a quote stands inside of a value that does not begin with one",
                    ));
                }
                Some(b'\\') if style.escapes() => {
                    let word = self.bytes.peek()?.filter(|_| record.text.len() == begin);
                    let byte = self.escaped(record.line, field)?;
                    if matches!(word, Some(b'N' | b'.')) && self.is_at_end()? {
                        (field.is_none, field.is_end) = (word == Some(b'N'), word == Some(b'.'));
                    }
                    if field.is_none {
                        continue;
                    }
                    byte
                }
                Some(byte) => byte,
                None => continue,
            };
            Self::push(record, byte)?;
        }
    }

    fn is_at_end(&mut self) -> Result<bool, Unreadable> {
        let separator = self.shape.separator;
        Ok(self.bytes.peek()?.is_none_or(|byte| byte == separator || byte == b'\n' || byte == b'\r'))
    }

    /// The byte that is meant by the one behind a backslash.
    fn escaped(&mut self, line: u64, field: &mut Cell) -> Result<u8, Unreadable> {
        let byte = self.bytes.next()?;
        field.is_lone |= byte.is_some_and(|byte| !b"\\\"".contains(&byte));
        Ok(match byte {
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'0') => 0,
            Some(b'b') => 8,
            Some(b'v') => 11,
            Some(b'f') => 12,
            Some(b'Z') => 26,
            Some(byte) => {
                field.is_odd |= byte != b'N' && (byte.is_ascii_alphanumeric() || byte >= 0x80);
                byte
            }
            None => return Err(Unreadable::at(line, "the file ends with a backslash: it is not whole")),
        })
    }
}
