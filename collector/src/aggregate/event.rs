//! One event on its way into the sums: to which process and role it belongs, whether it is news, and what it costs.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use alive_wire::header::flags;
use alive_wire::{ANNOUNCED_FORKS, Event, Kind, Language, Outcome};

use super::Aggregate;
use super::chains::Chain;
use super::pending::Lines;
use super::processes::ProcessKey;
use super::repeats::Forked;
use super::spans::Load;
use super::sums::Addend;
use super::tree::Tree;
use crate::heard::Heard;
use crate::moment::Moment;
use crate::sequence::Arrival;
use crate::tapped::Tapped;
use crate::{rebased, unpack};

impl Aggregate {
    pub(super) fn event(&mut self, event: Event<'_>, at: Moment) {
        let mut heard = Heard::unread(event);
        if let Err(error) = heard.read() {
            return self.refuse(error);
        }
        self.begin_event();
        let header = *heard.header();
        let (tree, process) = (heard.tree(), ProcessKey::of(heard.tree(), &header));
        let seen_micros = at.sent_micros(header.monotonic_nanos);
        // Most are of programs that nobody asked about: they leave no trace at all.
        if header.kind == Ok(Kind::End) {
            if self.executed(&heard, seen_micros) {
                self.count_event();
            }
            return;
        }
        if !self.has_room() && !self.trees.contains(tree) {
            self.count_event();
            return self.lose(|loss| &mut loss.over_cap, 1);
        }
        let Some(chain) = self.place(&heard, process, seen_micros) else {
            self.totals.duplicates += 1;
            self.pending.duplicates += 1;
            return;
        };
        self.count_event();
        if header.flags & flags::REBASED == 0
            && !matches!(header.kind, Ok(Kind::Load | Kind::Missing))
            && self.processes.speaks(process)
        {
            self.spoke.note(&heard, &chain, self.processes.round());
        }
        match header.kind {
            // A process whose forker did not announce it.
            Ok(Kind::Load | Kind::Missing) if !self.parents.knows(header.pid) => {
                self.parents.note(header.pid, tree, &chain);
            }
            _ => {}
        }
        match header.kind {
            Ok(Kind::Load) => {
                self.totals.loads += 1;
                self.count_lines(&heard);
                let kind = heard.code.kind.map_or(0, alive_wire::CodeKind::byte);
                self.add(&heard, &chain, process, seen_micros, (Kind::Load, heard.path, kind));
                self.chains.was_latest(chain);
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
                let teller = self.hasher.hash_one(process);
                self.tapped(Tapped::of_event(&heard, at), Some(teller));
            }
            Ok(Kind::Fork) => {
                self.note_parents(&heard, &chain);
                if header.flags & flags::REBASED == 0 {
                    self.processes.forked(process, header.monotonic_nanos);
                }
                self.rebase(&heard, chain, seen_micros);
            }
            // It tells of its tree, which was noted above.
            Ok(Kind::Start) => {
                let _ = self.executed(&heard, seen_micros);
                self.parents.note(header.pid, tree, &chain);
            }
            // A kind that a later version of the shim knows.
            Ok(_) | Err(_) => self.lose(|loss| &mut loss.unsupported_version, 1),
        }
    }

    /// Takes note of the tree, of its sequence and of its forks; returns the role of the process that speaks,
    /// or nothing for an event that came before.
    fn place(&mut self, heard: &Heard<'_>, process: ProcessKey, seen_micros: u64) -> Option<Arc<Chain>> {
        let header = heard.header();
        let apart =
            (header.flags & flags::NO_TREE != 0).then(|| self.processes.hear(process, header.sequence));
        if self.trees.is_full() {
            self.pending.trees(self.trees.make_room());
        }
        if self.chains.are_too_many() {
            self.trees.forget_roles();
            self.chains.forget();
        }
        let room = self.has_room();
        let tree = self.trees.tree(heard, seen_micros);

        let lost = |tree: &Tree| (tree.lost(), tree.not_sent());
        // Nearly every event is the next one of its tree, and no loss is another one by it.
        let is_next = apart.is_none() && tree.is_next(header.sequence) && !heard.tells_not_sent();
        let before = (!is_next).then(|| lost(tree));
        let arrival = match apart {
            Some((arrival, change)) => {
                tree.hear_apart(change);
                arrival
            }
            None => tree.hear(header.sequence),
        };
        if arrival == Arrival::Again {
            return None;
        }
        let grown = tree.learn(heard, seen_micros);
        if let Some(before) = before {
            let (after, loss) = (lost(tree), &mut self.totals.loss);
            loss.sequence_gaps = loss.sequence_gaps.saturating_add(after.0).saturating_sub(before.0);
            loss.not_sent = loss.not_sent.saturating_add(after.1).saturating_sub(before.1);
        }
        self.whole_from = tree.whole_from();

        let (key, pending) = (heard.tree(), &mut self.pending);
        let numbered = header.flags & flags::NO_TREE == 0;
        let chain = self.chains.role(&self.hasher, heard, tree, |chain, link| {
            let bystanders = heard.bystanders(link.role).map(unpack::bystanders);
            pending.sums.role(key, chain, if numbered { link.role } else { 0 }, link, bystanders, room)
        });
        if grown > 0 {
            self.trees.grew(grown);
        }
        Some(chain)
    }

    /// The process at the end of an event's lineage may be the main one from now on. Any other fork tells of
    /// its role, which was noted before.
    #[inline(never)]
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
            self.parents.forget_tree(heard.tree());
            // Another process may tell of the heir.
            if heard.lineage().count() == usize::from(heard.header().depth) {
                self.parents.note(heard.header().pid, heard.tree(), &self.chains.root());
            }
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
        let thing = self.hash_of(what);
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
                let place = self.pending.sums.load(&addend, sample);
                self.spend(&Load { heard, process, chain: chain.hash, hash, place, seen_micros }, chain);
            }
        }
    }

    /// What tells loads and searches apart within their role.
    fn hash_of(&self, (kind, name, sort): (Kind, Option<&[u8]>, u8)) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(name.unwrap_or_default());
        hasher.write_u32(u32::from(name.is_some()) << 16 | u32::from(kind.byte()) << 8 | u32::from(sort));
        hasher.finish()
    }

    /// Adds what a load tells about its thread's previous one.
    fn spend(&mut self, load: &Load<'_, '_>, chain: &Arc<Chain>) {
        let (tree, header) = (load.heard.tree(), load.heard.header());
        let room = self.has_room();
        let Self { spans, pending, trees, whole_from, .. } = self;
        let is_whole = |from: u64, to: u64| {
            if header.flags & flags::NO_TREE != 0 {
                // The process counts for itself, all its threads together.
                return from.checked_add(1) == Some(to);
            }
            from >= *whole_from || trees.is_whole(tree, from, to)
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
}

/// What tells stacks apart before they are copied. The modules are not looked at: the same offsets in
/// modules of the same numbers are the same stack, or so rare that a sample may be missed.
struct StackBytes<'h, 'a>(&'h Heard<'a>);

impl Hash for StackBytes<'_, '_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let lines = self.0.lines;
        (lines.language, lines.packed).hash(state);
        for frame in self.0.frames.into_iter().flatten() {
            (frame.module, frame.offset).hash(state);
        }
    }
}
