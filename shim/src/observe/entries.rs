//! The dynamic linker's list of objects, read without its lock.
//!
//! `dl_iterate_phdr` would be the official way, but it takes a lock that another thread may have
//! held at the fork, and then a child hangs. So the list is read from the shim's own entry on,
//! which is never removed. In a program with several threads that has called dlclose, an entry
//! could go away under the eyes; there it is read through the kernel, which says so instead of
//! faulting.

use super::known;
use crate::cell::Bytes;
use crate::hooks::guard;
use crate::stack::lang;
use crate::stack::object::{self, LinkMap};
use crate::{real, sys};
use core::ffi::{CStr, c_int};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// Entries that are followed before the list is taken for broken.
const LONGEST: usize = 4096;

/// glibc's `struct r_debug`, for debuggers.
#[repr(C)]
struct RDebug {
    version: c_int,
    map: *const LinkMap,
    breakpoint: usize,
    state: c_int,
    linker_base: usize,
}

static R_DEBUG: AtomicPtr<RDebug> = AtomicPtr::new(core::ptr::null_mut());
static SINGLE_THREADED: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());
static CLOSED_ONCE: AtomicBool = AtomicBool::new(false);

/// Looks the linker's books up; called by the constructor.
pub(super) fn begin() {
    SINGLE_THREADED.store(real::symbol(c"__libc_single_threaded").cast(), Ordering::Relaxed);
    R_DEBUG.store(real::symbol(c"_r_debug").cast(), Ordering::Relaxed);
}

/// A dlclose is about to be called: from now on entries may go away.
pub(super) fn closing() {
    CLOSED_ONCE.store(true, Ordering::Relaxed);
}

/// Longest name that is told of an object, in bytes.
pub(super) const MAX_NAME: usize = 512;

/// One object of the list: its entry, copied.
pub(super) struct Entry {
    pub(super) address: *const LinkMap,
    map: LinkMap,
    carefully: Option<u32>,
}

impl Entry {
    /// Its path, as the linker has it.
    pub(super) fn name(&self) -> Bytes<MAX_NAME> {
        if self.map.name.is_null() {
            return Bytes::EMPTY;
        }
        let Some(pid) = self.carefully else {
            // SAFETY: names are C strings that live as long as their entry, which does not go away.
            return Bytes::of(unsafe { CStr::from_ptr(self.map.name) }.to_bytes());
        };
        let mut buf = [0u8; MAX_NAME];
        let length = copy_string(pid, self.map.name as usize, &mut buf);
        Bytes::of(buf.get(..length).unwrap_or_default())
    }

    /// Whether it has an RPATH of the old kind; what cannot be known counts as yes.
    pub(super) fn has_old_rpath(&self) -> bool {
        self.carefully.is_some() || (has_tag(&self.map, DT_RPATH) && !has_tag(&self.map, DT_RUNPATH))
    }

    /// Looks whether it is an interpreter.
    pub(super) fn look_for_interpreter(&self) {
        lang::look(self.map.dynamic as usize, self.map.bias, self.carefully.is_none());
    }

    /// What tells it from every other object that was mapped in this process.
    pub(super) fn identity(&self) -> u64 {
        let mixed = (self.address as u64).rotate_left(32)
            ^ self.map.dynamic as u64
            ^ (self.map.bias as u64).rotate_left(17);
        // 0 and 1 have a meaning of their own in the books.
        mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15).max(2)
    }
}

/// The objects behind the shim's own, in the order they came.
pub(super) struct Entries {
    next: *const LinkMap,
    /// The process has one thread.
    alone: bool,
    /// Read through the kernel: an entry may go away meanwhile.
    carefully: Option<u32>,
    /// The list could not be read to its end.
    pub(super) broken: bool,
    left: usize,
}

impl Entries {
    /// `None` while the linker is adding or removing objects, where its books were not found, and in a
    /// sandbox, which may forbid to read through the kernel.
    pub(super) fn new() -> Option<Self> {
        const CONSISTENT: c_int = 0;
        if guard::sandboxed() {
            return None;
        }
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
            alone,
            carefully: careful.then(sys::getpid),
            broken: false,
            left: LONGEST,
        })
    }

    /// Goes back to the first library. Other preloaded ones may stand before the shim; the first entry
    /// of all is the program itself, whose search paths hold for every caller.
    pub(super) fn begin_behind_the_program(&mut self) {
        // SAFETY: `Entries::new` found the linker's own static.
        let program = unsafe { R_DEBUG.load(Ordering::Relaxed).read_volatile() }.map;
        if !program.is_null() {
            // SAFETY: the program's own entry is never removed.
            let program = unsafe { program.read() };
            lang::look_at_program(program.dynamic as usize, program.bias);
            self.next = program.next;
        }
    }

    /// Enters what is left of the list into the books.
    pub(super) fn learn_all(&mut self) {
        while let Some(entry) = self.next() {
            known::learn(&entry);
        }
    }

    /// Whether each entry costs a system call.
    pub(super) const fn are_asked_for(&self) -> bool {
        self.carefully.is_some()
    }

    /// What is left of the list in one number, which is never 0.
    pub(super) fn fingerprint(&mut self) -> u64 {
        let mut all = 1u64;
        while let Some(entry) = self.next() {
            all = all.rotate_left(7) ^ entry.identity();
        }
        all.max(1)
    }

    /// The next object; at the end, or where the list cannot be read, none.
    pub(super) fn next(&mut self) -> Option<Entry> {
        if self.next.is_null() {
            return None;
        }
        self.left = self.left.saturating_sub(1);
        let address = self.next;
        let read = if self.left == 0 { None } else { self.read(address) };
        self.broken = read.is_none();
        self.next = read.as_ref().map_or(core::ptr::null(), |entry| entry.map.next);
        read
    }

    fn read(&mut self, address: *const LinkMap) -> Option<Entry> {
        // The first dlclose of the process may begin while another thread is on its way through the list.
        if self.carefully.is_none() && !self.alone && CLOSED_ONCE.load(Ordering::Relaxed) {
            self.carefully = Some(sys::getpid());
        }
        let map = match self.carefully {
            // SAFETY: no entry that is in the list goes away: one thread, or no dlclose so far.
            None => unsafe { address.read() },
            Some(pid) => LinkMap::copy_if_mapped(pid, address)?,
        };
        Some(Entry { address, map, carefully: self.carefully })
    }
}

/// Copies a C string, page by page, as far as it is mapped; its length without the zero.
fn copy_string(pid: u32, address: usize, buf: &mut [u8; MAX_NAME]) -> usize {
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
