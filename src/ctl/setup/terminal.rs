//! Questions to a person at a terminal.

use std::io::{self, BufRead, IsTerminal, Read};
use std::path::PathBuf;

use super::error::SetupError;
use crate::ctl::out::Out;

/// A line of a terminal is no longer.
const LONGEST: u64 = 4096;

/// Asks a person; only made where there is one.
pub(super) struct Terminal(());

impl Terminal {
    /// None where nobody can answer.
    pub(super) fn open() -> Option<Self> {
        (io::stdin().is_terminal() && io::stderr().is_terminal()).then_some(Self(()))
    }

    /// A line; an empty one stands for what is in brackets.
    pub(super) fn line(&self, out: &mut Out, question: &str, usual: &str) -> Result<String, SetupError> {
        let usual_shown = if usual.is_empty() { String::new() } else { format!(" [{usual}]") };
        if !out.ask(&format!("{question}{usual_shown}: ")) {
            return Err(SetupError::Left);
        }
        let mut line = Vec::new();
        let read = io::stdin().lock().take(LONGEST).read_until(b'\n', &mut line);
        match (read, String::from_utf8_lossy(&line).trim()) {
            (Ok(0) | Err(_), _) => Err(SetupError::Left),
            (Ok(_), "") => Ok(usual.to_owned()),
            (Ok(_), line) => Ok(line.to_owned()),
        }
    }

    /// A line that is read as something; asked for again until it can be.
    pub(super) fn read<T, E: std::fmt::Display>(
        &self,
        out: &mut Out,
        (question, usual): (&str, &str),
        read: impl Fn(String) -> Result<T, E>,
    ) -> Result<T, SetupError> {
        loop {
            match read(self.line(out, question, usual)?) {
                Ok(value) => return Ok(value),
                Err(error) => out.say(&format!("  {error}")),
            }
        }
    }

    /// One of several; the first is the usual one.
    pub(super) fn choice(&self, out: &mut Out, question: &str, options: &[&str]) -> Result<usize, SetupError> {
        out.say(question);
        for (number, option) in (1..).zip(options) {
            out.say(&format!("  {number}  {option}"));
        }
        let number = |line: String| match line.parse::<usize>() {
            Ok(number) if (1..=options.len()).contains(&number) => Ok(number - 1),
            _ => Err(format!("type a number from 1 to {}", options.len())),
        };
        self.read(out, ("Which", "1"), number)
    }

    pub(super) fn yes(&self, out: &mut Out, question: &str, usual: bool) -> Result<bool, SetupError> {
        let read = |line: String| match line.to_lowercase().as_str() {
            "y" | "yes" => Ok(true),
            "n" | "no" => Ok(false),
            _ => Err("type yes or no"),
        };
        self.read(out, (question, if usual { "yes" } else { "no" }), read)
    }

    /// A file that is there.
    pub(super) fn file(&self, out: &mut Out, question: &str) -> Result<PathBuf, SetupError> {
        self.read(out, (question, ""), |line| {
            let path = std::path::absolute(&line).map_err(|error| error.to_string())?;
            match path.metadata() {
                Ok(metadata) if metadata.is_file() => Ok(path),
                Ok(_) => Err(format!("{line} is no file")),
                Err(error) => Err(format!("{line}: {error}")),
            }
        })
    }
}
