//! Aligned columns and fields. Whatever stands in a cell, its control characters do not reach the terminal:
//! names and messages come from outside.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::ctl::visible;

/// `text` on one line, with nothing hidden in it.
pub(in crate::ctl) fn clean(text: &str) -> String {
    visible::clean(text).into_owned()
}

/// In columns of a terminal: a Chinese letter and most pictures have two.
fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// The terminal on stdout; what is no terminal has no width, and a table there is as wide as its cells.
fn terminal() -> Option<usize> {
    let (terminal_size::Width(columns), _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(columns.into())
}

/// A column that is cut is no narrower than this.
const NARROW: usize = 10;

/// What is done with a column of a table that is wider than the terminal.
#[derive(Clone, Copy, Default)]
struct Column {
    right: bool,
    /// Its longer cells end with an ellipsis.
    may_be_cut: bool,
    /// It is left out, the first such column first.
    may_be_left_out: bool,
}

/// Before the rest of a row that is wider than its line.
const REST: &str = "    ";

/// Rows under a heading. A heading that begins with `>` aligns its column to the right; in a terminal that is too narrow, one
/// with `~` is cut and one with `-` is left out, which is said; a row that is still too wide goes on in the next line.
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(headings: &[&str]) -> Self {
        let (columns, names) = headings.iter().map(|heading| column(heading)).unzip();
        Self { columns, rows: vec![names] }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| clean(&cell)).collect());
    }

    /// Every row on a line, two spaces between columns, nothing behind the last one.
    pub(super) fn print(&self) -> String {
        self.print_within(terminal())
    }

    fn print_within(&self, room: Option<usize>) -> String {
        let mut widths = self.widths();
        if let Some(room) = room {
            self.fit(&mut widths, room);
        }
        let room = room.unwrap_or(usize::MAX);
        let rows: String = self.rows.iter().map(|row| self.line(row, &widths, room)).collect();
        rows + &self.left_out(&widths)
    }

    /// What a wider terminal would show.
    fn left_out(&self, widths: &[usize]) -> String {
        let Some((names, rows)) = self.rows.split_first() else { return String::new() };
        let has_more = |column: usize| rows.iter().any(|row| row.get(column).is_some_and(|cell| !cell.is_empty()));
        let gone = |column: &usize| widths.get(*column) == Some(&0) && has_more(*column);
        let gone: Vec<&str> =
            (0..widths.len()).filter(gone).filter_map(|column| names.get(column).map(String::as_str)).collect();
        match gone.is_empty() {
            true => String::new(),
            false => format!("(left out here: {}; a wider terminal or --json shows it)\n", gone.join(", ")),
        }
    }

    fn widths(&self) -> Vec<usize> {
        let widest = |column| self.rows.iter().filter_map(|row| row.get(column).map(String::as_str)).map(width).max();
        (0..self.columns.len()).map(|column| widest(column).unwrap_or(0)).collect()
    }

    /// Nothing is said by an empty column; then what may be cut is cut, and what may be left out is, until the rest fits.
    fn fit(&self, widths: &mut [usize], room: usize) {
        let is_empty = |column: usize| self.rows.iter().skip(1).all(|row| row.get(column).is_none_or(String::is_empty));
        if all(widths) > room {
            (0..widths.len()).filter(|column| is_empty(*column)).for_each(|column| leave_out(widths, column));
        }
        self.cut(widths, room);
        for (column, its) in self.columns.iter().enumerate() {
            if all(widths) > room && its.may_be_left_out {
                leave_out(widths, column);
            }
        }
        // What was cut for the columns that are gone has room again.
        let whole = self.widths();
        for (width, whole) in widths.iter_mut().zip(whole).filter(|(width, _)| **width > 0) {
            *width = whole;
        }
        self.cut(widths, room);
    }

    fn cut(&self, widths: &mut [usize], room: usize) {
        while all(widths) > room {
            let over = all(widths) - room;
            let columns =
                widths.iter_mut().zip(&self.columns).filter(|(width, its)| its.may_be_cut && **width > NARROW);
            let Some((widest, _)) = columns.max_by_key(|(width, _)| **width) else { return };
            *widest = widest.saturating_sub(over).max(NARROW);
        }
    }

    fn line(&self, row: &[String], widths: &[usize], room: usize) -> String {
        let (mut lines, mut line, mut at) = (String::new(), String::new(), 0);
        for ((cell, &wide), its) in row.iter().zip(widths).zip(&self.columns).filter(|((_, wide), _)| **wide > 0) {
            if at > 0 && at + wide > room {
                lines.extend([line.trim_end(), "\n"]);
                (line, at) = (REST.to_owned(), REST.len());
            }
            let cell = cut_to(cell, wide);
            let space = " ".repeat(wide.saturating_sub(width(&cell)));
            let (before, behind) = if its.right { (space.as_str(), "") } else { ("", space.as_str()) };
            line.extend([before, &cell, behind, "  "]);
            at += wide + 2;
        }
        let end = line.trim_end();
        if end.is_empty() { lines } else { lines + end + "\n" }
    }
}

