//! The tree page: what all descendants of one root count together.
//!
//! One anonymous shared page, made before the first fork and inherited by every one. Because the
//! sequence is the whole tree's, an event that a worker lost and then died with shows as a gap in
//! its siblings' next event; because forks are counted here, "3 of 8 workers" is known without
//! asking the other five.

use super::bystanders::Seen;
use super::noted::{Noted, Reading};
use crate::cell::{Bytes, copy};
use crate::stack::lang::lines::Lines;
use crate::sys;
use alive_wire::record::Reason;
use alive_wire::{Language, LanguageStack};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// Bytes of the shared mapping. Only the first page is touched where no line of a fork is known and
/// nothing was seen beside it.
const TREE_BYTES: usize = 10 * 4096;

/// Roles that one tree can tell apart; the last one takes all further ones.
const ROLES: usize = 120;

/// One role: a fork site reached from a parent role.
struct Role {
    key: AtomicU64,
    forks: AtomicU32,
    resident_kib: AtomicU32,
    nanos: AtomicU64,
    /// Its process is known to be the heir of the root.
    heir: AtomicBool,
}

impl Role {
    const fn new() -> Self {
        Self {
            key: AtomicU64::new(0),
            forks: AtomicU32::new(0),
            resident_kib: AtomicU32::new(0),
            nanos: AtomicU64::new(0),
            heir: AtomicBool::new(false),
        }
    }
}

/// The shared counters.
#[repr(C)]
struct Tree {
    sequence: AtomicU64,
    nodes: AtomicU32,
    not_sent: [AtomicU64; 4],
    roles: [Role; ROLES],
    /// Together, because both are read where one is.
    sites: [(Line, Noted); ROLES],
}

const _: () = assert!(size_of::<Tree>() <= TREE_BYTES);

/// Bytes kept of the line that forks into a role.
const LINE_BYTES: usize = 176;

/// The line in an interpreted language that forks into a role. Written once.
struct Line {
    /// 0 none yet, 1 being written, 2 whole.
    state: AtomicU32,
    language: AtomicU32,
    length: AtomicU32,
    packed: [AtomicU64; LINE_BYTES / 8],
}

impl Line {
    const fn new() -> Self {
        Self {
            state: AtomicU32::new(0),
            language: AtomicU32::new(0),
            length: AtomicU32::new(0),
            packed: [const { AtomicU64::new(0) }; LINE_BYTES / 8],
        }
    }
}

/// Counts for this process alone where the page could not be made.
// SAFETY: ordinary zeros and numbers; layout.ld gives the section its place among the data.
#[unsafe(link_section = "tables")]
static OWN: Tree = Tree {
    sequence: AtomicU64::new(0),
    nodes: AtomicU32::new(0),
    not_sent: [const { AtomicU64::new(0) }; 4],
    roles: [const { Role::new() }; ROLES],
    sites: [const { (Line::new(), Noted::new()) }; ROLES],
};

static TREE: AtomicPtr<Tree> = AtomicPtr::new((&raw const OWN).cast_mut());

fn tree() -> &'static Tree {
    // SAFETY: the pointer is to a static or to a mapping that is never unmapped; all fields are atomic.
    unsafe { &*TREE.load(Ordering::Relaxed) }
}

/// Makes the page. Called before the first fork.
pub(crate) fn begin() {
    if let Some(mapping) = sys::map_zeroed(TREE_BYTES, libc::MAP_SHARED) {
        TREE.store(mapping.cast(), Ordering::Release);
    }
}

/// Whether the counters are the tree's, not this process's alone.
pub(crate) fn is_shared() -> bool {
    !core::ptr::eq(tree(), &raw const OWN)
}

/// The next event's number, from 1. An event that is then not sent leaves a gap, as it should.
pub(crate) fn next_sequence() -> u64 {
    tree().sequence.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
}

/// The next descendant's number, from 1.
pub(crate) fn next_node() -> u32 {
    tree().nodes.fetch_add(1, Ordering::Relaxed).wrapping_add(1)
}

/// Counts an event that is not sent.
pub(crate) fn count_not_sent(reason: Reason) {
    if let Some(counter) = tree().not_sent.get(usize::from(reason as u8).saturating_sub(1)) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// The reasons for which events were not sent, with their counts, zeros left out.
pub(crate) fn not_sent() -> impl Iterator<Item = (u8, u64)> {
    (1u8..)
        .zip(tree().not_sent.iter().map(|counter| counter.load(Ordering::Relaxed)))
        .filter(|(_, count)| *count > 0)
}

/// Number of the role that `site` forks from `parent`, a place in machine code mixed with the line that
/// called it; the root's own role is 0.
pub(crate) fn role(parent: u16, site: u64) -> u16 {
    // 0 marks a free slot, so a key is never 0.
    let key = (site.rotate_left(16) ^ u64::from(parent)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let roles = &tree().roles;
    for (index, role) in (1u16..).zip(roles) {
        match role.key.compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return index,
            Err(taken) if taken == key => return index,
            Err(_) => {}
        }
    }
    u16::try_from(roles.len()).unwrap_or(u16::MAX)
}

fn entry(role: u16) -> Option<&'static Role> {
    tree().roles.get(usize::from(role).checked_sub(1)?)
}

