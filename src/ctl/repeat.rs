//! The command to type again after an answer was lost.

use std::ffi::OsString;

use super::invocation::Key;
use super::shell::quoted;

/// The command line as typed, without the customer's phone number: stderr ends up in journals. The socket stands in front,
/// where every command that is shown has it.
pub(super) struct Words(Vec<String>);

/// Stands for the number that was typed.
const PHONE: &str = "PHONE";

impl Words {
    pub(super) fn of(typed: &[OsString]) -> Self {
        let (mut words, mut socket) = (Vec::new(), Vec::new());
        let (mut hide, mut is_socket, mut is_over) = (false, false, false);
        for word in typed.iter().skip(1).map(|word| word.to_string_lossy()) {
            let names_socket = !is_over && !hide && (word == "--socket" || word.starts_with("--socket="));
            if is_socket || names_socket {
                socket.push(word.to_string());
                is_socket = !is_socket && word == "--socket";
                continue;
            }
            is_over |= word == "--";
            let shown = match word.split_once('=') {
                _ if hide => PHONE.to_owned(),
                Some(("--phone", _)) => format!("--phone={PHONE}"),
                _ => word.to_string(),
            };
            hide = !hide && word == "--phone";
            words.push(shown);
        }
        Self(["kaspictl".to_owned()].into_iter().chain(socket).chain(words).collect())
    }

    /// The same command with the key it was sent with.
    pub(super) fn with(&self, key: &Key) -> String {
        let mut words: Vec<&str> = self.0.iter().map(String::as_str).collect();
        if key.made {
            let end_of_options = words.iter().position(|word| *word == "--").unwrap_or(words.len());
            words.splice(end_of_options..end_of_options, ["--key", key.key.as_str()]);
        }
        quoted(words.into_iter())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

    use super::*;

    fn repeated(line: &[&str], made: bool) -> String {
        let typed: Vec<OsString> = line.iter().map(OsString::from).collect();
        Words::of(&typed).with(&Key { key: "k 1".parse().unwrap(), made })
    }

    #[test]
    fn the_key_is_added_and_the_phone_is_not_repeated() {
        assert_eq!(
            repeated(&["./kaspictl", "pay", "150", "--phone", "77015211545"], true),
            "kaspictl pay 150 --phone PHONE --key 'k 1'"
        );
        assert_eq!(
            repeated(&["k", "pay", "150", "--phone=77015211545"], true),
            "kaspictl pay 150 '--phone=PHONE' --key 'k 1'"
        );
        assert_eq!(
            repeated(&["k", "payment", "refund", "--", "12737694350"], true),
            "kaspictl payment refund --key 'k 1' -- 12737694350"
        );
        assert_eq!(
            repeated(&["k", "payment", "cancel", "7", "--socket", "/s"], true),
            "kaspictl --socket /s payment cancel 7 --key 'k 1'"
        );
        assert_eq!(
            repeated(&["k", "link", "150", "--comment", "it's", "--key", "k 1"], false),
            "kaspictl link 150 --comment \"it's\" --key 'k 1'"
        );
    }
}
