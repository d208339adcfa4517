//! Taps: the only functions that a program calls on purpose. It finds them with `dlsym`, or by a weak
//! declaration as in `clients/c/alive_tap.h`.

use crate::observe::tap;
use core::ffi::{c_char, c_uint};
use core::ptr::null;

/// Tells that the code which calls this is alive; where it stands is told as a place in machine code.
///
/// # Safety
/// `name` is null, and nothing is told, or a C string.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn alive_tap(name: *const c_char) {
    // SAFETY: the caller's own argument; the others are not told.
    unsafe { tap::hit(name, null(), 0, null()) }
}

/// Likewise, for a caller that knows its file, its line (0: not told) and its function.
///
/// # Safety
/// Each pointer is null, and not told, or a C string.
#[cfg_attr(not(test), unsafe(no_mangle))]
pub unsafe extern "C" fn alive_tap_at(
    name: *const c_char,
    file: *const c_char,
    line: c_uint,
    function: *const c_char,
) {
    // SAFETY: the caller's own arguments.
    unsafe { tap::hit(name, file, line, function) }
}
