//! A statement as a file: for programs as CSV and JSON lines, for people as a spreadsheet of this country opens it.

use std::fs::File;
use std::io::{BufWriter, Write};

use jiff::tz::TimeZone;

use super::columns::{COLUMNS, Line, Wording};
use crate::failure::Failure;
use crate::language::Language;
use crate::operation::{FileFormat, OrganizationReport};
use crate::service::records::files::{MARK, excel_text, excel_writer, harmless, is_more_than_text, not_written};
use crate::store::StatementEntry;

/// A file under way.
pub(super) struct StatementFile {
    rows: Format,
    words: Wording,
    zone: TimeZone,
}

enum Format {
    Csv(csv::Writer<BufWriter<File>>),
    Jsonl(BufWriter<File>),
    Excel(csv::Writer<BufWriter<File>>),
}

impl StatementFile {
    /// With the names of the columns, where the format has such.
    pub(super) fn begin(
        file: File,
        (format, language): (FileFormat, Language),
        zone: TimeZone,
    ) -> Result<Self, Failure> {
        let mut file = BufWriter::new(file);
        let failed = |error: &csv::Error| not_written(error);
        let (rows, words) = match format {
            FileFormat::Jsonl => (Format::Jsonl(file), Wording::Programs),
            FileFormat::Csv => {
                let mut writer = csv::Writer::from_writer(file);
                writer.write_record(COLUMNS.map(|(name, _)| name)).map_err(|error| failed(&error))?;
                (Format::Csv(writer), Wording::Programs)
            }
            FileFormat::Excel => {
                file.write_all(MARK.as_bytes()).map_err(|error| not_written(&error))?;
                let mut writer = excel_writer(file);
                let names = COLUMNS.map(|(_, name)| name.told(language));
                writer.write_record(names).map_err(|error| failed(&error))?;
                (Format::Excel(writer), Wording::People(language))
            }
        };
        Ok(Self { rows, words, zone })
    }

    /// One more line.
    pub(super) fn line(&mut self, entry: &StatementEntry<'_>) -> Result<(), Failure> {
        let line = Line::of(entry, self.words, &self.zone);
        self.write(line)
    }

    /// The sum of an organisation.
    pub(super) fn total(&mut self, organization: &OrganizationReport) -> Result<(), Failure> {
        self.write(Line::total(organization, self.words))
    }

    /// The file, written to its end.
    pub(super) fn end(self) -> Result<File, Failure> {
        let buffer = match self.rows {
            Format::Csv(writer) | Format::Excel(writer) => writer.into_inner().map_err(|error| not_written(&error))?,
            Format::Jsonl(buffer) => buffer,
        };
        buffer.into_inner().map_err(|error| not_written(&error))
    }

    fn write(&mut self, line: Line) -> Result<(), Failure> {
        match &mut self.rows {
            Format::Jsonl(file) => {
                serde_json::to_writer(&mut *file, &line).map_err(|error| not_written(&error))?;
                file.write_all(b"\n").map_err(|error| not_written(&error))
            }
            Format::Csv(writer) => {
                let cells = line.cells().into_iter().enumerate().map(|(at, cell)| match is_text(at) {
                    true => harmless(&cell),
                    false => cell,
                });
                writer.write_record(cells).map_err(|error| not_written(&error))
            }
            Format::Excel(writer) => {
                let cells = line.cells().into_iter().enumerate().map(|(at, cell)| spreadsheet(at, cell));
                writer.write_record(cells).map_err(|error| not_written(&error))
            }
        }
    }
}

/// What the name of a column says of its cells.
fn name(at: usize) -> &'static str {
    COLUMNS.get(at).map_or("", |(name, _)| name)
}

/// StatementFile by people, or by programs of theirs.
fn is_text(at: usize) -> bool {
    matches!(name(at), "organization" | "invoice" | "who" | "comment")
}

fn spreadsheet(at: usize, cell: String) -> String {
    match name(at) {
        "amount" => cell.replace('.', ","),
        // Digits that a spreadsheet would round, or rob of zeros before them.
        "organization_bin" | "qr_payment_id" if !cell.is_empty() => excel_text(&cell),
        // `007`, `1-2`, `12:30` and `1E5` would become numbers, dates and times.
        _ if is_text(at) && is_more_than_text(&cell) => excel_text(&cell),
        _ if is_text(at) => harmless(&cell),
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: a spreadsheet shows numbers of sales and organisations as they are, and runs nothing that somebody wrote.
    #[test]
    fn a_spreadsheet_changes_nothing() {
        let at = |wanted| COLUMNS.iter().position(|(name, _)| *name == wanted).unwrap_or_default();
        for (column, cell, shown) in [
            ("organization_bin", "091027350515", "=\"091027350515\""),
            ("invoice", "007", "=\"007\""),
            ("invoice", "1-2", "=\"1-2\""),
            ("invoice", "order-5", "=\"order-5\""),
            ("invoice", "order", "order"),
            ("comment", "=HYPERLINK(\"x\")", "'=HYPERLINK(\"x\")"),
            ("amount", "-150.50", "-150,50"),
            ("qr_payment_id", "", ""),
        ] {
            assert_eq!(spreadsheet(at(column), cell.to_owned()), shown, "{column}");
        }
    }
}
