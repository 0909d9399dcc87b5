//! Commands that are typed daily. Each is cargo's own with the words that are hard to remember.

use std::path::Path;
use std::process::{Command, ExitStatus};

use crate::tree;

/// The tests that write generated files anew when they are asked to.
const BLESSED: [&str; 5] = ["door::openapi", "store::tests::pinned", "ctl::json", "config::tests::papers", "manual"];

/// A bank and a daemon to play with, of a debug build.
///
/// # Errors
///
/// Cargo or the sandbox cannot be started.
pub fn world(root: &Path, arguments: &[String]) -> std::io::Result<ExitStatus> {
    cargo(root).args(["run", "--locked", "--bin", "kaspi-sandbox", "--", "serve"]).args(arguments).status()
}

/// The outside tests of one promise, or those that have a word in their name; what follows goes to the test program.
///
/// # Errors
///
/// Cargo cannot be started.
pub fn test(root: &Path, word: &str, arguments: &[String]) -> std::io::Result<ExitStatus> {
    let is_promise = promises(root)?.iter().any(|promise| promise == word);
    let filter = if is_promise { format!("{word}::") } else { word.to_owned() };
    cargo(root).args(["test", "--locked", "--test", "outside", "--", &filter]).args(arguments).status()
}

/// Every generated file written anew: look at the change before it is committed.
///
/// # Errors
///
/// Cargo or git cannot be started.
pub fn fixtures(root: &Path) -> std::io::Result<ExitStatus> {
    let mut made = cargo(root);
    made.env("KASPID_BLESS", "1").args(["test", "--locked", "--lib", "--"]).args(BLESSED);
    let status = made.status()?;
    Command::new("git").current_dir(root).args(["status", "--short"]).status()?;
    Ok(status)
}

/// The book of the crate, with what is private in it.
///
/// # Errors
///
/// Cargo cannot be started.
pub fn docs(root: &Path, arguments: &[String]) -> std::io::Result<ExitStatus> {
    let mut doc = cargo(root);
    doc.env("RUSTDOCFLAGS", "-Dwarnings").args(["doc", "--locked", "--no-deps", "--document-private-items", "--lib"]);
    doc.args(arguments).status()
}

/// The folders of the outside tests that are promises.
///
/// # Errors
///
/// The folder of the tests cannot be read.
pub fn promises(root: &Path) -> std::io::Result<Vec<String>> {
    let folder = root.join("tests/outside");
    let mut names: Vec<String> = tree::files(&folder)?
        .iter()
        .filter_map(|path| path.strip_prefix(&folder).ok()?.parent()?.components().next())
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .filter(|name| name != "support")
        .collect();
    names.dedup();
    Ok(names)
}

/// The cargo that runs this, in the root of the repository.
fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test that is to be blessed and is not named here would be forgotten.
    #[test]
    fn every_generated_file_is_blessed() {
        let root = tree::root();
        let asks =
            |path: &Path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("var_os(\"KASPID_BLESS\")"));
        for path in tree::files(&root.join("src")).unwrap().iter().filter(|path| asks(path)) {
            let below = path.strip_prefix(root.join("src")).unwrap().with_extension("").display().to_string();
            let module = below.replace('/', "::");
            let known = BLESSED.iter().any(|word| module.starts_with(word));
            assert!(known, "{module} can be blessed and BLESSED does not name it");
        }
    }

    #[test]
    fn promises_are_folders() {
        let promises = promises(&tree::root()).unwrap();
        assert!(promises.iter().any(|promise| promise == "money"), "{promises:?}");
        assert!(!promises.iter().any(|promise| promise == "support"), "{promises:?}");
    }
}
