//! The only writer: data to stdout, talk to stderr. A reader that has gone away ends nothing, because the
//! exit code still says what happened to the money.

use std::borrow::Cow;
use std::env;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, IsTerminal, Write};

use super::commands::Commands;
use super::exit::Exit;
use super::visible;

/// Where text goes.
pub(super) struct Out {
    data: Box<dyn Write>,
    talk: Box<dyn Write>,
    /// A person looks at the data.
    pub(super) terminal: bool,
    /// A person looks at the talk.
    pub(super) watched: bool,
    /// Whether colours are wanted: on a terminal that has them, of somebody who has not said no.
    pub(super) colours: bool,
    /// Whether a line can be wiped off.
    wipes: bool,
    /// A progress line stands there.
    busy: bool,
    /// Of a file that a person sees, the line that has no end yet.
    held: Vec<u8>,
    /// The command changes nothing: what could not be written is asked for again.
    only_reads: bool,
    /// Why the data did not arrive, other than that nobody wanted it.
    broken: Option<io::Error>,
    /// What the caller has said of the daemon.
    commands: Commands,
}

impl Out {
    /// This process's own.
    pub(super) fn standard() -> Self {
        Self {
            data: Box::new(io::stdout()),
            talk: Box::new(io::stderr()),
            terminal: io::stdout().is_terminal(),
            watched: io::stderr().is_terminal(),
            colours: io::stdout().is_terminal() && !is_dumb() && env::var_os("NO_COLOR").is_none_or(|no| no.is_empty()),
            wipes: !is_dumb(),
            busy: false,
            held: Vec::new(),
            only_reads: false,
            broken: None,
            commands: Commands::default(),
        }
    }

    /// The command changes nothing.
    pub(super) fn only_reads(&mut self) {
        self.only_reads = true;
    }

    #[cfg(test)]
    pub(super) fn to(data: Box<dyn Write>, talk: Box<dyn Write>) -> Self {
        Self { data, talk, terminal: false, watched: false, colours: false, ..Self::standard() }
    }

    /// From now on commands are shown as this caller types them.
    pub(super) fn as_typed(&mut self, commands: Commands) {
        self.commands = commands;
    }

    /// The answer for people, who may type what it names.
    pub(super) fn show(&mut self, text: &str) {
        let text = self.shown(text).into_owned();
        self.data(&visible::lines(&text));
    }

    /// What [`Out::show`] makes of it, for who breaks lines.
    pub(super) fn shown<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.commands.shown(text)
    }

    /// The answer for programs: whole lines, as they are.
    pub(super) fn data(&mut self, text: &str) {
        let written = self.data.write_all(text.as_bytes()).and_then(|()| self.data.flush());
        if let Err(error) = written
            && error.kind() != ErrorKind::BrokenPipe
        {
            self.broken.get_or_insert(error);
        }
    }

    /// A piece of a file; false once nobody reads on, or it cannot be written. A person sees it by lines, with nothing hidden.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> bool {
        if !self.terminal {
            return self.written(bytes);
        }
        self.held.extend_from_slice(bytes);
        let lines = self.held.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let text: Vec<u8> = self.held.drain(..lines).collect();
        self.seen(&text)
    }

    fn seen(&mut self, text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text).replace("\r\n", "\n");
        self.written(visible::lines(&text).as_bytes())
    }

    fn written(&mut self, bytes: &[u8]) -> bool {
        match self.data.write_all(bytes) {
            Ok(()) => true,
            Err(error) => {
                if error.kind() != ErrorKind::BrokenPipe {
                    self.broken.get_or_insert(error);
                }
                false
            }
        }
    }

    /// Brings what was written to its reader; false once nobody reads on.
    pub(super) fn flush(&mut self) -> bool {
        match self.data.flush() {
            Ok(()) => true,
            Err(error) => {
                if error.kind() != ErrorKind::BrokenPipe {
                    self.broken.get_or_insert(error);
                }
                false
            }
        }
    }

    /// How far something is, in place of what was said before; an empty line wipes it off. Only for people.
    pub(super) fn progress(&mut self, line: &str) {
        if self.watched && self.wipes && (self.busy || !line.is_empty()) {
            let _ = write!(self.talk, "\r\x1b[K{line}").and_then(|()| self.talk.flush());
            self.busy = !line.is_empty();
        }
    }

    /// What a person should know besides, one line. When nobody reads it, nobody misses it.
    pub(super) fn say(&mut self, line: &str) {
        let line = self.commands.shown(line);
        let line = visible::lines(&line);
        let _ = self.talk.write_all(format!("{line}\n").as_bytes()).and_then(|()| self.talk.flush());
    }

    /// A question, behind which its answer is typed: where its person sees it, also when the talk goes to a file.
    /// False where nobody sees it.
    pub(super) fn ask(&mut self, question: &str) -> bool {
        let question = visible::lines(question);
        let terminal = OpenOptions::new().write(true).open("/dev/tty");
        match terminal.and_then(|mut terminal| terminal.write_all(question.as_bytes())) {
            Ok(()) => true,
            Err(_) => self.watched && self.talk.write_all(question.as_bytes()).and_then(|()| self.talk.flush()).is_ok(),
        }
    }

    /// The exit code after everything is written. An answer that could not be written is an outcome that
    /// the caller does not know.
    pub(super) fn finish(mut self, exit: Exit) -> Exit {
        let rest = std::mem::take(&mut self.held);
        self.seen(&rest);
        match self.broken.take() {
            None => exit,
            Some(error) => {
                self.say(&format!("kaspictl: the answer could not be written to stdout: {error}"));
                match exit {
                    Exit::Done if self.only_reads => Exit::Refused,
                    Exit::Done => Exit::Unknown,
                    exit => exit,
                }
            }
        }
    }
}

/// A terminal that only prints.
fn is_dumb() -> bool {
    env::var_os("TERM").is_some_and(|term| term == "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails every write in one way.
    struct Fails(ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn exit_after(kind: ErrorKind, exit: Exit) -> Exit {
        let mut out = Out::to(Box::new(Fails(kind)), Box::new(Fails(kind)));
        out.data("paid\n");
        out.finish(exit)
    }

    #[test]
    fn a_closed_pipe_changes_nothing_and_a_full_disk_is_not_done() {
        assert_eq!(exit_after(ErrorKind::BrokenPipe, Exit::Done), Exit::Done);
        assert_eq!(exit_after(ErrorKind::StorageFull, Exit::Done), Exit::Unknown);
        assert_eq!(exit_after(ErrorKind::StorageFull, Exit::Refused), Exit::Refused);
    }
}
