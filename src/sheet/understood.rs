//! What a file was understood as, in words.

use std::fmt;

use super::style::{Shape, Style, named};

/// How a file is read. Its words are for whoever sent it, to be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Understood {
    pub(super) bom: bool,
    pub(super) kind: Kind,
}

/// What kind of table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Objects, one after the other, or in a list.
    Json { list: bool },
    /// Fields between separators.
    Fields { shape: Shape, header: bool, crlf: bool, null_word: bool },
}

impl Understood {
    /// Whether it may be a spreadsheet's, in which a text that looks like a formula has an apostrophe before it.
    pub(crate) fn is_csv(&self) -> bool {
        matches!(self.kind, Kind::Fields { shape: Shape { style: Style::Doubled, .. }, .. })
    }
}

impl fmt::Display for Understood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bom = if self.bom { " with a byte order mark" } else { "" };
        match &self.kind {
            Kind::Json { list: true } => write!(f, "JSON in UTF-8{bom}: a list of objects"),
            Kind::Json { list: false } => write!(f, "JSON in UTF-8{bom}: one object after the other"),
            Kind::Fields { shape, header, crlf, null_word } => {
                let style = match shape.style {
                    Style::Doubled => "quotes doubled inside of quotes",
                    Style::Enclosed => "values in quotes with backslash escapes",
                    Style::Escaped => "backslash escapes and no quotes",
                    Style::Plain => "neither quotes nor escapes",
                };
                let ends = match (shape.cr_only, crlf) {
                    (true, _) => "CR",
                    (false, true) => "CRLF",
                    (false, false) => "LF",
                };
                let null = if *null_word { "NULL, \\N or nothing" } else { "\\N or nothing" };
                let header = match header {
                    true => "a header",
                    false => "no header (the guide's columns in its order)",
                };
                write!(
                    f,
                    "text in UTF-8{bom}: {}, {style}, {null} for none, lines end with {ends}, {header}",
                    named(shape.separator)
                )
            }
        }
    }
}
