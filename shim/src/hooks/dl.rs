//! The dlopen family. Who calls dlopen matters to it, so these are jumps; see [`crate::arch`].

use crate::arch::tail_stub;
use crate::observe::dlopen::{self, Target};
use crate::real;
use core::ffi::{c_char, c_int, c_void};

tail_stub! {
    /// `dlopen`, observed.
    dlopen, decide_dlopen
}

tail_stub! {
    /// `dlmopen`, observed.
    dlmopen, decide_dlmopen
}

unsafe extern "C" fn decide_dlopen(name: usize, flags: usize, _: usize, caller: usize) -> Target {
    #[expect(clippy::cast_possible_truncation, reason = "the register's upper half is not part of an int")]
    let flags = flags as u32;
    // SAFETY: dlopen's caller passed this name.
    unsafe { dlopen::decide(name as *const c_char, flags.cast_signed(), caller) }
}

unsafe extern "C" fn decide_dlmopen(namespace: usize, name: usize, _: usize, _: usize) -> Target {
    // SAFETY: dlmopen's caller passed this name.
    unsafe { dlopen::decide_in_namespace(namespace.cast_signed(), name as *const c_char) }
}

/// `dlclose`, observed: code that goes away leaves stale rows and a name that may come again.
///
/// # Safety
/// As `dlclose`.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn dlclose(handle: *mut c_void) -> c_int {
    let before = dlopen::closing();
    // SAFETY: the caller's own handle.
    let result = unsafe { real::dlclose(handle) };
    dlopen::closed(before);
    result
}
