//! What got mapped: the dynamic linker's list of objects, compared with what was known.
//!
//! dlopen's argument is not the story: dependencies come in behind it, and glibc opens name
//! service, character set and unwinder libraries without any call that could be hooked. So the
//! list is compared after each dlopen and at later hooks, and each object that is new in this
//! process is a load of its own.
//!
//! `dl_iterate_phdr` would be the official way, but it takes a lock that another thread may have
//! held at the fork, and then a child hangs. So the list is read without one, from the shim's own
//! entry on, which is never removed. In a program with several threads that has called dlclose,
//! an entry could go away under the eyes; there it is read through the kernel, which says so
//! instead of faulting.

use super::classify::LIBRARY;
use super::dlopen::pending_stack;
use super::file::{MAX_PATH, resolve};
use crate::cell::Bytes;
use crate::config::base_name;
use crate::emit::{self, Load};
use crate::process::fork::{self, Speaker};
use crate::process::tree;
use crate::stack::native::Stack;
use crate::stack::object::{self, LinkMap};
use crate::{real, sys};
use alive_wire::header::flags;
use alive_wire::record::Reason;
use alive_wire::{Outcome, Via};
use core::ffi::{CStr, c_int};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// Objects that can be told apart; beyond, new ones are counted, not told.
const SLOTS: usize = 1024;

/// A slot whose object was unmapped.
const REMOVED: u64 = 1;

/// glibc's `struct r_debug`, for debuggers.
#[repr(C)]
struct RDebug {
    version: c_int,
    map: *const LinkMap,
    breakpoint: usize,
    state: c_int,
    linker_base: usize,
}

struct Slot {
    /// Which object; 0 for a free slot.
    object: AtomicU64,
    /// The last pruning that saw it mapped.
    seen: AtomicU32,
}

static KNOWN: [Slot; SLOTS] = [const { Slot { object: AtomicU64::new(0), seen: AtomicU32::new(0) } }; SLOTS];
static PRUNINGS: AtomicU32 = AtomicU32::new(0);
static R_DEBUG: AtomicPtr<RDebug> = AtomicPtr::new(core::ptr::null_mut());
static SINGLE_THREADED: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());
static CLOSED_ONCE: AtomicBool = AtomicBool::new(false);
static OLD_RPATH: AtomicBool = AtomicBool::new(false);

/// What a dlopen that just returned was asked for.
pub(crate) struct Asked<'a> {
    /// The handle, which in glibc is the object's link map; null when it failed.
    pub(crate) handle: *const LinkMap,
    /// The caller's words.
    pub(crate) name: &'a [u8],
    /// How long it took.
    pub(crate) nanos: u64,
    /// Who asked.
    pub(crate) stack: &'a Stack,
}

/// Looks the linker's books up and remembers what is mapped at the start; called by the constructor.
pub(crate) fn begin() {
    R_DEBUG.store(real::symbol(c"_r_debug").cast(), Ordering::Relaxed);
    SINGLE_THREADED.store(real::symbol(c"__libc_single_threaded").cast(), Ordering::Relaxed);
    // Other preloaded libraries may stand before the shim; the first entry is the program itself,
    // whose search paths hold for every caller.
    let debug = R_DEBUG.load(Ordering::Relaxed);
    // SAFETY: the linker's own static, and at the start there is nobody who could change the list.
    let program = if debug.is_null() { core::ptr::null() } else { unsafe { (*debug).map } };
    // SAFETY: as above; the list is never empty.
    let first = if program.is_null() { core::ptr::null() } else { unsafe { (*program).next } };
    with_books(|entries| {
        entries.next = first;
        entries.learn_all();
    });
}

/// Whether some object has an RPATH of the old kind, which reaches into the searches of others.
pub(crate) fn has_old_rpath() -> bool {
    OLD_RPATH.load(Ordering::Relaxed)
}

/// A dlclose is about to be called: from now on entries may go away.
pub(crate) fn closing() {
    CLOSED_ONCE.store(true, Ordering::Relaxed);
}

/// Takes the books for itself, if no other thread has them and the linker is not at work.
fn with_books<R>(work: impl FnOnce(&mut Entries) -> R) -> Option<R> {
    let page = fork::page();
    if page.comparing.swap(true, Ordering::Acquire) {
        return None;
    }
    let result = Entries::new().map(|mut entries| work(&mut entries));
    page.comparing.store(false, Ordering::Release);
    result
}

/// Everything that is mapped now is known and no load: at the start, and before a fork.
pub(crate) fn remember() {
    with_books(Entries::learn_all);
}

