//! Aligned columns and fields. Whatever stands in a cell, its control characters do not reach the terminal:
//! names and messages come from outside.

/// `text` without control characters.
pub(in crate::ctl) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Rows under a heading. A heading that begins with `>` aligns its column to the right.
pub(super) struct Table {
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(headings: &[&str]) -> Self {
        let right = headings.iter().map(|heading| heading.starts_with('>')).collect();
        let names = headings.iter().map(|heading| heading.trim_start_matches('>').to_owned()).collect();
        Self { right, rows: vec![names] }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| clean(&cell)).collect());
    }

    /// Every row on a line, two spaces between columns, nothing behind the last one.
    pub(super) fn print(&self) -> String {
        let widths: Vec<usize> = (0..self.right.len())
            .map(|column| self.rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0))
            .collect();
        self.rows.iter().map(|row| self.line(row, &widths)).collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, &wide), &right) in row.iter().zip(widths).zip(&self.right) {
            let space = " ".repeat(wide.saturating_sub(width(cell)));
            let (before, behind) = if right { (space.as_str(), "") } else { ("", space.as_str()) };
            line.extend([before, cell, behind, "  "]);
        }
        format!("{}\n", line.trim_end())
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
        assert_eq!(table.print(), "NAME        AMOUNT  CITY\nЦветы       5.00 ₸  Алматы\nx      12 500.00 ₸\n");
    }

    #[test]
    fn nothing_from_outside_moves_the_cursor() {
        let mut fields = Fields::default();
        fields.add("name", "a\u{1b}[2Jb\nc\u{9b}");
        assert_eq!(fields.print(), "name  a [2Jb c \n".replace(" \n", "\n"));
    }
}
