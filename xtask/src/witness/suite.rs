//! What all suites have in common: a name, parts that can be run alone, and a report.

use std::fmt;
use std::path::Path;

use clap::ValueEnum;

use super::archive::Archive;
use super::compare::{Difference, History, Verdict};
use super::outcome::Outcomes;
use super::process::Program;
use super::scene::{ENDING, Heard, Scene};
use super::{cpython, perl, postgres, ruby};
use crate::failure::Failure;

/// A suite that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// The `test` package of Python 3.11
    Cpython,
    /// The tests of perl 5.36 and of the modules that come with it
    Perl,
    /// The regression tests that the database's version 15 comes with
    Postgres,
    /// The tests of ruby 3.1
    Ruby,
}

/// A part of a suite that can be run alone: a module, a file, a schedule.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) program: Program,
    /// Reads what the tests said from the program's output and its working folder.
    pub(crate) read: fn(output: &str, work: &Path) -> Outcomes,
}

/// What came of a suite.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) suite: Suite,
    pub(crate) parts: usize,
    pub(crate) tests: usize,
    /// Tests that are `ok` in every run; the others fail or are skipped in both ways alike, or differ.
    pub(crate) ok: usize,
    /// By part.
    pub(crate) differences: Vec<(String, Difference)>,
    pub(crate) heard: Heard,
    /// Why not all parts were run.
    pub(crate) broke_off: Option<Failure>,
}

impl Suite {
    pub(crate) const ALL: &[Self] = &[Self::Cpython, Self::Perl, Self::Postgres, Self::Ruby];

    /// Fetches what is needed and says what there is to run.
    pub(crate) fn parts(self, archive: &Archive, scene: &Scene) -> Result<Vec<Part>, Failure> {
        match self {
            Self::Cpython => cpython::parts(archive, scene),
            Self::Perl => perl::parts(archive, scene),
            Self::Postgres => postgres::parts(archive, scene),
            Self::Ruby => ruby::parts(archive, scene),
        }
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cpython => "cpython",
            Self::Perl => "perl",
            Self::Postgres => "postgres",
            Self::Ruby => "ruby",
        })
    }
}

impl Report {
    pub(crate) fn new(suite: Suite) -> Self {
        Self {
            suite,
            parts: 0,
            tests: 0,
            ok: 0,
            differences: Vec::new(),
            heard: Heard::default(),
            broke_off: None,
        }
    }

    pub(crate) fn add(&mut self, part: &Part, history: &History) {
        self.parts += 1;
        self.tests += history.tests().into_iter().filter(|test| *test != ENDING).count();
        self.ok += history.ok();
        self.differences
            .extend(history.differences().into_iter().map(|difference| (part.name.clone(), difference)));
    }

    pub(crate) fn count(&self, verdict: Verdict) -> usize {
        self.differences.iter().filter(|(_, difference)| difference.verdict == verdict).count()
    }

    /// What must not be, a line each.
    pub(crate) fn findings(&self) -> Vec<String> {
        let suite = self.suite;
        let differing = self.differences.iter().filter(|(_, found)| found.verdict == Verdict::Differs);
        let unheard = (!self.heard.canaries).then(|| {
            format!("{suite}: the shim did not report from programs of its own, so nothing was compared")
        });
        differing
            .map(|(part, found)| format!("{suite}: {part}: {} differs under the shim", found.test))
            .chain(unheard)
            .chain(
                self.broke_off.as_ref().map(|failure| format!("{suite}: not all parts were run: {failure}")),
            )
            .collect()
    }
}
