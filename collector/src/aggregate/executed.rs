//! Programs that known processes execute: run by run they are roots of their own, of which nothing would be
//! kept; together they are a finding.

use std::hash::BuildHasher;
use std::sync::Arc;

use alive_store::model::{ExecutedRow, TreeKey};
use alive_wire::Header;
use alive_wire::record::Toll;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::Aggregate;
use super::chains::Chain;
use super::recent::Recent;
use crate::heard::Heard;

/// Most processes remembered that may execute something.
const MAX_PARENTS: usize = 16_384;

/// Who has which pid. A pid that is used again is told by the fork that made it, or taken for its last owner.
#[derive(Debug)]
pub(crate) struct Parents {
    known: Recent<u32, (TreeKey, Arc<Chain>)>,
}

impl Parents {
    pub(crate) fn new() -> Self {
        Self { known: Recent::new(MAX_PARENTS) }
    }

    /// Remembers a process that spoke, or of which another one spoke.
    pub(crate) fn note(&mut self, pid: u32, tree: TreeKey, chain: &Arc<Chain>) {
        if pid == 0 {
            return;
        }
        if self.known.is_full() && !self.known.contains(&pid) {
            self.known.forget(drop);
        }
        let owner = self.known.get_or_insert_with(pid, || (tree, Arc::clone(chain)));
        *owner = (tree, Arc::clone(chain));
    }

    /// Whether a pid is remembered.
    pub(crate) fn knows(&self, pid: u32) -> bool {
        self.known.contains(&pid)
    }

    /// Forgets the processes of a tree, whose roles are others by now.
    pub(crate) fn forget_tree(&mut self, tree: TreeKey) {
        self.known.retain(|(of, _)| *of != tree);
    }

    /// Whose program an image is: of the process that forked the one that became it, or of its parent, where
    /// that was a vfork. `None` where neither is known, or neither was there before.
    pub(crate) fn of(&mut self, image: &Header) -> Option<(TreeKey, Arc<Chain>)> {
        let own = TreeKey { pid: image.root_pid, start_micros: image.root_start_micros };
        let mut earlier = |pid: u32| {
            let (tree, chain) = self.known.peek_mut(&pid)?;
            (*tree != own && tree.start_micros <= own.start_micros).then(|| (*tree, Arc::clone(chain)))
        };
        let became = earlier(image.pid).map(|(tree, chain)| (tree, chain.forker()));
        became.or_else(|| earlier(image.ppid))
    }
}

impl Aggregate {
    /// A fork tells who has the child's pid, and who the forker's.
    pub(super) fn note_parents(&mut self, heard: &Heard<'_>, chain: &Arc<Chain>) {
        self.parents.note(heard.header().pid, heard.tree(), chain);
        if let Some(link) = heard.lineage().last() {
            self.parents.note(link.forker_pid, heard.tree(), &Arc::clone(chain).forker());
        }
    }

    /// An image was executed; false where its parent is not known, as for most of a shell's.
    pub(super) fn executed(&mut self, heard: &Heard<'_>, seen_micros: u64) -> bool {
        let Some((tree, chain)) = self.parents.of(heard.header()) else { return false };
        let room = self.has_room();
        let hash = self.hasher.hash_one((tree, chain.hash, heard.executable, heard.program));
        if !self.pending.sums.executed.add(heard, hash, (tree, &chain), seen_micros, room) {
            self.lose(|loss| &mut loss.over_cap, 1);
        }
        true
    }
}

/// Runs of one program.
#[derive(Debug)]
struct Runs {
    /// Of tree, role, executable and label.
    hash: u64,
    chain: Arc<Chain>,
    row: ExecutedRow,
}

/// Runs by role, executable and label.
#[derive(Debug, Default)]
pub(crate) struct Executed {
    runs: HashTable<Runs>,
    /// Bytes of executables and labels.
    bytes: usize,
}

impl Executed {
    /// Distinct keys held.
    pub(crate) fn keys(&self) -> usize {
        self.runs.len()
    }

    /// Bytes that senders chose the length of.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a run; false when there is no room for a new key.
    pub(crate) fn add(
        &mut self,
        heard: &Heard<'_>,
        hash: u64,
        (tree, chain): (TreeKey, &Arc<Chain>),
        seen_micros: u64,
        room: bool,
    ) -> bool {
        let row = match self.runs.entry(hash, |runs| runs.hash == hash, |runs| runs.hash) {
            Entry::Occupied(runs) => &mut runs.into_mut().row,
            Entry::Vacant(_) if !room => return false,
            Entry::Vacant(vacant) => {
                let row = ExecutedRow {
                    tree,
                    chain: Vec::new(),
                    executable: heard.executable.unwrap_or_default().to_vec(),
                    program: heard.program.unwrap_or_default().to_vec(),
                    runs: 0,
                    cpu_nanos: 0,
                    wall_nanos: 0,
                    resident_kib: 0,
                    first_seen_micros: seen_micros,
                    last_seen_micros: seen_micros,
                };
                self.bytes += row.executable.len() + row.program.len();
                &mut vacant.insert(Runs { hash, chain: Arc::clone(chain), row }).into_mut().row
            }
        };
        let Toll { cpu_nanos, wall_nanos, resident_kib } = heard.toll.unwrap_or_default();
        row.runs += 1;
        row.cpu_nanos = row.cpu_nanos.saturating_add(cpu_nanos);
        row.wall_nanos = row.wall_nanos.saturating_add(wall_nanos);
        row.resident_kib = row.resident_kib.max(resident_kib);
        row.first_seen_micros = row.first_seen_micros.min(seen_micros);
        row.last_seen_micros = row.last_seen_micros.max(seen_micros);
        true
    }

    /// The sums.
    pub(crate) fn rows(&self) -> impl Iterator<Item = ExecutedRow> {
        self.runs.iter().map(|runs| ExecutedRow { chain: runs.chain.sites(), ..runs.row.clone() })
    }
}
