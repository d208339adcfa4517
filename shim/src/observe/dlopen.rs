//! How a dlopen is let through.
//!
//! glibc's dlopen looks at its return address: whose RUNPATH is searched, what `$ORIGIN` is. A
//! wrapper that calls it puts itself in the caller's place. So:
//!
//! * where the caller cannot matter, an ordinary call: outcome, duration and new objects are known
//!   at once;
//! * where it can, a jump. Who asked is noted before; the objects are found at a later hook.
//!
//! A process that was not forked always jumps, but for one thing: a plugin that may bring Python in
//! is watched, because the interpreter can be asked to tell of its imports only before it begins.

use super::classify::LIBRARY;
use super::entries::{self, DT_RPATH, DT_RUNPATH, has_tag};
use super::file::MAX_PATH;
use super::linkmap::{self, Asked};
use super::{known, python, search};
use crate::cell::Bytes;
use crate::emit::{self, Load};
use crate::process::fork::{self, Speaker};
use crate::process::heir;
use crate::stack::lang::lines::Lines;
use crate::stack::lang::python::current;
use crate::stack::object;
use crate::stack::{Trace, cache, lang};
use crate::{real, sys};
use alive_wire::header::flags;
use alive_wire::{Outcome, Via};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::Ordering;

/// What a caller of dlopen jumps to.
pub(crate) type Target = *const c_void;

/// Where a dlopen goes.
///
/// # Safety
/// `name` is null or a C string, as dlopen demands.
pub(crate) unsafe fn decide(name: *const c_char, flags: c_int, caller: usize) -> Target {
    // What dlopen refuses for its flags, it refuses before it looks at the name.
    const KNOWN: c_int = libc::RTLD_LAZY
        | libc::RTLD_NOW
        | libc::RTLD_GLOBAL
        | libc::RTLD_NODELETE
        | libc::RTLD_DEEPBIND
        | libc::RTLD_LOCAL;
    let jump = real::DLOPEN.address().cast_const();
    if name.is_null() || flags & !KNOWN != 0 {
        return jump;
    }
    // SAFETY: not null, so a C string.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    if !fork::forked() {
        return if may_bring_python(name) { bringing_python as *const c_void } else { jump };
    }
    if emit::must_only_count() {
        return jump;
    }
    let Some(speaker) = fork::speaker() else { return jump };
    if heir::settle(&speaker) {
        return jump;
    }
    let up_to_date = linkmap::compare(&speaker, None);
    if up_to_date && !caller_matters(name, caller as u64) {
        return plain as *const c_void;
    }
    note_pending(name);
    jump
}

/// Where a dlmopen goes: always on, for its namespace may be one that the link map does not show.
///
/// # Safety
/// `name` is null or a C string, as dlmopen demands.
pub(crate) unsafe fn decide_in_namespace(namespace: isize, name: *const c_char) -> Target {
    const BASE: isize = 0;
    let jump = real::DLMOPEN.address().cast_const();
    if !fork::forked() || name.is_null() {
        return jump;
    }
    if emit::must_only_count() {
        return jump;
    }
    let Some(speaker) = fork::speaker() else { return jump };
    if heir::settle(&speaker) {
        return jump;
    }
    // SAFETY: not null, so a C string.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    linkmap::compare(&speaker, None);
    if namespace == BASE {
        note_pending(name);
    } else {
        tell_attempt(&speaker, name);
    }
    jump
}

/// An attempt whose outcome nobody will tell.
fn tell_attempt(speaker: &Speaker, name: &[u8]) {
    let load = Load {
        path: name.get(..MAX_PATH).unwrap_or(name),
        name,
        class: LIBRARY,
        outcome: Outcome::Unknown,
        via: Via::Dlopen,
        pulled_in_by: &[],
        bytes: None,
        nanos: None,
        flags: flags::PATH_UNRESOLVED,
    };
    current::opened(name);
    emit::load(speaker, &load, &Trace::capture());
}

/// Whether the result depends on who calls. When in doubt, it does.
fn caller_matters(name: &[u8], caller: u64) -> bool {
    if name.contains(&b'$') || known::has_old_rpath() {
        return true;
    }
    if name.contains(&b'/') {
        return false;
    }
    let Some(object) = object::find(caller) else { return true };
    if object.link_map.is_null() {
        return true;
    }
    // SAFETY: the caller's code is running, so its object is mapped and its link map alive.
    let map = unsafe { &*object.link_map };
    has_tag(map, DT_RPATH) || has_tag(map, DT_RUNPATH)
}

