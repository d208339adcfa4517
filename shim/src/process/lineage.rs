//! The chain of forks between the root and this process.
//!
//! The prepare handler notes where fork was called. The chain and the note are ordinary memory and
//! so come down by copy; the child appends the note to the chain when it first has something to
//! say. The first children of a role count themselves in the tree page and tell that they were
//! forked. That makes three page faults in the child; a server that forks for every connection is not
//! to pay for them each time, so the further ones are counted by their forker, which takes a fork that
//! failed back ([`super::failure`]).
//!
//! Every page of ordinary memory that is written around a fork is copied for it. So the note is
//! written only where it changes, and what changes at every fork lies in pages that are not copied:
//! the wiped one and the shared one.
//!
//! [`super::heir`] may find that this process is the main one: then the chain begins anew.

use super::site::Site;
use super::{failure, fork, heir, tree};
use crate::cell::{Alone, Guarded};
use crate::hooks::guard;
use crate::observe::linkmap;
use crate::observe::name::hash;
use crate::stack::object;
use crate::{config, emit, sys};
use alive_wire::{ANNOUNCED_FORKS, MAX_LINEAGE};
use core::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};

/// One fork above this process.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    /// Number of the role in the tree page.
    pub(crate) role: u16,
    /// Which process of the role this is, from 1; 0 when it is one of very many.
    pub(crate) ordinal: u32,
    /// Who called fork; 0 when not known.
    pub(crate) forker_pid: u32,
    /// Return address of the call; 0 when not known. Good here too: a fork moves no mapping.
    pub(crate) site: u64,
    /// The forker found out just before it that it is the heir; it may be the middle of a double fork.
    pub(crate) from_fresh_heir: bool,
}

const NO_LINK: Link = Link { role: 0, ordinal: 0, forker_pid: 0, site: 0, from_fresh_heir: false };

/// Written in a fresh child only, which has one thread.
static LINKS: Alone<[Link; MAX_LINEAGE]> = Alone::new([NO_LINK; MAX_LINEAGE]);
static DEPTH: AtomicU16 = AtomicU16::new(0);
/// Role of the process that the chain begins below: the root, or its heir.
static BASE_ROLE: AtomicU16 = AtomicU16::new(0);

/// What the prepare handler leaves for the child. Two threads that fork at the same moment from
/// different places may swap sites; each child is still counted once, unless one of the two places
/// has forked few children yet.
struct Note {
    forker_pid: AtomicU32,
    role: AtomicU16,
    fresh_heir: AtomicBool,
    /// The child is to count itself and to tell that it was forked.
    announced: AtomicBool,
    site: AtomicU64,
}

static NOTE: Note = Note {
    forker_pid: AtomicU32::new(0),
    role: AtomicU16::new(0),
    fresh_heir: AtomicBool::new(false),
    announced: AtomicBool::new(false),
    site: AtomicU64::new(0),
};

impl Note {
    fn write(&self, forker_pid: u32, role: u16, fresh_heir: bool, announced: bool, site: u64) {
        let same = self.forker_pid.load(Ordering::Relaxed) == forker_pid
            && self.role.load(Ordering::Relaxed) == role
            && self.fresh_heir.load(Ordering::Relaxed) == fresh_heir
            && self.announced.load(Ordering::Relaxed) == announced
            && self.site.load(Ordering::Relaxed) == site;
        if !same {
            self.forker_pid.store(forker_pid, Ordering::Relaxed);
            self.role.store(role, Ordering::Relaxed);
            self.fresh_heir.store(fresh_heir, Ordering::Relaxed);
            self.announced.store(announced, Ordering::Relaxed);
            self.site.store(site, Ordering::Relaxed);
        }
    }
}

/// Forks between the root, or its heir, and this process; may be larger than the chain is long.
pub(crate) fn depth() -> u16 {
    DEPTH.load(Ordering::Relaxed)
}

/// The chain, outermost first; the innermost forks are missing when it grew too long.
pub(crate) fn links() -> &'static [Link] {
    let links = LINKS.get();
    links.get(..usize::from(depth())).unwrap_or(links)
}

fn own_role() -> u16 {
    links().last().map_or(BASE_ROLE.load(Ordering::Relaxed), |link| link.role)
}

/// This process is the main one from now on. Its old role becomes a place of its own, so that the
/// workers it forks where it was itself forked are not taken for its siblings.
pub(super) fn begin_anew() {
    const HEIR: u64 = 1;
    BASE_ROLE.store(tree::role(own_role(), HEIR), Ordering::Relaxed);
    DEPTH.store(0, Ordering::Relaxed);
}

/// Whether this image has forked.
static HAS_FORKED: AtomicBool = AtomicBool::new(false);
/// The first thread that is about to makes what forks need; another one forks without waiting.
static FIRST_FORK: Guarded<()> = Guarded::new(());

