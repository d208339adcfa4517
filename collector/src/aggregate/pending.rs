//! What waits to be written: the sums, those that a rebase closed before them, and what has no role.

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use alive_store::model::{Batch, LineCount, Loss, Rebase, Site, TreeKey, TreeRow, UNTOLD};
use alive_wire::Language;

use super::chains::Chain;
use super::recent::{Near, Recent};
use super::sums::Sums;
use super::taps::Taps;
use crate::unpack::no_lines_word;

/// Whether a load on behalf of a language's code has its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    Read,
    /// The wire's byte for why not.
    Unread(u8),
    /// Not, and the event does not say why.
    Untold,
}

/// Whose loads are counted by whether they have lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LinesOf {
    tree: TreeKey,
    language: Option<Language>,
    lines: Lines,
}

/// In two words: it is hashed for every load.
impl Hash for LinesOf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let lines = match self.lines {
            Lines::Read => 0,
            Lines::Untold => 1,
            Lines::Unread(reason) => 2 + u32::from(reason),
        };
        let language = u32::from(self.language.map_or(0, Language::byte));
        state.write_u64(self.tree.start_micros);
        state.write_u64(u64::from(self.tree.pid) << 32 | u64::from(lines << 8 | language));
    }
}

impl Near for LinesOf {
    fn near(&self) -> u32 {
        self.tree.pid ^ u32::from(self.language.map_or(0, Language::byte))
    }
}

/// Sums that a rebase closed: what comes after it under the same chains is about other roles.
#[derive(Debug)]
struct Closed {
    sums: Sums,
    tree: TreeKey,
    heir: Arc<Chain>,
    number: Option<u16>,
}

/// What was heard since the last time it was taken.
#[derive(Debug, Default)]
pub struct Pending {
    closed: Vec<Closed>,
    /// Keys of the sums that are closed.
    closed_keys: usize,
    /// Bytes that senders chose the length of: of the closed sums, and of what has no role.
    other_bytes: usize,
    /// What came since the last rebase.
    pub(crate) sums: Sums,
    pub(super) taps: Taps,
    trees: Vec<TreeRow>,
    lines: Recent<LinesOf, u64>,
    /// See [`Batch::queues`].
    queues: BTreeMap<String, u32>,
    /// See [`Batch::datagrams`].
    pub datagrams: u64,
    /// See [`Batch::events`].
    pub events: u64,
    /// See [`Batch::odd_clocks`].
    pub odd_clocks: u64,
    /// See [`Batch::duplicates`].
    pub duplicates: u64,
    /// See [`Batch::loss`].
    pub loss: Loss,
}

/// There was no room for a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl Pending {
    /// Distinct keys held.
    pub(crate) fn keys(&self) -> usize {
        self.closed_keys + self.sums.keys() + self.taps.len() + self.trees.len() + self.lines.len()
    }

    /// Bytes held that senders chose the length of, without stacks.
    pub(crate) const fn bytes(&self) -> usize {
        self.other_bytes + self.sums.bytes() + self.taps.bytes()
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys() == 0 && self.datagrams == 0 && self.events == 0 && self.loss == Loss::default()
    }

    /// Looks up the names of places in machine code that no batch has, because they are stored as words.
    pub fn name_places(&mut self, name: impl FnMut(&mut Site)) {
        self.taps.name_places(name);
    }

    /// Counts a load on behalf of a language's code. Where there is no room the load itself is what is
    /// counted as refused.
    pub(crate) fn lines(&mut self, tree: TreeKey, language: Option<Language>, lines: Lines, room: bool) {
        let of = LinesOf { tree, language, lines };
        if room {
            *self.lines.get_or_insert_with(of, || 0) += 1;
        } else if let Some(loads) = self.lines.peek_mut(&of) {
            *loads += 1;
        }
    }

    /// The process of a role turned out to be the heir of the root. `number` is `None` where each process
    /// numbers roles for itself.
    pub(crate) fn rebase(&mut self, tree: TreeKey, heir: Arc<Chain>, number: Option<u16>) {
        let sums = self.sums.close();
        self.closed_keys += sums.keys() + 1;
        self.other_bytes += sums.bytes();
        self.closed.push(Closed { sums, tree, heir, number });
    }

    /// Takes note of where a queue's count of drops stands.
    pub(crate) fn queue_stands_at(&mut self, name: &str, drops: u32) {
        match self.queues.get_mut(name) {
            Some(known) => *known = drops,
            None => drop(self.queues.insert(name.to_owned(), drops)),
        }
    }

    /// Adds rows of trees.
    pub(crate) fn trees(&mut self, rows: impl IntoIterator<Item = TreeRow>) {
        let (before, other_bytes) = (self.trees.len(), &mut self.other_bytes);
        self.trees.extend(rows);
        for row in &self.trees[before..] {
            *other_bytes += row.program.len() + row.executable.len() + row.shim_version.len();
        }
    }

    /// Everything as batches of at most `rows` trees, loads, searches and executed programs; the first one without more
    /// trees behind it has the rest. There is always one. Meant to be written in one transaction, in this order; may be
    /// asked for again if that fails.
    pub fn batches(&self, flushed_micros: u64, rows: usize) -> impl Iterator<Item = Batch> {
        let mut trees = self.trees.chunks(rows);
        let last_trees = trees.next_back().unwrap_or_default();
        let first =
            trees.map(move |trees| Batch { trees: trees.to_vec(), flushed_micros, ..Batch::default() });
        let mut rest = Some(Batch {
            trees: last_trees.to_vec(),
            pings: self.taps.rows(),
            lines: self
                .lines
                .iter()
                .map(|(&LinesOf { tree, language, lines }, &loads)| (tree, count(language, lines, loads)))
                .collect(),
            queues: self.queues.iter().map(|(name, drops)| (name.clone(), *drops)).collect(),
            datagrams: self.datagrams,
            events: self.events,
            odd_clocks: self.odd_clocks,
            duplicates: self.duplicates,
            loss: self.loss,
            ..Batch::default()
        });
        let parts = self.closed.iter().map(|closed| &closed.sums).chain([&self.sums]);
        let rebases = std::iter::once(None).chain(self.closed.iter().map(|closed| Some(closed.rebase())));
        let others = parts.zip(rebases).flat_map(move |(sums, rebase)| {
            let mut first = rest.take().unwrap_or_default();
            first.rebases.extend(rebase);
            sums.batches(first, flushed_micros, rows)
        });
        first.chain(others)
    }
}

fn count(language: Option<Language>, lines: Lines, loads: u64) -> LineCount {
    let no_lines = match lines {
        Lines::Read => None,
        Lines::Unread(reason) => Some(no_lines_word(reason)),
        Lines::Untold => Some(UNTOLD.to_owned()),
    };
    LineCount { language: language.map_or("", Language::word).to_owned(), no_lines, loads }
}

impl Closed {
    fn rebase(&self) -> Rebase {
        Rebase { tree: self.tree, chain: self.heir.sites(), number: self.number }
    }
}
