//! Small trees of roles, for tests of verdicts.

use alive_store::model::{Load, Role, Snapshot};

/// A program's roles and loads, put together one by one.
pub(crate) struct Tree {
    pub(crate) roles: Vec<Role>,
    loads: Vec<Load>,
}

impl Tree {
    /// With nothing but a master.
    pub(crate) fn new() -> Self {
        Self { roles: vec![super::root(1)], loads: Vec::new() }
    }

    /// So many processes more, forked by the role of this number; the new role has the next number.
    pub(crate) fn role(mut self, forker: usize, processes: u64) -> Self {
        self.roles.push(Role { parent: Some(forker), site: None, ..super::worker(processes) });
        self
    }

    pub(crate) fn load(mut self, load: Load) -> Self {
        self.loads.push(load);
        self
    }

    pub(crate) fn snapshot(self) -> Snapshot {
        super::snapshot(super::program("tree", self.roles, self.loads))
    }
}

/// A load of a file by so many processes of a role, without a stack.
pub(crate) fn load(role: usize, path: &str, processes: u64) -> Load {
    Load { role, stacks: Vec::new(), ..super::load(path, processes, 4_000) }
}
