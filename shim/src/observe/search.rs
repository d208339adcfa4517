//! Names that are searched for and never found.
//!
//! An interpreter probes many places for one name: Perl stats it in every folder of `@INC`, Ruby
//! opens it in every folder of `$LOAD_PATH`. Thousands of failing calls stand for a handful of
//! names, and most names are found at the end. So probes are folded here, in the process:
//!
//! 1. a failing probe opens a search for its *stem* (`Optional` of `/a/Acme/Optional.pm`), or adds
//!    to it. What the paths of all its probes share at their end is the name (`Acme/Optional`);
//! 2. a success with that stem closes the search, and nothing was missing;
//! 3. a search that saw no probe for a while, or began anew from its first path several times, or
//!    whose place is needed, or whose process ends, found nothing. Unless the name is that of a library
//!    that was mapped before (Ruby looks for `zlib.rb` though it has `zlib.so`), it is missing and
//!    is told, once in the life of the process;
//! 4. a load of a name that was told takes it back.

use super::classify::Class;
use super::name::{ends_with_name, hash, is_noise, name_and_stem, shared_end};
use super::{linkmap, python};
use crate::cell::Bytes;
use crate::emit::{self, Missing};
use crate::process::fork::{self, Speaker};
use crate::process::heir;
use crate::stack::Trace;
use crate::stack::lang::lines::Lines;
use crate::undisturbed::Undisturbed;
use crate::{arch, config, sys};
use alive_wire::{CodeKind, Language, Outcome};
use core::sync::atomic::Ordering;

/// Searches that can be open at once.
const OPEN: usize = 6;

/// Names that a process remembers to have told of; beyond, they are told again.
const TOLD: usize = 192;

/// A search without a probe for so long is over: longer than an interpreter pauses between two
/// folders.
const OVER_AFTER_NANOS: u64 = 250_000_000;

/// A probe for the name of a search that is still open continues it after a pause of no more than this.
const CONTINUED_WITHIN_NANOS: u64 = 2_000_000_000;

/// So often a search comes back to its first path before it is taken for a repetition. One return
/// is common: a package manager adds a folder and tries again.
const RETURNS: u32 = 3;

/// So many probes of one path alone are repetitions: a library makes up to four calls for one.
const PROBES_OF_ONE_PATH: u32 = 12;

/// Frames kept of who began a search.
const FRAMES: usize = 24;

/// Bytes kept of its lines in an interpreted language.
const LINES: usize = 384;

/// Longest name that is kept; of a longer one, its end.
const LONGEST: usize = 200;

/// One search that has found nothing yet. All zeros is a free place.
#[derive(Clone, Copy)]
struct Search {
    /// Who searches; 0 when the place is free.
    thread: u64,
    /// What the paths of all probes share at their end, without the suffix.
    name: Bytes<LONGEST>,
    /// The name lost its beginning, so it is not a whole path.
    partial: bool,
    kind: u8,
    language: u8,
    probes: u32,
    /// Hashes of the first path and of the last.
    first_path: u64,
    last_path: u64,
    /// How often the first path was probed after another one.
    returns: u32,
    last_nanos: u64,
    frames: usize,
    addresses: [u64; FRAMES],
    lines: Lines<LINES>,
}

/// What a process knows of its searches; zeros in a fresh child.
pub(crate) struct Searches {
    open: [Search; OPEN],
    /// Hashes of names; 0 for a free place.
    told: [u64; TOLD],
    /// Where the next name goes.
    next_told: usize,
}

impl Searches {
    pub(crate) const NONE: Self = Self {
        open: [Search {
            thread: 0,
            name: Bytes::EMPTY,
            partial: false,
            kind: 0,
            language: 0,
            probes: 0,
            first_path: 0,
            last_path: 0,
            returns: 0,
            last_nanos: 0,
            frames: 0,
            addresses: [0; FRAMES],
            lines: Lines::NONE,
        }; OPEN],
        told: [0; TOLD],
        next_told: 0,
    };

    /// Leaves word of how many are open.
    fn publish(&self) {
        let open = self.open.iter().filter(|search| search.thread != 0).count();
        fork::page().open_searches.store(u32::try_from(open).unwrap_or(0), Ordering::Relaxed);
    }

    /// Whether a name is yet to be told; it counts as told from now on.
    fn tell_once(&mut self, name: &[u8]) -> bool {
        let hash = hash(name);
        if self.told.contains(&hash) {
            return false;
        }
        if let Some(slot) = self.told.get_mut(self.next_told % TOLD) {
            *slot = hash;
        }
        self.next_told = self.next_told.wrapping_add(1);
        true
    }
}

