//! Sums that are kept under chains of fork sites: loads, searches and forks.

use std::sync::Arc;

use alive_store::model::{
    Batch, Bystanders, MemoryFigures, MemoryRow, MissingRow, RoleCount, Stack, TreeKey,
};
use alive_wire::Language;
use alive_wire::record::Lineage;
use hashbrown::hash_map::Entry as MapEntry;
use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};

use super::chains::Chain;
use super::executed::Executed;
use super::loads::Loads;
use super::spans::{Owner, Told};
use super::spoke::{Looked, Speaker};
use crate::heard::Heard;

/// Events of one sum that are looked at beyond their figures until it is taken. A load that came so often
/// from the same places hardly comes from more, and looking costs more than adding.
pub(crate) const MAX_LOOKS: u8 = 16;

/// Most stacks that wait to be written: they are most of what a sum weighs, in memory and in the database. A
/// load that comes while there is no room for its stack offers it again with its next event.
const MAX_STACKS_WAITING: usize = 4_096;

/// Most bytes of these stacks: one of 1,400 bytes on the wire may be a hundred times as long.
const MAX_STACK_BYTES: usize = 12 << 20;

/// Sums of one search.
#[derive(Debug)]
struct MissingSum {
    hash: u64,
    looks: u8,
    chain: Arc<Chain>,
    row: MissingRow,
}

/// Sums that are kept under chains of fork sites.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    loads: Loads,
    missing: HashTable<MissingSum>,
    /// By tree, chain and number.
    roles: HashMap<(TreeKey, u64, u16), ForkSum>,
    /// By tree, pid and start.
    memory: HashMap<(TreeKey, u32, u64), MemorySum>,
    /// Programs that were executed.
    pub(crate) executed: Executed,
    /// Stacks in these and in closed ones.
    stacks: usize,
    /// Bytes of these stacks.
    stack_bytes: usize,
    /// Bytes of what else a sender chose the length of, but for loads and executed programs.
    bytes: usize,
}

/// The latest look at a process.
#[derive(Debug)]
struct MemorySum {
    chain: Arc<Chain>,
    seen_micros: u64,
    figures: Option<MemoryFigures>,
}

/// The forks into a role under one of its numbers, absolute.
#[derive(Debug)]
struct ForkSum {
    chain: Arc<Chain>,
    forks: u32,
    nanos: u64,
    resident_kib: u32,
    bystanders: Option<Bystanders>,
}

/// What an event adds to a sum.
#[derive(Debug)]
pub(crate) struct Addend<'h, 'a> {
    pub(crate) heard: &'h Heard<'a>,
    pub(crate) chain: &'h Arc<Chain>,
    /// Hash of everything that the sum is kept under.
    pub(crate) hash: u64,
    /// Whether the process tells it for the first time.
    pub(crate) first_time: bool,
    /// Whether another process of its role had told it before this one was forked.
    pub(crate) repeated: bool,
    pub(crate) seen_micros: u64,
}

impl Sums {
    /// Distinct keys held.
    pub(crate) fn keys(&self) -> usize {
        self.loads.len() + self.missing.len() + self.roles.len() + self.memory.len() + self.executed.keys()
    }

