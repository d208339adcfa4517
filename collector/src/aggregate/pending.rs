//! What waits to be written: the sums, those that a rebase closed before them, and what has no role.

use std::sync::Arc;

use alive_store::model::{Batch, Loss, PingRow, Rebase, TreeKey, TreeRow};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::chains::Chain;
use super::sums::Sums;

/// File, name and line of a ping.
type PingKey = (Vec<u8>, Vec<u8>, u32);

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
    /// What came since the last rebase.
    pub(crate) sums: Sums,
    pings: HashMap<PingKey, PingRow>,
    trees: Vec<TreeRow>,
    /// See [`Batch::datagrams`].
    pub datagrams: u64,
    /// See [`Batch::events`].
    pub events: u64,
    /// See [`Batch::loss`].
    pub loss: Loss,
}

/// There was no room for a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl Pending {
    /// Distinct keys held.
    pub(crate) fn keys(&self) -> usize {
        self.closed_keys + self.sums.keys() + self.pings.len() + self.trees.len()
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys() == 0 && self.datagrams == 0 && self.events == 0 && self.loss == Loss::default()
    }

    /// Adds a ping.
    pub(crate) fn ping(&mut self, key: PingKey, seen_micros: u64, room: bool) -> Result<(), Full> {
        let ping = match self.pings.entry(key) {
            Entry::Occupied(ping) => ping.into_mut(),
            Entry::Vacant(_) if !room => return Err(Full),
            Entry::Vacant(vacant) => {
                let (name, file, line) = vacant.key().clone();
                vacant.insert(PingRow {
                    name,
                    file,
                    line,
                    hits: 0,
                    first_seen_micros: seen_micros,
                    last_seen_micros: seen_micros,
                })
            }
        };
        ping.hits += 1;
        ping.first_seen_micros = ping.first_seen_micros.min(seen_micros);
        ping.last_seen_micros = ping.last_seen_micros.max(seen_micros);
        Ok(())
    }

    /// The process of a role turned out to be the heir of the root. `number` is `None` where each process
    /// numbers roles for itself.
    pub(crate) fn rebase(&mut self, tree: TreeKey, heir: Arc<Chain>, number: Option<u16>) {
        let sums = self.sums.close();
        self.closed_keys += sums.keys() + 1;
        self.closed.push(Closed { sums, tree, heir, number });
    }

    /// Adds rows of trees.
    pub(crate) fn trees(&mut self, rows: impl IntoIterator<Item = TreeRow>) {
        self.trees.extend(rows);
    }

    /// Everything as batches of at most `rows` loads and as many searches; the first one has the rest. There is
    /// always a first one. Meant to be written in one transaction, in this order; may be asked for again if
    /// that fails.
    pub fn batches(&self, flushed_micros: u64, rows: usize) -> impl Iterator<Item = Batch> {
        let mut rest = Some(Batch {
            trees: self.trees.clone(),
            pings: self.pings.values().cloned().collect(),
            datagrams: self.datagrams,
            events: self.events,
            loss: self.loss,
            ..Batch::default()
        });
        let parts = self.closed.iter().map(|closed| &closed.sums).chain([&self.sums]);
        let rebases = std::iter::once(None).chain(self.closed.iter().map(|closed| Some(closed.rebase())));
        parts.zip(rebases).flat_map(move |(sums, rebase)| {
            let mut first = rest.take().unwrap_or_default();
            first.rebases.extend(rebase);
            sums.batches(first, flushed_micros, rows)
        })
    }
}

impl Closed {
    fn rebase(&self) -> Rebase {
        Rebase { tree: self.tree, chain: self.heir.sites(), number: self.number }
    }
}