fn site(role: u16) -> Option<&'static (Line, Noted)> {
    tree().sites.get(usize::from(role).checked_sub(1)?)
}

/// Notes what was there beside the thread that forks into a role.
pub(crate) fn note_bystanders(role: u16, seen: &Seen) {
    if let Some((_, noted)) = site(role) {
        noted.write(seen);
    }
}

/// What was there beside the threads that forked into a role; `None` where it is not known.
pub(crate) fn bystanders(role: u16) -> Option<Reading> {
    site(role)?.1.read()
}

/// Notes the line that forks into a role, if that was not done yet.
pub(crate) fn note_line(role: u16, line: &LanguageStack<'_>) {
    let Some((slot, _)) = site(role) else { return };
    let bytes = line.packed;
    if bytes.is_empty()
        || bytes.len() > LINE_BYTES
        || slot.state.load(Ordering::Relaxed) != 0
        || slot.state.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err()
    {
        return;
    }
    for (slot, chunk) in slot.packed.iter().zip(bytes.chunks(8)) {
        let mut word = [0u8; 8];
        copy(&mut word, chunk);
        slot.store(u64::from_ne_bytes(word), Ordering::Relaxed);
    }
    slot.language.store(line.language.map_or(0, |language| u32::from(language.byte())), Ordering::Relaxed);
    slot.length.store(u32::try_from(bytes.len()).unwrap_or(0), Ordering::Relaxed);
    slot.state.store(2, Ordering::Release);
}

/// The line that forks into a role.
pub(crate) fn fork_line(role: u16) -> Lines<LINE_BYTES> {
    let slot = site(role).map(|(line, _)| line);
    let Some(slot) = slot.filter(|slot| slot.state.load(Ordering::Acquire) == 2) else { return Lines::NONE };
    let mut packed = Bytes::<LINE_BYTES>::EMPTY;
    for word in &slot.packed {
        packed.push(&word.load(Ordering::Relaxed).to_ne_bytes());
    }
    let length = usize::try_from(slot.length.load(Ordering::Relaxed)).unwrap_or(0);
    let language = u8::try_from(slot.language.load(Ordering::Relaxed)).ok().and_then(Language::from_byte);
    match (language, packed.as_slice().get(..length)) {
        (Some(language), Some(packed)) => Lines::of(language, packed, false),
        _ => Lines::NONE,
    }
}

/// Counts a process of this role; which one it is, from 1.
pub(crate) fn count_fork(role: u16) -> u32 {
    entry(role).map_or(0, |role| role.forks.fetch_add(1, Ordering::Relaxed).wrapping_add(1))
}

/// A fork that was counted came to nothing.
pub(crate) fn take_fork_back(role: u16) {
    if let Some(role) = entry(role) {
        _ = role.forks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |forks| forks.checked_sub(1));
    }
}

/// Makes known that the one process of this role is the heir; true for who says so first.
pub(crate) fn declare_heir(role: u16) -> bool {
    entry(role).is_some_and(|role| !role.heir.swap(true, Ordering::Relaxed))
}

/// Whether the one process of this role is known to be the heir.
pub(crate) fn is_heir(role: u16) -> bool {
    entry(role).is_some_and(|role| role.heir.load(Ordering::Relaxed))
}

/// Adds what a fork into this role cost its forker.
pub(crate) fn add_cost(role: u16, nanos: u64, resident_kib: Option<u32>) {
    if let Some(role) = entry(role) {
        role.nanos.fetch_add(nanos, Ordering::Relaxed);
        if let Some(resident_kib) = resident_kib {
            role.resident_kib.store(resident_kib, Ordering::Relaxed);
        }
    }
}

/// What the tree knows of a role.
#[derive(Clone, Copy, Default)]
pub(crate) struct Forks {
    /// Processes so far.
    pub(crate) count: u32,
    /// Nanoseconds that their forks took, summed.
    pub(crate) nanos: u64,
    /// Resident size of the forker when it was last measured.
    pub(crate) resident_kib: u32,
}

/// What the tree knows of a role.
pub(crate) fn forks(role: u16) -> Forks {
    entry(role).map_or_else(Forks::default, |role| Forks {
        count: role.forks.load(Ordering::Relaxed),
        nanos: role.nanos.load(Ordering::Relaxed),
        resident_kib: role.resident_kib.load(Ordering::Relaxed),
    })
}
