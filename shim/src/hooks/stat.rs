//! The stat and access families: how interpreters look for a module before they open it.

use crate::observe::probe::probed;
use crate::real;
use core::ffi::{c_char, c_int, c_uint, c_void};

macro_rules! stat_hooks {
    ($($name:ident($($argument:ident: $type:ty),*) with $path:ident;)*) => {
        $(
            /// The libc function of this name, observed.
            ///
            /// # Safety
            /// As the libc function of this name.
            #[cfg_attr(not(test), unsafe(no_mangle))]
            pub unsafe extern "C" fn $name($($argument: $type),*) -> c_int {
                // SAFETY: the caller's own arguments.
                let result = unsafe { real::$name($($argument),*) };
                // SAFETY: the call above got this path.
                unsafe { probed(result, $path) };
                result
            }
        )*
    };
}

stat_hooks! {
    stat(path: *const c_char, buffer: *mut c_void) with path;
    stat64(path: *const c_char, buffer: *mut c_void) with path;
    lstat(path: *const c_char, buffer: *mut c_void) with path;
    lstat64(path: *const c_char, buffer: *mut c_void) with path;
    fstatat(folder: c_int, path: *const c_char, buffer: *mut c_void, flags: c_int) with path;
    fstatat64(folder: c_int, path: *const c_char, buffer: *mut c_void, flags: c_int) with path;
    statx(folder: c_int, path: *const c_char, flags: c_int, mask: c_uint, buffer: *mut c_void) with path;
    access(path: *const c_char, mode: c_int) with path;
    faccessat(folder: c_int, path: *const c_char, mode: c_int, flags: c_int) with path;
}
