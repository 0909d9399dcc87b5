//! Whose code is in the programs: the copyright file of the packages, and the licences of every crate word for word.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use crate::linked::{Linked, linked};

const HEAD: &str = "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: kaspid
Comment: The programs are linked from the crates below, whose licences stand word for word in third-party-licenses.gz
 beside this file.

Files: *
Copyright: 2026 The kaspid authors
License: MIT or Apache-2.0

License: MIT
";

const APACHE: &str = "
License: Apache-2.0
 On Debian systems the whole text stands in /usr/share/common-licenses/Apache-2.0.
";

/// Writes `copyright` and `third-party-licenses` into a folder.
///
/// # Errors
/// Cargo, or a file, in words.
pub fn write(root: &Path, folder: &Path) -> Result<(), String> {
    let crates = linked(root)?;
    let mit = read(&root.join("LICENSE-MIT"))?;
    let mut copyright = HEAD.to_owned();
    copyright += &indented(mit.split_once("\n\n").map_or(mit.as_str(), |(_, text)| text));
    copyright += APACHE;
    for Linked { name, version, license, authors, .. } in &crates {
        let authors = if authors.is_empty() { "its authors".to_owned() } else { authors.join(", ") };
        let license = license.replace(" OR ", " or ").replace('/', " or ").replace(" AND ", " and ");
        let _ = write!(copyright, "\nFiles: {name}-{version}/*\nCopyright: {authors}\nLicense: {license}\n");
    }
    save(&folder.join("copyright"), &copyright)?;
    save(&folder.join("third-party-licenses"), &licenses(&crates)?)
}

/// Each text once, behind the names of the crates it belongs to.
fn licenses(crates: &[Linked]) -> Result<String, String> {
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for each in crates {
        let names = files(&each.folder).map_err(|error| format!("{}: {error}", each.folder.display()))?;
        for file in names {
            texts.entry(read(&file)?).or_default().push(format!("{} {}", each.name, each.version));
        }
    }
    let mut all = String::new();
    let mut sorted: Vec<_> = texts.into_iter().collect();
    sorted.sort_by(|(_, a), (_, b)| a.cmp(b));
    for (text, mut names) in sorted {
        names.dedup();
        let _ = write!(all, "{}\n{}\n\n{}\n\n", names.join(", "), "-".repeat(72), text.trim_end());
    }
    Ok(all)
}

/// The files of a crate that say what may be done with it.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        let is_one = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
        if entry.file_type()?.is_file() && is_one.iter().any(|begin| name.starts_with(begin)) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// As a paragraph of a copyright file: an empty line is a dot.
fn indented(text: &str) -> String {
    text.lines().map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") }).collect()
}

fn read(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn save(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