fn column(heading: &str) -> (Column, String) {
    let marks = heading.len() - heading.trim_start_matches(['>', '~', '-']).len();
    let (marks, name) = heading.split_at(marks);
    let column =
        Column { right: marks.contains('>'), may_be_cut: marks.contains('~'), may_be_left_out: marks.contains('-') };
    (column, name.to_owned())
}

/// Of a line, with what stands between columns.
fn all(widths: &[usize]) -> usize {
    let there = widths.iter().filter(|width| **width > 0);
    there.map(|width| width + 2).sum::<usize>().saturating_sub(2)
}

fn leave_out(widths: &mut [usize], column: usize) {
    if let Some(width) = widths.get_mut(column) {
        *width = 0;
    }
}

fn cut_to(cell: &str, wide: usize) -> String {
    match width(cell) > wide {
        true => {
            let mut left = wide.saturating_sub(1);
            let fits = |c: &char| {
                let room = left.checked_sub(c.width().unwrap_or(0));
                left = room.unwrap_or(0);
                room.is_some()
            };
            cell.chars().take_while(fits).chain(['…']).collect()
        }
        false => cell.to_owned(),
    }
}

/// Names and values below each other.
#[derive(Default)]
pub(super) struct Fields(Vec<(&'static str, String)>);

impl Fields {
    pub(super) fn add(&mut self, name: &'static str, value: impl ToString) -> &mut Self {
        self.0.push((name, clean(&value.to_string())));
        self
    }

    /// Only where there is something to say.
    pub(super) fn maybe(&mut self, name: &'static str, value: Option<impl ToString>) -> &mut Self {
        if let Some(value) = value {
            self.add(name, value);
        }
        self
    }

    pub(super) fn print(&self) -> String {
        let wide = self.0.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
        self.0.iter().map(|(name, value)| format!("{name:wide$}  {value}").trim_end().to_owned() + "\n").collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters() {
        let mut table = Table::new(&["NAME", ">AMOUNT", "CITY"]);
        table.row(["Цветы".to_owned(), "5.00 ₸".to_owned(), "Алматы".to_owned()]);
        table.row(["x".to_owned(), "12 500.00 ₸".to_owned(), String::new()]);
        let shown = "NAME        AMOUNT  CITY\nЦветы       5.00 ₸  Алматы\nx      12 500.00 ₸\n";
        assert_eq!(table.print_within(None), shown);
    }

    /// Promise: a table is no wider than the terminal as far as its marks allow, and money and numbers are never cut.
    #[test]
    fn a_narrow_terminal_loses_what_may_be_lost() {
        let mut table = Table::new(&["PAYMENT", ">AMOUNT", "-WHO", "EMPTY", "~COMMENT"]);
        table.row(["12737694350", "5.00 ₸", "root", "", "flowers for Aigul"].map(str::to_owned));
        table.row(["12737694351", "12 500.00 ₸", "till", "", ""].map(str::to_owned));
        let widest = |room| table.print_within(Some(room)).lines().map(width).max().unwrap_or(0);
        assert_eq!(table.print_within(Some(100)), table.print_within(None));
        assert!(table.print_within(Some(49)).contains("root  flowers for Aigul"), "an empty column goes first");
        assert!(table.print_within(Some(45)).contains("root  flowers for …"));
        let narrow = table.print_within(Some(36));
        assert!(
            narrow.contains("12 500.00 ₸") && narrow.contains("flowers f…") && !narrow.contains("root"),
            "{narrow}"
        );
        assert!(narrow.ends_with("(left out here: WHO; a wider terminal or --json shows it)\n"), "{narrow}");
        let rows = |room| table.print_within(Some(room)).lines().filter(|it| !it.starts_with('(')).map(width).max();
        assert!((19..60).all(|room| rows(room) <= Some(room)), "a row goes on in the next line");
        assert!(widest(80) <= 80 && table.print_within(Some(5)).contains("12737694350"));
    }

    /// Promise: what a terminal shows in two columns is counted as two.
    #[test]
    fn wide_letters_are_two() {
        let mut table = Table::new(&["NAME", "BIN"]);
        table.row(["市場".to_owned(), "1".to_owned()]);
        table.row(["x".to_owned(), "2".to_owned()]);
        assert_eq!(table.print_within(None), "NAME  BIN\n市場  1\nx     2\n");
        assert_eq!(cut_to("市場市場市場", 8), "市場市…");
    }

    #[test]
    fn nothing_from_outside_moves_the_cursor() {
        let mut fields = Fields::default();
        fields.add("name", "a\u{1b}[2Jb\nc\u{9b}");
        assert_eq!(fields.print(), "name  a\\u{1b}[2Jb\\nc\\u{9b}\n");
    }
}
