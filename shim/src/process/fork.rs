//! Am I forked? One load from a page that the kernel wipes in every forked child.
//!
//! ```text
//!            constructor: mark = ROOT             kernel wipes the page at fork
//!   nothing ------------------------> root process ----------------------------> child: mark = 0
//! ```
//!
//! The page is right for `fork`, `_Fork`, `clone` and `clone3`, and blind to `vfork`, whose child
//! shares its parent's memory: such a child must look like its parent here, and must write nothing.
//! `getpid` per call would be 300 times dearer and would take a vfork child for a forked one.
//!
//! Everything that a fork must reset lives in this page ([`Page`] is the whole list): a child
//! finds zeros, whatever another thread of the parent was doing at the fork.

use super::{lineage, tree};
use crate::cell::Guarded;
use crate::hooks::guard;
use crate::observe::dlopen::Pending;
use crate::observe::python::Imports;
use crate::observe::search::Searches;
use crate::stack::lang::python::current::Notes;
use crate::sys;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// Bytes of the wiped mapping.
const PAGE_BYTES: usize = 20480;

/// `mark` of a process that was exec'ed, or that is not observed at all.
const ROOT: u32 = 1;

/// `ordinal` of a child that was counted by its forker.
pub(crate) const ONE_OF_MANY: u32 = u32::MAX;

/// What is zero in a fresh child.
#[repr(C, align(64))]
pub(crate) struct Page {
    mark: AtomicU32,
    /// This process's pid; 0 until it is asked for.
    pid: AtomicU32,
    /// Its number in the tree plus one; 0 until it is asked for.
    node: AtomicU32,
    /// Which process of its role it is; 0 until the atfork handler told, and for good in a child
    /// that no handler announced.
    ordinal: AtomicU32,
    /// When it was forked, by `CLOCK_MONOTONIC`; 0 when no handler told.
    pub(crate) forked_at_nanos: AtomicU64,
    /// When its latest fork began.
    pub(crate) fork_began_nanos: AtomicU64,
    /// errno then, where it matters.
    pub(crate) errno_before_fork: AtomicI32,
    /// The turn of one thread to compare the link map; true from its beginning to its end.
    pub(crate) comparing: Guarded<bool>,
    /// Calls of the real dlopen that have not returned.
    pub(crate) opening: AtomicU32,
    /// The dlopen that was jumped to and whose outcome is still to be seen.
    pub(crate) pending: Guarded<Pending>,
    /// How many searches are open, to be looked at without taking them.
    pub(crate) open_searches: AtomicU32,
    /// Interpreters whose stack was read in this process, and those to be left alone: a bit each.
    pub(crate) languages_read: AtomicU32,
    pub(crate) languages_off: AtomicU32,
    /// Threads that run another Python interpreter than their first.
    pub(crate) python_states: Notes,
    /// Python imports whose end was not seen.
    pub(crate) imports: Guarded<Imports>,
    /// Names that are being searched for.
    pub(crate) searches: Guarded<Searches>,
}

const _: () = assert!(size_of::<Page>() <= PAGE_BYTES);

impl Page {
    const fn new(mark: u32) -> Self {
        Self {
            mark: AtomicU32::new(mark),
            pid: AtomicU32::new(0),
            node: AtomicU32::new(0),
            ordinal: AtomicU32::new(0),
            forked_at_nanos: AtomicU64::new(0),
            fork_began_nanos: AtomicU64::new(0),
            errno_before_fork: AtomicI32::new(0),
            comparing: Guarded::new(false),
            opening: AtomicU32::new(0),
            pending: Guarded::new(Pending::NONE),
            open_searches: AtomicU32::new(0),
            languages_read: AtomicU32::new(0),
            languages_off: AtomicU32::new(0),
            python_states: Notes::new(),
            imports: Guarded::new(Imports::NONE),
            searches: Guarded::new(Searches::NONE),
        }
    }
}

/// Stands in until the constructor made the page, and for good where the shim is off.
// SAFETY: ordinary zeros and numbers; layout.ld gives the section its place among the data.
#[unsafe(link_section = "tables")]
static UNOBSERVED: Page = Page::new(ROOT);

static PAGE: AtomicPtr<Page> = AtomicPtr::new((&raw const UNOBSERVED).cast_mut());

