//! From datagrams to sums. Pure: no clock, no socket, no file; the time is passed in.
//!
//! Everything that a sender can make grow is bounded: keys that wait to be written ([`MAX_KEYS`]),
//! processes, trees, chains and sample stacks that are remembered. What finds no room is counted.

mod burst;
mod chains;
mod pending;
mod processes;
mod recent;
mod repeats;
mod samples;
mod spans;
mod spoke;
mod sums;
mod trees;

use std::hash::BuildHasher;
use std::sync::Arc;

use alive_store::model::{Loss, TreeKey, TreeMark};
use alive_wire::header::flags;
use alive_wire::text::Ping;
use alive_wire::{ANNOUNCED_FORKS, Datagram, Error, Event, Kind, Language, Outcome};
use hashbrown::DefaultHashBuilder;

use crate::heard::Heard;
use crate::moment::Moment;
use crate::rebased;
use chains::{Chain, Chains};
use pending::Lines;
pub use pending::Pending;
use processes::{ProcessKey, Processes};
use repeats::{Forked, Repeats};
use samples::Samples;
use spans::{Load, Spans};
use spoke::Spoke;
pub(crate) use spoke::{Looked, Speaker};
use sums::Addend;
use trees::Trees;

/// Most keys that wait to be written.
pub const MAX_KEYS: usize = 200_000;

/// What was counted since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Datagrams received.
    pub datagrams: u64,
    /// Events decoded, text lines among them.
    pub events: u64,
    /// Loads.
    pub loads: u64,
    /// Names that were searched for and never found.
    pub missing: u64,
    /// Pings.
    pub pings: u64,
    /// What was lost. `sequence_gaps` can shrink: a number that is missing may only be late.
    pub loss: Loss,
}

/// Adds up what is heard.
#[derive(Debug)]
pub struct Aggregate {
    max_keys: usize,
    hasher: DefaultHashBuilder,
    trees: Trees,
    chains: Chains,
    processes: Processes,
    samples: Samples,
    repeats: Repeats,
    spans: Spans,
    pending: Pending,
    totals: Totals,
    spoke: Spoke,
}

impl Aggregate {
    /// Begins with nothing heard. `up_since_micros` is since when the socket is open, in microseconds since
    /// 1970; `marks` tell where an earlier collector stopped counting.
    #[must_use]
    pub fn new(up_since_micros: u64, marks: impl IntoIterator<Item = (TreeKey, TreeMark)>) -> Self {
        Self {
            max_keys: MAX_KEYS,
            hasher: DefaultHashBuilder::default(),
            trees: Trees::new(up_since_micros, marks.into_iter().collect()),
            chains: Chains::new(),
            processes: Processes::new(),
            samples: Samples::default(),
            repeats: Repeats::default(),
            spans: Spans::new(),
            pending: Pending::default(),
            totals: Totals::default(),
            spoke: Spoke::default(),
        }
    }

    /// Notes the processes that speak, so that somebody can look at their memory.
    #[must_use]
    pub(crate) fn noting_speakers(mut self) -> Self {
        self.spoke.note_speakers();
        self
    }

    /// The processes that spoke since the last call.
    pub(crate) fn take_speakers(&mut self) -> Vec<Speaker> {
        self.processes.next_round();
        self.spoke.take()
    }

    /// Adds a look at the memory of a process. One whose role is another one by now is dropped: the process is
    /// noted again when it speaks.
    pub(crate) fn looked(&mut self, look: Looked) {
        if self.spoke.is_current(&look.speaker) && self.has_room() {
            self.pending.sums.memory(look);
        }
    }

    /// With at most `max_keys` keys that wait to be written, instead of [`MAX_KEYS`].
    #[must_use]
    pub const fn bounded_to(mut self, max_keys: usize) -> Self {
        self.max_keys = max_keys;
        self
    }

    /// What was counted since the start.
    #[must_use]
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Whether so many keys wait that they should be written early.
    #[must_use]
    pub fn is_filling(&self) -> bool {
        self.waiting() > self.max_keys / 4 * 3
    }

