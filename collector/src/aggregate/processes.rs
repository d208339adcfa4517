//! Which process has told what before: so that k of n workers are counted, not k events.

use alive_store::model::TreeKey;
use alive_wire::Header;
use alive_wire::header::flags;
use hashbrown::HashSet;
use hashlink::LinkedHashMap;

use crate::sequence::Sequence;

/// Most processes remembered. The one that was silent longest is forgotten first; when it speaks again
/// its loads count as those of another process.
const MAX_PROCESSES: usize = 65_536;

/// Most loads remembered over all processes.
const MAX_SEEN: usize = 1_000_000;

/// A process of a tree, by the number that is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ProcessKey {
    /// Numbered by the tree.
    Node(TreeKey, u32),
    /// Without a tree page there is no such number; the pid has to do.
    Pid(TreeKey, u32),
}

impl ProcessKey {
    pub(crate) const fn of(tree: TreeKey, header: &Header) -> Self {
        if header.flags & flags::NO_TREE == 0 {
            Self::Node(tree, header.node)
        } else {
            Self::Pid(tree, header.pid)
        }
    }
}

#[derive(Debug, Default)]
struct Process {
    /// Hashes of the loads and searches that it told of.
    seen: HashSet<u64>,
    /// Its own sequence, where the tree has none.
    sequence: Option<Sequence>,
}

/// The processes that spoke lately.
#[derive(Debug, Default)]
pub(crate) struct Processes {
    known: LinkedHashMap<ProcessKey, Process>,
    seen: usize,
}

impl Processes {
    /// Whether the process tells this for the first time.
    pub(crate) fn first_time(&mut self, key: ProcessKey, what: u64) -> bool {
        let fresh = self.process(key).seen.insert(what);
        if fresh {
            self.seen += 1;
            self.bound();
        }
        fresh
    }

    /// Takes note of a number of the process's own sequence; returns how the count of missing numbers
    /// changed, as (more, fewer).
    pub(crate) fn hear(&mut self, key: ProcessKey, number: u64) -> (u64, u64) {
        let process = self.process(key);
        // Nothing is known of what came before the first number heard.
        let sequence = process.sequence.get_or_insert_with(|| Sequence::resumed(number.saturating_sub(1), 0));
        let before = sequence.missing();
        sequence.hear(number);
        let after = sequence.missing();
        self.bound();
        (after.saturating_sub(before), before.saturating_sub(after))
    }

    fn process(&mut self, key: ProcessKey) -> &mut Process {
        if self.known.to_back(&key).is_none() {
            self.known.insert(key, Process::default());
        }
        self.known.get_mut(&key).expect("it was put there if it was not")
    }

    fn bound(&mut self) {
        while self.known.len() > MAX_PROCESSES || self.seen > MAX_SEEN {
            let Some((_, forgotten)) = self.known.pop_front() else { break };
            self.seen -= forgotten.seen.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: TreeKey = TreeKey { pid: 1, start_micros: 1 };

    #[test]
    fn a_process_is_counted_once_for_each_load() {
        let mut processes = Processes::default();
        let (first, second) = (ProcessKey::Node(TREE, 1), ProcessKey::Node(TREE, 2));
        assert!(processes.first_time(first, 7));
        assert!(!processes.first_time(first, 7));
        assert!(processes.first_time(second, 7));
        assert!(processes.first_time(first, 8));
    }

    #[test]
    fn the_most_silent_process_is_forgotten_first() {
        let mut processes = Processes::default();
        let limit = u32::try_from(MAX_PROCESSES).unwrap();
        for node in 0..limit {
            assert!(processes.first_time(ProcessKey::Node(TREE, node), 7));
        }
        assert!(!processes.first_time(ProcessKey::Node(TREE, 0), 7), "spoke again");
        assert!(processes.first_time(ProcessKey::Node(TREE, limit), 7));
        assert!(!processes.first_time(ProcessKey::Node(TREE, 0), 7), "still known");
        assert!(processes.first_time(ProcessKey::Node(TREE, 1), 7), "forgotten");
        assert_eq!(processes.known.len(), MAX_PROCESSES);
    }

    #[test]
    fn one_process_cannot_fill_the_memory() {
        let mut processes = Processes::default();
        for what in 0..=u64::try_from(MAX_SEEN).unwrap() {
            processes.first_time(ProcessKey::Pid(TREE, 1), what);
        }
        assert!(processes.seen <= MAX_SEEN);
    }
}
