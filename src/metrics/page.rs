//! The text: one block a family, HELP and TYPE first. Our own hundred lines, because the crates of the field bring a
//! registry of live objects, and what stands here is chosen for each caller and mostly read from the store.

use std::fmt::{Display, Write};

use super::count::Histogram;

/// The kinds of families we have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Only grows while the process lives; its name ends in `_total`.
    Counter,
    /// A state.
    Gauge,
    /// Spans in seconds.
    Histogram,
}

/// A sample's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SampleValue {
    /// Exact.
    Count(u64),
    /// Exact, and may be below zero.
    Signed(i64),
    /// Seconds.
    Seconds(f64),
}

impl From<u64> for SampleValue {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<i64> for SampleValue {
    fn from(count: i64) -> Self {
        Self::Signed(count)
    }
}

impl From<usize> for SampleValue {
    fn from(count: usize) -> Self {
        Self::Count(u64::try_from(count).unwrap_or(u64::MAX))
    }
}

impl From<bool> for SampleValue {
    fn from(is: bool) -> Self {
        Self::Count(u64::from(is))
    }
}

impl From<crate::moment::Moment> for SampleValue {
    /// A point in time, as Prometheus writes it: seconds since 1970.
    fn from(moment: crate::moment::Moment) -> Self {
        let ms = moment.millis();
        let (seconds, rest) = (ms.div_euclid(1000), ms.rem_euclid(1000));
        // Seconds since 1970 are far below the 2^53 that a float holds exactly.
        #[allow(clippy::cast_precision_loss, reason = "see above")]
        Self::Seconds(seconds as f64 + rest as f64 / 1000.0)
    }
}

impl Display for SampleValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Signed(count) => count.fmt(f),
            // As Prometheus writes it: what has no end.
            Self::Seconds(f64::INFINITY) => f.write_str("+Inf"),
            Self::Seconds(seconds) => seconds.fmt(f),
        }
    }
}

/// A label's name and value.
type Label<'l> = (&'static str, &'l dyn Display);

/// The text as it grows.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// Begins a family: `name` in `[a-z0-9_]`, `help` on one line without a backslash.
    pub fn family(&mut self, name: &'static str, kind: Type, help: &'static str) -> Family<'_> {
        let word = match kind {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
        };
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {word}\n"));
        Family { page: self, name }
    }

    /// A gauge without labels.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, value: impl Into<SampleValue>) {
        self.family(name, Type::Gauge, help).sample(&[], value);
    }

    /// A counter without labels.
    pub fn counter(&mut self, name: &'static str, help: &'static str, value: u64) {
        self.family(name, Type::Counter, help).sample(&[], value);
    }

    /// The whole text.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.0.write_fmt(text);
    }
}

/// The family that samples are written to.
#[derive(Debug)]
pub struct Family<'p> {
    page: &'p mut Page,
    name: &'static str,
}

impl Family<'_> {
    /// One sample.
    pub fn sample(&mut self, labels: &[Label<'_>], value: impl Into<SampleValue>) {
        self.write("", labels, value.into());
    }

    /// All samples of a histogram.
    pub fn histogram(&mut self, labels: &[Label<'_>], histogram: &Histogram) {
        let (upto, total) = histogram.cumulative();
        for (bound, count) in &upto {
            self.write("_bucket", &[labels, &[("le", bound)]].concat(), SampleValue::Count(*count));
        }
        self.write("_bucket", &[labels, &[("le", &"+Inf")]].concat(), SampleValue::Count(total));
        self.write("_sum", labels, SampleValue::Seconds(histogram.sum().as_secs_f64()));
        self.write("_count", labels, SampleValue::Count(total));
    }

    fn write(&mut self, suffix: &str, labels: &[Label<'_>], value: SampleValue) {
        self.page.line(format_args!("{}{suffix}", self.name));
        for (index, (name, content)) in labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            self.page.line(format_args!("{before}{name}=\"{}\"", escaped(&content.to_string())));
        }
        let after = if labels.is_empty() { "" } else { "}" };
        self.page.line(format_args!("{after} {value}\n"));
    }
}

/// A label's value inside of its quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::moment::Moment;

    #[test]
    fn the_text_is_as_the_format_says() {
        let mut page = Page::default();
        page.gauge("a_seconds", "When.", Moment::from_millis(1_500));
        page.family("b_total", Type::Counter, "How many.").sample(&[("x", &"a\"b\\c\nd"), ("y", &7)], 3_u64);
        let histogram = Histogram::new(&[0.5]);
        histogram.observe(Duration::from_secs(1));
        page.family("c", Type::Histogram, "How long.").histogram(&[("x", &"y")], &histogram);
        let expected = r#"# HELP a_seconds When.
# TYPE a_seconds gauge
a_seconds 1.5
# HELP b_total How many.
# TYPE b_total counter
b_total{x="a\"b\\c\nd",y="7"} 3
# HELP c How long.
# TYPE c histogram
c_bucket{x="y",le="0.5"} 0
c_bucket{x="y",le="+Inf"} 1
c_sum{x="y"} 1
c_count{x="y"} 1
"#;
        assert_eq!(page.finish(), expected);
    }
}