    /// Bytes that senders chose the length of, without the stacks, which have a bound of their own.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes + self.loads.bytes() + self.executed.bytes()
    }

    const fn has_room_for_stacks(&self) -> bool {
        self.stacks < MAX_STACKS_WAITING && self.stack_bytes < MAX_STACK_BYTES
    }

    /// Whether a load or search with this hash has a sum already.
    pub(crate) fn has(&self, hash: u64) -> bool {
        self.loads.has(hash) || self.missing.find(hash, |sum| sum.hash == hash).is_some()
    }

    /// Adds a load; where its sum is. `sample` gives the stack if it is wanted.
    pub(crate) fn load(&mut self, addend: &Addend<'_, '_>, sample: impl FnOnce() -> Option<Stack>) -> usize {
        let room_for_stacks = self.has_room_for_stacks();
        let place = self.loads.add(addend);
        if room_for_stacks && let Some(stacks) = self.loads.look(place) {
            let sample = sample();
            self.stacks += usize::from(sample.is_some());
            self.stack_bytes += sample.as_ref().map_or(0, weight);
            stacks.extend(sample);
        }
        place
    }

    /// See [`Loads::spend`].
    pub(crate) fn spend(&mut self, tree: TreeKey, chain: &Arc<Chain>, owner: &Owner, told: Told, room: bool) {
        self.loads.spend(tree, chain, owner, told, room);
    }

    /// Adds a search that found nothing. `sample` gives the stack if it is wanted.
    pub(crate) fn missing(&mut self, addend: &Addend<'_, '_>, sample: impl FnOnce() -> Option<Stack>) {
        let room_for_stacks = self.has_room_for_stacks();
        let sum = self.missing_sum(addend);
        let row = &mut sum.row;
        if row.searches == 0 {
            // What was taken back bears the language of what was found.
            addend.heard.code.language.map_or("", Language::word).clone_into(&mut row.language);
        }
        row.searches += 1;
        row.probes = row.probes.saturating_add(u64::from(addend.heard.probes));
        row.processes += u64::from(addend.first_time);
        if sum.looks < MAX_LOOKS && room_for_stacks {
            sum.looks += 1;
            let sample = sample();
            let (more, bytes) = (usize::from(sample.is_some()), sample.as_ref().map_or(0, weight));
            sum.row.stacks.extend(sample);
            self.stacks += more;
            self.stack_bytes += bytes;
        }
    }

    /// A process found what it had searched for in vain. What it told may have been written long ago.
    pub(crate) fn found(&mut self, addend: &Addend<'_, '_>) {
        let sum = self.missing_sum(addend);
        let row = &mut sum.row;
        if row.searches == 0 {
            row.taken_back += 1;
            return;
        }
        // Whose probes are whose is not kept.
        row.probes = row.probes / row.searches * (row.searches - 1);
        row.searches -= 1;
        row.processes = row.processes.saturating_sub(1);
        if row.searches == 0 || row.processes == 0 {
            (row.searches, row.processes, row.probes) = (0, 0, 0);
            sum.looks = 0;
            let gone = std::mem::take(&mut row.stacks);
            self.stacks -= gone.len();
            self.stack_bytes -= gone.iter().map(weight).sum::<usize>();
        }
    }

    fn missing_sum(&mut self, addend: &Addend<'_, '_>) -> &mut MissingSum {
        let &Addend { heard, chain, hash, .. } = addend;
        match self.missing.entry(hash, |sum| sum.hash == hash, |sum| sum.hash) {
            Entry::Occupied(sum) => sum.into_mut(),
            Entry::Vacant(vacant) => {
                self.bytes += heard.name.map_or(0, <[u8]>::len);
                let row = MissingRow {
                    tree: heard.tree(),
                    chain: Vec::new(),
                    name: heard.name.unwrap_or_default().to_vec(),
                    language: heard.code.language.map_or("", Language::word).to_owned(),
                    searches: 0,
                    probes: 0,
                    processes: 0,
                    taken_back: 0,
                    stacks: Vec::new(),
                };
                vacant.insert(MissingSum { hash, looks: 0, chain: Arc::clone(chain), row }).into_mut()
            }
        }
    }

    /// Takes a look at the memory of a process in the place of the one before.
    pub(crate) fn memory(&mut self, look: Looked) {
        let Looked { speaker: Speaker { tree, pid, chain, .. }, start_ticks, seen_micros, figures } = look;
        let sum = MemorySum { chain, seen_micros, figures };
        self.memory.insert((tree, pid, start_ticks), sum);
    }

    /// Takes note of the forks into a role; false when there was no room for it, and the next event that
    /// knows it has to tell again. `number` is 0 where each process numbers roles for itself.
    pub(crate) fn role(
        &mut self,
        tree: TreeKey,
        chain: &Arc<Chain>,
        number: u16,
        link: &Lineage<'_>,
        bystanders: Option<Bystanders>,
        room: bool,
    ) -> bool {
        let sum = match self.roles.entry((tree, chain.hash, number)) {
            MapEntry::Occupied(sum) => sum.into_mut(),
            MapEntry::Vacant(_) if !room => return false,
            MapEntry::Vacant(vacant) => {
                self.bytes += chain.bytes;
                vacant.insert(ForkSum {
                    chain: Arc::clone(chain),
                    forks: 0,
                    nanos: 0,
                    resident_kib: 0,
                    bystanders: None,
                })
            }
        };
        // Events may overtake each other; the figures only grow, so the larger ones are the later ones.
        if link.fork_nanos >= sum.nanos && link.resident_kib > 0 {
            sum.resident_kib = link.resident_kib;
        }
        match (&mut sum.bystanders, bystanders) {
            (Some(known), Some(told)) if link.forks >= sum.forks => known.update(&told),
            (unknown @ None, told) => *unknown = told,
            _ => {}
        }
        sum.forks = sum.forks.max(link.forks);
        sum.nanos = sum.nanos.max(link.fork_nanos);
        true
    }

    /// Everything as batches of at most `rows` loads, searches and executed programs; there is always a first one, and
    /// it has what `first` holds already.
    pub(crate) fn batches(
        &self,
        mut first: Batch,
        flushed_micros: u64,
        rows: usize,
    ) -> impl Iterator<Item = Batch> {
        let mut loads = self.loads.rows();
        let mut missing = self.missing.iter().map(MissingSum::row);
        let mut executed = self.executed.rows();
        first.roles.extend(self.roles.iter().map(|(&(tree, _, number), sum)| RoleCount {
            tree,
            chain: sum.chain.sites(),
            number,
            forks: sum.forks,
            fork_nanos: sum.nanos,
            resident_kib: sum.resident_kib,
            bystanders: sum.bystanders.clone(),
        }));
        first.memory.extend(self.memory.iter().map(|(&(tree, pid, start_ticks), sum)| MemoryRow {
            tree,
            chain: sum.chain.sites(),
            pid,
            start_ticks,
            seen_micros: sum.seen_micros,
            figures: sum.figures,
        }));
        let mut first = Some(first);
        std::iter::from_fn(move || {
            let is_first = first.is_some();
            let mut batch = first.take().unwrap_or_default();
            batch.flushed_micros = flushed_micros;
            batch.loads.extend(loads.by_ref().take(rows));
            batch.missing.extend(missing.by_ref().take(rows));
            batch.executed.extend(executed.by_ref().take(rows));
            let has_rows = !batch.loads.is_empty() || !batch.missing.is_empty() || !batch.executed.is_empty();
            (is_first || has_rows).then_some(batch)
        })
    }

    /// Empty ones in the place of these; the stacks of both wait to be written.
    pub(crate) fn close(&mut self) -> Self {
        let (stacks, stack_bytes) = (self.stacks, self.stack_bytes);
        std::mem::replace(self, Self { stacks, stack_bytes, ..Self::default() })
    }
}

/// Bytes of a stack, whole as it goes into the database.
fn weight(stack: &Stack) -> usize {
    let native = stack.native.iter().map(|site| size_of_val(site) + site.module.len() + site.build_id.len());
    let language =
        stack.language.iter().map(|line| size_of_val(line) + line.file.len() + line.function.len());
    native.sum::<usize>() + language.sum::<usize>()
}

impl MissingSum {
    fn row(&self) -> MissingRow {
        MissingRow { chain: self.chain.sites(), ..self.row.clone() }
    }
}
