//! Holds what was reported against what is true, process by process.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;

use crate::oracle::Truth;

/// Most differences that are listed; the rest is counted.
const LISTED: usize = 20;

/// The comparison of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Score {
    /// Reported and true.
    pub right: usize,
    /// True and not reported.
    pub missed: Vec<(u32, PathBuf)>,
    /// Reported and not true.
    pub wrong: Vec<(u32, PathBuf)>,
    /// Processes that truly loaded something.
    pub processes: usize,
}

impl Score {
    /// Compares per process.
    #[must_use]
    pub fn new(truth: &Truth, reported: &BTreeMap<u32, BTreeSet<PathBuf>>) -> Self {
        let pairs = |of: &BTreeMap<u32, BTreeSet<PathBuf>>| -> BTreeSet<(u32, PathBuf)> {
            of.iter().flat_map(|(&pid, paths)| paths.iter().map(move |path| (pid, path.clone()))).collect()
        };
        let (truth_pairs, reported_pairs) = (pairs(truth), pairs(reported));
        Self {
            right: truth_pairs.intersection(&reported_pairs).count(),
            missed: truth_pairs.difference(&reported_pairs).cloned().collect(),
            wrong: reported_pairs.difference(&truth_pairs).cloned().collect(),
            processes: truth.len(),
        }
    }

    /// Asserts that nothing was missed and nothing invented, and prints the figures.
    ///
    /// # Panics
    /// When something was, or when there was no truth to be found: an empty run proves nothing.
    #[track_caller]
    pub fn assert_exact(&self, what: &str) {
        println!("{what}: {self}");
        assert!(self.right + self.missed.len() > 0, "{what}: nothing was loaded late, so nothing was tested");
        assert!(
            self.missed.is_empty() && self.wrong.is_empty(),
            "{what}: {self}\n{}{}",
            listed("missed", &self.missed),
            listed("wrong", &self.wrong)
        );
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (truth, reported) = (self.right + self.missed.len(), self.right + self.wrong.len());
        let of = |whole: usize| ratio(self.right, whole);
        write!(
            f,
            "recall {:.4} ({}/{truth}) precision {:.4} ({}/{reported}) in {} processes",
            of(truth),
            self.right,
            of(reported),
            self.right,
            self.processes
        )
    }
}

/// A part of a whole, rounded down to four digits: 1.0000 means all of it.
fn ratio(part: usize, whole: usize) -> f64 {
    let digits = (part * 10_000).checked_div(whole).unwrap_or(0);
    f64::from(u32::try_from(digits).unwrap_or(u32::MAX)) / 10_000.0
}

fn listed(word: &str, pairs: &[(u32, PathBuf)]) -> String {
    let mut out: String = pairs
        .iter()
        .take(LISTED)
        .map(|(pid, path)| format!("{word} pid {pid} {}\n", path.display()))
        .collect();
    if pairs.len() > LISTED {
        out.push_str(&format!("{word} and {} more\n", pairs.len() - LISTED));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(of: &[(u32, &[&str])]) -> Truth {
        of.iter().map(|(pid, paths)| (*pid, paths.iter().map(PathBuf::from).collect())).collect()
    }

    #[test]
    fn the_same_file_in_another_process_is_missed_and_wrong() {
        let score = Score::new(&sets(&[(1, &["/a", "/b"])]), &sets(&[(1, &["/a"]), (2, &["/b"])]));
        assert_eq!(score.missed, [(1, PathBuf::from("/b"))]);
        assert_eq!(score.wrong, [(2, PathBuf::from("/b"))]);
        assert_eq!(score.to_string(), "recall 0.5000 (1/2) precision 0.5000 (1/2) in 1 processes");
    }

    #[test]
    fn one_missing_of_many_is_not_rounded_up_to_all() {
        let all: Vec<String> = (0..30_000).map(|number| format!("/{number}")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let score = Score::new(&sets(&[(1, &all)]), &sets(&[(1, &all[1..])]));
        assert!(score.to_string().starts_with("recall 0.9999 (29999/30000) precision 1.0000"));
    }
}
