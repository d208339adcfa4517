//! From a snapshot to findings: what to do about each late load, best first.

use std::cmp::Reverse;
use std::collections::HashMap;

use alive_store::model::{Interpreter, LineCount, Load, Loss, Missing, Program, Snapshot};

use crate::caller::{self, Caller};
use crate::cost::Cost;
use crate::forest::{self, Node};
use crate::role::{self, Role};
use crate::thresholds::Thresholds;

/// What the reader wants to see.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only the program of this label.
    pub program: Option<Vec<u8>>,
    /// Only loads last seen at this time or later, microseconds since 1970. The sums of a load that
    /// is shown are over its whole life. Searches bear no time and are always shown.
    pub since_micros: Option<u64>,
    /// The numbers behind the verdicts.
    pub thresholds: Thresholds,
}

/// What to do about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Verdict {
    /// Most siblings load it, or loading it is slow: load it before the fork.
    Preload,
    /// Few processes load it: preloading would burden all for the sake of one.
    LeaveLazy,
    /// Searched for and never found, or found and failed to load: adds no code, costs searches.
    Optional,
    /// Loaded by the main process while it went into the background: that is start-up, the way it should be.
    AlreadyShared,
}

impl Verdict {
    /// Every verdict, in the order of the report.
    pub const ALL: [Self; 4] = [Self::Preload, Self::LeaveLazy, Self::Optional, Self::AlreadyShared];

    /// The word in every output.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Preload => "preload",
            Self::LeaveLazy => "leave-lazy",
            Self::Optional => "optional",
            Self::AlreadyShared => "already-shared",
        }
    }
}

/// One cause, with everything that it brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What to do.
    pub verdict: Verdict,
    /// Path of the file, or the name that was searched for.
    pub what: Vec<u8>,
    /// Index of the role that loaded it.
    pub role: usize,
    /// Index of the role that should load it: the deepest above all roles that do.
    pub load_in: Option<usize>,
    /// Processes of the role that loaded or searched it.
    pub workers: u64,
    /// Processes of the role.
    pub of: u64,
    /// What it costs, with all that it brought.
    pub cost: Cost,
    /// Searches that found nothing; 0 for a load.
    pub searches: u64,
    /// Failed probes in them.
    pub probes: u64,
    /// Who asked.
    pub caller: Option<Caller>,
    /// The load and what it brought; `None` for a search or a load that failed.
    pub tree: Option<Node>,
}

/// A program, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramReport {
    /// Its label.
    pub label: Vec<u8>,
    /// Trees seen.
    pub trees: u64,
    /// Roles with their names.
    pub roles: Vec<Role>,
    /// Findings, best first.
    pub findings: Vec<Finding>,
    /// The loads that were selected, largest first; findings name them by index.
    pub loads: Vec<Load>,
    /// Searches that found nothing.
    pub missing: Vec<Missing>,
    /// Events of its trees that were lost by gaps.
    pub sequence_gaps: u64,
    /// Events that its processes counted instead of sending, by reason.
    pub not_sent: Vec<(String, u64)>,
    /// The interpreters in its processes.
    pub interpreters: Vec<Interpreter>,
    /// Its loads on behalf of each language's code, with and without lines; over all times.
    pub lines: Vec<LineCount>,
}

/// Everything that a renderer needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The numbers behind the verdicts.
    pub thresholds: Thresholds,
    /// Where the selection begins, microseconds since 1970.
    pub since_micros: Option<u64>,
    /// Up to when it tells, microseconds since 1970; 0 when not known.
    pub until_micros: u64,
    /// What is known to be lost.
    pub loss: Loss,
    /// Collector runs that ended without a last flush.
    pub unclean_ends: u64,
    /// Programs, the one with most to gain first.
    pub programs: Vec<ProgramReport>,
}

impl Report {
    /// Judges a snapshot.
    #[must_use]
    pub fn new(snapshot: Snapshot, selection: &Selection) -> Self {
        let mut programs: Vec<ProgramReport> = snapshot
            .programs
            .into_iter()
            .filter(|program| selection.program.as_ref().is_none_or(|label| *label == program.label))
            .map(|program| judge(program, selection))
            .collect();
        programs.sort_by(|a, b| {
            (Reverse(a.score()), Reverse(a.late().count()), &a.label).cmp(&(
                Reverse(b.score()),
                Reverse(b.late().count()),
                &b.label,
            ))
        });
        Self {
            thresholds: selection.thresholds,
            since_micros: selection.since_micros,
            until_micros: snapshot.until_micros,
            loss: snapshot.loss,
            unclean_ends: snapshot.unclean_ends,
            programs,
        }
    }

    /// Late loads of all programs, one for each role and file.
    #[must_use]
    pub fn late_loads(&self) -> usize {
        self.programs.iter().map(|program| program.late().count()).sum()
    }

    /// Whether no program forked, loaded or searched anything: there is nothing to judge.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.programs.iter().all(|program| {
            program.loads.is_empty()
                && program.missing.is_empty()
                && !program.roles.iter().any(|role| role.parent.is_some())
        })
    }

    /// Whether the collector or the traced processes know of events that are not in the numbers.
    #[must_use]
    pub fn is_floor(&self) -> bool {
        self.loss != Loss::default()
            || self.unclean_ends > 0
            || self.programs.iter().any(|program| {
                program.sequence_gaps > 0 || program.not_sent.iter().any(|(_, count)| *count > 0)
            })
    }
}

impl ProgramReport {
    /// Loads that happened after a fork and brought code.
    pub fn late(&self) -> impl Iterator<Item = &Load> {
        self.loads.iter().filter(|load| !is_start_up(&self.roles, load.role) && !has_failed(load))
    }

