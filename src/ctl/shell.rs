//! Words for a shell.

/// Words as one line for a shell.
pub(super) fn quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    // Only a NUL cannot be quoted, and no argument of a program has one.
    shlex::Quoter::new().allow_nul(true).join(words).unwrap_or_default()
}
