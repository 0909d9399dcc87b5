//! What is cited: the numbers of the sections of the project's papers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::tree;

/// Where somebody reads and cites.
const FOLDERS: [&str; 8] = ["src", "tests", "examples", "docs", "systemd", "packaging", ".ci", "xtask"];

/// Texts that lie beside the folders.
const BESIDE: [&str; 6] = ["README.md", "README.ru.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "Cargo.toml"];

/// Papers that are cited by section.
pub const PAPERS: [&str; 3] = ["architecture", "wire", "data-file"];

/// The sign in front of the number of a section.
pub const SIGN: char = '\u{a7}';

/// Every text in these folders and beside them, by its path.
///
/// # Errors
///
/// A folder cannot be read.
pub fn texts(root: &Path) -> std::io::Result<Vec<(PathBuf, String)>> {
    let mut paths: Vec<PathBuf> = BESIDE.map(|name| root.join(name)).into();
    for folder in FOLDERS {
        paths.extend(tree::files(&root.join(folder))?);
    }
    Ok(paths.into_iter().filter_map(|path| Some((path.clone(), std::fs::read_to_string(&path).ok()?))).collect())
}

/// The numbers of the sections of a paper.
///
/// # Errors
///
/// The paper cannot be read.
pub fn sections(root: &Path, paper: &str) -> std::io::Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(root.join("docs").join(paper).with_extension("md"))?;
    let headings = text.lines().filter_map(|line| line.strip_prefix("##"));
    let numbers = headings.filter_map(|line| line.trim_start_matches('#').split_whitespace().next());
    Ok(numbers.map(|number| number.trim_end_matches('.').to_owned()).collect())
}

/// The sections that stand behind the name of a paper in a text, also several in a row.
#[must_use]
pub fn cited(text: &str, paper: &str) -> Vec<String> {
    let mut found = Vec::new();
    for behind in text.split(&format!("{paper} {SIGN}")).skip(1) {
        let mut rest = Some(behind);
        while let Some(behind) = rest {
            let number: String = behind.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            let after = behind.strip_prefix(number.as_str()).unwrap_or_default().trim_start_matches([',', ' ']);
            rest = after.trim_start_matches("to ").trim_start_matches("and ").strip_prefix(SIGN);
            found.push(number.trim_end_matches('.').to_owned());
        }
    }
    found
}

/// How many citations there are, and those that lead nowhere.
///
/// # Errors
///
/// A text cannot be read.
pub fn lost(root: &Path) -> std::io::Result<(usize, Vec<String>)> {
    let (mut count, mut lost) = (0, Vec::new());
    let texts = texts(root)?;
    for paper in PAPERS {
        let there = sections(root, paper)?;
        for (path, text) in &texts {
            let numbers = cited(text, paper);
            count += numbers.len();
            let gone = numbers.iter().filter(|number| !there.contains(*number));
            lost.extend(gone.map(|number| format!("{} cites {paper} {SIGN}{number}", path.display())));
        }
    }
    Ok((count, lost))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_sections_in_a_row_are_found() {
        let text = "// (wire X2, X3.1 and X4; see wire X5.)".replace('X', &SIGN.to_string());
        assert_eq!(cited(&text, "wire"), ["2", "3.1", "4", "5"]);
    }
}
