//! What a person gives besides the command line: a token, a yes.

use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::out::Out;
use crate::id::{DeviceToken, NotAnId, OrganizationBin};

/// A token is at most 256 bytes; what is longer is another file.
const TOKEN_FILE_LIMIT: u64 = 4096;

/// Why the command cannot begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoInput {
    /// The file cannot be read.
    #[error("cannot read the device token from {}: {source}", said(file))]
    Token {
        /// Which.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Read, but no token.
    #[error("there is no device token in {}: {source}", said(file))]
    NotAToken {
        /// Which.
        file: PathBuf,
        /// Why.
        source: NotAnId,
    },
    /// Nobody said yes.
    #[error(
        "nothing was done: with the device of {0} deleted, cancels and refunds of its payments stop; \
         if that is what you want, add --yes"
    )]
    NotConfirmed(OrganizationBin),
}

/// A file as people know it.
fn said(file: &Path) -> std::path::Display<'_> {
    if file.as_os_str() == "-" { Path::new("stdin").display() } else { file.display() }
}

/// The token in `file`, or on stdin for `-`; a line end behind it does not belong to it.
pub(super) fn token(file: &Path) -> Result<DeviceToken, NoInput> {
    let mut text = Zeroizing::new(String::new());
    let read = match file.as_os_str() == "-" {
        true => io::stdin().lock().take(TOKEN_FILE_LIMIT).read_to_string(&mut text),
        false => File::open(file).and_then(|it| it.take(TOKEN_FILE_LIMIT).read_to_string(&mut text)),
    };
    read.map_err(|source| NoInput::Token { file: file.to_owned(), source })?;
    DeviceToken::try_from(text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|source| NoInput::NotAToken { file: file.to_owned(), source })
}

/// Asks a person at a terminal to type the BIN; whoever is not there has not agreed.
pub(super) fn forgotten(bin: &OrganizationBin, out: &mut Out) -> Result<(), NoInput> {
    let refused = || NoInput::NotConfirmed(bin.clone());
    if !io::stdin().is_terminal() {
        return Err(refused());
    }
    out.say(&format!(
        "Kaspi will forget the device of {bin}. Cancels and refunds of its payments stop.\nType {bin} to go on:",
    ));
    let mut line = String::new();
    let read = io::stdin().lock().take(64).read_line(&mut line);
    if read.is_ok() && line.trim() == bin.as_str() { Ok(()) } else { Err(refused()) }
}

/// Asks a person at a terminal; nobody else is asked.
pub(super) fn is_agreed(question: &str, out: &mut Out) -> bool {
    if !out.ask(question) {
        return true;
    }
    let mut line = String::new();
    let read = io::stdin().lock().take(64).read_line(&mut line);
    read.is_ok() && ["y", "yes", "д", "да", "иә"].contains(&line.trim().to_lowercase().as_str())
}

/// Whether there may be a person who answers.
pub(super) fn is_somebody_there() -> bool {
    io::stdin().is_terminal()
}

/// Asks a person at a terminal whether a key that waits is to be thrown away; whoever is not there keeps it.
pub(super) fn thrown_away(out: &mut Out) -> bool {
    if !io::stdin().is_terminal() {
        return false;
    }
    out.say(
        "A key waits for its certificate. If the bank has its request, the certificate that comes will be of no use \
         without it.\nType yes to throw it away and make another:",
    );
    let mut line = String::new();
    io::stdin().lock().take(64).read_line(&mut line).is_ok() && line.trim() == "yes"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

    use super::*;

    #[test]
    fn a_token_is_read_without_its_line_end_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "688c5d4a-2f8f-54e3-94d4-b1227229g27\r\n").unwrap();
        assert_eq!(token(&file).unwrap().expose(), "688c5d4a-2f8f-54e3-94d4-b1227229g27");
        for wrong in ["", "\n", "two\nsecret-lines\n", &"secret".repeat(1000)] {
            std::fs::write(&file, wrong).unwrap();
            let error = token(&file).unwrap_err();
            assert!(matches!(error, NoInput::NotAToken { .. }) && !error.to_string().contains("secret"), "{error}");
        }
        assert!(matches!(token(&folder.path().join("none")), Err(NoInput::Token { .. })));
    }
}
