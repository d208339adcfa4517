//! Results, and how they are shown: one table for people, one JSON file for programs.

use std::fmt::{self, Write};

use serde_json::{Value, json};

use crate::measure::Spread;

/// What a figure must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bar {
    /// The ratio may not be greater.
    RatioAtMost(f64),
    /// The ratio may not be less.
    RatioAtLeast(f64),
    /// The median may not be greater, in the row's unit.
    MedianAtMost(f64),
}

/// One measured line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// The row it belongs to.
    pub(crate) row: &'static str,
    /// What was measured, and against what.
    pub(crate) what: String,
    /// Unit of `figure` and `least`.
    pub(crate) unit: &'static str,
    /// Absolute figures: true for this machine and this minute.
    pub(crate) figure: Option<Spread>,
    /// The least of them.
    pub(crate) least: Option<f64>,
    /// The figure over its reference, taken turn by turn.
    pub(crate) ratio: Option<Spread>,
    /// What it must be.
    pub(crate) bar: Option<Bar>,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Entry {
    /// A figure.
    Measured(Line),
    /// None, and why.
    Skipped {
        /// The row.
        row: &'static str,
        /// In words.
        why: String,
    },
}

impl Line {
    /// The same figures, given in nanoseconds, in microseconds.
    pub(crate) fn in_micros(self) -> Self {
        let micros = |nanos: f64| nanos / 1000.0;
        let figure = self.figure.map(|Spread { low, median, high }| Spread {
            low: micros(low),
            median: micros(median),
            high: micros(high),
        });
        Self { unit: "us", figure, least: self.least.map(micros), ..self }
    }

    /// Whether the bar is reached, if there is one and a figure for it.
    pub(crate) fn reached(&self) -> Option<bool> {
        Some(match self.bar? {
            Bar::RatioAtMost(most) => self.ratio?.median <= most,
            Bar::RatioAtLeast(least) => self.ratio?.median >= least,
            Bar::MedianAtMost(most) => self.figure?.median <= most,
        })
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RatioAtMost(most) => write!(f, "ratio <= {most:.2}"),
            Self::RatioAtLeast(least) => write!(f, "ratio >= {least:.2}"),
            Self::MedianAtMost(most) => write!(f, "median <= {most}"),
        }
    }
}

