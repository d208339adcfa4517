//! Which process has told what before: so that k of n workers are counted, not k events.

use std::hash::{Hash, Hasher};

use alive_store::model::TreeKey;
use alive_wire::Header;
use alive_wire::header::flags;
use hashbrown::HashTable;
use hashbrown::hash_table::{Entry, OccupiedEntry};

use super::recent::{Near, Recent};
use crate::sequence::{Arrival, Sequence};

/// Most processes remembered. A process that was forgotten and speaks again counts as another one.
const MAX_PROCESSES: usize = 65_536;

/// Most loads remembered over all processes.
const MAX_SEEN: usize = 500_000;

/// A process of a tree, by the number that is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// In two words: it is hashed for every event. A tree has processes of one sort, or the few of both are told apart
/// where they are compared.
impl Hash for ProcessKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (Self::Node(tree, number) | Self::Pid(tree, number)) = *self;
        state.write_u64(tree.start_micros);
        state.write_u64(u64::from(tree.pid) << 32 | u64::from(number));
    }
}

impl Near for ProcessKey {
    fn near(&self) -> u32 {
        let (Self::Node(_, number) | Self::Pid(_, number)) = *self;
        number
    }
}

#[derive(Debug, Default)]
struct Process {
    /// Hashes of the loads and searches that it told of.
    seen: HashTable<u64>,
    /// When it was forked, in nanoseconds of the monotonic clock.
    forked_nanos: Option<u64>,
    /// Its own sequence, where the tree has none.
    sequence: Option<Sequence>,
    /// The round in which it was last noted for having spoken.
    noted: u64,
}

/// The processes that spoke lately.
#[derive(Debug)]
pub(crate) struct Processes {
    known: Recent<ProcessKey, Process>,
    seen: usize,
    /// Counted from 1: a new process was noted in none.
    round: u64,
}

impl Processes {
    pub(crate) fn new() -> Self {
        Self { known: Recent::new(MAX_PROCESSES), seen: 0, round: 1 }
    }

    /// Whether the process tells this for the first time, and whether it speaks for the first time in this round.
    pub(crate) fn first_time(&mut self, key: ProcessKey, what: u64) -> (bool, bool) {
        self.make_room();
        let process = self.known.get_or_insert_with(key, Process::default);
        // A hash already.
        let fresh = match process.seen.entry(what, |&seen| seen == what, |&seen| seen) {
            Entry::Occupied(_) => false,
            Entry::Vacant(vacant) => {
                vacant.insert(what);
                true
            }
        };
        self.seen += usize::from(fresh);
        (fresh, std::mem::replace(&mut process.noted, self.round) != self.round)
    }

    /// Whether the process speaks for the first time in this round.
    pub(crate) fn speaks(&mut self, key: ProcessKey) -> bool {
        self.make_room();
        let process = self.known.get_or_insert_with(key, Process::default);
        std::mem::replace(&mut process.noted, self.round) != self.round
    }

    /// The number of this round.
    pub(crate) const fn round(&self) -> u64 {
        self.round
    }

    /// Begins another round.
    pub(crate) const fn next_round(&mut self) {
        self.round += 1;
    }

    /// The process was forked.
    pub(crate) fn forked(&mut self, key: ProcessKey, nanos: u64) {
        self.make_room();
        self.known.get_or_insert_with(key, Process::default).forked_nanos = Some(nanos);
    }

    /// When the process was forked, if it told.
    pub(crate) fn forked_at(&self, key: ProcessKey) -> Option<u64> {
        self.known.peek(&key)?.forked_nanos
    }

    /// The process takes back what it told: the next time is a first time again.
    pub(crate) fn take_back(&mut self, key: ProcessKey, what: u64) {
        let Some(process) = self.known.peek_mut(&key) else { return };
        let known = process.seen.find_entry(what, |&seen| seen == what).map(OccupiedEntry::remove).is_ok();
        self.seen -= usize::from(known);
    }

    /// Takes note of a number of the process's own sequence; returns whether it was there before, and how the
    /// count of missing numbers changed, as (more, fewer).
    pub(crate) fn hear(&mut self, key: ProcessKey, number: u64) -> (Arrival, (u64, u64)) {
        self.make_room();
        let process = self.known.get_or_insert_with(key, Process::default);
        // Nothing is known of what came before the first number heard.
        let sequence = process.sequence.get_or_insert_with(|| Sequence::of_one_joined_at(number));
        let before = sequence.missing();
        let arrival = sequence.hear(number);
        let after = sequence.missing();
        (arrival, (after.saturating_sub(before), before.saturating_sub(after)))
    }

    /// Every process tells everything for the first time again.
    pub(crate) fn forget_told(&mut self) {
        self.known.values_mut().for_each(|process| process.seen.clear());
        self.seen = 0;
    }

    #[inline]
    fn make_room(&mut self) {
        if self.is_full() {
            self.forget();
        }
    }

    const fn is_full(&self) -> bool {
        self.known.is_full() || self.seen >= MAX_SEEN
    }

    #[cold]
    fn forget(&mut self) {
        while self.is_full() {
            let seen = &mut self.seen;
            self.known.forget(|process| *seen -= process.seen.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: TreeKey = TreeKey { pid: 1, start_micros: 1 };

    #[test]
    fn a_process_is_counted_once_for_each_load() {
        let mut processes = Processes::new();
        let (first, second) = (ProcessKey::Node(TREE, 1), ProcessKey::Node(TREE, 2));
        let mut first_time = |key, what| processes.first_time(key, what).0;
        assert!(first_time(first, 7));
        assert!(!first_time(first, 7));
        assert!(first_time(second, 7));
        assert!(first_time(first, 8));
        processes.take_back(first, 7);
        processes.take_back(first, 7);
        processes.take_back(ProcessKey::Node(TREE, 3), 7);
        assert!(processes.first_time(first, 7).0);
        assert!(!processes.first_time(second, 7).0);
        assert_eq!(processes.seen, 3);
    }

    #[test]
    fn a_process_is_noted_once_in_a_round() {
        let mut processes = Processes::new();
        let first = ProcessKey::Node(TREE, 1);
        assert!(processes.speaks(first));
        assert!(!processes.speaks(first));
        assert_eq!(processes.first_time(first, 7), (true, false));
        assert_eq!(processes.first_time(ProcessKey::Node(TREE, 2), 7), (true, true));
        processes.next_round();
        assert_eq!(processes.first_time(first, 7), (false, true));
    }

    #[test]
    fn processes_that_are_silent_are_forgotten() {
        let mut processes = Processes::new();
        let limit = u32::try_from(MAX_PROCESSES).unwrap();
        for node in 0..limit {
            assert!(processes.first_time(ProcessKey::Node(TREE, node), 7).0);
        }
        assert!(processes.first_time(ProcessKey::Node(TREE, limit), 7).0);
        assert!(!processes.first_time(ProcessKey::Node(TREE, limit - 1), 7).0, "still known");
        assert!(processes.first_time(ProcessKey::Node(TREE, 0), 7).0, "forgotten");
        assert!(processes.known.len() <= MAX_PROCESSES);
    }

    #[test]
    fn one_process_cannot_fill_the_memory() {
        let mut processes = Processes::new();
        for what in 0..=u64::try_from(MAX_SEEN).unwrap() {
            processes.first_time(ProcessKey::Pid(TREE, 1), what);
        }
        assert!(processes.seen <= MAX_SEEN);
    }
}
