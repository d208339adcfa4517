//! Runs of both kinds, judged: the same, different by chance, or truly different.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::outcome::{Outcome, Outcomes};

/// Everything that one part of a suite said, in the runs of both kinds.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) without: Vec<Outcomes>,
    pub(crate) with: Vec<Outcomes>,
}

/// What the runs say of one test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Every run said the same.
    Same,
    /// The runs without the shim do not agree among themselves, and those with it say nothing of
    /// their own: the test is flaky, and no witness.
    Flaky,
    /// With the shim it does what it does not without.
    Differs,
}

/// One test whose runs do not all agree.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) test: String,
    pub(crate) verdict: Verdict,
    pub(crate) without: Tally,
    pub(crate) with: Tally,
}

/// How many runs ended in which way.
#[derive(Debug)]
pub(crate) struct Tally(BTreeMap<Outcome, usize>);

impl History {
    /// Names of all tests that any run had.
    pub(crate) fn tests(&self) -> BTreeSet<&str> {
        self.without.iter().chain(&self.with).flat_map(|run| run.keys()).map(String::as_str).collect()
    }

    /// How many tests are `ok` in every run.
    pub(crate) fn ok(&self) -> usize {
        let is_ok = |run: &Outcomes, test: &str| run.get(test).is_some_and(|outcome| outcome.result == "ok");
        let runs = || self.without.iter().chain(&self.with);
        self.tests().into_iter().filter(|test| runs().all(|run| is_ok(run, test))).count()
    }

    /// Tests whose runs do not all agree, by name.
    pub(crate) fn differences(&self) -> Vec<Difference> {
        self.tests()
            .into_iter()
            .filter_map(|test| {
                let (without, with) = (tally(&self.without, test), tally(&self.with, test));
                let verdict = judge(&without, &with);
                (verdict != Verdict::Same).then(|| Difference {
                    test: test.to_owned(),
                    verdict,
                    without,
                    with,
                })
            })
            .collect()
    }

    /// Whether another pair could not change the verdicts: all the same, or each difference is one
    /// of chance, or of every single run.
    ///
    /// One pair that differs settles nothing.
    pub(crate) fn is_settled(&self) -> bool {
        let differences = self.differences();
        let repeated = self.with.len() > 1;
        differences.iter().all(|difference| {
            repeated && (difference.verdict == Verdict::Flaky || !difference.without.shares(&difference.with))
        })
    }
}

impl Tally {
    fn shares(&self, other: &Self) -> bool {
        self.0.keys().any(|outcome| other.0.contains_key(outcome))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (outcome, times)) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{times}x {outcome}")?;
        }
        Ok(())
    }
}

fn tally(runs: &[Outcomes], test: &str) -> Tally {
    let mut tally = BTreeMap::new();
    for run in runs {
        let outcome = run.get(test).cloned().unwrap_or_else(Outcome::absent);
        *tally.entry(outcome).or_insert(0) += 1;
    }
    Tally(tally)
}

fn judge(without: &Tally, with: &Tally) -> Verdict {
    if without.0.len() == 1 && without.0.keys().eq(with.0.keys()) {
        Verdict::Same
    } else if without.0.len() > 1 && without.shares(with) {
        Verdict::Flaky
    } else {
        Verdict::Differs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs of one test, a letter each: `o` is ok, `F` fails, `f` fails in other words, `-` is absent.
    fn runs(letters: &str) -> Vec<Outcomes> {
        let outcome = |letter| match letter {
            'o' => Some(Outcome::ok()),
            'F' => Some(Outcome::new("FAIL", "1 != 0")),
            'f' => Some(Outcome::new("FAIL", "timed out")),
            _ => None,
        };
        letters
            .chars()
            .map(|letter| outcome(letter).map(|outcome| ("t".to_owned(), outcome)).into_iter().collect())
            .collect()
    }

    fn history(without: &str, with: &str) -> History {
        History { without: runs(without), with: runs(with) }
    }

    fn verdict(without: &str, with: &str) -> Verdict {
        let history = history(without, with);
        history.differences().first().map_or(Verdict::Same, |difference| difference.verdict)
    }

    #[test]
    fn a_failure_of_both_kinds_is_the_same() {
        assert_eq!(verdict("o", "o"), Verdict::Same);
        assert_eq!(verdict("FFF", "FFF"), Verdict::Same);
    }

    #[test]
    fn what_only_the_shim_brings_differs() {
        for (without, with) in [("o", "F"), ("oooo", "Fooo"), ("F", "f"), ("o", "-"), ("-", "o"), ("F", "o")]
        {
            assert_eq!(verdict(without, with), Verdict::Differs, "{without} {with}");
        }
    }

    #[test]
    fn what_varies_without_the_shim_is_flaky() {
        assert_eq!(verdict("oF", "oo"), Verdict::Flaky);
        assert_eq!(verdict("oF", "FF"), Verdict::Flaky);
    }

    #[test]
    fn a_flaky_test_that_never_does_what_it_did_without_differs() {
        assert_eq!(verdict("oF", "ff"), Verdict::Differs);
    }

    #[test]
    fn runs_go_on_until_chance_and_cause_are_told_apart() {
        for (without, with, settled) in [
            ("o", "o", true),
            ("o", "F", false),
            ("oooo", "FFFF", true),
            ("oooo", "Fooo", false),
            ("oFoo", "Fooo", true),
        ] {
            assert_eq!(history(without, with).is_settled(), settled, "{without} {with}");
        }
    }

    #[test]
    fn only_what_is_ok_throughout_is_counted_as_such() {
        for (without, with, ok) in [("oo", "oo", 1), ("o", "F", 0), ("o", "-", 0), ("F", "F", 0)] {
            assert_eq!(history(without, with).ok(), ok, "{without} {with}");
        }
    }

    #[test]
    fn the_tally_tells_what_both_said() {
        let differences = history("oooo", "FFFo").differences();
        let [difference] = differences.as_slice() else { panic!("{differences:?}") };
        assert_eq!(difference.without.to_string(), "4x ok");
        assert_eq!(difference.with.to_string(), "3x FAIL (1 != 0), 1x ok");
    }
}
