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
use crate::cell::{Bytes, copy};
use crate::emit::{self, Load};
use crate::process::fork::{self, PENDING_FRAMES, Speaker};
use crate::process::heir;
use crate::stack::cache;
use crate::stack::native::Stack;
use crate::stack::object;
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
    let jump = real::DLOPEN.address().cast_const();
    if name.is_null() || flags & libc::RTLD_NOLOAD != 0 {
        return jump;
    }
    // SAFETY: not null, so a C string.
    let name = unsafe { CStr::from_ptr(name) }.to_bytes();
    if !fork::forked() {
        return if may_bring_python(name) { bringing_python as *const c_void } else { jump };
    }
    let Some(speaker) = fork::speaker() else { return jump };
    if heir::settle(&speaker) || emit::must_only_count() {
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
    let Some(speaker) = fork::speaker() else { return jump };
    if heir::settle(&speaker) || emit::must_only_count() {
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
    emit::load(speaker, &load, &Stack::capture());
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
    let stack = Stack::capture();
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
    linkmap::prune();
}

const EMPTY: u32 = 0;
const BUSY: u32 = 1;
const WHOLE: u32 = 2;

/// Notes who asks, for the hook that will find the objects. One note at a time: the newest stays.
fn note_pending(name: &[u8]) {
    let pending = &fork::page().pending;
    if pending.state.swap(BUSY, Ordering::Acquire) == BUSY {
        return;
    }
    let stack = Stack::capture();
    let frames = stack.addresses().len().min(PENDING_FRAMES);
    for (slot, address) in pending.addresses.iter().zip(stack.addresses()) {
        slot.store(*address, Ordering::Relaxed);
    }
    pending.frames.store(u32::try_from(frames).unwrap_or(0), Ordering::Relaxed);
    let kept = Bytes::<512>::of(name);
    for (slot, chunk) in pending.name.iter().zip(kept.as_slice().chunks(8)) {
        let mut word = [0u8; 8];
        copy(&mut word, chunk);
        slot.store(u64::from_ne_bytes(word), Ordering::Relaxed);
    }
    pending.name_length.store(u32::try_from(kept.as_slice().len()).unwrap_or(0), Ordering::Relaxed);
    pending.state.store(WHOLE, Ordering::Release);
}

/// The note of the last dlopen that was jumped to, taken out.
pub(super) fn pending_stack() -> Option<(Bytes<512>, Stack)> {
    let pending = &fork::page().pending;
    pending.state.compare_exchange(WHOLE, BUSY, Ordering::Acquire, Ordering::Relaxed).ok()?;
    let mut stack = Stack::EMPTY;
    let frames = usize::try_from(pending.frames.load(Ordering::Relaxed)).unwrap_or(0);
    for slot in pending.addresses.iter().take(frames) {
        stack.push(slot.load(Ordering::Relaxed));
    }
    let mut name = Bytes::EMPTY;
    let mut left = usize::try_from(pending.name_length.load(Ordering::Relaxed)).unwrap_or(0);
    for slot in &pending.name {
        let word = slot.load(Ordering::Relaxed).to_ne_bytes();
        name.push(word.get(..left.min(8)).unwrap_or_default());
        left = left.saturating_sub(8);
    }
    pending.state.store(EMPTY, Ordering::Release);
    Some((name, stack))
}
