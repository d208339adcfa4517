//! Two reports of one program side by side: what is loaded late no more, what still, and what that changed.

use std::collections::{HashMap, HashSet};

use alive_store::model::{Load, MemoryFigures, Missing};

use crate::cost::Cost;
use crate::findings::{ProgramReport, Report};
use crate::memory;
use crate::role::Role;

/// A figure before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pair<T> {
    /// In the first report.
    pub before: T,
    /// In the second one.
    pub after: T,
}

/// Two reports, compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// Programs of both, the one whose late loads changed most first.
    pub programs: Vec<ProgramDiff>,
    /// Labels of programs that forked in the first report alone.
    pub only_before: Vec<Vec<u8>>,
    /// Labels of programs that forked in the second report alone.
    pub only_after: Vec<Vec<u8>>,
    /// Whether anything is known to be lost: then the numbers are a floor.
    pub is_floor: Pair<bool>,
}

/// A program in both reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramDiff {
    /// Its labels; another one in each report only where each knows one program alone.
    pub label: Pair<Vec<u8>>,
    /// Roles of either report, as they are forked.
    pub roles: Vec<RoleDiff>,
}

/// A role in both reports, or in one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleDiff {
    /// Its figures; `None` where the report has no such role.
    pub side: Pair<Option<Side>>,
    /// Files that were loaded late before and are no more.
    pub gone: Vec<LateFile>,
    /// Files that are loaded late now and were not before.
    pub new: Vec<LateFile>,
    /// Files that are loaded late as before.
    pub still: Vec<LateFile>,
    /// Names that were searched for in vain before and are no more.
    pub searches_gone: Vec<Vec<u8>>,
    /// Names that are searched for in vain now and were not before.
    pub searches_new: Vec<Vec<u8>>,
    /// Names that are searched for in vain as before.
    pub searches_still: Vec<Vec<u8>>,
}

/// A role in one report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Its name in the report.
    pub id: String,
    /// Where it is forked, ready for a terminal.
    pub forked_at: Option<String>,
    /// Whether it is the main process.
    pub is_root: bool,
    /// Processes forked into it.
    pub processes: u64,
    /// What it loads late, over all its files.
    pub cost: Cost,
    /// What one of its processes holds on average, where that was looked at.
    pub memory: Option<MemoryFigures>,
    /// Microseconds that a fork into it takes on average, where that was measured.
    pub fork_micros: Option<u64>,
    /// Resident size of its forker in KiB, where that was measured.
    pub forker_resident_kib: Option<u64>,
}

/// A file that is loaded late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateFile {
    /// Its path.
    pub path: Vec<u8>,
    /// Processes that loaded it, in the report that is named last.
    pub processes: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Diff {
    /// Compares two reports.
    #[must_use]
    pub fn new(before: &Report, after: &Report) -> Self {
        let forked = |report: &'_ Report| -> Vec<usize> {
            let programs = report.programs.iter().enumerate();
            programs.filter(|(_, program)| has_forked(program)).map(|(index, _)| index).collect()
        };
        let (mut first, mut second) = (forked(before), forked(after));
        let mut programs = Vec::new();
        first.retain(|&index| {
            let old = &before.programs[index];
            let same = second.iter().position(|&index| after.programs[index].label == old.label);
            if let Some(same) = same {
                programs.push(ProgramDiff::new(old, &after.programs[second.remove(same)]));
            }
            same.is_none()
        });
        // One program each, called another name: somebody compares two ways to start it.
        if let ([old], [new], []) = (first.as_slice(), second.as_slice(), programs.as_slice()) {
            programs.push(ProgramDiff::new(&before.programs[*old], &after.programs[*new]));
            first.clear();
            second.clear();
        }
        programs.sort_by_key(|program| std::cmp::Reverse(program.gone() + program.new_loads()));
        let labels = |report: &Report, indices: Vec<usize>| {
            indices.into_iter().map(|index| report.programs[index].label.clone()).collect()
        };
        Self {
            programs,
            only_before: labels(before, first),
            only_after: labels(after, second),
            is_floor: Pair { before: before.is_floor(), after: after.is_floor() },
        }
    }
}

fn has_forked(program: &ProgramReport) -> bool {
    !program.findings.is_empty() || program.roles.iter().any(|role| role.parent.is_some())
}

impl ProgramDiff {
    fn new(before: &ProgramReport, after: &ProgramReport) -> Self {
        let matches = matches(&before.roles, &after.roles);
        let matched: HashSet<usize> = matches.values().copied().collect();
        let mut roles: Vec<RoleDiff> = (0..after.roles.len())
            .map(|role| RoleDiff::new(before, matches.get(&role).copied(), after, Some(role)))
            .collect();
        let lost = (0..before.roles.len()).filter(|role| !matched.contains(role));
        roles.extend(lost.map(|role| RoleDiff::new(before, Some(role), after, None)));
        Self { label: Pair { before: before.label.clone(), after: after.label.clone() }, roles }
    }

    /// Late loads that are gone, one for each role and file.
    #[must_use]
    pub fn gone(&self) -> usize {
        self.roles.iter().map(|role| role.gone.len()).sum()
    }

    /// Late loads that are new.
    #[must_use]
    pub fn new_loads(&self) -> usize {
        self.roles.iter().map(|role| role.new.len()).sum()
    }

    /// Late loads that are as before.
    #[must_use]
    pub fn still(&self) -> usize {
        self.roles.iter().map(|role| role.still.len()).sum()
    }

