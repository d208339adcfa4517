//! How far trees were accounted for that are not remembered: by an earlier collector, or by this one before it had
//! to forget them. A tree that was silent for months goes on where it stopped.

use alive_store::model::{MAX_TREES, TreeKey, TreeMark};
use hashlink::LinkedHashMap;

/// As many marks as the database has names of trees; beyond it those that were put here first go.
#[derive(Debug)]
pub(super) struct Marks {
    known: LinkedHashMap<TreeKey, TreeMark>,
    max: usize,
    /// The youngest tree that was forgotten without a mark began then, microseconds since 1970.
    forgotten_micros: Option<u64>,
}

impl Marks {
    pub(super) fn new(marks: impl IntoIterator<Item = (TreeKey, TreeMark)>) -> Self {
        let max = usize::try_from(MAX_TREES).unwrap_or(usize::MAX);
        Self { known: marks.into_iter().collect(), max, forgotten_micros: None }
    }

    /// Keeps the mark of a tree that is forgotten.
    pub(super) fn keep(&mut self, key: TreeKey, mark: TreeMark) {
        self.known.insert(key, mark);
        if self.known.len() > self.max
            && let Some((gone, _)) = self.known.pop_front()
        {
            self.forgotten_micros = self.forgotten_micros.max(Some(gone.start_micros));
        }
    }

    /// The mark of a tree that speaks again.
    pub(super) fn take(&mut self, key: TreeKey) -> Option<TreeMark> {
        self.known.remove(&key)
    }

    /// Whether a tree without a mark may have been heard before.
    pub(super) fn may_have_forgotten(&self, key: TreeKey) -> bool {
        self.forgotten_micros.is_some_and(|micros| key.start_micros <= micros)
    }
}

#[cfg(test)]
mod tests {
    use super::Marks;
    use alive_store::model::{TreeKey, TreeMark};

    #[test]
    fn a_tree_older_than_one_that_was_forgotten_may_have_been_heard() {
        let key = |pid| TreeKey { pid, start_micros: u64::from(pid) * 10 };
        let mut marks = Marks { max: 2, ..Marks::new([(key(5), TreeMark::default())]) };
        marks.keep(key(6), TreeMark { sequence: 6, ..TreeMark::default() });
        assert!(!marks.may_have_forgotten(key(1)));
        marks.keep(key(7), TreeMark::default());
        assert_eq!(marks.take(key(5)), None);
        assert!(marks.may_have_forgotten(key(5)) && marks.may_have_forgotten(key(1)));
        assert!(!marks.may_have_forgotten(key(6)), "it began later, and has a mark if it was heard");
        assert_eq!(marks.take(key(6)).map(|mark| mark.sequence), Some(6));
        assert_eq!(marks.take(key(6)), None);
    }
}
