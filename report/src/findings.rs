//! From a snapshot to findings: what to do about each late load, best first.

use std::cmp::Reverse;
use std::collections::HashMap;

use alive_store::model::{Executed, Interpreter, LineCount, Load, Loss, Missing, Program, Snapshot};

use crate::caller::{self, Caller};
use crate::cost::{Cost, Costs};
use crate::execs;
use crate::forest::{self, Node};
use crate::role::{self, Role};
use crate::taps::{Asked, Taps};
use crate::thresholds::Thresholds;
use crate::verdict::Judge;
pub use crate::verdict::Verdict;

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
    /// Index of the role before whose fork that one should load it; `None` where it forks several that need it.
    pub load_before: Option<usize>,
    /// Processes of the role that loaded or searched it.
    pub workers: u64,
    /// Processes of the role, over all times: those that took another one's place are among them.
    pub of: u64,
    /// Of `workers`, those that were forked after a sibling had loaded it already: they took the place of one
    /// that ended, or joined those that were there.
    pub respawned: u64,
    /// Processes that descend from the one that loaded it and did not load it again; 0 unless the verdict is that
    /// it is shared.
    pub shared_by: u64,
    /// Indices of the roles above that did the same load too late to share it, and are to do it no earlier than
    /// this one: it is one thing to do.
    pub also_in: Vec<usize>,
    /// Whether this is such a load of a role above another one that has it in [`Self::also_in`].
    pub is_repeated_below: bool,
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
    /// What they cost.
    pub costs: Costs,
    /// Searches that found nothing.
    pub missing: Vec<Missing>,
    /// Programs that its processes executed, the dearest first.
    pub executed: Vec<Executed>,
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
    /// What was last seen before this time was dropped from the database, microseconds since 1970.
    pub dropped_before_micros: Option<u64>,
    /// Programs, the one with most to gain first.
    pub programs: Vec<ProgramReport>,
    /// Taps that were hit.
    pub taps: Taps,
}

impl Report {
    /// Judges a snapshot.
    #[must_use]
    pub fn new(mut snapshot: Snapshot, selection: &Selection) -> Self {
        let taps = taps(&mut snapshot, selection);
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
            dropped_before_micros: snapshot.dropped_before_micros,
            programs,
            taps,
        }
    }

    /// Late loads of all programs, one for each role and file.
    #[must_use]
    pub fn late_loads(&self) -> usize {
        self.programs.iter().map(|program| program.late().count()).sum()
    }

    /// Whether no program forked, loaded or searched anything: there is nothing to judge, though there may be taps.
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

/// The taps of a snapshot, taken out of it. They are silent up to when it tells.
fn taps(snapshot: &mut Snapshot, selection: &Selection) -> Taps {
    let of_taps = Snapshot {
        pings: std::mem::take(&mut snapshot.pings),
        epochs: std::mem::take(&mut snapshot.epochs),
        loss: snapshot.loss,
        unclean_ends: snapshot.unclean_ends,
        odd_clocks: snapshot.odd_clocks,
        ..Snapshot::default()
    };
    let asked = Asked {
        expected: None,
        service: selection.program.clone(),
        since_micros: selection.since_micros.unwrap_or(0),
        now_micros: snapshot.until_micros,
    };
    Taps::new(of_taps, &asked)
}

impl ProgramReport {
    /// Loads that happened after a fork and brought code.
    pub fn late(&self) -> impl Iterator<Item = &Load> {
        self.late_with_cost().map(|(load, _)| load)
    }

    /// The same, each with what it costs by itself.
    pub fn late_with_cost(&self) -> impl Iterator<Item = (&Load, Cost)> {
        let late = |load: &Load| !is_start_up(&self.roles, load.role) && !has_failed(load);
        let late = self.loads.iter().enumerate().filter(move |(_, load)| late(load));
        late.map(|(index, load)| (load, self.costs.own(index)))
    }

    /// Loads that a forked process told of before it was known to be the main one: they are start-up.
    pub fn start_up(&self) -> impl Iterator<Item = &Load> {
        self.loads.iter().filter(|load| is_start_up(&self.roles, load.role) && !has_failed(load))
    }

    /// The name of a role, where there is one.
    pub(crate) fn role_id(&self, role: Option<usize>) -> Option<&str> {
        self.roles.get(role?).map(|role| role.id.as_str())
    }

    /// What preloading would spare over all findings.
    fn score(&self) -> u64 {
        self.findings.iter().fold(0, |sum, finding| sum.saturating_add(finding.cost.score))
    }
}

/// Whether a role is the main process's. Before it forks that process tells nothing; what is stored of it
/// was told by a forked process that turned out to be its heir.
pub(crate) fn is_start_up(roles: &[Role], role: usize) -> bool {
    roles.get(role).is_some_and(|role| role.parent.is_none())
}

