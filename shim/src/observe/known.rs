//! The books: which mapped objects are known in this process, so that the others are new.
//!
//! One thread writes at a time ([`super::linkmap`] sees to that), and a fork copies the books with
//! everything else: what the parent knew is no load of the child's.

use super::entries::Entry;
use crate::process::tree;
use alive_wire::record::Reason;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// Objects that can be told apart; beyond, new ones are counted, not told.
const SLOTS: usize = 1024;

/// A slot whose object was unmapped.
const REMOVED: u64 = 1;

struct Slot {
    /// Which object; 0 for a free slot.
    object: AtomicU64,
    /// The last pruning that saw it mapped.
    seen: AtomicU32,
}

// SAFETY: ordinary zeros and numbers; layout.ld gives the section its place among the data.
#[unsafe(link_section = "tables")]
static KNOWN: [Slot; SLOTS] = [const { Slot { object: AtomicU64::new(0), seen: AtomicU32::new(0) } }; SLOTS];
static PRUNINGS: AtomicU32 = AtomicU32::new(0);
static OLD_RPATH: AtomicBool = AtomicBool::new(false);

/// Whether some object has an RPATH of the old kind, which reaches into the searches of others.
pub(super) fn has_old_rpath() -> bool {
    OLD_RPATH.load(Ordering::Relaxed)
}

/// Enters an object into the books; true when it was not there.
pub(super) fn learn(entry: &Entry) -> bool {
    let identity = entry.identity();
    let Some(slot) = slot_of(identity) else {
        tree::count_not_sent(Reason::LinkMap);
        return false;
    };
    if slot.object.load(Ordering::Relaxed) == identity {
        return false;
    }
    slot.object.store(identity, Ordering::Relaxed);
    entry.look_for_interpreter();
    if entry.has_old_rpath() {
        OLD_RPATH.store(true, Ordering::Relaxed);
    }
    true
}

/// The slot that holds an object, else the one where it belongs; `None` when the books are full.
fn slot_of(identity: u64) -> Option<&'static Slot> {
    let start = usize::try_from(identity >> 54).unwrap_or(0);
    let mut vacant = None;
    for step in 0..SLOTS {
        let slot = KNOWN.get(start.wrapping_add(step) % SLOTS)?;
        match slot.object.load(Ordering::Relaxed) {
            0 => return vacant.or(Some(slot)),
            REMOVED => vacant = vacant.or(Some(slot)),
            known if known == identity => return Some(slot),
            _ => {}
        }
    }
    vacant
}

/// Begins to forget what is no longer mapped: everything that is not [`Pruning::keep`]t goes.
pub(super) struct Pruning(u32);

impl Pruning {
    pub(super) fn new() -> Self {
        Self(PRUNINGS.fetch_add(1, Ordering::Relaxed).wrapping_add(1))
    }

    /// The object is still mapped.
    pub(super) fn keep(&self, entry: &Entry) {
        if let Some(slot) =
            slot_of(entry.identity()).filter(|slot| slot.object.load(Ordering::Relaxed) > REMOVED)
        {
            slot.seen.store(self.0, Ordering::Relaxed);
        }
    }

    /// Forgets the rest.
    pub(super) fn finish(self) {
        for slot in &KNOWN {
            let known = slot.object.load(Ordering::Relaxed);
            if known > REMOVED && slot.seen.load(Ordering::Relaxed) != self.0 {
                slot.object.store(REMOVED, Ordering::Relaxed);
            }
        }
    }
}
