//! Sums that are kept under chains of fork sites: loads, searches and forks.

use std::sync::Arc;

use alive_store::model::{LoadKey, LoadRow, MissingRow, RoleCount, Stack, TreeKey};
use alive_wire::record::Lineage;
use alive_wire::{CodeKind, Language, Outcome, Via};
use hashbrown::hash_map::Entry as MapEntry;
use hashbrown::hash_table::Entry;
use hashbrown::{HashMap, HashTable};

use super::chains::Chain;
use crate::heard::Heard;

/// Events of one sum that are looked at beyond their figures until it is taken. A load that came so often
/// from the same places hardly comes from more, and looking costs more than adding.
const MAX_LOOKS: u8 = 16;

/// Sums of one load, those that every event changes first and close together.
#[derive(Debug)]
struct LoadSum {
    /// What it is found by.
    hash: u64,
    events: u64,
    processes: u64,
    bytes: u64,
    nanos: u64,
    first_seen_micros: u64,
    last_seen_micros: u64,
    looks: u8,
    loaded: bool,
    chain: Arc<Chain>,
    row: Box<LoadRow>,
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
    loads: HashTable<LoadSum>,
    missing: HashTable<MissingSum>,
    /// By tree, chain and number.
    roles: HashMap<(TreeKey, u64, u16), ForkSum>,
}

/// The forks into a role under one of its numbers, absolute.
#[derive(Debug)]
struct ForkSum {
    chain: Arc<Chain>,
    forks: u32,
    nanos: u64,
    resident_kib: u32,
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
    pub(crate) seen_micros: u64,
}

impl Sums {
    /// Distinct keys held.
    pub(crate) fn keys(&self) -> usize {
        self.loads.len() + self.missing.len() + self.roles.len()
    }

    /// Whether a load or search with this hash has a sum already.
    pub(crate) fn has(&self, hash: u64) -> bool {
        self.loads.find(hash, |sum| sum.hash == hash).is_some()
            || self.missing.find(hash, |sum| sum.hash == hash).is_some()
    }

    /// Adds a load. `sample` gives the stack if it is wanted.
    pub(crate) fn load(&mut self, addend: &Addend<'_, '_>, sample: impl FnOnce() -> Option<Stack>) {
        let &Addend { heard, chain, hash, first_time, seen_micros } = addend;
        let sum = match self.loads.entry(hash, |sum| sum.hash == hash, |sum| sum.hash) {
            Entry::Occupied(sum) => sum.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(LoadSum::new(addend)).into_mut(),
        };
        sum.events += 1;
        sum.processes += u64::from(first_time);
        sum.bytes = sum.bytes.max(heard.bytes.unwrap_or(0));
        sum.nanos = sum.nanos.saturating_add(heard.nanos.unwrap_or(0));
        sum.first_seen_micros = sum.first_seen_micros.min(seen_micros);
        sum.last_seen_micros = sum.last_seen_micros.max(seen_micros);
        if sum.looks < MAX_LOOKS || !sum.loaded {
            sum.complete(heard);
        }
        if sum.looks < MAX_LOOKS {
            sum.looks += 1;
            sum.row.stacks.extend(sample());
        }
        debug_assert_eq!(sum.chain.hash, chain.hash, "the chain is part of what is hashed");
    }

