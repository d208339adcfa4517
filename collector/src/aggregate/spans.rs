//! How long a load took.
//!
//! A load is told when its file is opened, and nobody tells when it is done. But the thread's next load tells how
//! much the thread has used by then, and where it stands: while it is still below the statement that began the
//! burst, what it used since its previous load was spent on that one's file. When the burst is over it ended at an
//! unknown moment, and its last load has no span. So it is wherever something is in doubt: a number of the
//! sequence that did not come even by the next load, a clock that ran backwards, a stack that tells nothing.
//!
//! A dlopen is told when it is done, and how long it took: that part of the time before it is its own.

use alive_wire::Header;
use alive_wire::header::flags;
use alive_wire::record::{Code, Usage};
use hashbrown::DefaultHashBuilder;

use super::burst::{Burst, Goes};
use super::processes::ProcessKey;
use super::recent::{Near, Recent};
use crate::heard::Heard;

/// Most threads whose previous load is remembered. The one that was silent longest loses its next span.
const MAX_THREADS: usize = 8_192;

/// A thread that waited for so long, most of the time idle, has something else to do than to load.
const LONG_NANOS: u64 = 1_000_000_000;

/// Between two loads that one line asked for there may be anything that the line does, so it must be short.
const SAME_LINE_NANOS: u64 = 20_000_000;

/// CPU time and the monotonic clock are not read at once.
const SLACK_NANOS: u64 = 1_000_000;

/// What a thread used between two of its loads, or in a part of that time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    /// Nanoseconds that passed.
    pub(crate) nanos: u64,
    /// Nanoseconds of them that it was on a CPU.
    pub(crate) cpu_nanos: u64,
    /// Minor page faults.
    pub(crate) faults: u64,
}

impl Span {
    /// Whether the thread was on a CPU for at least three quarters of the time.
    const fn is_busy(self) -> bool {
        self.cpu_nanos >= self.nanos / 4 * 3
    }

    const fn is_at_once(self) -> bool {
        self.is_busy() && self.nanos <= SAME_LINE_NANOS
    }

    const fn is_waiting(self) -> bool {
        self.nanos > LONG_NANOS && self.cpu_nanos < self.nanos / 10
    }

    /// The last `nanos` of it, with as much of the rest as of the time; and what is left.
    fn split(self, nanos: u64) -> (Self, Self) {
        let nanos = nanos.min(self.nanos);
        // Only a dlopen has a part of its own.
        if nanos == 0 {
            return (Self::default(), self);
        }
        let share = |of: u64| {
            let part = u128::from(of) * u128::from(nanos) / u128::from(self.nanos.max(1));
            u64::try_from(part).unwrap_or(of)
        };
        let last = Self { nanos, cpu_nanos: share(self.cpu_nanos), faults: share(self.faults) };
        let left = Self {
            nanos: self.nanos - last.nanos,
            cpu_nanos: self.cpu_nanos - last.cpu_nanos,
            faults: self.faults - last.faults,
        };
        (last, left)
    }
}

/// What is known of the time after a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// It belongs to the load, in part or as a whole; the end of so many events was seen that was not told before.
    Span { span: Span, events: u64 },
    /// The load ended within so many nanoseconds.
    Bound(u64),
}

/// The load that a figure is about.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    /// What its sum is found by.
    pub(crate) hash: u64,
    /// Where its sum was.
    pub(crate) place: usize,
    pub(crate) path: Vec<u8>,
    pub(crate) code: Code,
    pub(crate) seen_micros: u64,
}

/// A load as its sum has it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load<'h, 'a> {
    pub(crate) heard: &'h Heard<'a>,
    pub(crate) process: ProcessKey,
    /// Hash of the role.
    pub(crate) chain: u64,
    /// Hash that the sum is kept under.
    pub(crate) hash: u64,
    /// Where the sum is.
    pub(crate) place: usize,
    pub(crate) seen_micros: u64,
}

impl Owner {
    const NOBODY: Self = Self {
        hash: 0,
        place: 0,
        path: Vec::new(),
        code: Code { kind: None, language: None, outcome: None, via: None },
        seen_micros: 0,
    };
}

/// A thread's latest load.
#[derive(Debug)]
struct Thread {
    owner: Owner,
    chain: u64,
    /// 0: there was none.
    sequence: u64,
    /// Of the latest event: an interpreter may open a file several times before it reads it.
    latest: u64,
    /// How often it was opened.
    events: u64,
    nanos: u64,
    usage: Usage,
    burst: Burst,
    /// What is to be told of an earlier load once everything between two numbers has come.
    doubt: Option<(Told, u64, u64)>,
    doubted: Owner,
}

impl Near for (ProcessKey, u32) {
    fn near(&self) -> u32 {
        self.1
    }
}

/// The latest loads of the threads that loaded lately.
#[derive(Debug)]
pub(crate) struct Spans {
    threads: Recent<(ProcessKey, u32), Thread>,
    hasher: DefaultHashBuilder,
    /// Where the thread that speaks stands; kept for its room.
    here: Burst,
}

