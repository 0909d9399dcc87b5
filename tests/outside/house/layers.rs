//! The shape of the source (architecture §3): what a reader may rely on is checked, not hoped for.

use std::path::{Path, PathBuf};

use xtask::house::walls;
use xtask::tree::{files, root};

/// Every source file: path below `src/` and text before its tests.
fn sources() -> Vec<(PathBuf, String)> {
    let mut paths = files(&root().join("src")).unwrap();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split_once("\n#[cfg(test)]\nmod ").map_or(text.as_str(), |(code, _)| code).to_owned();
        (path.strip_prefix(root().join("src")).unwrap().to_owned(), code)
    };
    paths.into_iter().map(read).filter(|(path, _)| !is_test(path)).collect()
}

/// A file or folder of tests beside the code, by its path below `src/`.
fn is_test(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
}

/// The modules in the order in which they may import each other.
fn order() -> Vec<String> {
    let lib = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules =
        lib.lines().filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
    // The simulation stands below all it drives, and in tests only.
    modules.filter(|name| *name != "sim").map(str::to_owned).collect()
}

/// The code without comments, so that words in them count for nothing.
fn without_comments(code: &str) -> String {
    code.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code)).collect::<Vec<_>>().join("\n")
}

/// The names behind every `prefix`, also in braces: `crate::money`, `crate::{id, money}`.
fn names_behind(code: &str, prefix: &str) -> Vec<String> {
    let word = |text: &str| text.trim_start().chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
    let mut names: Vec<String> = Vec::new();
    for (_, rest) in code.match_indices(prefix).map(|(at, _)| code[at..].split_at(prefix.len())) {
        let Some(list) = rest.strip_prefix('{') else {
            names.push(word(rest));
            continue;
        };
        let mut depth = 0_usize;
        let mut item = String::new();
        for c in list.chars() {
            match (c, depth) {
                ('}', 0) => break,
                (',', 0) => names.push(word(&std::mem::take(&mut item))),
                _ => item.push(c),
            }
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        names.push(word(&item));
    }
    names.retain(|name| !name.is_empty());
    names
}

/// A file imports only from modules above its own in lib.rs's list.
#[test]
fn imports_point_upwards() {
    let order = order();
    assert!(order.len() > 10, "{order:?}");
    let place = |name: &str| order.iter().position(|module| module == name);
    for (path, code) in sources() {
        let first = path.components().next().unwrap().as_os_str().to_str().unwrap();
        let Some(own) = place(first.trim_end_matches(".rs")) else { continue };
        let code = without_comments(&code);
        let mut used = names_behind(&code, "crate::");
        if path.components().count() == 1 || (path.ends_with("mod.rs") && path.components().count() == 2) {
            used.extend(names_behind(&code, " super::"));
        }
        for name in used {
            if let Some(other) = place(&name) {
                assert!(other <= own, "{} imports {name}, which stands below it in lib.rs", path.display());
            }
        }
    }
}

/// The rooms of the service in the order in which they stand on each other, as its own page lists them.
fn service_rooms() -> Vec<String> {
    let page = std::fs::read_to_string(root().join("src/service/mod.rs")).unwrap();
    let list = page.split("```text\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    list.lines().filter_map(|line| line.strip_prefix("//! ")?.split_whitespace().next()).map(str::to_owned).collect()
}

/// A room of the service uses those above it, and what stands on the ground uses none.
#[test]
fn service_rooms_stand_on_those_above() {
    let rooms = service_rooms();
    assert!(rooms.len() > 5, "{rooms:?}");
    let place = |name: &str| rooms.iter().position(|room| room == name);
    for (path, code) in sources() {
        let Ok(inside) = path.strip_prefix("service") else { continue };
        let own = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        if matches!(own, "mod.rs" | "rooms.rs") {
            continue;
        }
        for name in names_behind(&without_comments(&code), "crate::service::") {
            let Some(other) = place(&name) else { continue };
            assert!(place(own).is_some_and(|own| other <= own), "{} uses the room {name}", path.display());
        }
    }
}

/// Within the command line, too: data stands above and commands below, by the list in its `mod.rs`.
#[test]
fn imports_of_the_command_line_point_upwards() {
    let list = std::fs::read_to_string(root().join("src/ctl/mod.rs")).unwrap();
    let order: Vec<&str> = list
        .lines()
        .filter_map(|line| line.trim_start_matches("pub(crate) ").strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    assert!(order.len() > 10, "{order:?}");
    let place = |name: &str| order.iter().position(|module| *module == name);
    for (path, code) in sources() {
        let Ok(inside) = path.strip_prefix("ctl") else { continue };
        let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let Some(own) = place(first.trim_end_matches(".rs")) else { continue };
        let code = without_comments(&code);
        let mut used = names_behind(&code, "crate::ctl::");
        if inside.components().count() == 1 || inside.ends_with("mod.rs") {
            used.extend(names_behind(&code, " super::"));
        }
        for other in used.iter().filter_map(|name| place(name)) {
            assert!(other <= own, "{} imports {}, which stands below it in ctl/mod.rs", path.display(), order[other]);
        }
    }
}

/// A file can be read in one go.
#[test]
fn files_are_short() {
    let lengths = sources().into_iter().map(|(path, code)| (path, code.lines().count()));
    let long: Vec<_> = lengths.filter(|(_, lines)| *lines > walls::FILE).collect();
    assert!(long.is_empty(), "more than {} lines before the tests: {long:?}", walls::FILE);
}

/// One documented exception.
#[test]
fn unsafe_stands_in_one_file() {
    for (path, code) in sources() {
        let code = without_comments(&code);
        let words =
            ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "allow(unsafe_code", "expect(unsafe_code"];
        let found = words.iter().find(|word| code.contains(*word));
        assert!(found.is_none() || path == Path::new("peer_groups.rs"), "{} has {found:?}", path.display());
    }
}

/// One TLS stack: a second one is a second place where the key can leak.
#[test]
fn rustls_is_the_only_tls() {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap();
    for name in ["openssl", "openssl-sys", "native-tls", "aws-lc-rs"] {
        assert!(!lock.contains(&format!("name = \"{name}\"\n")), "{name} is in Cargo.lock");
    }
}

/// The checks above see what they should.
#[test]
fn imports_are_found() {
    let code = "use crate::money::Amount;\nuse crate::{id::{A, B}, store, frame::C};\n// crate::sandbox\nlet x = crate::door::y();";
    assert_eq!(names_behind(&without_comments(code), "crate::"), ["money", "id", "store", "frame", "door"]);
}
