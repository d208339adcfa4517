//! Many trees into few programs: what the runs of one program told is added up.
//!
//! Trees are one program when their labels are equal, roles are one role when their parents are and
//! their fork sites lie at the same offset of the same module and in the same line.
//!
//! No sum depends on the order of its rows, nor on whether some of them were added up before: counts are added,
//! of words the first one in the order of bytes stands, of stacks and looks at memory the oldest and the
//! latest ones. That is why `settle` may fold trees into one and no report tells the difference.

mod forks;
mod loads;

use std::collections::HashMap;

use hashbrown::HashMap as FastMap;
use rusqlite::Result;

pub(crate) use forks::ForkRow;
pub(crate) use loads::{LoadRow, Loads, MissingRow, Roles, SampleRow};

use crate::memory::{LookRow, Looks};
use crate::model::{Executed, Interpreter, LanguageFrame, LineCount, NUMBERED, Program, Role, Site};
use crate::samples::Samples;
use forks::Forks;
use loads::{Sampled, Sum};

/// Takes rows, trees first, then roles with parents before children, then the rest.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    programs: Vec<Merged>,
    by_label: HashMap<Vec<u8>, usize>,
    /// Program of each tree, and whether it is a kept one.
    trees: HashMap<i64, (usize, bool)>,
    roles: Roles,
    /// Sum that each row of a missing name went into: program, index.
    missing_rows: FastMap<i64, (usize, usize)>,
}

/// A program and where its parts stand in it.
#[derive(Debug)]
struct Merged {
    program: Program,
    roles: HashMap<(usize, Vec<u8>, u64, Option<LanguageFrame>), usize>,
    forks: Vec<Forks>,
    looks: Vec<Looks>,
    loads: Vec<Sum>,
    missing: HashMap<(usize, Vec<u8>), usize>,
    missing_samples: Vec<Sampled>,
    executed: HashMap<(usize, Vec<u8>, Vec<u8>), usize>,
}

/// Index of the root's role in every program.
const ROOT: usize = 0;

/// A tree.
#[derive(Debug)]
pub(crate) struct TreeRow {
    pub(crate) id: i64,
    pub(crate) label: Vec<u8>,
    pub(crate) gaps: u64,
    /// How many trees it stands for.
    pub(crate) trees: u64,
    pub(crate) is_kept: bool,
    pub(crate) not_sent: Vec<(String, u64)>,
}

/// A role of a tree. Without a site it is the root's.
#[derive(Debug)]
pub(crate) struct RoleRow {
    pub(crate) id: i64,
    pub(crate) tree: i64,
    pub(crate) parent: i64,
    pub(crate) site: Option<Site>,
    pub(crate) line: Option<LanguageFrame>,
    /// In a kept tree: its line was not told, but that of another role there was.
    pub(crate) is_other: bool,
    /// How many trees had it.
    pub(crate) trees: u64,
}

