//! A report held against a baseline.
//!
//! A file that the baseline lacks fails the check when it is worth preloading by the report's thresholds. What
//! fewer processes load is told, but fails nothing: which of fifty workers gets the one request that needs a
//! file is luck, and a gate that closes by luck is soon left open. How long a load takes is left out for the same
//! reason: it is another time on every machine. A file that is already shared is not late.
//! What the baseline has and nobody loads any more is told and fails nothing either, for a run
//! may not have come by there.

use std::collections::HashMap;

use super::pattern::Pattern;
use super::{Baseline, Entry, Kind, role_key};
use crate::findings::{Finding, ProgramReport, Report, Verdict};
use crate::forest::Node;
use crate::thresholds::Thresholds;
use crate::verdict::Judge;

/// A finding with files that the baseline lacks, or a name that it lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct New<'a> {
    /// The program.
    pub program: &'a ProgramReport,
    /// The finding.
    pub finding: &'a Finding,
    /// The first such file or the name; the file that brought the others, where that one is new itself.
    pub what: &'a [u8],
    /// Such files in the finding; 1 for a name.
    pub files: usize,
}

/// How a report differs from a baseline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison<'a> {
    /// What fails the check, best finding first.
    pub new: Vec<New<'a>>,
    /// Files that the baseline lacks but too few processes load.
    pub rare: usize,
    /// Files and names that the baseline has and that were seen.
    pub known: usize,
    /// Entries for the programs of the report that nothing was seen of.
    pub gone: Vec<&'a Entry>,
    /// The baseline with what is new and rare and without what is gone.
    pub updated: Baseline,
}

/// Holds a report against a baseline. Names that were searched for in vain are judged `with_missing` only;
/// without it entries for them stay as they are.
#[must_use]
pub fn compare<'a>(report: &'a Report, baseline: &'a Baseline, with_missing: bool) -> Comparison<'a> {
    let mut entries = Entries::new(baseline);
    let mut out =
        Comparison { new: Vec::new(), rare: 0, known: 0, gone: Vec::new(), updated: Baseline::default() };
    let mut accepted = Vec::new();
    for program in &report.programs {
        let thresholds = Thresholds { slow_micros: u64::MAX, ..report.thresholds };
        let judge = Judge::new(&program.loads, &program.roles, thresholds);
        for finding in &program.findings {
            let role = role_key(&program.roles, finding.role);
            let mut lacks = |kind: Kind, what: &[u8]| {
                // What has no name cannot be listed.
                if what.is_empty() {
                    return false;
                }
                let known = entries.find(&program.label, &role, kind, what);
                if known {
                    out.known += 1;
                } else {
                    accepted.push(Entry {
                        program: Pattern::of_label(&program.label),
                        role: Pattern::exact(&role),
                        kind,
                        what: Pattern::portable(what),
                        comments: Vec::new(),
                    });
                }
                !known
            };
            let mut new: Vec<&[u8]> = Vec::new();
            let mut rare = 0;
            match finding.verdict {
                Verdict::AlreadyShared => {}
                Verdict::Optional => {
                    if with_missing && lacks(Kind::Missing, &finding.what) {
                        new.push(&finding.what);
                    }
                }
                Verdict::Preload | Verdict::LeaveLazy => {
                    let loads = finding.tree.iter().flat_map(Node::loads);
                    for load in loads.filter_map(|index| program.loads.get(index)) {
                        let is_worth_it = judge.verdict(load) == Verdict::Preload;
                        match lacks(Kind::Late, &load.path) {
                            true if is_worth_it => new.push(&load.path),
                            true => rare += 1,
                            false => {}
                        }
                    }
                }
            }
            out.rare += rare;
            if let Some(&what) = new.first() {
                out.new.push(New { program, finding, what, files: new.len() });
            }
        }
    }
    let judged = |entry: &Entry| {
        (with_missing || entry.kind == Kind::Late)
            && report.programs.iter().any(|program| entry.program.matches(&program.label))
    };
    out.updated.heading.clone_from(&baseline.heading);
    out.updated.ending.clone_from(&baseline.ending);
    for (entry, used) in baseline.entries.iter().zip(entries.used) {
        if used || !judged(entry) {
            out.updated.entries.push(entry.clone());
        } else {
            out.gone.push(entry);
        }
    }
    out.updated.entries.extend(accepted);
    out
}

/// The entries of a baseline, and which of them were met.
struct Entries<'a> {
    all: &'a [Entry],
    /// Entries by what they are about: those that this program writes are found here.
    by_what: HashMap<&'a Pattern, Vec<usize>>,
    used: Vec<bool>,
}

impl<'a> Entries<'a> {
    fn new(baseline: &'a Baseline) -> Self {
        let mut by_what: HashMap<&Pattern, Vec<usize>> = HashMap::new();
        for (index, entry) in baseline.entries.iter().enumerate() {
            by_what.entry(&entry.what).or_default().push(index);
        }
        Self { all: &baseline.entries, by_what, used: vec![false; baseline.entries.len()] }
    }

    /// Whether an entry accepts this.
    fn find(&mut self, program: &[u8], role: &[u8], kind: Kind, what: &[u8]) -> bool {
        let accepts = |&index: &usize| {
            self.all.get(index).is_some_and(|entry| {
                entry.kind == kind
                    && entry.what.matches(what)
                    && entry.program.matches(program)
                    && entry.role.matches(role)
            })
        };
        let usual = self.by_what.get(&Pattern::portable(what));
        let found = usual.and_then(|indices| indices.iter().copied().find(accepts));
        let found = found.or_else(|| (0..self.all.len()).find(accepts));
        if let Some(used) = found.and_then(|index| self.used.get_mut(index)) {
            *used = true;
        }
        found.is_some()
    }
}
