//! Daemonising is a fork, too.
//!
//! A daemon that forks itself into the background goes on loading there: it is the program, and
//! what it loads before it forks its workers is start-up. So a forked process is its root's *heir*
//! when three things hold:
//!
//! 1. whoever forked it is gone;
//! 2. it is in another session than the main process was (`setsid` belongs to daemonising);
//! 3. every fork between the main process and it was its forker's first. Of several workers whose
//!    master dies, none is the heir.
//!
//! The rule is asked where it matters: before an event is sent and before a fork. From then on the
//! process is the main one; it says so once, and the collector takes back what it told before.
//! While 2 and 3 hold but the forker still lives (it may wait for its child to be ready), events
//! are marked, so that the collector knows what it may have to take back.
//!
//! Known to be wrong: a lone worker that calls `setsid` itself and whose master is then killed.

use super::fork::{self, Speaker};
use super::lineage::{self, Link};
use crate::{emit, sys};
use alive_wire::header::flags;
use core::sync::atomic::{AtomicU32, Ordering};

/// The session of the main process.
static SESSION: AtomicU32 = AtomicU32::new(0);

/// Notes the root's session; called by the constructor.
pub(super) fn begin() {
    SESSION.store(sys::session(), Ordering::Relaxed);
}

/// Whether the second and third condition hold.
fn may_inherit(links: &[Link]) -> bool {
    !links.is_empty()
        && usize::from(lineage::depth()) == links.len()
        && links.iter().all(|link| link.first)
        && sys::session() != SESSION.load(Ordering::Relaxed)
}

/// The flag for an event of this process.
pub(super) fn provisional(links: &[Link]) -> u16 {
    if may_inherit(links) { flags::MAY_REBASE } else { 0 }
}

/// Asks the rule; true when this process is the main one, and so nothing it does is late.
pub(crate) fn settle(speaker: &Speaker) -> bool {
    let links = lineage::links();
    let Some(last) = links.last() else { return !fork::forked() };
    if !may_inherit(links) || sys::getppid() == last.forker_pid {
        return false;
    }
    SESSION.store(sys::session(), Ordering::Relaxed);
    lineage::begin_anew();
    fork::become_main();
    emit::rebased(speaker);
    true
}
