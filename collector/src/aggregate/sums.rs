//! Sums that are kept under chains of fork sites: loads, searches and forks.

use std::sync::Arc;

use alive_store::model::{
    Batch, Bystanders, LoadKey, LoadRow, MemoryFigures, MemoryRow, MissingRow, RoleCount, Stack, TreeKey,
};
use alive_wire::record::{Code, Lineage};
use alive_wire::{CodeKind, Language, Outcome, Via};
use hashbrown::hash_map::Entry as MapEntry;
use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};

use super::chains::Chain;
use super::executed::Executed;
use super::spans::{Owner, Span, Told};
use super::spoke::{Looked, Speaker};
use crate::heard::Heard;

/// Events of one sum that are looked at beyond their figures until it is taken. A load that came so often
/// from the same places hardly comes from more, and looking costs more than adding.
const MAX_LOOKS: u8 = 16;

/// Most stacks that wait to be written: they are most of what a sum weighs, in memory and in the database. A
/// load that comes while there is no room for its stack offers it again with its next event.
const MAX_STACKS_WAITING: usize = 4_096;

/// Most bytes of these stacks: one of 1,400 bytes on the wire may be a hundred times as long.
const MAX_STACK_BYTES: usize = 12 << 20;

/// Sums of one load, those that every event changes first and close together.
#[derive(Debug)]
struct LoadSum {
    /// What it is found by.
    hash: u64,
    events: u64,
    processes: u64,
    bytes: u64,
    nanos: u64,
    respawned: u64,
    spans: u64,
    span: Span,
    bound_nanos: u64,
    first_seen_micros: u64,
    last_seen_micros: u64,
    looks: u8,
    code: Code,
    words: Box<Words>,
}

