//! Which style a table is written in. Every style is tried on the whole of it; those that make the fewest mistakes stay,
//! and where they read the same values there is nothing to choose. Where they differ, what databases and spreadsheets
//! always do decides, and where that does not, nobody guesses.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;

use super::Unreadable;
use super::kind::Facts;
use super::split::{RawRow, Splitter};
use super::style::{Shape, Style};

/// What came of reading a table in one style.
pub(super) struct Trial {
    pub(super) style: Style,
    /// Whether it could not be read to its end; rows of another number of fields than the first, and odd escapes.
    mistakes: (bool, u64),
    /// Of all values.
    digest: u64,
    /// Of a database's separator: quotes may be part of any value there.
    is_strict: bool,
    /// Fields in quotes and values without, the least in a row, and whether one has a doubled quote.
    quoted: u64,
    bare: u64,
    least_quoted: u64,
    is_doubled: bool,
    /// Fields without anything; `\N`; the word NULL.
    empty: u64,
    pub(super) escaped_none: bool,
    null_word: bool,
    /// A backslash stands before something else than itself or a quote.
    is_lone: bool,
}

/// Two styles that read a table differently, and nothing tells which is meant.
pub(super) type TwoWays = (Style, Style);

impl Trial {
    /// Reads all of it; without a header a row has so many fields.
    pub(super) fn run(reader: impl Read, shape: Shape, width: Option<usize>) -> Self {
        let mut trial = Self {
            style: shape.style,
            mistakes: (false, 0),
            digest: 0,
            is_strict: matches!(shape.separator, b'\t' | b'|'),
            quoted: 0,
            bare: 0,
            least_quoted: u64::MAX,
            is_doubled: false,
            empty: 0,
            escaped_none: false,
            null_word: false,
            is_lone: false,
        };
        trial.mistakes.0 = trial.read(reader, shape, width).is_err();
        trial
    }

    fn read(&mut self, reader: impl Read, shape: Shape, mut width: Option<usize>) -> Result<(), Unreadable> {
        let (mut splitter, mut record) = (Splitter::new(reader, shape)?, RawRow::new());
        let mut hasher = DefaultHasher::new();
        while splitter.next(&mut record)? {
            self.mistakes.1 += u64::from(*width.get_or_insert(record.len()) != record.len());
            self.take(&record, &mut hasher);
        }
        self.digest = hasher.finish();
        Ok(())
    }

    fn take(&mut self, record: &RawRow, hasher: &mut DefaultHasher) {
        let mut quoted = 0;
        record.len().hash(hasher);
        for (text, field) in record.fields() {
            let value = field.value(text, true);
            value.hash(hasher);
            self.bare += u64::from(value.is_some() && !field.is_quoted);
            quoted += u64::from(field.is_quoted);
            self.is_doubled |= field.is_doubled;
            self.mistakes.1 += u64::from(field.is_odd);
            self.empty += u64::from(text.is_empty() && !field.is_quoted && !field.is_none);
            self.escaped_none |= field.is_none || (field.is_literal && !field.is_quoted && text == b"\\N");
            self.null_word |= !field.is_quoted && text == b"NULL";
            self.is_lone |= field.is_lone && !field.is_none;
        }
        self.quoted += quoted;
        self.least_quoted = self.least_quoted.min(quoted);
    }

    /// Every value that is a text stands in quotes: whoever encloses values encloses more than one of a row.
    fn encloses(&self) -> bool {
        self.quoted > 0 && self.least_quoted >= 2 && !(self.is_strict && self.bare > 0)
    }
}

/// The one style that a table is written in.
///
/// # Errors
/// It can be read in two ways that differ, and nothing tells which is meant.
pub(super) fn choose(mut trials: Vec<Trial>, (separator, header): (u8, bool), facts: &Facts) -> Result<Trial, TwoWays> {
    if matches!(separator, b',' | b';') {
        let is_broken = trials.iter().all(|trial| trial.mistakes.0 || !trial.style.quotes());
        // With quotes that are not closed it is broken, not something else.
        keep(&mut trials, |trial| {
            trial.style.quotes() || (trial.style == Style::Escaped && (!is_broken || trial.escaped_none))
        });
    }
    let least = trials.iter().map(|trial| trial.mistakes).min().unwrap_or_default();
    trials.retain(|trial| trial.mistakes == least);
    if !differ(&trials) {
        // Whatever it is called, it is the same.
        let usual = if separator == b'\t' { Style::Escaped } else { Style::Doubled };
        keep(&mut trials, |trial| trial.style == usual);
        return trials.into_iter().next().ok_or((Style::Doubled, Style::Plain));
    }
    let has_lone_quotes = trials.iter().any(|trial| trial.style.quotes() && trial.quoted > 0 && !trial.encloses());
    let doubled = trials.iter().find(|trial| trial.style == Style::Doubled).map(|trial| trial.digest);
    // Databases write tabs with line feeds, and bars, and quotes that are part of the value.
    let is_database = separator == b'|' || (separator == b'\t' && !(facts.crlf || facts.bom));
    if !is_database && trials.iter().any(|trial| trial.style == Style::Doubled && trial.is_doubled) {
        keep(&mut trials, |trial| trial.style == Style::Doubled);
    }
    keep(&mut trials, |trial| trial.style != Style::Enclosed || trial.encloses());
    by_usage(&mut trials, (separator, header), facts);
    let mut left = trials.into_iter();
    let Some(chosen) = left.next() else { return Err((Style::Doubled, Style::Plain)) };
    if let Some(other) = left.find(|other| other.digest != chosen.digest) {
        return Err((chosen.style, other.style));
    }
    // A quote at both ends of one value: part of it, or around it?
    let drops_quotes =
        has_lone_quotes && !chosen.style.quotes() && doubled.is_some_and(|digest| digest != chosen.digest);
    let is_told = separator == b'\t' && (chosen.escaped_none || chosen.null_word);
    match drops_quotes && !is_told {
        true => Err((Style::Doubled, chosen.style)),
        false => Ok(chosen),
    }
}

