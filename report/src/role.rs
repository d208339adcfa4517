//! The processes of a program by what they are for: a role is a chain of fork sites.

use alive_store::model::{self, LanguageFrame, RoleMemory, Site};

use crate::caller;

/// A role with the name that the report gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// `master` for the root, `worker` for one that forks nothing, `forker` for one that does;
    /// numbered where several share a name. Unique within the program.
    pub id: String,
    /// Index of the role that forks it; `None` for the root.
    pub parent: Option<usize>,
    /// Where the parent forks it; `None` for the root or when not known.
    pub fork_site: Option<Site>,
    /// The line that calls fork there, where it is known.
    pub fork_line: Option<LanguageFrame>,
    /// Processes forked into it; for the root, the number of trees.
    pub processes: u64,
    /// Trees that have it.
    pub trees: u64,
    /// Nanoseconds that those forks took their forkers, summed; 0 when not known.
    pub fork_nanos: u64,
    /// Resident size of a forker at its last fork that was measured, in KiB; 0 when not known.
    pub forker_resident_kib: u32,
    /// What its processes held, where that was looked at.
    pub memory: RoleMemory,
}

impl Role {
    /// Where it is forked, for a terminal: the line, else the place in machine code.
    #[must_use]
    pub fn forked_at(&self) -> Option<String> {
        let line = self.fork_line.as_ref().map(caller::line_text);
        line.or_else(|| self.fork_site.as_ref().map(caller::site_text))
    }
}

/// Names the roles of a program. Indices stay as they are.
#[must_use]
pub fn name_roles(roles: &[model::Role]) -> Vec<Role> {
    let kinds: Vec<&str> = roles
        .iter()
        .enumerate()
        .map(|(index, role)| {
            if role.parent.is_none() {
                "master"
            } else if roles.iter().any(|other| other.parent == Some(index)) {
                "forker"
            } else {
                "worker"
            }
        })
        .collect();
    roles
        .iter()
        .enumerate()
        .map(|(index, role)| {
            let kind = kinds.get(index).copied().unwrap_or("worker");
            let earlier = kinds.iter().take(index).filter(|&&other| other == kind).count();
            let id = if earlier == 0 { kind.to_owned() } else { format!("{kind}-{}", earlier + 1) };
            Role {
                id,
                // An index out of range cannot be followed: such a role hangs from nothing.
                parent: role.parent.filter(|&parent| parent < roles.len() && parent != index),
                fork_site: role.site.clone(),
                fork_line: role.line.clone(),
                processes: role.processes,
                trees: role.trees,
                fork_nanos: role.fork_nanos,
                forker_resident_kib: role.forker_resident_kib,
                memory: role.memory,
            }
        })
        .collect()
}

/// The role itself and everything above it, innermost first; ends where a chain bites its tail.
pub(crate) fn ancestry(roles: &[Role], role: usize) -> Vec<usize> {
    let mut chain = Vec::new();
    let mut next = Some(role);
    while let Some(index) = next.filter(|index| !chain.contains(index)) {
        chain.push(index);
        next = roles.get(index).and_then(|role| role.parent);
    }
    chain
}

/// The deepest role that all of `loaders` were forked from: loaded there, a file is there for all
/// of them. `None` when nothing forked them, or they share no ancestor.
#[must_use]
pub fn load_in(roles: &[Role], loaders: &[usize]) -> Option<usize> {
    let mut above = loaders.iter().map(|&role| {
        let mut chain = ancestry(roles, role);
        chain.remove(0);
        chain
    });
    let first = above.next()?;
    let rest: Vec<Vec<usize>> = above.collect();
    first.into_iter().find(|candidate| rest.iter().all(|chain| chain.contains(candidate)))
}

/// The role that `above` forks and all of `loaders` are or descend from: before the fork of that one the file
/// must be loaded. `None` when they descend from several forks of `above`.
#[must_use]
pub fn load_before(roles: &[Role], above: usize, loaders: &[usize]) -> Option<usize> {
    let mut forked = loaders.iter().map(|&role| {
        let chain = ancestry(roles, role);
        let at = chain.iter().position(|&at| at == above)?;
        chain.get(at.checked_sub(1)?).copied()
    });
    let first = forked.next()??;
    forked.all(|other| other == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::{load_before, load_in, name_roles};
    use alive_store::model;

    fn role(parent: Option<usize>) -> model::Role {
        model::Role {
            parent,
            site: None,
            line: None,
            processes: 1,
            trees: 1,
            fork_nanos: 0,
            forker_resident_kib: 0,
            memory: model::RoleMemory::default(),
        }
    }

    #[test]
    fn names_tell_what_a_role_does_and_are_unique() {
        let roles = name_roles(&[role(None), role(Some(0)), role(Some(0)), role(Some(2)), role(Some(0))]);
        let ids: Vec<&str> = roles.iter().map(|role| role.id.as_str()).collect();
        assert_eq!(ids, ["master", "worker", "forker", "worker-2", "worker-3"]);
    }

    #[test]
    fn a_file_belongs_into_the_deepest_process_above_all_its_loaders() {
        let roles = name_roles(&[role(None), role(Some(0)), role(Some(1)), role(Some(1)), role(Some(0))]);
        assert_eq!(load_in(&roles, &[2]), Some(1));
        assert_eq!(load_in(&roles, &[2, 3]), Some(1));
        assert_eq!(load_in(&roles, &[2, 4]), Some(0));
        assert_eq!(load_in(&roles, &[1, 2]), Some(0), "a forker that loads it too needs it from above");
        assert_eq!(load_in(&roles, &[0]), None);
        assert_eq!(load_before(&roles, 1, &[2]), Some(2));
        assert_eq!(load_before(&roles, 1, &[2, 3]), None, "two forks, and it must be before both");
        assert_eq!(load_before(&roles, 0, &[1, 2]), Some(1));
        assert_eq!(load_before(&roles, 0, &[0]), None);
    }

    #[test]
    fn a_chain_that_bites_its_tail_ends() {
        let roles = name_roles(&[role(Some(1)), role(Some(0))]);
        assert_eq!(load_in(&roles, &[0]), Some(1));
    }
}