    /// Takes a datagram that was received whole.
    pub fn hear(&mut self, datagram: &[u8], at: Moment) {
        self.count_datagram();
        match Datagram::new(datagram) {
            Ok(Datagram::Binary(events)) => {
                for event in events {
                    match event {
                        Ok(event) => self.event(event, at),
                        Err(error) => self.refuse(error),
                    }
                }
            }
            Ok(Datagram::Text(lines)) => {
                for line in lines {
                    match line {
                        Ok(ping) => self.text_ping(&ping, at),
                        Err(error) => self.refuse(error),
                    }
                }
            }
            Err(error) => self.refuse(error),
        }
    }

    /// Counts a datagram that was longer than the receive slot. Its tail is gone, so nothing of it is read.
    pub fn hear_truncated(&mut self) {
        self.count_datagram();
        self.lose(|loss| &mut loss.truncated, 1);
    }

    /// Counts datagrams that the kernel dropped.
    pub fn dropped_by_kernel(&mut self, datagrams: u64) {
        self.lose(|loss| &mut loss.kernel_drops, datagrams);
    }

    /// Counts lines that could not be written to the events file.
    pub fn lost_lines(&mut self, lines: u64) {
        self.lose(|loss| &mut loss.events_file, lines);
    }

    /// Takes everything that waits; `None` when nothing does.
    pub fn take(&mut self) -> Option<Pending> {
        let rows = self.trees.take_changed();
        self.pending.trees(rows);
        (!self.pending.is_empty()).then(|| std::mem::take(&mut self.pending))
    }

    /// Takes back what could not be handed on. Must be called before anything else is heard.
    pub fn give_back(&mut self, pending: Pending) {
        debug_assert!(self.pending.is_empty(), "something was heard in between");
        self.pending = pending;
    }

    fn waiting(&self) -> usize {
        self.pending.keys() + self.trees.changed()
    }

    fn has_room(&self) -> bool {
        self.waiting() < self.max_keys
    }

    fn count_datagram(&mut self) {
        self.totals.datagrams += 1;
        self.pending.datagrams += 1;
    }

    fn count_event(&mut self) {
        self.totals.events += 1;
        self.pending.events += 1;
    }

    fn lose(&mut self, which: impl Fn(&mut Loss) -> &mut u64, count: u64) {
        *which(&mut self.totals.loss) += count;
        *which(&mut self.pending.loss) += count;
    }

    fn refuse(&mut self, error: Error) {
        match error {
            Error::UnsupportedVersion(_) => self.lose(|loss| &mut loss.unsupported_version, 1),
            _ => self.lose(|loss| &mut loss.malformed, 1),
        }
    }

    fn event(&mut self, event: Event<'_>, at: Moment) {
        let heard = match Heard::read(event) {
            Ok(heard) => heard,
            Err(error) => return self.refuse(error),
        };
        self.count_event();
        let header = *heard.header();
        let (tree, process) = (heard.tree(), ProcessKey::of(heard.tree(), &header));
        let seen_micros = at.sent_micros(header.monotonic_nanos);
        if !self.has_room() && !self.trees.contains(tree) {
            return self.lose(|loss| &mut loss.over_cap, 1);
        }
        let chain = self.place(&heard, process, seen_micros);
        if header.flags & flags::REBASED == 0
            && !matches!(header.kind, Ok(Kind::Load | Kind::Missing))
            && self.processes.speaks(process)
        {
            self.spoke.note(&heard, &chain, self.processes.round());
        }
        match header.kind {
            Ok(Kind::Load) => {
                self.totals.loads += 1;
                self.count_lines(&heard);
                let kind = heard.code.kind.map_or(0, alive_wire::CodeKind::byte);
                self.add(&heard, &chain, process, seen_micros, (Kind::Load, heard.path, kind));
            }
            Ok(Kind::Missing) => {
                if heard.code.outcome == Some(Outcome::Loaded) {
                    self.totals.missing = self.totals.missing.saturating_sub(1);
                } else {
                    self.totals.missing += 1;
                }
                // Not by language: a name that was searched for in one may be found in another.
                self.add(&heard, &chain, process, seen_micros, (Kind::Missing, heard.name, 0));
            }
            Ok(Kind::Ping) => {
                let line = heard.field(b"line").and_then(parse).unwrap_or(0);
                let file = heard.field(b"file").unwrap_or_default();
                self.ping(heard.name.unwrap_or_default().to_vec(), file.to_vec(), line, seen_micros);
            }
            Ok(Kind::Fork) => {
                if header.flags & flags::REBASED == 0 {
                    self.processes.forked(process, header.monotonic_nanos);
                }
                self.rebase(&heard, chain, seen_micros);
            }
            // It tells of its tree, which was noted above.
            Ok(Kind::Start) => {}
            // A kind that a later version of the shim knows.
            Ok(_) | Err(_) => self.lose(|loss| &mut loss.unsupported_version, 1),
        }
    }

