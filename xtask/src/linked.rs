//! The crates that are linked into the programs, as cargo tells it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What the programs are built for; crates of other systems are not in them.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A crate that is linked in.
pub(crate) struct Linked {
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression.
    pub(crate) license: String,
    pub(crate) authors: Vec<String>,
    /// Where its source is.
    pub(crate) folder: PathBuf,
    /// Where it comes from; none for one of this tree.
    pub(crate) source: Option<String>,
    /// SHA-256 of its archive, in hex.
    pub(crate) checksum: Option<String>,
}

/// What cargo links into the programs, without kaspid itself.
///
/// # Errors
/// What cargo says.
pub(crate) fn linked(root: &Path) -> Result<Vec<Linked>, String> {
    let tree = ["tree", "--locked", "--edges", "normal", "--target", TARGET, "--prefix", "none", "--format", "{p}"];
    let tree = cargo(root, &tree)?;
    let names: Vec<&str> = tree.lines().filter_map(|line| line.split(" (").next()).collect();
    let about = cargo(root, &["metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET])?;
    let about: Value = serde_json::from_str(&about).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = about.get("packages").and_then(Value::as_array).cloned().unwrap_or_default();
    let sums = checksums(root)?;
    let mut crates: Vec<Linked> = packages.iter().filter_map(|package| of(package, &sums)).collect();
    crates.retain(|each| each.name != "kaspid" && names.contains(&format!("{} v{}", each.name, each.version).as_str()));
    crates.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(crates)
}

/// The checksums of Cargo.lock, by name and version.
fn checksums(root: &Path) -> Result<HashMap<(String, String), String>, String> {
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
    let field = |package: &str, key: &str| {
        let begin = format!("{key} = \"");
        package.lines().find_map(|line| line.strip_prefix(&begin)?.strip_suffix('"').map(str::to_owned))
    };
    let one =
        |package: &str| Some(((field(package, "name")?, field(package, "version")?), field(package, "checksum")?));
    Ok(lock.split("[[package]]").filter_map(one).collect())
}

fn of(package: &Value, sums: &HashMap<(String, String), String>) -> Option<Linked> {
    let text = |key: &str| package.get(key).and_then(Value::as_str).map(str::to_owned);
    let authors = package.get("authors").and_then(Value::as_array);
    let (name, version) = (text("name")?, text("version")?);
    Some(Linked {
        checksum: sums.get(&(name.clone(), version.clone())).cloned(),
        name,
        version,
        source: text("source"),
        license: text("license").unwrap_or_else(|| "see its files".to_owned()),
        authors: authors.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
        folder: PathBuf::from(text("manifest_path")?).parent()?.to_owned(),
    })
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let done = Command::new("cargo").args(arguments).current_dir(root).output().map_err(|error| error.to_string())?;
    match done.status.success() {
        true => String::from_utf8(done.stdout).map_err(|error| error.to_string()),
        false => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
    }
}
