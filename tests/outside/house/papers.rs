//! What comments cite stands in the repository: sections, files, and the pages that the papers link to.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::house::tree::{files, root};

/// Where somebody reads and cites.
const FOLDERS: [&str; 6] = ["src", "tests", "docs", "systemd", "packaging", ".ci"];

/// Papers that are cited by section.
const PAPERS: [&str; 3] = ["architecture", "wire", "data-file"];

/// Every text in these folders and beside them, by its path.
fn texts() -> Vec<(PathBuf, String)> {
    let mut paths: Vec<PathBuf> = ["README.md", "CHANGELOG.md", "Cargo.toml"].map(|name| root().join(name)).into();
    paths.extend(FOLDERS.iter().flat_map(|folder| files(folder)));
    paths.into_iter().filter_map(|path| Some((path.clone(), std::fs::read_to_string(&path).ok()?))).collect()
}

/// The numbers of the sections of a paper.
fn sections(paper: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("docs").join(paper).with_extension("md")).unwrap();
    let numbers =
        text.lines().filter_map(|line| line.strip_prefix("##")?.trim_start_matches('#').split_whitespace().next());
    numbers.map(|number| number.trim_end_matches('.').to_owned()).collect()
}

/// The sections that stand behind the name of a paper: `wire §2`, `architecture §5, §6.1`.
fn cited(text: &str, paper: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices(&format!("{paper} §")) {
        let mut rest = &text[at + paper.len() + 1..];
        while let Some(behind) = rest.strip_prefix('§') {
            let number: String = behind.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            rest = behind[number.len()..]
                .trim_start_matches([',', ' '])
                .trim_start_matches("to ")
                .trim_start_matches("and ");
            found.push(number.trim_end_matches('.').to_owned());
        }
    }
    found
}

/// Promise: every section that is cited is there.
#[test]
fn cited_sections_exist() {
    let mut count = 0;
    for paper in PAPERS {
        let there = sections(paper);
        assert!(there.len() > 5, "docs/{paper}.md has the sections {there:?}");
        for (path, text) in texts() {
            for number in cited(&text, paper) {
                assert!(there.contains(&number), "{} cites {paper} §{number}", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 50, "only {count} citations were found");
}

/// Promise: a paper cites sections of its own that are there.
#[test]
fn papers_cite_themselves_rightly() {
    for paper in PAPERS {
        let (there, path) = (sections(paper), root().join("docs").join(paper).with_extension("md"));
        let text = std::fs::read_to_string(path).unwrap();
        for (_, behind) in text.match_indices('§').map(|(at, mark)| text.split_at(at + mark.len())) {
            let number: String = behind.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            assert!(there.contains(number.trim_end_matches('.')), "docs/{paper}.md cites its §{number}");
        }
    }
}

/// Promise: nothing cites what is not in the repository.
#[test]
fn nothing_points_outside() {
    for (path, text) in texts().into_iter().filter(|(path, _)| !path.ends_with("papers.rs")) {
        for line in text.lines() {
            for word in ["design §", "design.md", "kaspi-api", "house.md", "platform.md", "style.md", "shared/"] {
                assert!(!line.contains(word), "{}: {line}", path.display());
            }
            let known = PAPERS.iter().any(|paper| line.contains(&format!("{paper} §")));
            let is_paper = path.parent().is_some_and(|folder| folder.ends_with("docs"));
            assert!(known || is_paper || !line.contains('§'), "{}: a section of nothing: {line}", path.display());
        }
    }
}

/// Promise: a page that a paper links to, and a file of the source that it names, is there.
#[test]
fn papers_name_files_that_exist() {
    for (path, text) in texts().into_iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "md")) {
        let links = text.match_indices("](").map(|(at, _)| text[at + 2..].split([')', '#']).next().unwrap());
        for link in links.filter(|link| !link.is_empty() && !link.contains("://")) {
            assert!(path.parent().unwrap().join(link).exists(), "{} links to {link}", path.display());
        }
        let named = text.split('`').skip(1).step_by(2);
        for file in named.filter(|word| word.starts_with("src/") || word.starts_with("tests/")) {
            assert!(root().join(file.trim_end_matches("**")).exists(), "{} names {file}", path.display());
        }
    }
}