/// dlopen as an ordinary call, in a forked process, for a name that no caller can matter to.
unsafe extern "C" fn plain(name: *const c_char, flags: c_int) -> *mut c_void {
    let page = fork::page();
    if !name.is_null() {
        // SAFETY: not null, so a C string.
        current::opened(unsafe { CStr::from_ptr(name) }.to_bytes());
    }
    let stack = Trace::capture();
    let before = sys::clock_nanos(libc::CLOCK_MONOTONIC);
    page.opening.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the caller's own arguments; `decide` found that its identity does not matter.
    let handle = unsafe { real::dlopen(name, flags) };
    // A constructor may have forked, and the child came back through here with its count at zero.
    _ = page.opening.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
    let nanos = sys::clock_nanos(libc::CLOCK_MONOTONIC).saturating_sub(before);
    if let Some(speaker) = fork::speaker().filter(|_| fork::forked()) {
        // SAFETY: dlopen read this C string.
        let name = unsafe { CStr::from_ptr(name) }.to_bytes();
        linkmap::compare(&speaker, Some(&Asked { handle: handle.cast(), name, nanos, stack: &stack }));
        if handle.is_null() && !name.contains(&b'/') {
            // With a slash in it somebody looked for the file before, or it is there and broken.
            search::failed(name, LIBRARY);
        }
    }
    handle
}

/// Whether a process that was not forked is about to load what may be a Python interpreter, by a
/// name that no caller can matter to: then something is to be done behind the call after all.
fn may_bring_python(name: &[u8]) -> bool {
    let hint = |word: &[u8]| name.windows(word.len()).any(|window| window == word);
    if !(hint(b"python") || hint(b"wsgi")) || !name.contains(&b'/') || name.contains(&b'$') {
        return false;
    }
    linkmap::remember_first();
    !known::has_old_rpath()
}

/// dlopen as an ordinary call, before the first fork, of what may be a Python interpreter.
unsafe extern "C" fn bringing_python(name: *const c_char, flags: c_int) -> *mut c_void {
    // SAFETY: the caller's own arguments; `decide` found that its identity does not matter.
    let handle = unsafe { real::dlopen(name, flags) };
    if !handle.is_null() {
        python::install(handle);
    }
    handle
}

/// Before a dlclose: what came in unseen is told while it is still there. The list of objects for
/// [`closed`], where it can be had for little.
pub(crate) fn closing() -> Option<u64> {
    let list = linkmap::fingerprint();
    entries::closing();
    if fork::forked()
        && let Some(speaker) = fork::speaker()
        && !heir::settle(&speaker)
        && !emit::must_only_count()
    {
        linkmap::compare(&speaker, None);
    }
    list
}

/// After a dlclose. Most only count down how often an object was opened, and unmap nothing.
pub(crate) fn closed(before: Option<u64>) {
    if before.is_some() && before == linkmap::fingerprint() {
        return;
    }
    cache::forget();
    lang::forget_unmapped();
    linkmap::prune();
}

/// Frames that are kept of who asked.
const FRAMES: usize = 48;

/// Bytes kept of its lines in an interpreted language.
const LINES: usize = 384;

/// A dlopen without a return: what to say about the objects it brings in. All zeros is none.
pub(crate) struct Pending {
    whole: bool,
    name: Bytes<512>,
    frames: usize,
    addresses: [u64; FRAMES],
    lines: Lines<LINES>,
}

impl Pending {
    pub(crate) const NONE: Self =
        Self { whole: false, name: Bytes::EMPTY, frames: 0, addresses: [0; FRAMES], lines: Lines::NONE };
}

/// Notes who asks, for the hook that will find the objects. One note at a time: the newest stays.
fn note_pending(name: &[u8]) {
    current::opened(name);
    let trace = Trace::capture();
    fork::page().pending.with(|pending| {
        pending.whole = true;
        pending.name = Bytes::of(name);
        pending.frames = trace.native.addresses().len().min(FRAMES);
        for (slot, address) in pending.addresses.iter_mut().zip(trace.native.addresses()) {
            *slot = *address;
        }
        pending.lines = trace.lines.shortened();
    });
}

/// The note of the last dlopen that was jumped to, taken out.
pub(super) fn pending_trace() -> Option<(Bytes<512>, Trace)> {
    let taken = fork::page().pending.with(|pending| {
        let whole = core::mem::take(&mut pending.whole);
        whole.then(|| {
            let addresses = pending.addresses.iter().take(pending.frames).copied();
            (pending.name, Trace::of(addresses, &pending.lines))
        })
    });
    taken.flatten()
}
