//! Every command that any text of the product tells people to type: remedies, help, manual pages, papers, the catalogue of the
//! journal, scripts of the packages. Each is typed to the real program, as far as that says whether it knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

use xtask::told::told;
use xtask::tree::{files, root};

/// The programs, as they are typed.
const PROGRAMS: [(&str, &str); 3] = [
    ("kaspictl", env!("CARGO_BIN_EXE_kaspictl")),
    ("kaspid", env!("CARGO_BIN_EXE_kaspid")),
    ("kaspi-sandbox", env!("CARGO_BIN_EXE_kaspi-sandbox")),
];

/// What people put in place of a word in capitals, or of one that is filled in when it is printed.
const FILLINGS: [&str; 14] = [
    // Nothing, and an option of one's own.
    "",
    "--abandon",
    "891027350515",
    "12737694350",
    "150",
    "77015211545",
    "2026-11-25",
    "60s",
    "1:4cf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cb01",
    "0123456789abcdef",
    "019305c1-5d2e-7c3a-9f10-2b7d4c1a6e55",
    "yes",
    "bash",
    "8",
];

/// Whether the program knows it: with `--help` at its end it does nothing, and refuses what it does not know.
fn is_known(program: &str, words: &[String]) -> bool {
    let words = words.iter().map(String::as_str).filter(|word| !word.is_empty()).chain(["--help"]);
    // `help COMMAND` is the same, and takes no option.
    let words = words.skip_while(|word| *word == "help");
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().unwrap().code() == Some(0)
}

/// The words behind the name of a program, as far as one line and one sentence go.
fn words(behind: &str) -> Vec<String> {
    let line = behind.lines().next().unwrap_or_default().replace("\\-", "-");
    let end = line.find(['`', '|', '>', '#', '(', ')', '"', ';', '…', '─', '&']).unwrap_or(line.len());
    let is_cut = line[end..].starts_with('…');
    let line = &line[..end];
    let split = shlex::split(line).unwrap_or_else(|| line.split_whitespace().map(str::to_owned).collect());
    let mut words = Vec::new();
    for word in split {
        let bare = word.trim_end_matches([',', '.', ':', '!', '?']);
        // Brackets say that it may be left out.
        words.push(bare.trim_matches(['[', ']', '\'']).to_owned());
        if bare.len() < word.len() || bare.is_empty() {
            break;
        }
    }
    if let Some(last) = words.last_mut().filter(|_| is_cut) {
        *last = OPEN.to_owned();
    }
    words
}

/// A word that people fill in.
const OPEN: &str = "VALUE";

/// What is filled in when it is printed, beside what is always there.
fn without_open_parts(word: &str) -> String {
    let mut rest = word;
    let mut left = String::new();
    while let Some((before, behind)) = rest.split_once('{') {
        left.push_str(before);
        rest = behind.split_once('}').map_or("", |(_, behind)| behind);
    }
    left + rest
}

fn is_open(word: &str) -> bool {
    let letters = word.trim_start_matches('-').trim_matches(['{', '}', '\\', '$']);
    word.starts_with(['{', '$', '@'])
        || (!letters.is_empty() && letters.bytes().all(|b| b.is_ascii_uppercase() || b":_-=".contains(&b)))
}

/// With one thing in each open place; two different ones are tried where one does not fit all.
fn filled(words: &[String]) -> Vec<Vec<String>> {
    let open = words.iter().filter(|word| is_open(word)).count();
    if open == 0 {
        let words: Vec<String> = words.iter().map(|word| without_open_parts(word)).collect();
        // An option may be named without its value.
        let named = FILLINGS.iter().map(|value| [&words[..], &[(*value).to_owned()]].concat());
        let is_option = words.last().is_some_and(|last| last.starts_with("--"));
        return if is_option { named.collect() } else { vec![words] };
    }
    let fill = |first: &str, rest: &str| {
        let mut seen = 0;
        let word = |word: &String| match is_open(word) {
            true => {
                seen += 1;
                (if seen == 1 { first } else { rest }).to_owned()
            }
            false => without_open_parts(word),
        };
        words.iter().map(word).collect::<Vec<_>>()
    };
    let rests: &[&str] = if open == 1 { &[""] } else { &FILLINGS };
    FILLINGS.iter().flat_map(|first| rests.iter().map(|rest| fill(first, rest))).collect()
}

