//! The shipped file and the manual's table, written from the rows. `KASPID_BLESS=1 cargo test --lib config` writes them
//! anew.

use std::fmt::Write;
use std::path::Path;

use crate::config::{SECTIONS, SectionRows, SettingRow};

const FILE_HEAD: &str = "\
# kaspid's configuration. Every key is shown with its default.
# Check before you reload:
#
#     kaspid check --config /etc/kaspid/kaspid.toml && kaspictl reload
#
# Files of conf.d beside this one that end with .toml are read behind it, in the order of their names: of each key holds what
# the last of them says, and of [[access.shop]] all that they say.
#
# A reload says what it changed, and what only a restart changes: the socket, the state directory and [limits].
#
# Times are written as \"500ms\", \"30s\", \"10m\", \"6h\", \"7d\"; relative paths start at the file they stand in; an unknown key is an error.
";

const MANUAL_HEAD: &str = "\
# Settings

Every key of `kaspid.toml`, written from the rows of `src/config/table.rs`. `kaspid check --config FILE` judges a file,
`kaspictl reload` applies it and says what it changed. Times are written as `\"500ms\"`, `\"30s\"`, `\"10m\"`, `\"6h\"`, `\"7d\"`;
relative paths start at the file they stand in; an unknown key is an error. A setting that says *restart* is changed by a restart only.
Files of the folder `conf.d` beside it that end with `.toml` are read behind it, in the order of their names: of each key holds what the
last of them says, and of `[[access.shop]]` all that they say.
";

/// Words as lines of a comment: `#` before each, without the marks of Markdown.
fn comment(words: &[&str]) -> String {
    words.iter().map(|line| format!("#{}\n", line.replace('`', ""))).collect()
}

fn shown(row: &SettingRow) -> String {
    let plain = format!("{} = {}", row.key, row.default.unwrap_or_default());
    let shown = row.example.map_or(plain, str::to_owned);
    shown.lines().map(|line| format!("# {line}\n")).collect()
}

fn shipped() -> String {
    let mut text = FILE_HEAD.to_owned();
    for section in SECTIONS {
        let SectionRows { name, about, optional, rows } = *section;
        text += "\n";
        text += &comment(about);
        text += &if optional { format!("# [{name}]\n") } else { format!("[{name}]\n") };
        for (place, row) in rows.iter().enumerate() {
            text += if place == 0 { "" } else { "\n" };
            text += &comment(row.words);
            text += &shown(row);
        }
    }
    text
}

/// Words as one line of Markdown.
fn sentence(words: &[&str]) -> String {
    words.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn manual() -> String {
    let mut text = MANUAL_HEAD.to_owned();
    for section in SECTIONS {
        write!(text, "\n## [{}]\n\n{}\n\n", section.name, sentence(section.about)).unwrap();
        text += "| key | write | default | range | what it is for |\n|---|---|---|---|---|\n";
        for row in section.rows {
            let (key, kind, range) = (row.key, row.kind, row.range());
            let default = row.default.map(|default| format!("`{default}`")).unwrap_or_default();
            let restart = if row.at_start { " *restart*" } else { "" };
            let words = sentence(row.words);
            writeln!(text, "| `{key}` | {kind} | {default} | {range} | {words}{restart} |").unwrap();
        }
    }
    text
}

/// Promise: what people read of the settings is what the daemon does.
#[test]
fn papers_are_written_from_the_rows() {
    for (file, made) in [("packaging/kaspid.toml", shipped()), ("docs/settings.md", manual())] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        if std::env::var_os("KASPID_BLESS").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == made, "{file} is old: look at the change with KASPID_BLESS=1 cargo test --lib config");
    }
}