    /// The role that is told of first: of those whose memory is known in both reports the one that loaded most
    /// files late before.
    #[must_use]
    pub fn main_role(&self) -> Option<(&Side, &Side)> {
        let sides = |role: &'_ RoleDiff| -> Option<(usize, usize)> {
            let (before, after) = (role.side.before.as_ref()?, role.side.after.as_ref()?);
            (!before.is_root && before.memory.is_some() && after.memory.is_some())
                .then_some((role.gone.len() + role.still.len(), role.new.len()))
        };
        // Of equal ones the first, which is nearest to the root.
        let best = self
            .roles
            .iter()
            .rev()
            .filter_map(|role| Some((sides(role)?, role)))
            .max_by_key(|(rank, _)| *rank);
        best.and_then(|(_, role)| role.side.before.as_ref().zip(role.side.after.as_ref()))
    }
}

impl RoleDiff {
    fn new(old: &ProgramReport, before: Option<usize>, new: &ProgramReport, after: Option<usize>) -> Self {
        let (old_loads, new_loads) = (late(old, before), late(new, after));
        let in_new: HashSet<&[u8]> = new_loads.iter().map(|(load, _)| load.path.as_slice()).collect();
        let in_old: HashSet<&[u8]> = old_loads.iter().map(|(load, _)| load.path.as_slice()).collect();
        let files = |loads: &[(&Load, Cost)], other: &HashSet<&[u8]>, shared: bool| {
            let chosen = loads.iter().filter(|(load, _)| other.contains(load.path.as_slice()) == shared);
            chosen.map(|(load, _)| LateFile::of(load)).collect()
        };
        let (old_names, new_names) = (searches(old, before), searches(new, after));
        let names = |from: &[&[u8]], other: &[&[u8]], shared: bool| {
            let chosen = from.iter().filter(|name| other.contains(*name) == shared);
            chosen.map(|name| name.to_vec()).collect()
        };
        Self {
            side: Pair { before: side(old, before, &old_loads), after: side(new, after, &new_loads) },
            gone: files(&old_loads, &in_new, false),
            new: files(&new_loads, &in_old, false),
            still: files(&new_loads, &in_old, true),
            searches_gone: names(&old_names, &new_names, false),
            searches_new: names(&new_names, &old_names, false),
            searches_still: names(&new_names, &old_names, true),
        }
    }
}

impl LateFile {
    fn of(load: &Load) -> Self {
        Self { path: load.path.clone(), processes: load.processes, bytes: load.bytes }
    }
}

/// A role's late loads, one for each path: a library may also have been opened as a file.
fn late(program: &ProgramReport, role: Option<usize>) -> Vec<(&Load, Cost)> {
    let mut seen = HashSet::new();
    let of_role = program.late_with_cost().filter(|(load, _)| Some(load.role) == role);
    of_role.filter(|(load, _)| seen.insert(load.path.as_slice())).collect()
}

fn searches(program: &ProgramReport, role: Option<usize>) -> Vec<&[u8]> {
    let of_role = |missing: &&Missing| {
        Some(missing.role) == role
            && program.roles.get(missing.role).is_some_and(|role| role.parent.is_some())
    };
    program.missing.iter().filter(of_role).map(|missing| missing.name.as_slice()).collect()
}

fn side(program: &ProgramReport, role: Option<usize>, loads: &[(&Load, Cost)]) -> Option<Side> {
    let role = program.roles.get(role?)?;
    let known = |figure: u64| (figure > 0).then_some(figure);
    Some(Side {
        id: role.id.clone(),
        forked_at: role.forked_at(),
        is_root: role.parent.is_none(),
        processes: role.processes,
        cost: loads.iter().fold(Cost::default(), |sum, (_, cost)| sum.plus(*cost)),
        memory: memory::mean(&role.memory),
        fork_micros: known(role.fork_nanos).map(|nanos| nanos / role.processes.max(1) / 1_000),
        forker_resident_kib: known(role.forker_resident_kib.into()),
    })
}

/// For each role of `after` the same role of `before`: forked by the same role at the same line or place, else
/// in the same function, else called the same.
fn matches(before: &[Role], after: &[Role]) -> HashMap<usize, usize> {
    let mut found: HashMap<usize, usize> = HashMap::new();
    let mut taken = HashSet::new();
    let ways: [fn(&Role, &Role) -> bool; 3] = [is_same_place, is_same_function, |old, new| old.id == new.id];
    for way in ways {
        for (index, new) in after.iter().enumerate() {
            if found.contains_key(&index) {
                continue;
            }
            let parent = new.parent.map(|parent| found.get(&parent).copied());
            let same = before.iter().enumerate().position(|(at, old)| {
                !taken.contains(&at)
                    && match (old.parent, parent) {
                        (None, None) => true,
                        (Some(old_parent), Some(parent)) => Some(old_parent) == parent && way(old, new),
                        _ => false,
                    }
            });
            if let Some(same) = same {
                found.insert(index, same);
                taken.insert(same);
            }
        }
    }
    found
}

fn is_same_place(old: &Role, new: &Role) -> bool {
    match (&old.fork_line, &new.fork_line) {
        (Some(old), Some(new)) => old == new,
        (None, None) => match (&old.fork_site, &new.fork_site) {
            (Some(old), Some(new)) => (&old.module, old.offset) == (&new.module, new.offset),
            _ => false,
        },
        _ => false,
    }
}

fn is_same_function(old: &Role, new: &Role) -> bool {
    match (&old.fork_line, &new.fork_line) {
        (Some(old), Some(new)) => (&old.file, &old.function) == (&new.file, &new.function),
        _ => false,
    }
}