    /// Adds a search that found nothing. `sample` gives the stack if it is wanted.
    pub(crate) fn missing(&mut self, addend: &Addend<'_, '_>, sample: impl FnOnce() -> Option<Stack>) {
        let sum = self.missing_sum(addend);
        let row = &mut sum.row;
        if row.searches == 0 {
            // What was taken back bears the language of what was found.
            addend.heard.code.language.map_or("", Language::word).clone_into(&mut row.language);
        }
        row.searches += 1;
        row.probes = row.probes.saturating_add(u64::from(addend.heard.probes));
        row.processes += u64::from(addend.first_time);
        if sum.looks < MAX_LOOKS {
            sum.looks += 1;
            row.stacks.extend(sample());
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
        row.searches -= 1;
        row.processes = row.processes.saturating_sub(1);
        if row.searches == 0 || row.processes == 0 {
            (row.searches, row.processes, row.probes) = (0, 0, 0);
            row.stacks.clear();
            sum.looks = 0;
        }
    }

    fn missing_sum(&mut self, addend: &Addend<'_, '_>) -> &mut MissingSum {
        let &Addend { heard, chain, hash, .. } = addend;
        match self.missing.entry(hash, |sum| sum.hash == hash, |sum| sum.hash) {
            Entry::Occupied(sum) => sum.into_mut(),
            Entry::Vacant(vacant) => {
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

    /// Takes note of the forks into a role; false when there was no room for it, and the next event that
    /// knows it has to tell again. `number` is 0 where each process numbers roles for itself.
    pub(crate) fn role(
        &mut self,
        tree: TreeKey,
        chain: &Arc<Chain>,
        number: u16,
        link: &Lineage,
        room: bool,
    ) -> bool {
        let sum = match self.roles.entry((tree, chain.hash, number)) {
            MapEntry::Occupied(sum) => sum.into_mut(),
            MapEntry::Vacant(_) if !room => return false,
            MapEntry::Vacant(vacant) => {
                vacant.insert(ForkSum { chain: Arc::clone(chain), forks: 0, nanos: 0, resident_kib: 0 })
            }
        };
        // Events may overtake each other; the figures only grow, so the larger ones are the later ones.
        if link.fork_nanos >= sum.nanos && link.resident_kib > 0 {
            sum.resident_kib = link.resident_kib;
        }
        sum.forks = sum.forks.max(link.forks);
        sum.nanos = sum.nanos.max(link.fork_nanos);
        true
    }

    /// The rows to write.
    pub(crate) fn into_rows(self) -> (Vec<RoleCount>, Vec<LoadRow>, Vec<MissingRow>) {
        let role = |((tree, _, number), sum): ((TreeKey, u64, u16), ForkSum)| RoleCount {
            tree,
            chain: sum.chain.sites(),
            number,
            forks: sum.forks,
            fork_nanos: sum.nanos,
            resident_kib: sum.resident_kib,
        };
        let missing = |sum: MissingSum| MissingRow { chain: sum.chain.sites(), ..sum.row };
        (
            self.roles.into_iter().map(role).collect(),
            self.loads.into_iter().map(LoadSum::into_row).collect(),
            self.missing.into_iter().map(missing).collect(),
        )
    }
}

impl LoadSum {
    fn new(addend: &Addend<'_, '_>) -> Self {
        let &Addend { heard, chain, hash, seen_micros, .. } = addend;
        let code = heard.code;
        Self {
            hash,
            events: 0,
            processes: 0,
            bytes: 0,
            nanos: 0,
            first_seen_micros: seen_micros,
            last_seen_micros: seen_micros,
            looks: 0,
            loaded: false,
            chain: Arc::clone(chain),
            row: Box::new(LoadRow {
                key: LoadKey {
                    tree: heard.tree(),
                    chain: Vec::new(),
                    path: heard.path.unwrap_or_default().to_vec(),
                    kind: code.kind.map_or("", CodeKind::word).to_owned(),
                },
                name: Vec::new(),
                language: code.language.map_or("", Language::word).to_owned(),
                outcome: code.outcome.map_or("", Outcome::word).to_owned(),
                via: code.via.map_or("", Via::word).to_owned(),
                pulled_in_by: Vec::new(),
                events: 0,
                processes: 0,
                bytes: 0,
                nanos: 0,
                first_seen_micros: 0,
                last_seen_micros: 0,
                stacks: Vec::new(),
            }),
        }
    }

    /// Takes words that were not told yet, and the better outcome.
    fn complete(&mut self, heard: &Heard<'_>) {
        let row = &mut *self.row;
        if row.name.is_empty() {
            row.name = heard.name.unwrap_or_default().to_vec();
        }
        if row.pulled_in_by.is_empty() {
            row.pulled_in_by = heard.pulled_in_by.unwrap_or_default().to_vec();
        }
        if heard.code.outcome == Some(Outcome::Loaded) && !self.loaded {
            self.loaded = true;
            Outcome::Loaded.word().clone_into(&mut row.outcome);
        }
    }

    fn into_row(self) -> LoadRow {
        LoadRow {
            key: LoadKey { chain: self.chain.sites(), ..self.row.key },
            events: self.events,
            processes: self.processes,
            bytes: self.bytes,
            nanos: self.nanos,
            first_seen_micros: self.first_seen_micros,
            last_seen_micros: self.last_seen_micros,
            ..*self.row
        }
    }
}
