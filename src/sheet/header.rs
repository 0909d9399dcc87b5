//! Which column is which: by a header, or by the guide's order where every value of the first row fits it.

use std::collections::BTreeSet;
use std::io::Read;

use super::split::{RawRow, Splitter};
use super::style::{SEPARATORS, Shape, Style};
use super::{Looks, Unreadable, WantedTable};

/// Names of unknown columns that are kept.
const NAMES: usize = 50;

/// The longest name of a column that is shown.
const NAME: usize = 64;

/// The separator of a table, and whether it has a header.
pub(super) fn find<R: Read>(
    open: &impl Fn() -> Result<R, Unreadable>,
    cr_only: bool,
    wanted: &WantedTable,
) -> Result<(u8, bool), Unreadable> {
    let first = |separator, style| -> Option<RawRow> {
        let mut record = RawRow::new();
        let shape = Shape { separator, style, cr_only };
        Splitter::new(open().ok()?, shape).ok()?.next(&mut record).ok()?.then_some(record)
    };
    let mut best = (0, b',');
    for separator in SEPARATORS {
        for record in [Style::Doubled, Style::Plain].into_iter().filter_map(|style| first(separator, style)) {
            let known = record.fields().filter(|(name, _)| wanted.knows(name)).count();
            // One value of a row may happen to be called like a column.
            let is_named = known >= 2 || known == record.len() || wanted.is_whole(&record);
            if is_named && known > best.0 {
                best = (known, separator);
            }
        }
    }
    if best.0 > 0 {
        return Ok((best.1, true));
    }
    let records = SEPARATORS.into_iter().flat_map(|separator| Style::ALL.map(|style| (separator, style)));
    let mut why = None;
    for (separator, style) in records {
        match first(separator, style).map(|record| wanted.misfit(&record)) {
            Some(None) => return Ok((separator, false)),
            Some(Some(misfit)) => why = why.max(misfit),
            None => {}
        }
    }
    Err(Unreadable::at(1, wanted.no_header(why)))
}

impl WantedTable {
    fn place(&self, name: &[u8]) -> Option<usize> {
        let name = bare(name);
        self.columns.iter().position(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()))
    }

    /// Everything that is needed is named.
    fn is_whole(&self, record: &RawRow) -> bool {
        let places: Vec<_> = record.fields().map(|(name, _)| self.place(name)).collect();
        self.needed.iter().all(|needed| places.contains(&self.place(needed.as_bytes())))
    }

    fn knows(&self, name: &[u8]) -> bool {
        let name = bare(name);
        self.place(name).is_some()
            || self.ignored.iter().copied().flatten().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
    }

    /// Why a record is no row of the guide's table: a column whose value does not fit it, if as many are there.
    fn misfit(&self, record: &RawRow) -> Option<Option<usize>> {
        if record.len() != self.guide.len() {
            return Some(None);
        }
        let mut pairs = self.guide.iter().zip(record.fields());
        let fits = |(_, looks): &(&str, Looks), value: Option<&[u8]>| {
            value.is_none_or(|value| std::str::from_utf8(value).is_ok_and(looks))
        };
        pairs.position(|(column, (text, field))| !fits(column, field.value(text, true))).map(Some)
    }

    fn no_header(&self, misfit: Option<usize>) -> String {
        let why = match misfit.and_then(|place| Some((place + 1, self.guide.get(place)?.0))) {
            Some((place, name)) => format!("read in the guide's order, its value {place} is no {name}"),
            None => format!("it has not the {} columns of the guide's {} either", self.guide.len(), self.table),
        };
        let names: Vec<&str> = self.guide.iter().map(|(name, _)| *name).collect();
        format!(
            "the first line is no header: it names none of {}; {why}. Put a line before it that names its columns, with its \
             separator between them, such as {}",
            self.columns.join(", "),
            names.join(",")
        )
    }
}

/// Where the wanted values stand in a row.
pub(super) struct ColumnMap {
    wanted: WantedTable,
    /// For each column of the file the wanted one it is.
    places: Vec<Option<usize>>,
    unknown: BTreeSet<String>,
}

impl ColumnMap {
    pub(super) fn new(wanted: WantedTable) -> Self {
        Self { wanted, places: Vec::new(), unknown: BTreeSet::new() }
    }

    /// The guide's order.
    pub(super) fn of_the_guide(wanted: WantedTable) -> Self {
        let places = wanted.guide.iter().map(|(name, _)| wanted.place(name.as_bytes())).collect();
        Self { places, ..Self::new(wanted) }
    }

    /// By the names in a record.
    pub(super) fn named(wanted: WantedTable, record: &RawRow) -> Result<Self, Unreadable> {
        let mut header = Self::new(wanted);
        for (number, (name, _)) in (1..).zip(record.fields()) {
            let place = header.place(number, name).map_err(|detail| Unreadable::at(record.line, detail))?;
            if let Some(known) = place.filter(|_| header.places.contains(&place)) {
                let name = wanted.columns.get(known).copied().unwrap_or_default();
                return Err(Unreadable::at(record.line, format!("the header names {name} twice")));
            }
            header.places.push(place);
        }
        let missing = |name: &&&str| !header.places.contains(&wanted.place(name.as_bytes()));
        let missing: Vec<&str> = wanted.needed.iter().filter(missing).copied().collect();
        match missing.is_empty() {
            true => Ok(header),
            false => {
                let detail = format!("the header does not name {}: SELECT it, too", missing.join(", "));
                Err(Unreadable::at(record.line, detail))
            }
        }
    }

    /// Which wanted column a name is, the `number`th of its row; the names nobody knows are kept to be told.
    pub(super) fn place(&mut self, number: usize, name: &[u8]) -> Result<Option<usize>, String> {
        let found = self.wanted.place(name);
        if let Some((name, why)) =
            self.wanted.refused.iter().find(|(no, _)| bare(name).eq_ignore_ascii_case(no.as_bytes()))
        {
            return Err(format!("{name}: {why}"));
        }
        if !self.wanted.knows(name) && self.unknown.len() < NAMES {
            self.unknown.insert(shown(name).unwrap_or_else(|| format!("column {number} (its name is not shown)")));
        }
        Ok(found)
    }

    pub(super) fn places(&self) -> &[Option<usize>] {
        &self.places
    }

    pub(super) fn column(&self, place: usize) -> &'static str {
        self.wanted.columns.get(place).copied().unwrap_or_default()
    }

    pub(super) fn width(&self) -> usize {
        self.wanted.columns.len()
    }

    /// Columns of the file that mean nothing here.
    pub(super) fn unknown(self) -> Vec<String> {
        self.unknown.into_iter().collect()
    }
}

/// A name without what nobody sees around it: spaces of every width, and marks.
fn bare(name: &[u8]) -> &[u8] {
    let unseen = |c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}');
    std::str::from_utf8(name).map_or(name, |name| name.trim_matches(unseen).as_bytes())
}

/// A name as it may be shown: it looks like one. What stands in the place of a name may be a value, and that a secret.
fn shown(name: &[u8]) -> Option<String> {
    let name = std::str::from_utf8(name).ok()?.trim();
    let is_name = |c: char| c.is_alphabetic() || c == '_' || c == ' ';
    let digits = name.chars().filter(char::is_ascii_digit).count();
    let fits = name.chars().all(|c| is_name(c) || c.is_ascii_digit()) && digits <= 2 && name.chars().count() <= NAME;
    (fits && name.chars().next().is_some_and(is_name)).then(|| name.to_owned())
}
