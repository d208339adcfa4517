//! Daemonising is a fork, too.
//!
//! A daemon that forks itself into the background goes on loading there: it is the program, and
//! what it loads before it forks its workers is start-up. So a forked process is its root's *heir*
//! when three things hold:
//!
//! 1. whoever forked it is gone;
//! 2. it is in another session than the main process was (`setsid` belongs to daemonising), or its
//!    forker had become the heir the moment before (the second half of a double fork);
//! 3. every fork between the main process and it was the first of its role. Of several workers whose
//!    master dies, at most one could pass for the heir; helpers that were forked elsewhere before
//!    (spamd runs `pwd` first) do not count.
//!
//! The rule is asked where it matters: before an event is sent and before a fork. From then on the
//! process is the main one. It says so once, with its old lineage, and the collector moves what that
//! role told before to the start-up, where it belongs.
//!
//! A process whose forker was still there long after the fork is a worker and never the heir: its
//! master may be killed one day. Known to be wrong: a lone worker that calls `setsid` itself, and
//! whose master is killed before the worker loaded anything.

use super::fork::{self, Speaker};
use super::lineage::{self, Link};
use super::tree;
use crate::{emit, sys};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Longest time that a forker waits for the daemon it made to be ready.
const PATIENCE_NANOS: u64 = 30_000_000_000;

/// Longest time that the middle of a double fork lives on after its fork.
const DOUBLE_FORK_NANOS: u64 = 500_000_000;

/// The session of the main process.
static SESSION: AtomicU32 = AtomicU32::new(0);

/// This process was seen to have a master.
static IS_WORKER: AtomicBool = AtomicBool::new(false);

/// Notes the root's session; called by the constructor.
pub(super) fn begin() {
    SESSION.store(sys::session(), Ordering::Relaxed);
}

/// A fresh child does not know yet what it is.
pub(super) fn begin_in_child() {
    IS_WORKER.store(false, Ordering::Relaxed);
}

/// Asks the rule; true when this process is the main one, and so nothing it does is late.
///
/// A worker asks for its master, too: one that forks its workers and then only waits has no hook of
/// its own in which to ask.
pub(crate) fn settle(speaker: &Speaker) -> bool {
    if !inherits(speaker) {
        return false;
    }
    let links = lineage::links();
    if let Some(last) = links.last() {
        SESSION.store(sys::session(), Ordering::Relaxed);
        if tree::declare_heir(last.role) {
            emit::rebased(speaker, links);
        }
        lineage::begin_anew();
        fork::become_main();
    }
    true
}

/// Whether the rule holds now. A process that ends asks no more than this: a worker often outlives
/// its master by a moment when a daemon is stopped, and what it told stays told.
pub(crate) fn inherits(speaker: &Speaker) -> bool {
    let links = lineage::links();
    let Some((last, above)) = links.split_last() else { return !fork::forked() };
    if usize::from(lineage::depth()) != links.len() {
        return false;
    }
    let other_session = sys::session() != SESSION.load(Ordering::Relaxed);
    if other_session {
        settle_ancestors(speaker, above);
    }
    let all_first = links.iter().all(is_first);
    if !all_first || !(other_session || last.from_fresh_heir) || IS_WORKER.load(Ordering::Relaxed) {
        return false;
    }
    if sys::getppid() == last.forker_pid {
        let forked_at = fork::page().forked_at_nanos.load(Ordering::Relaxed);
        let since = sys::clock_nanos(libc::CLOCK_MONOTONIC).saturating_sub(forked_at);
        let patience = if other_session { PATIENCE_NANOS } else { DOUBLE_FORK_NANOS };
        IS_WORKER.store(since > patience, Ordering::Relaxed);
        return false;
    }
    true
}

/// Looks whether the process behind one of the links above is the heir, and says so for it.
fn settle_ancestors(speaker: &Speaker, above: &[Link]) {
    for (index, link) in above.iter().enumerate() {
        if !is_first(link) {
            return;
        }
        if !tree::is_heir(link.role) && sys::is_gone(link.forker_pid) && tree::declare_heir(link.role) {
            emit::rebased(speaker, above.get(..=index).unwrap_or(above));
        }
    }
}

/// Whether a fork was the first of its role.
const fn is_first(link: &Link) -> bool {
    link.ordinal == 1
}