impl Merge {
    /// A tree.
    pub(crate) fn tree(&mut self, row: TreeRow) {
        let index = *self.by_label.entry(row.label).or_insert_with_key(|label| {
            self.programs.push(Merged::new(label.clone()));
            self.programs.len() - 1
        });
        self.trees.insert(row.id, (index, row.is_kept));
        let program = &mut self.programs[index].program;
        program.trees = add(program.trees, row.trees);
        program.sequence_gaps = add(program.sequence_gaps, without_numbered(row.gaps, &row.not_sent));
        for (reason, events) in row.not_sent {
            match program.not_sent.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, sum)) => *sum = add(*sum, events),
                None => program.not_sent.push((reason, events)),
            }
        }
    }

    /// The roles of all trees, parents before children.
    pub(crate) fn roles(&mut self, mut rows: Vec<RoleRow>) {
        self.adopt_lines(&mut rows);
        for row in rows {
            self.role(row);
        }
    }

    /// Gives each role without a line the only one that its program is known to fork at from that place, unless
    /// its tree has another role there: that one has the line, and this one is something else.
    fn adopt_lines(&self, rows: &mut [RoleRow]) {
        let mut lines: HashMap<(usize, Vec<u8>, u64), Vec<LanguageFrame>> = HashMap::new();
        let mut told = std::collections::HashSet::new();
        for row in &*rows {
            if let (Some(&(program, is_kept)), Some(site), Some(line)) =
                (self.trees.get(&row.tree), &row.site, &row.line)
            {
                let known = lines.entry((program, site.module.clone(), site.offset)).or_default();
                if known.len() < 2 && !known.contains(line) {
                    known.push(line.clone());
                }
                // A kept tree has the roles of several, and says of each itself whether it is something else.
                if !is_kept {
                    told.insert((row.parent, site.module.clone(), site.offset));
                }
            }
        }
        for row in rows.iter_mut().filter(|row| row.line.is_none() && !row.is_other) {
            let (Some(&(program, _)), Some(site)) = (self.trees.get(&row.tree), &row.site) else { continue };
            if told.contains(&(row.parent, site.module.clone(), site.offset)) {
                continue;
            }
            if let Some([line]) = lines.get(&(program, site.module.clone(), site.offset)).map(Vec::as_slice) {
                row.line = Some(line.clone());
            }
        }
    }

    fn role(&mut self, row: RoleRow) {
        let RoleRow { id, tree, parent, site, line, is_other: _, trees } = row;
        let Some(&(index, _)) = self.trees.get(&tree) else { return };
        let Some(site) = site else {
            self.roles.insert(id, (index, ROOT));
            return;
        };
        let parent = self.roles.get(&parent).map_or(ROOT, |&(_, role)| role);
        let merged = &mut self.programs[index];
        let roles = &mut merged.program.roles;
        let key = (parent, site.module.clone(), site.offset, line.clone());
        let role = *merged.roles.entry(key).or_insert_with(|| {
            roles.push(Role { parent: Some(parent), site: Some(site.clone()), line, ..Role::default() });
            roles.len() - 1
        });
        if let Some(known) = &mut roles[role].site
            && site.is_told_rather_than(known)
        {
            *known = site;
        }
        let known = &mut merged.program.roles[role].trees;
        *known = add(*known, trees);
        self.roles.insert(id, (index, role));
    }

    /// The program and the role of a role's row.
    fn role_of(&self, row: i64) -> Option<(usize, usize)> {
        self.roles.get(&row).copied()
    }

    /// Program and role of every role's row, for those who add up loads.
    pub(crate) const fn role_rows(&self) -> &Roles {
        &self.roles
    }

    /// All loads.
    pub(crate) fn loads(&mut self, loads: Loads) {
        for (merged, sums) in self.programs.iter_mut().zip(loads.finish()) {
            merged.loads = sums;
        }
    }

    /// An interpreter in a tree's processes.
    pub(crate) fn interpreter(&mut self, tree: i64, interpreter: Interpreter) {
        let Some(&(index, _)) = self.trees.get(&tree) else { return };
        let known = &mut self.programs[index].program.interpreters;
        if !known.contains(&interpreter) {
            known.push(interpreter);
        }
    }

    /// Loads of a tree with or without lines.
    pub(crate) fn lines(&mut self, tree: i64, count: LineCount) {
        let Some(&(index, _)) = self.trees.get(&tree) else { return };
        let known = &mut self.programs[index].program.lines;
        let same = |sum: &&mut LineCount| sum.language == count.language && sum.no_lines == count.no_lines;
        match known.iter_mut().find(same) {
            Some(sum) => sum.loads = add(sum.loads, count.loads),
            None => known.push(count),
        }
    }

    /// Forks into the role with the row number `role`.
    pub(crate) fn forks(&mut self, role: i64, row: ForkRow) {
        let Some((index, role)) = self.role_of(role) else { return };
        if role != ROOT {
            of_role(&mut self.programs[index].forks, role).add(row);
        }
    }

    /// A look at a process of the role with the row number `role`.
    pub(crate) fn look(&mut self, role: i64, row: LookRow) {
        let Some((index, role)) = self.role_of(role) else { return };
        of_role(&mut self.programs[index].looks, role).add(row);
    }

    /// A program that the role with the row number `role` executed.
    pub(crate) fn executed(&mut self, role: i64, mut executed: Executed) {
        let Some((index, role)) = self.role_of(role) else { return };
        executed.role = role;
        let merged = &mut self.programs[index];
        let all = &mut merged.program.executed;
        let key = (role, executed.executable.clone(), executed.program.clone());
        let at = *merged.executed.entry(key).or_insert(all.len());
        let Some(sum) = all.get_mut(at) else { return all.push(executed) };
        sum.runs = add(sum.runs, executed.runs);
        sum.cpu_nanos = add(sum.cpu_nanos, executed.cpu_nanos);
        sum.wall_nanos = add(sum.wall_nanos, executed.wall_nanos);
        sum.resident_kib = sum.resident_kib.max(executed.resident_kib);
        sum.first_seen_micros = sum.first_seen_micros.min(executed.first_seen_micros);
        sum.last_seen_micros = sum.last_seen_micros.max(executed.last_seen_micros);
    }

    /// The programs, by label, with the stacks of each load and of each missing name.
    pub(crate) fn finish(mut self, samples: &mut Samples<'_>) -> Result<Vec<Program>> {
        for merged in &mut self.programs {
            merged.finish(samples)?;
        }
        let mut programs: Vec<_> = self.programs.into_iter().map(|merged| merged.program).collect();
        programs.sort_by(|left, right| left.label.cmp(&right.label));
        Ok(programs)
    }
}