    /// Takes note of the tree, of its sequence and of its forks; returns the role of the process that speaks.
    fn place(&mut self, heard: &Heard<'_>, process: ProcessKey, seen_micros: u64) -> Arc<Chain> {
        let header = heard.header();
        let apart =
            (header.flags & flags::NO_TREE != 0).then(|| self.processes.hear(process, header.sequence));
        self.pending.trees(self.trees.make_room());
        let room = self.has_room();
        let tree = self.trees.tree(heard, seen_micros);

        let before = (tree.lost(), tree.not_sent());
        match apart {
            Some(change) => tree.hear_apart(change),
            None => tree.hear(header.sequence),
        }
        tree.learn(heard, seen_micros);
        let after = (tree.lost(), tree.not_sent());
        let loss = &mut self.totals.loss;
        loss.sequence_gaps = loss.sequence_gaps.saturating_add(after.0).saturating_sub(before.0);
        loss.not_sent = loss.not_sent.saturating_add(after.1).saturating_sub(before.1);

        let (key, pending) = (heard.tree(), &mut self.pending);
        let numbered = header.flags & flags::NO_TREE == 0;
        self.chains.role(&self.hasher, heard, tree, |chain, link| {
            pending.sums.role(key, chain, if numbered { link.role } else { 0 }, link, room)
        })
    }

    /// The process at the end of an event's lineage may be the main one from now on. Any other fork tells of
    /// its role, which was noted before.
    fn rebase(&mut self, heard: &Heard<'_>, heir: Arc<Chain>, seen_micros: u64) {
        let Some(link) = rebased::heir(heard) else { return };
        // Told before, or the lineage did not come whole.
        if heir.is_root() {
            return;
        }
        if !self.has_room() {
            return self.lose(|loss| &mut loss.over_cap, 1);
        }
        let number = (heard.header().flags & flags::NO_TREE == 0).then_some(link.role);
        if number.is_none_or(|number| self.trees.tree(heard, seen_micros).rebase(number)) {
            // Whoever was noted until now may have another role.
            self.spoke.rebase(heard.tree(), self.processes.round());
            self.processes.next_round();
            self.pending.rebase(heard.tree(), heir, number);
        }
    }

    /// Adds a load or a search, kept under its tree, its role and `what` it is.
    fn add(
        &mut self,
        heard: &Heard<'_>,
        chain: &Arc<Chain>,
        process: ProcessKey,
        seen_micros: u64,
        what: (Kind, Option<&[u8]>, u8),
    ) {
        // A process tells a thing for the first time once, also when its role is another one by then.
        let thing = self.hasher.hash_one(what);
        let hash = self.hasher.hash_one((heard.tree(), chain.hash, thing));
        if !self.has_room() && !self.pending.sums.has(hash) {
            return self.lose(|loss| &mut loss.over_cap, 1);
        }
        if what.0 == Kind::Missing && heard.code.outcome == Some(Outcome::Loaded) {
            self.processes.take_back(process, thing);
            self.samples.forget(hash);
            let addend = Addend { heard, chain, hash, first_time: false, repeated: false, seen_micros };
            return self.pending.sums.found(&addend);
        }
        let (first_time, is_news) = self.processes.first_time(process, thing);
        if is_news {
            self.spoke.note(heard, chain, self.processes.round());
        }
        let repeated = first_time && what.0 == Kind::Load && {
            let forked = self.forked(heard, process);
            self.repeats.is_repeated(hash, forked, heard.header().monotonic_nanos)
        };
        let addend = Addend { heard, chain, hash, first_time, repeated, seen_micros };
        let (samples, hasher) = (&mut self.samples, &self.hasher);
        let sample = || samples.wanted(hash, || hasher.hash_one(StackBytes(heard))).then(|| heard.stack());
        match what.0 {
            Kind::Missing => self.pending.sums.missing(&addend, sample),
            _ => {
                self.pending.sums.load(&addend, sample);
                self.spend(&Load { heard, process, chain: chain.hash, hash, seen_micros }, chain);
            }
        }
    }