fn differ(trials: &[Trial]) -> bool {
    trials.windows(2).any(|pair| matches!(pair, [one, other] if one.digest != other.digest))
}

/// Keeps the trials that fit, unless none does.
fn keep(trials: &mut Vec<Trial>, fits: impl Fn(&Trial) -> bool) {
    if trials.iter().any(&fits) {
        trials.retain(fits);
    }
}

/// What programs do: those that write `\N` escape with backslashes; databases write tabs without quotes, and Excel with
/// them; commas go with quotes, and what is absent is then empty; whoever writes commas and backslashes writes no header.
fn by_usage(trials: &mut Vec<Trial>, (separator, header): (u8, bool), facts: &Facts) {
    let any = |trials: &[Trial], is: fn(&Trial) -> bool| trials.iter().any(is);
    if any(trials, |trial| trial.escaped_none) {
        keep(trials, |trial| trial.style.escapes());
    }
    let encloses = any(trials, Trial::encloses);
    match separator {
        _ if encloses => keep(trials, |trial| trial.style.quotes()),
        b'\t' if any(trials, |trial| trial.null_word) => keep(trials, |trial| trial.style == Style::Escaped),
        b'\t' if !(facts.crlf || facts.bom) => {
            keep(trials, |trial| !trial.style.quotes());
            // SQLite's tabs and psql -A leave out what is absent, and escape nothing.
            if any(trials, |trial| trial.empty > 0) && !any(trials, |trial| trial.escaped_none) {
                keep(trials, |trial| trial.style == Style::Plain);
            }
        }
        b'\t' => keep(trials, |trial| trial.style == Style::Doubled),
        b'|' => keep(trials, |trial| {
            matches!(trial.style, Style::Plain | Style::Escaped) && (trial.style == Style::Plain || trial.escaped_none)
        }),
        _ if any(trials, |trial| trial.quoted > 0) => keep(trials, |trial| trial.style.quotes()),
        _ => keep(trials, |trial| trial.style != Style::Plain),
    }
    // MySQL, which escapes in quotes, writes `\N` for none. Who writes NULL, as phpMyAdmin, escapes quotes and backslashes
    // alone, if anything.
    let is_told = any(trials, |trial| trial.null_word) && any(trials, |trial| trial.style.escapes() && trial.is_lone);
    let is_csv = |trial: &Trial| trial.style == Style::Doubled && (trial.empty > 0 || (header && !encloses) || is_told);
    if matches!(separator, b',' | b';') && !any(trials, |trial| trial.escaped_none) && trials.iter().any(is_csv) {
        keep(trials, |trial| trial.style == Style::Doubled);
    }
}

/// Where two styles begin to read something else: the line, and in which value of its row.
pub(super) fn parting<R: Read>(
    open: &impl Fn() -> Result<R, Unreadable>,
    shapes: [Shape; 2],
) -> Result<Unreadable, Unreadable> {
    let mut readings = [Splitter::new(open()?, shapes[0])?, Splitter::new(open()?, shapes[1])?];
    let mut records = [RawRow::new(), RawRow::new()];
    loop {
        let [one, other] = &mut readings;
        let [first, second] = &mut records;
        let goes_on = (one.next(first)?, other.next(second)?);
        let mut pairs = first.fields().zip(second.fields());
        let apart = pairs.position(|((text, field), (other, its))| field.value(text, true) != its.value(other, true));
        if apart.is_some() || first.len() != second.len() || goes_on != (true, true) {
            return Ok(unclear(first.line, apart.map_or(first.len().min(second.len()), |place| place + 1)));
        }
    }
}

fn unclear(line: u64, value: usize) -> Unreadable {
    Unreadable::at(
        line,
        format!(
            "a quote or a backslash in value {value} can be part of it or not, and the rest of the file does not tell which: \
             export it again with psql \\copy … CSV HEADER, sqlite3 -csv -header, or mysql --batch, or from anything else as \
             CSV with quotes only where they are needed"
        ),
    )
}
