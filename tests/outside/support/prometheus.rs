//! A strict reader of Prometheus text 0.0.4: what it does not take, some collector would not take either.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::http::Answer;

/// A name and its labels, sorted, as `name{a="b"}`.
type Series = String;

/// A page that was read.
pub(crate) struct Page {
    pub(crate) text: String,
    samples: BTreeMap<Series, f64>,
    families: BTreeMap<String, String>,
}

impl Page {
    /// Reads an answer of `/metrics`.
    #[track_caller]
    pub(crate) fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
        Self::read(&answer.text())
    }

    /// Reads a text; panics at the first thing that is not as the format says.
    #[track_caller]
    pub(crate) fn read(text: &str) -> Self {
        let (mut samples, mut families) = (BTreeMap::new(), BTreeMap::new());
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let (name, help) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')).expect(line);
            assert!(is_name(name) && !help.is_empty() && !help.contains('\\'), "{line}");
            let kind = lines.next().and_then(|line| line.strip_prefix(&format!("# TYPE {name} "))).expect(name);
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{kind}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
            assert!(families.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} comes twice");
            let mut own: Vec<(Series, f64)> = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                own.push(sample(line, name, kind));
            }
            if kind == "histogram" {
                check_histogram(name, &own);
            }
            for (series, value) in own {
                assert!(samples.insert(series.clone(), value).is_none(), "{series} comes twice");
            }
        }
        Self { text: text.to_owned(), samples, families }
    }

    /// A sample that must be there.
    #[track_caller]
    pub(crate) fn value(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("no {series} in\n{}", self.text))
    }

    pub(crate) fn get(&self, series: &str) -> Option<f64> {
        self.samples.get(series).copied()
    }

    /// All samples of a name that have these words among their labels, added up.
    pub(crate) fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let fits =
            |series: &str| series.split('{').next() == Some(name) && labels.iter().all(|label| series.contains(label));
        self.samples.iter().filter(|(series, _)| fits(series)).map(|(_, value)| value).sum()
    }

    pub(crate) fn families(&self) -> BTreeSet<&str> {
        self.families.keys().map(String::as_str).collect()
    }

    pub(crate) fn series(&self) -> impl Iterator<Item = &str> {
        self.samples.keys().map(String::as_str)
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[track_caller]
fn sample(line: &str, family: &str, kind: &str) -> (Series, f64) {
    let end = line.rfind(' ').expect(line);
    let (series, value) = (&line[..end], &line[end + 1..]);
    let value: f64 = value.parse().unwrap_or_else(|_| panic!("not a number: {line}"));
    assert!(value.is_finite() && (kind == "gauge" || value >= 0.0), "{line}");
    let (name, labels) = series.split_once('{').map_or((series, ""), |(name, rest)| {
        (name, rest.strip_suffix('}').unwrap_or_else(|| panic!("no end of labels: {line}")))
    });
    let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} stands in {family}"));
    let suffixes: &[&str] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
    assert!(suffixes.contains(&suffix), "{line} stands in {family}");
    let names: Vec<&str> = read_labels(labels, line);
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "a label twice: {line}");
    assert_eq!(names.contains(&"le"), suffix == "_bucket", "{line}");
    (series.to_owned(), value)
}

/// The names of `a="b",c="d"`; every quote, comma and escape is looked at.
#[track_caller]
fn read_labels<'l>(mut rest: &'l str, line: &str) -> Vec<&'l str> {
    let mut names = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
        assert!(is_name(name), "{line}");
        names.push(name);
        let mut escaped = false;
        let end = after.find(|c| match (escaped, c) {
            (true, '\\' | '"' | 'n') => {
                escaped = false;
                false
            }
            (true, _) => panic!("an escape that is none: {line}"),
            (false, '\\') => {
                escaped = true;
                false
            }
            (false, c) => c == '"',
        });
        rest = &after[end.unwrap_or_else(|| panic!("no end of a value: {line}")) + 1..];
        rest = match rest.strip_prefix(',') {
            Some(more) => {
                assert!(!more.is_empty(), "a comma at the end: {line}");
                more
            }
            None => {
                assert!(rest.is_empty(), "no comma: {line}");
                rest
            }
        };
    }
    names
}

/// For each set of labels: bounds that grow, counts that do not fall, `+Inf` last and equal to the count, a sum.
#[track_caller]
fn check_histogram(name: &str, samples: &[(Series, f64)]) {
    let mut groups: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for (series, value) in samples.iter().filter(|(series, _)| series.starts_with(&format!("{name}_bucket"))) {
        let (labels, bound) = series.rsplit_once("le=\"").expect(series);
        let bound = bound.trim_end_matches("\"}");
        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect(series) };
        let labels = labels.split_once('{').map_or("", |(_, labels)| labels.trim_end_matches(','));
        groups.entry(labels.to_owned()).or_default().push((bound, *value));
    }
    assert!(!groups.is_empty() || samples.is_empty(), "{name} has no buckets");
    for (labels, buckets) in groups {
        assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name} {labels}: {buckets:?}");
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let find = |suffix: &str| {
            let series = format!("{name}{suffix}{braces}");
            samples.iter().find(|(found, _)| *found == series).unwrap_or_else(|| panic!("no {series}")).1
        };
        assert_eq!(buckets.last().copied(), Some((f64::INFINITY, find("_count"))), "{name} {labels}");
        assert!(find("_sum") >= 0.0);
    }
}

/// The reader refuses what the format forbids.
#[test]
fn the_reader_is_strict() {
    let good = "# HELP a x\n# TYPE a gauge\na{b=\"c\\\"}\",d=\"e\"} 1\n# HELP h x\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n";
    assert_eq!(Page::read(good).value("a{b=\"c\\\"}\",d=\"e\"}"), 1.0);
    for (from, to) in [
        ("} 1\n#", "} 1#"),
        ("# TYPE a gauge\n", ""),
        ("# TYPE a gauge", "# TYPE a counter"),
        ("# TYPE h histogram", "# TYPE h summary"),
        ("\\\"", "\\x"),
        (",d=", " d="),
        (",d=", ",b="),
        ("} 1\n#", "} one\n#"),
        ("a{b", "c{b"),
        ("le=\"+Inf\"} 2", "le=\"+Inf\"} 3"),
        ("le=\"1\"} 1", "le=\"1\"} 3"),
        ("h_sum 3\n", ""),
        ("h_count 2\n", "h_count 2"),
        ("# HELP h", "# HELP a"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert!(std::panic::catch_unwind(|| Page::read(&bad)).is_err(), "taken: {bad}");
    }
}