impl Merged {
    fn new(label: Vec<u8>) -> Self {
        Self {
            program: Program { label, roles: vec![Role::default()], ..Program::default() },
            roles: HashMap::new(),
            forks: Vec::new(),
            looks: Vec::new(),
            loads: Vec::new(),
            missing: HashMap::new(),
            missing_samples: Vec::new(),
            executed: HashMap::new(),
        }
    }

    fn finish(&mut self, samples: &mut Samples<'_>) -> Result<()> {
        let program = &mut self.program;
        program.not_sent.sort_unstable();
        for (role, forks) in program.roles.iter_mut().zip(&mut self.forks) {
            forks.finish(role);
        }
        for (role, looks) in program.roles.iter_mut().zip(&self.looks) {
            role.memory = looks.sum();
        }
        let root = &mut program.roles[ROOT];
        (root.processes, root.trees) = (program.trees, program.trees);
        for Sum { file, mut load, sampled, .. } in self.loads.drain(..) {
            load.path = samples.path(file)?;
            load.stacks = samples.stacks(sampled.ids())?;
            program.loads.push(load);
        }
        for (missing, sampled) in program.missing.iter_mut().zip(&self.missing_samples) {
            missing.stacks = samples.stacks(sampled.ids())?;
        }
        Ok(())
    }
}

/// What a tree lost by gaps, without the events that it counted itself.
pub(crate) fn without_numbered(gaps: u64, not_sent: &[(String, u64)]) -> u64 {
    let refused = not_sent.iter().find(|(reason, _)| reason == NUMBERED).map_or(0, |(_, events)| *events);
    gaps.saturating_sub(refused)
}

/// A sum that stops where those of the database do.
const fn add(sum: u64, more: u64) -> u64 {
    let sum = sum.saturating_add(more);
    if sum > i64::MAX.cast_unsigned() { i64::MAX.cast_unsigned() } else { sum }
}

/// What is known of a role, by its index.
fn of_role<T: Default>(known: &mut Vec<T>, role: usize) -> &mut T {
    if known.len() <= role {
        known.resize_with(role + 1, T::default);
    }
    &mut known[role]
}