impl Spans {
    pub(crate) fn new() -> Self {
        Self {
            threads: Recent::new(MAX_THREADS),
            hasher: DefaultHashBuilder::default(),
            here: Burst::default(),
        }
    }

    /// Takes a load, and tells what it says about its thread's previous one and about itself. `is_whole` says
    /// whether everything that the tree told between two numbers has come.
    pub(crate) fn hear(
        &mut self,
        load: &Load<'_, '_>,
        is_whole: impl Fn(u64, u64) -> bool,
        mut tell: impl FnMut(&Owner, Told),
    ) {
        let heard = load.heard;
        let header = heard.header();
        let Some(usage) = heard.usage.filter(|usage| usage.thread != 0) else { return };
        // Their moment is not that of the load: a dependency is part of the dlopen that brought it.
        if header.flags & flags::SEEN_LATER != 0 || heard.pulled_in_by.is_some() {
            return;
        }
        if self.threads.is_full() {
            self.threads.forget(drop);
        }
        let thread = self.threads.get_or_insert_with((load.process, usage.thread), Thread::new);
        // One that was overtaken; or it has no number.
        if header.sequence <= thread.latest {
            return;
        }
        thread.settle(load.chain, &is_whole, &mut tell);
        let gap = thread.gap(load.chain, header, usage);
        let goes = thread.burst.goes(&self.hasher, &mut self.here, heard);
        let again = |gap: Span| gap.is_at_once() || (goes == Goes::On && !gap.is_waiting());
        if load.hash == thread.owner.hash && heard.nanos.is_none() && gap.is_some_and(again) {
            (thread.latest, thread.events) = (header.sequence, thread.events.saturating_add(1));
            return;
        }
        let (own, before) = gap.unwrap_or_default().split(heard.nanos.unwrap_or(0));
        if gap.is_some() {
            let told = thread.told(goes, before);
            if is_whole(thread.sequence, header.sequence) {
                tell(&thread.owner, told);
            } else {
                thread.doubt = Some((told, thread.sequence, header.sequence));
                std::mem::swap(&mut thread.doubted, &mut thread.owner);
            }
        }
        if goes != Goes::On && goes != Goes::Untold {
            thread.burst.begin(&self.hasher, goes, &mut self.here, heard);
        } else {
            thread.burst.go_on(&self.here);
        }
        thread.note(load, usage);
        if own.nanos > 0 {
            thread.events = 0;
            tell(&thread.owner, Told::Span { span: own, events: 1 });
        }
    }
}

impl Thread {
    fn new() -> Self {
        Self {
            owner: Owner::NOBODY,
            chain: 0,
            sequence: 0,
            latest: 0,
            events: 0,
            nanos: 0,
            usage: Usage::default(),
            burst: Burst::default(),
            doubt: None,
            doubted: Owner::NOBODY,
        }
    }

    /// Tells what was in doubt, or gives it up.
    fn settle(
        &mut self,
        chain: u64,
        is_whole: &impl Fn(u64, u64) -> bool,
        tell: &mut impl FnMut(&Owner, Told),
    ) {
        if let Some((told, from, to)) = self.doubt.take()
            && self.chain == chain
            && is_whole(from, to)
        {
            tell(&self.doubted, told);
        }
    }

    /// What the thread used since its previous load; `None` where the clocks cannot be right.
    fn gap(&self, chain: u64, header: &Header, usage: Usage) -> Option<Span> {
        if self.sequence == 0 || self.chain != chain {
            return None;
        }
        let nanos = header.monotonic_nanos.checked_sub(self.nanos)?;
        let cpu_nanos = usage.cpu_nanos.checked_sub(self.usage.cpu_nanos)?;
        let faults = usage.faults.checked_sub(self.usage.faults)?;
        let sane = cpu_nanos <= nanos.saturating_add(SLACK_NANOS);
        sane.then_some(Span { nanos, cpu_nanos: cpu_nanos.min(nanos), faults })
    }

    /// What the time after the previous load says of it.
    fn told(&self, goes: Goes, gap: Span) -> Told {
        let belongs = match goes {
            Goes::On => !gap.is_waiting(),
            Goes::Deeper => gap.is_busy() && gap.nanos <= LONG_NANOS,
            Goes::SameLine => gap.is_at_once(),
            Goes::Untold | Goes::Elsewhere => false,
        };
        if belongs { Told::Span { span: gap, events: self.events } } else { Told::Bound(gap.nanos) }
    }

    fn note(&mut self, load: &Load<'_, '_>, usage: Usage) {
        let header = load.heard.header();
        (self.owner.hash, self.owner.place) = (load.hash, load.place);
        self.owner.path.clear();
        self.owner.path.extend_from_slice(load.heard.path.unwrap_or_default());
        self.owner.code = load.heard.code;
        self.owner.seen_micros = load.seen_micros;
        (self.chain, self.sequence, self.nanos) = (load.chain, header.sequence, header.monotonic_nanos);
        (self.latest, self.events, self.usage) = (header.sequence, 1, usage);
    }
}
