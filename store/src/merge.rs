//! Many trees into few programs: what the runs of one program told is added up.
//!
//! Trees are one program when their labels are equal, roles are one role when their parents are and
//! their fork sites lie at the same offset of the same module and in the same line.

use std::collections::{HashMap, HashSet};

use rusqlite::Result;

use crate::model::{
    Bystanders, Executed, Interpreter, LanguageFrame, LineCount, Load, MemoryFigures, Missing, NUMBERED,
    Program, Role, RoleMemory, Site,
};
use crate::samples::Samples;

/// Takes rows, trees first, then roles with parents before children, then the rest.
#[derive(Debug, Default)]
pub(crate) struct Merge {
    programs: Vec<Merged>,
    by_label: HashMap<Vec<u8>, usize>,
    /// Program of each tree.
    trees: HashMap<i64, usize>,
    /// Program and role of each role's row.
    roles: HashMap<i64, (usize, usize)>,
}

/// A program and where its parts stand in it.
#[derive(Debug)]
struct Merged {
    program: Program,
    roles: HashMap<(usize, Vec<u8>, u64, Option<LanguageFrame>), usize>,
    /// Loads of each role by path; a path may be there once for each kind.
    loads: Vec<HashMap<Vec<u8>, Vec<usize>>>,
    missing: Vec<HashMap<Vec<u8>, usize>>,
    /// The first rows that each load, and each missing name, is the sum of: those whose stacks are looked at.
    load_rows: Vec<Vec<i64>>,
    missing_rows: Vec<Vec<i64>>,
    executed: HashMap<(usize, Vec<u8>, Vec<u8>), usize>,
    /// Trees of each role: two rows of one tree may be one role.
    trees: HashSet<(usize, i64)>,
}

/// Rows of a sum whose stacks are looked at. The rest of a thousand starts tells the same.
const SAMPLED_ROWS: usize = 8;

/// Index of the root's role in every program.
const ROOT: usize = 0;

const NOTHING_FORKED: Role = Role {
    parent: None,
    site: None,
    line: None,
    processes: 0,
    trees: 0,
    fork_nanos: 0,
    forker_resident_kib: 0,
    bystanders: None,
    memory: NO_MEMORY,
};

const NO_MEMORY: RoleMemory = RoleMemory {
    processes: 0,
    unreadable: 0,
    sum: MemoryFigures { pss_kib: 0, uss_kib: 0, private_dirty_kib: 0, shared_kib: 0, swap_kib: 0 },
    max_pss_kib: 0,
    max_uss_kib: 0,
    max_private_dirty_kib: 0,
    seen_micros: 0,
};

/// A role of a tree. Without a site it is the root's.
#[derive(Debug)]
pub(crate) struct RoleRow {
    pub(crate) id: i64,
    pub(crate) tree: i64,
    pub(crate) parent: i64,
    pub(crate) site: Option<Site>,
    pub(crate) line: Option<LanguageFrame>,
}