pub(crate) fn has_failed(load: &Load) -> bool {
    load.outcome == "failed"
}

fn judge(program: Program, selection: &Selection) -> ProgramReport {
    let roles = role::name_roles(&program.roles);
    let mut loads = program.loads;
    loads.retain(|load| selection.since_micros.is_none_or(|since| load.last_seen_micros >= since));
    loads.sort_by(|a, b| (Reverse(a.bytes), &a.path, a.role).cmp(&(Reverse(b.bytes), &b.path, b.role)));
    let mut executed = program.executed;
    executed.retain(|run| selection.since_micros.is_none_or(|since| run.last_seen_micros >= since));
    execs::sort(&mut executed);
    let mut missing = program.missing;
    missing.sort_by(|a, b| (Reverse(a.probes), &a.name, a.role).cmp(&(Reverse(b.probes), &b.name, b.role)));

    let costs = Costs::new(&loads);
    let mut findings = load_findings(&loads, &roles, &costs, selection.thresholds);
    let late = missing.iter().filter(|search| !is_start_up(&roles, search.role));
    findings.extend(late.map(|search| missing_finding(search, &roles)));
    join_repeated(&mut findings, &roles);
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
        costs,
        missing,
        executed,
        sequence_gaps: program.sequence_gaps,
        not_sent: program.not_sent,
        interpreters: program.interpreters,
        lines: program.lines,
    }
}

/// Finds the loads that a process did and, below it, those that it had forked too early did again.
fn join_repeated(findings: &mut [Finding], roles: &[Role]) {
    let places: HashMap<(usize, &[u8]), usize> = (0..)
        .zip(&*findings)
        .filter(|(_, finding)| finding.load_in.is_some())
        .map(|(index, finding)| ((finding.role, finding.what.as_slice()), index))
        .collect();
    let mut pairs = Vec::new();
    for (below, finding) in findings.iter().enumerate().filter(|(_, finding)| finding.load_in.is_some()) {
        for role in role::ancestry(roles, finding.role).into_iter().skip(1) {
            let Some(&above) = places.get(&(role, finding.what.as_slice())) else { continue };
            let is_same =
                |other: &Finding| (other.verdict, other.load_in) == (finding.verdict, finding.load_in);
            if findings.get(above).is_some_and(is_same) {
                pairs.push((above, below, role));
            }
        }
    }
    for (above, below, role) in pairs {
        if let Some(finding) = findings.get_mut(below) {
            finding.also_in.push(role);
        }
        if let Some(finding) = findings.get_mut(above) {
            finding.is_repeated_below = true;
        }
    }
}

fn load_findings(loads: &[Load], roles: &[Role], costs: &Costs, thresholds: Thresholds) -> Vec<Finding> {
    let judge = Judge::new(loads, roles, thresholds);
    // What is shared and what is late are trees of their own, so that no sum mixes the two.
    let mut members: HashMap<(usize, bool), Vec<usize>> = HashMap::new();
    let mut findings = Vec::new();
    for (index, load) in loads.iter().enumerate() {
        match judge.verdict(load) {
            Verdict::Optional if is_start_up(roles, load.role) => {}
            Verdict::Optional => {
                let alone = Node { load: index, children: Vec::new() };
                findings.push(load_finding(load, alone, roles, costs, &judge));
            }
            verdict => {
                let is_shared = verdict == Verdict::AlreadyShared;
                members.entry((load.role, is_shared)).or_default().push(index);
            }
        }
    }
    for members in members.into_values() {
        for tree in forest::grow(loads, &members) {
            let Some(load) = loads.get(tree.load) else { continue };
            findings.push(load_finding(load, tree, roles, costs, &judge));
        }
    }
    findings
}

fn load_finding(load: &Load, tree: Node, roles: &[Role], costs: &Costs, judge: &Judge<'_>) -> Finding {
    let verdict = judge.verdict(load);
    let failed = verdict == Verdict::Optional;
    let mut cost = if failed { Cost::default() } else { costs.total(&tree) };
    if verdict == Verdict::AlreadyShared {
        cost.score = 0;
    }
    let load_in = judge.load_in(load);
    Finding {
        verdict,
        what: if load.path.is_empty() { load.name.clone() } else { load.path.clone() },
        role: load.role,
        load_in,
        load_before: load_in.and_then(|above| role::load_before(roles, above, &judge.loaders(load))),
        workers: load.processes,
        of: siblings(roles, load.role, load.processes),
        respawned: load.respawned,
        shared_by: if verdict == Verdict::AlreadyShared { judge.shared_by(load) } else { 0 },
        also_in: Vec::new(),
        is_repeated_below: false,
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
        load_before: None,
        workers: search.processes,
        of: siblings(roles, search.role, search.processes),
        respawned: 0,
        shared_by: 0,
        also_in: Vec::new(),
        is_repeated_below: false,
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