/// Forgets what is no longer mapped, so that mapping it again is a load again.
pub(crate) fn prune() {
    with_books(|entries| {
        let pruning = PRUNINGS.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        while let Some(entry) = entries.next() {
            if let Some(slot) =
                slot_of(entry.identity()).filter(|slot| slot.object.load(Ordering::Relaxed) > REMOVED)
            {
                slot.seen.store(pruning, Ordering::Relaxed);
            }
        }
        if entries.broken {
            return;
        }
        for slot in &KNOWN {
            let known = slot.object.load(Ordering::Relaxed);
            if known > REMOVED && slot.seen.load(Ordering::Relaxed) != pruning {
                slot.object.store(REMOVED, Ordering::Relaxed);
            }
        }
    });
}

/// Tells of every object that is new; false when that has to wait for a later hook.
pub(crate) fn compare(speaker: &Speaker, asked: Option<&Asked<'_>>) -> bool {
    if asked.is_none() && fork::page().opening.load(Ordering::Relaxed) > 0 {
        // Objects of an unfinished dlopen: it will tell of them itself, with who asked.
        return false;
    }
    with_books(|entries| {
        let mut earlier = Earlier { pending: None, found: false, first: Bytes::EMPTY };
        while let Some(entry) = entries.next() {
            if learn(&entry) {
                tell(speaker, &entry, asked, &mut earlier);
            }
        }
        if entries.broken {
            tree::count_not_sent(Reason::LinkMap);
        }
    })
    .is_some()
}

/// What is known of objects that came in unseen.
struct Earlier {
    /// The dlopen that was jumped to last: its name and who asked.
    pending: Option<(Bytes<512>, Stack)>,
    /// Its object was among the new ones; what comes behind it came with it.
    found: bool,
    /// The first new object, which is the likely reason for the ones behind it.
    first: Bytes<512>,
}

/// Sends the load of one new object.
fn tell(speaker: &Speaker, entry: &Entry, asked: Option<&Asked<'_>>, earlier: &mut Earlier) {
    if entry.name.as_slice().first() != Some(&b'/') && !entry.name.as_slice().contains(&b'/') {
        // The kernel's own object, or one without a file.
        return;
    }
    let mut terminated = entry.name;
    terminated.push(&[0]);
    let opened = CStr::from_bytes_until_nul(terminated.as_slice()).ok().and_then(sys::open_path);
    let mut buf = [0u8; MAX_PATH];
    let (path, unresolved) = resolve(opened.unwrap_or(-1), entry.name.as_slice(), &mut buf);
    let bytes = opened.and_then(sys::mode_and_size).map(|(_, bytes)| bytes);
    if let Some(fd) = opened {
        sys::close(fd);
    }
    if asked.is_none() && earlier.pending.is_none() {
        earlier.pending = pending_stack();
    }
    let is_pending = |name: &Bytes<512>| base_name(name.as_slice()) == base_name(entry.name.as_slice());
    let empty = Stack::EMPTY;
    let (is_asked, words, pulled_in_by, stack, nanos, later) = match (asked, &earlier.pending) {
        (Some(asked), _) if core::ptr::eq(asked.handle, entry.address) => {
            (true, asked.name, &b""[..], asked.stack, Some(asked.nanos), 0)
        }
        (Some(asked), _) => (false, &b""[..], asked.name, asked.stack, None, 0),
        (None, Some((name, stack))) if is_pending(name) => {
            earlier.found = true;
            (true, name.as_slice(), &b""[..], stack, None, flags::SEEN_LATER)
        }
        (None, Some((name, stack))) if earlier.found => {
            (false, &b""[..], name.as_slice(), stack, None, flags::SEEN_LATER)
        }
        _ => (false, &b""[..], earlier.first.as_slice(), &empty, None, flags::SEEN_LATER),
    };
    let name = if words.is_empty() { entry.name.as_slice() } else { words };
    let load = Load {
        path,
        name,
        class: LIBRARY,
        outcome: Outcome::Loaded,
        via: if is_asked { Via::Dlopen } else { Via::LinkMap },
        pulled_in_by,
        bytes,
        nanos,
        flags: later | if unresolved { flags::PATH_UNRESOLVED } else { 0 },
    };
    emit::load(speaker, &load, stack);
    if earlier.first.as_slice().is_empty() {
        earlier.first = entry.name;
    }
}

