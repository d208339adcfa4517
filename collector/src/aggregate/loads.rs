//! Sums of loads. A load's sum keeps its place until all are taken, so that whoever will add to it need not look
//! for it again.

use std::sync::Arc;

use alive_store::model::{LoadKey, LoadRow, Stack, TreeKey};
use alive_wire::record::Code;
use alive_wire::{CodeKind, Language, Outcome, Via};
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::chains::Chain;
use super::spans::{Owner, Span, Told};
use super::sums::{Addend, MAX_LOOKS};
use crate::heard::Heard;

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

/// Sums of loads.
#[derive(Debug, Default)]
pub(crate) struct Loads {
    sums: Vec<LoadSum>,
    /// Where each is in `sums`.
    places: HashTable<usize>,
    /// Bytes of their words, without stacks.
    bytes: usize,
}

impl Loads {
    /// How many there are.
    pub(crate) const fn len(&self) -> usize {
        self.sums.len()
    }

    /// Bytes that senders chose the length of, without the stacks.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is one with a hash.
    pub(crate) fn has(&self, hash: u64) -> bool {
        self.places.find(hash, |&place| self.sums[place].hash == hash).is_some()
    }

    /// Where the sum with a hash is; that of the one that `new` makes where there is none.
    fn place(&mut self, hash: u64, new: impl FnOnce() -> LoadSum) -> usize {
        let Self { sums, places, bytes } = self;
        match places.entry(hash, |&place| sums[place].hash == hash, |&place| sums[place].hash) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(vacant) => {
                vacant.insert(sums.len());
                let sum = new();
                *bytes += sum.words.path.len();
                sums.push(sum);
                sums.len() - 1
            }
        }
    }

    /// Adds a load to its sum, which may be a new one; where it is.
    // Every load comes here, from one place.
    #[inline(always)]
    pub(crate) fn add(&mut self, addend: &Addend<'_, '_>) -> usize {
        let &Addend { heard, chain, hash, first_time, repeated, seen_micros } = addend;
        let place = self.place(hash, || LoadSum::new(addend));
        let sum = &mut self.sums[place];
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
        debug_assert_eq!(sum.words.chain.hash, chain.hash, "the chain is part of what is hashed");
        place
    }

    /// Where a sum takes a stack, and that it was looked at for one; `None` where that was done often enough.
    pub(crate) fn look(&mut self, place: usize) -> Option<&mut Vec<Stack>> {
        let sum = self.sums.get_mut(place).filter(|sum| sum.looks < MAX_LOOKS)?;
        sum.looks += 1;
        Some(&mut sum.words.stacks)
    }

    /// Adds what came to be known of the time after a load. Its sum may have been taken meanwhile: then another one
    /// begins, if there is room.
    pub(crate) fn spend(&mut self, tree: TreeKey, chain: &Arc<Chain>, owner: &Owner, told: Told, room: bool) {
        let place = match self.sums.get(owner.place) {
            Some(sum) if sum.hash == owner.hash => owner.place,
            _ if !room && !self.has(owner.hash) => return,
            _ => self.place(owner.hash, || LoadSum::continued(tree, chain, owner)),
        };
        if let Some(sum) = self.sums.get_mut(place) {
            sum.spend(told);
        }
    }

    /// All of them.
    pub(crate) fn rows(&self) -> impl Iterator<Item = LoadRow> {
        self.sums.iter().map(LoadSum::row)
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

    fn spend(&mut self, told: Told) {
        match told {
            Told::Span { span, events } => {
                self.spans = self.spans.saturating_add(events);
                self.span.nanos = self.span.nanos.saturating_add(span.nanos);
                self.span.cpu_nanos = self.span.cpu_nanos.saturating_add(span.cpu_nanos);
                self.span.faults = self.span.faults.saturating_add(span.faults);
            }
            Told::Bound(nanos) => {
                let bounds = [self.bound_nanos, nanos.max(1)];
                self.bound_nanos = bounds.into_iter().filter(|&bound| bound > 0).min().unwrap_or(0);
            }
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
