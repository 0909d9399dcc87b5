//! How the fields of a table are told apart.

/// How a value is written that holds a separator, a quote or a line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// In quotes, with its own quotes doubled: RFC 4180, as SQLite, PostgreSQL and spreadsheets write CSV.
    Doubled,
    /// In quotes, with backslashes: MySQL's `ENCLOSED BY '"'`.
    Enclosed,
    /// With backslashes and without quotes: MySQL's `INTO OUTFILE`, `--tab` and `--batch`, PostgreSQL's text.
    Escaped,
    /// Not at all: SQLite's list mode, `psql -A`.
    Plain,
}

impl Style {
    pub(super) const ALL: [Self; 4] = [Self::Doubled, Self::Enclosed, Self::Escaped, Self::Plain];

    /// Whether a quote at the beginning of a field is none of its value.
    pub(super) fn quotes(self) -> bool {
        matches!(self, Self::Doubled | Self::Enclosed)
    }

    /// Whether a backslash is none of the value.
    pub(super) fn escapes(self) -> bool {
        matches!(self, Self::Enclosed | Self::Escaped)
    }
}

/// How records and fields end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) separator: u8,
    pub(super) style: Style,
    /// Lines end with a carriage return alone, as on old Macs; else with a line feed, or both.
    pub(super) cr_only: bool,
}

/// What may stand between fields, the likeliest first.
pub(super) const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Its name for people.
pub(super) fn named(separator: u8) -> &'static str {
    match separator {
        b'\t' => "tabs",
        b',' => "commas",
        b';' => "semicolons",
        _ => "bars",
    }
}
