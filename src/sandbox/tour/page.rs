//! What the tour writes: for a person, on stdout.

use std::io::{self, ErrorKind, IsTerminal, Write};

/// The only writer. A reader that has gone away stops nothing: the exit code still says how it went.
pub(in crate::sandbox) struct TourPage {
    out: io::Stdout,
    /// A person looks at it.
    pub(super) terminal: bool,
    /// Number of the last step.
    step: u32,
    /// Why something was not written, other than that nobody wanted it.
    broken: Option<io::Error>,
}

impl TourPage {
    /// This process's stdout.
    pub(in crate::sandbox) fn standard() -> Self {
        let out = io::stdout();
        Self { terminal: out.is_terminal(), out, step: 0, broken: None }
    }

    /// The title of a chapter; its steps count from 1.
    pub(super) fn chapter(&mut self, title: &str) {
        self.step = 0;
        let rule = "=".repeat(title.chars().count());
        self.write(&format!("{}\n{rule}\n", self.strong(title)));
    }

    /// A paragraph at the margin.
    pub(in crate::sandbox) fn paragraph(&mut self, text: &str) {
        self.write(&format!("{text}\n"));
    }

    /// The title of a step.
    pub(super) fn step(&mut self, title: &str) {
        self.step += 1;
        let title = self.strong(&format!("{}. {title}", self.step));
        self.write(&format!("\n{title}\n"));
    }

    /// Lines that belong to the step.
    pub(super) fn text(&mut self, text: &str) {
        let lines: String = text.lines().map(|line| format!("   {line}").trim_end().to_owned() + "\n").collect();
        self.write(&lines);
    }

    /// Everything is written, or why not.
    pub(in crate::sandbox) fn finish(self) -> io::Result<()> {
        self.broken.map_or(Ok(()), Err)
    }

    fn strong(&self, text: &str) -> String {
        if self.terminal { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    fn write(&mut self, text: &str) {
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        if let Err(error) = written
            && error.kind() != ErrorKind::BrokenPipe
        {
            self.broken.get_or_insert(error);
        }
    }
}