impl Merge {
    /// A tree of the program `label`.
    pub(crate) fn tree(&mut self, id: i64, label: Vec<u8>, gaps: u64, not_sent: Vec<(String, u64)>) {
        let index = *self.by_label.entry(label).or_insert_with_key(|label| {
            self.programs.push(Merged::new(label.clone()));
            self.programs.len() - 1
        });
        self.trees.insert(id, index);
        let program = &mut self.programs[index].program;
        program.trees += 1;
        program.roles[ROOT].processes += 1;
        program.roles[ROOT].trees += 1;
        let refused = not_sent.iter().find(|(reason, _)| reason == NUMBERED).map_or(0, |(_, events)| *events);
        program.sequence_gaps = program.sequence_gaps.saturating_add(gaps.saturating_sub(refused));
        for (reason, events) in not_sent {
            match program.not_sent.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, sum)) => *sum = sum.saturating_add(events),
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
        let mut lines: HashMap<(usize, Vec<u8>, u64), HashSet<LanguageFrame>> = HashMap::new();
        let mut told = HashSet::new();
        for row in &*rows {
            if let (Some(&program), Some(site), Some(line)) =
                (self.trees.get(&row.tree), &row.site, &row.line)
            {
                let place = (program, site.module.clone(), site.offset);
                lines.entry(place).or_default().insert(line.clone());
                told.insert((row.parent, site.module.clone(), site.offset));
            }
        }
        for row in rows.iter_mut().filter(|row| row.line.is_none()) {
            let (Some(&program), Some(site)) = (self.trees.get(&row.tree), &row.site) else { continue };
            if told.contains(&(row.parent, site.module.clone(), site.offset)) {
                continue;
            }
            let place = (program, site.module.clone(), site.offset);
            if let Some(lines) = lines.get(&place).filter(|lines| lines.len() == 1) {
                row.line = lines.iter().next().cloned();
            }
        }
    }

    fn role(&mut self, row: RoleRow) {
        let RoleRow { id, tree, parent, site, line } = row;
        let Some(&index) = self.trees.get(&tree) else { return };
        let Some(site) = site else {
            self.roles.insert(id, (index, ROOT));
            return;
        };
        let parent = self.roles.get(&parent).map_or(ROOT, |&(_, role)| role);
        let merged = &mut self.programs[index];
        let roles = &mut merged.program.roles;
        let key = (parent, site.module.clone(), site.offset, line.clone());
        let role = *merged.roles.entry(key).or_insert_with(|| {
            roles.push(Role { parent: Some(parent), site: Some(site.clone()), line, ..NOTHING_FORKED });
            roles.len() - 1
        });
        if let Some(known) = &mut roles[role].site
            && known.symbol.is_none()
        {
            known.symbol = site.symbol;
        }
        if merged.trees.insert((role, tree)) {
            merged.program.roles[role].trees += 1;
        }
        self.roles.insert(id, (index, role));
    }

    /// An interpreter in a tree's processes.
    pub(crate) fn interpreter(&mut self, tree: i64, interpreter: Interpreter) {
        let Some(&index) = self.trees.get(&tree) else { return };
        let known = &mut self.programs[index].program.interpreters;
        if !known.contains(&interpreter) {
            known.push(interpreter);
        }
    }

    /// Loads of a tree with or without lines.
    pub(crate) fn lines(&mut self, tree: i64, count: LineCount) {
        let Some(&index) = self.trees.get(&tree) else { return };
        let known = &mut self.programs[index].program.lines;
        let same = |sum: &&mut LineCount| sum.language == count.language && sum.no_lines == count.no_lines;
        match known.iter_mut().find(same) {
            Some(sum) => sum.loads = sum.loads.saturating_add(count.loads),
            None => known.push(count),
        }
    }

    /// Forks into the role with the row number `role`.
    pub(crate) fn forks(
        &mut self,
        role: i64,
        forks: u64,
        nanos: u64,
        resident_kib: u32,
        bystanders: Option<Bystanders>,
    ) {
        let Some(&(index, role)) = self.roles.get(&role) else { return };
        if role == ROOT {
            return;
        }
        let role = &mut self.programs[index].program.roles[role];
        role.processes = role.processes.saturating_add(forks);
        role.fork_nanos = role.fork_nanos.saturating_add(nanos);
        if resident_kib > 0 {
            role.forker_resident_kib = resident_kib;
        }
        match (&mut role.bystanders, bystanders) {
            (Some(sum), Some(later)) => sum.update(&later),
            (unknown @ None, told) => *unknown = told,
            (Some(_), None) => {}
        }
    }

    /// What processes of the role with the row number `role` held.
    pub(crate) fn memory(&mut self, role: i64, more: &RoleMemory) {
        let Some(&(index, role)) = self.roles.get(&role) else { return };
        let known = &mut self.programs[index].program.roles[role].memory;
        known.processes = known.processes.saturating_add(more.processes);
        known.unreadable = known.unreadable.saturating_add(more.unreadable);
        for (sum, more) in [
            (&mut known.sum.pss_kib, more.sum.pss_kib),
            (&mut known.sum.uss_kib, more.sum.uss_kib),
            (&mut known.sum.private_dirty_kib, more.sum.private_dirty_kib),
            (&mut known.sum.shared_kib, more.sum.shared_kib),
            (&mut known.sum.swap_kib, more.sum.swap_kib),
        ] {
            *sum = sum.saturating_add(more);
        }
        known.max_pss_kib = known.max_pss_kib.max(more.max_pss_kib);
        known.max_uss_kib = known.max_uss_kib.max(more.max_uss_kib);
        known.max_private_dirty_kib = known.max_private_dirty_kib.max(more.max_private_dirty_kib);
        known.seen_micros = known.seen_micros.max(more.seen_micros);
    }

    /// A load of the role with the row number `role`, itself of the row `row`.
    pub(crate) fn load(&mut self, role: i64, row: i64, mut load: Load) {
        let Some(&(index, role)) = self.roles.get(&role) else { return };
        load.role = role;
        let merged = &mut self.programs[index];
        let loads = &mut merged.program.loads;
        let by_path = of_role(&mut merged.loads, role);
        let known = by_path.get(&load.path).into_iter().flatten().copied();
        let Some(at) = known.into_iter().find(|&at| loads[at].kind == load.kind) else {
            by_path.entry(load.path.clone()).or_default().push(loads.len());
            loads.push(load);
            merged.load_rows.push(vec![row]);
            return;
        };
        sample(&mut merged.load_rows[at], row);
        let sum = &mut loads[at];
        sum.events = sum.events.saturating_add(load.events);
        sum.processes = sum.processes.saturating_add(load.processes);
        sum.nanos = sum.nanos.saturating_add(load.nanos);
        sum.respawned = sum.respawned.saturating_add(load.respawned);
        sum.spans = sum.spans.saturating_add(load.spans);
        sum.span_nanos = sum.span_nanos.saturating_add(load.span_nanos);
        sum.span_cpu_nanos = sum.span_cpu_nanos.saturating_add(load.span_cpu_nanos);
        sum.span_faults = sum.span_faults.saturating_add(load.span_faults);
        sum.bound_nanos =
            [sum.bound_nanos, load.bound_nanos].into_iter().filter(|&bound| bound > 0).min().unwrap_or(0);
        sum.bytes = sum.bytes.max(load.bytes);
        sum.first_seen_micros = sum.first_seen_micros.min(load.first_seen_micros);
        sum.last_seen_micros = sum.last_seen_micros.max(load.last_seen_micros);
        if sum.name.is_empty() {
            sum.name = load.name;
        }
        if sum.pulled_in_by.is_empty() {
            sum.pulled_in_by = load.pulled_in_by;
        }
        if sum.outcome != "loaded" {
            sum.outcome = load.outcome;
        }
    }

    /// A missing name of the role with the row number `role`, itself of the row `row`.
    pub(crate) fn missing(&mut self, role: i64, row: i64, mut missing: Missing) {
        let Some(&(index, role)) = self.roles.get(&role) else { return };
        missing.role = role;
        let merged = &mut self.programs[index];
        let all = &mut merged.program.missing;
        let by_name = of_role(&mut merged.missing, role);
        let Some(&at) = by_name.get(&missing.name) else {
            by_name.insert(missing.name.clone(), all.len());
            all.push(missing);
            merged.missing_rows.push(vec![row]);
            return;
        };
        sample(&mut merged.missing_rows[at], row);
        let sum = &mut all[at];
        sum.searches = sum.searches.saturating_add(missing.searches);
        sum.probes = sum.probes.saturating_add(missing.probes);
        sum.processes = sum.processes.saturating_add(missing.processes);
    }

    /// A program that the role with the row number `role` executed.
    pub(crate) fn executed(&mut self, role: i64, mut executed: Executed) {
        let Some(&(index, role)) = self.roles.get(&role) else { return };
        executed.role = role;
        let merged = &mut self.programs[index];
        let all = &mut merged.program.executed;
        let key = (role, executed.executable.clone(), executed.program.clone());
        let at = *merged.executed.entry(key).or_insert(all.len());
        let Some(sum) = all.get_mut(at) else { return all.push(executed) };
        sum.runs = sum.runs.saturating_add(executed.runs);
        sum.cpu_nanos = sum.cpu_nanos.saturating_add(executed.cpu_nanos);
        sum.wall_nanos = sum.wall_nanos.saturating_add(executed.wall_nanos);
        sum.resident_kib = sum.resident_kib.max(executed.resident_kib);
        sum.first_seen_micros = sum.first_seen_micros.min(executed.first_seen_micros);
        sum.last_seen_micros = sum.last_seen_micros.max(executed.last_seen_micros);
    }

    /// The programs, by label, with the stacks of each load and of each missing name.
    pub(crate) fn finish(mut self, samples: &mut Samples<'_>) -> Result<Vec<Program>> {
        for merged in &mut self.programs {
            for (load, rows) in merged.program.loads.iter_mut().zip(&merged.load_rows) {
                load.stacks = samples.of_loads(rows)?;
            }
            for (missing, rows) in merged.program.missing.iter_mut().zip(&merged.missing_rows) {
                missing.stacks = samples.of_missing(rows)?;
            }
        }
        let mut programs: Vec<_> = self.programs.into_iter().map(|merged| merged.program).collect();
        programs.sort_by(|left, right| left.label.cmp(&right.label));
        Ok(programs)
    }
}

impl Merged {
    fn new(label: Vec<u8>) -> Self {
        Self {
            program: Program {
                label,
                trees: 0,
                roles: vec![NOTHING_FORKED],
                loads: Vec::new(),
                missing: Vec::new(),
                executed: Vec::new(),
                sequence_gaps: 0,
                not_sent: Vec::new(),
                interpreters: Vec::new(),
                lines: Vec::new(),
            },
            roles: HashMap::new(),
            loads: Vec::new(),
            missing: Vec::new(),
            load_rows: Vec::new(),
            missing_rows: Vec::new(),
            executed: HashMap::new(),
            trees: HashSet::new(),
        }
    }
}

/// What is known of a role, by its index.
fn of_role<T: Default>(known: &mut Vec<T>, role: usize) -> &mut T {
    if known.len() <= role {
        known.resize_with(role + 1, T::default);
    }
    &mut known[role]
}

fn sample(rows: &mut Vec<i64>, row: i64) {
    if rows.len() < SAMPLED_ROWS {
        rows.push(row);
    }
}