/// A call of the stat, access or open family failed because there is no such file.
pub(crate) fn failed(path: &[u8], class: Class) {
    let (whole, stem) = name_and_stem(path);
    if is_noise(path, stem) {
        return;
    }
    let Some(speaker) = fork::speaker() else { return };
    let now = sys::clock_nanos(libc::CLOCK_MONOTONIC);
    let thread = arch::thread();
    let known = fork::page().searches.with(|searches| {
        let search =
            searches.open.iter_mut().find(|search| search.thread == thread && search.is_for(stem))?;
        let paused = search.paused_until(now);
        if !paused {
            search.add(whole, hash(path), now);
        }
        Some(paused || search.repeats())
    });
    // What follows needs more of the stack than a small one may have; it is left to another hook.
    if matches!(known, Some(None | Some(true))) && emit::has_room() {
        let _undisturbed = Undisturbed::begin();
        conclude_or_begin(&speaker, path, class, now);
    }
}

/// A search that repeats itself, or that paused too long, is told; one that is not known begins.
#[inline(never)]
fn conclude_or_begin(speaker: &Speaker, path: &[u8], class: Class, now: u64) {
    let (whole, stem) = name_and_stem(path);
    let thread = arch::thread();
    let over = fork::page().searches.with(|searches| {
        if let Some(search) =
            searches.open.iter_mut().find(|search| search.thread == thread && search.is_for(stem))
        {
            if search.paused_until(now) {
                let ended = core::mem::replace(search, Search::begin(thread, whole, hash(path), class, now));
                return Some(ended).filter(|ended| searches.tell_once(ended.name.as_slice()));
            }
            // It stays open: what is left of this repetition belongs to it, not to a search of its own.
            let repeated = search.repeats().then_some(*search);
            return repeated.filter(|search| searches.tell_once(search.name.as_slice()));
        }
        let place = searches.open.iter_mut().min_by_key(|search| match search.thread {
            0 => 0,
            _ => search.last_nanos,
        })?;
        let evicted = (place.thread != 0).then_some(*place);
        *place = Search::begin(thread, whole, hash(path), class, now);
        searches.publish();
        evicted.filter(|search| searches.tell_once(search.name.as_slice()))
    });
    if let Some(Some(search)) = over {
        tell(speaker, &search);
    }
}

/// A probe, or an open, of a path that is there: its search found something.
pub(crate) fn succeeded(path: &[u8]) {
    let (whole, stem) = name_and_stem(path);
    while close_one(whole, stem).is_some() {}
}

/// Closes one search that this path answers; its name.
fn close_one(whole: &[u8], stem: &[u8]) -> Option<Bytes<LONGEST>> {
    fork::page().searches.with(|searches| {
        let answered = searches.open.iter_mut().find(|search| {
            search.thread != 0
                && search.is_for(stem)
                && (!search.partial || ends_with_name(whole, search.name.as_slice()))
        })?;
        answered.thread = 0;
        let name = answered.name;
        searches.publish();
        Some(name)
    })?
}

/// Code was loaded: if its name was told to be missing, that is taken back.
///
/// That is the name of a search that the load answered, or what its path ends with. A single word
/// at the end of a path is no proof: `Any/Moose.pm` is not the `Moose` that was missing.
pub(crate) fn loaded(speaker: &Speaker, path: &[u8], class: Class) {
    let (whole, stem) = name_and_stem(path);
    python::loaded(
        stem,
        whole.get(..whole.len().saturating_sub(stem.len().saturating_add(1))).unwrap_or_default(),
    );
    while let Some(name) = close_one(whole, stem) {
        tell_found(speaker, name.as_slice(), class);
    }
    let mut name = whole;
    while name.contains(&b'/') {
        tell_found(speaker, name, class);
        let slash = name.iter().position(|byte| *byte == b'/').unwrap_or(0);
        name = name.get(slash.saturating_add(1)..).unwrap_or_default();
    }
}

/// Says that a name is there after all, if it was told to be missing.
fn tell_found(speaker: &Speaker, name: &[u8], class: Class) {
    if take_back(name) {
        let missing =
            Missing { name, kind: class.kind, language: class.language, outcome: Outcome::Loaded, probes: 0 };
        emit::missing(speaker, &missing, &Trace::NONE);
    }
}

/// Whether a name has yet to be told; it counts as told from now on.
pub(super) fn tell_once(name: &[u8]) -> bool {
    fork::page().searches.with(|searches| searches.tell_once(name)) == Some(true)
}

/// Whether a name was told; it counts as not told from now on.
pub(super) fn take_back(name: &[u8]) -> bool {
    let taken = fork::page().searches.with(|searches| {
        let hash = hash(name);
        searches.told.iter_mut().find(|told| **told == hash).map(|told| *told = 0)
    });
    taken.flatten().is_some()
}

