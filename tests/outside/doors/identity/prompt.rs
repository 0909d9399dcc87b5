//! A passphrase that is typed is not shown, and leaves neither a core nor a terminal without its echo.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use nix::pty::openpty;
use nix::sys::termios::{LocalFlags, tcgetattr};

use super::{PASSPHRASE, Shop, subject};
use crate::support::daemon::Daemon;

/// A person at a terminal of their own.
struct Person {
    ours: File,
    theirs: File,
    child: Child,
    shown: String,
}

impl Person {
    /// Types a command and waits for its question.
    fn types(shop: &Shop, arguments: &str) -> Self {
        let terminal = openpty(None, None).unwrap();
        let (ours, theirs) = (File::from(terminal.master), File::from(terminal.slave));
        let side = || Stdio::from(theirs.try_clone().unwrap());
        let child = Command::new("setsid")
            .args(["--ctty", "--wait", env!("CARGO_BIN_EXE_kaspictl")])
            .args(arguments.split(' '))
            .env("KASPID_SOCKET", shop.home.socket())
            .current_dir(shop.files.path())
            .stdin(side())
            .stdout(side())
            .stderr(side())
            .spawn()
            .unwrap();
        let mut person = Self { ours, theirs, child, shown: String::new() };
        person.sees("is not shown");
        // The question stands before the echo is off.
        while tcgetattr(&person.theirs).unwrap().local_flags.contains(LocalFlags::ECHO) {
            std::thread::yield_now();
        }
        person
    }

    fn sees(&mut self, text: &str) {
        let mut bytes = [0; 4096];
        while !self.shown.contains(text) {
            let length = self.ours.read(&mut bytes).unwrap();
            self.shown.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
    }

    fn answers(&mut self, text: &str) {
        self.ours.write_all(text.as_bytes()).unwrap();
    }
}

/// Promise: `--passphrase-file -` at a terminal asks for one line and shows nothing of it.
#[test]
fn a_passphrase_typed_at_a_terminal_is_one_line_and_not_shown() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    shop.openssl("pkcs8 -topk8 -in one.key -v2 aes256 -passout file:pass.txt -out one.locked");
    let daemon = Daemon::start(&shop.home);
    for more in ["", " --passphrase-file -"] {
        let mut person = Person::types(&shop, &format!("identity import --key one.locked --cert one.crt{more}"));
        person.answers(&format!("{PASSPHRASE}\n"));
        person.sees("CN=one");
        assert!(person.child.wait().unwrap().success());
        assert!(!person.shown.contains(PASSPHRASE), "{}", person.shown);
        assert!(subject(&daemon).contains("CN=one"));
    }
}

/// Promise: Ctrl-\ at the question ends the program when the line does, with the echo on again and no core.
#[test]
fn a_quit_at_the_question_leaves_the_echo_and_no_core() {
    let shop = Shop::new("");
    shop.make("one", "ec");
    shop.openssl("pkcs8 -topk8 -in one.key -v2 aes256 -passout file:pass.txt -out one.locked");
    let _daemon = Daemon::start(&shop.home);
    let mut person = Person::types(&shop, "identity import --key one.locked --cert one.crt");
    person.answers("\u{1c}");
    person.answers(&format!("{PASSPHRASE}\n"));
    let status = person.child.wait().unwrap();
    assert!(!status.success() && !status.core_dumped(), "{status:?}");
    assert!(tcgetattr(&person.theirs).unwrap().local_flags.contains(LocalFlags::ECHO));
}