/// The kernel does not wipe (Linux before 4.14): the atfork handler does.
static WIPED_BY_HAND: AtomicBool = AtomicBool::new(false);

/// The page of this process.
pub(crate) fn page() -> &'static Page {
    // SAFETY: the pointer is to a static or to a mapping that is never unmapped; all fields are atomic.
    unsafe { &*PAGE.load(Ordering::Relaxed) }
}

/// Whether this process was forked from the image that the constructor ran in.
pub(crate) fn forked() -> bool {
    page().mark.load(Ordering::Relaxed) != ROOT
}

/// Makes the page; false when the process must stay unobserved. Called by the constructor.
pub(crate) fn begin() -> bool {
    let Some(mapping) = sys::map_zeroed(PAGE_BYTES, libc::MAP_PRIVATE) else { return false };
    if !sys::advise(mapping, PAGE_BYTES, libc::MADV_WIPEONFORK) {
        WIPED_BY_HAND.store(true, Ordering::Relaxed);
    }
    let page: *mut Page = mapping.cast();
    // SAFETY: the fresh mapping is zeroed, page-aligned and large enough; zeros are a valid `Page`: every field is a number, a flag or made of such.
    let fresh = unsafe { &*page };
    fresh.mark.store(ROOT, Ordering::Relaxed);
    fresh.pid.store(sys::getpid(), Ordering::Relaxed);
    fresh.node.store(1, Ordering::Relaxed);
    PAGE.store(page, Ordering::Release);
    true
}

/// This process is the main one: its hooks fall silent, its children are forked from it.
pub(super) fn become_main() {
    page().mark.store(ROOT, Ordering::Relaxed);
}

/// In the child's atfork handler: resets what the kernel did not, and notes what only now is certain.
pub(crate) fn begin_in_child(ordinal: u32) {
    let page = page();
    if WIPED_BY_HAND.load(Ordering::Relaxed) {
        page.mark.store(0, Ordering::Relaxed);
        page.node.store(0, Ordering::Relaxed);
        page.comparing.release();
        page.comparing.with(|at_work| *at_work = false);
        page.opening.store(0, Ordering::Relaxed);
        page.pending.release();
        page.pending.with(|pending| *pending = Pending::NONE);
        page.open_searches.store(0, Ordering::Relaxed);
        page.languages_read.store(0, Ordering::Relaxed);
        page.languages_off.store(0, Ordering::Relaxed);
        page.python_states.reset();
        page.imports.release();
        page.imports.with(|imports| *imports = Imports::NONE);
        page.searches.release();
        page.searches.with(|searches| *searches = Searches::NONE);
    }
    if guard::sandboxed() {
        return;
    }
    page.pid.store(sys::getpid(), Ordering::Relaxed);
    page.ordinal.store(ordinal, Ordering::Relaxed);
    // One of many is never asked how old it is: an heir is the first of its role.
    if ordinal != ONE_OF_MANY {
        page.forked_at_nanos.store(sys::clock_nanos(libc::CLOCK_MONOTONIC), Ordering::Relaxed);
    }
}

/// A process that may speak.
#[derive(Clone, Copy)]
pub(crate) struct Speaker {
    pub(crate) pid: u32,
    /// Number in the tree; 0 is the root.
    pub(crate) node: u32,
}

/// This process, enrolled in the tree; `None` in a vfork child, which must neither write nor speak, and in a
/// sandbox, where even the question who it is may be forbidden.
pub(crate) fn speaker() -> Option<Speaker> {
    if guard::sandboxed() {
        return None;
    }
    let page = page();
    let pid = sys::getpid();
    if page
        .pid
        .compare_exchange(0, pid, Ordering::Relaxed, Ordering::Relaxed)
        .is_err_and(|known| known != pid)
    {
        return None;
    }
    let mut node = page.node.load(Ordering::Relaxed);
    if node == 0 {
        let fresh = tree::next_node().saturating_add(1);
        node = match page.node.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                match page.ordinal.load(Ordering::Relaxed) {
                    0 => lineage::enter_unannounced(),
                    ordinal => lineage::enter_announced(ordinal),
                }
                fresh
            }
            Err(other_thread) => other_thread,
        };
    }
    Some(Speaker { pid, node: node.saturating_sub(1) })
}