/// The end of any hook of a forked process: tells of searches that are over by now. The hook's own probe
/// was added before, so that a search goes on however long the machine kept its process waiting.
#[inline]
pub(crate) fn pass_time() {
    if fork::page().open_searches.load(Ordering::Relaxed) > 0
        && let Some(speaker) = fork::speaker()
    {
        let now = sys::clock_nanos(libc::CLOCK_MONOTONIC);
        let any_over = fork::page()
            .searches
            .with(|searches| searches.open.iter().any(|search| search.thread != 0 && search.is_over(now)));
        if any_over == Some(true) && emit::has_room() {
            let _undisturbed = Undisturbed::begin();
            finish(&speaker, Some(now));
        }
    }
}

/// The process ends, and with it every search.
pub(crate) fn end(speaker: &Speaker) {
    finish(speaker, None);
}

/// Tells of searches without a probe since a while before `now`; of all when there is no `now`.
#[inline(never)]
fn finish(speaker: &Speaker, now: Option<u64>) {
    for place in 0..OPEN {
        let over = fork::page().searches.with(|searches| {
            let search = searches.open.get_mut(place)?;
            let is_over = now.is_none_or(|now| search.is_over(now));
            if search.thread == 0 || !is_over {
                return None;
            }
            let ended = *search;
            search.thread = 0;
            searches.publish();
            Some(ended).filter(|ended| searches.tell_once(ended.name.as_slice()))
        });
        if let Some(Some(search)) = over {
            tell(speaker, &search);
        }
    }
}

fn tell(speaker: &Speaker, search: &Search) {
    let is_mapped = |path: &[u8]| ends_with_name(name_and_stem(path).0, search.name.as_slice());
    if linkmap::any(is_mapped) || heir::settle(speaker) || emit::must_only_count() {
        return;
    }
    let stack = Trace::of(search.addresses.iter().take(search.frames).copied(), &search.lines);
    let missing = Missing {
        name: search.name.as_slice(),
        kind: CodeKind::from_byte(search.kind).unwrap_or(CodeKind::Module),
        language: Language::from_byte(search.language).unwrap_or(Language::Other),
        outcome: Outcome::Failed,
        probes: search.probes,
    };
    emit::missing(speaker, &missing, &stack);
}

impl Search {
    #[inline(never)]
    fn begin(thread: u64, whole: &[u8], path: u64, class: Class, now: u64) -> Self {
        let skipped = whole.len().saturating_sub(LONGEST);
        let stack = Trace::capture();
        let mut addresses = [0u64; FRAMES];
        for (slot, address) in addresses.iter_mut().zip(stack.native.addresses()) {
            *slot = *address;
        }
        Self {
            thread,
            name: Bytes::of(whole.get(skipped..).unwrap_or_default()),
            partial: skipped > 0,
            kind: class.kind.byte(),
            language: class.language.byte(),
            probes: 1,
            first_path: path,
            last_path: path,
            returns: 0,
            last_nanos: now,
            frames: stack.native.addresses().len().min(FRAMES),
            addresses,
            lines: stack.lines.shortened(),
        }
    }

    /// Whether probes for this stem belong here.
    fn is_for(&self, stem: &[u8]) -> bool {
        config::base_name(self.name.as_slice()) == stem
    }

    /// One more probe: the name is what its path and the ones before share, in whole components.
    fn add(&mut self, whole: &[u8], path: u64, now: u64) {
        let shared = shared_end(self.name.as_slice(), whole);
        if shared < self.name.as_slice().len() {
            let skipped = self.name.as_slice().len().saturating_sub(shared);
            self.name = Bytes::of(self.name.as_slice().get(skipped..).unwrap_or_default());
            self.partial = true;
        }
        if path == self.first_path && path != self.last_path {
            self.returns = self.returns.saturating_add(1);
        }
        self.last_path = path;
        self.probes = self.probes.saturating_add(1);
        self.last_nanos = now;
    }

    /// Whether a probe at `now` comes too late to continue it.
    fn paused_until(&self, now: u64) -> bool {
        now.saturating_sub(self.last_nanos) > CONTINUED_WITHIN_NANOS
    }

    /// Whether its last probe was a while before `now`.
    fn is_over(&self, now: u64) -> bool {
        now.saturating_sub(self.last_nanos) > OVER_AFTER_NANOS
    }

    /// Whether the same search was made over and over.
    fn repeats(&self) -> bool {
        let one_path = self.first_path == self.last_path && self.returns == 0;
        self.returns >= RETURNS || (one_path && self.probes >= PROBES_OF_ONE_PATH)
    }
}
