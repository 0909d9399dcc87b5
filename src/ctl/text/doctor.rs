//! Checks for people: a mark in words, what was found, and below it the one command to type.

use super::table::clean;
use crate::operation::{Check, CheckStatus};

/// Lines are for a terminal of this width; a command is never broken, so that it can be copied.
const WIDTH: usize = 80;

/// A mark takes this much; a command begins behind it.
const MARK: usize = 9;

/// Mark and name of a check take this much.
const INDENT: usize = 22;

/// One check below the other.
pub(in crate::ctl) fn checks(checks: &[Check]) -> String {
    checks.iter().map(check).collect()
}

/// Words below each other, no line longer than `width` unless a word is.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut wide = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if wide > 0 && wide + 1 + length > width {
            lines.push(String::new());
            wide = 0;
        }
        if let Some(line) = lines.last_mut() {
            if wide > 0 {
                line.push(' ');
                wide += 1;
            }
            line.push_str(word);
            wide += length;
        }
    }
    lines
}

/// A sentence for a terminal.
pub(in crate::ctl) fn sentence(text: &str) -> String {
    wrapped(text, WIDTH).join("\n")
}

/// The same with a command behind it, which stays whole: on a line of its own where it does not fit.
pub(in crate::ctl) fn sentence_with(text: &str, command: &str) -> String {
    let fits = text.chars().count() + 1 + command.chars().count() <= WIDTH;
    format!("{}{}{command}", sentence(text), if fits { " " } else { "\n" })
}

fn check(check: &Check) -> String {
    let mark = match check.status {
        CheckStatus::Ok => "ok",
        CheckStatus::Warning => "WARNING",
        CheckStatus::Failed => "FAILED",
        CheckStatus::Skipped => "-",
    };
    let found = match &check.organization_bin {
        Some(bin) if !check.found.contains(bin.as_str()) => format!("{bin}: {}", check.found),
        _ => check.found.clone(),
    };
    let mut text = format!("{mark:<MARK$}{:<1$}", check.check, INDENT - MARK);
    text.push_str(&wrapped(&clean(&found), WIDTH - INDENT).join(&format!("\n{}", " ".repeat(INDENT))));
    if let Some(command) = &check.command {
        text.push_str(&format!("\n{}do: {}", " ".repeat(MARK), clean(command)));
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_a_terminal_and_commands_stay_whole() {
        let long = format!("a path {} and many words behind it so that the line has to be broken", "/x".repeat(40));
        let command = format!("chmod 600 {}", "/x".repeat(60));
        let text = checks(&[Check::ok("config", "short"), Check::failed("permissions", long, command.clone())]);
        let (rest, last) = text.trim_end().rsplit_once('\n').unwrap_or_default();
        assert_eq!(last.trim_start(), format!("do: {command}"));
        assert!(rest.lines().all(|line| line.chars().count() <= 80 || line.contains("/x/x")), "{text}");
        assert!(rest.starts_with("ok       config       short\nFAILED   permissions  a path"), "{text}");
    }
}
