//! From datagrams to sums. Pure: no clock, no socket, no file; the time is passed in.
//!
//! Everything that a sender can make grow is bounded: keys that wait to be written ([`MAX_KEYS`]),
//! processes, trees, chains and sample stacks that are remembered. What finds no room is counted.

mod burst;
mod chains;
mod event;
mod executed;
mod loads;
mod marks;
mod pending;
mod processes;
mod recent;
mod repeats;
mod samples;
mod spans;
mod spoke;
mod sums;
mod taps;
mod tellers;
mod totals;
mod tree;
mod trees;

use std::hash::BuildHasher;

use alive_store::model::{Loss, TreeKey, TreeMark};
use alive_wire::text::Ping;
use alive_wire::{Datagram, Error};
use hashbrown::DefaultHashBuilder;

use crate::moment::Moment;
use crate::tapped::Tapped;
use chains::Chains;
use executed::Parents;
pub use pending::Pending;
use processes::Processes;
use repeats::Repeats;
use samples::Samples;
use spans::Spans;
use spoke::Spoke;
pub(crate) use spoke::{Looked, Speaker};
use tellers::Tellers;
pub use totals::Totals;
use trees::Trees;

/// Most keys that wait to be written.
pub const MAX_KEYS: usize = 200_000;

/// Most bytes of names that wait to be written: what senders choose the length of. There is as much again at
/// the writer, and what it makes of it.
const MAX_BYTES: usize = 20 << 20;

/// More keys than one event adds: a tree, its roles, a load, a count.
const KEYS_OF_ONE: usize = 64;

/// As many bytes of names as hardly an event adds. One that adds more is seen to have done so [`EVENTS_OF_A_COUNT`]
/// later.
const BYTES_OF_ONE: usize = 16 << 10;

/// Most events for which it is counted once whether there is room for all that they may add.
const EVENTS_OF_A_COUNT: usize = 16;

/// Adds up what is heard.
#[derive(Debug)]
pub struct Aggregate {
    max_keys: usize,
    /// For how many events, with the one that began last, there is known to be more room than they can take.
    roomy_for: usize,
    /// See [`crate::sequence::Sequence::whole_from`], of the tree that speaks.
    whole_from: u64,
    hasher: DefaultHashBuilder,
    trees: Trees,
    chains: Chains,
    processes: Processes,
    parents: Parents,
    samples: Samples,
    tellers: Tellers,
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
            roomy_for: 0,
            whole_from: u64::MAX,
            hasher: DefaultHashBuilder::default(),
            trees: Trees::new(up_since_micros, marks),
            chains: Chains::new(),
            processes: Processes::new(),
            parents: Parents::new(),
            samples: Samples::default(),
            tellers: Tellers::new(),
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
        self.begin_event();
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
        self.waiting() > self.max_keys / 4 * 3 || self.waiting_bytes() > MAX_BYTES / 4 * 3
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

    /// Counts events of a datagram that claimed another sender than the kernel names; `alone` when nothing of it
    /// was left to be heard.
    pub fn hear_forged(&mut self, events: u64, alone: bool) {
        if alone {
            self.count_datagram();
        }
        self.lose(|loss| &mut loss.forged, events);
    }

    /// Counts datagrams that the kernel dropped.
    pub fn dropped_by_kernel(&mut self, datagrams: u64) {
        self.lose(|loss| &mut loss.kernel_drops, datagrams);
    }

    /// Takes note of the wall clock, which may have been set back. Meant to be called now and then.
    pub const fn clock_stands_at(&mut self, at: Moment) {
        self.trees.clock_stands_at(at.wall_micros);
    }

    /// The database is another one: forgets which roles, processes and samples were told. Sequences go on.
    pub fn begin_anew(&mut self) {
        self.trees.forget_roles();
        self.processes.forget_told();
        self.samples = Samples::default();
        self.repeats = Repeats::default();
    }

    /// Takes note of where the kernel's count of drops stands, of a queue that outlives this collector.
    pub fn queue_stands_at(&mut self, name: &str, drops: u32) {
        self.pending.queue_stands_at(name, drops);
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

    /// Keys that wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.pending.keys() + self.trees.changed()
    }

    /// Bytes of their names.
    const fn waiting_bytes(&self) -> usize {
        self.pending.bytes() + self.trees.changed_bytes()
    }

    /// Counts what waits once for all that an event will ask, and where there is much room for several events. What
    /// their words weigh is seen behind the last of them.
    fn begin_event(&mut self) {
        self.roomy_for = self.roomy_for.saturating_sub(1);
        if self.roomy_for == 0 {
            self.count_room();
        }
    }

    #[cold]
    fn count_room(&mut self) {
        let events = self.max_keys.saturating_sub(self.waiting()) / KEYS_OF_ONE;
        let bytes = MAX_BYTES.saturating_sub(self.waiting_bytes());
        self.roomy_for = events.min(bytes / BYTES_OF_ONE).min(EVENTS_OF_A_COUNT);
    }

    fn has_room(&self) -> bool {
        self.roomy_for > 0 || (self.waiting() < self.max_keys && self.waiting_bytes() < MAX_BYTES)
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

    #[inline(never)]
    fn text_ping(&mut self, ping: &Ping<'_>, at: Moment) {
        self.count_event();
        let tapped = Tapped::of_text(ping, at);
        let teller = tapped.pid.map(|pid| self.hasher.hash_one((pid, &tapped.host)));
        self.tapped(tapped, teller);
    }

    /// Adds a hit. `teller` tells processes apart, where it is known.
    #[inline(never)]
    fn tapped(&mut self, tapped: Tapped, teller: Option<u64>) {
        self.totals.pings += 1;
        self.begin_event();
        self.pending.odd_clocks += u64::from(tapped.odd_clock);
        let first_time = teller.is_some_and(|teller| {
            let tap = (&tapped.name, &tapped.file, tapped.line, &tapped.service);
            self.tellers.first_time(self.hasher.hash_one((teller, tap)))
        });
        let room = self.has_room();
        if self.pending.taps.add(tapped, first_time, room).is_err() {
            self.lose(|loss| &mut loss.over_cap, 1);
        }
    }
}

/// A number in decimal digits.
pub(crate) fn parse(digits: &[u8]) -> Option<u32> {
    str::from_utf8(digits).ok()?.parse().ok()
}