/// Enters an object into the books; true when it was not there.
fn learn(entry: &Entry) -> bool {
    let identity = entry.identity();
    let Some(slot) = slot_of(identity) else {
        tree::count_not_sent(Reason::LinkMap);
        return false;
    };
    if slot.object.load(Ordering::Relaxed) == identity {
        return false;
    }
    slot.object.store(identity, Ordering::Relaxed);
    if entry.has_old_rpath {
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

/// One object of the list, copied.
struct Entry {
    address: *const LinkMap,
    bias: usize,
    dynamic: usize,
    name: Bytes<512>,
    has_old_rpath: bool,
}

impl Entry {
    fn identity(&self) -> u64 {
        let mixed =
            (self.address as u64).rotate_left(32) ^ self.dynamic as u64 ^ (self.bias as u64).rotate_left(17);
        mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(REMOVED.wrapping_add(1))
    }
}

/// The objects behind the shim's own, in the order they came.
struct Entries {
    next: *const LinkMap,
    /// Read through the kernel: an entry may go away meanwhile.
    carefully: Option<u32>,
    /// The list could not be read to its end.
    broken: bool,
    left: usize,
}

impl Entries {
    /// `None` while the linker is adding or removing objects, or where its books were not found.
    fn new() -> Option<Self> {
        const CONSISTENT: c_int = 0;
        let debug = R_DEBUG.load(Ordering::Relaxed);
        let start = object::own_link_map();
        if debug.is_null() || start.is_null() {
            return None;
        }
        // SAFETY: the linker's own static.
        let state = unsafe { debug.read_volatile() }.state;
        let single = SINGLE_THREADED.load(Ordering::Relaxed);
        // SAFETY: a non-null pointer is to glibc's own static byte.
        let alone = !single.is_null() && unsafe { single.read_volatile() } != 0;
        let careful = !alone && CLOSED_ONCE.load(Ordering::Relaxed);
        (state == CONSISTENT).then(|| Self {
            next: start,
            carefully: careful.then(sys::getpid),
            broken: false,
            left: SLOTS.saturating_mul(2),
        })
    }

    /// Enters what is left of the list into the books.
    fn learn_all(&mut self) {
        while let Some(entry) = self.next() {
            learn(&entry);
        }
    }

    fn next(&mut self) -> Option<Entry> {
        if self.next.is_null() {
            return None;
        }
        self.left = self.left.saturating_sub(1);
        let address = self.next;
        let read = if self.left == 0 { None } else { self.read(address) };
        let Some((next, entry)) = read else {
            self.broken = true;
            self.next = core::ptr::null();
            return None;
        };
        self.next = next;
        Some(entry)
    }

    fn read(&self, address: *const LinkMap) -> Option<(*const LinkMap, Entry)> {
        let Some(pid) = self.carefully else {
            // SAFETY: no entry that is in the list goes away: one thread, or no dlclose so far.
            let map = unsafe { &*address };
            // SAFETY: names are C strings that live as long as their entry.
            let name = if map.name.is_null() { c"" } else { unsafe { CStr::from_ptr(map.name) } };
            let entry = Entry {
                address,
                bias: map.bias,
                dynamic: map.dynamic as usize,
                name: Bytes::of(name.to_bytes()),
                has_old_rpath: has_tag(map, DT_RPATH) && !has_tag(map, DT_RUNPATH),
            };
            return Some((map.next, entry));
        };
        let mut raw = [0u8; size_of::<LinkMap>()];
        if sys::copy_if_mapped(pid, address as usize, &mut raw) != raw.len() {
            return None;
        }
        let word =
            |index: usize| raw.as_chunks::<8>().0.get(index).map_or(0, |bytes| usize::from_ne_bytes(*bytes));
        let mut buf = [0u8; 512];
        let copied = copy_string(pid, word(1), &mut buf);
        let name = buf.get(..copied).unwrap_or_default();
        let entry = Entry {
            address,
            bias: word(0),
            dynamic: word(2),
            name: Bytes::of(name),
            // Its dynamic section is not read here; what is unknown counts as yes.
            has_old_rpath: true,
        };
        Some((word(3) as *const LinkMap, entry))
    }
}

/// Copies a C string, page by page, as far as it is mapped; its length without the zero.
fn copy_string(pid: u32, address: usize, buf: &mut [u8; 512]) -> usize {
    let to_page_end = 4096usize.saturating_sub(address % 4096);
    let mut copied = 0usize;
    for part in [to_page_end, buf.len()] {
        let end = copied.saturating_add(part).min(buf.len());
        let Some(into) = buf.get_mut(copied..end) else { break };
        copied = copied.saturating_add(sys::copy_if_mapped(pid, address.wrapping_add(copied), into));
        if let Some(zero) = buf.get(..copied).and_then(|bytes| bytes.iter().position(|byte| *byte == 0)) {
            return zero;
        }
    }
    copied
}

/// Tag of the older search path, which serves the objects below, too.
pub(crate) const DT_RPATH: u64 = 15;
/// Tag of the newer search path, which serves its own object only.
pub(crate) const DT_RUNPATH: u64 = 29;

/// Whether an object that is certainly mapped has an entry in its dynamic section.
pub(crate) fn has_tag(map: &LinkMap, tag: u64) -> bool {
    let mut entry: *const [u64; 2] = map.dynamic.cast();
    if entry.is_null() {
        return false;
    }
    for _ in 0..512 {
        // SAFETY: a dynamic section is an array that ends with tag 0, which ends the loop.
        let [found, _] = unsafe { entry.read() };
        if found == tag || found == 0 {
            return found == tag;
        }
        entry = entry.wrapping_add(1);
    }
    false
}
