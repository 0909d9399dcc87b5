//! Everything that reads bytes of strangers, by name: what `fuzz/` throws bytes at, and what a test reads the kept corpus
//! with. A function that returns has kept its promise; one that panics has not.

/// Reads whatever it is given.
pub type Target = fn(&[u8]);

/// The targets; each has a program in `fuzz/fuzz_targets` and a folder in `fuzz/corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("frame", frame),
    ("request", crate::door::fuzzed::request),
    ("boundary", crate::door::fuzzed::boundary),
    ("answer", crate::kaspi::fuzzed::answer),
    ("config", config),
    ("table", crate::sheet::fuzzed::table),
    ("identity", crate::identity::fuzzed::identity),
    ("stored", crate::store::fuzzed::stored),
    ("chain", crate::store::fuzzed::chain),
];

/// Throws bytes at one of them.
///
/// # Panics
/// Where the target breaks its promise.
#[cfg(fuzzing)]
pub fn run(name: &str, bytes: &[u8]) {
    for (_, target) in TARGETS.iter().filter(|(named, _)| *named == name) {
        target(bytes);
    }
}

/// What a native caller or a daemon sends: it is cut where its length says, and what is read is written the same.
fn frame(bytes: &[u8]) {
    use crate::frame::{Answer, Call, Hello, MAX_BODY, Welcome, decode, encode, split};

    fn both_ways<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(body: &[u8]) {
        if let Ok(value) = decode::<T>(body) {
            let again = encode(&value).ok().and_then(|frame| decode::<T>(frame.get(4..)?).ok());
            assert_eq!(again.as_ref(), Some(&value), "it does not read back");
        }
    }
    let body = match split(bytes, MAX_BODY) {
        Ok(Some((body, taken))) => {
            assert!(body.len() <= MAX_BODY && taken == body.len() + 4);
            body
        }
        // Without a length of its own it is read as a body all the same.
        _ => bytes,
    };
    both_ways::<Hello>(body);
    both_ways::<Welcome>(body);
    both_ways::<Call>(body);
    both_ways::<Answer>(body);
}

/// A configuration file: read, or refused with a place and what to write.
fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(error) = crate::config::Configuration::parse(text, std::path::Path::new("kaspid.toml")) {
        assert!(!error.to_string().is_empty());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::TARGETS;

    /// Promise: what a fuzzer has found, and what it was begun with, goes on being read without a crash.
    #[test]
    fn the_corpus_is_read() {
        for (name, target) in TARGETS {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
            let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
            assert!(!files.is_empty(), "{} is empty", folder.display());
            for file in files {
                target(&std::fs::read(file).unwrap());
            }
        }
    }

    /// Promise: every target can be fuzzed.
    #[test]
    fn every_target_has_a_program() {
        let manifest = include_str!("../fuzz/Cargo.toml");
        for (name, _) in TARGETS {
            assert!(manifest.contains(&format!("name = \"{name}\"")), "fuzz/Cargo.toml has no {name}");
        }
    }
}
