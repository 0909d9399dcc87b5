//! The commands in what people read. Whoever has said where the daemon is, is told no command that asks another one: each
//! `kaspictl COMMAND`, whoever wrote the sentence, the daemon too, is shown with the `--socket` and the `--config` of the caller.

use std::borrow::Cow;
use std::collections::BTreeSet;

use clap::CommandFactory;

use super::args::{CONFIG, Cli, Command};
use super::shell::quoted;

/// How a command begins, wherever it stands.
const PROGRAM: &str = "kaspictl ";

/// Commands that ask no daemon.
const OFFLINE: [&str; 2] = ["help", "completions"];

/// What the caller has said of the daemon.
#[derive(Default)]
pub(super) struct Commands {
    /// Behind the name of the program; empty where nothing was said.
    socket: String,
    /// Behind the name of a command that takes it.
    config: String,
    /// The commands there are.
    names: BTreeSet<String>,
}

impl Commands {
    /// As typed; what the environment says is said to the next command, too.
    pub(super) fn of(cli: &Cli) -> Self {
        let config = match &cli.command {
            Command::Doctor(args) => args.config.as_ref(),
            Command::Bugreport(args) => args.config.as_ref(),
            Command::Setup(args) => Some(&args.config).filter(|path| path.as_os_str() != CONFIG),
            // Its default is no word of the caller's.
            Command::Restore(args) => Some(&args.config).filter(|path| path.as_os_str() != CONFIG),
            _ => None,
        };
        let option = |name: &str, path: &std::path::PathBuf| {
            let path = path.to_string_lossy();
            format!("{} ", quoted([name, path.as_ref()].into_iter()))
        };
        let names = Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
        Self {
            socket: cli.global.socket.as_ref().map(|path| option("--socket", path)).unwrap_or_default(),
            config: config.map(|path| option("--config", path)).unwrap_or_default(),
            names,
        }
    }

    /// `text` with each command as this caller types it.
    pub(super) fn shown<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if (self.socket.is_empty() && self.config.is_empty()) || !text.contains(PROGRAM) {
            return Cow::Borrowed(text);
        }
        let mut parts = text.split(PROGRAM);
        let mut shown = parts.next().unwrap_or_default().to_owned();
        for rest in parts {
            let is_program = !shown.ends_with(|before: char| before.is_alphanumeric() || "/-_.".contains(before));
            shown.push_str(PROGRAM);
            match rest.split(|letter: char| !letter.is_ascii_lowercase()).next() {
                Some(command) if is_program && self.names.contains(command) && !OFFLINE.contains(&command) => {
                    self.put(command, rest, &mut shown);
                }
                _ => shown.push_str(rest),
            }
        }
        Cow::Owned(shown)
    }

    fn put(&self, command: &str, rest: &str, shown: &mut String) {
        let behind = rest.get(command.len()..).unwrap_or_default();
        shown.push_str(&self.socket);
        shown.push_str(command);
        let takes = ["doctor", "bugreport", "restore", "setup"].contains(&command);
        let has = [" --config", " --acknowledge"].iter().any(|option| behind.starts_with(option));
        if takes && !has && !self.config.is_empty() {
            shown.push(' ');
            shown.push_str(self.config.trim_end());
        }
        shown.push_str(behind);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

    use clap::Parser;

    use super::*;

    fn shown(typed: &str, text: &str) -> String {
        let cli = Cli::try_parse_from(typed.split(' ')).unwrap();
        Commands::of(&cli).shown(text).into_owned()
    }

    /// Every command in a sentence, and nothing that is none.
    #[test]
    fn commands_are_shown_as_the_caller_types_them() {
        let text = "Now: kaspictl status; then (kaspictl payment list --bin BIN). See `kaspictl doctor`, kaspictl.";
        assert_eq!(
            shown("kaspictl --socket /s status", text),
            "Now: kaspictl --socket /s status; then (kaspictl --socket /s payment list --bin BIN). See `kaspictl --socket /s \
             doctor`, kaspictl."
        );
        assert_eq!(shown("kaspictl status", text), text);
        let none = "kaspictl is 1.0, kaspictl  1.0, /usr/bin/kaspictl reload, kaspictl help identity, kaspictl statusx";
        assert_eq!(shown("kaspictl --socket /s status", none), none);
        assert_eq!(
            shown("kaspictl doctor --config /c", "kaspictl doctor, kaspictl doctor --config FILE, kaspictl status"),
            "kaspictl doctor --config /c, kaspictl doctor --config FILE, kaspictl status"
        );
        let spaced = Cli::try_parse_from(["kaspictl", "--socket", "/a b", "status"]).unwrap();
        assert_eq!(Commands::of(&spaced).shown("kaspictl reload"), "kaspictl --socket '/a b' reload");
    }
}
