//! The text that Prometheus reads: families of samples, each with its kind and a sentence on what it tells.
//!
//! Written by hand, for it is three forms of line. The official crate writes `OpenMetrics`, whose names of counters
//! `promtool check metrics` complains about; the other one keeps counters of its own in a registry, while ours are
//! counted elsewhere already and only shown here.

use std::fmt::{Display, Write as _};

/// What a family is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows, from 0 at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A sum and how many things it is over.
    Summary,
}

/// The text so far.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// A family of one sample.
    pub(super) fn single(&mut self, kind: Kind, name: &str, help: &str, value: impl Display) {
        self.family(kind, name, help).sample("", &[], value);
    }

    /// Begins a family; its samples follow.
    pub(super) fn family<'e>(&'e mut self, kind: Kind, name: &'e str, help: &str) -> Family<'e> {
        let word = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Summary => "summary",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {word}").expect("a String takes everything");
        Family { text: &mut self.0, name }
    }

    /// The whole text.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

/// A family whose samples are being written.
#[derive(Debug)]
pub(super) struct Family<'e> {
    text: &'e mut String,
    name: &'e str,
}

impl Family<'_> {
    /// A sample, under the family's name with something behind it.
    pub(super) fn sample(&mut self, behind: &str, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        writeln!(self.text, "{}{behind}{labels} {value}", self.name).expect("a String takes everything");
        self
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_end_early_and_help_is_one_line() {
        let mut text = Exposition::default();
        text.family(Kind::Gauge, "a_bytes", "One\nline.").sample("", &[("file", "x\"\\\n")], 5);
        text.single(Kind::Counter, "b_total", "Two.", 0.5);
        assert_eq!(
            text.into_text(),
            "# HELP a_bytes One\\nline.\n# TYPE a_bytes gauge\na_bytes{file=\"x\\\"\\\\\\n\"} 5\n\
             # HELP b_total Two.\n# TYPE b_total counter\nb_total 0.5\n"
        );
    }
}
