//! Which late loads are shared all the same: those of a process that others are forked from.
//!
//! The first process of a daemon need not be the only one that is forked from. Puma's `fork_worker`
//! forks its workers from worker 0, Pitchfork from a worker that was promoted to be the mould,
//! `AnyEvent::Fork` from template processes, Android from its Zygotes. What such a process loads is late for
//! itself and there from the start in whatever it forks afterwards, so it is not to be blamed.
//!
//! When a process forked, and what it had loaded by then, is not stored. Its children tell:
//!
//! * What none of the processes below loads again, they share, or have no use for: it is **shared**.
//! * What some of them load again although the process that they descend from has it, they were forked too
//!   early for. Then that process counts as one of them: the work was done by it and by them, and
//!   the file belongs above all of them ([`role::load_in`](crate::role::load_in)).
//! * A role that has several processes in one tree is **no template**, even if it forks: each of them did the
//!   same work beside the others. So Pitchfork's first generation is judged as the workers that it consists
//!   of, and the one that became the mould with them.
//! * A child that is forked only to execute another program shares nothing and counts for nothing. It is
//!   known by the function that forks it; one that a program forks and then lets execute by itself is not.

use std::collections::HashMap;

use alive_store::model::Load;

use crate::role::{self, Role};

/// Functions of interpreters that fork in order to execute, by the beginnings of their symbols.
const EXECUTING: &[&str] = &[
    "Perl_pp_system",
    "Perl_my_popen",
    "fork_exec",
    "do_fork_exec",
    "subprocess_fork_exec",
    "rb_fork_async_signal_safe",
    "retry_fork_async_signal_safe",
    "zif_proc_open",
];

/// Python's method that does so, for an interpreter whose symbols are not there.
const EXECUTING_METHOD: &[u8] = b"_execute_child";

/// The processes that did the same work: those of a role, and those that they descend from or that descend
/// from them where a template is among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kin {
    /// Processes that loaded the file.
    pub loaded: u64,
    /// Processes in the roles that did.
    pub of: u64,
    /// Trees that have the role; where several roles are counted, the most that one of them is in.
    pub trees: u64,
}

/// Who descends from whom, and who loaded what.
#[derive(Debug)]
pub struct Lineage<'a> {
    roles: &'a [Role],
    /// Processes of each role: those that were counted, and never fewer than those that spoke.
    sizes: Vec<u64>,
    /// Roles below each role whose processes go on with what they were forked with.
    below: Vec<Vec<usize>>,
    /// Role and processes of each load of a path.
    loaders: HashMap<&'a [u8], Vec<(usize, u64)>>,
}

impl<'a> Lineage<'a> {
    /// The lineage of a program's processes, with those of its loads that succeeded.
    pub fn new(roles: &'a [Role], loads: impl IntoIterator<Item = &'a Load>) -> Self {
        let mut below = vec![Vec::new(); roles.len()];
        for role in 0..roles.len() {
            for above in role::ancestry(roles, role).into_iter().scan(false, |executes, at| {
                *executes |= roles.get(at).is_some_and(forks_to_execute);
                Some((at, *executes))
            }) {
                if let (true, Some(below)) = (above.0 != role && !above.1, below.get_mut(above.0)) {
                    below.push(role);
                }
            }
        }
        let mut sizes: Vec<u64> = roles.iter().map(|role| role.processes).collect();
        let mut loaders: HashMap<&[u8], Vec<(usize, u64)>> = HashMap::new();
        for load in loads {
            if let Some(size) = sizes.get_mut(load.role) {
                *size = load.processes.max(*size);
            }
            loaders.entry(&load.path).or_default().push((load.role, load.processes));
        }
        Self { roles, sizes, below, loaders }
    }

    /// Whether a role is a template: one process of each tree, forked itself and forked from.
    #[must_use]
    pub fn is_template(&self, role: usize) -> bool {
        let is_alone = |it: &Role| it.parent.is_some() && self.size(role) <= it.trees.max(1);
        self.roles.get(role).is_some_and(is_alone) && self.processes_below(role) > 0
    }

    /// Processes that descend from those of a role and go on with what they were forked with.
    #[must_use]
    pub fn processes_below(&self, role: usize) -> u64 {
        let below = self.below.get(role).map_or(&[][..], Vec::as_slice);
        below.iter().fold(0, |sum, &role| sum.saturating_add(self.size(role)))
    }

    /// The processes that have a load from the template that did it; `None` when it was not done by a
    /// template, or was done again below.
    #[must_use]
    pub fn shared_by(&self, load: &Load) -> Option<u64> {
        let again = || self.loaders_of(load).any(|(role, _)| self.descends(role, load.role));
        (self.is_template(load.role) && !again()).then(|| self.processes_below(load.role))
    }

    /// The processes that did the work of this load, and those among which they are counted.
    #[must_use]
    pub fn kin(&self, load: &Load) -> Kin {
        let templates = || self.loaders_of(load).filter(|&(role, _)| self.is_template(role));
        // The topmost, so that every load of a chain of templates has the same kin.
        let top = templates()
            .map(|(role, _)| role)
            .filter(|&role| role == load.role || self.descends(load.role, role))
            .max_by_key(|&role| self.processes_below(role));
        let kin =
            |role: usize| role == load.role || top.is_some_and(|top| role == top || self.descends(role, top));
        let mut sum = Kin { loaded: 0, of: 0, trees: 1 };
        for (role, processes) in self.loaders_of(load).filter(|&(role, _)| kin(role)) {
            sum.loaded = sum.loaded.saturating_add(processes);
            sum.of = sum.of.saturating_add(self.size(role).max(processes));
            sum.trees = sum.trees.max(self.roles.get(role).map_or(1, |role| role.trees));
        }
        sum
    }

    fn size(&self, role: usize) -> u64 {
        self.sizes.get(role).copied().unwrap_or(0)
    }

    /// The roles that did this load.
    #[must_use]
    pub fn roles_that_load(&self, load: &Load) -> Vec<usize> {
        self.loaders_of(load).map(|(role, _)| role).collect()
    }

    fn loaders_of(&self, load: &Load) -> impl Iterator<Item = (usize, u64)> {
        self.loaders.get(load.path.as_slice()).into_iter().flatten().copied()
    }

    fn descends(&self, role: usize, from: usize) -> bool {
        self.below.get(from).is_some_and(|below| below.contains(&role))
    }
}

/// Whether a role's processes are forked only to execute another program.
fn forks_to_execute(role: &Role) -> bool {
    let symbol = role.fork_site.as_ref().and_then(|site| site.symbol.as_deref());
    symbol.is_some_and(|symbol| EXECUTING.iter().any(|name| symbol.starts_with(name)))
        || role.fork_line.as_ref().is_some_and(|line| line.function == EXECUTING_METHOD)
}
