//! The process trees that spoke lately, and where those stood that were forgotten.

use alive_store::model::{TreeKey, TreeMark, TreeRow};

use super::marks::Marks;
use super::recent::Recent;
use super::tree::Tree;
use crate::heard::Heard;
use crate::rebased::Rebased;
use crate::sequence::Sequence;

/// Most trees remembered. One that had to be forgotten leaves a [mark](Marks), and goes on from it when it speaks
/// again; when that is gone too, its sequence is watched from there, and a gap in between is not seen.
const MAX_TREES: usize = 16_384;

/// The trees that spoke lately.
#[derive(Debug)]
pub(crate) struct Trees {
    known: Recent<TreeKey, Tree>,
    changed: Vec<TreeKey>,
    /// Bytes of their words, at least.
    changed_bytes: usize,
    /// Where an earlier collector stopped counting, and where this one did for a tree that it had to forget.
    marks: Marks,
    /// Since when the socket is open, by the clock as it stood lowest.
    up_since_micros: u64,
}

impl Trees {
    pub(crate) fn new(up_since_micros: u64, marks: impl IntoIterator<Item = (TreeKey, TreeMark)>) -> Self {
        Self {
            known: Recent::new(MAX_TREES),
            changed: Vec::new(),
            changed_bytes: 0,
            marks: Marks::new(marks),
            up_since_micros,
        }
    }

    /// Takes note of the wall clock. When it was set back, trees that begin from now on seem to have begun before
    /// the socket was open; they must not be taken for older ones, whose first events nobody can miss.
    pub(crate) const fn clock_stands_at(&mut self, wall_micros: u64) {
        if wall_micros < self.up_since_micros {
            self.up_since_micros = wall_micros;
        }
    }

    /// Whether the tree is remembered.
    pub(crate) fn contains(&self, key: TreeKey) -> bool {
        self.known.contains(&key)
    }

    /// Whether trees have to be forgotten before another one can be remembered.
    pub(crate) const fn is_full(&self) -> bool {
        self.known.is_full()
    }

    /// Forgets trees, so that there is room for others; the rows of those that were not written.
    pub(crate) fn make_room(&mut self) -> Vec<TreeRow> {
        let mut rows = Vec::new();
        let Self { known, marks, changed_bytes, .. } = self;
        known.forget(|tree| {
            marks.keep(tree.key, tree.mark());
            if tree.changed {
                *changed_bytes = changed_bytes.saturating_sub(tree.words());
                rows.push(tree.row());
            }
        });
        rows
    }

    /// The tree that speaks.
    pub(crate) fn tree(&mut self, heard: &Heard<'_>, seen_micros: u64) -> &mut Tree {
        let key = heard.tree();
        let (marks, up_since_micros) = (&mut self.marks, self.up_since_micros);
        let tree = self.known.get_or_insert_with(key, || {
            let mut mark = marks.take(key);
            let up_since_micros = if marks.may_have_forgotten(key) { u64::MAX } else { up_since_micros };
            let rebased = mark.as_mut().map(|mark| std::mem::take(&mut mark.rebased)).unwrap_or_default();
            let sequence = first_heard(key, heard.header().sequence, mark, up_since_micros);
            Tree::new(key, sequence, Rebased::resumed(rebased), seen_micros)
        });
        if !tree.changed {
            tree.changed = true;
            self.changed.push(key);
            self.changed_bytes += tree.words();
        }
        tree
    }

    /// Forgets the roles by their numbers, in all trees.
    pub(crate) fn forget_roles(&mut self) {
        for tree in self.known.values_mut() {
            tree.forget_roles();
        }
    }

    /// Whether every event of a tree between two numbers, without both, has come.
    pub(crate) fn is_whole(&self, key: TreeKey, from: u64, to: u64) -> bool {
        self.known.peek(&key).is_some_and(|tree| tree.is_whole(from, to))
    }

    /// Takes note that the words of trees that changed grew.
    pub(crate) const fn grew(&mut self, bytes: usize) {
        self.changed_bytes = self.changed_bytes.saturating_add(bytes);
    }

    /// Bytes of the words in the rows that [`Trees::take_changed`] would give, at least.
    pub(crate) const fn changed_bytes(&self) -> usize {
        self.changed_bytes
    }

    /// How many rows [`Trees::take_changed`] would give, at most.
    pub(crate) fn changed(&self) -> usize {
        self.changed.len()
    }

    /// The rows of the trees that changed since the last call.
    pub(crate) fn take_changed(&mut self) -> Vec<TreeRow> {
        self.changed_bytes = 0;
        let keys = std::mem::take(&mut self.changed);
        let rows = keys.into_iter().filter_map(|key| {
            let tree = self.known.peek_mut(&key).filter(|tree| tree.changed)?;
            tree.changed = false;
            Some(tree.row())
        });
        rows.collect()
    }
}

/// Every tree's sequence begins at 1. What lies below the first number heard was lost if the collector was
/// there when the tree began or left a mark when it was there; else nobody can know.
fn first_heard(key: TreeKey, number: u64, mark: Option<TreeMark>, up_since_micros: u64) -> Sequence {
    match mark {
        Some(mark) => Sequence::resumed(mark.sequence, mark.gaps),
        None if up_since_micros <= key.start_micros => Sequence::from_the_beginning(),
        None => Sequence::joined_at(number),
    }
}
