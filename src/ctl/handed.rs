//! The files of an identity, read for the daemon. They are judged here first: a mistake is told with the file's name, and
//! a passphrase is asked for only where one is needed.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};

use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::invocation::HandedPaths;
use super::out::Out;
use crate::identity::{Handed, IdentityTrouble, Staged, Unfit};
use crate::operation::{HandedFile, HandedIdentity, Operation, Passphrase};

/// More than any key or certificate; the daemon takes no larger request.
const LARGEST: u64 = 256 << 10;

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotHanded {
    /// A file.
    #[error("cannot read {}: {source}", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What is in it.
    #[error("nothing was sent: {0}")]
    Unfit(#[from] IdentityTrouble),
    /// The passphrase.
    #[error("the passphrase in {} is not UTF-8 text: save its file anew", .0.display())]
    NotText(PathBuf),
    /// The terminal.
    #[error("the passphrase cannot be asked for: {0}; give it with --passphrase-file")]
    NoTerminal(io::Error),
}

/// Reads the files into the operation.
pub(super) fn fill(operation: &mut Operation, paths: &HandedPaths, out: &mut Out) -> Result<(), NotHanded> {
    match operation {
        Operation::InstallIdentity(install) => {
            install.certificate = paths.certificate.as_deref().map(read).transpose()?.unwrap_or_default();
            install.chain = paths.chain.as_deref().map(read).transpose()?;
            Ok(())
        }
        Operation::ImportIdentity(handed) => fill_identity(&mut handed.0, paths, out),
        Operation::RotateIdentity(handed) => fill_identity(&mut handed.0, paths, out),
        _ => Ok(()),
    }
}

fn fill_identity(handed: &mut HandedIdentity, paths: &HandedPaths, out: &mut Out) -> Result<(), NotHanded> {
    handed.key = paths.key.as_deref().map(read).transpose()?;
    handed.certificate = paths.certificate.as_deref().map(read).transpose()?;
    handed.pkcs12 = paths.pkcs12.as_deref().map(read).transpose()?;
    handed.passphrase = paths.passphrase.as_deref().map(passphrase).transpose()?;
    loop {
        match judge(handed, paths) {
            Err(IdentityTrouble::Unfit { name, why: Unfit::PassphraseNeeded })
                if handed.passphrase.is_none() && io::stdin().is_terminal() =>
            {
                handed.passphrase = Some(asked(&name, out).map_err(NotHanded::NoTerminal)?);
            }
            judged => return judged.map_err(NotHanded::Unfit),
        }
    }
}

/// As the daemon will, under the files' own names.
fn judge(handed: &HandedIdentity, paths: &HandedPaths) -> Result<(), IdentityTrouble> {
    let name = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let (key, certificate, pkcs12) = (name(&paths.key), name(&paths.certificate), name(&paths.pkcs12));
    let named = |file: &Option<HandedFile>| file.as_ref().map(|file| file.expose().to_vec()).map(Zeroizing::new);
    let (key_bytes, certificate_bytes, both) = (named(&handed.key), named(&handed.certificate), named(&handed.pkcs12));
    let passphrase = handed.passphrase.as_ref().map(|it| it.expose().as_bytes());
    let (first, second) = match (&key_bytes, &certificate_bytes, &both) {
        (Some(bytes), Some(other), _) => (Handed { name: &key, bytes }, Handed { name: &certificate, bytes: other }),
        (Some(bytes), None, _) => (Handed { name: &key, bytes }, Handed { name: &key, bytes }),
        (None, _, Some(bytes)) => (Handed { name: &pkcs12, bytes }, Handed { name: &pkcs12, bytes }),
        (None, _, None) => return Ok(()),
    };
    Staged::read(first, second, passphrase).map(drop)
}

fn read(path: &Path) -> Result<HandedFile, NotHanded> {
    let unreadable = |source| NotHanded::Unreadable { file: path.to_owned(), source };
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST) {
        return Err(unreadable(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "no key or certificate is larger than 256 KiB",
        )));
    }
    Ok(HandedFile::new(bytes))
}

/// The first line of the file, or of stdin for `-`.
fn passphrase(path: &Path) -> Result<Passphrase, NotHanded> {
    let unreadable = |source| NotHanded::Unreadable { file: path.to_owned(), source };
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    let read = match path.as_os_str() == "-" {
        true => io::stdin().lock().take(4096).read_to_end(&mut text),
        false => File::open(path).and_then(|file| file.take(4096).read_to_end(&mut text)),
    };
    read.map_err(unreadable)?;
    let line = text.strip_suffix(b"\n").unwrap_or(&text);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = std::str::from_utf8(line).map_err(|_| NotHanded::NotText(path.to_owned()))?;
    Ok(Passphrase::from(line.to_owned()))
}

/// Asks at the terminal without showing what is typed. Ctrl-C works at the end of the line: the terminal must not be left
/// without its echo.
fn asked(name: &str, out: &mut Out) -> io::Result<Passphrase> {
    let terminal = File::options().read(true).write(true).open("/dev/tty")?;
    out.say(&format!("Passphrase of {name} (what you type is not shown):"));
    let shown = tcgetattr(&terminal)?;
    let mut hidden = shown.clone();
    hidden.local_flags.remove(LocalFlags::ECHO);
    hidden.local_flags.insert(LocalFlags::ECHONL);
    let held: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGTSTP].into_iter().collect();
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

/// What was removed, or not, for people. The daemon has the key on its disk by now.
pub(super) fn remove(paths: &HandedPaths) -> Option<String> {
    let source = paths.key.as_ref().or(paths.pkcs12.as_ref()).filter(|_| paths.remove)?;
    Some(match std::fs::remove_file(source) {
        Ok(()) => format!(
            "removed {}; copies in backups, or in blocks that the disk has not used again, may be left",
            source.display()
        ),
        Err(error) => format!("{} could not be removed: {error}; remove it yourself", source.display()),
    })
}
