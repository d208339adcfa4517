//! The chain of forks between the root and this process.
//!
//! The prepare handler notes where fork was called; the child's handler appends that to the chain,
//! which is ordinary memory and so comes down by copy. The child counts itself in the tree page:
//! a fork that failed is not counted.

use super::{fork, tree};
use crate::cell::Alone;
use crate::observe::linkmap;
use crate::stack::native;
use crate::{emit, sys};
use alive_wire::MAX_LINEAGE;
use core::sync::atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering};

/// Forks of one role that are announced by an event of their own. Beyond, the count rides along
/// with the role's other events: a server that forks per connection is not to be slowed down.
const ANNOUNCED_FORKS: u32 = 64;

/// One fork above this process.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    /// Number of the role in the tree page.
    pub(crate) role: u16,
    /// Which process of the role this is, from 1.
    pub(crate) ordinal: u32,
    /// Who called fork; 0 when not known.
    pub(crate) forker_pid: u32,
    /// Return address of the call; 0 when not known. Good here too: a fork moves no mapping.
    pub(crate) site: u64,
}

struct Chain {
    links: [Link; MAX_LINEAGE],
    depth: u16,
}

static CHAIN: Alone<Chain> = Alone::new(Chain {
    links: [Link { role: 0, ordinal: 0, forker_pid: 0, site: 0 }; MAX_LINEAGE],
    depth: 0,
});

// What the prepare handler leaves for the child. Two threads that fork at the same moment from
// different places may swap sites; each child is still counted once.
static FORKER_PID: AtomicU32 = AtomicU32::new(0);
static SITE: AtomicU64 = AtomicU64::new(0);
static ROLE: AtomicU16 = AtomicU16::new(0);

/// Forks between the root and this process; may be larger than the chain is long.
pub(crate) fn depth() -> u16 {
    CHAIN.get().depth
}

/// The chain, outermost first; the innermost forks are missing when it grew too long.
pub(crate) fn links() -> &'static [Link] {
    let chain = CHAIN.get();
    chain.links.get(..usize::from(chain.depth)).unwrap_or(&chain.links)
}

fn own_role() -> u16 {
    links().last().map_or(0, |link| link.role)
}

/// Before a fork, in the parent.
fn prepare() {
    let Some(speaker) = fork::speaker() else { return };
    linkmap::remember();
    let site = native::caller_outside_libc();
    FORKER_PID.store(speaker.pid, Ordering::Relaxed);
    SITE.store(site, Ordering::Relaxed);
    ROLE.store(tree::role(own_role(), site), Ordering::Relaxed);
}

/// After a fork, in the child, which has one thread.
fn child() {
    fork::reset_in_child();
    let link = Link {
        role: ROLE.load(Ordering::Relaxed),
        ordinal: tree::count_fork(ROLE.load(Ordering::Relaxed)),
        forker_pid: FORKER_PID.load(Ordering::Relaxed),
        site: SITE.load(Ordering::Relaxed),
    };
    append(link);
    if link.ordinal <= ANNOUNCED_FORKS {
        emit::forked();
    }
}

/// A child that no atfork handler announced: made by `_Fork` or a clone of the program's own.
pub(crate) fn enter_unannounced() {
    let role = tree::role(own_role(), 0);
    append(Link { role, ordinal: tree::count_fork(role), forker_pid: sys::getppid(), site: 0 });
    linkmap::remember();
}

fn append(link: Link) {
    // SAFETY: a fresh child; `fork::speaker` lets one thread of it through here.
    unsafe {
        CHAIN.change(|chain| {
            if let Some(slot) = chain.links.get_mut(usize::from(chain.depth)) {
                *slot = link;
            }
            chain.depth = chain.depth.saturating_add(1);
        });
    }
}

/// Registers the handlers; called by the constructor.
pub(crate) fn begin() {
    // SAFETY: the handlers stay for the life of the process: a preloaded library is never unloaded.
    unsafe { libc::pthread_atfork(Some(prepare_edge), None, Some(child_edge)) };
}

unsafe extern "C" fn prepare_edge() {
    prepare();
}

unsafe extern "C" fn child_edge() {
    child();
}