/// What is told of a load once, or seldom.
#[derive(Debug)]
struct Words {
    tree: TreeKey,
    chain: Arc<Chain>,
    path: Vec<u8>,
    name: Vec<u8>,
    pulled_in_by: Vec<u8>,
    stacks: Vec<Stack>,
}

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
    loads: Vec<LoadSum>,
    /// Where each load is in `loads`.
    places: HashTable<usize>,
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
    /// Bytes of everything else that a sender chose the length of.
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
        self.bytes
    }

    const fn has_room_for_stacks(&self) -> bool {
        self.stacks < MAX_STACKS_WAITING && self.stack_bytes < MAX_STACK_BYTES
    }

    /// Whether a load or search with this hash has a sum already.
    pub(crate) fn has(&self, hash: u64) -> bool {
        self.places.find(hash, |&place| self.loads[place].hash == hash).is_some()
            || self.missing.find(hash, |sum| sum.hash == hash).is_some()
    }

    /// Where the sum with a hash is; the one that `new` makes when there is none. The hash of a load's sum is never
    /// another one, nor does its place change until everything is taken.
    fn place(&mut self, hash: u64, new: impl FnOnce() -> LoadSum) -> usize {
        let Self { loads, places, .. } = self;
        match places.entry(hash, |&place| loads[place].hash == hash, |&place| loads[place].hash) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(vacant) => {
                let place = loads.len();
                vacant.insert(place);
                let sum = new();
                self.bytes += sum.words.path.len();
                loads.push(sum);
                place
            }
        }
    }

    /// Adds a load; where its sum is. `sample` gives the stack if it is wanted.
    pub(crate) fn load(
        &mut self,
        addend: &Addend<'_, '_>,
        sample: impl FnOnce() -> Option<Stack>,
    ) -> usize {
        let &Addend { heard, chain, hash, first_time, repeated, seen_micros } = addend;
        let room_for_stacks = self.has_room_for_stacks();
        let place = self.place(hash, || LoadSum::new(addend));
        let sum = &mut self.loads[place];
        sum.events += 1;
        sum.processes += u64::from(first_time);
        sum.respawned += u64::from(repeated);
        sum.bytes = sum.bytes.max(heard.bytes.unwrap_or(0));
        sum.nanos = sum.nanos.saturating_add(heard.nanos.unwrap_or(0));
        sum.first_seen_micros = sum.first_seen_micros.min(seen_micros);
        sum.last_seen_micros = sum.last_seen_micros.max(seen_micros);
        if sum.looks < MAX_LOOKS || sum.code.outcome != Some(Outcome::Loaded) {
            self.bytes += sum.complete(heard);
        }
        if sum.looks < MAX_LOOKS && room_for_stacks {
            sum.looks += 1;
            let sample = sample();
            self.stacks += usize::from(sample.is_some());
            self.stack_bytes += sample.as_ref().map_or(0, weight);
            sum.words.stacks.extend(sample);
        }
        debug_assert_eq!(sum.words.chain.hash, chain.hash, "the chain is part of what is hashed");
        place
    }

    /// Adds what came to be known of the time after a load. Its sum may have been taken meanwhile: then another one
    /// begins, if there is room.
    pub(crate) fn spend(&mut self, tree: TreeKey, chain: &Arc<Chain>, owner: &Owner, told: Told, room: bool) {
        let place = match self.loads.get(owner.place) {
            Some(sum) if sum.hash == owner.hash => owner.place,
            _ if !room && !self.has(owner.hash) => return,
            _ => self.place(owner.hash, || LoadSum::continued(tree, chain, owner)),
        };
        let Some(sum) = self.loads.get_mut(place) else { return };
        match told {
            Told::Span { span, events } => {
                sum.spans = sum.spans.saturating_add(events);
                sum.span.nanos = sum.span.nanos.saturating_add(span.nanos);
                sum.span.cpu_nanos = sum.span.cpu_nanos.saturating_add(span.cpu_nanos);
                sum.span.faults = sum.span.faults.saturating_add(span.faults);
            }
            Told::Bound(nanos) => {
                let bounds = [sum.bound_nanos, nanos.max(1)];
                sum.bound_nanos = bounds.into_iter().filter(|&bound| bound > 0).min().unwrap_or(0);
            }
        }
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

    /// Everything as batches of at most `rows` loads and as many searches; there is always a first one, and it
    /// has what `first` holds already.
    pub(crate) fn batches(
        &self,
        mut first: Batch,
        flushed_micros: u64,
        rows: usize,
    ) -> impl Iterator<Item = Batch> {
        let mut loads = self.loads.iter().map(LoadSum::row);
        let mut missing = self.missing.iter().map(MissingSum::row);
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
        first.executed.extend(self.executed.rows());
        let mut first = Some(first);
        std::iter::from_fn(move || {
            let is_first = first.is_some();
            let mut batch = first.take().unwrap_or_default();
            batch.flushed_micros = flushed_micros;
            batch.loads.extend(loads.by_ref().take(rows));
            batch.missing.extend(missing.by_ref().take(rows));
            (is_first || !batch.loads.is_empty() || !batch.missing.is_empty()).then_some(batch)
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

impl LoadSum {
    fn new(addend: &Addend<'_, '_>) -> Self {
        let &Addend { heard, chain, hash, seen_micros, .. } = addend;
        let path = heard.path.unwrap_or_default().to_vec();
        Self::empty(hash, heard.tree(), chain, heard.code, path, seen_micros)
    }

    /// Of a load whose events are in an earlier sum.
    fn continued(tree: TreeKey, chain: &Arc<Chain>, owner: &Owner) -> Self {
        Self::empty(owner.hash, tree, chain, owner.code, owner.path.clone(), owner.seen_micros)
    }

    fn empty(
        hash: u64,
        tree: TreeKey,
        chain: &Arc<Chain>,
        code: Code,
        path: Vec<u8>,
        seen_micros: u64,
    ) -> Self {
        Self {
            hash,
            events: 0,
            processes: 0,
            bytes: 0,
            nanos: 0,
            respawned: 0,
            spans: 0,
            span: Span::default(),
            bound_nanos: 0,
            first_seen_micros: seen_micros,
            last_seen_micros: seen_micros,
            looks: 0,
            code,
            words: Box::new(Words {
                tree,
                chain: Arc::clone(chain),
                path,
                name: Vec::new(),
                pulled_in_by: Vec::new(),
                stacks: Vec::new(),
            }),
        }
    }

    /// Takes words that were not told yet, and the better outcome; how many bytes it grew by.
    fn complete(&mut self, heard: &Heard<'_>) -> usize {
        let words = &mut *self.words;
        let before = words.name.len() + words.pulled_in_by.len();
        if words.name.is_empty() {
            words.name = heard.name.unwrap_or_default().to_vec();
        }
        if words.pulled_in_by.is_empty() {
            words.pulled_in_by = heard.pulled_in_by.unwrap_or_default().to_vec();
        }
        if heard.code.outcome == Some(Outcome::Loaded) {
            self.code.outcome = heard.code.outcome;
        }
        self.words.name.len() + self.words.pulled_in_by.len() - before
    }

    fn row(&self) -> LoadRow {
        let Words { tree, chain, path, name, pulled_in_by, stacks } = &*self.words;
        LoadRow {
            key: LoadKey {
                tree: *tree,
                chain: chain.sites(),
                path: path.clone(),
                kind: self.code.kind.map_or("", CodeKind::word).to_owned(),
            },
            name: name.clone(),
            language: self.code.language.map_or("", Language::word).to_owned(),
            outcome: self.code.outcome.map_or("", Outcome::word).to_owned(),
            via: self.code.via.map_or("", Via::word).to_owned(),
            pulled_in_by: pulled_in_by.clone(),
            events: self.events,
            processes: self.processes,
            bytes: self.bytes,
            nanos: self.nanos,
            respawned: self.respawned,
            spans: self.spans,
            span_nanos: self.span.nanos,
            span_cpu_nanos: self.span.cpu_nanos,
            span_faults: self.span.faults,
            bound_nanos: self.bound_nanos,
            first_seen_micros: self.first_seen_micros,
            last_seen_micros: self.last_seen_micros,
            stacks: stacks.clone(),
        }
    }
}
