//! The customer's phone and the bank's back office as a page: files that a browser on this computer reads, which then asks the
//! control interface like any program.

/// A file of the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageFile {
    pub(super) content_type: &'static str,
    pub(super) text: &'static str,
}

/// What the page may do: its own files and its own questions, in nobody's frame.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                                 form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Where the page is.
pub(super) const PAGE: &str = "/phone";

/// The file at a path.
pub(super) fn file(path: &str) -> Option<PageFile> {
    let (content_type, text) = match path {
        PAGE => ("text/html; charset=utf-8", include_str!("phone.html")),
        "/phone.css" => ("text/css; charset=utf-8", include_str!("phone.css")),
        "/phone.js" => ("text/javascript; charset=utf-8", include_str!("phone.js")),
        "/phone.svg" => ("image/svg+xml", include_str!("phone.svg")),
        "/words.json" => ("application/json", include_str!("words.json")),
        _ => return None,
    };
    Some(PageFile { content_type, text })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Promise: what the page says, it says in each of its languages.
    #[test]
    fn every_word_is_there_in_every_language() {
        let words: BTreeMap<String, BTreeMap<String, String>> =
            serde_json::from_str(file("/words.json").unwrap().text).unwrap();
        let names: Vec<BTreeSet<_>> = words.values().map(|words| words.keys().collect()).collect();
        assert_eq!(words.keys().collect::<Vec<_>>(), ["en", "kk", "ru"]);
        assert!(names.iter().all(|one| Some(one) == names.first()), "{words:?}");
        assert!(words.values().flat_map(BTreeMap::values).all(|text| !text.trim().is_empty()));
    }
}