/// What only a program that forks needs: the tree page, the executable's name, and to be announced.
pub(crate) fn announce() {
    if HAS_FORKED.load(Ordering::Relaxed) || fork::forked() {
        return;
    }
    FIRST_FORK.with(|()| {
        if !HAS_FORKED.swap(true, Ordering::Relaxed) {
            tree::begin();
            object::find_landmarks();
            linkmap::remember_first();
            // SAFETY: hooks look at the configuration in forked processes only.
            unsafe { config::find_executable() };
            emit::started();
        }
    });
}

/// Before a fork, in the parent.
fn prepare() {
    let Some(speaker) = fork::speaker() else { return };
    announce();
    let fresh_heir = fork::forked() && heir::settle(&speaker);
    linkmap::remember();
    let Site { address: site, line } = Site::find();
    let line = line.stack();
    let called_at = if line.packed.is_empty() { site } else { site ^ hash(line.packed) };
    let role = tree::role(own_role(), called_at);
    tree::note_line(role, &line);
    let announced = tree::forks(role).count < ANNOUNCED_FORKS;
    NOTE.write(speaker.pid, role, fresh_heir, announced, site);
    if !announced {
        tree::count_fork(role);
        failure::prepare();
    }
    fork::page().fork_began_nanos.store(sys::clock_nanos(libc::CLOCK_MONOTONIC), Ordering::Relaxed);
}

/// After a fork, in the parent; also when it failed.
fn parent() {
    if guard::sandboxed() {
        return;
    }
    let role = NOTE.role.load(Ordering::Relaxed);
    let began = fork::page().fork_began_nanos.load(Ordering::Relaxed);
    let nanos = sys::clock_nanos(libc::CLOCK_MONOTONIC).saturating_sub(began);
    let announced = NOTE.announced.load(Ordering::Relaxed);
    if !announced && failure::found() {
        tree::take_fork_back(role);
    }
    tree::add_cost(role, nanos, if announced { resident_kib() } else { None });
}

/// After a fork, in the child, which has one thread.
fn child() {
    if guard::sandboxed() {
        fork::begin_in_child(0);
        return;
    }
    if NOTE.announced.load(Ordering::Relaxed) {
        let ordinal = tree::count_fork(NOTE.role.load(Ordering::Relaxed));
        fork::begin_in_child(ordinal);
        emit::forked();
    } else {
        fork::begin_in_child(fork::ONE_OF_MANY);
    }
}

/// A child that the handler counted speaks for the first time.
pub(crate) fn enter_announced(ordinal: u32) {
    heir::begin_in_child();
    append(Link {
        role: NOTE.role.load(Ordering::Relaxed),
        ordinal: if ordinal == fork::ONE_OF_MANY { 0 } else { ordinal },
        forker_pid: NOTE.forker_pid.load(Ordering::Relaxed),
        site: NOTE.site.load(Ordering::Relaxed),
        from_fresh_heir: NOTE.fresh_heir.load(Ordering::Relaxed),
    });
}

/// A child that no atfork handler announced: made by `_Fork` or a clone of the program's own.
pub(crate) fn enter_unannounced() {
    heir::begin_in_child();
    if config::get().executable.as_slice().is_empty() {
        // SAFETY: a fresh child; `fork::speaker` lets one thread of it through here.
        unsafe { config::find_executable() };
        object::find_landmarks();
        linkmap::remember_first();
    }
    let role = tree::role(own_role(), 0);
    append(Link { role, ordinal: tree::count_fork(role), forker_pid: sys::getppid(), site: 0, ..NO_LINK });
    linkmap::remember();
}

fn append(link: Link) {
    let depth = depth();
    // SAFETY: a fresh child; `fork::speaker` lets one thread of it through here.
    unsafe {
        LINKS.change(|links| {
            if let Some(slot) = links.get_mut(usize::from(depth)) {
                *slot = link;
            }
        });
    }
    DEPTH.store(depth.saturating_add(1), Ordering::Relaxed);
}

/// Resident size of this process in KiB, from the second number of statm.
fn resident_kib() -> Option<u32> {
    let fd = sys::open_read(c"/proc/self/statm")?;
    let mut buf = [0u8; 128];
    let text = sys::read(fd, &mut buf);
    sys::close(fd);
    let pages = text.split(|byte| *byte == b' ').nth(1)?;
    let pages: u32 = core::str::from_utf8(pages).ok()?.parse().ok()?;
    pages.checked_mul(config::get().page_kib)
}

/// Registers the handlers; called by the constructor.
pub(crate) fn begin() {
    heir::begin();
    // SAFETY: the handlers stay for the life of the process: a preloaded library is never unloaded.
    unsafe { libc::pthread_atfork(Some(prepare_edge), Some(parent_edge), Some(child_edge)) };
}

unsafe extern "C" fn prepare_edge() {
    prepare();
}

unsafe extern "C" fn parent_edge() {
    parent();
}

unsafe extern "C" fn child_edge() {
    child();
}
