//! The passphrase of a key: from a file, from stdin, or asked for at the terminal without being shown.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;

use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::read::NotHanded;
use crate::ctl::out::Out;
use crate::operation::Passphrase;

/// The first line of the file, or of stdin for `-`. A person at a terminal is asked: what is typed is not shown, and ends
/// with its line.
pub(super) fn passphrase(path: &Path, out: &mut Out) -> Result<Passphrase, NotHanded> {
    let unreadable = |source| NotHanded::Unreadable { file: path.to_owned(), source };
    let is_stdin = path.as_os_str() == "-";
    if is_stdin && io::stdin().is_terminal() {
        return asked("the key", out).map_err(NotHanded::NoTerminal);
    }
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    let read = match is_stdin {
        true => io::stdin().lock().take(4096).read_to_end(&mut text),
        false => File::open(path).and_then(|file| file.take(4096).read_to_end(&mut text)),
    };
    read.map_err(unreadable)?;
    let line = text.strip_suffix(b"\n").unwrap_or(&text);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = std::str::from_utf8(line).map_err(|_| NotHanded::NotText(path.to_owned()))?;
    Ok(Passphrase::from(line.to_owned()))
}

/// Asks at the terminal without showing what is typed. Ctrl-C and Ctrl-\ work at the end of the line: the terminal must
/// not be left without its echo.
pub(super) fn asked(name: &str, out: &mut Out) -> io::Result<Passphrase> {
    let terminal = File::options().read(true).write(true).open("/dev/tty")?;
    out.say(&format!("Passphrase of {name} (what you type is not shown):"));
    let shown = tcgetattr(&terminal)?;
    let mut hidden = shown.clone();
    hidden.local_flags.remove(LocalFlags::ECHO);
    hidden.local_flags.insert(LocalFlags::ECHONL);
    let held: SigSet =
        [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGTSTP].into_iter().collect();
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&held), None)?;
    let mut line = Zeroizing::new(String::with_capacity(4096));
    let read = tcsetattr(&terminal, SetArg::TCSAFLUSH, &hidden)
        .map_err(io::Error::from)
        .and_then(|()| BufReader::new((&terminal).take(4096)).read_line(&mut line));
    let restored = tcsetattr(&terminal, SetArg::TCSAFLUSH, &shown);
    sigprocmask(SigmaskHow::SIG_UNBLOCK, Some(&held), None)?;
    restored?;
    read?;
    Ok(Passphrase::from(line.trim_end_matches(['\r', '\n']).to_owned()))
}
