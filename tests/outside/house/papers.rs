//! What comments cite stands in the repository: sections, files, and the pages that the papers link to.

use xtask::house::citations::{self, PAPERS};
use xtask::tree::root;

/// Promise: every section that is cited is there.
#[test]
fn cited_sections_exist() {
    for paper in PAPERS {
        let there = citations::sections(&root(), paper).unwrap();
        assert!(there.len() > 5, "docs/{paper}.md has the sections {there:?}");
    }
    let (count, lost) = citations::lost(&root()).unwrap();
    assert!(lost.is_empty(), "{lost:#?}");
    assert!(count > 50, "only {count} citations were found");
}

/// Promise: a paper cites sections of its own that are there.
#[test]
fn papers_cite_themselves_rightly() {
    for paper in PAPERS {
        let (there, path) =
            (citations::sections(&root(), paper).unwrap(), root().join("docs").join(paper).with_extension("md"));
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
    for (path, text) in citations::texts(&root()).unwrap().into_iter().filter(|(path, _)| !path.ends_with("papers.rs"))
    {
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
    for (path, text) in citations::texts(&root())
        .unwrap()
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|end| end == "md"))
    {
        let links = text.match_indices("](").map(|(at, _)| text[at + 2..].split([')', '#']).next().unwrap());
        for link in links.filter(|link| !link.is_empty() && !link.contains("://")) {
            assert!(path.parent().unwrap().join(link).exists(), "{} links to {link}", path.display());
        }
        let named = text.split('`').skip(1).step_by(2);
        for file in named.filter(|word| word.starts_with("src/") || word.starts_with("tests/")) {
            assert!(root().join(file.trim_end_matches("**")).exists(), "{} names {file}", path.display());
        }
        // A room's file named from the source's root, `service/money/call.rs`.
        let rooms = ["access/", "config/", "door/", "kaspi/", "operation/", "service/", "store/"];
        let named = text.split('`').skip(1).step_by(2);
        for file in named.filter(|word| rooms.iter().any(|room| word.starts_with(room)) && !word.contains(' ')) {
            assert!(root().join("src").join(file).exists(), "{} names {file}", path.display());
        }
    }
}