    /// Adds what a load tells about its thread's previous one.
    fn spend(&mut self, load: &Load<'_, '_>, chain: &Arc<Chain>) {
        let (tree, header) = (load.heard.tree(), load.heard.header());
        let room = self.has_room();
        let Self { spans, pending, trees, .. } = self;
        let is_whole = |from: u64, to: u64| {
            if header.flags & flags::NO_TREE != 0 {
                // The process counts for itself, all its threads together.
                return from.checked_add(1) == Some(to);
            }
            trees.is_whole(tree, from, to)
        };
        spans.hear(load, is_whole, |owner, told| pending.sums.spend(tree, chain, owner, told, room));
    }

    /// When the process was forked, for all that is known.
    fn forked(&self, heard: &Heard<'_>, process: ProcessKey) -> Forked {
        if let Some(nanos) = self.processes.forked_at(process) {
            return Forked::At(nanos);
        }
        match heard.lineage().last() {
            Some(link) if link.forks > ANNOUNCED_FORKS && !(1..=ANNOUNCED_FORKS).contains(&link.ordinal) => {
                Forked::Late
            }
            _ => Forked::Untold,
        }
    }

    /// Counts a load on behalf of an interpreter's code, or of what an interpreter reads as code.
    fn count_lines(&mut self, heard: &Heard<'_>) {
        let (language, lines) = match (heard.no_lines(), heard.code.language) {
            _ if !heard.lines.packed.is_empty() => (heard.lines.language, Lines::Read),
            (Some((language, reason)), _) => (language, Lines::Unread(reason)),
            (None, None | Some(Language::Native)) => return,
            (None, language) => (language, Lines::Untold),
        };
        let room = self.has_room();
        self.pending.lines(heard.tree(), language, lines, room);
    }

    fn text_ping(&mut self, ping: &Ping<'_>, at: Moment) {
        self.count_event();
        let value = |key: &[u8]| ping.get(key).map(|value| value.decoded().collect::<Vec<u8>>());
        let line = value(b"line").and_then(|line| parse(&line)).unwrap_or(0);
        let (name, file) = (value(b"name").unwrap_or_default(), value(b"file").unwrap_or_default());
        self.ping(name, file, line, at.wall_micros);
    }

    fn ping(&mut self, name: Vec<u8>, file: Vec<u8>, line: u32, seen_micros: u64) {
        self.totals.pings += 1;
        let room = self.has_room();
        if self.pending.ping((name, file, line), seen_micros, room).is_err() {
            self.lose(|loss| &mut loss.over_cap, 1);
        }
    }
}

/// A number in decimal digits.
pub(crate) fn parse(digits: &[u8]) -> Option<u32> {
    str::from_utf8(digits).ok()?.parse().ok()
}

/// What tells stacks apart before they are copied. The modules are not looked at: the same offsets in
/// modules of the same numbers are the same stack, or so rare that a sample may be missed.
struct StackBytes<'h, 'a>(&'h Heard<'a>);

impl std::hash::Hash for StackBytes<'_, '_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let lines = self.0.lines;
        (lines.language, lines.packed).hash(state);
        for frame in self.0.frames.into_iter().flatten() {
            (frame.module, frame.offset).hash(state);
        }
    }
}
