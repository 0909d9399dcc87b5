//! The rows of a file, whatever wrote it: columns by their names in any order, absent values, line numbers.

use std::io::Read;

use zeroize::Zeroizing;

use super::choice::{Trial, choose, parting};
use super::header::{self, ColumnMap};
use super::json::{self, Objects, Value};
use super::kind::{self, Facts};
use super::split::{RawRow, Splitter};
use super::style::{Shape, Style};
use super::understood::{Kind, Understood};
use super::{Unreadable, WantedTable};

impl Understood {
    /// Judges a file, which `open` gives from its beginning as often as it is asked.
    ///
    /// # Errors
    /// It is none that can be read, or can be read in two ways.
    pub(crate) fn of<R: Read>(
        open: impl Fn() -> Result<R, Unreadable>,
        wanted: &WantedTable,
    ) -> Result<Self, Unreadable> {
        let facts = kind::look(open()?)?;
        let kind = match facts.first {
            b'{' | b'[' => Kind::Json { list: facts.first == b'[' },
            _ => fields(&open, wanted, &facts)?,
        };
        Ok(Self { bom: facts.bom, kind })
    }
}

fn fields<R: Read>(
    open: &impl Fn() -> Result<R, Unreadable>,
    wanted: &WantedTable,
    facts: &Facts,
) -> Result<Kind, Unreadable> {
    let cr_only = facts.cr_only;
    let (separator, header) = header::find(open, cr_only, wanted)?;
    let width = (!header).then_some(wanted.guide.len());
    let trial =
        |style| -> Result<Trial, Unreadable> { Ok(Trial::run(open()?, Shape { separator, style, cr_only }, width)) };
    let trials = worth_trying(separator, facts).iter().copied().map(trial).collect::<Result<Vec<_>, _>>()?;
    let shaped = |style| Shape { separator, style, cr_only };
    let chosen = match choose(trials, (separator, header), facts) {
        Ok(chosen) => chosen,
        Err((one, other)) => return Err(parting(open, [one, other].map(shaped))?),
    };
    let shape = shaped(chosen.style);
    Ok(Kind::Fields { shape, header, crlf: facts.crlf, null_word: !(chosen.escaped_none && chosen.style.escapes()) })
}

/// The styles that can differ, and the one that is usual where none does. Each costs a reading of the whole file.
fn worth_trying(separator: u8, facts: &Facts) -> &'static [Style] {
    match (separator, facts.quotes, facts.backslashes) {
        (b',' | b';', _, false) => &[Style::Doubled],
        (b'\t', false, false) => &[Style::Escaped],
        (b'|', false, false) => &[Style::Plain],
        (b'\t', true, false) => &[Style::Doubled, Style::Escaped],
        (_, true, false) => &[Style::Doubled, Style::Plain],
        (_, false, true) => &[Style::Doubled, Style::Escaped, Style::Plain],
        _ => &Style::ALL,
    }
}

/// A row of the file: a value for each of the wanted columns, where it has one. Wiped when dropped: it may hold a token.
pub(crate) struct TableRow {
    /// From 1.
    pub(crate) line: u64,
    pub(crate) values: Vec<Option<Zeroizing<String>>>,
}

/// The rows of a file.
pub(crate) struct Rows<R> {
    header: ColumnMap,
    text: Text<R>,
}

enum Text<R> {
    Fields {
        splitter: Box<Splitter<R>>,
        record: RawRow,
        null_word: bool,
    },
    Objects(Objects<R>),
    /// Behind a row that could not be read, nothing is where it should be.
    Over,
}

impl<R: Read> Rows<R> {
    /// The rows of a file that was understood, from its beginning.
    ///
    /// # Errors
    /// The header does not name what is needed, or a column twice.
    pub(crate) fn open(understood: &Understood, reader: R, wanted: WantedTable) -> Result<Self, Unreadable> {
        let (shape, is_headed, null_word) = match understood.kind {
            Kind::Json { list } => {
                return Ok(Self { header: ColumnMap::new(wanted), text: Text::Objects(Objects::new(reader, list)?) });
            }
            Kind::Fields { shape, header, null_word, .. } => (shape, header, null_word),
        };
        let (mut splitter, mut record) = (Box::new(Splitter::new(reader, shape)?), RawRow::new());
        let header = match is_headed {
            true => {
                splitter.next(&mut record)?;
                ColumnMap::named(wanted, &record)?
            }
            false => ColumnMap::of_the_guide(wanted),
        };
        Ok(Self { header, text: Text::Fields { splitter, record, null_word } })
    }

    /// Columns of the file that mean nothing here.
    pub(crate) fn unknown(self) -> Vec<String> {
        self.header.unknown()
    }

    /// The next row.
    pub(crate) fn next(&mut self) -> Option<Result<TableRow, Unreadable>> {
        match &mut self.text {
            Text::Over => None,
            Text::Fields { splitter, record, null_word } => match splitter.next(record) {
                Ok(false) => None,
                Ok(true) => Some(of_record(&self.header, record, *null_word)),
                Err(unreadable) => {
                    self.text = Text::Over;
                    Some(Err(unreadable))
                }
            },
            Text::Objects(objects) => match objects.next() {
                Ok(None) => None,
                Ok(Some((line, text))) => Some(of_object(&mut self.header, line, &text)),
                Err(unreadable) => Some(Err(unreadable)),
            },
        }
    }
}

fn empty(header: &ColumnMap, line: u64) -> TableRow {
    TableRow { line, values: vec![None; header.width()] }
}

fn of_record(header: &ColumnMap, record: &RawRow, null_word: bool) -> Result<TableRow, Unreadable> {
    let (line, wide) = (record.line, header.places().len());
    if record.len() != wide {
        return Err(Unreadable::at(line, format!("it has {} values and the header {wide}", record.len())));
    }
    let mut row = empty(header, line);
    for ((text, field), place) in record.fields().zip(header.places()) {
        let Some(place) = place.and_then(|place| row.values.get_mut(place)) else { continue };
        let text = field.value(text, null_word).map(std::str::from_utf8).transpose();
        let text = text.map_err(|_| Unreadable::at(line, "it is not UTF-8"))?;
        *place = text.map(|text| Zeroizing::new(text.to_owned()));
    }
    Ok(row)
}

fn of_object(header: &mut ColumnMap, line: u64, text: &[u8]) -> Result<TableRow, Unreadable> {
    let mut row = empty(header, line);
    let mut seen = vec![false; header.width()];
    for (number, (name, value)) in (1..).zip(json::pairs(line, text)?) {
        let place = header.place(number, name.as_bytes()).map_err(|detail| Unreadable::at(line, detail))?;
        let Some(place) = place else { continue };
        if seen.get_mut(place).is_some_and(|seen| std::mem::replace(seen, true)) {
            return Err(Unreadable::at(line, format!("it names {} twice", header.column(place))));
        }
        let value = match value {
            Value::None => None,
            Value::Text(text) => Some(text),
            Value::Nested => {
                let column = header.column(place);
                return Err(Unreadable::at(line, format!("{column} is a list or an object: write its value alone")));
            }
        };
        if let Some(kept) = row.values.get_mut(place) {
            *kept = value;
        }
    }
    Ok(row)
}