    /// Loads that a forked process told of before it was known to be the main one: they are start-up.
    pub fn start_up(&self) -> impl Iterator<Item = &Load> {
        self.loads.iter().filter(|load| is_start_up(&self.roles, load.role) && !has_failed(load))
    }

    /// What preloading would spare over all findings.
    fn score(&self) -> u64 {
        self.findings.iter().fold(0, |sum, finding| sum.saturating_add(finding.cost.score))
    }
}

/// Whether a role is the main process's. Before it forks that process tells nothing; what is stored of it
/// was told by a forked process that turned out to be its heir.
fn is_start_up(roles: &[Role], role: usize) -> bool {
    roles.get(role).is_some_and(|role| role.parent.is_none())
}

fn has_failed(load: &Load) -> bool {
    load.outcome == "failed"
}

fn judge(program: Program, selection: &Selection) -> ProgramReport {
    let roles = role::name_roles(&program.roles);
    let mut loads = program.loads;
    loads.retain(|load| selection.since_micros.is_none_or(|since| load.last_seen_micros >= since));
    loads.sort_by(|a, b| (Reverse(a.bytes), &a.path, a.role).cmp(&(Reverse(b.bytes), &b.path, b.role)));
    let mut missing = program.missing;
    missing.sort_by(|a, b| (Reverse(a.probes), &a.name, a.role).cmp(&(Reverse(b.probes), &b.name, b.role)));

    let mut findings = load_findings(&loads, &roles, selection.thresholds);
    let late = missing.iter().filter(|search| !is_start_up(&roles, search.role));
    findings.extend(late.map(|search| missing_finding(search, &roles)));
    findings.sort_by(|a, b| {
        let rank = |finding: &Finding| {
            (
                finding.verdict,
                Reverse(finding.cost.score),
                Reverse(finding.cost.bytes),
                Reverse(finding.searches),
            )
        };
        rank(a).cmp(&rank(b)).then_with(|| (&a.what, a.role).cmp(&(&b.what, b.role)))
    });
    ProgramReport {
        label: program.label,
        trees: program.trees,
        roles,
        findings,
        loads,
        missing,
        sequence_gaps: program.sequence_gaps,
        not_sent: program.not_sent,
        interpreters: program.interpreters,
        lines: program.lines,
    }
}

fn load_findings(loads: &[Load], roles: &[Role], thresholds: Thresholds) -> Vec<Finding> {
    let mut members: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut loaders: HashMap<&[u8], Vec<usize>> = HashMap::new();
    let mut findings = Vec::new();
    for (index, load) in loads.iter().enumerate() {
        match (has_failed(load), is_start_up(roles, load.role)) {
            (true, true) => {}
            (true, false) => {
                let alone = Node { load: index, children: Vec::new() };
                findings.push(load_finding(loads, load, alone, roles, Verdict::Optional));
            }
            (false, start_up) => {
                members.entry(load.role).or_default().push(index);
                if !start_up {
                    loaders.entry(&load.path).or_default().push(load.role);
                }
            }
        }
    }
    for (_, members) in members {
        for tree in forest::grow(loads, &members) {
            let Some(load) = loads.get(tree.load) else { continue };
            let mean_micros = load.nanos / load.processes.max(1) / 1000;
            let verdict = if is_start_up(roles, load.role) {
                Verdict::AlreadyShared
            } else if thresholds.is_common(load.processes, siblings(roles, load.role, load.processes))
                || thresholds.is_slow(mean_micros)
            {
                Verdict::Preload
            } else {
                Verdict::LeaveLazy
            };
            findings.push(load_finding(loads, load, tree, roles, verdict));
        }
    }
    for finding in &mut findings {
        let among = loaders.get(finding.what.as_slice()).map_or(&[][..], Vec::as_slice);
        finding.load_in = match finding.verdict {
            Verdict::Preload | Verdict::LeaveLazy => role::load_in(roles, among),
            Verdict::Optional | Verdict::AlreadyShared => None,
        };
    }
    findings
}

fn load_finding(loads: &[Load], load: &Load, tree: Node, roles: &[Role], verdict: Verdict) -> Finding {
    let failed = verdict == Verdict::Optional;
    let brought = tree.loads();
    let cost = brought
        .into_iter()
        .filter(|_| !failed)
        .filter_map(|index| loads.get(index))
        .fold(Cost::default(), |sum, load| sum.plus(Cost::of(load)));
    Finding {
        verdict,
        what: if load.path.is_empty() { load.name.clone() } else { load.path.clone() },
        role: load.role,
        load_in: None,
        workers: load.processes,
        of: siblings(roles, load.role, load.processes),
        cost,
        searches: if failed { load.events } else { 0 },
        probes: 0,
        caller: caller::of_stacks(&load.stacks),
        tree: (!failed).then_some(tree),
    }
}

fn missing_finding(search: &Missing, roles: &[Role]) -> Finding {
    Finding {
        verdict: Verdict::Optional,
        what: search.name.clone(),
        role: search.role,
        load_in: None,
        workers: search.processes,
        of: siblings(roles, search.role, search.processes),
        cost: Cost::default(),
        searches: search.searches,
        probes: search.probes,
        caller: caller::of_stacks(&search.stacks),
        tree: None,
    }
}

/// Processes of a role. A fork that nobody reported yet leaves the count behind, but never below
/// the processes that spoke.
fn siblings(roles: &[Role], role: usize, spoke: u64) -> u64 {
    roles.get(role).map_or(spoke, |role| role.processes.max(spoke))
}