/// The longest beginning that the program knows. A sentence goes on behind a command; so what is left over must begin with a
/// word of the sentence: in small letters, and no option.
fn typed(program: &str, words: &[String]) -> Result<(), String> {
    for length in (0..=words.len()).rev() {
        if !filled(&words[..length]).iter().any(|filled| is_known(program, filled)) {
            continue;
        }
        let is_sentence = words.get(length).is_none_or(|word| !word.starts_with('-') && !is_open(word));
        let has_command =
            length > 0 || words.is_empty() || !words[0].starts_with(|letter: char| letter.is_ascii_lowercase());
        // The name of a group of commands is no command, unless the text speaks of the group.
        const GROUPS: [&str; 5] = ["bin", "payment", "log", "identity", "import"];
        let is_group = length == 1 && GROUPS.contains(&words[0].as_str());
        let names_another =
            is_group && words.get(1).is_some_and(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
        return match is_sentence && has_command && !names_another {
            true => Ok(()),
            false => Err(format!("{:?} is known, {:?} behind it is not", &words[..length], words.get(length))),
        };
    }
    Err("nothing of it is known".to_owned())
}

/// What stands behind the name of a program wherever a text has it as a word.
fn commands<'t>(text: &'t str, program: &str) -> Vec<&'t str> {
    let is_word = |letter: char| letter.is_alphanumeric() || "/-_.@".contains(letter);
    let mut found = Vec::new();
    for (at, _) in text.match_indices(program) {
        let before = text[..at].chars().next_back();
        let behind = &text[at + program.len()..];
        if text[..at].ends_with("-u ") || text[..at].ends_with("package=") {
            continue;
        }
        if before.is_none_or(|letter| !is_word(letter)) && behind.starts_with(' ') {
            found.push(&behind[1..]);
        }
    }
    found
}

/// Words in a sentence about a program, not to it: "kaspid keeps …", "kaspictl and …".
fn is_about(words: &[String]) -> bool {
    const VERBS: &[&str] = &[
        "is",
        "and",
        "in",
        "of",
        "as",
        "has",
        "does",
        "or",
        "keeps",
        "with",
        "for",
        "from",
        "to",
        "that",
        "then",
        "which",
        "stops",
        "starts",
        "ends",
        "answers",
        "asks",
        "works",
        "was",
        "who",
        "can",
        "on",
        "alone",
        "itself",
        "made",
        "prints",
        "shows",
        "takes",
        "says",
        "serves",
        "runs",
        "never",
        "reads",
        "holds",
        "must",
        "speaks",
        "beside",
        "not",
        "the",
        "a",
        "tries",
        "knows",
        "writes",
        "maintainers",
        "waits",
        "may",
        "needs",
        "without",
        "by",
        "before",
        "will",
        "cannot",
        "accepts",
        "at",
        "again",
        "contributors",
        "commits",
        "follows",
        "begins",
        "calls",
        "counts",
        "deletes",
        "finds",
        "had",
        "happened",
        "have",
        "last",
        "offers",
        "pays",
        "promises",
        "refuses",
        "relies",
        "saw",
        "talks",
        "under",
        "draws",
        "answered",
        "did",
        "would",
        "sends",
        "looks",
        "only",
        "if",
        "when",
    ];
    words.first().is_none_or(|word| {
        VERBS.contains(&word.as_str())
            || word.len() < 3
            || PROGRAMS.iter().any(|(name, _)| name == word)
            || !word.starts_with(|c: char| c.is_ascii_lowercase() || c == '-')
    })
}

/// Promise: whatever the product tells people to type is there.
#[test]
fn every_command_that_is_told_is_there() {
    let told = told(&root()).unwrap();
    let mut seen: BTreeMap<(&str, Vec<String>), &Path> = BTreeMap::new();
    for (path, text) in &told {
        for (name, program) in PROGRAMS {
            for behind in commands(text, name) {
                let words = words(behind);
                if !is_about(&words) {
                    seen.entry((program, words)).or_insert(path);
                }
            }
        }
    }
    assert!(seen.len() > 250, "only {} commands were found", seen.len());
    let wrong: Vec<String> = seen
        .iter()
        .filter_map(|((program, words), path)| {
            let why = typed(program, words).err()?;
            Some(format!("{}: {} {}: {why}", path.display(), program.rsplit('/').next()?, words.join(" ")))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), seen.len(), wrong.join("\n"));
}

/// Promise: units, groups and manual pages that are named are ones that the packages bring.
#[test]
fn what_is_named_is_installed() {
    let ours: BTreeSet<String> = files(&root().join("systemd"))
        .unwrap()
        .into_iter()
        .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
        .collect();
    let accounts = std::fs::read_to_string(root().join("systemd/kaspid.sysusers")).unwrap();
    let pages: Vec<String> = files(&root().join("packaging/man"))
        .unwrap()
        .into_iter()
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    let mut named = 0;
    for (path, text) in told(&root()).unwrap() {
        let path = path.display();
        for behind in commands(&text, "systemctl") {
            for unit in words(behind).iter().filter(|word| word.starts_with("kaspi")) {
                let unit = if unit.contains('.') { unit.clone() } else { format!("{unit}.service") };
                assert!(ours.contains(&unit), "{path}: systemctl names {unit}");
                named += 1;
            }
        }
        for behind in commands(&text, "usermod -aG") {
            let group = words(behind).first().cloned().unwrap_or_default();
            let is_there = accounts.lines().any(|line| line.split_whitespace().nth(1) == Some(&group));
            assert!(is_open(&group) || is_there, "{path}: usermod names {group}");
            named += 1;
        }
        for behind in commands(&text, "man") {
            for page in words(behind).iter().filter(|word| word.starts_with("kaspi")) {
                assert!(pages.contains(page), "{path}: man names {page}");
                named += 1;
            }
        }
    }
    assert!(named > 10, "only {named} names were found");
}
