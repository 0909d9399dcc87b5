//! The documents, as their readers type them: every command in them is run, in the order in which it stands there.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// What a program says that goes on running, once it can be asked.
const UP: [&str; 3] = ["are up.", "is ready", "\"control_url\""];

/// What is typed: a command that ends, or one that goes on in a terminal of its own.
struct Block<'t> {
    text: &'t str,
    goes_on: bool,
}

/// Blocks marked `sh` are typed; those marked `text` are for another machine, or an answer.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut parts = text.split("```");
    let mut found = Vec::new();
    while let (Some(_), Some(block)) = (parts.next(), parts.next()) {
        let (mark, text) = block.split_once('\n').unwrap();
        match mark.trim() {
            "sh" => found.push(Block { text, goes_on: false }),
            "sh background" => found.push(Block { text, goes_on: true }),
            _ => {}
        }
    }
    found
}

/// Processes that end with the test, and whatever they have started.
struct Running(Vec<Child>);

impl Drop for Running {
    fn drop(&mut self) {
        // The daemon before its bank.
        for child in self.0.iter_mut().rev() {
            let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM);
            let _ = child.wait();
        }
    }
}

fn shell(folder: &Path, text: &str) -> Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_kaspictl")).parent().unwrap();
    let mut command = Command::new("sh");
    command.args(["-ec", text]).current_dir(folder).stdin(Stdio::null());
    command.env("PATH", format!("{}:{}", programs.display(), std::env::var("PATH").unwrap()));
    command
}

#[track_caller]
fn is_up(child: &mut Child, said: &Path, text: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let words = std::fs::read_to_string(said).unwrap();
        if UP.iter().any(|up| words.contains(up)) {
            return;
        }
        assert!(child.try_wait().unwrap().is_none() && Instant::now() < deadline, "{text}\n{words}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn every_command_works(document: &str) {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(document)).unwrap();
    let (home, said) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut running = Running(Vec::new());
    let blocks = blocks(&text);
    assert!(!blocks.is_empty(), "nothing in {document} is typed");
    for (number, block) in blocks.iter().enumerate() {
        if block.goes_on {
            let words = said.path().join(number.to_string());
            let file = File::create(&words).unwrap();
            let mut command = shell(home.path(), block.text);
            command.process_group(0).stdout(file.try_clone().unwrap()).stderr(file);
            running.0.push(command.spawn().unwrap());
            is_up(running.0.last_mut().unwrap(), &words, block.text);
        } else {
            let output = shell(home.path(), block.text).output().unwrap();
            let talk = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{document}: {}\n{}\n{talk}", block.text, output.status);
        }
    }
}

/// Promise: a developer who begins with nothing has a till at the end.
#[test]
fn the_developers_tutorial() {
    every_command_works("tutorial-developer.md");
}

/// Promise: shop IT rehearses everything that needs no root.
#[test]
fn the_tutorial_for_shop_it() {
    every_command_works("tutorial-shop-it.md");
}

/// Promise: the tables of the system before come over as the document says.
#[test]
fn the_migration() {
    every_command_works("migration.md");
}

/// Promise: the bytes that are printed are those that are sent.
#[test]
fn the_protocol() {
    every_command_works("protocol.md");
}

/// Promise: what is to be typed when something is wrong can be typed.
#[test]
fn the_help_by_symptom() {
    every_command_works("troubleshooting.md");
}

/// Promise: what is said to be kept where is kept there.
#[test]
fn the_security_model() {
    every_command_works("security.md");
}

/// Promise: recipes for software that opens no Unix socket work, where the forwarder is here.
#[test]
fn the_recipes() {
    if Command::new("socat").arg("-V").output().is_err() {
        eprintln!("SKIPPED: socat is not here, recipes.md is not typed");
        return;
    }
    every_command_works("recipes.md");
}

/// Promise: whoever reads Russian types what whoever reads English types.
#[test]
fn the_russian_documents_type_the_same() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for name in ["tutorial-developer.md", "tutorial-shop-it.md"] {
        let [english, russian] =
            [docs.join(name), docs.join("ru").join(name)].map(|file| std::fs::read_to_string(file).unwrap());
        let typed =
            |text: &str| blocks(text).iter().map(|block| (block.goes_on, block.text.to_owned())).collect::<Vec<_>>();
        assert_eq!(typed(&english), typed(&russian), "{name}");
        assert_eq!(english.matches("\n## ").count(), russian.matches("\n## ").count(), "{name}");
    }
    let [english, russian] =
        ["README.md", "README.ru.md"].map(|name| std::fs::read_to_string(docs.parent().unwrap().join(name)).unwrap());
    let typed = |text: &str| blocks(text).iter().map(|block| block.text.to_owned()).collect::<Vec<_>>();
    assert_eq!(typed(&english), typed(&russian), "README.ru.md");
}