/// A number with about four digits that mean something.
fn short(number: f64) -> String {
    match number.abs() {
        size if size >= 1000.0 => format!("{number:.0}"),
        size if size >= 100.0 => format!("{number:.1}"),
        size if size >= 10.0 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}

const HEADINGS: [&str; 8] = ["row", "what", "median", "least", "unit", "ratio (middle half)", "bar", ""];

fn cells(entry: &Entry) -> [String; 8] {
    let dash = || "-".to_owned();
    match entry {
        Entry::Measured(line) => [
            line.row.to_owned(),
            line.what.clone(),
            line.figure.map_or_else(dash, |figure| short(figure.median)),
            line.least.map_or_else(dash, short),
            line.unit.to_owned(),
            line.ratio.map_or_else(dash, |Spread { low, median, high }| {
                format!("{} ({}..{})", short(median), short(low), short(high))
            }),
            line.bar.map_or_else(dash, |bar| bar.to_string()),
            match line.reached() {
                Some(true) => "reached".to_owned(),
                Some(false) => "NOT REACHED".to_owned(),
                None => String::new(),
            },
        ],
        Entry::Skipped { row, why } => {
            let mut cells = [const { String::new() }; 8];
            cells[0] = (*row).to_owned();
            cells[1] = format!("skipped: {}", why.lines().next().unwrap_or_default());
            cells
        }
    }
}

/// The table, as wide as it needs to be.
pub(crate) fn text(entries: &[Entry]) -> String {
    let lines: Vec<[String; 8]> =
        std::iter::once(HEADINGS.map(str::to_owned)).chain(entries.iter().map(cells)).collect();
    let mut widths = [0; 8];
    for line in &lines {
        // The reason of a skipped row runs on over the other columns.
        let columns = if line[1].starts_with("skipped: ") { 1 } else { line.len() };
        for (width, cell) in widths.iter_mut().zip(&line[..columns]) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for line in &lines {
        let mut row = String::new();
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            // Numbers stand to the right, under each other.
            let _ = if (2..4).contains(&column) {
                write!(row, "{cell:>width$}  ")
            } else {
                write!(row, "{cell:<width$}  ")
            };
        }
        out.push_str(row.trim_end());
        out.push('\n');
    }
    out
}

/// The same as one JSON document.
pub(crate) fn json(entries: &[Entry]) -> Value {
    let spread = |spread: Spread| json!({ "low": spread.low, "median": spread.median, "high": spread.high });
    let rows = entries.iter().map(|entry| match entry {
        Entry::Measured(line) => json!({
            "row": line.row,
            "what": line.what,
            "unit": line.unit,
            "figure": line.figure.map(spread),
            "least": line.least,
            "ratio": line.ratio.map(spread),
            "bar": line.bar.map(|bar| bar.to_string()),
            "reached": line.reached(),
        }),
        Entry::Skipped { row, why } => json!({ "row": row, "skipped": why }),
    });
    json!({ "format": 1, "rows": rows.collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use super::{Bar, Entry, Line, json, short, text};
    use crate::measure::Spread;

    fn line(ratio: f64, bar: Bar) -> Line {
        let spread = |median| Some(Spread { low: median - 0.5, median, high: median + 0.5 });
        Line {
            row: "parent",
            what: "open".into(),
            unit: "ns",
            figure: spread(12.0),
            least: Some(11.0),
            ratio: spread(ratio),
            bar: Some(bar),
        }
    }

    #[test]
    fn a_bar_is_held_against_the_median() {
        assert_eq!(line(1.02, Bar::RatioAtMost(1.02)).reached(), Some(true));
        assert_eq!(line(1.03, Bar::RatioAtMost(1.02)).reached(), Some(false));
        assert_eq!(line(0.69, Bar::RatioAtLeast(0.7)).reached(), Some(false));
        assert_eq!(line(0.71, Bar::RatioAtLeast(0.7)).reached(), Some(true));
        assert_eq!(line(9.0, Bar::MedianAtMost(12.0)).reached(), Some(true));
        assert_eq!(line(9.0, Bar::MedianAtMost(11.9)).reached(), Some(false));
        let without = Line { ratio: None, ..line(1.0, Bar::RatioAtMost(1.0)) };
        assert_eq!(without.reached(), None, "a figure that is not there reaches nothing and misses nothing");
    }

    #[test]
    fn numbers_keep_their_first_digits() {
        let shown = [0.98765, 1.2345, 12.345, 123.45, 12345.6, -45.678].map(short);
        assert_eq!(shown, ["0.988", "1.234", "12.35", "123.5", "12346", "-45.68"]);
    }

    #[test]
    fn the_table_says_what_was_reached_and_what_was_skipped() {
        let entries = [
            Entry::Measured(line(1.5, Bar::RatioAtMost(1.02))),
            Entry::Skipped { row: "strace", why: "strace is not installed\n  more".into() },
        ];
        let expected = "\
row     what  median  least  unit  ratio (middle half)  bar
parent  open   12.00  11.00  ns    1.500 (1.000..2.000)  ratio <= 1.02  NOT REACHED
strace  skipped: strace is not installed
";
        let shown = text(&entries);
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&shown), words(expected));
        assert!(shown.lines().all(|line| line == line.trim_end()));
        let json = json(&entries);
        assert_eq!(json["rows"][0]["reached"], false);
        assert_eq!(json["rows"][0]["ratio"]["median"], 1.5);
        assert_eq!(json["rows"][1]["skipped"], "strace is not installed\n  more");
    }
}
